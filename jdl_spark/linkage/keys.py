"""Blocking keys: what records must share to be compared, as one 32-bit number a row.

Why 32 bits: a chance collision only adds a pair that is compared in vain. Each function returns the
rows that have the key, ascending, and their keys; a row may have several (a double surname) or none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage.records import NO_DATE, IntArray, Records

Codes = NDArray[np.uint32]
Keyed = tuple[IntArray, Codes]
"""Row numbers and their 32-bit keys."""


def combine(*parts: NDArray[np.integer[Any]]) -> Codes:
    """Mix integer columns into one 32-bit key per row (SplitMix64's finaliser after each part).

    Reference: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators.
    """
    mixed = np.full(len(parts[0]), 0x9E3779B97F4A7C15, np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.int64).view(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed >> np.uint64(32), np.uint32)


# --- what keys are made of ----------------------------------------------------------------


def _known(records: Records, *fields: str) -> IntArray:
    """Return the rows on which every named field is known."""
    missing = {"forename": -1, "surname": -1, "birth": NO_DATE, "postcode": b"", "pnc": b""}
    mask = np.ones(len(records), bool)
    for name in fields:
        mask &= getattr(records, name) != missing[name]
    return np.flatnonzero(mask)


def _of_name(part: str) -> Callable[[Records, IntArray, str], IntArray]:
    def values(records: Records, rows: IntArray, name: str) -> IntArray:
        table: IntArray = getattr(records.names, part)
        return np.asarray(table[getattr(records, name)[rows]])

    return values


_initial, _root, _code = _of_name("initial"), _of_name("root"), _of_name("code")


def _sounds(records: Records, rows: IntArray, name: str) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
    """Return how the first and the last word of a name sound, and where they differ: a double name has two keys."""
    first, last = (_of_name(part)(records, rows, name) for part in ("sound_first", "sound_last"))
    return first, last, first != last


def _by_surname(records: Records, rows: IntArray, *others: IntArray) -> Keyed:
    """Return keys of the surname's sound with other parts; both words of a double name have one."""
    first, last, double = _sounds(records, rows, "surname")
    twice = np.append(rows, rows[double])
    order = np.argsort(twice, kind="stable")
    keys = np.append(combine(first, *others), combine(last, *others)[double])
    return twice[order], keys[order]


def _bytes_as_ints(values: NDArray[np.bytes_]) -> list[IntArray]:
    width = values.dtype.itemsize // 8
    words = np.ascontiguousarray(values).view(np.int64).reshape(len(values), width)
    return [words[:, column] for column in range(width)]


def _calendar(records: Records, rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    year, month, day = records.calendar
    return year[rows], month[rows], day[rows]


# --- keys ---------------------------------------------------------------------------------


def date(records: Records) -> Keyed:
    """Date of birth."""
    rows = _known(records, "birth")
    return rows, combine(records.birth[rows])


def date_forename(records: Records) -> Keyed:
    """Date of birth and first letter of the forename."""
    rows = _known(records, "birth", "forename")
    return rows, combine(records.birth[rows], _initial(records, rows, "forename"))


def date_surname(records: Records) -> Keyed:
    """Date of birth and first letter of the surname."""
    rows = _known(records, "birth", "surname")
    return rows, combine(records.birth[rows], _initial(records, rows, "surname"))


def date_root(records: Records) -> Keyed:
    """Date of birth and root of the forename."""
    rows = _known(records, "birth", "forename")
    return rows, combine(records.birth[rows], _root(records, rows, "forename"))


def date_initials(records: Records, turn_date: bool, swap_names: bool) -> Keyed:
    """Date of birth and first letters of both names; the date may be turned, the names swapped."""
    rows = _known(records, "birth", "forename", "surname")
    year, month, day = _calendar(records, rows)
    first, second = ("surname", "forename") if swap_names else ("forename", "surname")
    if turn_date:
        month, day = day, month
    key = combine(year, month, day, _initial(records, rows, first), _initial(records, rows, second))
    could_be = (month != day) & (month <= 12) if turn_date else np.ones(len(rows), bool)
    return rows[could_be], key[could_be]


def transposed_root(records: Records, turn_date: bool) -> Keyed:
    """Date of birth, where turning it gives another, and root of the forename."""
    rows = _known(records, "birth", "forename")
    year, month, day = _calendar(records, rows)
    if turn_date:
        month, day = day, month
    could_be = (month <= 12) & (day <= 12) & (month != day)
    return rows[could_be], combine(year, month, day, _root(records, rows, "forename"))[could_be]


def sound_initial_year(records: Records) -> Keyed:
    """Sound of the surname, first letter of the forename, year of birth."""
    rows = _known(records, "surname", "forename", "birth")
    return _by_surname(records, rows, _initial(records, rows, "forename"), _calendar(records, rows)[0])


def root_year_month(records: Records) -> Keyed:
    """Root of the forename, first letter of the surname, year and month of birth."""
    rows = _known(records, "surname", "forename", "birth")
    year, month, _ = _calendar(records, rows)
    return rows, combine(_root(records, rows, "forename"), _initial(records, rows, "surname"), year, month)


def root_month_day(records: Records) -> Keyed:
    """Root of the forename, first letter of the surname, month and day of birth."""
    rows = _known(records, "surname", "forename", "birth")
    _, month, day = _calendar(records, rows)
    return rows, combine(_root(records, rows, "forename"), _initial(records, rows, "surname"), month, day)


def names_sound(records: Records) -> Keyed:
    """Root of the forename and sound of the surname."""
    rows = _known(records, "forename", "surname")
    return _by_surname(records, rows, _root(records, rows, "forename"))


def names_swapped(records: Records) -> Keyed:
    """The same with the names exchanged."""
    rows = _known(records, "forename", "surname")
    first, _, _ = _sounds(records, rows, "forename")
    return rows, combine(first, _root(records, rows, "surname"))


def postcode(records: Records) -> Keyed:
    """Postcode."""
    rows = _known(records, "postcode")
    return rows, combine(*_bytes_as_ints(records.postcode[rows]))


def postcode_forename(records: Records) -> Keyed:
    """Postcode and root of the forename."""
    rows = _known(records, "postcode", "forename")
    return rows, combine(*_bytes_as_ints(records.postcode[rows]), _root(records, rows, "forename"))


def postcode_surname(records: Records) -> Keyed:
    """Postcode and sound of the surname."""
    rows = _known(records, "postcode", "surname")
    return _by_surname(records, rows, *_bytes_as_ints(records.postcode[rows]))


def pnc(records: Records) -> Keyed:
    """PNC identifier."""
    rows = _known(records, "pnc")
    return rows, combine(*_bytes_as_ints(records.pnc[rows]))


def equal_names(records: Records) -> Keyed:
    """Forename and surname."""
    rows = _known(records, "forename", "surname")
    return rows, combine(_code(records, rows, "forename"), _code(records, rows, "surname"))
