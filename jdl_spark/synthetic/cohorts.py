"""What an organisation submits: the people it served, and all the rows that cannot be analysed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic import catalogue
from jdl_spark.synthetic.calendar import new_year, year_of
from jdl_spark.synthetic.careers import CUSTODY, Careers
from jdl_spark.synthetic.catalogue import RequestSpec
from jdl_spark.synthetic.corruption import COHORT_RATES, GARBLED_RATES, NO_DATE, Written, write_down
from jdl_spark.synthetic.names import Ints, NameModel, Texts
from jdl_spark.synthetic.people import Bools, People, Places, draw_people, make_relatives
from jdl_spark.synthetic.treatment import Candidates, Served, pick_changed, share_two

NOBODY = -1
_FULL_SIZE = 100_000  # identities for which the catalogue's cohort sizes are meant
PNC_SHARE = 0.12
"""Of the people of a cohort who are on record: those whose identifier the organisation knows."""
_SMALLEST = 78  # rows; below, a request would be refused for its size alone


@dataclass
class Nation:
    """What cohorts are drawn from."""

    people: People
    places: Places
    names: NameModel
    careers: Careers
    pnc_ids: Texts


@dataclass
class Cohort:
    """One request's rows in the order of the file, and the truth about each.

    Attributes
    ----------
    fate : one of catalogue.FATES each. person : offender number, or NOBODY.
    event : sentence number of the index event of a served person, or NOBODY.
    start, end : days of the service, NO_DATE where not supplied.
    served, served_fate : the people who had the service, in an order of their own, and their rows' fate.
    """

    spec: RequestSpec
    fate: Texts
    person: Ints
    event: Ints
    start: Ints
    end: Ints
    written: Written
    pnc_id: Texts
    site: Texts
    served: Served
    served_fate: Texts

    def __len__(self) -> int:
        return len(self.fate)


def form_cohort(
    spec: RequestSpec, nation: Nation, candidates: Candidates, earlier: dict[str, Cohort], seed: int
) -> Cohort:
    """Draw one request's cohort. An index event is served by one request only, but for a shared pair's."""
    random = generator("synthetic", seed, "request", spec.id)
    rows = (
        spec.rows if spec.fixed_size else max(_SMALLEST, round(spec.rows * min(1.0, len(nation.people) / _FULL_SIZE)))
    )
    count = {fate: round(rows * spec.fates.get(fate, 0.0)) for fate in catalogue.FATES}
    served, served_fate, late = _serve(random, spec, nation, candidates, earlier, rows, count)
    misplaced, wrong_start = _misaligned(random, spec, candidates, count[catalogue.MISALIGNED])
    never = _never_sentenced(random, nation, candidates, count[catalogue.NO_SENTENCE])
    others = len(misplaced) + len(never) + count[catalogue.ABSENT]
    unknown = np.full(count[catalogue.ABSENT], NOBODY)
    fates = np.concatenate([
        served_fate, _all(late.person, catalogue.REOFFENDED), _all(misplaced, catalogue.MISALIGNED),
        _all(never, catalogue.NO_SENTENCE), _all(unknown, catalogue.ABSENT),
    ])  # fmt: skip
    person = np.concatenate([served.person, late.person, misplaced, never, unknown])
    event = np.concatenate([served.event, late.event, np.full(others, NOBODY)])
    days = _any_day(random, spec, len(never) + len(unknown))
    start = np.concatenate([served.start, late.start, wrong_start, days])
    again = random.permutation(np.flatnonzero(fates == catalogue.TREATED))[: count[catalogue.DUPLICATE]]
    order = random.permutation(np.concatenate([np.arange(len(fates)), len(fates) + np.arange(len(again))]))
    fates = np.concatenate([fates, _all(again, catalogue.DUPLICATE)])[order]
    person, event, start = (np.concatenate([column, column[again]])[order] for column in (person, event, start))
    written = _write(random, spec, nation, fates, person, start, seed)
    end = _ends(random, nation.careers, event, start)
    sites = np.array(spec.sites, dtype=object)[random.integers(0, len(spec.sites), len(fates))]
    pnc = _pnc(random, nation, fates, person)
    cohort = Cohort(spec, fates, person, event, start, end, written, pnc, sites, served, served_fate)
    _leave_out(random, cohort)
    return cohort


def _serve(
    random: np.random.Generator, spec: RequestSpec, nation: Nation, candidates: Candidates, earlier: dict[str, Cohort],
    rows: int, count: dict[str, int],
) -> tuple[Served, Texts, Served]:  # fmt: skip
    """Draw the people served, what becomes of their rows, and who began although they had reoffended."""
    garbled, unrecognised = count[catalogue.GARBLED], count[catalogue.GARBLED] + count[catalogue.INCOMPLETE]
    wanted = rows - sum(count.values()) + unrecognised
    served, late = candidates.choose(random, spec, wanted, count[catalogue.REOFFENDED])
    served = served.take(random.permutation(len(served)))
    fates = _all(served.person, catalogue.TREATED)
    fates[:garbled] = catalogue.GARBLED
    fates[garbled:unrecognised] = catalogue.INCOMPLETE
    if spec.shares_two_with in earlier:
        other = earlier[spec.shares_two_with]
        readable = other.served.take(np.flatnonzero(other.served_fate == catalogue.TREATED))
        pair = share_two(random, spec, readable, nation.careers.sentences)
        served = _append(served, pair)
        fates = np.concatenate([fates, _all(pair.person, catalogue.TREATED)])
    return served, fates, late


def plant_effects(cohorts: Collection[Cohort], identities: int, seed: int) -> None:
    """Mark whose outcome each service changes: people of one request only, so that effects do not mix."""
    requests = np.zeros(identities, dtype=np.int64)
    for cohort in cohorts:
        requests[np.unique(cohort.person[cohort.person != NOBODY])] += 1
    for cohort in cohorts:
        random = generator("synthetic", seed, "effect", cohort.spec.id)
        for fate in (catalogue.TREATED, catalogue.GARBLED, catalogue.INCOMPLETE):
            part = np.flatnonzero(cohort.served_fate == fate)
            group = cohort.served.take(part)
            free = requests[group.person] == 1
            cohort.served.changed[part] = pick_changed(random, group, cohort.spec.effect, free)


def _never_sentenced(random: np.random.Generator, nation: Nation, candidates: Candidates, count: int) -> Ints:
    sentenced = np.zeros(len(nation.people), dtype=bool)
    sentenced[nation.careers.sentences.person] = True
    never = random.permutation(np.flatnonzero(~sentenced & ~candidates.used))[:count]
    candidates.used[never] = True
    return np.asarray(never, dtype=np.int64)


def _all(rows: np.ndarray, fate: str) -> Texts:
    return np.full(len(rows), fate, dtype=object)


def _append(group: Served, more: Served) -> Served:
    return Served(*(np.concatenate([getattr(group, name), getattr(more, name)]) for name in group.__dataclass_fields__))


def _any_day(random: np.random.Generator, spec: RequestSpec, count: int) -> Ints:
    year = random.choice(np.array(spec.years), size=count)
    return np.asarray(new_year(year) + random.integers(0, 360, count))


def _misaligned(
    random: np.random.Generator, spec: RequestSpec, candidates: Candidates, count: int
) -> tuple[Ints, Ints]:
    """Draw sentenced people whose service lies outside every sentence's reach."""
    size = len(candidates.events)
    start = candidates.index + random.integers(230, 700, size)
    near = candidates.timeline.events_within(candidates.person, start - 200, start) > 0
    fits = ~near & ~candidates.timeline.in_custody(candidates.person, start) & ~candidates.used[candidates.person]
    fits &= np.isin(year_of(start), spec.years)
    if spec.women:
        fits &= candidates.woman
    rows = random.permutation(np.flatnonzero(fits))
    rows = rows[np.sort(np.unique(candidates.person[rows], return_index=True)[1])][:count]
    candidates.used[candidates.person[rows]] = True
    return candidates.person[rows], start[rows]


def _write(
    random: np.random.Generator, spec: RequestSpec, nation: Nation, fate: Texts, person: Ints, start: Ints, seed: int
) -> Written:
    """Write every row down as the organisation did; people who are in no register get made here."""
    outside = np.flatnonzero(person == NOBODY)
    born = start[outside] - np.floor(random.uniform(18, 55, len(outside)) * 365.25).astype(np.int64)
    strangers = draw_people(nation.names, nation.places, born, 1.0 if spec.women else 0.19, seed, f"request/{spec.id}")
    near = np.flatnonzero(random.random(len(strangers)) < 0.1)
    make_relatives(
        random, nation.names, strangers, near, nation.people, random.integers(0, len(nation.people), len(near))
    )
    if spec.women:
        strangers.man[:] = False
    garbled = np.flatnonzero(fate == catalogue.GARBLED)
    plain = np.flatnonzero((person != NOBODY) & (fate != catalogue.GARBLED))
    parts = [
        write_down(random, nation.people, person[plain], nation.places, COHORT_RATES),
        write_down(random, nation.people, person[garbled], nation.places, GARBLED_RATES),
        write_down(random, strangers, np.arange(len(strangers)), nation.places, COHORT_RATES),
    ]
    return Written.stack(parts).take(np.argsort(np.concatenate([plain, garbled, outside]), kind="stable"))


def _ends(random: np.random.Generator, careers: Careers, event: Ints, start: Ints) -> Ints:
    """Return the last day of each service; before the release where it took place in custody."""
    end = start + random.integers(21, 120, len(start))
    known = np.flatnonzero(event != NOBODY)
    sentence = careers.sentences
    inside = known[(sentence.disposal[event[known]] == CUSTODY) & (start[known] < sentence.release[event[known]])]
    end[inside] = np.minimum(end[inside], sentence.release[event[inside]] - 1)
    return np.asarray(np.maximum(end, start))


def _pnc(random: np.random.Generator, nation: Nation, fate: Texts, person: Ints) -> Texts:
    """Supply some people's identifier, as a person would copy it."""
    out = np.full(len(person), "", dtype=object)
    given: Bools = (person != NOBODY) & (fate != catalogue.GARBLED) & (random.random(len(person)) < PNC_SHARE)
    for row in np.flatnonzero(given):
        out[row] = copied_pnc(random, nation.pnc_ids[person[row]])
    return out


def copied_pnc(random: np.random.Generator, full: str) -> str:
    """Return the identifier as a person copies it: 2001/0012345X is also written 01/12345X."""
    short = f"{full[2:5]}{int(full[5:12])}{full[12]}"
    return full if random.random() < 0.6 else short


def _leave_out(random: np.random.Generator, cohort: Cohort) -> None:
    """Drop required fields of the incomplete rows, and the start date of some rows in custody."""
    for number, row in enumerate(np.flatnonzero(cohort.fate == catalogue.INCOMPLETE)):
        kind = number % 4
        if kind == 0:
            cohort.written.born[row] = NO_DATE
        elif kind == 1:
            cohort.written.sex[row] = -1
        elif kind == 2:
            cohort.start[row] = cohort.end[row] = NO_DATE
        else:
            cohort.written.forename[row] = ""
    if cohort.spec.setting == "custody":
        only_end = np.flatnonzero((random.random(len(cohort)) < 0.06) & (cohort.fate == catalogue.TREATED))
        cohort.start[only_end] = NO_DATE
