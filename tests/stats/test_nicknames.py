"""The list is sound (sources, licence, one spelling), and lookups do what a slow reading of it says."""

from __future__ import annotations

import itertools
import zipfile
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.linkage import nicknames, standardise

ROWS = nicknames.rows()
NAMES = sorted({name for row in ROWS for name in (row.canonical, row.name)})
ANY_NAME = st.sampled_from(NAMES)


def canonicals(name: str) -> set[str]:
    """Return the canonical names of a listed name: the obvious reading of the list, row by row."""
    own = {row.canonical for row in ROWS if row.canonical == name}
    return own | {row.canonical for row in ROWS if row.name == name}


def test_every_row_has_a_source_that_is_described() -> None:
    described = nicknames.sources()
    assert {row.source for row in ROWS} == set(described)
    assert all(title for title, _ in described.values())
    assert all(address.startswith("http") or not address for _, address in described.values())


def test_names_are_standardised_and_kinds_known() -> None:
    assert [name for name in NAMES if standardise.forename(name) != name] == []
    assert {row.kind for row in ROWS} == {"short form", "spelling", "translation"}


def test_no_pair_twice_and_none_with_itself() -> None:
    pairs = Counter((row.canonical, row.name) for row in ROWS)
    assert [pair for pair, times in pairs.items() if times > 1 or pair[0] == pair[1]] == []
    assert list(pairs) == sorted(pairs)


def test_every_name_has_one_main_group() -> None:
    marked = Counter(row.name for row in ROWS if row.main)
    own = {row.canonical for row in ROWS}
    assert [name for name in NAMES if marked[name] > 1 or (marked[name] == 0 and name not in own)] == []


def test_licence_of_the_base_list_travels_with_it() -> None:
    licence = resources.files("jdl_spark.linkage").joinpath("nicknames.LICENSE.txt").read_text(encoding="utf-8")
    assert "Carlton Northern and Nick Crews" in licence
    assert "Changes made:" in licence
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in licence


def test_the_list_is_read_from_inside_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name in ("nicknames.csv", "nickname_sources.csv"):
            target.write(str(resources.files("jdl_spark.linkage").joinpath(name)), name)
    monkeypatch.setattr(nicknames.resources, "files", lambda _: zipfile.Path(archive))
    assert nicknames.rows() == ROWS


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("ROBERT", "BOB"), ("BOB", "ROB"), ("GARY", "GAZ"), ("BARRY", "BAZ"), ("SHARON", "SHAZ"), ("DARREN", "DAZ"),
        ("JEREMY", "JEZ"), ("TERRY", "TEL"), ("JOHN", "JOCK"), ("MARGARET", "PEGGY"), ("DAVID", "DAI"),
        ("DAFYDD", "DAVID"), ("WIL", "GWILYM"), ("GWILYM", "WILLIAM"), ("GRUFFUDD", "GUTO"), ("IFAN", "IANTO"),
        ("IEUAN", "EVAN"), ("SIAN", "JANE"), ("SEAN", "SHAUN"), ("SEAN", "JOHN"), ("PADRAIG", "PATRICK"),
        ("PADDY", "PATRICK"), ("LIAM", "WILLIAM"), ("SEAMUS", "JAMES"), ("SIOBHAN", "JOAN"), ("GRAINNE", "GRACE"),
        ("MOHAMMED", "MUHAMMAD"), ("MOHD", "MOHAMED"), ("MD", "MOHAMMAD"), ("YUSUF", "YOUSEF"), ("HUSSAIN", "HUSSEIN"),
        ("AISHA", "AYESHA"), ("ABDIRAHMAN", "ABDURRAHMAN"), ("USMAN", "OSMAN"), ("RAJESH", "RAJ"),
        ("CHUKWUEMEKA", "EMEKA"), ("OLUWASEUN", "SEUN"), ("OLUMIDE", "MIDE"), ("KWABENA", "KOBINA"), ("KWAKU", "KWEKU"),
        ("ALEKSANDER", "OLEK"), ("KATARZYNA", "KASIA"), ("MALGORZATA", "GOSIA"), ("TOMASZ", "TOMEK"),
        ("YEVGENY", "ZHENYA"), ("EVGENY", "YEVGENY"), ("ANDREI", "ANDREY"), ("ION", "IONUT"), ("GHEORGHE", "GICA"),
        ("FRANCISCO", "PACO"),
    ],
)  # fmt: skip
def test_names_that_stand_for_each_other(a: str, b: str) -> None:
    assert nicknames.related(a, b)
    assert nicknames.related(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("HENRY", "HAROLD"), ("ALEXANDER", "ALEXANDRA"), ("PATRICK", "PATRICIA"), ("SAMUEL", "SAMANTHA"),
        ("ALBERT", "ROBERT"), ("EDWARD", "THEODORE"), ("JOHN", "JONATHAN"), ("ANDREW", "ANDREA"),
        ("PIOTR", "PETER"), ("ROBERT", "ROBERT"), ("ROBERT", "RICHARD"), ("", ""), ("", "BOB"), ("ИВАН", "JOHN"),
    ],
)  # fmt: skip
def test_names_that_do_not(a: str, b: str) -> None:
    assert not nicknames.related(a, b)
    assert not nicknames.related(b, a)


def test_a_name_of_several_words_counts_by_its_first() -> None:
    assert nicknames.related("ROBERT JAMES", "BOB LEE")
    assert not nicknames.related("BOB JAMES", "BOB")
    assert nicknames.groups("MOHAMMED ALI") == nicknames.groups("MOHAMMED")
    assert nicknames.main_name("BOB LEE") == "ROBERT"
    assert [name for name in NAMES if " " in name] == []


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("ROBERT", "ROBERT"), ("BOB", "ROBERT"), ("ALEX", "ALEXANDER"), ("HARRY", "HENRY"), ("HAROLD", "HAROLD"),
        ("KATE", "CATHERINE"), ("KATHERINE", "CATHERINE"), ("SEAN", "SEAN"), ("SHAUN", "SEAN"), ("LIAM", "WILLIAM"),
        ("TERRY", "TERENCE"), ("SAM", "SAMUEL"), ("MO", "MOHAMMED"), ("BILL", "WILLIAM"),
    ],
)  # fmt: skip
def test_main_names(name: str, canonical: str) -> None:
    assert nicknames.main_name(name) == canonical


def test_a_name_that_is_not_listed_stands_for_itself() -> None:
    assert nicknames.groups("ZEBULA") == nicknames.groups("") == frozenset()
    assert (nicknames.main_name("ZEBULA"), nicknames.main_name("")) == ("ZEBULA", "")


@given(ANY_NAME, ANY_NAME)
def test_two_names_are_related_exactly_if_a_canonical_name_holds_both(a: str, b: str) -> None:
    together = not canonicals(a).isdisjoint(canonicals(b))
    assert nicknames.related(a, b) == nicknames.related(b, a) == (together and a != b)


@given(st.sampled_from(ROWS), st.lists(ANY_NAME, max_size=8))
def test_codes_say_what_names_say(row: nicknames.Row, names: list[str]) -> None:
    pairs = [(row.canonical, row.name), (row.name, row.canonical), (row.name, "ZEBULA"), ("", ""), (row.name, row.name)]
    pairs += list(itertools.product([row.name], names))
    left, right = (np.array([standardise.code(pair[side]) for pair in pairs], np.int64) for side in (0, 1))
    assert nicknames.related_codes(left, right).tolist() == [nicknames.related(a, b) for a, b in pairs]


@given(ANY_NAME)
def test_groups_are_those_of_the_rows(name: str) -> None:
    assert nicknames.groups(name) == canonicals(name)
    assert nicknames.main_name(name) in nicknames.groups(name)


def test_being_related_does_not_chain() -> None:
    assert nicknames.related("HARRY", "HENRY")
    assert nicknames.related("HARRY", "HAROLD")
    apart = sum(
        not nicknames.related(a, b) for row in ROWS for a, b in itertools.combinations(sorted(canonicals(row.name)), 2)
    )
    assert apart > 200  # most canonical names that share a short form are still two names
