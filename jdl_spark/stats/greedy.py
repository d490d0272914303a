"""Matching without replacement, and with a limit on reuse: the sequential greedy algorithm on candidate lists.

`assign` says for whom a list was too short: nothing is accepted that a longer list could change.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats import randomness
from jdl_spark.stats.nearest import Candidates, Index, Treated
from jdl_spark.stats.shard import IntArray


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
    candidates: Candidates,
    order: Index,
    ratio: int,
    cut: NDArray[np.bool_],
    closest: bool = False,
    uses: int = 1,
) -> tuple[Index, IntArray, Index]:
    """Match in rounds: each treated event takes its nearest that is still free.

    Parameters
    ----------
    candidates : Candidates. Lists sorted as that class says.
    order : intp, shape (n1,). Who chooses first in a round.
    ratio : rounds, and comparison events per treated event.
    cut : bool, shape (n1,). Whether the treated event's list was cut short.
    closest : in a round, the closest pair that is left comes first (ties: who is first in `order`).
    uses : treated events that one comparison event may serve, each once; 1: without replacement.

    Returns
    -------
    chosen : positions in `candidates`. rank : int64, the round of each, from 1.
    short : treated whose cut list was used up. The choice is exact when there is none.
    """
    lists = _Lists(candidates, len(order), cut, uses)
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
    """The candidate lists, each with how far it is read, and how often each comparison event was taken."""

    def __init__(self, candidates: Candidates, n: int, cut: NDArray[np.bool_], uses: int) -> None:
        self.event_id = candidates.event_id.tolist()
        self.distance = candidates.distance.tolist()
        self.at = np.searchsorted(candidates.treated, np.arange(n), side="left").tolist()
        self.end = np.searchsorted(candidates.treated, np.arange(n), side="right").tolist()
        self.cut, self.short, self.uses = cut, np.zeros(n, dtype=bool), uses
        self.used: dict[int, int] = {}

    def peek(self, i: int) -> int | None:
        """Return the position of i's nearest that is free, None when the list has no more."""
        while self.at[i] < self.end[i]:
            if self.used.get(self.event_id[self.at[i]], 0) < self.uses:
                return int(self.at[i])
            self.at[i] += 1
        self.short[i] |= self.cut[i]
        return None

    def take(self, i: int) -> int | None:
        """Take i's nearest that is free; it is not offered to i again."""
        position = self.peek(i)
        if position is not None:
            event = self.event_id[position]
            self.used[event] = self.used.get(event, 0) + 1
            self.at[i] += 1
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
