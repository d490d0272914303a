"""Covariates: literal careers in, columns out. Every case is one person of one nation, packed once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest
from national_frames import assert_schema, events, table

from jdl_spark import schemas
from jdl_spark.covariates import columns
from jdl_spark.covariates.assemble import _pack, assemble_covariates
from jdl_spark.settings import CovariateSettings
from jdl_spark.stats.shard import NEVER, CovariateShard, stratum_code

INDEX = "2010-06-30"  # the benefit window of a community start is 2009-06-30 to 2010-06-29
COMMUNITY = {"kind": "community_start"}
INSIDE = {"kind": "custody_release", "custody_start": "2010-01-04"}  # window 2009-01-04 to 2010-01-03
HISTORY = {"age_first_offence": 30.0, "copas_rate": math.log(1 / 10)}  # of nobody who ever offended


@dataclass(frozen=True)
class Case:
    """One person with one event; `expected` are the columns of one block that are not 0."""

    name: str
    block: tuple[columns.Covariate, ...]
    expected: dict[str, float]
    event: dict = field(default_factory=dict)
    offender: dict | None = field(default_factory=lambda: {"ethnicity": "white", "nationality": "uk"})
    offences: tuple[dict, ...] = ()
    sentences: tuple[dict, ...] = ()
    programmes: tuple[dict, ...] = ()
    linked: bool = True
    benefits: tuple[tuple, ...] = ()
    jobs: tuple[tuple, ...] = ()


def person(name, expected, offender=None, **event):
    return Case(name, columns.DEMOGRAPHICS, expected, event, offender)


def index_offence(name, expected, *offences):
    return Case(name, columns.INDEX_OFFENCE, expected, offences=tuple({"sentence_id": "own"} | o for o in offences))


def sentence(name, expected, disposal, length):
    return Case(name, columns.SENTENCE, expected, sentences=({"sentence_id": "own", "disposal": disposal,
                                                             "length_days": length},))  # fmt: skip


def career(name, expected, *offences, event=None, sentences=()):
    return Case(
        name, columns.CRIMINAL_HISTORY, HISTORY | expected, event or {}, offences=offences, sentences=tuple(sentences)
    )


def programme(name, expected, *attendances):
    keys = ("start_date", "end_date", "completed")
    rows = tuple(dict(zip(keys, one, strict=True)) for one in attendances)
    return Case(name, columns.PROGRAMMES, expected, programmes=rows)


def income(name, expected, benefits=(), jobs=(), linked=True, event=COMMUNITY):
    return Case(name, columns.BENEFITS, expected, event, linked=linked, benefits=tuple(benefits), jobs=tuple(jobs))


def ago(days):
    return str(np.datetime64(INDEX) - days)


def offended(days, group="theft", kind="conviction", proven=None, **other):
    """An offence so many days before the index date, proven the same day or so many days before."""
    outcome = ago(days if proven is None else proven)
    return {"offence_date": ago(days), "outcome_date": outcome, "offence_group": group, "outcome_kind": kind} | other


def counted(**counts):
    return {name: math.log1p(count) for name, count in counts.items()}


def since(days, sanctions=1):
    """Age at the first offence and Copas rate of somebody of 30 who began, and was sanctioned, so long ago."""
    years = days / 365.25
    return {"age_first_offence": 30 - years, "copas_rate": math.log((1 + sanctions) / (10 + years))}


def once(days, **counts):
    return since(days) | counted(previous_offences=1, **counts)


LONG_AGO = 1000
RECENT = {"offences_last_year": 1, "offences_last_two_years": 1}

PEOPLE = [
    person("man, white, uk", {"age": 30, "age_squared": 9}, {"ethnicity": "white", "nationality": "uk"}),
    person("woman", {"age": 18, "age_squared": 3.24, "female": 1, "ethnicity_asian": 1, "nationality_foreign": 1},
           {"ethnicity": "asian", "nationality": "foreign"}, sex="F", age=18),
    person("black", {"age": 30, "age_squared": 9, "ethnicity_black": 1}, {"ethnicity": "black", "nationality": "uk"}),
    person("other", {"age": 30, "age_squared": 9, "ethnicity_other": 1}, {"ethnicity": "other", "nationality": "uk"}),
    person("a row that says nothing", {"age": 30, "age_squared": 9, "ethnicity_unknown": 1, "nationality_unknown": 1},
           {}, sex=None),
    person("no row, no age", {"age_unknown": 1, "ethnicity_unknown": 1, "nationality_unknown": 1}, age=None),
]  # fmt: skip
INDEX_OFFENCES = [
    index_offence("theft is left out", {}, offended(9)),
    *(index_offence(f"group {g}", {f"index_{g}": 1}, offended(9, g)) for g in columns.INDEX_OFFENCE_GROUPS),
    index_offence("terrorism is other", {"index_other": 1}, offended(9, "terrorism")),
    index_offence("none", {"index_offence_unknown": 1}),
    index_offence("a breach only", {"index_offence_unknown": 1}, offended(9, breach=True)),
    index_offence("of another sentence", {"index_offence_unknown": 1}, offended(9, sentence_id=None)),
    index_offence("most severe", {"index_drugs": 1, "index_most_serious": 1},
                  offended(99, "fraud"), offended(9, "drugs", severity=1), offended(99, "other", severity=3)),
    index_offence("a severe breach does not count", {"index_fraud": 1, "index_least_serious": 1},
                  offended(9, "fraud", severity=3), offended(9, "violence", severity=1, breach=True)),
    index_offence("unknown severity comes last", {"index_fraud": 1, "index_least_serious": 1},
                  offended(99, "drugs", severity=None), offended(9, "fraud", severity=3)),
    index_offence("unknown severity alone", {"index_drugs": 1}, offended(9, "drugs", severity=None)),
    index_offence("ties go to the earliest", {"index_drugs": 1},
                  offended(9, "fraud"), offended(10, "drugs"), offended(8, "robbery")),
    index_offence("then to the smallest id", {"index_robbery": 1}, offended(9, "fraud", offence_id=900_003),
                  offended(9, "robbery", offence_id=900_001), offended(9, "drugs", offence_id=900_002)),
]  # fmt: skip
BANDS = {
    (None, 0, 182): {},
    (183, 365): {"custody_6_12_months": 1},
    (366, 1461): {"custody_1_4_years": 1},
    (1462, 3652): {"custody_4_10_years": 1},
    (3653, 9999): {"custody_over_10_years": 1},
}
SENTENCES = [
    *(sentence(f"custody of {n} days", {"custody": 1} | e, "custody", n) for days, e in BANDS.items() for n in days),
    sentence("suspended", {"suspended": 1}, "suspended", 400),
    sentence("community", {}, "community", 400),
]
CAREERS = [
    career("nothing", {}),
    career("proven the day before", once(LONG_AGO, previous_convictions=1, previous_theft=1) | {
        "copas_rate": math.log(2 / (10 + 1 / 365.25))}, offended(LONG_AGO, proven=1)),
    career("proven on the index date", {}, offended(LONG_AGO, proven=0)),
    career("not proven yet", {}, offended(LONG_AGO) | {"outcome_date": None}),
    career("after the index date", {}, offended(-10)),
    career("penalty notice, no outcome", {}, offended(LONG_AGO, kind="penalty_notice"), offended(90, kind="none")),
    *(career(kind, once(LONG_AGO, previous_cautions=1), offended(LONG_AGO, "fraud", kind))
      for kind in ("caution", "reprimand", "warning")),
    career("violence", once(LONG_AGO, previous_convictions=1, previous_violence=1), offended(LONG_AGO, "violence")),
    career("robbery", once(LONG_AGO, previous_convictions=1, previous_violence=1), offended(LONG_AGO, "robbery")),
    career("drugs", once(LONG_AGO, previous_convictions=1, previous_drugs=1), offended(LONG_AGO, "drugs")),
    career("breaches", counted(previous_breaches=2),
           offended(LONG_AGO, breach=True), offended(90, breach=True), offended(90, kind="none", breach=True)),
    career("a day of court is one conviction and one sanction",
           since(LONG_AGO, 2) | counted(previous_offences=4, previous_convictions=2, previous_cautions=1)
           | {"copas_rate": math.log(3 / (10 + 900 / 365.25))},  # the outcome, not the offence, is the sanction
           offended(LONG_AGO, "fraud", proven=900), offended(950, "fraud", proven=900),
           offended(940, "fraud", proven=800), offended(930, "fraud", proven=900, kind="caution")),
    career("a year ago", once(365, previous_convictions=1, **RECENT), offended(365, "fraud")),
    career("a year and a day", once(366, previous_convictions=1, offences_last_two_years=1), offended(366, "fraud")),
    career("two years ago", once(730, previous_convictions=1, offences_last_two_years=1), offended(730, "fraud")),
    career("two years and a day", once(731, previous_convictions=1), offended(731, "fraud")),
    career("age not known", once(LONG_AGO, previous_convictions=1) | {"age_first_offence": 0},
           offended(LONG_AGO, "fraud"), event={"age": None}),
    career("ten years by hand",  # 2000-06-30 is 3652 days before: 9.99863 years; ln(4 / 19.99863)
           {"age_first_offence": 20.001369, "copas_rate": -1.6093695}
           | counted(previous_offences=3, previous_convictions=2, previous_cautions=1),
           offended(3652, "fraud"), offended(2000, "fraud", "caution"), offended(1500, "fraud")),
    career("sentences before", counted(previous_custody=2, previous_orders=3), sentences=(
        {"start_date": ago(1)}, {"start_date": ago(2000)}, {"start_date": ago(0)}, {"start_date": ago(-1)},
        {"start_date": ago(1), "disposal": "community"}, {"start_date": ago(5), "disposal": "community"},
        {"start_date": ago(9), "disposal": "suspended"}, {"start_date": ago(0), "disposal": "suspended"},
        {"sentence_id": "own", "start_date": ago(170)})),
]  # fmt: skip
STARTED, COMPLETED = {"programme_started": 1}, {"programme_started": 1, "programme_completed": 1}
PROGRAMMES = [
    programme("none", {}),
    programme("completed the day before", COMPLETED, (ago(90), ago(1), True)),
    programme("completed on the index date", STARTED, (ago(90), ago(0), True)),
    programme("not completed", STARTED, (ago(90), ago(1), False)),
    programme("not known whether completed", STARTED, (ago(90), ago(1), None)),
    programme("no last session", STARTED, (ago(1), None, True)),
    programme("started on the index date", {}, (ago(0), ago(-9), True)),
    programme("one of two completed", COMPLETED, (ago(900), ago(800), True), (ago(90), ago(80), False)),
]
MONTH = {"benefit_month_before": 1}
INCOMES = [
    income("no benefit record", {"benefits_record_missing": 1}, linked=False),
    income("a record without spells", {}),
    income("overlaps count once", {"benefit_days": 20},
           [("2010-01-01", "2010-01-10"), ("2010-01-05", "2010-01-20"), ("2010-01-07", "2010-01-08", "esa")]),
    income("identical spells", {"benefit_days": 5}, [("2010-01-01", "2010-01-05", k) for k in ("jsa", "esa", "is")]),
    income("one inside another, then one that overlaps the first, a gap, and one more", {"benefit_days": 36},
           [("2010-01-01", "2010-01-31"), ("2010-01-10", "2010-01-12"), ("2010-01-20", "2010-02-03"),
            ("2010-02-05", "2010-02-06")]),
    income("end to end", {"benefit_days": 10}, [("2010-01-01", "2010-01-05"), ("2010-01-06", "2010-01-10")]),
    income("open", {"benefit_days": 10} | MONTH, [("2010-06-20", None)]),
    income("two open ones", {"benefit_days": 365} | MONTH, [("2000-01-01", None), ("2010-06-20", None)]),
    income("from before the window to after the index date", {"benefit_days": 365} | MONTH,
           [("2000-01-01", "2012-01-01")]),
    income("from the index date on", {}, [("2010-06-30", None)], [("2010-06-30", "2010-07-30")]),
    income("the day before the index date", {"benefit_days": 1} | MONTH, [("2010-06-29", "2010-06-29")]),
    income("the first day of the window", {"benefit_days": 1}, [("2009-01-01", "2009-06-30")]),
    income("the day before the window", {}, [("2009-01-01", "2009-06-29")]),
    income("the first of the last thirty days", {"benefit_days": 1} | MONTH, [("2010-05-31", "2010-05-31")]),
    income("the day before them", {"benefit_days": 1}, [("2010-05-30", "2010-05-30")]),
    income("in custody the window ends before it began", {"benefit_days": 10} | MONTH,
           [("2009-12-25", "2010-02-01"), ("2010-03-01", None)], event=INSIDE),
    income("its first day", {"benefit_days": 1}, [("2008-01-01", "2009-01-04")], event=INSIDE),
    income("inside only", {}, [("2010-01-04", "2010-06-29")], event=INSIDE),
    income("work", {"employment_days": 20, "employment_month_before": 1, "benefit_days": 3},
           [("2010-01-01", "2010-01-03")], [("2010-01-01", "2010-01-10"), ("2010-06-20", None)]),
]  # fmt: skip
CASES = [*PEOPLE, *INDEX_OFFENCES, *SENTENCES, *CAREERS, *PROGRAMMES, *INCOMES]
# (sex, kind, year, age, terrorism, days to first, shard) of events that say where a row stands and how it is marked
ORDERED = [
    ("M", "custody_release", 2010, 14, False, 365, 5),
    (None, "community_start", 2010, 30, False, None, 5),
    ("F", "custody_release", 2010, 13, False, 1, 5),
    ("M", "community_start", 2009, None, False, None, 5),
    ("F", "community_start", 2011, 30, True, None, 5),
    ("M", "custody_release", 2010, 90, False, None, 5),
    (None, "custody_release", 2010, 30, False, None, 6),
]
FIRST = 5000  # their first id; -1 is an event whose follow-up is not complete


def nation():
    """Return the rows of every table, by argument of assemble_covariates."""
    rows = {name: [] for name in ("events", "outcomes", "offenders", "offences", "sentences", "programmes",
                                  "benefit_links", "benefit_spells", "employment_spells")}  # fmt: skip
    for number, case in enumerate(CASES, 1):
        who = {"offender_id": 100 + number}
        rows["events"].append(who | {"index_event_id": number, "index_date": INDEX, "shard": number % 3} | case.event)
        rows["outcomes"].append(who | {"index_event_id": number})
        rows["offenders"] += [] if case.offender is None else [who | case.offender]
        rows["programmes"] += [who | one for one in case.programmes]
        for name, ordinary in (("offences", {}), ("sentences", {"sentence_id": None})):
            for one in getattr(case, name):
                row = who | ordinary | one
                if row.get("sentence_id") == "own":
                    row["sentence_id"] = number
                elif name == "sentences":
                    row["sentence_id"] = 100_000 + len(rows[name])
                rows[name].append(row)
        claimant = {"claimant_id": 7000 + number}
        rows["benefit_links"] += [who | claimant] if case.linked else []
        for start, end, *kind in case.benefits:
            spell = {"start_date": start, "end_date": end, "benefit": kind[0] if kind else "jsa"}
            rows["benefit_spells"].append(claimant | spell)
        rows["employment_spells"] += [claimant | {"start_date": start, "end_date": end} for start, end in case.jobs]
    for number, (sex, kind, year, age, terrorism, days, shard) in enumerate(ORDERED, FIRST):
        made = {"index_event_id": number, "offender_id": -number, "index_date": f"{year}-05-01", "kind": kind,
                "shard": shard, "sex": sex, "age": age, "terrorism": terrorism}  # fmt: skip
        rows["events"].append(made)
        rows["outcomes"].append({"index_event_id": number, "offender_id": -number, "days_to_first": days})
    rows["events"].append(
        {"index_event_id": -1, "offender_id": 101, "index_date": INDEX, "shard": 0, "available": False}
    )
    rows["outcomes"].append({"index_event_id": -1, "offender_id": 101})
    return rows


TABLES = {
    "outcomes": schemas.OUTCOMES, "offenders": schemas.OFFENDERS, "offences": schemas.OFFENCES,
    "sentences": schemas.SENTENCES, "programmes": schemas.PROGRAMME_ATTENDANCE,
    "benefit_links": schemas.OFFENDER_BENEFIT_LINKS, "benefit_spells": schemas.BENEFIT_SPELLS,
    "employment_spells": schemas.EMPLOYMENT_SPELLS,
}  # fmt: skip


def frames(spark, rows):
    return {"index_events": events(spark, rows.get("events", []))} | {
        name: table(spark, schema, rows.get(name, [])) for name, schema in TABLES.items()
    }


def packed(tables, partitions=None):
    """Return the rows of COVARIATES, by shard."""
    if partitions:
        tables = {name: frame.repartition(partitions) for name, frame in tables.items()}
    frame = assemble_covariates(**tables, settings=CovariateSettings())
    assert_schema(frame, schemas.COVARIATES)
    return {row.shard: row for row in frame.collect()}


@pytest.fixture(scope="module")
def tables(spark):
    return frames(spark, nation())


@pytest.fixture(scope="module")
def stored(tables):
    return packed(tables)


@pytest.fixture(scope="module")
def shards(stored):
    return {shard: CovariateShard.from_bytes(bytes(row.payload), row.columns) for shard, row in stored.items()}


@pytest.fixture(scope="module")
def values(shards):
    """Return every event's covariates by name."""
    return {
        int(event): dict(zip(shard.columns, row, strict=True))
        for shard in shards.values()
        for event, row in zip(shard.event_id, shard.matrix, strict=True)
    }


@pytest.mark.parametrize("number", range(1, len(CASES) + 1), ids=[f"{c.block[0].group}-{c.name}" for c in CASES])
def test_literal(values, number):
    case = CASES[number - 1]
    expected = {covariate.name: case.expected.get(covariate.name, 0.0) for covariate in case.block}
    assert set(case.expected) <= set(expected)
    found = {name: values[number][name] for name in expected}
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_columns_are_those_that_are_described(stored):
    assert all(tuple(row.columns) == columns.NAMES for row in stored.values())
    assert len(set(columns.NAMES)) == len(columns.NAMES) == len(columns.LABELS)


def test_every_block_is_tested():
    assert {c.name for case in CASES for c in case.block} == set(columns.NAMES)
    nonzero = {name for case in CASES for name, value in case.expected.items() if value}
    assert nonzero == set(columns.NAMES)


def test_no_gaps(shards):
    assert all(np.isfinite(shard.matrix).all() for shard in shards.values())


def test_every_available_event_stands_once_in_its_shard(stored, shards):
    placed = {(int(e), n) for n, shard in shards.items() for e in shard.event_id}
    expected = {(row["index_event_id"], row["shard"]) for row in nation()["events"] if row.get("available", True)}
    assert placed == expected
    assert sum(row.events for row in stored.values()) == len(expected)
    assert {n: row.events for n, row in stored.items()} == {n: len(shard) for n, shard in shards.items()}


def test_rows_stand_by_stratum_then_event(shards):
    shard = shards[5]
    expected = sorted(
        (stratum_code(year, kind, sex), n)
        for n, (sex, kind, year, *_, place) in enumerate(ORDERED, FIRST)
        if place == 5
    )
    assert list(zip(shard.stratum.tolist(), shard.event_id.tolist(), strict=True)) == expected
    assert shard.offender_id.tolist() == [-event for _, event in expected]
    assert shard.data_order.tolist() == list(range(len(expected)))
    for shard in shards.values():
        keys = list(zip(shard.stratum, shard.event_id, strict=True))
        assert keys == sorted(keys)


def test_who_may_stand_in_a_pool(shards):
    marked = dict(zip(shards[5].event_id.tolist(), shards[5].eligible.tolist(), strict=True))
    assert marked == {5000: True, 5001: True, 5002: False, 5003: False, 5004: False, 5005: True}


def test_days_to_the_first_reoffence_or_never(shards):
    days = dict(zip(shards[5].event_id.tolist(), shards[5].first_reoffence.tolist(), strict=True))
    assert days == {5000: 365, 5002: 1} | dict.fromkeys((5001, 5003, 5004, 5005), int(NEVER))


def test_a_shard_of_one_event_whose_sex_and_reoffence_are_not_known(shards):
    shard = shards[6]
    assert (shard.stratum.tolist(), shard.first_reoffence.tolist()) == ([201010], [int(NEVER)])


@pytest.mark.parametrize("partitions", [1, 8])  # and 2, which the session has
def test_the_same_bytes_on_any_number_of_partitions(spark, tables, stored, partitions):
    usual = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        again = packed(tables, partitions)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", usual)
    assert {n: bytes(row.payload) for n, row in again.items()} == {n: bytes(row.payload) for n, row in stored.items()}


def test_the_same_bytes_in_any_order_of_arrival():
    n = 200
    wide = pa.table(
        {"shard": [3] * n, "index_event_id": list(range(n)), "offender_id": list(range(n)), "eligible": [True] * n,
         "kind": ["custody_release", "community_start"] * (n // 2), "index_year": [2010, 2010, 2011, 2009] * (n // 4),
         "sex": ["F", None, "M", "M", "M"] * (n // 5), "days_to_first": [None, 7] * (n // 2)}
        | {name: np.arange(n) + place / 100 for place, name in enumerate(columns.NAMES)}
    )  # fmt: skip
    order = np.random.default_rng(3).permutation(n)
    assert _pack(wide).equals(_pack(wide.take(pa.array(order))))


def test_a_nation_of_one_event_and_nothing_else(spark):
    rows = {"events": [{"index_event_id": 1, "offender_id": 1, "index_date": INDEX}]}
    shard = CovariateShard.from_bytes(bytes(packed(frames(spark, rows))[0].payload), columns.NAMES)
    found = {name: value for name, value in zip(columns.NAMES, shard.matrix[0], strict=True) if value}
    assert found == pytest.approx(
        {"age": 30, "age_squared": 9, "ethnicity_unknown": 1, "nationality_unknown": 1, "index_offence_unknown": 1,
         "benefits_record_missing": 1, **HISTORY}
    )  # fmt: skip


def test_a_nation_without_available_events(spark):
    rows = {"events": [{"index_event_id": 1, "offender_id": 1, "index_date": INDEX, "available": False}]}
    assert packed(frames(spark, rows)) == {}
