"""The linkage stages on literal people."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from linkage_people import TYPES, misspelt, person, table, town

from jdl_spark import schemas
from jdl_spark.linkage import blocking, link, standardise, training
from jdl_spark.linkage.index import build_index, count_names, unpacked
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import Model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SETTINGS = LinkageSettings(random_pairs=20_000)


def identities(
    spark: SparkSession, people: list[dict[str, Any]], ids: list[int] | None = None, identity: str = "offender_id"
) -> DataFrame:
    ids = list(range(1_000, 1_000 + len(people))) if ids is None else ids
    seen: Counter[int] = Counter()
    versions = []
    for one in ids:
        seen[one] += 1
        versions.append(seen[one])
    rows = table(people).add_column(0, "version_no", pa.array(versions, pa.int32()))
    return spark.createDataFrame(rows.add_column(0, identity, pa.array(ids, pa.int64())))


def cohort(spark: SparkSession, people: list[dict[str, Any]], request: str = "REQ-1") -> DataFrame:
    rows = table(people).add_column(
        0, "person_ref", pa.array([f"{n + 1:05d}" for n in range(len(people))], pa.string())
    )
    rows = rows.add_column(0, "request_id", pa.array([request] * len(people), pa.string()))
    kinds = {"request_id": "string", "person_ref": "string"} | {
        name: "date" if kind == pa.date32() else "string" for name, kind in TYPES
    }
    return spark.createDataFrame(rows, ", ".join(f"{name} {kind}" for name, kind in kinds.items()))


@pytest.fixture(scope="module")
def nation(spark: SparkSession) -> tuple[DataFrame, DataFrame, str]:
    """600 people, every fifth with an alias; the model trained on 200 of them misspelt."""
    people = town(600)
    aliases = [one | {"surname": "ALIASED"} for one in people[::5]]
    ids = [*range(1_000, 1_600), *range(1_000, 1_600, 5)]
    index = build_index(identities(spark, people + aliases, ids), "offender", 4).cache()
    names = count_names(index).cache()
    model = training.train(index, names, cohort(spark, misspelt(people[:200])), "cohort", SETTINGS, "test")
    return index, names, model


def linked(nation: tuple[DataFrame, DataFrame, str], people: DataFrame) -> list[dict[str, Any]]:
    index, names, model = nation
    return link.link_records(people, index, names, model, SETTINGS).toArrow().to_pylist()


def test_the_index_holds_every_version_once_by_shard(nation: tuple[DataFrame, DataFrame, str]) -> None:
    rows = nation[0].toArrow().to_pylist()
    assert set(rows[0]) == set(schemas.IDENTITY_INDEX.column_names) - {"release_id", "made_by"}
    shards = [unpacked(row["payload"]) for row in rows]
    assert [len(records) for records in shards] == [row["versions"] for row in rows]
    everybody = np.concatenate([records.person for records in shards])
    assert sorted(everybody) == sorted([*range(1_000, 1_600), *range(1_000, 1_600, 5)])
    for records in shards:
        assert (np.lexsort((records.version, records.person)) == np.arange(len(records))).all()


def test_name_frequencies_count_people_not_versions(nation: tuple[DataFrame, DataFrame, str]) -> None:
    counted = {(r["field"], r["code"]): r["people"] for r in nation[1].toArrow().to_pylist()}
    people = town(600)
    expected = Counter(("surname", standardise.code(one["surname"])) for one in people)
    expected += Counter(("forename", standardise.code(one["forename"])) for one in people)
    expected["surname", standardise.code("ALIASED")] = 120
    expected += Counter(("birth", (one["date_of_birth"] - date(1970, 1, 1)).days) for one in people)
    blocks = {key: counted.pop(key) for key in list(counted) if key[0].startswith("block ")}
    assert counted == dict(expected)
    assert {field for field, _ in blocks} <= {f"block {key}" for key in blocking.RARE_KEYS}
    assert all(versions > blocking.RARE for versions in blocks.values())


def test_training_moves_to_the_data_and_says_how_it_went(nation: tuple[DataFrame, DataFrame, str]) -> None:
    model = Model.from_json(nation[2])
    birth = next(f for f in model.fields if f.name == "birth")
    assert 0.6 < birth.m[-1] < 0.75  # of those whose names have no slip, one in three has one in the birth date
    assert birth.u[-1] < 0.001
    assert model.identities == 600
    assert model.present > 0.9
    assert all(session["converged"] for session in model.training["sessions"].values())
    assert model.training["sessions"]["date"]["matches"] == pytest.approx(160, abs=30)


def test_misspelt_people_are_found(nation: tuple[DataFrame, DataFrame, str], spark: SparkSession) -> None:
    rows = linked(nation, cohort(spark, misspelt(town(600)[200:], seed=5)))
    found = {row["person_ref"]: row["offender_id"] for row in rows if row["status"] == "linked"}
    right = sum(offender == 1_200 + int(ref) - 1 for ref, offender in found.items())
    assert right == len(found), "a wrong link"
    assert right >= 390
    assert all(0 <= row["match_probability"] <= 1 for row in rows)
    assert [(r["person_ref"], r["offender_id"]) for r in rows] == sorted(
        (r["person_ref"], r["offender_id"]) for r in rows
    )


def test_people_who_are_not_there_are_not_found(nation: tuple[DataFrame, DataFrame, str], spark: SparkSession) -> None:
    strangers = town(200, seed=99)
    rows = linked(nation, cohort(spark, [one | {"pnc_id": None} for one in strangers]))
    assert sum(row["status"] == "linked" for row in rows) <= 2


def test_an_alias_and_the_main_name_support_one_identity(
    nation: tuple[DataFrame, DataFrame, str], spark: SparkSession
) -> None:
    rows = linked(nation, cohort(spark, [town(600)[5] | {"surname": "Aliased", "pnc_id": None}]))
    assert [(row["offender_id"], row["status"]) for row in rows] == [(1_005, "linked")]


def test_routes(nation: tuple[DataFrame, DataFrame, str], spark: SparkSession) -> None:
    one, other = town(600)[7], town(600)[8]
    rows = linked(nation, cohort(spark, [one, one | {"pnc_id": other["pnc_id"]}, one | {"pnc_id": None}]))
    best = {row["person_ref"]: (row["offender_id"], row["route"]) for row in rows if row["status"] == "linked"}
    assert best == {"00001": (1_007, "pnc"), "00002": (1_007, "fuzzy"), "00003": (1_007, "fuzzy")}


def test_bad_input_gets_no_link_and_no_crash(nation: tuple[DataFrame, DataFrame, str], spark: SparkSession) -> None:
    rows = [
        person(), person("Unknown", "NFA"), person("李", "王", "1980-01-01"), person("A" * 200, "B" * 200),
        person("J", "S"), person(None, "Ashby"), person("Adam", None, postcode="rubbish", pnc="???"),
    ]  # fmt: skip
    assert [row for row in linked(nation, cohort(spark, rows)) if row["status"] == "linked"] == []
    assert linked(nation, cohort(spark, [])) == []


def test_people_listed_twice_link_alike(nation: tuple[DataFrame, DataFrame, str], spark: SparkSession) -> None:
    rows = linked(nation, cohort(spark, [town(600)[3], town(600)[3]]))
    first, second = ([{k: v for k, v in r.items() if k != "person_ref"} for r in rows if r["person_ref"] == ref]
                     for ref in ("00001", "00002"))  # fmt: skip
    assert first == second
    assert [row["status"] for row in first if row["offender_id"] == 1_003] == ["linked"]


def test_populations_are_linked_one_to_one(spark: SparkSession) -> None:
    people = town(300)
    offenders = build_index(identities(spark, people, list(range(300))), "offender", 3).cache()
    claims = misspelt(people[:200]) + town(100, seed=77) + [people[0]]
    claimants = build_index(identities(spark, claims, list(range(5_000, 5_301)), "claimant_id"), "benefit", 4).cache()
    names = count_names(claimants).cache()
    settings = LinkageSettings(random_pairs=20_000)
    model = training.train(claimants, names, offenders, "offender_benefit", settings, "test")
    links = link.link_populations(offenders, claimants, names, model, settings)
    assert set(links.columns) == set(schemas.OFFENDER_BENEFIT_LINKS.column_names) - {"release_id"}
    rows = links.toArrow().to_pylist()
    assert len({row["claimant_id"] for row in rows}) == len({row["offender_id"] for row in rows}) == len(rows)
    right = [row for row in rows if row["claimant_id"] == 5_000 + row["offender_id"] or row["claimant_id"] == 5_300]
    assert len(right) >= 185
    assert len(rows) - len(right) <= 2


def test_large_blocks_are_left_out_and_counted(spark: SparkSession) -> None:
    people = [one | {"date_of_birth": town(1)[0]["date_of_birth"]} for one in town(200)]
    index = build_index(identities(spark, people), "offender", 2).cache()
    names = count_names(index, largest_block=15).cache()
    settings = LinkageSettings(random_pairs=5_000)
    model = training.train(index, names, cohort(spark, people[:40]), "cohort", settings, "test")
    left_out = {(r["field"], r["people"]) for r in names.toArrow().to_pylist() if r["field"].startswith("block ")}
    obvious = Counter((one["date_of_birth"], one["forename"][0]) for one in people)
    assert {size for field, size in left_out if field == "block date_forename"} == {
        size for size in obvious.values() if size > 15
    }
    rows = link.link_records(cohort(spark, people[:40]), index, names, model, settings).toArrow().to_pylist()
    assert sum(row["status"] == "linked" for row in rows) == 40  # by other rules


def test_a_handful_of_people_trains_to_something_near_the_start(spark: SparkSession) -> None:
    index = build_index(identities(spark, town(3)), "offender", 2).cache()
    names = count_names(index)
    for people in ([], town(1), [person()]):
        model = training.train(index, names, cohort(spark, people), "cohort", SETTINGS, "test")
        for found, start in zip(Model.from_json(model).fields, training.starting_fields(), strict=True):
            assert found.m == pytest.approx(start.m, abs=0.1)
    rows = link.link_records(cohort(spark, town(1)), index, names, model, SETTINGS).toArrow().to_pylist()
    assert [(row["offender_id"], row["status"]) for row in rows if row["status"] == "linked"] == [(1_000, "linked")]
