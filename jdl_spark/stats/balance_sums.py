"""What a shard knows of the balance of many requests: counts on a grid of values, and sums.

Why counts are taken away from the nation's: a request's pool is nearly everybody in its strata. Whole strata
are counted once for all requests, and only the few who do not belong are counted for each; whole numbers lose
nothing by that. Why a grid: a distribution function is compared at the values that occur. Where a covariate has more
than GRID of them in the nation, GRID quantiles stand for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.pool import RequestGroup, is_in, treated_rows
from jdl_spark.stats.shard import CovariateShard, FloatArray, IntArray

GRID = 16_384
"""Values of a covariate at which distribution functions are compared; all of them where there are no more."""
TREATED, EXCLUDED, MATCHED_TREATED, MATCHED_COMPARISON = range(4)
"""Groups of a request whose rows are counted one by one; the pool is its strata less the excluded."""

Codes = NDArray[np.uint16]


@dataclass(frozen=True)
class Matched:
    """A request's matched events: the treated, and the comparison events with the sum of their pair weights.

    Attributes
    ----------
    treated, comparison : int64, ascending and distinct. Event ids.
    weight : float64, of the comparison events.
    """

    treated: IntArray
    comparison: IntArray
    weight: FloatArray


NOBODY = Matched(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Sums:
    """Sums over a group's rows, for means and variances.

    Attributes
    ----------
    n : float. Sum of weights. squares : float. Sum of squared weights.
    first, second : float64, shape (p,). Sums of weight x (value - origin) and of weight x (value - origin)^2.
    """

    n: float
    squares: float
    first: FloatArray
    second: FloatArray

    @classmethod
    def of(cls, deviations: FloatArray, weight: FloatArray | None = None) -> Sums:
        """Sum rows of deviations from the origin; weights are 1 if left out."""
        if weight is None:
            n = float(len(deviations))
            return cls(n, n, deviations.sum(axis=0), np.einsum("ij,ij->j", deviations, deviations))
        weighted = deviations * weight[:, None]
        return cls(float(weight.sum()), float(np.sum(weight**2)), weighted.sum(axis=0),
                   np.einsum("ij,ij->j", weighted, deviations))  # fmt: skip

    def __add__(self, other: Sums) -> Sums:
        """Join two disjoint groups."""
        return Sums(self.n + other.n, self.squares + other.squares, self.first + other.first,
                    self.second + other.second)  # fmt: skip

    def __sub__(self, other: Sums) -> Sums:
        """Take a part of the group away."""
        return Sums(self.n - other.n, self.squares - other.squares, self.first - other.first,
                    self.second - other.second)  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """Rows of a group: where each stands on the grid of each covariate, and their sums.

    Attributes
    ----------
    codes : uint16, shape (rows, p). weight : float64, shape (rows,).
    """

    codes: Codes
    weight: FloatArray
    sums: Sums


@dataclass(frozen=True)
class StratumCounts:
    """A whole stratum of a shard.

    Attributes
    ----------
    values, counts : per covariate, the places of the grid that occur, and how often
    """

    values: list[Codes]
    counts: list[IntArray]
    sums: Sums


def merged_grid(parts: Sequence[FloatArray]) -> FloatArray:
    """Return the grid of a covariate from the distinct values of the shards: all, or GRID quantiles of them."""
    values = np.unique(np.concatenate([np.zeros(0), *parts]))
    if len(values) <= GRID:
        return values
    places = np.linspace(0, len(values) - 1, GRID).round().astype(np.int64)
    return np.asarray(values[places])


def distinct_values(shard: CovariateShard) -> list[FloatArray]:
    """Return each covariate's distinct values in the shard, ascending."""
    return [np.unique(column) for column in np.ascontiguousarray(shard.matrix.T)]


def coded(shard: CovariateShard, grids: Sequence[FloatArray]) -> Codes:
    """Return the first place of the grid that is not below each value, shape (n, p)."""
    codes = np.empty(shard.matrix.shape, np.uint16)
    for j, grid in enumerate(grids):
        column = shard.matrix[:, j]
        if len(grid) <= 2:  # yes or no: no search
            codes[:, j] = column > grid[0] if len(grid) else 0
        else:
            codes[:, j] = np.searchsorted(grid, column, side="left")
    return codes


def count_strata(shard: CovariateShard, codes: Codes, origin: FloatArray) -> dict[int, StratumCounts]:
    """Count the shard's eligible events by stratum."""
    found = {}
    codes_of, starts = np.unique(shard.stratum, return_index=True)
    for code, start, stop in zip(codes_of.tolist(), starts, [*starts[1:], len(shard)], strict=True):
        rows = start + np.flatnonzero(shard.eligible[start:stop])
        pairs = [np.unique(codes[rows, j], return_counts=True) for j in range(codes.shape[1])]
        sums = Sums.of(shard.matrix[rows] - origin)
        found[code] = StratumCounts([values for values, _ in pairs], [counts for _, counts in pairs], sums)
    return found


def count_requests(
    shard: CovariateShard,
    codes: Codes,
    origin: FloatArray,
    groups: Sequence[RequestGroup],
    matched: Mapping[str, Matched],
) -> list[list[Counted]]:
    """Return the four groups of every request, as far as they lie in the shard."""
    counted = []
    for group in groups:
        pairs = matched.get(group.request_id, NOBODY)
        comparison = shard.by_event.rows_of(pairs.comparison)
        rows = [
            (treated_rows(shard, group)[0], None),
            (_excluded(shard, group), None),
            (shard.by_event.rows_of(pairs.treated), None),
            (comparison, pairs.weight[np.searchsorted(pairs.comparison, shard.event_id[comparison])]),
        ]
        counted.append([_counted(shard, codes, origin, some, weights) for some, weights in rows])
    return counted


def _counted(
    shard: CovariateShard, codes: Codes, origin: FloatArray, rows: NDArray[np.intp], weight: FloatArray | None
) -> Counted:
    sums = Sums.of(shard.matrix[rows] - origin, weight)
    return Counted(codes[rows], np.ones(len(rows)) if weight is None else weight, sums)


def _excluded(shard: CovariateShard, group: RequestGroup) -> NDArray[np.intp]:
    """Return the eligible rows of the request's strata that are not in its pool."""
    rows = shard.by_person.rows_of(group.barred)
    first = group.landmark.min() if len(group.landmark) else 0
    rows = np.union1d(rows, np.flatnonzero(shard.first_reoffence <= first))  # these survived nobody's landmark
    return rows[shard.eligible[rows] & is_in(shard.stratum[rows], group.strata)]
