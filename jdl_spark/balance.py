"""Compare the covariates of the groups, before and after matching.

One pass over the shards serves all requests. Each shard gives back, per request and covariate, the
distinct values with their weight in the four groups; these add up without loss, so that means,
variances and distribution functions are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark import passes, schemas
from jdl_spark.stats.pool import RequestGroup, is_in, pool_rows, treated_rows
from jdl_spark.stats.shard import CovariateShard, FloatArray, IntArray
from jdl_spark.stats.standardised_difference import Distribution, standardised_mean_difference

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TREATED, POOL, MATCHED_TREATED, MATCHED_COMPARISON = range(4)
_GROUPS = 4
_PARTS = "request_id string, covariate int, name string, shard int, payload binary"
_COLUMNS = [column for column in schemas.BALANCE.columns if column.name != "run_id"]
_DDL = ", ".join(f"`{column.name}` {column.type}" for column in _COLUMNS)


@dataclass(frozen=True)
class _Matched:
    """A request's matched events: the treated, and the comparison events with the sum of their pair weights."""

    treated: IntArray
    comparison: IntArray
    weight: FloatArray


def measure(members: DataFrame, links: DataFrame, pairs: DataFrame, covariates: DataFrame) -> DataFrame:
    """Measure the balance of every covariate of every request.

    Parameters
    ----------
    members : DataFrame of schemas.MEMBERS
    links : DataFrame of schemas.LINKS
    pairs : DataFrame of schemas.MATCHED_PAIRS
    covariates : DataFrame of schemas.COVARIATES
        Read once, whatever the number of requests.

    Returns
    -------
    DataFrame of schemas.BALANCE
        Two rows per (request with a treatment group, covariate): before matching, all treated against the
        whole pool; after, matched treated against comparison events by their weight. Numbers are NULL where
        a group is empty; `variance_ratio` also for yes/no covariates.
    """
    groups = passes.collect_groups(members, links)
    matched = _collect_matched(pairs)
    nobody = _Matched(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def kernel(number: int, shard: CovariateShard) -> Iterator[pa.RecordBatch]:
        values = [np.unique(shard.matrix[:, j], return_inverse=True) for j in range(len(shard.columns))]
        for group in groups:
            here = _groups(shard, group, matched.get(group.request_id, nobody))
            payloads = [_part(value, place, here) for value, place in values]
            n = len(payloads)
            yield pa.record_batch(
                {
                    "request_id": pa.array([group.request_id] * n, pa.string()),
                    "covariate": pa.array(range(n), pa.int32()),
                    "name": pa.array(shard.columns, pa.string()),
                    "shard": pa.array([number] * n, pa.int32()),
                    "payload": pa.array(payloads, pa.binary()),
                }
            )

    parts = passes.over_shards(covariates, kernel, _PARTS)
    return parts.groupBy("request_id", "covariate").applyInArrow(_compare, _DDL)


def _collect_matched(pairs: DataFrame) -> dict[str, _Matched]:
    columns = ["request_id", "treated_event_id", "comparison_event_id", "pair_weight"]
    table = pairs.select(*columns).toArrow().to_pandas().sort_values(columns[:3], kind="stable")
    matched = {}
    for name, rows in table.groupby("request_id", sort=True):
        comparison, place = np.unique(rows["comparison_event_id"].to_numpy(np.int64), return_inverse=True)
        weight = np.bincount(place, rows["pair_weight"].to_numpy(np.float64), len(comparison)).astype(np.float64)
        matched[str(name)] = _Matched(np.unique(rows["treated_event_id"].to_numpy(np.int64)), comparison, weight)
    return matched


def _groups(shard: CovariateShard, group: RequestGroup, matched: _Matched) -> list[tuple[np.ndarray, FloatArray]]:
    """Return the shard's rows in each of the four groups, with their weights."""
    chosen = np.flatnonzero(is_in(shard.event_id, matched.comparison))
    whole = [
        treated_rows(shard, group)[0],
        pool_rows(shard, group)[0],
        np.flatnonzero(is_in(shard.event_id, matched.treated)),
    ]
    weight = matched.weight[np.searchsorted(matched.comparison, shard.event_id[chosen])]
    return [*((rows, np.ones(len(rows))) for rows in whole), (chosen, weight)]


def _part(value: FloatArray, place: np.ndarray, groups: list[tuple[np.ndarray, FloatArray]]) -> bytes:
    """Return value, weights and squared weights of the values that occur, as float64 bytes in rows of 9."""
    sums = [np.bincount(place[rows], weight, len(value)) for rows, weight in groups]
    rows, weight = groups[MATCHED_COMPARISON]  # all other weights are 1
    squares = [*sums[:MATCHED_COMPARISON], np.bincount(place[rows], weight**2, len(value))]
    occur = np.flatnonzero(np.any(sums, axis=0))
    return np.column_stack([column[occur] for column in (value, *sums, *squares)]).tobytes()


def _compare(table: pa.Table) -> pa.Table:
    """Return a covariate's two rows from the parts of all shards."""
    rows = sorted(table.to_pylist(), key=lambda row: row["shard"])
    tables = [np.frombuffer(row["payload"]).reshape(-1, 1 + 2 * _GROUPS) for row in rows]
    whole = Distribution.merge([Distribution(t[:, 0], t[:, 1 : 1 + _GROUPS], t[:, 1 + _GROUPS :]) for t in tables])
    spread = whole.variance(TREATED)
    records = []
    for when, one, other in (("before", TREATED, POOL), ("after", MATCHED_TREATED, MATCHED_COMPARISON)):
        means = whole.mean(one), whole.mean(other)
        yardstick = np.array([max(spread, 0.0)])
        smd = standardised_mean_difference(np.array([means[0]]), np.array([means[1]]), yardstick)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.nan if whole.is_binary else np.divide(whole.variance(one), whole.variance(other))
        numbers = (*means, smd, ratio, *whole.distances(one, other))
        records.append((rows[0]["request_id"], rows[0]["name"], when, *(_known(number) for number in numbers)))
    types = [pa.string()] * 3 + [pa.float64()] * 6
    columns = zip(_COLUMNS, zip(*records, strict=True), types, strict=True)
    return pa.table({column.name: pa.array(values, kind) for column, values, kind in columns})


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
