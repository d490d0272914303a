"""Rows become people, or named problems; the same person counts once."""

from __future__ import annotations

from datetime import date

import pytest
from request_folders import check, codes, csv_text, people, person, row

OTHERS = people(61)[1:]
REQUIRED = {"forename", "surname", "date_of_birth", "gender"}


def one(tmp_path, **cells):
    """Check a cohort whose first row is person 1 with some cells changed."""
    quoted = [f'"{cell}"' if "\n" in cell or "," in cell else cell for cell in row(**cells)]
    return check(tmp_path, csv_text([quoted, *OTHERS]))


@pytest.mark.parametrize(
    ("cells", "column", "code", "kept"),
    [
        ({"forename": ""}, "forename", "missing_value", False),
        ({"forename": " - "}, "forename", "missing_value", False),
        ({"surname": "Not Known"}, "surname", "missing_value", False),
        ({"surname": "1234"}, "surname", "not_a_name", False),
        ({"surname": "=1+1"}, "surname", "formula", False),
        ({"surname": "@SUM(A1)"}, "surname", "formula", False),
        ({"surname": "+44 20"}, "surname", "formula", False),
        ({"postcode": "-2+3"}, "postcode", "formula", True),
        ({"surname": "Sm\x00ith"}, "surname", "control_character", False),
        ({"surname": "Sm\u202eith"}, "surname", "control_character", False),
        ({"site": "Le\u2066eds"}, "site", "control_character", True),
        ({"surname": "x" * 1_000_000}, "surname", "cell_too_long", False),
        ({"site": "y" * 201}, "site", "cell_too_long", True),
        ({"surname": "Smith\nJones"}, "surname", "line_break", False),
        ({"date_of_birth": ""}, "date_of_birth", "missing_value", False),
        ({"date_of_birth": "03/04/80"}, "date_of_birth", "two_digit_year", False),
        ({"date_of_birth": "29/02/1981"}, "date_of_birth", "impossible_date", False),
        ({"date_of_birth": "04/25/1980"}, "date_of_birth", "day_month_swapped", False),
        ({"date_of_birth": "24/11/2026"}, "date_of_birth", "future_date", False),
        ({"date_of_birth": "31/12/1899"}, "date_of_birth", "too_long_ago", False),
        ({"date_of_birth": "02/02/2000"}, "date_of_birth", "age_under_10", False),
        ({"date_of_birth": "01/02/1909"}, "date_of_birth", "age_over_100", False),
        ({"date_of_birth": "1980"}, "date_of_birth", "excel_number", False),
        ({"date_of_birth": "spring"}, "date_of_birth", "unreadable_date", False),
        ({"gender": ""}, "gender", "missing_value", False),
        ({"gender": "Unknown"}, "gender", "missing_value", False),
        ({"gender": "X"}, "gender", "unknown_gender", False),
        ({"gender": "non-binary"}, "gender", "unknown_gender", False),
        ({"pnc_id": "12345"}, "pnc_id", "unknown_pnc_id", True),
        ({"intervention_start": "", "intervention_end": ""}, "intervention_start", "missing_value", False),
        ({"intervention_start": "1/2/10", "intervention_end": ""}, "intervention_start", "two_digit_year", False),
        ({"intervention_end": "31/01/2010"}, "intervention_end", "end_before_start", False),
        ({"intervention_end": "31/02/2010"}, "intervention_end", "impossible_date", True),
        ({"intervention_start": "01/02/2006", "intervention_end": ""}, "intervention_start", "outside_declared_years",
         True),
    ],
)  # fmt: skip
def test_each_row_problem_is_named_and_decides_whether_the_row_stays(tmp_path, cells, column, code, kept):
    submission = one(tmp_path, **cells)
    assert [(p.row, p.column, p.code) for p in submission.row_problems] == [(1, column, code)]
    assert (submission.rows[0].row == 1) is kept
    assert submission.counts["incomplete_row"] == (0 if kept else 1)
    assert [lost.reasons for lost in submission.lost] == ([] if kept else [(f"{code}_{column}",)])
    assert submission.verdict == "accepted"


def test_all_problems_of_a_row_come_at_once(tmp_path):
    submission = one(tmp_path, forename="", gender="?", date_of_birth="1/1/80", intervention_start="99/99/2010",
                     intervention_end="", postcode="=A1")  # fmt: skip
    assert {(p.column, p.code) for p in submission.row_problems} == {
        ("forename", "missing_value"), ("gender", "missing_value"), ("date_of_birth", "two_digit_year"),
        ("intervention_start", "impossible_date"), ("postcode", "formula"),
    }  # fmt: skip
    assert submission.counts["incomplete_row"] == 1


def test_a_row_whose_cells_cannot_be_told_apart_is_left_out(tmp_path):
    submission = check(tmp_path, csv_text([[*person(1), "surplus"], [*person(2), "", ""], *people(62)[2:]]))
    assert [(p.row, p.code) for p in submission.row_problems] == [(1, "too_many_cells")]


def test_a_short_row_lacks_its_last_cells(tmp_path):
    submission = check(tmp_path, csv_text([person(1)[:8], *OTHERS]))
    assert submission.row_problems == ()
    assert (submission.rows[0].intervention_end, submission.rows[0].site) == (None, None)


@pytest.mark.parametrize(
    ("text", "sex"),
    [("F", "F"), ("female", "F"), ("Woman", "F"), ("girl", "F"), ("m", "M"), ("MALE", "M"), ("man", "M"), ("M.", "M")],
)
def test_words_for_gender(tmp_path, text, sex):
    assert one(tmp_path, gender=text).rows[0].sex == sex


def test_texts_are_tidied_and_not_changed(tmp_path):
    first = one(tmp_path, forename="  Zoe\u0301  Ann ", surname="O’Neill-D'Arcy", postcode=" ls1 4ab",
                pnc_id="2001 / 1234567x", middle_names="n/a").rows[0]  # fmt: skip
    assert (first.forename, first.surname) == ("Zoé Ann", "O’Neill-D'Arcy")
    assert (first.postcode, first.pnc_id, first.middle_names) == ("ls1 4ab", "2001/1234567X", None)


@pytest.mark.parametrize("surname", ["U", "Null", "Na", "None", "李", "Ng", "O", "True"])
def test_short_and_strange_surnames_are_names(tmp_path, surname):
    assert one(tmp_path, surname=surname).rows[0].surname == surname


def test_an_end_stands_in_for_a_start_that_is_not_given(tmp_path):
    submission = one(tmp_path, intervention_start="")
    first = submission.rows[0]
    assert (first.intervention_start, first.intervention_end, first.start_is_end) == (
        date(2010, 5, 1), date(2010, 5, 1), True,
    )  # fmt: skip
    assert submission.counts["start_is_end"] == 1
    assert "end_for_start" in codes(submission)
    assert submission.row_problems == ()


def test_a_service_that_reaches_into_a_declared_year_is_not_outside(tmp_path):
    submission = one(tmp_path, intervention_start="01/12/2008", intervention_end="01/02/2009")
    assert submission.row_problems == ()


def twins(tmp_path, **cells):
    """Check a cohort whose second row is person 1 again with some cells changed."""
    return check(tmp_path, csv_text([person(1), row(**cells), *OTHERS]))


@pytest.mark.parametrize(
    ("cells", "code", "left_out"),
    [
        ({}, "duplicate_row", 2),
        ({"forename": "ALAN", "surname": "SMITH-AAAAB"}, "duplicate_row", 2),
        ({"intervention_start": "01/05/2010", "intervention_end": "01/06/2010"}, "duplicate_row", 2),
        ({"intervention_start": "01/01/2010"}, "duplicate_row", 2),
        ({"intervention_start": "02/05/2010", "intervention_end": "01/06/2010"}, "second_intervention", 2),
        ({"intervention_start": "01/01/2009", "intervention_end": "01/02/2009"}, "second_intervention", 1),
        ({"site": "Hull", "postcode": ""}, "duplicate_row", 2),
    ],
)
def test_the_same_person_counts_once(tmp_path, cells, code, left_out):
    submission = twins(tmp_path, **cells)
    assert [(p.row, p.code) for p in submission.row_problems] == [(left_out, code)]
    assert submission.counts[code] == 1
    assert submission.counts["admitted"] == 61
    assert [lost.row for lost in submission.lost] == [left_out]


@pytest.mark.parametrize(
    "cells", [{"forename": "Alana"}, {"date_of_birth": "04/04/1980"}, {"gender": "F"}, {"surname": "Smyth"}]
)
def test_people_who_differ_are_two(tmp_path, cells):
    assert twins(tmp_path, **cells).counts["admitted"] == 62


def test_two_police_numbers_are_two_people(tmp_path):
    rows = [row(pnc_id="2001/0000001A"), row(pnc_id="2002/0000002B"), row(pnc_id="2001/0000001A"), *OTHERS]
    submission = check(tmp_path, csv_text(rows))
    assert [(p.row, p.code) for p in submission.row_problems] == [(3, "duplicate_row")]


def test_rows_add_up(tmp_path):
    rows = [person(1), person(1), row(forename=""), row(intervention_start="01/01/2009", intervention_end=""), *OTHERS]
    counts = check(tmp_path, csv_text(rows)).counts
    assert counts["rows"] == 64
    assert counts["admitted"] + counts["incomplete_row"] + counts["duplicate_row"] + counts["second_intervention"] == 64
