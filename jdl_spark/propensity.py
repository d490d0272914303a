"""Model who was treated: one logistic regression per request, all requests in the same passes.

Why passes: the nation is read once per Newton step whatever the number of requests. Each shard gives
back a few numbers per request, which are added in shard order; a request that has converged or
failed is frozen and asks for nothing more (stats/newton.py).
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark import passes, schemas
from jdl_spark.stats.logistic import Moments, Sums, Task, partial
from jdl_spark.stats.newton import Fitted, LogisticFit
from jdl_spark.stats.pool import RequestGroup, pool_rows, treated_rows
from jdl_spark.stats.shard import CovariateShard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jdl_spark.settings import PropensitySettings

_PARTIALS = "shard int, request int, payload binary"


def fit(members: DataFrame, links: DataFrame, covariates: DataFrame, settings: PropensitySettings) -> DataFrame:
    """Fit the propensity models of all requests.

    Parameters
    ----------
    members : DataFrame of schemas.MEMBERS
        Rows without reason are the treatment groups.
    links : DataFrame of schemas.LINKS
        Every identity that a submitted row could be; none of them stands in that request's pool.
    covariates : DataFrame of schemas.COVARIATES
        One row per shard. Read once per Newton step.
    settings : PropensitySettings

    Returns
    -------
    DataFrame of schemas.PROPENSITY_MODELS
        One row per request with a treatment group, sorted by request. A model that cannot be fitted
        is a row with status failed and a reason: too_few_treated, empty_pool, separation or
        not_converged. n_treated counts the treated events that have covariates.
    """
    groups = passes.collect_groups(members, links)
    first = covariates.select("columns").head(1)
    names = tuple(first[0]["columns"]) if first else ()
    fits = [LogisticFit(names, settings.iterations, settings.tolerance, settings.minimum_treated) for _ in groups]
    while any(one.result is None for one in fits):
        tasks = {i: one.task for i, one in enumerate(fits) if one.result is None}
        partials = _one_pass(covariates, groups, tasks)
        for i in tasks:
            fits[i].take(partials.get(i, []))
    rows = [(group.request_id, one.result) for group, one in zip(groups, fits, strict=True) if one.result]
    return _frame(covariates, rows)


def _one_pass(
    covariates: DataFrame, groups: list[RequestGroup], tasks: dict[int, Task]
) -> dict[int, list[Moments | Sums]]:
    """Return each request's partial sums in shard order."""

    def kernel(number: int, shard: CovariateShard) -> Iterator[pa.RecordBatch]:
        payloads = [pickle.dumps(_partial(shard, groups[i], task)) for i, task in tasks.items()]
        yield pa.record_batch(
            {
                "shard": pa.array([number] * len(tasks), pa.int32()),
                "request": pa.array(list(tasks), pa.int32()),
                "payload": pa.array(payloads, pa.binary()),
            }
        )

    table = passes.over_shards(covariates, kernel, _PARTIALS).toArrow()
    found: dict[int, list[Moments | Sums]] = {}
    for row in sorted(table.to_pylist(), key=lambda row: (row["request"], row["shard"])):
        found.setdefault(row["request"], []).append(pickle.loads(row["payload"]))
    return found


def _partial(shard: CovariateShard, group: RequestGroup, task: Task) -> Moments | Sums:
    treated, _ = treated_rows(shard, group)
    pool, weight = pool_rows(shard, group)
    rows = np.concatenate([treated, pool])
    is_treated = np.arange(len(rows)) < len(treated)
    return partial(shard.matrix[rows], is_treated, np.concatenate([np.ones(len(treated)), weight]), task)


def _frame(covariates: DataFrame, rows: list[tuple[str, Fitted]]) -> DataFrame:
    columns = [c for c in schemas.PROPENSITY_MODELS.columns if c.name != "run_id"]
    records = [{"request_id": request_id, **dataclasses.asdict(model)} for request_id, model in rows]
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in columns)
    values = [tuple(_plain(record[c.name]) for c in columns) for record in records]
    return covariates.sparkSession.createDataFrame(values, ddl)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
