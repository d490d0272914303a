"""Treatment groups: every reason by a literal person; many persons, requests and settings in one frame."""

from __future__ import annotations

import pytest
from national_frames import assert_schema, events, table

from jdl_spark import schemas
from jdl_spark.groups import form_groups
from jdl_spark.settings import IndexEventSettings
from jdl_spark.stats.shard import stratum_code

WINDOW = 183
CUSTODY, COMMUNITY, BOTH = "CUSTODY", "COMMUNITY", "BOTH"  # requests, by the setting of their service

# offender: its events (id, kind, custody start or None, index date, what is not ordinary)
NATION = {
    1: [  # a career: two sentences in custody, an order after each
        (11, "custody_release", "2008-01-01", "2008-06-30", {}),
        (12, "community_start", None, "2008-09-30", {}),
        (13, "custody_release", "2009-12-01", "2010-06-30", {"sex": "F"}),
        (14, "community_start", None, "2010-07-30", {"sex": None}),
    ],
    2: [],
    3: [(31, "custody_release", "2010-01-01", "2012-06-30", {"available": False, "age": 13, "terrorism": True})],
    4: [(41, "custody_release", "2010-01-01", "2010-06-30", {"age": 13, "terrorism": True})],
    5: [(51, "custody_release", "2010-01-01", "2010-06-30", {"terrorism": True, "age": 14})],
    6: [(61, "community_start", None, "2010-06-30", {"days": 20})],
    7: [(71, "community_start", None, "2010-06-30", {"days": 20, "terrorism": True})],
    8: [(81, "custody_release", "2010-01-01", "2010-06-30", {"days": 20, "age": None})],
    9: [  # nested and overlapping sentences that end on different days; the nearest release counts
        (93, "custody_release", "2010-01-01", "2010-06-30", {}),
        (92, "custody_release", "2010-02-01", "2010-05-31", {}),
        (91, "custody_release", "2009-01-01", "2011-05-31", {}),
    ],
    10: [  # as near as each other: the kind first, then the smallest id
        (103, "community_start", None, "2010-06-30", {}),
        (101, "custody_release", "2010-01-01", "2010-06-30", {}),
        (102, "community_start", None, "2010-06-30", {}),
    ],
}

# person: (request, offender, start of the intervention) -> (event, landmark, reason)
CASES = {
    "inside": (CUSTODY, 1, "2010-03-01", (13, 0, None)),
    "an earlier sentence": (CUSTODY, 1, "2008-03-01", (11, 0, None)),
    "on the first day inside": (CUSTODY, 1, "2009-12-01", (13, 0, None)),
    "on the day of release": (CUSTODY, 1, "2010-06-30", (13, 0, None)),
    "the day before custody": (CUSTODY, 1, "2009-11-30", (None, None, "dates_do_not_align")),
    "the day after release": (CUSTODY, 1, "2010-07-01", (None, None, "dates_do_not_align")),
    "the nearest of nested sentences": (CUSTODY, 9, "2010-03-01", (92, 0, None)),
    "the nearest that contains the start": (CUSTODY, 9, "2010-06-15", (93, 0, None)),
    "the outer one": (CUSTODY, 9, "2011-01-01", (91, 0, None)),
    "nearest before": (COMMUNITY, 1, "2010-08-30", (14, 31, None)),
    "release is nearer than the order to come": (COMMUNITY, 1, "2010-07-29", (13, 29, None)),
    "on the day": (COMMUNITY, 1, "2010-07-30", (14, 0, None)),
    "the last day of the window": (COMMUNITY, 1, "2011-01-29", (14, WINDOW, None)),
    "past the window": (COMMUNITY, 1, "2011-01-30", (None, None, "dates_do_not_align")),
    "inside, but a service outside": (COMMUNITY, 1, "2010-03-01", (None, None, "dates_do_not_align")),
    "both: inside": (BOTH, 1, "2010-03-01", (13, 0, None)),
    "both: outside": (BOTH, 1, "2010-08-30", (14, 31, None)),
    "both: on the day of release, inside": (BOTH, 1, "2010-06-30", (13, 0, None)),
    "both: inside a sentence counts before a nearer start": (BOTH, 9, "2010-06-15", (93, 0, None)),
    "ties: the kind, then the id": (COMMUNITY, 10, "2010-07-10", (102, 10, None)),
    "no event": (BOTH, 2, "2010-03-01", (None, None, "no_index_event")),
    "no intervention start": (BOTH, 1, None, (None, None, "dates_do_not_align")),
    "follow-up comes before age and terrorism": (CUSTODY, 3, "2010-03-01", (31, 0, "follow_up_not_complete")),
    "age comes before terrorism": (CUSTODY, 4, "2010-03-01", (41, 0, "under_14")),
    "terrorism": (CUSTODY, 5, "2010-03-01", (51, 0, "terrorist_offence")),
    "terrorism before reoffending": (COMMUNITY, 7, "2010-07-30", (71, 30, "terrorist_offence")),
    "reoffended before": (COMMUNITY, 6, "2010-07-30", (61, 30, "reoffended_before_start")),
    "reoffended on the day of the start": (COMMUNITY, 6, "2010-07-20", (61, 20, "reoffended_before_start")),
    "reoffended the day after the start": (COMMUNITY, 6, "2010-07-19", (61, 19, None)),
    "reoffended after release; age not known": (CUSTODY, 8, "2010-03-01", (81, 0, None)),
}
LINKS = [  # (request, person, offender, status, posterior)
    ("LINKAGE", "candidates", 1, "candidate", 0.4),
    ("LINKAGE", "candidates", 2, "candidate", 0.3),
    ("LINKAGE", "ambiguous", 1, "ambiguous", 0.5),
    ("LINKAGE", "ambiguous", 9, "ambiguous", 0.5),
    ("LINKAGE", "linked, with a candidate", 9, "linked", 0.95),
    ("LINKAGE", "linked, with a candidate", 10, "candidate", 0.02),
    ("LINKAGE", "twice-a", 1, "linked", 0.95),  # the surest claim to a person wins ...
    ("LINKAGE", "twice-b", 1, "linked", 0.99),
    ("LINKAGE", "twice-c", 1, "linked", 0.95),
    ("LINKAGE", "same-2", 8, "linked", 0.95),  # ... then the first row
    ("LINKAGE", "same-1", 8, "linked", 0.95),
    ("LINKAGE", "eventless-1", 2, "linked", 0.95),
    ("LINKAGE", "eventless-2", 2, "linked", 0.90),
    ("EMPTY", "nobody of the cohort", 1, "linked", 0.95),
]
START = "2010-03-01"
LINKAGE = {
    "not there": (None, None, "not_found"),
    "candidates": (None, None, "not_found"),
    "ambiguous": (None, None, "ambiguous"),
    "linked, with a candidate": (9, 92, None),
    "twice-a": (1, None, "same_person_twice"),
    "twice-b": (1, 13, None),
    "twice-c": (1, None, "same_person_twice"),
    "same-1": (8, 81, None),
    "same-2": (8, None, "same_person_twice"),
    "eventless-1": (2, None, "no_index_event"),
    "eventless-2": (2, None, "same_person_twice"),
}
SETTINGS = [(CUSTODY, "custody"), (COMMUNITY, "community"), (BOTH, "both"), ("LINKAGE", "custody"), ("EMPTY", "both")]


def form(spark, cohort, links, wanted=SETTINGS, nation=None):
    nation = NATION if nation is None else nation
    flat = [(offender, *event) for offender, own in nation.items() for event in own]
    made, outcomes = [], []
    for offender, event, kind, inside, index, other in flat:
        own = {"offender_id": offender, "index_event_id": event}
        days = other.get("days")
        dates = {"kind": kind, "custody_start": inside, "index_date": index}
        made.append(own | dates | {k: v for k, v in other.items() if k != "days"})
        outcomes.append(own | {"days_to_first": days, "reoffended": days is not None})
    keys = ("request_id", "person_ref", "offender_id", "status", "match_probability")
    frame = form_groups(
        table(spark, schemas.COHORT_MEMBERS, cohort),
        table(spark, schemas.LINKS, [dict(zip(keys, link, strict=True)) for link in links]),
        spark.createDataFrame(wanted, "request_id string, setting string"),
        events(spark, made),
        table(spark, schemas.OUTCOMES, outcomes),
        IndexEventSettings(community_window_days=WINDOW),
    )
    assert_schema(frame, schemas.MEMBERS)
    return frame


def submitted():
    """Return the cohort; every literal case is a request of its own, named after its setting."""
    cohort = [
        {"request_id": f"{request}-{number}", "person_ref": name, "intervention_start": start}
        for number, (name, (request, _, start, _)) in enumerate(CASES.items())
    ]
    return cohort + [{"request_id": "LINKAGE", "person_ref": n, "intervention_start": START} for n in LINKAGE]


@pytest.fixture(scope="module")
def rows(spark):
    """Return the members of every request of the file, formed together."""
    own = [
        (f"{request}-{number}", name, offender, "linked", 0.99)
        for number, (name, (request, offender, *_)) in enumerate(CASES.items())
    ]
    settings = [(f"{case[0]}-{number}", case[0].lower()) for number, case in enumerate(CASES.values())]
    return form(spark, submitted(), [*own, *LINKS], [*settings, *SETTINGS]).collect()


@pytest.fixture(scope="module")
def people(rows):
    return {row.person_ref: row for row in rows}


@pytest.mark.parametrize("case", CASES)
def test_event_landmark_and_reason(people, case):
    row = people[case]
    assert (row.index_event_id, row.landmark_days, row.reason) == CASES[case][3]
    assert row.offender_id == CASES[case][1]


@pytest.mark.parametrize("case", LINKAGE)
def test_lost_in_linkage(people, case):
    row = people[case]
    assert (row.offender_id, row.index_event_id, row.reason) == LINKAGE[case]


def test_one_row_a_submitted_person(rows):
    found = sorted((row.request_id, row.person_ref) for row in rows)
    assert found == sorted((one["request_id"], one["person_ref"]) for one in submitted())


def test_every_reason_of_this_stage_has_a_case(rows):
    assert {row.reason for row in rows} == {
        None, "not_found", "ambiguous", "same_person_twice", "no_index_event", "dates_do_not_align",
        "follow_up_not_complete", "under_14", "terrorist_offence", "reoffended_before_start",
    }  # fmt: skip


def test_the_stratum_is_the_one_of_the_shards(rows):
    nation = {event[0]: event for own in NATION.values() for event in own}
    for row in rows:
        if row.index_event_id is None:
            assert row.stratum is None
        else:
            _, kind, _, index, other = nation[row.index_event_id]
            assert row.stratum == stratum_code(int(index[:4]), kind, other.get("sex", "M"))
    assert len({row.stratum for row in rows}) > 4


def test_alone_or_in_company(spark, rows):
    cohort = [one for one in submitted() if one["request_id"] == "LINKAGE"]
    alone = form(spark, cohort, [link for link in LINKS if link[0] == "LINKAGE"], SETTINGS).collect()
    assert {tuple(row) for row in alone} == {tuple(row) for row in rows if row.request_id == "LINKAGE"}


def test_the_nation_is_not_shuffled(spark):
    plan = form(spark, submitted()[:1], LINKS)._jdf.queryExecution().executedPlan().toString().splitlines()
    depth = [len(line) - len(line.lstrip(" :+-")) for line in plan]
    scans = [n for n, line in enumerate(plan) if "Scan" in line and ("custody_start" in line or "reoffended" in line)]
    assert len(scans) >= 2  # index events and outcomes
    for scan in scans:
        above = [n for n in range(scan) if depth[n] < min(depth[n + 1 : scan + 1])]
        join = next(n for n in reversed(above) if "Join" in plan[n])
        assert "BroadcastHashJoin" in plan[join]
        assert not [plan[n] for n in above if n > join and "Exchange" in plan[n]]


@pytest.mark.parametrize("nation", [None, {}], ids=["a nation", "no nation"])
def test_no_cohort(spark, nation):
    assert form(spark, [], [], nation=nation).collect() == []


def test_no_links_and_no_nation(spark):
    found = form(spark, submitted()[-2:], [], nation={}).collect()
    assert {row.reason for row in found} == {"not_found"}
