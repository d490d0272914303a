"""The one way a heavy stage walks over the nation: shard by shard, in Arrow, next to a kernel.

Why not plain Spark rows: candidates stay in the worker, the bits of a sum must not depend on how
Spark cut the data, and many requests share one reading of a shard.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from jdl_spark.stats.pool import RequestGroup
from jdl_spark.stats.shard import CovariateShard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Kernel = Callable[[Iterator[CovariateShard]], Iterable[pa.RecordBatch]]


def over_shards(covariates: DataFrame, kernel: Kernel, schema: str) -> DataFrame:
    """Apply a kernel to the shards of the covariates table, those of a partition one after the other.

    Parameters
    ----------
    covariates : DataFrame of schemas.COVARIATES
        One release's rows: one row per shard.
    kernel : callable (shards of a partition) -> record batches of `schema`
        Runs in the worker with one BLAS thread. What it needs of the requests travels in its closure. What it
        answers must not depend on which shards are in its partition.
    schema : str
        Spark SQL column list of what the kernel gives back.

    Returns
    -------
    DataFrame
        The kernel's rows, in no particular order: the caller sorts before it adds.
    """

    def walk(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with threadpool_limits(limits=1):
            yield from kernel(
                CovariateShard.from_bytes(row["payload"], row["columns"], row["shard"])
                for batch in batches
                for row in batch.to_pylist()
            )

    return covariates.select("shard", "columns", "payload").coalesce(workers(covariates)).mapInArrow(walk, schema)


@contextmanager
def kept(covariates: DataFrame) -> Iterator[DataFrame]:
    """Keep the shards at hand, unpacked, in memory as far as it goes and else on disk, while many passes read them."""
    from pyspark import StorageLevel

    frame = covariates.select("shard", "columns", "payload").persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield frame
    finally:
        frame.unpersist()


def workers(frame: DataFrame) -> int:
    """Return how many tasks the session runs at once: more partitions would only mean more partial answers."""
    return frame.sparkSession.sparkContext.defaultParallelism


def ask(covariates: DataFrame, kernel: Callable[[CovariateShard], Any]) -> list[Any]:
    """Return a kernel's answer for each shard, in shard order.

    Parameters
    ----------
    covariates : as for `over_shards`.
    kernel : callable (shard) -> anything that can be pickled, and not much of it
    """

    def answers(shards: Iterator[CovariateShard]) -> Iterator[pa.RecordBatch]:
        for shard in shards:
            payload = pa.array([pickle.dumps(kernel(shard), protocol=pickle.HIGHEST_PROTOCOL)], pa.binary())
            yield pa.record_batch({"shard": pa.array([shard.number], pa.int32()), "payload": payload})

    table = over_shards(covariates, answers, "shard int, payload binary").toArrow().sort_by("shard")
    return [pickle.loads(payload) for payload in table.column("payload").to_pylist()]


def collect_groups(members: DataFrame, links: DataFrame) -> list[RequestGroup]:
    """Bring the treatment groups and pool bars of all requests to the driver, sorted by request.

    Parameters
    ----------
    members : DataFrame of schemas.MEMBERS. Rows without `reason` are the treatment groups.
    links : DataFrame of schemas.LINKS. Every identity that a submitted row could be is barred.

    Returns
    -------
    list of RequestGroup
        One per request that has a treatment group.
    """
    treated = (
        members.where("reason IS NULL")
        .select("request_id", "index_event_id", "landmark_days", "stratum")
        .orderBy("request_id", "index_event_id")
        .toArrow()
        .to_pandas()
    )
    barred = links.select("request_id", "offender_id").distinct().toArrow().to_pandas()
    bars = {str(key): np.sort(rows["offender_id"].to_numpy(np.int64)) for key, rows in barred.groupby("request_id")}
    return [
        RequestGroup(
            request_id=str(key),
            treated=rows["index_event_id"].to_numpy(np.int64),
            landmark=rows["landmark_days"].to_numpy(np.int32),
            strata=np.unique(rows["stratum"].to_numpy(np.int64)),
            barred=bars.get(str(key), np.empty(0, np.int64)),
        )
        for key, rows in treated.groupby("request_id", sort=True)
    ]
