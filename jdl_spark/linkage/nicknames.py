"""Forenames that stand for one another: short forms, spellings and translations.

Why groups around a canonical name and no chains: BOB and ROBERT are one man, ROBERT and ROBERTA are
not because both are called BOBBIE. A name may be in several groups (ALEX); two names are related if
they share one. The base is the list of the package `nicknames` (English, Apache-2.0); the names of
Wales, Ireland, Scotland, South Asia, West Africa and Eastern Europe are in `nicknames.csv`, each row
with the reference work that describes it.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage import standardise

_DOUBTFUL = {("ROBERT", "BILL"), ("ROBERT", "BILLY"), ("BILL", "ROBERT"), ("BILLY", "ROBERT")}
"""Pairs of the base list that would make WILLIAM and ROBERT one name. Pairs that it has both ways round are taken once,
the longer name as the canonical one."""
OWN = ("canonical", "name", "kind", "source")
"""Columns of `nicknames.csv`."""


def own_rows() -> list[dict[str, str]]:
    """Return our own additions, one mapping of OWN a row."""
    text = resources.files("jdl_spark.linkage").joinpath("nicknames.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def main_name(name: str) -> str:
    """Return the canonical name that a standardised forename stands for most often; itself where none is known.

    It is the one with the most names in its group, ties in the order of the alphabet: ROBERT, BOB and
    ROB have one, though BOB alone would be in others.
    """
    first = name.split(" ")[0]
    return _main_names().get(first, first)


def related(name: str, other: str) -> bool:
    """Return whether two different standardised forenames share a group, by their first words.

    Examples
    --------
    >>> related("BOB", "ROBERT"), related("BOB", "ROB"), related("ROBERT", "ALBERT")
    (True, True, False)
    """
    codes = [np.array([standardise.code(text.split(" ")[0])]) for text in (name, other)]
    return bool(related_codes(*codes)[0])


def related_codes(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs of names share a group without being equal.

    Parameters
    ----------
    left, right : int64, shape (n,). standardise.code of single words.
    """
    table, pairs = _pairs(), _mixed(left, right)
    at = np.minimum(np.searchsorted(table, pairs), len(table) - 1)
    return np.asarray(table[at] == pairs)


def _mixed(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one number for each ordered pair of codes."""
    spread = left.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((spread ^ (spread >> np.uint64(29))) + right.view(np.uint64))


@cache
def _pairs() -> NDArray[np.uint64]:
    """Return the numbers of all ordered pairs of different names that share a group, ascending."""
    related = {(one, other) for names in _members().values() for one in names for other in names if one != other}
    codes = np.array([[standardise.code(name) for name in pair] for pair in related], np.int64)
    return np.unique(_mixed(np.ascontiguousarray(codes[:, 0]), np.ascontiguousarray(codes[:, 1])))


@cache
def _members() -> dict[str, frozenset[str]]:
    """Return each canonical name with all that stand for it, itself included."""
    base = resources.files("nicknames").joinpath("names.csv").read_text(encoding="utf-8")
    listed = [(row["name1"], row["name2"]) for row in csv.DictReader(base.splitlines())]
    english = {(standardise.forename(one), standardise.forename(other)) for one, other in listed} - _DOUBTFUL
    turned = {(short, full) for short, full in english if (full, short) in english and len(full) > len(short)}
    own = {(row["canonical"], row["name"]) for row in own_rows()}
    found: dict[str, set[str]] = {}
    for canonical, name in (english - turned) | own:
        if canonical and name:
            found.setdefault(canonical, {canonical}).add(name)
    return {canonical: frozenset(names) for canonical, names in found.items()}


@cache
def _main_names() -> dict[str, str]:
    found: dict[str, str] = {}
    for canonical, names in sorted(_members().items(), key=lambda group: (-len(group[1]), group[0])):
        for name in names:
            found.setdefault(name, canonical)
    return found
