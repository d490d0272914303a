"""What can be wrong with a submission, each kind with its words and what mends it.

Why codes and fixed words: the answer goes to people who may not see the cohort, to logs and to
documents, so no message may be put together from what a cell holds. A row problem says row, column
and kind; the words come from this page alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from jdl_spark.errors import InputError


@dataclass(frozen=True)
class Problem:
    """Something wrong with request.toml or with a cohort file as a whole."""

    code: str
    where: str
    """request.toml, or the cohort file's name."""
    words: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the problem for machines."""
        return {"code": self.code, "where": self.where, "words": self.words, "mend": self.mend}


@dataclass(frozen=True)
class RowProblem:
    """Something wrong with one cell or one row. Never holds the value."""

    row: int
    """1 is the first row below the headings."""
    column: str
    """Our name of the column; "" where the whole row is meant."""
    code: str
    """One of `ROW_PROBLEMS`."""

    @property
    def words(self) -> str:
        """What is wrong, in words."""
        return ROW_PROBLEMS[self.code][0]

    def as_json(self) -> dict[str, str | int]:
        """Return the problem for machines."""
        return {"row": self.row, "column": self.column, "code": self.code, "words": self.words}


class UnreadableError(InputError):
    """A request.toml or a cohort file that cannot be used at all. The check reports it, nothing else sees it."""

    def __init__(self, code: str, words: str, mend: str = "") -> None:
        super().__init__(words)
        self.code, self.words, self.mend = code, words, mend

    def problem(self, where: str) -> Problem:
        """Return it as a problem of a file."""
        return Problem(self.code, where, self.words, self.mend)


ROW_PROBLEMS: dict[str, tuple[str, str]] = {
    # cells
    "missing_value": ("nothing is written here", "Fill it in if you can. A row cannot be analysed without it."),
    "control_character": (
        "the cell holds invisible control characters, so it is not read",
        "Type the cell again by hand.",
    ),
    "cell_too_long": (
        "the cell is far too long to be what its heading says",
        "Look for a quotation mark that is opened and never closed, and for text in the wrong column.",
    ),
    "line_break": (
        "the cell holds a line break, so it is not read",
        "Put the cell's text on one line. In a CSV file, look for a quotation mark that is never closed.",
    ),
    "formula": (
        "the cell holds a formula or starts like one, so it is not read",
        "Copy the column and paste it back as values.",
    ),
    "cell_error": ("the spreadsheet shows an error in this cell", "Write the value that belongs here."),
    "not_a_name": ("there are no letters in this name", "Check that the columns have not been swapped."),
    "unknown_gender": (
        "the gender is given in a way that is not known",
        "Write F or M. National records hold no other value to look for.",
    ),
    "unknown_pnc_id": (
        "this does not look like a Police National Computer number, so it is not used",
        "Write it as on the record, for instance 2001/1234567X, or leave it empty.",
    ),
    # dates
    "two_digit_year": (
        "the year has only two digits, and the century is not guessed",
        "Write the year with four digits, for instance 03/03/2010.",
    ),
    "impossible_date": (
        "there is no such day in the calendar",
        "Check the day, the month and whether that year had a 29 February.",
    ),
    "day_month_swapped": (
        "the day and the month look swapped, as in an American date",
        "Write the day first, then the month, then the year. Check every date in this column: others may be swapped "
        "too, and where the day is 12 or less nobody can tell.",
    ),
    "unreadable_date": ("this is not a date in a form that is known", "Write it like 03/03/2010 or 2010-03-03."),
    "excel_number": (
        "this is a plain number where a date belongs",
        "Format the column as a date in your spreadsheet, check that the dates are right, and save again.",
    ),
    "future_date": ("the date lies in the future", "Check the year."),
    "too_long_ago": ("the date lies before the year 1900", "Check the year."),
    "age_under_10": (
        "by these dates the person was under 10 when the service was delivered",
        "Check the date of birth and the dates of the service. They may be in each other's columns.",
    ),
    "age_over_100": (
        "by these dates the person was over 100 when the service was delivered",
        "Check the date of birth and the dates of the service.",
    ),
    "end_before_start": ("the service ended before it started", "Check both dates. They may have been swapped."),
    "outside_declared_years": (
        "the service was not delivered in the years that request.toml declares; the row is kept",
        "Check the dates, or add the year to delivery_years in request.toml.",
    ),
    # rows
    "too_many_cells": (
        "the row has more cells than there are headings, so its cells cannot be told apart",
        "Look for a comma inside a cell that is not in quotation marks.",
    ),
    "duplicate_row": (
        "the same person with the same or an overlapping time is in an earlier row; the first row is kept",
        "Nothing needs to be done.",
    ),
    "second_intervention": (
        "the same person is in another row with an earlier start; each person counts once, with the earliest",
        "Nothing needs to be done.",
    ),
}
"""Code to what is wrong and what mends it."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a question that offers the nearest known word, or "" where none is near.

    Examples
    --------
    >>> suggestion("mentorring", ["mentoring", "arts"]), suggestion("xyz", ["mentoring"])
    (' Did you mean "mentoring"?', '')
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f' Did you mean "{near[0]}"?' if near else ""


HIDDEN = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing: they make a text read as something else."""


def has_control_characters(text: str) -> bool:
    """Return whether a text holds NUL, other control characters or writing-direction marks. Tabs and lines are not."""
    if text.isprintable():
        return False
    return any(c in HIDDEN or (c < " " and c not in "\t\r\n") or "\x7f" <= c <= "\x9f" for c in text)
