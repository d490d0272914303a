"""One-year proven reoffending: literal edges, then many events against a slow loop over all offences."""

from __future__ import annotations

import calendar
import random
from datetime import date, timedelta

import pytest
from national_frames import assert_schema, day, events, table

from jdl_spark import schemas
from jdl_spark.offending.outcomes import measure_outcomes

INDEX = "2010-06-30"
NONE = (False, 0, None)
ONCE = (True, 1, 365)
ONE_DAY = (True, 1, 1)


def offence(on, proven=None, **other):
    return {"offence_date": on, "outcome_date": on if proven is None else proven} | other


LITERAL = {
    # name: (index date, offences, (reoffended, reoffences, days to first))
    "nothing": (INDEX, [], NONE),
    "on the index date": (INDEX, [offence("2010-06-30", "2010-07-15")], NONE),
    "before, proven after": (INDEX, [offence("2010-06-29", "2010-07-15")], NONE),
    "the day after": (INDEX, [offence("2010-07-01")], ONE_DAY),
    "on the anniversary": (INDEX, [offence("2011-06-30")], ONCE),
    "the day after the anniversary": (INDEX, [offence("2011-07-01")], NONE),
    "proven on the last day": (INDEX, [offence("2011-06-30", "2011-12-30")], ONCE),
    "proven a day late": (INDEX, [offence("2011-06-30", "2011-12-31")], NONE),
    "early offence proven a day late": (INDEX, [offence("2010-07-01", "2011-12-31")], NONE),
    "caution": (INDEX, [offence("2010-07-01", outcome_kind="caution")], ONE_DAY),
    "reprimand": (INDEX, [offence("2010-07-01", outcome_kind="reprimand")], ONE_DAY),
    "warning": (INDEX, [offence("2010-07-01", outcome_kind="warning")], ONE_DAY),
    "penalty notice": (INDEX, [offence("2010-07-01", outcome_kind="penalty_notice")], NONE),
    "no outcome": (INDEX, [offence("2010-07-01", outcome_kind="none")], NONE),
    "breach": (INDEX, [offence("2010-07-01", breach=True)], NONE),
    "not recordable": (INDEX, [offence("2010-07-01", recordable=False)], NONE),
    "no outcome date": (INDEX, [{"offence_date": "2010-07-01", "outcome_date": None}], NONE),
    "several": (
        INDEX,
        [offence("2011-02-01"), offence("2010-07-10"), offence("2010-07-10"), offence("2010-07-02", breach=True)],
        (True, 3, 10),
    ),
    "released on 29 February": ("2008-02-29", [offence("2009-02-28")], ONCE),
    "released on 29 February, 1 March": ("2008-02-29", [offence("2009-03-01")], NONE),
    "released on 28 February before a leap year": ("2011-02-28", [offence("2012-02-28")], ONCE),
    "its leap day is the 366th": ("2011-02-28", [offence("2012-02-29")], NONE),
    "a year with a leap day": ("2011-03-01", [offence("2012-03-01")], (True, 1, 366)),
    "eighteen months end with the month": ("2010-08-31", [offence("2010-09-01", "2012-02-29")], ONE_DAY),
    "and not after it": ("2010-08-31", [offence("2010-09-01", "2012-03-01")], NONE),
    "or on the 28th": ("2009-08-31", [offence("2009-09-01", "2011-02-28")], ONE_DAY),
    "and not after the 28th": ("2009-08-31", [offence("2009-09-01", "2011-03-01")], NONE),
}


def add_months(start, months):
    """The same day so many months later, or that month's last."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def slowly(event, offences):
    """The definition in the words of the FAQ, one offence after another."""
    if not event["available"]:
        return None, None, None
    delays = []
    for one in offences:
        index, committed, proven = day(event["index_date"]), day(one["offence_date"]), day(one["outcome_date"])
        if one["offender_id"] != event["offender_id"] or one["breach"] or not one["recordable"] or proven is None:
            continue
        if one["outcome_kind"] not in ("conviction", "caution", "reprimand", "warning"):
            continue
        if index < committed <= add_months(index, 12) and proven <= add_months(index, 18):
            delays.append((committed - index).days)
    return bool(delays), len(delays), min(delays, default=None)


def random_nation(people):
    """Return events and offences around the edges; several events a person, so windows overlap."""
    pick = random.Random(20100630)
    made_events, made_offences = [], []
    starts = [date(2008, 2, 29), date(2009, 8, 31), date(2010, 2, 28), date(2010, 12, 31), date(2011, 2, 28)]
    for person in range(1000, 1000 + people):
        dates = {pick.choice(starts) + timedelta(pick.choice([0, 0, 1, pick.randrange(400)])) for _ in range(3)}
        made_events += [
            {"offender_id": person, "index_date": str(index), "available": pick.random() < 0.9}
            for index in sorted(dates)
        ]
        for index in [pick.choice(sorted(dates)) for _ in range(pick.randrange(6))]:
            edge = pick.choice([index, add_months(index, 12), index + timedelta(pick.randrange(400))])
            committed = edge + timedelta(pick.choice([-1, 0, 1]))
            end = add_months(index, 18) + timedelta(pick.choice([-1, 0, 1]))
            proven = pick.choice([max(end, committed), committed + timedelta(pick.randrange(300)), None])
            made_offences.append({
                "offender_id": person, "offence_date": str(committed),
                "outcome_date": None if proven is None else str(proven),
                "outcome_kind": pick.choice([*schemas.OUTCOME_KINDS, "conviction", "conviction"]),
                "recordable": pick.random() < 0.9, "breach": pick.random() < 0.1,
            })  # fmt: skip
    return made_events, made_offences


@pytest.fixture(scope="module")
def nation():
    """Return events and offences: literal cases as persons 1, 2, ..., their unavailable twins, random persons."""
    made_events, made_offences = random_nation(400)
    for person, (index, offences, _) in enumerate(LITERAL.values(), 1):
        for twin, available in ((person, True), (-person, False)):
            made_events.append({"offender_id": twin, "index_date": index, "available": available})
            made_offences += [{"offender_id": twin} | one for one in offences]
    numbered = [{"index_event_id": n, "shard": n % 5} | event for n, event in enumerate(made_events, 1)]
    usual = {"outcome_kind": "conviction", "recordable": True, "breach": False}
    return numbered, [usual | one for one in made_offences]


@pytest.fixture(scope="module")
def measured(spark, nation):
    frame = measure_outcomes(events(spark, nation[0]), table(spark, schemas.OFFENCES, nation[1]))
    assert_schema(frame, schemas.OUTCOMES)
    return frame.collect()


def answer(row):
    return row.reoffended, row.reoffences, row.days_to_first


@pytest.mark.parametrize("case", LITERAL)
def test_literal(measured, case):
    person = list(LITERAL).index(case) + 1
    assert [answer(row) for row in measured if row.offender_id == person] == [LITERAL[case][2]]


def test_follow_up_not_complete_says_nothing(measured):
    assert {answer(row) for row in measured if row.offender_id < 0} == {(None, None, None)}


def test_the_slow_loop_agrees(nation, measured):
    by_person = {}
    for one in nation[1]:
        by_person.setdefault(one["offender_id"], []).append(one)
    expected = {event["index_event_id"]: slowly(event, by_person.get(event["offender_id"], [])) for event in nation[0]}
    assert {row.index_event_id: answer(row) for row in measured} == expected
    kinds = [value[0] for value in expected.values()]
    assert min(kinds.count(True), kinds.count(False), kinds.count(None)) > 50  # the sample says something


def test_one_row_an_event_with_its_person_and_shard(nation, measured):
    keys = {(event["index_event_id"], event["offender_id"], event["shard"]) for event in nation[0]}
    assert len(measured) == len(nation[0])
    assert {(row.index_event_id, row.offender_id, row.shard) for row in measured} == keys


def test_no_offences(spark):
    frame = measure_outcomes(
        events(spark, [{"offender_id": 1, "index_date": INDEX}]), table(spark, schemas.OFFENCES, [])
    )
    assert [answer(row) for row in frame.collect()] == [NONE]


def test_no_events(spark):
    offences = table(spark, schemas.OFFENCES, [{"offender_id": 1, "offence_date": INDEX}])
    assert measure_outcomes(events(spark, []), offences).collect() == []
