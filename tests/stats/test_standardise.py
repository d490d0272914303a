"""Literal spellings, and properties that hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.linkage import standardise


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("  zoë ", "ZOE"), ("Mary-Jane", "MARY JANE"), ("Mr. John", "JOHN"), ("DR", "DR"), ("J.", "J"),
        ("D'Arcy", "DARCY"), ("D’Arcy", "DARCY"), ("Łukasz", "LUKASZ"), ("Jürgen Søren", "JURGEN SOREN"),
        ("Baby", ""), ("BABY GIRL", ""), ("N.K.", ""), ("unknown", ""), ("XXXX", ""), ("---", ""), ("123", ""),
        ("", ""), (None, ""), ("Иван", "ИВАН"), ("李", "李"), ("Mary  Ann\tRose", "MARY ANN ROSE"), ("Ann3", "ANN"),
    ],
)  # fmt: skip
def test_forenames(written: str | None, standard: str) -> None:
    assert standardise.forename(written) == standard


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("O'Brien", "OBRIEN"), ("O Brien", "OBRIEN"), ("Mac Donald", "MCDONALD"), ("MacDonald", "MCDONALD"),
        ("McDonald", "MCDONALD"), ("Mc Donald", "MCDONALD"), ("Mace", "MACE"), ("van der Berg", "VANDERBERG"),
        ("Vanderberg", "VANDERBERG"), ("Smith-Jones", "SMITH JONES"), ("Smith Jones", "SMITH JONES"),
        ("Smith Jnr", "SMITH"), ("de la Cruz", "DELACRUZ"), ("St. John", "STJOHN"), ("NFA", ""), ("No Fixed Abode", ""),
        ("O", "O"), ("Nguyễn", "NGUYEN"), ("Strauß", "STRAUSS"), (None, ""),
    ],
)  # fmt: skip
def test_surnames(written: str | None, standard: str) -> None:
    assert standardise.surname(written) == standard


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("LS1 4AB", ("LS14AB", "LS1")), ("ls14ab", ("LS14AB", "LS1")), ("EC1A 1BB", ("EC1A1BB", "EC1A")),
        ("LS1 OAB", ("LS10AB", "LS1")), ("M1", ("", "M1")), ("2135", ("2135", "")), ("0000", ("", "")),
        ("NFA", ("", "")), ("ZZ99 3VZ", ("", "")), ("", ("", "")), (None, ("", "")), ("90210-1234", ("90210123", "")),
    ],
)  # fmt: skip
def test_postcodes(written: str | None, standard: tuple[str, str]) -> None:
    assert standardise.postcode(written) == standard


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("1999/0012345A", "1999/0012345A"), ("99/12345a", "1999/0012345A"), ("02/12345A", "2002/0012345A"),
        (" 2002 / 12345 A", "2002/0012345A"), ("5304218", "5304218"), ("000000", ""), ("NONE", ""), (None, ""),
    ],
)  # fmt: skip
def test_pnc_ids(written: str | None, standard: str) -> None:
    assert standardise.pnc_id(written) == standard


def test_sexes() -> None:
    assert [standardise.sex(text) for text in ("F", "female", " M ", "Male", "9", "", None)] == [1, 1, 2, 2, 0, 0, 0]


def test_codes_are_stable_and_missing_is_zero() -> None:
    assert standardise.code("") == 0
    assert standardise.code("SMITH") == 1849858488927620828


@given(st.text(max_size=300))
def test_standardising_twice_changes_nothing(text: str) -> None:
    for function in (standardise.forename, standardise.surname):
        once = function(text)
        assert len(once) <= standardise.LONGEST_NAME
        assert once == once.strip()
        assert standardise.sound(once.split(" ")[0]) or not once
    assert standardise.forename(standardise.forename(text)) == standardise.forename(text)
    whole, _ = standardise.postcode(text)
    assert len(whole) <= standardise.LONGEST_POSTCODE
    assert len(standardise.pnc_id(text)) <= standardise.LONGEST_PNC
