"""How names and dates go wrong when people write them down.

The rates of a submitted cohort are those measured with in the design notes on linkage: forename typo
2.5 %, nickname 3.6 %, phonetic 1.2 %; surname typo 2.8 %; names swapped 1.0 %; birth date wrong
3.2 %; postcode missing 40 %, moved 40 %. The national registers, kept by professionals, have fewer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from jdl_spark.synthetic.calendar import day_number
from jdl_spark.synthetic.names import Ints, Texts, nicknames
from jdl_spark.synthetic.people import Bools, People, Places

_NEIGHBOURS = {
    "a": "sqz",
    "b": "vn",
    "c": "xv",
    "d": "sf",
    "e": "wr",
    "f": "dg",
    "g": "fh",
    "h": "gj",
    "i": "uo",
    "j": "hk",
    "k": "jl",
    "l": "k",
    "m": "n",
    "n": "bm",
    "o": "ip",
    "p": "o",
    "q": "wa",
    "r": "et",
    "s": "ad",
    "t": "ry",
    "u": "yi",
    "v": "cb",
    "w": "qe",
    "x": "zc",
    "y": "tu",
    "z": "xs",
}
_SOUNDS = (
    ("ph", "f"),
    ("ck", "k"),
    ("ee", "ea"),
    ("ie", "y"),
    ("ey", "y"),
    ("ai", "ay"),
    ("ou", "ow"),
    ("c", "k"),
    ("s", "z"),
    ("th", "t"),
    ("ll", "l"),
    ("nn", "n"),
    ("tt", "t"),
    ("gh", ""),
    ("ae", "e"),
    ("oo", "u"),
    ("er", "ar"),
    ("o", "u"),
    ("i", "e"),
    ("y", "i"),
    ("v", "w"),
    ("dj", "j"),
)
_SHAPES = (
    ("rn", "m"),
    ("m", "rn"),
    ("cl", "d"),
    ("h", "b"),
    ("e", "c"),
    ("l", "i"),
    ("nn", "m"),
    ("u", "v"),
    ("vv", "w"),
)
_NICKNAMES = nicknames()
NO_DATE = -(2**31)


@dataclass(frozen=True)
class ErrorRates:
    """Probability of each error in one record."""

    forename_typo: float = 0.025
    forename_sound: float = 0.012
    nickname: float = 0.036
    initial_only: float = 0.004
    no_middle_name: float = 0.45
    surname_typo: float = 0.028
    surname_sound: float = 0.012
    scanned: float = 0.006
    later_surname: float = 0.5
    """Of people who change their surname: the record has the later one."""
    swapped: float = 0.010
    birth_date: float = 0.032
    sex_wrong: float = 0.002
    sex_missing: float = 0.0
    postcode_missing: float = 0.40
    moved: float = 0.40
    """Of all people: the record has the later postcode, if they have one."""


COHORT_RATES = ErrorRates()
OFFENDER_RATES = ErrorRates(
    forename_typo=0.008,
    forename_sound=0.004,
    nickname=0.008,
    no_middle_name=0.2,
    surname_typo=0.009,
    surname_sound=0.004,
    scanned=0.002,
    later_surname=0.25,
    swapped=0.002,
    birth_date=0.008,
    sex_missing=0.003,
    postcode_missing=0.12,
    moved=0.5,
)
CLAIMANT_RATES = ErrorRates(
    forename_typo=0.012,
    forename_sound=0.006,
    nickname=0.015,
    no_middle_name=0.3,
    surname_typo=0.012,
    surname_sound=0.006,
    scanned=0.003,
    later_surname=0.6,
    swapped=0.004,
    birth_date=0.012,
    sex_missing=0.002,
    postcode_missing=0.05,
    moved=0.6,
)
ALIAS_RATES = ErrorRates(
    forename_typo=0.10, forename_sound=0.06, nickname=0.22, no_middle_name=0.5, surname_typo=0.11, surname_sound=0.06,
    later_surname=0.85, swapped=0.01, birth_date=0.13, sex_missing=0.01, postcode_missing=0.25, moved=0.5,
)  # fmt: skip
GARBLED_RATES = ErrorRates(
    forename_typo=0.7,
    forename_sound=0.3,
    nickname=0.2,
    surname_typo=0.75,
    surname_sound=0.4,
    scanned=0.3,
    swapped=0.05,
    birth_date=0.95,
    postcode_missing=0.8,
    moved=0.9,
)


@dataclass
class Written:
    """What a record says of each person: texts (empty: missing), days (NO_DATE: missing), sex 0 F, 1 M, -1 missing."""

    forename: Texts
    middle_names: Texts
    surname: Texts
    born: Ints
    sex: Ints
    postcode: Texts

    def __len__(self) -> int:
        return len(self.born)

    def take(self, rows: np.ndarray) -> Written:
        """Return the chosen records."""
        return Written(*(getattr(self, f.name)[rows] for f in fields(self)))

    @staticmethod
    def stack(parts: list[Written]) -> Written:
        """Return all parts' records, one part after the other."""
        return Written(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Written)))


def write_down(random: np.random.Generator, people: People, rows: Ints, places: Places, rates: ErrorRates) -> Written:
    """Record people as somebody would, with errors.

    Parameters
    ----------
    rows : int64, shape (n,). Which people; repeats are independent records.

    Returns
    -------
    Written, n records
    """
    size = len(rows)
    forename, surname = people.forename[rows], people.surname[rows]
    middle = np.where(_hit(random, size, rates.no_middle_name), "", people.middle_names[rows]).astype(object)
    later = people.later_surname[rows]
    takes = (later != "") & _hit(random, size, rates.later_surname)
    surname = np.where(takes, later, surname).astype(object)
    _change(random, forename, rates.nickname, _nickname)
    _change(random, forename, rates.forename_typo, _typo)
    _change(random, forename, rates.forename_sound, _replace_one(_SOUNDS))
    _change(random, forename, rates.initial_only, lambda _, name: name[:1])
    _change(random, surname, rates.surname_typo, _typo)
    _change(random, surname, rates.surname_sound, _replace_one(_SOUNDS))
    _change(random, surname, rates.scanned, _replace_one(_SHAPES))
    swap = np.flatnonzero(_hit(random, size, rates.swapped))
    forename[swap], surname[swap] = surname[swap], forename[swap]
    born = people.born[rows].copy()
    wrong = np.flatnonzero(_hit(random, size, rates.birth_date))
    born[wrong] = wrong_dates(random, born[wrong])
    sex = people.man[rows].astype(np.int64)
    flipped = _hit(random, size, rates.sex_wrong)
    sex[flipped] = 1 - sex[flipped]
    sex[_hit(random, size, rates.sex_missing)] = -1
    moved = _hit(random, size, rates.moved)
    postcode = places.postcodes[np.where(moved, people.later_postcode[rows], people.postcode[rows])]
    postcode[_hit(random, size, rates.postcode_missing)] = ""
    return Written(forename, middle, surname, born, sex, postcode)


def wrong_dates(random: np.random.Generator, days: Ints) -> Ints:
    """Return days mistaken as people mistake them: day and month swapped, a digit or the year off, 1 January."""
    out = days.copy()
    kind = random.choice(4, size=len(days), p=[0.35, 0.35, 0.2, 0.1])
    for row, how in enumerate(kind):
        day = np.datetime64(int(days[row]), "D").astype(object)
        year, month, number = day.year, day.month, day.day
        if how == 0 and number <= 12 and number != month:
            month, number = number, month
        elif how == 1:
            number = number + 10 if number + 10 <= 28 else max(number - 10, 1)
        elif how == 2:
            year += int(random.choice([-10, -1, 1, 10]))
        elif how == 3:
            month, number = 1, 1
        else:
            number = number + 1 if number < 28 else number - 1
        number = min(number, 28) if month == 2 else min(number, 30)
        out[row] = day_number(year, month, number)
    return out


def _hit(random: np.random.Generator, size: int, rate: float) -> Bools:
    return np.asarray(random.random(size) < rate)


def _change(
    random: np.random.Generator, texts: Texts, rate: float, how: Callable[[np.random.Generator, str], str]
) -> None:
    for row in np.flatnonzero(_hit(random, len(texts), rate)):
        texts[row] = how(random, texts[row])


def _nickname(random: np.random.Generator, name: str) -> str:
    short = _NICKNAMES.get(name)
    return name if short is None else short[int(random.integers(len(short)))]


def _typo(random: np.random.Generator, name: str) -> str:
    """Return the name with one slip of the keyboard, rarely in its first letter."""
    if len(name) < 3:
        return name
    at = int(random.integers(0 if random.random() < 0.1 else 1, len(name)))
    letter = name[at].lower()
    near = _NEIGHBOURS.get(letter, letter)
    other = near[int(random.integers(len(near)))]
    if at == 0:
        other = other.upper()
    kind = int(random.integers(4))
    if kind == 0:
        return name[:at] + other + name[at + 1 :]
    if kind == 1:
        return name[:at] + name[at + 1 :]
    if kind == 2:
        return name[:at] + name[at] + name[at:]
    at = min(max(at, 1), len(name) - 2)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _replace_one(table: tuple[tuple[str, str], ...]) -> Callable[[np.random.Generator, str], str]:
    def replace(random: np.random.Generator, name: str) -> str:
        options = [(old, new) for old, new in table if old in name[1:]]
        if not options:
            return _typo(random, name)
        old, new = options[int(random.integers(len(options)))]
        return name[0] + name[1:].replace(old, new, 1)

    return replace
