from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.publication.profile import profile_treated

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_people_analysed_are_counted_once_by_every_characteristic(spark: SparkSession) -> None:
    pairs = spark.createDataFrame(
        [("A-1", 1, 9), ("A-1", 1, 8), ("A-1", 2, 9), ("A-1", 3, 9), ("B-2", 1, 9)],
        "request_id string, treated_event_id bigint, comparison_event_id bigint",
    )
    events = spark.createDataFrame(
        [(1, "F", 20, "custody_release"), (2, "M", 50, "custody_release"), (3, None, None, "community_start"),
         (9, "M", 30, "custody_release")],
        "index_event_id bigint, sex string, age int, kind string",
    )  # fmt: skip
    found = profile_treated(pairs, events)
    known = {
        request: {name: {words: n for words, n in part.items() if n} for name, part in profile.items()}
        for request, profile in found.items()
    }
    custody, community = "Release from custody", "Start of a community or suspended sentence"
    assert known == {
        "A-1": {
            "Sex": {"Women": 1, "Men": 1, "Not known": 1},
            "Age at the index date": {"18 to 20": 1, "50 and over": 1, "Not known": 1},
            "Index event": {custody: 2, community: 1},
        },
        "B-2": {"Sex": {"Women": 1}, "Age at the index date": {"18 to 20": 1}, "Index event": {custody: 1}},
    }
    assert list(found["A-1"]["Sex"]) == ["Women", "Men", "Not known"]
    assert profile_treated(pairs.limit(0), events) == {}
