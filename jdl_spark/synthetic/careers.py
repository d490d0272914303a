"""Criminal careers, simulated forward from the first offence, one sanction of everybody at a time.

One *episode* is what is dealt with on one day: one or more offences, one disposal, at most one
sentence. After it a person waits for the next by `risk.waiting_days`, counted from the release, the
start of the order or the day of the other disposal.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from jdl_spark.schemas import OFFENCE_GROUPS, OUTCOME_KINDS
from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.calendar import NEVER, day_number
from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.people import Bools, People
from jdl_spark.synthetic.risk import Floats, one_year_logit, waiting_days
from jdl_spark.synthetic.spells import Spells

CUSTODY, SUSPENDED, COMMUNITY = range(3)  # as in schemas.DISPOSALS
_FINE, _CAUTION, _NOTICE, _UNPROVEN = range(3, 7)
NO_SENTENCE = -1
_MOST_SANCTIONS = 90
_YEAR = 365.25
_GROUP_SHARES = np.array([0.17, 0.018, 0.13, 0.25, 0.07, 0.04, 0.10, 0.12, 0.018, 0.06, 0.0004, 0.0236])
_SEVERITY_ONE = np.array([0.12, 0.95, 0.02, 0.0, 0.35, 0.1, 0.2, 0.03, 0.8, 0.02, 1.0, 0.05])
_SEVERITY_TWO = np.array([0.48, 0.05, 0.28, 0.75, 0.6, 0.8, 0.35, 0.2, 0.2, 0.38, 0.0, 0.35])
# custody, suspended, community, fine or discharge, caution, penalty notice, nothing proven
_FIRST_DISPOSALS = np.array([0.09, 0.06, 0.33, 0.19, 0.24, 0.04, 0.05])
_LATER_DISPOSALS = np.array([0.33, 0.14, 0.36, 0.10, 0.02, 0.01, 0.04])
_FULL_WEIGHT_AT = 4  # sanctions from which the later disposals hold
_SUSPENDED_FROM = day_number(2005, 4, 4)  # Criminal Justice Act 2003
_NOTICES_FROM = day_number(2004, 4, 1)
_REPRIMANDS_FROM = day_number(2000, 6, 1)
_REPRIMANDS_TO = day_number(2013, 4, 7)
PROGRAMMES = (
    "Thinking Skills Programme",
    "Enhanced Thinking Skills",
    "Controlling Anger",
    "Building Skills for Recovery",
    "Sex Offender Treatment Programme",
    "Drink Impaired Drivers",
)

R = TypeVar("R", bound="Records")


@dataclass
class Records:
    """Columns of equal length, one entry per record."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self: R, rows: np.ndarray) -> R:
        """Return the chosen records."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    def with_more(self: R, more: R) -> R:
        """Return these records and then those."""
        return type(self)(*(np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self)))


@dataclass
class Offences(Records):
    """Recorded offences. `group`, `outcome` index schemas; `sentence` is a sentence number or NO_SENTENCE.

    `episode` groups what was dealt with together, and the breaches of the sentence that followed.
    """

    number: Ints
    person: Ints
    day: Ints
    group: Ints
    severity: Ints
    outcome: Ints
    outcome_day: Ints
    recordable: Bools
    breach: Bools
    sentence: Ints
    episode: Ints


@dataclass
class Sentences(Records):
    """Sentences. `disposal` indexes schemas; `release` is NEVER for orders; `prior` counts sanctions before."""

    number: Ints
    person: Ints
    disposal: Ints
    day: Ints
    start: Ints
    release: Ints
    length: Ints
    prior: Ints
    episode: Ints


@dataclass
class Attendances(Records):
    """Attendances of accredited programmes. `programme` indexes PROGRAMMES."""

    number: Ints
    person: Ints
    sentence: Ints
    programme: Ints
    start: Ints
    end: Ints
    completed: Bools


@dataclass
class Careers:
    """All that the nation's offenders did and what was done about it."""

    offences: Offences
    sentences: Sentences
    attendances: Attendances


def draw_onset(size: int, last_day: int, late: int, seed: int) -> tuple[Ints, Ints]:
    """Draw birth days and days of the first recorded offence.

    Parameters
    ----------
    size : people. The last `late` of them begin after `last_day` of June 2013, for later data years.
    """
    random = generator("synthetic", seed, "onset")
    early = size - late
    first, turn = day_number(1990, 1, 1), day_number(2013, 6, 30)
    onset = np.empty(size, dtype=np.int64)
    onset[:early] = first + (turn - first) * random.beta(1.1, 0.9, early)
    onset[early:] = random.integers(turn + 1, last_day, late)
    young = random.random(size) < 0.55
    age = np.where(young, 13.0 + random.gamma(4.0, 1.15, size), 18.0 + random.gamma(1.6, 9.5, size))
    return onset - np.floor(np.clip(age, 10.1, 84.0) * _YEAR).astype(np.int64), onset


def simulate(
    people: People, onset: Ints, ability: Floats, work: Spells, benefit: Spells, last_day: int, seed: int
) -> Careers:
    """Simulate every career up to `last_day`.

    Parameters
    ----------
    ability : float64, shape (people,). Of `simulate_spells`; a little of it also lowers the hidden risk.
    """
    random = generator("synthetic", seed, "careers")
    hidden = 0.5 * (0.95 * random.standard_normal(len(people)) - 0.3 * ability)
    active = np.arange(len(people))
    when = onset.copy()  # day of the episode's first offence
    free = onset.copy()  # day from which the person was at risk for it
    sanctions = np.zeros(len(people), dtype=np.int64)
    custodies = np.zeros(len(people), dtype=np.int64)
    habit = random.choice(len(OFFENCE_GROUPS), size=len(people), p=_GROUP_SHARES)
    episodes: list[_Episode] = []
    for _ in range(_MOST_SANCTIONS):
        if not len(active):
            break
        episode = _deal(random, people, active, when[active], free[active], sanctions, custodies, habit)
        episodes.append(episode)
        sanctions[active] += episode.disposal <= _CAUTION
        custodies[active] += episode.disposal == CUSTODY
        habit[active] = episode.group
        free[active] = episode.at_risk
        index, age = episode.at_risk, (episode.at_risk - people.born[active]) / _YEAR
        logit = one_year_logit(
            np.maximum(sanctions[active], 1), age, (onset[active] - people.born[active]) / _YEAR, people.man[active],
            episode.group, work.days_before(active, index), benefit.days_before(active, index),
        )  # fmt: skip
        next_day = index + 1 + np.floor(np.minimum(waiting_days(random, logit + hidden[active]), 1e6)).astype(np.int64)
        when[active] = next_day
        active = active[(next_day <= last_day) & (next_day < people.born[active] + 85 * 365)]
    return _assemble(random, episodes, last_day)


@dataclass
class _Episode(Records):
    person: Ints
    day: Ints
    group: Ints
    severity: Ints
    disposal: Ints
    outcome: Ints
    outcome_day: Ints
    start: Ints
    release: Ints
    length: Ints
    prior: Ints
    at_risk: Ints
    free: Ints


def _deal(
    random: np.random.Generator,
    people: People,
    rows: Ints,
    day: Ints,
    free: Ints,
    sanctions: Ints,
    custodies: Ints,
    habit: Ints,
) -> _Episode:
    """Draw what was done on `day` and what came of it."""
    size = len(rows)
    repeats = (random.random(size) < 0.5) & (habit[rows] != OFFENCE_GROUPS.index("terrorism"))
    group = np.where(repeats, habit[rows], random.choice(len(OFFENCE_GROUPS), size=size, p=_GROUP_SHARES))
    roll = random.random(size)
    one, two = _SEVERITY_ONE[group], _SEVERITY_TWO[group]
    severity = np.where(roll < one, 1, np.where(roll < one + two, 2, 3))
    young = day - people.born[rows] < 18 * _YEAR
    disposal = _dispose(random, day, young, severity, sanctions[rows], custodies[rows])
    quick = (disposal == _CAUTION) | (disposal == _NOTICE)
    delay = np.where(quick, 8.0, 62.0) * np.exp(np.where(quick, 1.1, 0.92) * random.standard_normal(size))
    outcome_day = day + np.ceil(delay).astype(np.int64)
    outcome = np.full(size, OUTCOME_KINDS.index("conviction"))
    reprimands = young & (outcome_day >= _REPRIMANDS_FROM) & (outcome_day < _REPRIMANDS_TO)
    outcome[disposal == _CAUTION] = OUTCOME_KINDS.index("caution")
    outcome[(disposal == _CAUTION) & reprimands] = OUTCOME_KINDS.index("warning")
    outcome[(disposal == _CAUTION) & reprimands & (sanctions[rows] == 0)] = OUTCOME_KINDS.index("reprimand")
    outcome[disposal == _NOTICE] = OUTCOME_KINDS.index("penalty_notice")
    outcome[disposal == _UNPROVEN] = OUTCOME_KINDS.index("none")
    outcome_day[disposal == _UNPROVEN] = NEVER
    length, start, release = _sentence(random, disposal, severity, outcome_day)
    at_risk = np.where(disposal == _UNPROVEN, day + 14, np.where(disposal == CUSTODY, release, start))
    return _Episode(
        rows,
        day,
        group,
        severity,
        disposal,
        outcome,
        outcome_day,
        start,
        release,
        length,
        sanctions[rows].copy(),
        at_risk,
        free,
    )


def _dispose(
    random: np.random.Generator, day: Ints, young: Bools, severity: Ints, sanctions: Ints, custodies: Ints
) -> Ints:
    share = np.minimum(sanctions / _FULL_WEIGHT_AT, 1.0)[:, None]
    weight = (1 - share) * _FIRST_DISPOSALS + share * _LATER_DISPOSALS
    weight[:, CUSTODY] *= np.choose(severity - 1, [4.0, 1.25, 0.55]) * (1 + 0.25 * np.minimum(custodies, 4))
    weight[:, _CAUTION] *= np.choose(severity - 1, [0.15, 0.9, 1.2]) * np.where(young, 1.3, 1.0)
    weight[:, _NOTICE] *= (severity == 3) * 2.0 * (day >= _NOTICES_FROM)
    weight[:, SUSPENDED] *= (day >= _SUSPENDED_FROM) & ~young
    weight[:, CUSTODY] *= np.where(young, 0.35, 1.0)
    limits = np.cumsum(weight, axis=1)
    roll = random.random(len(day)) * limits[:, -1]
    return np.asarray((roll[:, None] >= limits).sum(axis=1), dtype=np.int64)


def _sentence(
    random: np.random.Generator, disposal: Ints, severity: Ints, outcome_day: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return length imposed in days, first day of the sentence, and day of release."""
    size = len(disposal)
    inside = np.choose(severity - 1, [620.0, 190.0, 85.0]) * np.exp(0.85 * random.standard_normal(size))
    order = random.choice(np.array([182, 274, 365, 548, 730]), size=size, p=[0.1, 0.1, 0.55, 0.15, 0.1])
    length = np.where(disposal == CUSTODY, np.clip(np.ceil(inside), 7, 9000), order).astype(np.int64)
    waits = (disposal != CUSTODY) & (random.random(size) < 0.3) & (disposal <= COMMUNITY)
    start = outcome_day + np.where(waits, random.integers(1, 8, size), 0)
    served = np.where(length >= 1461, random.uniform(0.48, 0.67, size), random.uniform(0.3, 0.52, size))
    release = np.where(disposal == CUSTODY, start + np.maximum(np.ceil(length * served), 2).astype(np.int64), NEVER)
    return length, start, release


def _assemble(random: np.random.Generator, episodes: list[_Episode], last_day: int) -> Careers:
    flat = _Episode(*(np.concatenate([getattr(e, f.name) for e in episodes]) for f in fields(_Episode)))
    flat = flat.take(np.lexsort((flat.day, flat.person)))
    sentenced = np.flatnonzero(flat.disposal <= COMMUNITY)
    number = np.full(len(flat), NO_SENTENCE)
    number[sentenced] = np.arange(len(sentenced))
    of = flat.take(sentenced)
    sentences = Sentences(
        np.arange(len(of)), of.person, of.disposal, of.outcome_day, of.start, of.release, of.length, of.prior, sentenced
    )
    offences = _offences(random, flat, number, sentences, last_day)
    return Careers(offences, sentences, _attendances(random, sentences))


def _offences(
    random: np.random.Generator, flat: _Episode, sentence: Ints, sentences: Sentences, last_day: int
) -> Offences:
    """Lay out every episode's offences: the first, further ones, and breaches of orders and licences."""
    more = np.minimum(random.geometric(0.66, len(flat)), 8)
    more[flat.outcome == OUTCOME_KINDS.index("penalty_notice")] = 1
    row = np.repeat(np.arange(len(flat)), more)
    first = np.concatenate([[True], row[1:] != row[:-1]])
    until = np.minimum(np.minimum(flat.outcome_day, flat.day + 90), last_day) - flat.day
    day = flat.day[row] + np.where(first, 0, np.floor(random.random(len(row)) * (until[row] + 1)).astype(np.int64))
    old = first & (random.random(len(row)) < 0.03) & (flat.prior[row] > 0)  # came to light only now
    day = np.where(old, np.minimum(flat.free[row] - random.integers(1, 200, len(row)), day), day)
    related = random.random(len(row)) < 0.65
    no_terror = _GROUP_SHARES.copy()
    no_terror[OFFENCE_GROUPS.index("terrorism")] = 0.0
    other = random.choice(len(OFFENCE_GROUPS), size=len(row), p=no_terror / no_terror.sum())
    group = np.where(first | related, flat.group[row], other)
    petty = (flat.disposal[row] == _FINE) & (group == OFFENCE_GROUPS.index("motoring"))
    recordable = ~(petty & (random.random(len(row)) < 0.6)) & (random.random(len(row)) >= 0.01)
    severity = np.minimum(flat.severity[row] + (~first & (random.random(len(row)) < 0.4)), 3)
    offences = Offences(
        np.arange(len(row)),
        flat.person[row],
        day,
        group,
        severity,
        flat.outcome[row],
        flat.outcome_day[row],
        recordable,
        np.zeros(len(row), dtype=bool),
        sentence[row],
        row,
    )
    return offences.with_more(_breaches(random, sentences, len(row), last_day))


def _breaches(random: np.random.Generator, sentences: Sentences, first_number: int, last_day: int) -> Offences:
    begun = np.where(sentences.disposal == CUSTODY, sentences.release, sentences.start)
    day = begun + random.integers(10, 330, len(begun))
    of = np.flatnonzero((random.random(len(begun)) < 0.11) & (day <= last_day))
    size = len(of)
    return Offences(
        first_number + np.arange(size), sentences.person[of], day[of], np.full(size, OFFENCE_GROUPS.index("other")),
        np.full(size, 3), np.full(size, OUTCOME_KINDS.index("conviction")), day[of] + random.integers(7, 90, size),
        np.ones(size, dtype=bool), np.ones(size, dtype=bool), np.full(size, NO_SENTENCE), sentences.episode[of],
    )  # fmt: skip


def _attendances(random: np.random.Generator, sentences: Sentences) -> Attendances:
    end = np.where(sentences.disposal == CUSTODY, sentences.release, sentences.start + sentences.length)
    room = end - sentences.start
    of = np.flatnonzero((room >= 90) & (random.random(len(room)) < 0.09))
    start = sentences.start[of] + (random.random(len(of)) * (room[of] - 60)).astype(np.int64)
    last = np.minimum(start + random.integers(21, 120, len(of)), end[of])
    programme = random.choice(len(PROGRAMMES), size=len(of), p=[0.3, 0.25, 0.15, 0.15, 0.03, 0.12])
    return Attendances(
        np.arange(len(of)), sentences.person[of], of, programme, start, last, random.random(len(of)) < 0.72
    )
