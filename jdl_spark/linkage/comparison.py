"""The agreement level that a pair of records reaches on each field.

Levels are declared, not coded: a model lists those of each field from the lowest to the highest,
and the highest that holds wins; -1 means that the field is missing on a side. They are small
integers, so that whole comparison vectors can be counted as agreement patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage import nicknames
from jdl_spark.linkage.records import NO_DATE, IntArray, Records
from jdl_spark.stats import name_similarity
from jdl_spark.stats.fellegi_sunter import Field
from jdl_spark.stats.pool import is_in

Levels = NDArray[np.int8]
Mask = NDArray[np.bool_]

CLOSE = 0.92
"""Jaro-Winkler similarity from which two names are one name with a slip."""

ROUNDING = 1e-12
"""Jaro-Winkler similarity by which a pair may miss a threshold that it reaches but for the last digit."""

LEVELS: dict[str, tuple[str, ...]] = {
    "forename": (
        "else", "jaro_winkler 0.8", "initial", "part", "nickname", f"jaro_winkler {CLOSE}", "exact", f"swapped {CLOSE}",
    ),
    "surname": ("else", "jaro_winkler 0.8", "initial", "part", f"jaro_winkler {CLOSE}", "exact"),
    "middle": ("else", "same_initial", "exact"),
    "birth": ("else", "same_year", "one_part_off", "one_digit_off", "transposed", "exact"),
    "sex": ("else", "exact"),
    "postcode": ("else", "outward", "one_character_off", "common", "exact"),
    "pnc": ("else", "one_character_off", "exact"),
}  # fmt: skip
"""Levels of a model that is trained here. Swapped names speak once, as a level of the forename; the surname is then
missing."""

FIELDS = tuple(LEVELS)
_TEXT_KINDS = ("exact", "jaro_winkler", "levenshtein", "damerau")
KINDS: dict[str, tuple[str, ...]] = {
    "forename": (*_TEXT_KINDS, "initial", "same_initial", "part", "nickname", "swapped", "reversed"),
    "surname": (*_TEXT_KINDS, "initial", "same_initial", "part", "reversed"),
    "middle": (*_TEXT_KINDS, "initial", "same_initial", "part", "nickname"),
    "birth": (*_TEXT_KINDS, "same_year", "one_part_off", "one_digit_off", "transposed", "date_difference"),
    "sex": ("exact",),
    "postcode": (*_TEXT_KINDS, "outward", "one_character_off", "common"),
    "pnc": (*_TEXT_KINDS, "one_character_off"),
}
"""Field to the kinds of level that it knows besides `else`. `jaro_winkler 0.92`, `levenshtein 1`, `damerau 1`,
`date_difference 31` (days) and `swapped 0.92` (Jaro-Winkler of forename to surname, both ways) carry a threshold;
`reversed` is equality of forename and surname both ways, and leaves the surname to speak for itself."""


def parsed(level: str) -> tuple[str, float]:
    """Return a level's kind and threshold (0 where it has none).

    Examples
    --------
    >>> parsed("jaro_winkler 0.92"), parsed("exact")
    (('jaro_winkler', 0.92), ('exact', 0.0))
    """
    kind, _, threshold = level.partition(" ")
    return kind, float(threshold or 0)


def exact_level(field: Field) -> int:
    """Return the position of the level `exact`, or -2, which no pair reaches."""
    return field.levels.index("exact") if "exact" in field.levels else -2


def sizes(fields: Sequence[Field]) -> tuple[int, ...]:
    """Return the number of levels of each field."""
    return tuple(len(field.levels) for field in fields)


@dataclass(frozen=True)
class Pairs:
    """Candidate pairs: rows of the two sides.

    Attributes
    ----------
    left, right : Records
    rows, other : int64, shape (n,). Left and right row of each pair.
    common_postcodes : int64, sorted. Codes of postcodes where so many people are registered (hostels,
        prisons) that sharing one says little; agreement on one is a level of its own.
    """

    left: Records
    right: Records
    rows: IntArray
    other: IntArray
    common_postcodes: IntArray

    def __len__(self) -> int:
        return len(self.rows)

    def names(self, field: str) -> tuple[IntArray, IntArray]:
        """Return both sides' rows of their name tables; -1 where missing."""
        left, right = getattr(self.left, field)[self.rows], getattr(self.right, field)[self.other]
        return left.astype(np.int64), right.astype(np.int64)


def compare(pairs: Pairs, fields: Sequence[Field]) -> Levels:
    """Return the comparison vector of each candidate pair.

    Parameters
    ----------
    fields : of the model; their names are among FIELDS, their levels' kinds among KINDS

    Returns
    -------
    int8, shape (n, number of fields)
        Level reached on each field; -1 where it is missing on a side.
    """
    levels = np.empty((len(pairs), len(fields)), np.int8)
    for column, field in enumerate(fields):
        levels[:, column] = _COMPARE[field.name](pairs, field)
    at = {field.name: column for column, field in enumerate(fields)}
    if "forename" in at and "surname" in at:
        swapped = [i for i, text in enumerate(fields[at["forename"]].levels) if parsed(text)[0] == "swapped"]
        levels[np.isin(levels[:, at["forename"]], swapped), at["surname"]] = -1
    return levels


def highest(field: Field, n: int, holds: Callable[[str, float], Mask]) -> Levels:
    """Return the highest level that holds for each of n pairs on which the field is known."""
    reached = np.zeros(n, np.int8)
    for position, text in enumerate(field.levels):
        if text != "else":
            reached[holds(*parsed(text))] = position
    return reached


# --- names --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Texts:
    """Distinct pairs of texts; each similarity is computed once, when a level asks for it."""

    left: NDArray[np.object_]
    right: NDArray[np.object_]

    @cached_property
    def jaro_winkler(self) -> NDArray[np.float64]:
        return name_similarity.jaro_winkler(self.left, self.right)

    def holds(self, kind: str, threshold: float) -> Mask:
        if kind == "exact":
            return np.asarray(self.left == self.right, bool)
        if kind == "jaro_winkler":
            return np.asarray(self.jaro_winkler >= threshold - ROUNDING)
        distance = name_similarity.levenshtein if kind == "levenshtein" else name_similarity.damerau
        return np.asarray(distance(self.left, self.right) <= threshold)


def _name(pairs: Pairs, field: Field) -> Levels:
    a, b = pairs.names(field.name)
    level = np.full(len(pairs), -1, np.int8)
    known = (a >= 0) & (b >= 0)
    level[known] = 0
    same = _same(pairs.left, pairs.right, a, b)
    level[same] = max(exact_level(field), 0)
    rows = np.flatnonzero(known & ~same)
    if len(rows):
        left, right, which = name_similarity.distinct_pairs(a[rows], b[rows])
        level[rows] = highest(field, len(left), _name_kinds(pairs, field, left, right))[which]
    for position, text in enumerate(field.levels):
        kind, threshold = parsed(text)
        if kind in ("swapped", "reversed"):
            crossed = _crossed(pairs, level, threshold)
            level[crossed] = np.maximum(level[crossed], position)
    return level


def _name_kinds(pairs: Pairs, field: Field, a: IntArray, b: IntArray) -> Callable[[str, float], Mask]:
    """Return what decides each kind of level for distinct, unequal names.

    Where a field has a level for initials, a letter alone is like nothing else.
    """
    left, right = pairs.left.names, pairs.right.names
    texts = _Texts(left.text[a], right.text[b])
    letter = left.is_initial[a] | right.is_initial[b]
    kept_apart = letter & bool({"initial", "same_initial"} & set(field.levels))
    begins = left.initial[a] == right.initial[b]

    def part() -> Mask:
        found = np.zeros(len(a), bool)
        rows = np.flatnonzero(left.is_double[a] | right.is_double[b])
        found[rows] = [name_similarity.shares_part(texts.left[row], texts.right[row]) for row in rows]
        return found

    def holds(kind: str, threshold: float) -> Mask:
        if kind in ("swapped", "reversed"):
            return np.zeros(len(a), bool)
        if kind in ("initial", "same_initial"):
            return np.asarray(begins & letter if kind == "initial" else begins)
        if kind == "part":
            return part()
        if kind == "nickname":
            return nicknames.related_codes(left.first[a], right.first[b])
        return texts.holds(kind, threshold) & ~kept_apart

    return holds


def _same(left: Records, right: Records, left_name: IntArray, right_name: IntArray) -> Mask:
    """Return which pairs of names are equal; a missing name equals nothing."""
    if not len(left.names.code) or not len(right.names.code):
        return np.zeros(len(left_name), bool)
    known = (left_name >= 0) & (right_name >= 0)
    return np.asarray(known & (left.names.code[left_name] == right.names.code[right_name]))


def _crossed(pairs: Pairs, level: Levels, threshold: float) -> IntArray:
    """Return the pairs whose forename is the other's surname, both ways.

    Without a threshold: equal. With one: one way equal and the other at least so similar, and
    neither name agrees where it stands.
    """
    (forename, other_forename), (surname, other_surname) = pairs.names("forename"), pairs.names("surname")
    there = _same(pairs.left, pairs.right, forename, other_surname)
    back = _same(pairs.left, pairs.right, surname, other_forename)
    if not threshold:
        return np.flatnonzero(there & back)
    rows = np.flatnonzero(there | back)
    straight = (forename, other_forename), (surname, other_surname)
    crossed = (forename, other_surname), (surname, other_forename)
    for a, b in crossed:
        rows = rows[_similarity(pairs, a[rows], b[rows]) >= threshold]
    for a, b in straight:
        rows = rows[~(_similarity(pairs, a[rows], b[rows]) >= threshold)]
    return rows


def _similarity(pairs: Pairs, a: IntArray, b: IntArray) -> NDArray[np.float64]:
    """Return the Jaro-Winkler similarity of names; NaN where one is missing."""
    similarity = np.full(len(a), np.nan)
    known = np.flatnonzero((a >= 0) & (b >= 0))
    texts = pairs.left.names.text[a[known]], pairs.right.names.text[b[known]]
    similarity[known] = name_similarity.jaro_winkler(*texts)
    return similarity


# --- dates, sex, codes --------------------------------------------------------------------


def _birth(pairs: Pairs, field: Field) -> Levels:
    a, b = pairs.left.birth[pairs.rows], pairs.right.birth[pairs.other]
    level = np.full(len(a), -1, np.int8)
    known = (a != NO_DATE) & (b != NO_DATE)
    level[known] = max(exact_level(field), 0)
    rows = np.flatnonzero(known & (a != b))
    year, month, day = (part[pairs.rows[rows]] for part in pairs.left.calendar)
    other_year, other_month, other_day = (part[pairs.other[rows]] for part in pairs.right.calendar)
    digits = pairs.left.birth_digits[pairs.rows[rows]], pairs.right.birth_digits[pairs.other[rows]]
    same_year = year == other_year

    def holds(kind: str, threshold: float) -> Mask:
        if kind == "exact":
            return np.zeros(len(rows), bool)
        if kind == "same_year":
            return np.asarray(same_year)
        if kind == "one_part_off":
            return np.asarray(same_year.astype(int) + (month == other_month) + (day == other_day) == 2)
        if kind == "one_digit_off":
            return name_similarity.one_character_off(*digits)
        if kind == "transposed":
            return np.asarray(same_year & (month == other_day) & (day == other_month))
        if kind == "date_difference":
            return np.asarray(np.abs(a[rows].astype(np.int64) - b[rows]) <= threshold)
        return _Texts(*map(_iso, digits)).holds(kind, threshold)

    level[rows] = highest(field, len(rows), holds)
    return level


def _iso(digits: NDArray[np.bytes_]) -> NDArray[np.object_]:
    texts = digits.astype(str)
    return np.array([f"{text[:4]}-{text[4:6]}-{text[6:]}" for text in texts], object)


def _sex(pairs: Pairs, field: Field) -> Levels:
    a, b = pairs.left.sex[pairs.rows], pairs.right.sex[pairs.other]
    return np.where((a == 0) | (b == 0), -1, np.where(a == b, max(exact_level(field), 0), 0)).astype(np.int8)


def _postcode(pairs: Pairs, field: Field) -> Levels:
    a, b = pairs.left.postcode[pairs.rows], pairs.right.postcode[pairs.other]
    outward, other_outward = pairs.left.outward[pairs.rows], pairs.right.outward[pairs.other]
    whole = (a != b"") & (b != b"")
    known = whole | ((outward != b"") & (other_outward != b"") & ("outward" in field.levels))
    same = whole & (a == b)
    common = np.zeros(len(a), bool)
    if "common" in field.levels:
        common[same] = is_in(pairs.left.postcode_code[pairs.rows[same]], pairs.common_postcodes)
    level = np.where(known, 0, -1).astype(np.int8)
    rows = np.flatnonzero(known)

    def holds(kind: str, threshold: float) -> Mask:
        if kind in ("exact", "common"):
            return np.asarray(same[rows] & (common[rows] == (kind == "common")))
        if kind == "outward":
            return np.asarray((outward[rows] != b"") & (outward[rows] == other_outward[rows]))
        if kind == "one_character_off":
            return np.asarray(whole[rows] & name_similarity.one_character_off(a[rows], b[rows]))
        return np.asarray(whole[rows] & _code_texts(a[rows], b[rows]).holds(kind, threshold))

    level[rows] = highest(field, len(rows), holds)
    return level


def _pnc(pairs: Pairs, field: Field) -> Levels:
    a, b = pairs.left.pnc[pairs.rows], pairs.right.pnc[pairs.other]
    level = np.full(len(a), -1, np.int8)
    rows = np.flatnonzero((a != b"") & (b != b""))
    a, b = a[rows], b[rows]

    def holds(kind: str, threshold: float) -> Mask:
        if kind == "exact":
            return np.asarray(a == b)
        if kind == "one_character_off":
            return name_similarity.one_character_off(a, b)
        return _code_texts(a, b).holds(kind, threshold)

    level[rows] = highest(field, len(rows), holds)
    return level


def _code_texts(a: NDArray[np.bytes_], b: NDArray[np.bytes_]) -> _Texts:
    return _Texts(a.astype(str).astype(object), b.astype(str).astype(object))


_COMPARE: Mapping[str, Callable[[Pairs, Field], Levels]] = {
    "forename": _name, "surname": _name, "middle": _name, "birth": _birth, "sex": _sex, "postcode": _postcode,
    "pnc": _pnc,
}  # fmt: skip
