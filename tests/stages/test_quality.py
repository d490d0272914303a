"""The stage that measures link quality, on frames; the cases themselves are in tests/stats/test_link_quality.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark import schemas
from jdl_spark.linkage.quality import measure_quality

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LINKS = "request_id string, person_ref string, offender_id bigint, match_probability double, status string"


def test_frames_in_one_row_per_request_out(spark: SparkSession) -> None:
    links = spark.createDataFrame(
        [("A-1", "1", 11, 0.99, "linked"), ("A-1", "2", 21, 0.95, "linked"), ("A-1", "3", 31, 0.4, "candidate")], LINKS
    )
    direct = spark.createDataFrame(
        [("A-1", "1", 111, "linked"), ("A-1", "2", 999, "linked"), ("B-2", "7", 70, "linked")],
        "request_id string, person_ref string, claimant_id bigint, status string",
    )
    nation = spark.createDataFrame([(11, 111), (21, 222), (31, 333), (99, 1)], "offender_id bigint, claimant_id bigint")
    found = measure_quality({"B-2": 60, "A-1": 4}, links, direct, nation)
    assert found.columns == [name for name in schemas.LINK_QUALITY.column_names if name != "run_id"]
    first, second = (row.asDict() for row in found.collect())
    routes = ("request_id", "people", "agree", "disagree", "only_direct", "only_through_offender", "neither")
    assert [first[name] for name in routes] == ["A-1", 4, 1, 1, 0, 0, 2]
    assert [second[name] for name in routes] == ["B-2", 60, 0, 0, 1, 0, 59]
    assert (first["linked"], second["linked"], second["false_link_rate"]) == (2, 0, None)
    nobody = measure_quality({}, links.limit(0), direct.limit(0), nation)
    assert nobody.collect() == []
