"""Compare the covariates of the groups, before and after matching.

Two passes over the shards serve all requests: the first finds which values occur, the second counts. The
nation is counted by stratum, once; of each request only those rows come back that are treated, matched, or
not in the pool although their stratum is (stats/balance_sums.py). Whole numbers add up without loss, so means
of yes/no covariates and distribution functions are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jdl_spark import passes, schemas
from jdl_spark.stats import balance_sums as sums_of
from jdl_spark.stats.balance_sums import EXCLUDED, MATCHED_COMPARISON, MATCHED_TREATED, TREATED, Counted, Matched, Sums
from jdl_spark.stats.pool import RequestGroup
from jdl_spark.stats.shard import CovariateShard, FloatArray
from jdl_spark.stats.standardised_difference import Grouped, ecdf_distances, standardised_mean_difference

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_COLUMNS = [column for column in schemas.BALANCE.columns if column.name != "run_id"]
_DDL = ", ".join(f"`{column.name}` {column.type}" for column in _COLUMNS)


def measure(members: DataFrame, links: DataFrame, pairs: DataFrame, covariates: DataFrame) -> DataFrame:
    """Measure the balance of every covariate of every request.

    Parameters
    ----------
    members : DataFrame of schemas.MEMBERS
    links : DataFrame of schemas.LINKS
    pairs : DataFrame of schemas.MATCHED_PAIRS
    covariates : DataFrame of schemas.COVARIATES
        Read twice, whatever the number of requests.

    Returns
    -------
    DataFrame of schemas.BALANCE
        Two rows per (request with a treatment group, covariate): before matching, all treated against the
        whole pool; after, matched treated against comparison events by their weight. Numbers are NULL where
        a group is empty; `variance_ratio` also for yes/no covariates.
    """
    groups, matched = passes.collect_groups(members, links), _collect_matched(pairs)
    first = covariates.select("columns").head(1)
    names = tuple(first[0]["columns"]) if first else ()
    if not groups or not names:
        return covariates.sparkSession.createDataFrame([], _DDL)
    values = passes.ask(covariates, sums_of.distinct_values)
    grids = [sums_of.merged_grid([part[j] for part in values]) for j in range(len(names))]
    origin = np.array([grid[0] if len(grid) else 0.0 for grid in grids])

    def kernel(shard: CovariateShard) -> tuple[Any, Any]:
        codes = sums_of.coded(shard, grids)
        return (
            sums_of.count_strata(shard, codes, origin),
            sums_of.count_requests(shard, codes, origin, groups, matched),
        )

    nation = _Nation(grids)
    rows: list[list[list[Counted]]] = [[] for _ in groups]
    for strata, requests in passes.ask(covariates, kernel):
        nation.take(strata)
        for place, counted in enumerate(requests):
            rows[place].append(counted)
    found = [row for place, group in enumerate(groups) for row in _compared(group, names, nation, rows[place])]
    return covariates.sparkSession.createDataFrame(_table(found), _DDL)


def _collect_matched(pairs: DataFrame) -> dict[str, Matched]:
    columns = ["request_id", "treated_event_id", "comparison_event_id", "pair_weight"]
    table = pairs.select(*columns).toArrow().to_pandas().sort_values(columns[:3], kind="stable")
    matched = {}
    for name, rows in table.groupby("request_id", sort=True):
        comparison, place = np.unique(rows["comparison_event_id"].to_numpy(np.int64), return_inverse=True)
        weight = np.bincount(place, rows["pair_weight"].to_numpy(np.float64), len(comparison)).astype(np.float64)
        matched[str(name)] = Matched(np.unique(rows["treated_event_id"].to_numpy(np.int64)), comparison, weight)
    return matched


class _Nation:
    """Counts of whole strata on the grids of all covariates, one after the other, and their sums."""

    def __init__(self, grids: Sequence[FloatArray]) -> None:
        self.grids = grids
        self.starts = np.concatenate([[0], np.cumsum([len(grid) for grid in grids])]).astype(np.int64)
        self.counts: dict[int, FloatArray] = {}
        self.sums: dict[int, Sums] = {}

    def take(self, strata: dict[int, sums_of.StratumCounts]) -> None:
        """Add a shard's strata."""
        for code, stratum in strata.items():
            counts = self.counts.setdefault(code, np.zeros(self.starts[-1]))
            for start, values, times in zip(self.starts, stratum.values, stratum.counts, strict=False):
                counts[start + values] += times
            self.sums[code] = self.sums[code] + stratum.sums if code in self.sums else stratum.sums

    def place(self, rows: Sequence[Counted]) -> FloatArray:
        """Return the weight of some rows at each place of the grids."""
        codes = np.concatenate([part.codes for part in rows]).astype(np.int64) + self.starts[:-1]
        weight = np.concatenate([part.weight for part in rows])
        spread = np.repeat(weight, codes.shape[1])
        return np.bincount(codes.ravel(), spread, self.starts[-1]).astype(np.float64)


def _compared(
    group: RequestGroup, names: Sequence[str], nation: _Nation, shards: Sequence[Sequence[Counted]]
) -> Iterator[tuple[Any, ...]]:
    """Yield a request's rows: two for each covariate."""
    each = [[shard[part] for shard in shards] for part in range(4)]
    counts = [nation.place(rows) for rows in each]
    sums = [reduce(add, (rows.sums for rows in part)) for part in each]
    known = [code for code in group.strata.tolist() if code in nation.counts]
    zero = Sums(0.0, 0.0, np.zeros(len(names)), np.zeros(len(names)))
    pool = reduce(add, (nation.counts[code] for code in known), np.zeros(nation.starts[-1])) - counts[EXCLUDED]
    pool_sums = reduce(add, (nation.sums[code] for code in known), zero) - sums[EXCLUDED]
    groups = {
        "treated": (counts[TREATED], sums[TREATED]),
        "pool": (pool, pool_sums),
        "matched": (counts[MATCHED_TREATED], sums[MATCHED_TREATED]),
        "comparison": (counts[MATCHED_COMPARISON], sums[MATCHED_COMPARISON]),
    }
    for j, name in enumerate(names):
        here = slice(nation.starts[j], nation.starts[j + 1])
        of = {key: Grouped.of(weight[here], sums, j, nation.grids[j]) for key, (weight, sums) in groups.items()}
        occurs = reduce(np.logical_or, (one.weight > 0 for one in of.values()))
        binary = bool(np.isin(nation.grids[j][occurs], (0.0, 1.0)).all())
        for when, one, other in (("before", "treated", "pool"), ("after", "matched", "comparison")):
            numbers = _numbers(of[one], of[other], of["treated"].variance(binary), occurs, binary)
            yield (group.request_id, name, when, *(_known(number) for number in numbers))


def _numbers(
    one: Grouped, other: Grouped, spread: float, occurs: Any, binary: bool
) -> tuple[float, float, float, float, float, float]:
    means = one.mean, other.mean
    smd = standardised_mean_difference(np.array([means[0]]), np.array([means[1]]), np.array([max(spread, 0.0)]))[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan if binary else float(np.divide(one.variance(binary), other.variance(binary)))
    if binary:
        gap = abs(means[0] - means[1])
        return (*means, float(smd), ratio, gap, gap)
    return (*means, float(smd), ratio, *ecdf_distances(one.weight[occurs], other.weight[occurs]))


def _table(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    types = [pa.string()] * 3 + [pa.float64()] * 6
    columns = zip(_COLUMNS, zip(*rows, strict=True), types, strict=True)
    return pa.table({column.name: pa.array(values, kind) for column, values, kind in columns})


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
