"""Days as people write them. What can be read in one way only is read; nothing is guessed.

A date like 03/04/2010 is read day first, as everybody in the United Kingdom writes it. A two-digit
year, a month above twelve or a bare number are problems with names, not puzzles.
"""

from __future__ import annotations

import re
from datetime import date

EARLIEST = date(1900, 1, 1)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sept sep", "october oct", "november nov", "december dec",
        ), 1,
    )
    for name in names.split()
}  # fmt: skip
_TIME = re.compile(r"[T ]0{1,2}:00(:00(\.0+)?)?Z?$")
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_WORDS = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[- ]([a-z]+)\.?,?[- ]([0-9]{4}|[0-9]{2})", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?")


def read_date(text: str) -> date | str:
    """Return the day that a text says, or the code of what is wrong with it.

    Parameters
    ----------
    text : str
        Not empty, without spaces around it.

    Returns
    -------
    date or str
        A day, or one of two_digit_year, impossible_date, day_month_swapped, excel_number, unreadable_date.

    Examples
    --------
    >>> read_date("03/04/2010"), read_date("3 March 2010"), read_date("2010-03-03")
    (datetime.date(2010, 4, 3), datetime.date(2010, 3, 3), datetime.date(2010, 3, 3))
    >>> read_date("29/02/2011"), read_date("03/04/10"), read_date("03/25/2010")
    ('impossible_date', 'two_digit_year', 'day_month_swapped')
    """
    text = _TIME.sub("", text)
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[3], found[4])
    if found := _DAY_FIRST.fullmatch(text):
        return _day(found[4], found[3], found[1])
    if (found := _WORDS.fullmatch(text)) and found[2].lower() in _MONTHS:
        return _day(found[3], str(_MONTHS[found[2].lower()]), found[1])
    return "excel_number" if _NUMBER.fullmatch(text) else "unreadable_date"


def _day(year: str, month: str, day: str) -> date | str:
    if len(year) == 2:
        return "two_digit_year"
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return "day_month_swapped" if int(month) > 12 and 1 <= int(day) <= 12 else "impossible_date"


def completed_years(born: date, day: date) -> int:
    """Return the age in completed years on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
