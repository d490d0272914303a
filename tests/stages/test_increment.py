"""An index continued from an earlier release is the index built anew; the cases of one shard are in tests/stats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from linkage_people import Versions, identity_table, town, versions_of

from jdl_spark.linkage import increment
from jdl_spark.linkage.index import build_index

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SHARDS = 4
SCHEMA = (
    "version_no int, forename string, middle_names string, surname string, date_of_birth date, sex string, "
    "postcode string, pnc_id string, row_hash bigint"
)


def frame(spark: SparkSession, versions: Versions, identity: str) -> DataFrame:
    return spark.createDataFrame(identity_table(versions, identity), f"{identity} bigint, {SCHEMA}")


def stored(index: DataFrame) -> dict[int, dict[str, Any]]:
    return {row["shard"]: row for row in index.toArrow().to_pylist()}


def continued(old: DataFrame, new: DataFrame, identity: str) -> DataFrame:
    """Continue the index of one state to the other as a new release does."""
    population = "offender" if identity == "offender_id" else "benefit"
    changes = increment.find_changes(old, new, population).cache()
    changed = new.join(changes.where("there"), identity, "left_semi")
    previous = build_index(old, population, SHARDS)
    return increment.update_index(previous, changed, changes.where("NOT there"), population, SHARDS)


def test_changes_are_the_people_with_a_version_that_differs(spark: SparkSession) -> None:
    before, now = versions_of(12), versions_of(12)
    now[3, 1] = now[3, 1] | {"postcode": None}
    del now[6, 2]
    now[7, 2] = now[7, 1]
    del now[1, 1]
    now[99, 1] = now[2, 1]
    old, new = frame(spark, before, "offender_id"), frame(spark, now, "offender_id")
    found = increment.find_changes(old, new, "offender").collect()
    assert {row["offender_id"]: row["there"] for row in found} == {3: True, 6: True, 7: True, 1: False, 99: True}
    assert increment.find_changes(new, new, "offender").isEmpty()
    index = stored(continued(old, new, "offender_id"))
    assert index == stored(build_index(new, "offender", SHARDS))
    assert len(index) == SHARDS


def test_shards_appear_and_disappear(spark: SparkSession) -> None:
    old = frame(spark, {(1, 1): town(1)[0]}, "claimant_id")
    lives_elsewhere = {key: row for key, row in versions_of(9).items() if key[0] > 1}
    new = frame(spark, lives_elsewhere, "claimant_id")
    before, now = stored(build_index(old, "benefit", 64)), stored(build_index(new, "benefit", 64))
    assert not before.keys() & now.keys(), "people of other shards, or this test shows nothing"
    changes = increment.find_changes(old, new, "benefit").cache()
    changed, gone = new.join(changes.where("there"), "claimant_id", "left_semi"), changes.where("NOT there")
    found = increment.update_index(build_index(old, "benefit", 64), changed, gone, "benefit", 64)
    assert stored(found) == now
