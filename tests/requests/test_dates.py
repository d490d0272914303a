"""Every form of a date that is read, and every one that is not guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.requests.dates import completed_years, read_date

THIRD_OF_MARCH = date(2010, 3, 3)
FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%d %B %Y", "%d-%b-%Y", "%d %b %Y")


@pytest.mark.parametrize(
    "text",
    [
        "2010-03-03", "2010-03-03 00:00:00", "2010-03-03T00:00:00Z", "2010/03/03", "03/03/2010", "3/3/2010",
        "03-03-2010", "03.03.2010", "3 March 2010", "3rd March 2010", "03-Mar-2010", "3 MAR 2010", "3 Mar. 2010",
        "03/03/2010 00:00",
    ],
)  # fmt: skip
def test_forms_that_are_read(text):
    assert read_date(text) == THIRD_OF_MARCH


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("03/03/10", "two_digit_year"), ("3 Mar 10", "two_digit_year"), ("03-03-10", "two_digit_year"),
        ("29/02/2011", "impossible_date"), ("31/04/2010", "impossible_date"), ("2010-02-30", "impossible_date"),
        ("0/1/2010", "impossible_date"), ("45/45/2010", "impossible_date"), ("1900-01-00", "impossible_date"),
        ("00/00/0000", "impossible_date"), ("03/25/2010", "day_month_swapped"), ("2010-25-03", "day_month_swapped"),
        ("40238", "excel_number"), ("40238.5", "excel_number"), ("2010", "excel_number"), ("03032010", "excel_number"),
        ("March 2010", "unreadable_date"), ("03/03-2010", "unreadable_date"), ("3 Smarch 2010", "unreadable_date"),
        ("soon", "unreadable_date"), ("٠٣/٠٣/٢٠١٠", "unreadable_date"), ("03/03/2010 14:30", "unreadable_date"),
    ],
)  # fmt: skip
def test_forms_that_are_not_guessed(text, code):
    assert read_date(text) == code


def test_the_29th_of_february_of_a_leap_year_is_a_day():
    assert read_date("29/02/2012") == date(2012, 2, 29)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(FORMS))
def test_a_day_written_in_any_form_is_read_as_that_day(day, form):
    assert read_date(day.strftime(form)) == day


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text):
    assert isinstance(read_date(text), date | str)


def test_age_is_in_completed_years():
    assert completed_years(date(1980, 3, 4), date(1990, 3, 3)) == 9
    assert completed_years(date(1980, 3, 4), date(1990, 3, 4)) == 10
    assert completed_years(date(1980, 2, 29), date(1990, 2, 28)) == 9
