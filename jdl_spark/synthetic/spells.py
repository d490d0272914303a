"""Times in work and on out-of-work benefits, from 2004 on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.calendar import day_number
from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.risk import Floats

FIRST_DAY = day_number(2004, 1, 1)
_SIXTEEN = int(16 * 365.25)
_SPAN = 1 << 20  # days; more than any calendar here, so that person x span + day sorts by both
NEITHER, WORK, BENEFIT = 0, 1, 2
_MEDIAN_DAYS = np.array([200.0, 380.0, 340.0])


@dataclass
class Spells:
    """One entry per spell of one kind, sorted by (person, start); both days are inside the spell."""

    person: Ints
    start: Ints
    end: Ints

    def days_before(self, person: Ints, day: Ints, window: int = 365) -> Floats:
        """Return the share of the `window` days before `day` that lie inside a spell of the person."""
        return np.asarray((self._days_until(person, day) - self._days_until(person, day - window)) / window)

    def _days_until(self, person: Ints, day: Ints) -> Floats:
        lengths = np.concatenate([[0], np.cumsum(self.end - self.start + 1)])
        keys = self.person * _SPAN + self.start
        first = np.searchsorted(keys, person * _SPAN)
        until = np.searchsorted(keys, person * _SPAN + np.maximum(day, 0))  # spells begun before the day
        total = (lengths[until] - lengths[first]).astype(np.float64)
        last = np.maximum(until - 1, 0)
        open_end = (until > first) & (len(self.end) > 0)
        if len(self.end):
            total -= np.where(open_end, np.maximum(self.end[last] + 1 - day, 0), 0)
        return np.asarray(total)

    def take(self, rows: np.ndarray) -> Spells:
        """Return the chosen spells."""
        return Spells(self.person[rows], self.start[rows], self.end[rows])


def simulate_spells(born: Ints, ability: Floats, last_day: int, seed: int, register: str) -> tuple[Spells, Spells]:
    """Simulate who was in work and who on benefits, from the sixteenth birthday or 2004.

    Parameters
    ----------
    ability : float64, standard normal. The higher, the more and the longer work.

    Returns
    -------
    work, benefit : Spells
    """
    random = generator("synthetic", seed, "spells", register)
    active = np.arange(len(born))
    day = np.maximum(born + _SIXTEEN, FIRST_DAY).astype(np.float64)
    state = random.integers(0, 3, len(born))
    chunks: list[tuple[Ints, Ints, Ints, Ints]] = []
    while len(active):
        push = ability[active]
        days = _MEDIAN_DAYS[state] * np.exp(0.95 * random.standard_normal(len(active)) + 0.3 * push * (state == WORK))
        start = day[active]
        end = np.minimum(start + np.ceil(days), last_day)
        keep = (state != NEITHER) & (start <= last_day)
        chunks.append((active[keep], state[keep], start[keep].astype(np.int64), end[keep].astype(np.int64)))
        day[active] = end + 1 + np.floor(random.exponential(20.0, len(active)))
        works_next = random.random(len(active)) < 1 / (1 + np.exp(0.35 - 0.9 * push))
        rests = random.random(len(active)) < 0.4
        state = np.where(rests & (state != NEITHER), NEITHER, np.where(works_next, WORK, BENEFIT))
        more = day[active] < last_day
        active, state = active[more], state[more]
    person, kind, start_day, end_day = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    return _of_kind(person, kind, start_day, end_day, WORK), _of_kind(person, kind, start_day, end_day, BENEFIT)


def _of_kind(person: Ints, kind: Ints, start: Ints, end: Ints, wanted: int) -> Spells:
    rows = np.flatnonzero(kind == wanted)
    rows = rows[np.lexsort((start[rows], person[rows]))]
    return Spells(person[rows], start[rows], end[rows])


def cut_by_custody(spells: Spells, person: Ints, start: Ints, release: Ints) -> Spells:
    """End spells where custody begins, and drop those that would begin inside.

    Parameters
    ----------
    person, start, release : int64. Custody, sorted by (person, start).
    """
    if not len(person):
        return spells
    keys = person * _SPAN + start
    at = np.searchsorted(keys, spells.person * _SPAN + spells.start, side="right")
    before, after = np.maximum(at - 1, 0), np.minimum(at, len(keys) - 1)
    inside = (at > 0) & (person[before] == spells.person) & (release[before] >= spells.start)
    cut = (at < len(keys)) & (person[after] == spells.person)
    end = np.where(cut, np.minimum(spells.end, start[after] - 1), spells.end)
    return Spells(spells.person, spells.start, end).take(np.flatnonzero(~inside & (end >= spells.start)))
