"""Which pairs are compared at all: those that share a key under some rule.

Why a rule is a conjunction that nearly every slip leaves alone: comparing costs a microsecond a
pair, and of all pairs with one date of birth hardly any could reach the floor unless something of
the names agrees too. The nation streams by, and each of its keys is looked up among those of the
people who are searched for. A rule may look up another key than its own: a transposed date finds
plain dates, a swapped name plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage import keys
from jdl_spark.linkage.keys import Codes, Keyed
from jdl_spark.linkage.records import IntArray, Records

PAIRS_A_BLOCK = 500_000
"""Candidate pairs compared at once; bounds the memory of a worker."""
RARE = 20
"""Versions that may share one of RARE_KEYS: names that more people bear do not outweigh two dates of birth."""


@dataclass(frozen=True)
class Rule:
    """A blocking rule: the left side's `probe` looks up the right side's keys named `key`.

    Attributes
    ----------
    words : what a pair shares, for people
    """

    name: str
    key: str
    words: str
    probe: Callable[[Records], Keyed]


KEYS: Mapping[str, Callable[[Records], Keyed]] = {
    "date": keys.date,
    "date_forename": keys.date_forename,
    "date_surname": keys.date_surname,
    "date_root": keys.date_root,
    "date_initials": lambda records: keys.date_initials(records, False, False),
    "transposed_root": lambda records: keys.transposed_root(records, False),
    "sound_initial_year": keys.sound_initial_year,
    "root_year_month": keys.root_year_month,
    "root_month_day": keys.root_month_day,
    "names_sound": keys.names_sound,
    "postcode": keys.postcode,
    "postcode_forename": keys.postcode_forename,
    "postcode_surname": keys.postcode_surname,
    "pnc": keys.pnc,
}
"""Keys of the right side."""
RARE_KEYS = frozenset({"date", "postcode", "names_sound"})
"""Keys that make candidates only while at most RARE versions share one: in a small table a date of birth alone is worth
a look, in a nation it is not."""

RULES = (
    Rule("date", "date", "date of birth, while few share it", keys.date),
    Rule("date_forename", "date_forename", "date of birth, first letter of the forename", keys.date_forename),
    Rule("date_surname", "date_surname", "date of birth, first letter of the surname", keys.date_surname),
    Rule("date_nickname", "date_root", "date of birth, forename up to sound and nickname", keys.date_root),
    Rule(
        "date_swapped", "date_initials", "date of birth, first letters of forename and surname exchanged",
        lambda records: keys.date_initials(records, False, True),
    ),
    Rule(
        "transposed_initials", "date_initials", "date of birth with day and month exchanged, both first letters",
        lambda records: keys.date_initials(records, True, False),
    ),
    Rule(
        "transposed_nickname", "transposed_root", "date of birth with day and month exchanged, forename up to nickname",
        lambda records: keys.transposed_root(records, True),
    ),
    Rule("sound_initial_year", "sound_initial_year", "sound of a surname, first letter of the forename, year of birth",
         keys.sound_initial_year),
    Rule("nickname_year_month", "root_year_month",
         "forename up to nickname, first letter of the surname, year and month of birth", keys.root_year_month),
    Rule("nickname_month_day", "root_month_day",
         "forename up to nickname, first letter of the surname, month and day of birth", keys.root_month_day),
    Rule("names", "names_sound", "rare pair of forename up to nickname and sound of a surname", keys.names_sound),
    Rule("names_swapped", "names_sound", "the same rare pair, exchanged", keys.names_swapped),
    Rule("postcode", "postcode", "postcode, while few share it", keys.postcode),
    Rule("postcode_forename", "postcode_forename", "postcode, forename up to nickname", keys.postcode_forename),
    Rule("postcode_surname", "postcode_surname", "postcode, sound of a surname", keys.postcode_surname),
    Rule("pnc", "pnc", "PNC identifier", keys.pnc),
)  # fmt: skip
"""Rules that find candidates; docs/methodology.md lists them."""


# --- rules of training: whole blocks, whose pairs are counted by what they share ----------------


TRAINING_RULES = (
    Rule("date", "date", "date of birth", keys.date),
    Rule("names", "equal_names", "forename and surname", keys.equal_names),
    Rule("postcode_surname", "postcode_surname", "postcode, sound of a surname", keys.postcode_surname),
    Rule("pnc", "pnc", "PNC identifier", keys.pnc),
)
TRAINING_KEYS: Mapping[str, Callable[[Records], Keyed]] = {rule.key: rule.probe for rule in TRAINING_RULES}


# --- lookup -------------------------------------------------------------------------------

Keys = Mapping[str, Keyed]
"""Key name to (rows, keys), rows ascending."""


def index_keys(records: Records, make: Mapping[str, Callable[[Records], Keyed]] = KEYS) -> dict[str, Keyed]:
    """Return every key of the right side.

    Why they are not stored: mixing a few integers a row costs less than carrying twelve keys a row
    from the lake to the worker (measured: the index is half as large).
    """
    return {name: keyed(records) for name, keyed in make.items()}


@dataclass(frozen=True)
class Probe:
    """What the left side looks up under one rule, sorted by key.

    Attributes
    ----------
    key : name of the right side's keys
    rows : int64, shape (n,). keys : uint32, shape (n,), ascending.
    """

    key: str
    rows: IntArray
    keys: Codes
    _bits: int = field(default=20, repr=False)

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Which leading bits of a key occur at all: most keys of the nation are ruled out by one look."""
        table = np.zeros(1 << self._bits, bool)
        table[self.keys >> np.uint32(32 - self._bits)] = True
        return table

    @cached_property
    def distinct(self) -> tuple[Codes, IntArray, IntArray]:
        """Distinct keys ascending, with the first place and the number of each in `keys`."""
        distinct, first, count = np.unique(self.keys, return_index=True, return_counts=True)
        return distinct, first.astype(np.int64), count.astype(np.int64)

    def spans(self, right: Keyed) -> tuple[IntArray, IntArray, IntArray]:
        """Return right rows with the first place and the number of their partners in `rows`."""
        rows, keys = right
        near = np.flatnonzero(self.seen[keys >> np.uint32(32 - self._bits)])
        distinct, first, count = self.distinct
        if not len(distinct):
            return rows[:0], first, count
        wanted = keys[near]
        at = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
        hit = distinct[at] == wanted
        return rows[near[hit]], first[at[hit]], count[at[hit]]


def probes(records: Records, left_out: Mapping[str, IntArray], rules: Sequence[Rule] = RULES) -> dict[str, Probe]:
    """Return what the left side looks up under each rule.

    Parameters
    ----------
    left_out : mapping
        Key name to the sorted values of blocks that are too large; they are not looked up.
    """
    found = {}
    for rule in rules:
        rows, keys = rule.probe(records)
        dropped = left_out.get(rule.key)
        if dropped is not None and len(dropped):
            keep = ~np.isin(keys, dropped)
            rows, keys = rows[keep], keys[keep]
        order = np.argsort(keys, kind="stable")
        found[rule.name] = Probe(rule.key, rows[order].astype(np.int64), keys[order])
    return found


def candidates(
    left: Mapping[str, Probe], right: Keys, left_rows: int, right_rows: int, pairs_a_block: int = PAIRS_A_BLOCK
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the candidate pairs of all rules together, each pair once.

    Parameters
    ----------
    left, right : as `probes` and `index_keys` return them
    left_rows, right_rows : number of records on each side
    pairs_a_block : about how many pairs may stand in memory; a right record's pairs stay together

    Yields
    ------
    int64, shape (pairs,) twice
        Left and right row of each pair, ascending by (right, left).
    """
    spans = []
    per_right = np.zeros(right_rows, np.int64)
    for probe in left.values():
        rows, first, count = probe.spans(right[probe.key])
        spans.append((rows, first, count, probe.rows))
        per_right += np.bincount(rows, weights=count, minlength=right_rows).astype(np.int64)
    width = max(left_rows, 1)
    for start, stop in _blocks(per_right, pairs_a_block):
        codes = [_expand(span, start, stop, width) for span in spans]
        pairs = distinct(np.concatenate([np.empty(0, np.int64), *codes]))
        yield pairs % width, pairs // width


def distinct(values: IntArray) -> IntArray:
    """Return the distinct values, ascending; several times faster here than `np.unique`, which hashes first."""
    values = np.sort(values)
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return values[first]


def _blocks(per_row: IntArray, size: int) -> Iterator[tuple[int, int]]:
    """Cut the right rows where their pairs have filled a block."""
    total = np.cumsum(per_row)
    start = 0
    while start < len(per_row) and total[-1] > (before := total[start - 1] if start else 0):
        stop = max(int(np.searchsorted(total, before + size, side="right")), start + 1)
        yield start, stop
        start = stop


def _expand(span: tuple[IntArray, IntArray, IntArray, IntArray], start: int, stop: int, width: int) -> IntArray:
    """Return right row x width + left row for every hit of the right rows in [start, stop)."""
    rows, first, count, left = span
    part = slice(*np.searchsorted(rows, (start, stop)))
    rows, first, count = rows[part], first[part], count[part]
    ends = np.cumsum(count)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)
    return np.asarray(np.repeat(rows, count) * width + left[np.repeat(first, count) + within], dtype=np.int64)
