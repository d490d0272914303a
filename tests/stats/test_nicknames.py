"""The nickname lists: literal pairs, sources, and that groups do not chain."""

from __future__ import annotations

from importlib import metadata

import pytest

from jdl_spark.linkage import nicknames, standardise


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ROBERT", "BOB"), ("WILLIAM", "BILL"), ("KATHERINE", "KATE"), ("GARY", "GAZ"),  # English
        ("DAFYDD", "DAI"), ("DAVID", "DAFYDD"), ("PATRICK", "PADDY"), ("JOHN", "SEAN"),  # Welsh, Irish
        ("MUHAMMAD", "MOHAMMED"), ("MOHAMED", "MOHAMMED"), ("HARPREET", "PREET"),  # South Asian
        ("OLUWASEUN", "SEUN"), ("KWABENA", "KOBINA"), ("CHUKWUEMEKA", "EMEKA"),  # African
        ("KATARZYNA", "KASIA"), ("YEVGENY", "ZHENYA"), ("GHEORGHE", "GICA"),  # Eastern European
        ("ROBERT JOHN", "BOB"),
    ],
)  # fmt: skip
def test_related_names(name: str, other: str) -> None:
    assert nicknames.related(name, other)
    assert nicknames.related(other, name)


@pytest.mark.parametrize(("name", "other"), [("ROBERT", "ALBERT"), ("ROBERT", "ROBERT"), ("QWERT", "ROBERT"), ("", "")])
def test_unrelated_names(name: str, other: str) -> None:
    assert not nicknames.related(name, other)


def test_groups_do_not_chain() -> None:
    shared = [name for name in ("BOBBIE", "BOBBY") if nicknames.related(name, "ROBERT")]
    assert shared
    assert not nicknames.related("WILLIAM", "ROBERT")
    assert not nicknames.related("JOHN", "JAMES")
    assert max(len(names) for names in nicknames._members().values()) < 80


def test_one_name_stands_for_the_others() -> None:
    assert [nicknames.main_name(name) for name in ("ROBERT", "BOB", "ROB JAMES")] == ["ROBERT"] * 3
    assert nicknames.main_name("BILL") == "WILLIAM"
    assert nicknames.main_name("QWERT") == "QWERT"
    assert all(nicknames.related(nicknames.main_name(name), name) for name in ("ALEX", "SASHA", "JACK"))


def test_every_own_row_is_standardised_and_names_its_source() -> None:
    rows = nicknames.own_rows()
    assert len(rows) > 500
    for row in rows:
        assert tuple(row) == nicknames.OWN
        assert all(value.strip() for value in row.values())
        assert row["canonical"] != row["name"]
        assert {standardise.forename(row[at]) for at in ("canonical", "name")} == {row["canonical"], row["name"]}
    assert len({(row["canonical"], row["name"]) for row in rows}) == len(rows)


def test_the_base_list_may_be_used() -> None:
    assert metadata.metadata("nicknames")["License-Expression"] == "Apache-2.0"
