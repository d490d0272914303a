"""What the driver must know of a nation before it fits models: ranges and moments by stratum, a few rows, the treated.

Why one look beforehand: which columns are constant, repeat others or separate the groups is a question
of ranges and moments, and these add up over strata. No request needs a cross product of its own pool
for it, and a few thousand rows give every fit its start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.logistic import Moments, moments
from jdl_spark.stats.pool import RequestGroup, treated_rows
from jdl_spark.stats.shard import CovariateShard, FloatArray, IntArray

SAMPLED = 2_000
"""Rows of a stratum that starting values are fitted on."""
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniform(ids: IntArray) -> FloatArray:
    """Return a number in [0, 1) for each id: the same in every shard, run and company.

    References
    ----------
    Steele, G. L., Lea, D. & Flood, C. H. (2014), OOPSLA: SplitMix64.
    """
    with np.errstate(over="ignore"):
        z = ids.astype(np.uint64) + _GOLDEN
        z = (z ^ (z >> _SHIFTS[0])) * _FACTORS[0]
        z = (z ^ (z >> _SHIFTS[1])) * _FACTORS[1]
    return np.asarray((z ^ (z >> _SHIFTS[2])) >> np.uint64(11), dtype=np.float64) * 2.0**-53


@dataclass(frozen=True)
class Stratum:
    """Eligible events of one stratum: moments of the covariates, and a sample of rows.

    Attributes
    ----------
    moments : Moments
        As pool rows of weight 1.
    draw : float64, shape (s,), ascending. `uniform` of the sampled events.
    rows : float64, shape (s, p). first_reoffence : int32, shape (s,). offender_id : int64, shape (s,). Of the same.
    below : float. Every event of the stratum with a draw below it is in the sample.
    """

    moments: Moments
    draw: FloatArray
    rows: FloatArray
    first_reoffence: NDArray[np.int32]
    offender_id: IntArray
    below: float

    def __add__(self, other: Stratum) -> Stratum:
        """Join the same stratum of two shards."""
        below = min(self.below, other.below)
        draw = np.concatenate([self.draw, other.draw])
        order = np.argsort(draw, kind="stable")
        kept = order[draw[order] < below]
        if len(kept) > SAMPLED:
            below, kept = float(draw[kept[SAMPLED]]), kept[:SAMPLED]

        return Stratum(
            self.moments + other.moments,
            draw[kept],
            np.concatenate([self.rows, other.rows])[kept],
            np.concatenate([self.first_reoffence, other.first_reoffence])[kept],
            np.concatenate([self.offender_id, other.offender_id])[kept],
            below,
        )


def strata(shard: CovariateShard, shards: int = 1) -> dict[int, Stratum]:
    """Return the eligible events by stratum of one of so many shards.

    A shard gives its share of a stratum's sample and half as much again, lest the sum of all shards be the nation.
    """
    most = min(SAMPLED, 50 + 3 * SAMPLED // (2 * shards))
    found = {}
    codes, starts = np.unique(shard.stratum, return_index=True)
    for code, start, stop in zip(codes, starts, [*starts[1:], len(shard)], strict=True):
        rows = np.arange(start, stop)[shard.eligible[start:stop]]
        if len(rows):
            found[int(code)] = _stratum(shard, rows, most)
    return found


def _stratum(shard: CovariateShard, rows: NDArray[np.intp], most: int) -> Stratum:
    n = len(rows)
    matrix = shard.matrix[rows]
    summary = moments(matrix, np.zeros(n, dtype=bool), np.ones(n), np.array([n, 0]))
    draw = uniform(shard.event_id[rows])
    order = np.argsort(draw, kind="stable")
    below = float(draw[order[most]]) if n > most else 1.0
    kept = order[:most]
    return Stratum(
        summary, draw[kept], matrix[kept], shard.first_reoffence[rows[kept]], shard.offender_id[rows[kept]], below
    )


def treated_of(shard: CovariateShard, groups: Sequence[RequestGroup]) -> dict[int, tuple[IntArray, FloatArray]]:
    """Return event ids and covariates of each request's treated events in the shard, by the request's place."""
    found = {}
    for place, group in enumerate(groups):
        rows, _ = treated_rows(shard, group)
        if len(rows):
            found[place] = (shard.event_id[rows], shard.matrix[rows])
    return found


@dataclass(frozen=True)
class Start:
    """Rows that stand for a request's pool.

    Attributes
    ----------
    rows : float64, shape (s, p). weight : float64, shape (s,). Events of the pool that a row stands for.
    """

    rows: FloatArray
    weight: FloatArray


def sample_of(by_stratum: Mapping[int, Stratum], group: RequestGroup, most: int) -> Start:
    """Return some of a request's pool: at most `most` rows, each with the weight of what it stands for.

    The strata are thinned alike, so rows of large strata weigh no more than those of small ones.
    """
    parts = [by_stratum[code] for code in group.strata.tolist() if code in by_stratum]
    sizes = np.array([len(part.draw) for part in parts])
    whole = np.array([part.moments.weight[0] for part in parts])
    taken = np.minimum(sizes, np.ceil(whole * most / max(whole.sum(), 1.0)).astype(np.int64))
    delays = np.sort(group.landmark)
    rows, weights = [], []
    for part, some, n in zip(parts, taken.tolist(), whole, strict=True):
        survived = np.searchsorted(delays, part.first_reoffence[:some], side="left") / max(len(delays), 1)
        rows.append(part.rows[:some])
        weights.append(np.where(np.isin(part.offender_id[:some], group.barred), 0.0, survived) * n / max(some, 1))
    if not rows:
        return Start(np.zeros((0, 0)), np.zeros(0))
    weight = np.concatenate(weights)
    return Start(np.concatenate(rows)[weight > 0], weight[weight > 0])
