"""Calendar days as integers: days since 1970-01-01, in int64 arrays."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from jdl_spark.synthetic.names import Ints

NEVER = 2**31 - 1
"""A day that does not come: no outcome, no release, no end."""


def day_number(year: int, month: int, day: int) -> int:
    """Return the day's number."""
    return (date(year, month, day) - date(1970, 1, 1)).days


def from_date(day: date) -> int:
    """Return the day's number."""
    return (day - date(1970, 1, 1)).days


def to_dates(days: Ints) -> NDArray[np.datetime64]:
    """Return days as datetime64[D]; NEVER becomes NaT."""
    out = days.astype("datetime64[D]")
    out[days >= NEVER] = np.datetime64("NaT")
    return np.asarray(out)


def year_of(days: Ints) -> Ints:
    """Return the calendar year of each day."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)


def new_year(year: Ints) -> Ints:
    """Return 1 January of each year."""
    return np.asarray((year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64))


def add_months(days: Ints, months: int) -> Ints:
    """Return the same day of a later month; the last day of that month where it is too short."""
    whole = days.astype("datetime64[D]")
    month = whole.astype("datetime64[M]")
    first = (month + months).astype("datetime64[D]")
    last = (month + months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    moved = first + (whole - month.astype("datetime64[D]"))
    return np.asarray(np.minimum(moved, last).astype(np.int64))
