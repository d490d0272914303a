"""Measure this project's propensity models, matching and balance on benchmark data, from Delta to stored pairs."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks import matching_data
from benchmarks.measure import Watch
from jdl_spark import balance, matching, passes, propensity, session
from jdl_spark.settings import MatchingSettings, PropensitySettings
from jdl_spark.stats.pool import RequestGroup

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def measure(folder: Path, counts: Sequence[int], repeats: int, conf: Mapping[str, str]) -> dict[str, Any]:
    """Fit, match and balance the first so many cohorts, from Delta to stored tables.

    Parameters
    ----------
    folder : of benchmarks.matching_data.
    counts : numbers of cohorts; each is a run of its own in the same, warm session.

    Returns
    -------
    dict. phases (see measure.Watch; one each of fit, match, balance a repeat) by number of cohorts; models, pairs.
    """
    watch = Watch()
    data, groups = matching_data.load(folder)
    spark = session.build("benchmark matching", "local[2]", conf)
    runs = []
    try:
        with tempfile.TemporaryDirectory(prefix="matching-") as lake:
            nation = _nation(spark, data, f"{lake}/covariates")
            for count in [min(counts), *(count for count in counts for _ in range(repeats))]:  # the first warms up
                members, links = _cohorts(spark, data, groups[:count], f"{lake}/cohorts-{count}")
                with passes.kept(nation) as kept:
                    runs.append(_run(spark, watch, members, links, kept, f"{lake}/results") | {"cohorts": count})
                print(json.dumps(runs[-1]), flush=True)
    finally:
        spark.stop()
    return {"phases": watch.phases, "runs": runs[1:], "events": len(data.event)}


def _run(
    spark: SparkSession, watch: Watch, members: DataFrame, links: DataFrame, nation: DataFrame, results: str
) -> dict[str, Any]:
    before = len(watch.phases)

    def stored(name: str, frame: DataFrame) -> DataFrame:
        path = f"{results}/{name}"
        frame.write.format("delta").mode("overwrite").save(path)
        return spark.read.format("delta").load(path)

    with watch.phase("fit"):
        models = stored("models", propensity.fit(members, links, nation, PropensitySettings()))
    with watch.phase("match"):
        pairs = stored("pairs", matching.match(members, links, models, nation, MatchingSettings()))
    with watch.phase("balance"):
        balances = stored("balance", balance.measure(members, links, pairs, nation))
    seconds = {str(phase["phase"]): float(phase["wall"]) for phase in watch.phases[before:]}
    fits = models.selectExpr("max(iterations)", "avg(iterations)", "count_if(status = 'converged')").collect()[0]
    return {"seconds": seconds, "total": round(sum(seconds.values()), 2), "most_passes": fits[0],
            "mean_passes": fits[1], "converged": fits[2], "pairs": pairs.count(), "balance_rows": balances.count(),
            "cpu": round(sum(float(phase["cpu"]) for phase in watch.phases[before:]), 1)}  # fmt: skip


def _nation(spark: SparkSession, data: matching_data.Nation, path: str) -> DataFrame:
    for number, shard in enumerate(data.shards()):
        row = pa.table(
            {
                "shard": pa.array([number], pa.int32()), "events": pa.array([len(shard)], pa.int32()),
                "columns": pa.array([list(shard.columns)]), "payload": pa.array([shard.to_bytes()], pa.binary()),
            }
        )  # fmt: skip
        spark.createDataFrame(row).write.format("delta").mode("append").save(path)
    return spark.read.format("delta").load(path)


def _cohorts(
    spark: SparkSession, data: matching_data.Nation, groups: list[RequestGroup], path: str
) -> tuple[DataFrame, DataFrame]:
    order = np.argsort(data.event)
    members, links = [], []
    for group in groups:
        rows = order[np.searchsorted(data.event, group.treated, sorter=order)]
        members.append(
            pa.table(
                {
                    "request_id": [group.request_id] * len(rows), "index_event_id": group.treated,
                    "landmark_days": group.landmark, "stratum": data.stratum[rows],
                    "reason": pa.nulls(len(rows), pa.string()), "offender_id": data.person[rows],
                }
            )
        )  # fmt: skip
        links.append(pa.table({"request_id": [group.request_id] * len(group.barred), "offender_id": group.barred}))
    for name, tables in (("members", members), ("links", links)):
        spark.createDataFrame(pa.concat_tables(tables)).write.format("delta").mode("overwrite").save(f"{path}/{name}")
    return spark.read.format("delta").load(f"{path}/members"), spark.read.format("delta").load(f"{path}/links")


def main() -> None:
    """Run as a program of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cohorts", type=int, nargs="+", required=True)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--driver-memory", default="3g")
    given = parser.parse_args()
    found = measure(given.data, given.cohorts, given.repeats, {"spark.driver.memory": given.driver_memory})
    given.out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
