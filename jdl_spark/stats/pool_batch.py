"""Events of some shards together, as the pool of one request after another.

Why several shards at once: what a request costs beyond its events (a search, a merge) is then paid once for all of
them. How many come together changes nothing in the answer: a score depends on its event alone, and lists of nearest
are merged without loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.nearest import Pool
from jdl_spark.stats.pool import RequestGroup, is_in
from jdl_spark.stats.scores import TILE, scores, with_intercept
from jdl_spark.stats.shard import CovariateShard, FloatArray, IntArray, Rows

EVENTS = 250_000
"""Events of a batch, at least, as long as there are more."""


@dataclass(frozen=True)
class PoolBatch:
    """Eligible events, by event id.

    Attributes
    ----------
    columns : names of the covariates. x : float64, shape (n, 1 + p), with a leading 1.
    event_id, offender_id : int64, shape (n,). first_reoffence : int32, shape (n,).
    strata : int64, ascending and distinct. code : int64, shape (n,). Place of each event's stratum among them.
    """

    columns: tuple[str, ...]
    x: FloatArray
    event_id: IntArray
    offender_id: IntArray
    strata: IntArray
    code: IntArray
    first_reoffence: NDArray[np.int32]
    people: Rows
    in_strata: dict[tuple[bytes, int], NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def of(cls, shards: Sequence[CovariateShard]) -> PoolBatch:
        """Join shards."""
        kept = [np.flatnonzero(shard.eligible) for shard in shards]

        def joined(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(shard, name)[rows] for shard, rows in zip(shards, kept, strict=True)])

        event = joined("event_id")
        order = np.argsort(event, kind="stable")
        person = joined("offender_id")[order]
        strata, code = np.unique(joined("stratum")[order], return_inverse=True)
        return cls(
            shards[0].columns, with_intercept(joined("matrix")[order]), event[order], person, strata,
            code.astype(np.int64), joined("first_reoffence")[order], Rows.of(person),
        )  # fmt: skip

    def pool(self, group: RequestGroup, score: FloatArray, columns: Sequence[int]) -> Pool:
        """Return a request's pool; `columns` are the covariates that its search looks at."""
        first = int(group.landmark.min()) if len(group.landmark) else 0  # who survived not even this survived nobody's
        key = group.strata.tobytes(), first
        if key not in self.in_strata:
            self.in_strata[key] = is_in(self.strata, group.strata)[self.code] & (self.first_reoffence > first)
        inside = self.in_strata[key].copy()
        inside[self.people.rows_of(group.barred)] = False
        looked_at = self.x[:, [1 + column for column in columns]]
        return Pool(
            self.event_id, self.offender_id, score, self.strata, self.code, self.first_reoffence, looked_at,
            np.flatnonzero(inside),
        )  # fmt: skip

    def scored(self, coefficients: FloatArray, scale: str) -> Iterator[tuple[int, FloatArray]]:
        """Yield each model's place and the scores of all events; `coefficients` as of `scores`, shape (r, 1 + p)."""
        for first in range(0, len(coefficients), TILE):
            yield from enumerate(scores(self.x, coefficients[first : first + TILE], scale), first)


def batches(shards: Iterable[CovariateShard]) -> Iterator[PoolBatch]:
    """Yield batches of about EVENTS events."""
    waiting: list[CovariateShard] = []
    for shard in shards:
        waiting.append(shard)
        if sum(map(len, waiting)) >= EVENTS:
            yield PoolBatch.of(waiting)
            waiting = []
    if waiting:
        yield PoolBatch.of(waiting)
