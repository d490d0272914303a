"""Index events: literal sentences in, events out; every case is one person of one frame."""

from __future__ import annotations

from datetime import date

import pytest
from national_frames import assert_schema, table

from jdl_spark import schemas
from jdl_spark.offending.index_events import derive_index_events

SHARDS = 7
OUTCOMES_TO = date(2013, 6, 30)  # data year 2011 needs exactly this

SENTENCES = [
    # custody: the release is the index date
    {"sentence_id": 1, "offender_id": 1, "start_date": "2010-01-04", "release_date": "2010-06-30", "area": "North"},
    # community and suspended: the start is, also when a release date was written by mistake
    {"sentence_id": 2, "offender_id": 2, "disposal": "community", "start_date": "2010-02-01"},
    {"sentence_id": 3, "offender_id": 2, "disposal": "suspended", "start_date": "2010-03-01",
     "release_date": "2011-01-01"},
    # still inside: no event
    {"sentence_id": 4, "offender_id": 3, "start_date": "2010-01-04"},
    # concurrent: same person, kind and day
    {"sentence_id": 14, "offender_id": 4, "start_date": "2010-01-04", "release_date": "2010-05-01", "length_days": 90},
    {"sentence_id": 13, "offender_id": 4, "start_date": "2010-01-05", "release_date": "2010-05-01", "length_days": 200},
    {"sentence_id": 12, "offender_id": 4, "start_date": "2010-01-06", "release_date": "2010-05-01", "length_days": 200},
    {"sentence_id": 11, "offender_id": 4, "start_date": "2010-01-07",
     "release_date": "2010-05-01", "length_days": None},
    # an order that starts on the day of the release is an event of another kind
    {"sentence_id": 15, "offender_id": 4, "disposal": "community", "start_date": "2010-05-01", "length_days": 365},
    # another person on the same day
    {"sentence_id": 16, "offender_id": 5, "start_date": "2010-01-04", "release_date": "2010-05-01", "length_days": 1},
    # concurrent, all ties
    {"sentence_id": 18, "offender_id": 6, "disposal": "community", "start_date": "2010-05-01"},
    {"sentence_id": 17, "offender_id": 6, "disposal": "suspended", "start_date": "2010-05-01"},
    # ages: day before, birthday, day after
    {"sentence_id": 21, "offender_id": 7, "disposal": "community", "start_date": "2010-05-16"},
    {"sentence_id": 22, "offender_id": 7, "disposal": "community", "start_date": "2010-05-17"},
    {"sentence_id": 23, "offender_id": 7, "disposal": "community", "start_date": "2010-05-18"},
    # born on 29 February
    {"sentence_id": 31, "offender_id": 8, "disposal": "community", "start_date": "2010-02-27"},
    {"sentence_id": 32, "offender_id": 8, "disposal": "community", "start_date": "2010-02-28"},
    {"sentence_id": 33, "offender_id": 8, "disposal": "community", "start_date": "2010-03-01"},
    {"sentence_id": 34, "offender_id": 8, "disposal": "community", "start_date": "2012-02-28"},
    {"sentence_id": 35, "offender_id": 8, "disposal": "community", "start_date": "2012-02-29"},
    # born on 28 February of a common year; 31 December
    {"sentence_id": 36, "offender_id": 9, "disposal": "community", "start_date": "2012-02-28"},
    {"sentence_id": 37, "offender_id": 10, "disposal": "community", "start_date": "2010-12-30"},
    {"sentence_id": 38, "offender_id": 10, "disposal": "community", "start_date": "2010-12-31"},
    # no row of offenders, no identity at all
    {"sentence_id": 41, "offender_id": -9_000_000_000_000_000_001, "disposal": "community", "start_date": "2010-05-01"},
    # terrorism
    {"sentence_id": 51, "offender_id": 12, "disposal": "community", "start_date": "2010-05-01"},
    {"sentence_id": 52, "offender_id": 12, "disposal": "community", "start_date": "2010-05-02"},
    {"sentence_id": 53, "offender_id": 12, "disposal": "community", "start_date": "2010-05-03"},
    # availability
    {"sentence_id": 61, "offender_id": 13, "disposal": "community", "start_date": "2011-12-30"},
    {"sentence_id": 62, "offender_id": 13, "disposal": "community", "start_date": "2011-12-31"},
    {"sentence_id": 63, "offender_id": 13, "disposal": "community", "start_date": "2012-01-01"},
]  # fmt: skip
OFFENDERS = [
    {"offender_id": 1, "sex": "F"},
    *({"offender_id": n, "sex": "M"} for n in range(2, 13)),
    {"offender_id": 13, "sex": None},
]
IDENTITIES = [
    {"offender_id": 1, "date_of_birth": "1980-01-01", "sex": "M"},  # the offenders' sex counts
    {"offender_id": 1, "version_no": 2, "date_of_birth": "1950-01-01"},  # an alias does not
    {"offender_id": 2, "date_of_birth": None},
    {"offender_id": 2, "version_no": 2, "date_of_birth": "1950-01-01"},
    {"offender_id": 7, "date_of_birth": "1980-05-17"},
    {"offender_id": 8, "date_of_birth": "1992-02-29"},
    {"offender_id": 9, "date_of_birth": "1991-02-28"},
    {"offender_id": 10, "date_of_birth": "1990-12-31"},
]
OFFENCES = [
    {"offender_id": 12, "offence_date": "2010-05-02", "offence_group": "terrorism", "outcome_date": "2010-06-01"},
    {"offender_id": 12, "offence_date": "2012-05-02", "offence_group": "terrorism", "outcome_date": "2012-06-01"},
    {"offender_id": 12, "offence_date": "2009-05-02", "offence_group": "violence", "outcome_date": "2009-06-01"},
]


def derive(spark, sentences=SENTENCES, offences=OFFENCES, offenders=OFFENDERS, identities=IDENTITIES):
    frame = derive_index_events(
        table(spark, schemas.SENTENCES, sentences),
        table(spark, schemas.OFFENCES, offences),
        table(spark, schemas.OFFENDERS, offenders),
        table(spark, schemas.OFFENDER_IDENTITIES, identities),
        SHARDS,
        OUTCOMES_TO,
    )
    assert_schema(frame, schemas.INDEX_EVENTS)
    rows = frame.collect()
    assert len({row.index_event_id for row in rows}) == len(rows)
    return {row.index_event_id: row for row in rows}


@pytest.fixture(scope="module")
def found(spark):
    return derive(spark)


def test_a_custodial_sentence_gives_its_release(found):
    event = found[1]
    assert (event.offender_id, event.kind, event.index_date) == (1, "custody_release", date(2010, 6, 30))
    assert (event.index_year, event.custody_start, event.area) == (2010, date(2010, 1, 4), "North")
    assert (event.sex, event.age) == ("F", 30)


def test_orders_and_suspended_sentences_give_their_start(found):
    assert [(found[n].kind, found[n].index_date, found[n].custody_start) for n in (2, 3)] == [
        ("community_start", date(2010, 2, 1), None),
        ("community_start", date(2010, 3, 1), None),
    ]


def test_people_still_inside_have_no_event(found):
    assert 4 not in found


def test_concurrent_sentences_give_one_event_the_longest_then_the_smallest_id(found):
    assert {n for n in found if 11 <= n <= 18} == {12, 15, 16, 17}
    assert found[12].custody_start == date(2010, 1, 6)


@pytest.mark.parametrize(
    ("event", "age"),
    [
        (21, 29), (22, 30), (23, 30),
        (31, 17), (32, 17), (33, 18), (34, 19), (35, 20),  # who is born on 29 February turns 18 on 1 March
        (36, 21), (37, 19), (38, 20),
    ],
)  # fmt: skip
def test_age_in_completed_years(found, event, age):
    assert found[event].age == age


def test_without_a_date_of_birth_the_age_is_not_known(found):
    assert [found[n].age for n in (2, 3)] == [None, None]  # an alias with a date of birth does not help


def test_a_person_without_other_rows_keeps_the_event(found):
    event = found[41]
    assert (event.sex, event.age, event.terrorism, event.available) == (None, None, False, True)


def test_terrorism_counts_from_the_day_of_the_offence(found):
    assert [found[n].terrorism for n in (51, 52, 53)] == [False, True, True]
    assert not any(event.terrorism for n, event in found.items() if n not in (52, 53))


def test_available_when_eighteen_months_lie_within_the_outcomes(found):
    assert [found[n].available for n in (61, 62, 63)] == [True, True, False]
    assert found[63].index_year == 2012


def xxhash64(value, seed=42):
    """XXH64 of eight bytes, signed: what Spark's xxhash64 of a bigint is defined to be."""
    mask = 2**64 - 1
    p1, p2, p3, p4, p5 = (
        0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
    )  # fmt: skip

    def rotated(x, by):
        return ((x << by) | (x >> (64 - by))) & mask

    h = (seed + p5 + 8) & mask
    h ^= rotated((value & mask) * p2 & mask, 31) * p1 & mask
    h = (rotated(h, 27) * p1 + p4) & mask
    h = (h ^ (h >> 33)) * p2 & mask
    h = (h ^ (h >> 29)) * p3 & mask
    h ^= h >> 32
    return h - 2**64 if h >= 2**63 else h


def test_the_shard_is_the_person_s(found):
    assert {n: event.shard for n, event in found.items()} == {
        n: xxhash64(event.offender_id) % SHARDS for n, event in found.items()
    }
    assert len({event.shard for event in found.values()}) > 3


def test_no_sentences_no_events(spark):
    assert derive(spark, sentences=[]) == {}


def test_one_sentence_and_nothing_else(spark):
    rows = derive(spark, sentences=SENTENCES[:1], offences=[], offenders=[], identities=[])
    assert [(e.index_event_id, e.sex, e.age, e.terrorism) for e in rows.values()] == [(1, None, None, False)]
