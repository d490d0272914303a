"""Submissions as rows of the lake."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from request_folders import check, csv_text, people, person, row

from jdl_spark import schemas
from jdl_spark.errors import InputError
from jdl_spark.requests import intake

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROWS = [
    person(1), person(1), row(forename=""), row(date_of_birth="1/1/80", gender="X"),
    row(intervention_start="01/01/2009", intervention_end=""), *people(61)[1:],
]  # fmt: skip


@pytest.fixture
def mixed(tmp_path):
    return check(tmp_path, csv_text(ROWS))


def test_the_row_of_a_request(mixed):
    made = intake.request_row(mixed, NOON)
    assert set(made) == set(schemas.REQUESTS.column_names)
    assert (made["request_id"], made["admission"], made["submitted_at"]) == ("BRIDGE-2010", "accepted", NOON)
    assert made["content_digest"] == mixed.content_digest
    assert json.loads(made["metadata"])["service"]["delivery_years"] == [2009, 2010]
    assert [rule["outcome"] for rule in json.loads(made["rules"])] == ["note"]
    assert json.loads(made["intake"])["by_reason"]["two_digit_year"] == 1
    assert "Smith" not in json.dumps(made, default=str)


def test_an_unreadable_submission_has_no_row(tmp_path):
    with pytest.raises(InputError, match="jdl check"):
        intake.request_row(check(tmp_path, b""))
    assert intake.member_rows(check(tmp_path, b"")) == intake.quarantine_rows(check(tmp_path, b"")) == []


def test_members_have_the_columns_of_the_table(mixed):
    rows = intake.member_rows(mixed)
    assert len(rows) == 61
    assert all(set(one) == set(schemas.COHORT_MEMBERS.column_names) for one in rows)
    assert [one["person_ref"] for one in rows[:2]] == ["00005", "00006"]  # the earlier intervention stays
    assert rows[0]["intervention_start"] == date(2009, 1, 1)
    assert rows[0]["intervention_end"] is None


def test_quarantine_holds_every_row_that_is_left_out_with_its_reasons(mixed):
    rows = intake.quarantine_rows(mixed)
    assert [(one["row_number"], one["reason"]) for one in rows] == [
        (1, "second_intervention"), (2, "duplicate_row"), (3, "missing_value_forename"),
        (4, "two_digit_year_date_of_birth"), (4, "unknown_gender_gender"),
    ]  # fmt: skip
    assert all(set(one) == set(schemas.QUARANTINE.column_names) for one in rows)
    assert json.loads(rows[3]["row"])["date_of_birth"] == "1/1/80"
    keys = [tuple(one[name] for name in schemas.QUARANTINE.key) for one in rows]
    assert len(set(keys)) == len(keys)


def test_rows_lost_and_people_kept_add_up_to_the_rows_submitted(mixed):
    lost = intake.lost_rows(intake.request_row(mixed))
    assert lost == {"incomplete_row": 2, "duplicate_row": 2}
    assert sum(lost.values()) + len(intake.member_rows(mixed)) == mixed.counts["rows"] == len(ROWS)


def test_a_refused_request_leaves_no_people_behind(tmp_path):
    refused = check(tmp_path, csv_text(ROWS), lawful_basis={"basis": ""})
    assert intake.request_row(refused)["admission"] == "refused"
    assert intake.member_rows(refused) == intake.quarantine_rows(refused) == []


@pytest.mark.parametrize(
    ("admission", "decision", "expected"),
    [
        ("accepted", None, "accepted"), ("refused", None, "refused"), ("needs_decision", None, "needs_decision"),
        ("needs_decision", ("d", True), "accepted"), ("needs_decision", ("d", False), "refused"),
        ("needs_decision", ("other", True), "needs_decision"), ("refused", ("d", True), "refused"),
        ("accepted", ("d", False), "accepted"),
    ],
)  # fmt: skip
def test_a_decision_counts_for_the_very_submission_it_was_made_on(admission, decision, expected):
    made = dict(zip(("content_digest", "accept"), decision, strict=True)) if decision else None
    assert intake.effective_admission({"admission": admission, "content_digest": "d"}, made) == expected


def test_frames_have_the_schemas_of_the_tables(spark, tmp_path, mixed):
    refused = check(tmp_path / "few", csv_text([person(1)]), request={"id": "FEW-1"})
    requests, members, broken = intake.to_frames(spark, [mixed, refused])
    for frame, table in ((requests, schemas.REQUESTS), (members, schemas.COHORT_MEMBERS), (broken, schemas.QUARANTINE)):
        assert tuple(frame.columns) == table.column_names
        assert [(f.name, f.dataType.simpleString()) for f in frame.schema] == [(c.name, c.type) for c in table.columns]
    assert (requests.count(), members.count(), broken.count()) == (2, 61, 5)
    empty = intake.to_frames(spark, [refused])
    assert [frame.count() for frame in empty] == [1, 0, 0]
    rows = [intake.request_row(mixed), intake.request_row(refused)]
    assert sorted(map(tuple, intake.services_frame(spark, rows).collect())) == [
        ("BRIDGE-2010", "custody"), ("FEW-1", "custody"),
    ]  # fmt: skip
    assert intake.services_frame(spark, []).count() == 0
