"""The agreement level that a pair of records reaches on each field.

Levels run upward from 0 (disagree); -1 means that the field is missing on a side. They are small
integers, so that whole comparison vectors can be counted as agreement patterns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage.records import NO_DATE, IntArray, Records
from jdl_spark.stats import name_similarity

Levels = NDArray[np.int8]

NAME_LEVELS = ("disagree", "loose", "initial", "part", "close", "exact")
LEVELS: dict[str, tuple[str, ...]] = {
    "forename": (*NAME_LEVELS, "swapped"),
    "surname": NAME_LEVELS,
    "middle": ("disagree", "initial", "exact"),
    "birth": ("disagree", "same_year", "one_part_off", "one_digit_off", "transposed", "exact"),
    "sex": ("disagree", "exact"),
    "postcode": ("disagree", "outward", "one_character_off", "common", "exact"),
    "pnc": ("disagree", "one_character_off", "exact"),
}
"""Field to its levels, from 0 up. Swapped names speak once, as a level of the forename; the surname is then missing."""

FIELDS = tuple(LEVELS)
EXACT = {field: levels.index("exact") for field, levels in LEVELS.items()}
_LOOSE, _INITIAL, _PART, _CLOSE, _EXACT, _SWAPPED = range(1, 7)


def compare(
    left: Records,
    right: Records,
    left_rows: IntArray,
    right_rows: IntArray,
    thresholds: tuple[float, ...],
    common_postcodes: IntArray,
) -> Levels:
    """Return the comparison vector of each candidate pair.

    Parameters
    ----------
    left, right : Records
    left_rows, right_rows : int64, shape (n,). The pairs.
    thresholds : Jaro-Winkler similarity from which names agree closely, and loosely.
    common_postcodes : int64, sorted. Codes of postcodes where so many people are registered (hostels,
        prisons) that sharing one says little; agreement on one is a level of its own.

    Returns
    -------
    int8, shape (n, number of FIELDS)
        Level reached on each field, in the order of FIELDS; -1 where it is missing on a side.
    """
    levels = np.empty((len(left_rows), len(FIELDS)), np.int8)
    forename, surname = _both_names(left, right, left_rows, right_rows, thresholds)
    levels[:, FIELDS.index("forename")] = forename
    levels[:, FIELDS.index("surname")] = surname
    levels[:, FIELDS.index("middle")] = _middle(left, right, left_rows, right_rows)
    levels[:, FIELDS.index("birth")] = _birth(left, right, left_rows, right_rows)
    levels[:, FIELDS.index("sex")] = _sex(left.sex[left_rows], right.sex[right_rows])
    levels[:, FIELDS.index("postcode")] = _postcode(left, right, left_rows, right_rows, common_postcodes)
    levels[:, FIELDS.index("pnc")] = _pnc(left.pnc[left_rows], right.pnc[right_rows])
    return levels


def _both_names(
    left: Records, right: Records, left_rows: IntArray, right_rows: IntArray, thresholds: tuple[float, ...]
) -> tuple[Levels, Levels]:
    names = left.forename[left_rows], left.surname[left_rows], right.forename[right_rows], right.surname[right_rows]
    left_forename, left_surname, right_forename, right_surname = (name.astype(np.int64) for name in names)
    forename = name_level(left, right, left_forename, right_forename, thresholds)
    surname = name_level(left, right, left_surname, right_surname, thresholds)
    crossed = _same(left, right, left_forename, right_surname) | _same(left, right, left_surname, right_forename)
    rows = np.flatnonzero(crossed & (forename < _CLOSE) & (surname < _CLOSE))
    there = name_level(left, right, left_forename[rows], right_surname[rows], thresholds)
    back = name_level(left, right, left_surname[rows], right_forename[rows], thresholds)
    rows = rows[(there >= _CLOSE) & (back >= _CLOSE)]
    forename[rows], surname[rows] = _SWAPPED, -1
    return forename, surname


def _same(left: Records, right: Records, left_name: IntArray, right_name: IntArray) -> NDArray[np.bool_]:
    """Return which pairs of names are equal; a missing name equals nothing."""
    if not len(left.names.code) or not len(right.names.code):
        return np.zeros(len(left_name), bool)
    known = (left_name >= 0) & (right_name >= 0)
    return np.asarray(known & (left.names.code[left_name] == right.names.code[right_name]))


def name_level(
    left: Records, right: Records, left_name: IntArray, right_name: IntArray, thresholds: tuple[float, ...]
) -> Levels:
    """Return the level of NAME_LEVELS that each pair of names reaches.

    Parameters
    ----------
    left_name, right_name : int64, shape (n,). Rows of the two sides' `names`, -1 where missing.

    Returns
    -------
    int8, shape (n,). `initial`: one side is a single letter that begins the other; `part`: a word in
        common, as between a double-barrelled name and half of it.
    """
    level = np.full(len(left_name), -1, np.int8)
    known = (left_name >= 0) & (right_name >= 0)
    level[known] = 0
    same = _same(left, right, left_name, right_name)
    level[same] = _EXACT
    rows = np.flatnonzero(known & ~same)
    if not len(rows):
        return level
    a, b, which = name_similarity.distinct_pairs(left_name[rows], right_name[rows])
    text, other = left.names.text[a], right.names.text[b]
    similarity = name_similarity.jaro_winkler(text, other)
    close, loose = thresholds
    distinct = np.where(similarity >= close, _CLOSE, np.where(similarity >= loose, _LOOSE, 0)).astype(np.int8)
    initial = left.names.is_initial[a] | right.names.is_initial[b]
    begins = left.names.initial[a] == right.names.initial[b]
    distinct[initial] = np.where(begins[initial], _INITIAL, 0)
    double = np.flatnonzero((left.names.is_double[a] | right.names.is_double[b]) & (distinct < _PART))
    parts = [name_similarity.shares_part(text[row], other[row]) for row in double]
    distinct[double[np.array(parts, bool)]] = _PART
    level[rows] = distinct[which]
    return level


def _middle(left: Records, right: Records, left_rows: IntArray, right_rows: IntArray) -> Levels:
    a, b = left.middle[left_rows].astype(np.int64), right.middle[right_rows].astype(np.int64)
    known = np.flatnonzero((a >= 0) & (b >= 0))
    level = np.full(len(a), -1, np.int8)
    level[known] = left.names.initial[a[known]] == right.names.initial[b[known]]
    level[_same(left, right, a, b)] = EXACT["middle"]
    return level


def _birth(left: Records, right: Records, left_rows: IntArray, right_rows: IntArray) -> Levels:
    a, b = left.birth[left_rows], right.birth[right_rows]
    level = np.full(len(a), -1, np.int8)
    known = (a != NO_DATE) & (b != NO_DATE)
    level[known & (a == b)] = EXACT["birth"]
    rows = np.flatnonzero(known & (a != b))
    year, month, day = (part[left_rows[rows]] for part in left.calendar)
    other_year, other_month, other_day = (part[right_rows[rows]] for part in right.calendar)
    same_year = year == other_year
    parts = same_year.astype(int) + (month == other_month) + (day == other_day)
    transposed = same_year & (month == other_day) & (day == other_month)
    digit = name_similarity.one_character_off(left.birth_digits[left_rows[rows]], right.birth_digits[right_rows[rows]])
    level[rows] = np.select([transposed, digit, parts == 2, same_year], [4, 3, 2, 1], 0)
    return level


def _sex(a: NDArray[np.int8], b: NDArray[np.int8]) -> Levels:
    return np.where((a == 0) | (b == 0), -1, a == b).astype(np.int8)


def _postcode(left: Records, right: Records, left_rows: IntArray, right_rows: IntArray, common: IntArray) -> Levels:
    a, b = left.postcode[left_rows], right.postcode[right_rows]
    outward_a, outward_b = left.outward[left_rows], right.outward[right_rows]
    whole = (a != b"") & (b != b"")
    outward = (outward_a != b"") & (outward_b != b"")
    level = np.where(whole | outward, 0, -1).astype(np.int8)
    level[outward & (outward_a == outward_b)] = 1
    rows = np.flatnonzero(whole)
    rows = rows[name_similarity.one_character_off(a[rows], b[rows])]
    level[rows] = 2
    same = np.flatnonzero(whole & (a == b))
    level[same] = np.where(np.isin(left.postcode_code[left_rows[same]], common), 3, EXACT["postcode"])
    return level


def _pnc(a: NDArray[np.bytes_], b: NDArray[np.bytes_]) -> Levels:
    level = np.where((a != b"") & (b != b""), 0, -1).astype(np.int8)
    rows = np.flatnonzero(level == 0)
    level[rows] = name_similarity.one_character_off(a[rows], b[rows])
    level[(level >= 0) & (a == b)] = EXACT["pnc"]
    return level
