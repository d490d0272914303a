"""Which pairs are compared at all: those that share a 64-bit key under some rule.

The right side (the nation) carries its keys sorted, made once; the left side looks them up. A rule
may look up another key than its own: a transposed date finds plain dates, a swapped name plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage.records import NO_DATE, IntArray, Records

Keyed = tuple[IntArray, IntArray]
"""Row numbers and their 64-bit keys; a row may have several keys or none."""

PAIRS_A_BLOCK = 1_000_000
"""Candidate pairs compared at once; bounds the memory of a worker."""


def combine(*parts: NDArray[np.int64]) -> IntArray:
    """Mix integer columns into one 64-bit key per row (SplitMix64's finaliser after each part).

    Reference: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators.
    """
    mixed = np.full(len(parts[0]), 0x9E3779B97F4A7C15, np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.int64).view(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    key: IntArray = mixed.view(np.int64)
    return key


def _known(records: Records, *fields: str) -> IntArray:
    """Return the rows on which every named field is known."""
    missing = {"forename": -1, "surname": -1, "birth": NO_DATE, "postcode": b"", "pnc": b""}
    mask = np.ones(len(records), bool)
    for field in fields:
        mask &= getattr(records, field) != missing[field]
    return np.flatnonzero(mask)


def _bytes_as_ints(values: NDArray[np.bytes_]) -> list[IntArray]:
    width = values.dtype.itemsize // 8
    words = np.ascontiguousarray(values).view(np.int64).reshape(len(values), width)
    return [words[:, column] for column in range(width)]


def _initial(records: Records, rows: IntArray, field: str) -> IntArray:
    position: NDArray[np.int32] = getattr(records, field)
    return records.names.initial[position[rows]]


def _date(records: Records) -> Keyed:
    rows = _known(records, "birth")
    return rows, combine(records.birth[rows].astype(np.int64))


def _date_initial(records: Records) -> Keyed:
    rows = _known(records, "birth", "forename")
    year, month, day = (part[rows] for part in records.calendar)
    return rows, combine(year, month, day, _initial(records, rows, "forename"))


def _transposed_initial(records: Records) -> Keyed:
    rows = _known(records, "birth", "forename")
    year, month, day = (part[rows] for part in records.calendar)
    could_be = (day <= 12) & (day != month)
    key = combine(year, day, month, _initial(records, rows, "forename"))
    return rows[could_be], key[could_be]


def _sound_initial_year(records: Records) -> Keyed:
    rows = _known(records, "surname", "forename", "birth")
    year, initial = records.calendar[0][rows], _initial(records, rows, "forename")
    surname = records.surname[rows]
    first, last = records.names.sound_first[surname], records.names.sound_last[surname]
    double = first != last
    return _joined((rows, combine(first, initial, year)), (rows[double], combine(last, initial, year)[double]))


def _names(records: Records) -> Keyed:
    rows = _known(records, "forename", "surname")
    code = records.names.code
    return rows, combine(code[records.forename[rows]], code[records.surname[rows]])


def _names_swapped(records: Records) -> Keyed:
    rows = _known(records, "forename", "surname")
    code = records.names.code
    return rows, combine(code[records.surname[rows]], code[records.forename[rows]])


def _postcode_initial(records: Records) -> Keyed:
    rows = _known(records, "postcode", "forename")
    return rows, combine(*_bytes_as_ints(records.postcode[rows]), _initial(records, rows, "forename"))


def _postcode_sound(records: Records) -> Keyed:
    rows = _known(records, "postcode", "surname")
    sound = records.names.sound_first[records.surname[rows]]
    return rows, combine(*_bytes_as_ints(records.postcode[rows]), sound)


def _sounds(records: Records) -> Keyed:
    rows = _known(records, "forename", "surname")
    forename, surname = records.forename[rows], records.surname[rows]
    return rows, combine(records.names.sound_first[forename], records.names.sound_last[surname])


def _pnc(records: Records) -> Keyed:
    rows = _known(records, "pnc")
    return rows, combine(*_bytes_as_ints(records.pnc[rows]))


def _joined(*parts: Keyed) -> Keyed:
    rows = np.concatenate([rows for rows, _ in parts])
    keys = np.concatenate([keys for _, keys in parts])
    order = np.argsort(rows, kind="stable")
    return rows[order], keys[order]


KEYS: Mapping[str, Callable[[Records], Keyed]] = {
    "date": _date,
    "date_initial": _date_initial,
    "sound_initial_year": _sound_initial_year,
    "names": _names,
    "sounds": _sounds,
    "postcode_initial": _postcode_initial,
    "postcode_sound": _postcode_sound,
    "pnc": _pnc,
}
"""Keys that the right side carries."""


@dataclass(frozen=True)
class Rule:
    """A blocking rule: the left side's `probe` looks up the right side's key named `key`."""

    name: str
    key: str
    probe: Callable[[Records], Keyed]


RULES = (
    Rule("date", "date", _date),
    Rule("date_transposed", "date_initial", _transposed_initial),
    Rule("sound_initial_year", "sound_initial_year", _sound_initial_year),
    Rule("names", "names", _names),
    Rule("sounds", "sounds", _sounds),
    Rule("names_swapped", "names", _names_swapped),
    Rule("postcode_initial", "postcode_initial", _postcode_initial),
    Rule("postcode_sound", "postcode_sound", _postcode_sound),
    Rule("pnc", "pnc", _pnc),
)

LINKING_RULES = tuple(rule for rule in RULES if rule.name != "names")
"""Rules that find candidates. Equal names sound equal, so `sounds` holds `names`, which is for training only."""

Keys = Mapping[str, Keyed]
"""Key name to (rows, keys), sorted by key and row: what an index shard carries."""
Probes = Mapping[str, Keyed]
"""Rule name to (rows, keys), sorted by row: what the left side looks up."""


def index_keys(records: Records) -> dict[str, Keyed]:
    """Return every key of the right side, sorted by (key, row)."""
    sorted_keys = {}
    for name, make in KEYS.items():
        rows, keys = make(records)
        order = np.lexsort((rows, keys))
        sorted_keys[name] = rows[order].astype(np.int64), keys[order]
    return sorted_keys


def probes(
    records: Records, left_out: Mapping[str, IntArray], rules: tuple[Rule, ...] = LINKING_RULES
) -> dict[str, Keyed]:
    """Return what the left side looks up under each rule.

    Parameters
    ----------
    left_out : mapping
        Key name to the sorted keys of blocks that are too large; they are not looked up.
    """
    found = {}
    for rule in rules:
        rows, keys = rule.probe(records)
        dropped = left_out.get(rule.key, np.empty(0, np.int64))
        keep = ~np.isin(keys, dropped)
        found[rule.name] = rows[keep], keys[keep]
    return found


def candidates(
    left: Probes, right: Keys, left_rows: int, right_rows: int, pairs_a_block: int = PAIRS_A_BLOCK
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the candidate pairs of all rules together, each pair once.

    Parameters
    ----------
    left, right : as `probes` and `index_keys` return them
    left_rows, right_rows : number of records on each side
    pairs_a_block : about how many pairs may stand in memory; a left record's pairs stay together

    Yields
    ------
    int64, shape (pairs,) twice
        Left and right row of each pair, ascending by (left, right).
    """
    spans = []
    per_left = np.zeros(left_rows, np.int64)
    for rule in RULES:
        if rule.name not in left:
            continue
        rows, keys = left[rule.name]
        first = np.searchsorted(right[rule.key][1], keys, side="left")
        count = np.searchsorted(right[rule.key][1], keys, side="right") - first
        hit = count > 0
        spans.append((rows[hit], first[hit], count[hit], right[rule.key][0]))
        per_left += np.bincount(rows[hit], weights=count[hit], minlength=left_rows).astype(np.int64)
    for start, stop in _blocks(per_left, pairs_a_block):
        codes = [_expand(span, start, stop, right_rows) for span in spans]
        pairs = _distinct(np.concatenate([np.empty(0, np.int64), *codes]))
        yield pairs // max(right_rows, 1), pairs % max(right_rows, 1)


def _distinct(values: IntArray) -> IntArray:
    """Sort and drop repeats; several times faster here than `np.unique`, which hashes first."""
    values = np.sort(values)
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return values[first]


def _blocks(per_left: IntArray, size: int) -> Iterator[tuple[int, int]]:
    """Cut the left rows where their pairs have filled a block."""
    total = np.cumsum(per_left)
    start = 0
    while start < len(per_left) and total[-1] > (before := total[start - 1] if start else 0):
        stop = max(int(np.searchsorted(total, before + size, side="right")), start + 1)
        yield start, stop
        start = stop


def _expand(span: tuple[IntArray, IntArray, IntArray, IntArray], start: int, stop: int, right_rows: int) -> IntArray:
    """Return left row x right_rows + right row for every hit of the left rows in [start, stop)."""
    rows, first, count, right = span
    part = slice(*np.searchsorted(rows, (start, stop)))
    rows, first, count = rows[part], first[part], count[part]
    ends = np.cumsum(count)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)
    return np.asarray(np.repeat(rows, count) * right_rows + right[np.repeat(first, count) + within], dtype=np.int64)
