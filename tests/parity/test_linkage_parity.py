"""The same links, bit for bit, on any number of partitions, alone or in company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from linkage_people import misspelt, table, town

from jdl_spark.linkage import link, training
from jdl_spark.linkage.index import build_index, count_names
from jdl_spark.settings import LinkageSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SETTINGS = LinkageSettings(random_pairs=20_000)


def _cohort(spark: SparkSession, requests: dict[str, list[dict[str, Any]]]) -> DataFrame:
    people = [one for members in requests.values() for one in members]
    rows = table(people)
    refs = [f"{n:05d}" for members in requests.values() for n in range(len(members))]
    names = [name for name, members in requests.items() for _ in members]
    rows = rows.add_column(0, "person_ref", pa.array(refs)).add_column(0, "request_id", pa.array(names))
    return spark.createDataFrame(rows)


@pytest.fixture(scope="module")
def identities(spark: SparkSession) -> DataFrame:
    people = town(400)
    rows = table(people + misspelt(people[:100], seed=8))
    rows = rows.add_column(0, "version_no", pa.array([1] * 400 + [2] * 100, pa.int32()))
    return spark.createDataFrame(rows.add_column(0, "offender_id", pa.array([*range(400), *range(100)], pa.int64())))


def test_partitions_and_company_change_nothing(spark: SparkSession, identities: DataFrame) -> None:
    written = misspelt(town(400), seed=3)
    requests = {f"R-{number:03d}": [written[2 * number], written[(3 * number + 1) % 400]] for number in range(200)}
    together = _cohort(spark, requests)
    models, links = [], []
    for partitions in (1, 2, 64):
        index = build_index(identities.repartition(min(partitions, 8)), "offender", 5).repartition(partitions).cache()
        names = count_names(index)
        model = training.train(index, names, together.repartition(partitions), "cohort", SETTINGS, "seed")
        found = link.link_records(together.repartition(partitions), index, names, model, SETTINGS)
        models.append(model)
        links.append(found.toArrow().to_pylist())
    assert models[0] == models[1] == models[2]
    assert links[0] == links[1] == links[2]
    for name in ("R-000", "R-117"):
        alone = link.link_records(_cohort(spark, {name: requests[name]}), index, names, model, SETTINGS)
        expected = [row for row in links[0] if row["request_id"] == name]
        assert alone.toArrow().to_pylist() == expected
        assert expected
    assert sum(row["status"] == "linked" for row in links[0]) > 300


def test_chunks_of_the_left_population_change_nothing(
    spark: SparkSession, identities: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = build_index(identities, "offender", 5).cache()
    right = build_index(identities.withColumnRenamed("offender_id", "claimant_id").drop("pnc_id"), "benefit", 3).cache()
    names = count_names(right).cache()
    model = training.train(right, names, left, "offender_benefit", SETTINGS, "seed")
    whole = link.link_populations(left, right, names, model, SETTINGS).toArrow().to_pylist()
    monkeypatch.setattr(link, "LEFT_VERSIONS", 150)
    assert link.link_populations(left, right, names, model, SETTINGS).toArrow().to_pylist() == whole
    assert sum(row["offender_id"] == row["claimant_id"] for row in whole) > 380
