"""Which forenames stand for one another: short forms, spellings, and forms of other languages.

Why groups around a canonical name and no chains: HARRY is short for HENRY and for HAROLD, but HENRY
is not HAROLD. Two names are related if one list row away from the same canonical name, never further.
The list, its sources and its licence lie beside this file; `docs/nicknames.md` tells how it was made. Of a
forename of several words the first one counts.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage import standardise


@dataclass(frozen=True)
class Row:
    """One row of the list: a name, the canonical name it stands for, and who says so.

    Attributes
    ----------
    kind : "short form", "spelling" (also transliterations) or "translation" (a form of another language).
    main : whether a name in several groups is first of all read as this one.
    source : key of a row of `nickname_sources.csv`.
    """

    canonical: str
    name: str
    kind: str
    main: bool
    source: str


def rows() -> list[Row]:
    """Return the list as it is stored, by canonical name and name."""
    return [
        Row(row["canonical"], row["name"], row["kind"], row["main"] == "yes", row["source"])
        for row in _table("nicknames.csv")
    ]


def sources() -> dict[str, tuple[str, str]]:
    """Return the title and address of each source by its key; a printed work has no address."""
    return {row["source"]: (row["title"], row["address"]) for row in _table("nickname_sources.csv")}


def _table(name: str) -> list[dict[str, str]]:
    text = resources.files("jdl_spark.linkage").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@functools.cache
def _canonicals() -> dict[str, frozenset[str]]:
    """Return the canonical names around which each listed name stands, its own included."""
    found: dict[str, set[str]] = {}
    for row in rows():
        found.setdefault(row.canonical, set()).add(row.canonical)
        found.setdefault(row.name, set()).add(row.canonical)
    return {name: frozenset(canonicals) for name, canonicals in found.items()}


@functools.cache
def _main() -> dict[str, str]:
    marked = {row.name: row.canonical for row in rows() if row.main}
    return {row.canonical: row.canonical for row in rows()} | marked


def _first(name: str) -> str:
    return name.partition(" ")[0]


def groups(name: str) -> frozenset[str]:
    """Return the canonical names that a standardised forename can stand for, empty if it is not listed.

    Examples
    --------
    >>> sorted(groups("HARRY")), sorted(groups("BOB LEE")), sorted(groups("ZEBULA"))
    (['HAROLD', 'HARRISON', 'HARRY', 'HENRY'], ['ROBERT'], [])
    """
    return _canonicals().get(_first(name), frozenset())


def main_name(name: str) -> str:
    """Return the one canonical name that a blocking key reads a standardised forename as.

    A canonical name stands for itself, unless the list marks another as its main reading. A name in
    several groups stands for the one that the list marks; a name that is not listed for its first word.

    Examples
    --------
    >>> main_name("BOB LEE"), main_name("ROBERT"), main_name("HARRY"), main_name("ZEBULA")
    ('ROBERT', 'ROBERT', 'HENRY', 'ZEBULA')
    """
    first = _first(name)
    return _main().get(first, first)


def related(name: str, other: str) -> bool:
    """Return whether two different standardised forenames can stand for each other: they share a group.

    Examples
    --------
    >>> related("ROBERT", "BOB"), related("BOB", "ROB"), related("HENRY", "HAROLD"), related("BOB", "BOB")
    (True, True, False, False)
    """
    return _first(name) != _first(other) and not groups(name).isdisjoint(groups(other))


def related_codes(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs of names are related.

    Parameters
    ----------
    left, right : int64, shape (n,). standardise.code of the first words of the names.

    Returns
    -------
    bool, shape (n,). What `related` says of each pair.
    """
    table, pairs = _pairs(), _mixed(left, right)
    at = np.minimum(np.searchsorted(table, pairs), len(table) - 1)
    return np.asarray(table[at] == pairs)


def _mixed(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one number for each ordered pair of codes."""
    spread = left.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((spread ^ (spread >> np.uint64(29))) + right.view(np.uint64))


@functools.cache
def _pairs() -> NDArray[np.uint64]:
    """Return the numbers of all ordered pairs of different names that share a group, ascending."""
    members: dict[str, list[str]] = {}
    for name, canonicals in _canonicals().items():
        for canonical in canonicals:
            members.setdefault(canonical, []).append(name)
    related = {(one, other) for names in members.values() for one in names for other in names if one != other}
    codes = np.array([[standardise.code(name) for name in pair] for pair in related], np.int64)
    return np.unique(_mixed(np.ascontiguousarray(codes[:, 0]), np.ascontiguousarray(codes[:, 1])))
