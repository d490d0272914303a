"""Nearest neighbours within exact strata, calipers and a landmark: what a worker finds in the events it holds.

Why sorted whole numbers: stratum, score and place are packed into one integer, and sorting integers costs a tenth of
sorting rows. The order by score is therefore only right to one part in four billion of the scores' range; every
decision is taken on the float64 distance itself, with that much room left where the search stops.

Conventions (docs/methodology.md): calipers are inclusive; ties go to the lower comparison score, then to the lower
event id; never to the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.shard import NEVER, FloatArray, IntArray

Index = NDArray[np.intp]

WINDOW_CELLS = 1_000_000
"""Largest (treated x window) table held at once, elements."""
SPARE = 3
"""Events looked at on either side beyond those that are wanted."""


def _no_columns() -> FloatArray:
    return np.zeros((0, 0))


@dataclass(frozen=True)
class Treated:
    """Treated events of one request, in one fixed order.

    Attributes
    ----------
    event_id, stratum : int64, shape (n1,). score : float64, shape (n1,).
    landmark : int32, shape (n1,). Days; a comparison event's first reoffence must be later.
    data_order : int64, shape (n1,). For order = data.
    columns : float64, shape (n1, k). Covariates that `Search` looks at; may be left out for k = 0.
    """

    event_id: IntArray
    score: FloatArray
    stratum: IntArray
    landmark: NDArray[np.int32]
    data_order: IntArray
    columns: FloatArray = field(default_factory=_no_columns)

    def __len__(self) -> int:
        return len(self.event_id)


@dataclass(frozen=True)
class Pool:
    """Events among which neighbours are looked for, by ascending event id.

    Attributes
    ----------
    event_id, offender_id : int64, shape (m,). score : float64, shape (m,).
    strata : int64, ascending and distinct. code : int64, shape (m,). Place of each event's stratum among them.
    first_reoffence : int32, shape (m,). Days, or shard.NEVER.
    columns : float64, shape (m, k), as of the treated.
    rows : intp, ascending. Events that may be compared; the others are skipped.
    """

    event_id: IntArray
    offender_id: IntArray
    score: FloatArray
    strata: IntArray
    code: IntArray
    first_reoffence: NDArray[np.int32]
    columns: FloatArray
    rows: Index

    def __len__(self) -> int:
        return len(self.event_id)


@dataclass(frozen=True)
class Search:
    """What makes a pair admissible, and which distance ranks pairs.

    Attributes
    ----------
    caliper : float. Largest distance of the scores, inclusive, in their unit; infinite for none.
    widths : float, shape (k,). Largest difference of each column, inclusive; infinite for none; 0: the same value.
    whitening : float64, shape (k, any). The distance is the length of (difference of columns) @ whitening; None: the
        absolute difference of the scores.
    """

    caliper: float = np.inf
    widths: tuple[float, ...] = ()
    whitening: FloatArray | None = None

    @property
    def plain(self) -> bool:
        """Whether scores and landmarks alone decide."""
        return self.whitening is None and not np.isfinite(self.widths).any()


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
        """Merge candidates, of several workers for instance, into one sorted whole."""
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


class Nearest:
    """Each treated event's nearest so far; every pool that is met can only improve them.

    Parameters
    ----------
    treated : Treated
    limit : int. Longest list kept.
    search : Search
    """

    def __init__(self, treated: Treated, limit: int, search: Search) -> None:
        self.treated, self.limit, self.search = treated, limit, search
        shape = (len(treated), limit)
        self.distance, self.score = np.full(shape, np.inf), np.zeros(shape)
        self.event_id, self.offender_id = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    def meet(self, pool: Pool) -> None:
        """Look for nearer events in a pool; no event is met twice."""
        if not len(pool.rows):
            return
        ordered = Sorted(pool, self.treated)
        if self.search.whitening is not None:
            self._meet_inside(ordered)
        else:
            self._meet_around(ordered)

    def candidates(self) -> Candidates:
        """Return the lists: exactly the first `limit` of all admissible pairs with the events that were met."""
        row, column = np.nonzero(np.isfinite(self.distance))
        event, person = self.event_id[row, column], self.offender_id[row, column]
        return Candidates(row.astype(np.int64), event, person, self.score[row, column], self.distance[row, column])

    def _meet_around(self, ordered: Sorted) -> None:
        """Look at a window around each treated event, and at wider ones where that was not enough."""
        active, window = np.flatnonzero(ordered.low < ordered.high), self.limit + SPARE
        while len(active):
            waiting = []
            window = min(window, len(ordered.key))
            for chunk in np.array_split(active, -(-len(active) * 2 * window // WINDOW_CELLS)):
                settled = self._window(ordered, chunk, window)
                waiting.append(chunk[~settled])
            active = np.concatenate(waiting)
            if len(active) and self.search.plain and not ordered.thinned:
                ordered = ordered.without_hopeless_ties(self.limit)
            window *= 4

    def _window(self, ordered: Sorted, some: Index, window: int) -> NDArray[np.bool_]:
        """Look at `window` events on either side; keep what is certain, and return for whom it is."""
        pool, mine = ordered.pool, self.treated.score[some, None]
        index = ordered.at[some, None] + np.arange(-window, window)
        inside = (index >= ordered.low[some, None]) & (index < ordered.high[some, None])
        row = ordered.row[np.clip(index, 0, len(ordered.row) - 1)]
        score = pool.score[row]
        distance = np.abs(score - mine)
        reach = np.minimum(self.search.caliper, self.distance[some, -1])
        good = inside & (distance <= reach[:, None]) & self._admissible(pool, some[:, None], row)
        distance[~good] = np.inf
        if 2 * window >= self.limit:
            reach = np.minimum(reach, np.partition(distance, self.limit - 1, axis=1)[:, self.limit - 1])
        settled = np.ones(len(some), dtype=bool)
        for edge in (ordered.at[some] - window - 1, ordered.at[some] + window):  # the first outside must be too far
            exists = (edge >= ordered.low[some]) & (edge < ordered.high[some])
            outside = np.abs(pool.score[ordered.row[np.clip(edge, 0, len(ordered.row) - 1)]] - mine[:, 0])
            settled &= ~exists | (outside > reach + 2 * ordered.step)
        new = settled & good.any(axis=1)
        self._keep(pool, some[new], row[new], score[new], distance[new])
        return settled

    def _meet_inside(self, ordered: Sorted) -> None:
        """Rank everything inside the caliper by the distance of the columns."""
        for some, start, stop in ordered.inside(self.search.caliper):
            for i, first, last in zip(some.tolist(), start.tolist(), stop.tolist(), strict=True):
                row = ordered.row[first:last]
                who = np.full(1, i)
                good = np.abs(ordered.pool.score[row] - self.treated.score[i]) <= self.search.caliper
                row = row[good & self._admissible(ordered.pool, who, row)]
                distance = self._length(ordered.pool, i, row)
                if len(row) > self.limit:
                    near = distance <= np.partition(distance, self.limit - 1)[self.limit - 1]
                    row, distance = row[near], distance[near]
                if len(row):
                    self._keep(ordered.pool, who, row[None], ordered.pool.score[row][None], distance[None])

    def _length(self, pool: Pool, i: int, row: Index) -> FloatArray:
        """Return the length of the whitened differences, added in one order wherever the rows lie."""
        assert self.search.whitening is not None
        gap = pool.columns[row] - self.treated.columns[i]
        total = np.zeros(len(row))
        for weights in self.search.whitening.T:
            part = np.zeros(len(row))
            for column, weight in zip(gap.T, weights.tolist(), strict=True):
                part += column * weight
            total += part * part
        return np.asarray(np.sqrt(total))

    def _admissible(self, pool: Pool, who: Index, row: Index) -> NDArray[np.bool_]:
        good = np.asarray(pool.first_reoffence[row] > self.treated.landmark[who])
        for column, width in enumerate(self.search.widths):
            if np.isfinite(width):
                good &= np.abs(pool.columns[row, column] - self.treated.columns[who, column]) <= width
        return good

    def _keep(self, pool: Pool, who: Index, row: Index, score: FloatArray, distance: FloatArray) -> None:
        distance = np.concatenate([self.distance[who], distance], axis=1)
        score = np.concatenate([self.score[who], score], axis=1)
        event = np.concatenate([self.event_id[who], pool.event_id[row]], axis=1)
        person = np.concatenate([self.offender_id[who], pool.offender_id[row]], axis=1)
        order = np.lexsort((event, score, distance), axis=-1)[:, : self.limit]
        self.distance[who] = np.take_along_axis(distance, order, axis=1)
        self.score[who] = np.take_along_axis(score, order, axis=1)
        self.event_id[who] = np.take_along_axis(event, order, axis=1)
        self.offender_id[who] = np.take_along_axis(person, order, axis=1)


def within(treated: Treated, pool: Pool, search: Search) -> Candidates:
    """Return every admissible comparison event inside the calipers of each treated event."""
    parts = [EMPTY]
    if len(pool.rows):
        ordered, look = Sorted(pool, treated), Nearest(treated, 1, search)
        for some, start, stop in ordered.inside(search.caliper):
            sizes = stop - start
            who = np.repeat(some, sizes)
            row = ordered.row[np.repeat(start - np.cumsum(sizes) + sizes, sizes) + np.arange(len(who))]
            distance = np.abs(pool.score[row] - treated.score[who])
            good = (distance <= search.caliper) & look._admissible(pool, who, row)
            who, row, distance = who[good], row[good], distance[good]
            parts.append(Candidates(who, pool.event_id[row], pool.offender_id[row], pool.score[row], distance))
    return Candidates.join(parts)


class Sorted:
    """A pool with somebody in it, by (stratum, score, event id), and where each treated event stands.

    Attributes
    ----------
    key : int64, ascending. Stratum's number and score in steps. row : intp. Place in the pool of each.
    step : float. Width of a step, in the score's unit.
    at, low, high : intp, shape (n1,). Where the treated's score belongs; its stratum's first place, and the end.
    """

    def __init__(self, pool: Pool, treated: Treated) -> None:
        self.pool, self.treated, self.thinned = pool, treated, False
        row_bits, code_bits = (max(len(some), 1).bit_length() for some in (pool.event_id, pool.strata))
        self.bits = min(32, 63 - row_bits - code_bits)
        score = pool.score[pool.rows]
        self.lowest = float(score.min())
        width = float(score.max()) - self.lowest
        self.scale = (2**self.bits - 1) / width if width > 0 else 0.0
        self.step = 1 / self.scale if self.scale else 0.0
        key = self._steps(score)
        key |= pool.code[pool.rows] << self.bits
        key <<= row_bits
        key |= pool.rows
        key.sort()
        self.key, self.row = key >> row_bits, key & ((1 << row_bits) - 1)
        self._place()

    def _steps(self, score: FloatArray) -> IntArray:
        """Return scores in steps from the lowest; those beyond an end stand at it."""
        if not self.scale:
            return np.zeros(len(score), dtype=np.int64)
        steps = (score - self.lowest) * self.scale
        return np.clip(steps, 0, 2**self.bits - 1, out=steps).astype(np.int64)

    def _place(self) -> None:
        place = np.searchsorted(self.pool.strata, self.treated.stratum)
        known = self.pool.strata[np.minimum(place, len(self.pool.strata) - 1)] == self.treated.stratum
        self.code = np.where(known, place, len(self.pool.strata)) << self.bits  # beyond the last: nobody
        self.at = np.searchsorted(self.key, self.code | self._steps(self.treated.score))
        self.low = np.searchsorted(self.key, self.code)
        self.high = np.searchsorted(self.key, self.code + (1 << self.bits))

    def inside(self, caliper: float) -> Iterator[tuple[Index, Index, Index]]:
        """Yield treated events with the range of those inside their caliper, or a little more, some at a time."""
        ends = []
        for score, margin in ((self.treated.score - caliper, -1), (self.treated.score + caliper, 1)):
            step = np.clip(self._steps(score) + margin, 0, 2**self.bits - 1)
            ends.append(np.searchsorted(self.key, self.code | step, side="left" if margin < 0 else "right"))
        start, stop = ends
        part = np.cumsum(stop - start) // WINDOW_CELLS
        for some in np.split(np.arange(len(start)), np.flatnonzero(np.diff(part)) + 1):
            yield some, start[some], stop[some]

    def without_hopeless_ties(self, limit: int) -> Sorted:
        """Leave out events behind `limit` others of equal score, lower id and no reoffence at all."""
        score, never = self.pool.score[self.row], self.pool.first_reoffence[self.row] == NEVER
        new = np.ones(len(score), dtype=bool)
        new[1:] = (score[1:] != score[:-1]) | (self.key[1:] != self.key[:-1])
        before = np.cumsum(never) - never
        run = np.flatnonzero(new)[np.cumsum(new) - 1]
        kept = before - before[run] < limit
        thin = object.__new__(Sorted)
        thin.__dict__ |= self.__dict__ | {"key": self.key[kept], "row": self.row[kept], "thinned": True}
        thin._place()
        return thin
