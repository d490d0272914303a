"""A shard as the pool of many requests: standardised, and ordered so that most blocks need no weights.

Why those who never reoffended come first: their weight in the fit is 1 whatever the landmark, so a block
of them needs no weights. Only the tail of a stratum does, where the early reoffenders are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.logistic import Apart
from jdl_spark.stats.pool import RequestGroup, is_in
from jdl_spark.stats.shard import CovariateShard, FloatArray, Rows
from jdl_spark.stats.survey import uniform


def length(x: FloatArray) -> FloatArray:
    """Return the mean square of each row, intercept included: how much a row says about the information."""
    return np.asarray(np.einsum("ij,ij->i", x, x) / x.shape[1])


@dataclass(frozen=True)
class PoolView:
    """A shard's eligible rows by stratum, and within it by day of the first reoffence, latest first.

    Attributes
    ----------
    rows : intp, shape (n,). Of the shard. x : float64, shape (n, 1 + p). Standardised, with a leading 1.
    stratum : int64, shape (n,). day : int32, shape (n,). Of the first reoffence, or NEVER.
    """

    shard: CovariateShard
    rows: NDArray[np.intp]
    x: FloatArray
    stratum: NDArray[np.int64]
    day: NDArray[np.int32]
    gaps: dict[tuple[int, float], FloatArray] = field(default_factory=dict)

    @classmethod
    def build(cls, shard: CovariateShard, mean: FloatArray, sd: FloatArray) -> PoolView:
        """Standardise a shard; `mean` and `sd`: float64, shape (p,)."""
        rows = np.flatnonzero(shard.eligible)
        rows = rows[np.lexsort((-shard.first_reoffence[rows].astype(np.int64), shard.stratum[rows]))]
        x = np.empty((len(rows), 1 + len(mean)))
        x[:, 0] = 1.0
        np.subtract(shard.matrix[rows], mean, out=x[:, 1:])
        x[:, 1:] /= sd
        return cls(shard, rows, x, shard.stratum[rows], shard.first_reoffence[rows])

    @cached_property
    def x32(self) -> NDArray[np.float32]:
        """`x` in float32."""
        return self.x.astype(np.float32)

    @cached_property
    def people(self) -> Rows:
        """Where each person's events lie."""
        return Rows.of(self.shard.offender_id[self.rows])

    @cached_property
    def length(self) -> FloatArray:
        """`length` of each row."""
        return length(self.x)

    @cached_property
    def threshold(self) -> FloatArray:
        """A row is drawn where its mass times the rate is above this: `uniform` of its event, per unit of length."""
        return uniform(self.shard.event_id[self.rows]) / self.length

    def gap(self, apart: Apart) -> FloatArray:
        """Return how far each row lies from a set-apart column's value; many requests ask for the same."""
        key = apart.column, apart.value
        if key not in self.gaps:
            self.gaps[key] = np.abs(self.shard.matrix[self.rows, apart.column] - apart.value)
        return self.gaps[key]

    def segments(self, groups: Sequence[RequestGroup]) -> Iterator[tuple[int, int, list[int]]]:
        """Yield each stratum's rows with the requests whose pool it belongs to."""
        codes, starts = np.unique(self.stratum, return_index=True)
        inside = np.array([is_in(codes, group.strata) for group in groups], dtype=bool).reshape(-1, len(codes))
        for number, (start, stop) in enumerate(zip(starts, [*starts[1:], len(self.rows)], strict=True)):
            some = np.flatnonzero(inside[:, number]).tolist()
            if some:
                yield int(start), int(stop), some
