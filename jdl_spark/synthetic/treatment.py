"""Who was served, and what difference it made.

Selection uses only what the lab can see strictly before the index date (age, sanctions so far, work
in recorded spells, a stay in custody long enough), so the true effect can be recovered by matching.
It never looks into the future: an event is served or not as it comes, whatever other services the
person may use later. (To keep requests' people apart would be a look into the future: people with
many events are more often taken already.) People who reoffended before a community service began do
not begin it.

The planted effect changes nothing but the follow-up year of the served person's own index event, and
only of people who are in one request. For a reduction a fixed number of reoffending people lose the
episodes of that year (offences, sentence, breaches); for an increase a fixed number of others get a
conviction. Both outcomes, with and without, are written into the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from jdl_spark.schemas import OFFENCE_GROUPS, OUTCOME_KINDS
from jdl_spark.settings import FOLLOW_UP_MONTHS, MINIMUM_AGE, PROOF_MONTHS
from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.calendar import NEVER, add_months, year_of
from jdl_spark.synthetic.careers import COMMUNITY, CUSTODY, NO_SENTENCE, Attendances, Careers, Offences, Sentences
from jdl_spark.synthetic.catalogue import RequestSpec
from jdl_spark.synthetic.follow_up import Timeline, countable, follow, index_dates, terrorists
from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.people import Bools, People
from jdl_spark.synthetic.risk import Floats
from jdl_spark.synthetic.spells import Spells

_LONGEST_DELAY = 170  # days between a community index date and the service's start
_SHORTEST_STAY = 35  # days in custody in which a service can take place
_ADDED_GROUPS = ("theft", "violence", "drugs", "criminal_damage")


@dataclass
class Served:
    """Index events with a service, one entry each.

    Attributes
    ----------
    event : row in the sentences. person, index : of that event. start : first day of the service.
    first, reoffences : the follow-up year without the service. changed : picked to be changed by it.
    """

    event: Ints
    person: Ints
    index: Ints
    start: Ints
    first: Ints
    reoffences: Ints
    changed: Bools

    def __len__(self) -> int:
        return len(self.event)

    def take(self, rows: np.ndarray) -> Served:
        """Return the chosen ones."""
        return Served(*(getattr(self, f.name)[rows] for f in fields(self)))


class Candidates:
    """All index events of the nation with what selection may look at."""

    def __init__(self, people: People, careers: Careers, recorded_work: Spells, last_day: int) -> None:
        self._sentences = careers.sentences
        self.timeline = Timeline(careers.sentences)
        index = index_dates(careers.sentences)
        person = careers.sentences.person
        age = (index - people.born[person]) / 365.25
        banned = np.isin(person, terrorists(careers.offences))
        usable = (
            (age >= MINIMUM_AGE + 0.01) & ~banned & (add_months(np.minimum(index, last_day), PROOF_MONTHS) <= last_day)
        )
        self.events = np.flatnonzero(usable & (index < last_day))
        self.person, self.index = person[self.events], index[self.events]
        self.custody = careers.sentences.disposal[self.events] == CUSTODY
        self.woman = ~people.man[self.person]
        year = follow(careers.offences, self.person, self.index)
        self.first, self.reoffences = year.first, year.reoffences
        self._age = age[self.events]
        self._prior = np.log1p(careers.sentences.prior[self.events])
        self._work = recorded_work.days_before(self.person, self.index)
        self.taken = np.zeros(len(self.events), dtype=bool)
        """Events that some request serves; an event is served once."""
        self.used = np.zeros(len(people), dtype=bool)
        """People in some request."""

    def _start_dates(self, random: np.random.Generator, setting: str) -> tuple[Ints, Bools]:
        """Draw when each event's person would begin; second, whether the setting has such events."""
        size = len(self.events)
        begin = self._sentences.start[self.events]
        room = self.index - begin - 9
        inside = begin + 2 + np.floor(random.random(size) * np.maximum(room, 1)).astype(np.int64)
        delay = np.minimum(np.floor(random.exponential(40.0, size)), _LONGEST_DELAY).astype(np.int64)
        in_custody = self.custody & (random.random(size) < {"custody": 1.0, "community": 0.0, "both": 0.5}[setting])
        fits = np.where(in_custody, room >= _SHORTEST_STAY, setting != "custody")
        return np.where(in_custody, inside, self.index + delay), fits.astype(bool)

    def _score(self, spec: RequestSpec) -> Floats:
        covariates = [(self._age - 31.0) / 10.0, (self._prior - 1.4) / 0.8, self._work]
        return np.asarray(sum(weight * values for weight, values in zip(spec.lean, covariates, strict=True)))

    def choose(self, random: np.random.Generator, spec: RequestSpec, served: int, spoilt: int) -> tuple[Served, Served]:
        """Draw who is served, and who begins although they had reoffended (data errors, late lists).

        Returns
        -------
        served, reoffended : Served
            At most so many; fewer where the nation is too small. One event a person.
        """
        start, fits = self._start_dates(random, spec.setting)
        undisturbed = self.timeline.events_within(self.person, self.index, np.maximum(start, self.index)) == 0
        fits &= np.isin(year_of(start), spec.years) & undisturbed & ~self.taken
        if spec.women:
            fits &= self.woman
        delay = np.maximum(start - self.index, 0)
        key = self._score(spec) + random.gumbel(size=len(start))
        chosen = self._best(np.flatnonzero(fits & (self.first > delay)), key, served)
        late = np.flatnonzero(fits & (self.first <= delay) & ~np.isin(self.person, self.person[chosen]))
        wrongly = self._best(late, key, spoilt)
        for rows in (chosen, wrongly):
            self.taken[rows] = True
            self.used[self.person[rows]] = True
        return self._served(chosen, start), self._served(wrongly, start)

    def _best(self, rows: Ints, key: Floats, count: int) -> Ints:
        """Return at most `count` rows of highest key, for each person the earliest of those in reach."""
        reach = rows[np.argsort(-key[rows], kind="stable")][: int(count * 1.3) + 5]
        earliest = reach[np.lexsort((self.index[reach], self.person[reach]))]
        alone = earliest[np.unique(self.person[earliest], return_index=True)[1]]
        return np.asarray(alone[np.argsort(-key[alone], kind="stable")][:count])

    def _served(self, rows: Ints, start: Ints) -> Served:
        return Served(
            self.events[rows],
            self.person[rows],
            self.index[rows],
            start[rows],
            self.first[rows],
            self.reoffences[rows],
            np.zeros(len(rows), dtype=bool),
        )


def pick_changed(random: np.random.Generator, group: Served, effect: float, free: Bools) -> Bools:
    """Return whose outcome the service changes: as many as the effect asks for, drawn at random.

    Parameters
    ----------
    effect : change of the rate, probability. Below zero: some who would have reoffended do not.
    free : bool, shape (group,). People who may be changed.
    """
    wanted = round(abs(effect) * len(group))
    could = np.flatnonzero(((group.reoffences > 0) == (effect < 0)) & free)
    changed = np.zeros(len(group), dtype=bool)
    changed[random.permutation(could)[:wanted]] = True
    return changed


def share_two(random: np.random.Generator, spec: RequestSpec, others: Served, sentences: Sentences) -> Served:
    """Return two people of another request who used this service, too, in the same sentence."""
    room = (sentences.disposal[others.event] == CUSTODY) & (others.start < others.index)
    rows = np.flatnonzero(room & np.isin(year_of(others.start), spec.years))
    return others.take(random.permutation(rows)[:2])


def apply_effects(careers: Careers, groups: list[tuple[RequestSpec, Served]], seed: int) -> Careers:
    """Return the careers as they went on with the services in the world."""
    better = [group.take(np.flatnonzero(group.changed)) for spec, group in groups if spec.effect < 0]
    gone = _episodes_of(careers.offences, better)
    offences = careers.offences.take(np.flatnonzero(~np.isin(careers.offences.episode, gone)))
    lost = np.isin(careers.sentences.episode, gone)
    sentences = careers.sentences.take(np.flatnonzero(~lost))
    kept = ~np.isin(careers.attendances.sentence, careers.sentences.number[lost])
    attendances: Attendances = careers.attendances.take(np.flatnonzero(kept))
    next_offence, next_sentence = len(careers.offences), len(careers.sentences)
    next_episode = int(careers.offences.episode.max(initial=0)) + 1
    for spec, group in groups:
        if spec.effect <= 0 or not group.changed.any():
            continue
        random = generator("synthetic", seed, "added", spec.id)
        more, orders = _added(
            random, group.take(np.flatnonzero(group.changed)), next_offence, next_sentence, next_episode
        )
        offences, sentences = offences.with_more(more), sentences.with_more(orders)
        next_offence, next_sentence = next_offence + len(more), next_sentence + len(orders)
        next_episode = int(more.episode.max()) + 1
    return Careers(offences, sentences, attendances)


def _episodes_of(offences: Offences, groups: list[Served]) -> Ints:
    """Return the episodes with a proven offence in the follow-up year of one of the events."""
    if not groups:
        return np.empty(0, dtype=np.int64)
    person = np.concatenate([group.person for group in groups])
    index = np.concatenate([group.index for group in groups])
    order = np.argsort(person, kind="stable")
    person, index = person[order], index[order]
    if not len(person):
        return np.empty(0, dtype=np.int64)
    at = np.minimum(np.searchsorted(person, offences.person), len(person) - 1)
    hit = (person[at] == offences.person) & countable(offences)
    hit &= (offences.day > index[at]) & (offences.day <= add_months(index, FOLLOW_UP_MONTHS)[at])
    return np.unique(offences.episode[hit])


def _added(
    random: np.random.Generator, group: Served, next_offence: int, next_sentence: int, next_episode: int
) -> tuple[Offences, Sentences]:
    """Make up a conviction for each person, some with a second offence, some with a community order."""
    size = len(group)
    begin = np.maximum(group.index, group.start)
    room = add_months(group.index, FOLLOW_UP_MONTHS) - begin
    day = begin + 1 + np.floor(random.random(size) * room).astype(np.int64)
    day = np.minimum(day, add_months(group.index, FOLLOW_UP_MONTHS))
    proven = np.minimum(day + random.integers(10, 150, size), add_months(group.index, PROOF_MONTHS))
    ordered = np.flatnonzero(random.random(size) < 0.4)
    number = np.full(size, NO_SENTENCE)
    number[ordered] = next_sentence + np.arange(len(ordered))
    group_codes = np.array([OFFENCE_GROUPS.index(name) for name in _ADDED_GROUPS])
    twice = np.repeat(np.arange(size), 1 + (random.random(size) < 0.35))
    offences = Offences(
        next_offence + np.arange(len(twice)),
        group.person[twice],
        day[twice],
        random.choice(group_codes, size=len(twice)),
        np.full(len(twice), 2),
        np.full(len(twice), OUTCOME_KINDS.index("conviction")),
        proven[twice],
        np.ones(len(twice), dtype=bool),
        np.zeros(len(twice), dtype=bool),
        number[twice],
        next_episode + twice,
    )
    orders = Sentences(
        number[ordered], group.person[ordered], np.full(len(ordered), COMMUNITY), proven[ordered], proven[ordered],
        np.full(len(ordered), NEVER), np.full(len(ordered), 365), np.ones(len(ordered), dtype=np.int64),
        next_episode + ordered,
    )  # fmt: skip
    return offences, orders
