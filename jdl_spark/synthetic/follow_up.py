"""Index events and one-year proven reoffending on the simulated records, by the lab's definition.

Written a second time here, on arrays, so that the truth does not depend on the code it is to judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jdl_spark.schemas import OFFENCE_GROUPS, OUTCOME_KINDS, PROVEN_OUTCOMES
from jdl_spark.settings import FOLLOW_UP_MONTHS, PROOF_MONTHS
from jdl_spark.synthetic.calendar import NEVER, add_months
from jdl_spark.synthetic.careers import CUSTODY, Offences, Sentences
from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.people import Bools

_SPAN = 1 << 20
_PROVEN = np.array([kind in PROVEN_OUTCOMES for kind in OUTCOME_KINDS])


@dataclass
class FollowUp:
    """One entry per event asked for: proven reoffences in the year, and days to the first (NEVER for none)."""

    reoffences: Ints
    first: Ints

    @property
    def reoffended(self) -> Bools:
        """Whether there was any."""
        return np.asarray(self.reoffences > 0)


def countable(offences: Offences) -> Bools:
    """Return which offences could be proven reoffences, were they in somebody's follow-up year."""
    return np.asarray(_PROVEN[offences.outcome] & offences.recordable & ~offences.breach)


def index_dates(sentences: Sentences) -> Ints:
    """Return each sentence's index date: the release from custody, or the start of the order."""
    return np.where(sentences.disposal == CUSTODY, sentences.release, sentences.start)


def follow(offences: Offences, person: Ints, index: Ints) -> FollowUp:
    """Return what each person did in the year after the index date, so far as it was proven in time."""
    known = offences.take(np.flatnonzero(countable(offences)))
    known = known.take(np.lexsort((known.number, known.day, known.person)))
    key = known.person * _SPAN + known.day
    low = np.searchsorted(key, person * _SPAN + index, side="right")
    high = np.searchsorted(key, person * _SPAN + add_months(index, FOLLOW_UP_MONTHS), side="right")
    size = np.maximum(high - low, 0)
    event = np.repeat(np.arange(len(person)), size)
    at = np.arange(len(event)) - np.repeat(np.cumsum(size) - size, size) + low[event]
    in_time = known.outcome_day[at] <= add_months(index, PROOF_MONTHS)[event]
    event, days = event[in_time], (known.day[at] - index[event])[in_time]
    first = np.full(len(person), NEVER)
    np.minimum.at(first, event, days)
    return FollowUp(np.bincount(event, minlength=len(person)), first)


def terrorists(offences: Offences) -> Ints:
    """Return the people with a terrorist offence at any time."""
    return np.unique(offences.person[offences.group == OFFENCE_GROUPS.index("terrorism")])


class Timeline:
    """Looks up which index dates and times in custody a person has."""

    def __init__(self, sentences: Sentences) -> None:
        index = index_dates(sentences)
        self._key = np.sort(sentences.person * _SPAN + index)
        inside = np.flatnonzero(sentences.disposal == CUSTODY)
        inside = inside[np.lexsort((sentences.start[inside], sentences.person[inside]))]
        self._custody_key = sentences.person[inside] * _SPAN + sentences.start[inside]
        self._person, self._release = sentences.person[inside], sentences.release[inside]

    def events_within(self, person: Ints, after: Ints, until: Ints) -> Ints:
        """Return how many index dates d of the person have after < d <= until."""
        low = np.searchsorted(self._key, person * _SPAN + after, side="right")
        return np.asarray(np.searchsorted(self._key, person * _SPAN + until, side="right") - low)

    def in_custody(self, person: Ints, day: Ints) -> Bools:
        """Return whether the person was in custody on the day."""
        at = np.searchsorted(self._custody_key, person * _SPAN + day, side="right") - 1
        last = np.maximum(at, 0)
        if not len(self._person):
            return np.zeros(len(person), dtype=bool)
        return np.asarray((at >= 0) & (self._person[last] == person) & (self._release[last] >= day))
