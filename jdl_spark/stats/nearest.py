"""Nearest neighbours on one score within exact strata, a caliper and a landmark.

Two halves. In the worker, `nearest` and `within` find each treated event's candidates among one
shard's pool by binary search in the sorted scores. On the driver, `assign` carries out matching
without replacement as the sequential greedy algorithm it is, on merged candidate lists, and says
for whom a list was too short: nothing is accepted that a longer list could change.

Conventions (docs/methodology.md): the caliper is inclusive; ties go to the lower comparison score,
then to the lower event id; never to the order of rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats import randomness
from jdl_spark.stats.shard import NEVER, FloatArray, IntArray

Index = NDArray[np.intp]

WINDOW_CELLS = 2_000_000
"""Largest (treated x window) table held at once, elements."""


@dataclass(frozen=True)
class Treated:
    """Treated events of one request, in one fixed order.

    Attributes
    ----------
    event_id, stratum : int64, shape (n1,). score : float64, shape (n1,).
    landmark : int32, shape (n1,). Days; a comparison event's first reoffence must be later.
    data_order : int64, shape (n1,). For order = data.
    """

    event_id: IntArray
    score: FloatArray
    stratum: IntArray
    landmark: NDArray[np.int32]
    data_order: IntArray

    def __len__(self) -> int:
        return len(self.event_id)

    def subset(self, rows: Index) -> Treated:
        """Return the treated events at these positions."""
        return Treated(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Pool:
    """Comparison events of one request in one shard.

    Attributes
    ----------
    event_id, offender_id, stratum : int64, shape (m,). score : float64, shape (m,).
    first_reoffence : int32, shape (m,). Days, or shard.NEVER.
    """

    event_id: IntArray
    offender_id: IntArray
    score: FloatArray
    stratum: IntArray
    first_reoffence: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.event_id)

    def subset(self, rows: Index) -> Pool:
        """Return the comparison events at these positions."""
        return Pool(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Candidates:
    """Admissible pairs, sorted by (treated, distance, comparison score, comparison event id).

    Attributes
    ----------
    treated : int64, shape (c,). Position in the Treated they belong to.
    event_id, offender_id : int64, shape (c,). score, distance : float64, shape (c,).
    """

    treated: IntArray
    event_id: IntArray
    offender_id: IntArray
    score: FloatArray
    distance: FloatArray

    def __len__(self) -> int:
        return len(self.treated)

    @staticmethod
    def join(parts: Sequence[Candidates]) -> Candidates:
        """Merge candidates, of several shards for instance, into one sorted whole."""
        whole = Candidates(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in Candidates.__dataclass_fields__)
        )
        return whole.take(np.lexsort((whole.event_id, whole.score, whole.distance, whole.treated)))

    def take(self, rows: Index | NDArray[np.bool_]) -> Candidates:
        """Return the candidates at these positions, in this order."""
        return Candidates(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @property
    def rank(self) -> IntArray:
        """Position in the treated event's own list, from 0."""
        first = np.searchsorted(self.treated, self.treated, side="left")
        return np.asarray(np.arange(len(self)) - first, dtype=np.int64)


EMPTY = Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def nearest(treated: Treated, pool: Pool, limit: int, caliper: float) -> Candidates:
    """Return each treated event's nearest admissible comparison events, at most `limit` of them.

    Parameters
    ----------
    treated : Treated. pool : Pool.
    limit : int. How many to return per treated event.
    caliper : float. Largest distance, inclusive, in the score's unit; infinite for none.

    Returns
    -------
    Candidates
        Exactly the first `limit` of the list of all admissible ones, by (distance, score, event id).
    """
    parts = [EMPTY]
    for rows, here in _by_stratum(treated, pool):
        sorted_pool = _without_hopeless_ties(here, limit)
        window, active = 2 * limit, rows
        while len(active):
            window = min(window, len(sorted_pool))
            unsettled = []
            for chunk in np.array_split(active, -(-len(active) * 2 * window // WINDOW_CELLS)):
                found, settled = _window(treated.subset(chunk), sorted_pool, limit, caliper, window)
                keep = settled[found.treated]
                parts.append(_renumbered(found.take(keep), chunk))
                unsettled.append(chunk[~settled])
            active, window = np.concatenate(unsettled), 4 * window
    return Candidates.join(parts)


def within(treated: Treated, pool: Pool, caliper: float) -> Candidates:
    """Return every admissible comparison event inside the caliper (inclusive) of each treated event."""
    parts = [EMPTY]
    for rows, here in _by_stratum(treated, pool):
        for i in rows:
            score = treated.score[i]
            slack = 4 * np.spacing(abs(score) + caliper)  # the search may round; the distance decides
            low, high = np.searchsorted(here.score, [score - caliper - slack, score + caliper + slack])
            some = np.arange(low, min(high + 1, len(here)))
            distance = np.abs(here.score[some] - score)
            some = some[(distance <= caliper) & (here.first_reoffence[some] > treated.landmark[i])]
            parts.append(_pairs(np.full(len(some), i), some, here, np.abs(here.score[some] - score)))
    return Candidates.join(parts)


def processing_order(treated: Treated, order: str, seed_names: Sequence[str | int]) -> Index:
    """Return the positions of the treated in the order in which they choose.

    Parameters
    ----------
    order : largest (score first), smallest, data (by `data_order`), random (by `seed_names`);
        ties by event id. For closest the order of ids, which only breaks ties.
    """
    if order == "random":
        by_id = np.argsort(treated.event_id, kind="stable")
        return by_id[randomness.generator(*seed_names).permutation(len(treated))]
    leading = {"largest": -treated.score, "smallest": treated.score, "data": treated.data_order}
    return np.lexsort((treated.event_id, leading.get(order, treated.event_id)))


def assign(
    candidates: Candidates, order: Index, ratio: int, cut: NDArray[np.bool_], closest: bool = False
) -> tuple[Index, IntArray, Index]:
    """Match without replacement: in rounds, each treated event takes its nearest that is still free.

    Parameters
    ----------
    candidates : Candidates. Lists sorted as that class says.
    order : intp, shape (n1,). Who chooses first in a round.
    ratio : rounds, and comparison events per treated event.
    cut : bool, shape (n1,). Whether the treated event's list was cut short.
    closest : in a round, the closest pair that is left comes first (ties: who is first in `order`).

    Returns
    -------
    chosen : positions in `candidates`. rank : int64, the round of each, from 1.
    short : treated whose cut list was used up. The choice is exact when there is none.
    """
    lists = _Lists(candidates, len(order), cut)
    chosen: list[int] = []
    ranks: list[int] = []
    for rank in range(1, ratio + 1):
        takes = _closest_first(lists, order) if closest else (lists.take(i) for i in order)
        taken = [position for position in takes if position is not None]
        chosen += taken
        ranks += [rank] * len(taken)
        if not taken:
            break
    return np.array(chosen, dtype=np.intp), np.array(ranks, dtype=np.int64), np.flatnonzero(lists.short)


class _Lists:
    """The candidate lists, each with how far it is read, and the comparison events already taken."""

    def __init__(self, candidates: Candidates, n: int, cut: NDArray[np.bool_]) -> None:
        self.event_id = candidates.event_id.tolist()
        self.distance = candidates.distance.tolist()
        self.at = np.searchsorted(candidates.treated, np.arange(n), side="left").tolist()
        self.end = np.searchsorted(candidates.treated, np.arange(n), side="right").tolist()
        self.cut, self.short = cut, np.zeros(n, dtype=bool)
        self.used: set[int] = set()

    def peek(self, i: int) -> int | None:
        """Return the position of i's nearest that is free, None when the list has no more."""
        while self.at[i] < self.end[i]:
            if self.event_id[self.at[i]] not in self.used:
                return int(self.at[i])
            self.at[i] += 1
        self.short[i] |= self.cut[i]
        return None

    def take(self, i: int) -> int | None:
        """Take i's nearest that is free."""
        position = self.peek(i)
        if position is not None:
            self.used.add(self.event_id[position])
        return position


def _closest_first(lists: _Lists, order: Index) -> Iterator[int]:
    heap: list[tuple[float, int, int, int]] = []

    def offer(place: int, i: int) -> None:
        position = lists.peek(i)
        if position is not None:
            heapq.heappush(heap, (lists.distance[position], place, i, position))

    for place, i in enumerate(order):
        offer(place, int(i))
    while heap:
        _, place, i, position = heapq.heappop(heap)
        if lists.peek(i) != position:  # somebody else took it: try with the next on the list
            offer(place, i)
            continue
        lists.take(i)
        yield position


def _by_stratum(treated: Treated, pool: Pool) -> Iterator[tuple[Index, Pool]]:
    ordered = pool.subset(np.lexsort((pool.event_id, pool.score, pool.stratum)))
    for stratum in np.unique(treated.stratum):
        low, high = np.searchsorted(ordered.stratum, [stratum, stratum + 1])
        if high > low:
            yield np.flatnonzero(treated.stratum == stratum), ordered.subset(np.arange(low, high))


def _without_hopeless_ties(pool: Pool, limit: int) -> Pool:
    """Leave out events behind `limit` others of equal score, lower id and no reoffence at all."""
    never = pool.first_reoffence == NEVER
    before = np.cumsum(never) - never
    run_start = np.searchsorted(pool.score, pool.score, side="left")
    return pool.subset(np.flatnonzero(before - before[run_start] < limit))


def _window(
    treated: Treated, pool: Pool, limit: int, caliper: float, window: int
) -> tuple[Candidates, NDArray[np.bool_]]:
    """Look at `window` sorted pool events on either side; say for whom that certainly was enough."""
    at = np.searchsorted(pool.score, treated.score)
    index = at[:, None] + np.arange(-window, window)[None, :]
    inside = (index >= 0) & (index < len(pool))
    index = np.clip(index, 0, len(pool) - 1)
    distance = np.abs(pool.score[index] - treated.score[:, None])
    good = inside & (pool.first_reoffence[index] > treated.landmark[:, None]) & (distance <= caliper)
    distance = np.where(good, distance, np.inf)
    order = np.lexsort((pool.event_id[index], pool.score[index], distance), axis=-1)[:, :limit]
    row = np.arange(len(treated))[:, None]
    best, best_good = distance[row, order], good[row, order]
    reach = np.where(best_good.sum(axis=1) == limit, best[:, -1] if best.shape[1] == limit else np.inf, caliper)
    settled = np.ones(len(treated), dtype=bool)
    for edge in (at - window - 1, at + window):  # the first event outside on either side must be too far
        exists = (edge >= 0) & (edge < len(pool))
        outside = np.abs(pool.score[np.clip(edge, 0, len(pool) - 1)] - treated.score)
        settled &= ~exists | (outside > reach)
    rows, columns = np.nonzero(best_good)
    return _pairs(rows, index[rows, order[rows, columns]], pool, best[rows, columns]), settled


def _pairs(treated: Index, rows: Index, pool: Pool, distance: FloatArray) -> Candidates:
    return Candidates(treated.astype(np.int64), pool.event_id[rows], pool.offender_id[rows], pool.score[rows], distance)


def _renumbered(found: Candidates, rows: Index) -> Candidates:
    return Candidates(
        rows[found.treated].astype(np.int64), found.event_id, found.offender_id, found.score, found.distance
    )
