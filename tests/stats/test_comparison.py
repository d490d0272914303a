"""Every comparison level with literal pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from linkage_people import packed, person

from jdl_spark.linkage.comparison import FIELDS, LEVELS, compare

NOTHING = np.empty(0, np.int64)


def level(field: str, left: dict[str, Any], right: dict[str, Any], common: np.ndarray = NOTHING) -> str:
    row = np.zeros(1, np.int64)
    found = compare(packed([left]), packed([right]), row, row, (0.92, 0.8), common)[0, FIELDS.index(field)]
    return "missing" if found < 0 else LEVELS[field][found]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("SMITH", "smith", "exact"), ("MARTHA", "MARHTA", "close"), ("SMITH", "SMYTHE", "loose"),
        ("SMITH", "JONES", "disagree"), ("S", "SMITH", "initial"), ("S", "JONES", "disagree"), ("S", "S.", "exact"),
        ("SMITH-JONES", "JONES", "part"), ("SMITH JONES", "JONES SMITH", "part"), ("O'NEILL", "ONEILL", "exact"),
        ("SMITH", None, "missing"), (None, None, "missing"), ("UNKNOWN", "SMITH", "missing"),
        ("Иванов", "ИВАНОВ", "exact"),
        ("A" * 200, "A" * 200, "exact"),
    ],
)  # fmt: skip
def test_names(left: str | None, right: str | None, expected: str) -> None:
    assert level("surname", person(surname=left), person(surname=right)) == expected
    assert level("surname", person(surname=right), person(surname=left)) == expected
    assert level("forename", person(forename=left), person(forename=right)) == expected


@pytest.mark.parametrize(
    ("left", "right", "forename", "surname"),
    [
        (("JOHN", "ALI"), ("ALI", "JOHN"), "swapped", "missing"),
        (("MARTHA", "ALI"), ("ALI", "MARHTA"), "swapped", "missing"),
        (("JOHN", "ALI"), ("ALI", "BROWN"), "disagree", "disagree"),
        (("JOHN", "JOHN"), ("JOHN", "JOHN"), "exact", "exact"),
        (("JOHN", "JOHNS"), ("JOHNS", "JOHN"), "close", "close"),
    ],
)
def test_swapped_names(left: tuple[str, str], right: tuple[str, str], forename: str, surname: str) -> None:
    assert level("forename", person(*left), person(*right)) == forename
    assert level("surname", person(*left), person(*right)) == surname


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("ANN ROSE", "ann-rose", "exact"), ("ANN", "AMY", "initial"), ("A", "ANN", "initial"),
        ("ANN", "BETH", "disagree"), ("ANN", None, "missing"),
    ],
)  # fmt: skip
def test_middle_names(left: str | None, right: str | None, expected: str) -> None:
    assert level("middle", person(middle=left), person(middle=right)) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1980-03-07", "1980-03-07", "exact"), ("1980-03-07", "1980-07-03", "transposed"),
        ("1980-03-07", "1980-03-08", "one_digit_off"), ("1980-03-07", "1908-03-07", "one_digit_off"),
        ("1980-03-07", "1980-03-21", "one_part_off"), ("1980-03-07", "1995-03-07", "one_part_off"),
        ("1980-03-07", "1980-11-21", "same_year"), ("1980-03-07", "1971-11-21", "disagree"),
        ("1980-02-29", "1980-02-29", "exact"), ("1955-03-07", "1955-03-07", "exact"), ("1980-03-07", None, "missing"),
        ("1900-01-01", "1980-03-07", "missing"),
    ],
)  # fmt: skip
def test_dates_of_birth(left: str | None, right: str | None, expected: str) -> None:
    assert level("birth", person(born=left), person(born=right)) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("LS1 4AB", "ls14ab", "exact"), ("LS1 4AB", "LS1 4AC", "one_character_off"),
        ("LS1 4AB", "LS1 4BA", "one_character_off"), ("LS1 4AB", "LS1 9XY", "outward"), ("LS1 4AB", "LS1", "outward"),
        ("LS1 4AB", "M1 9XY", "disagree"), ("LS1", "M1 9XY", "disagree"), ("LS1 4AB", None, "missing"),
        ("LS1", "2135", "missing"), ("2135", "2136", "one_character_off"), ("ZZ99 3VZ", "LS1 4AB", "missing"),
    ],
)  # fmt: skip
def test_postcodes(left: str | None, right: str | None, expected: str) -> None:
    assert level("postcode", person(postcode=left), person(postcode=right)) == expected


def test_agreement_on_a_postcode_that_many_share_is_a_level_of_its_own() -> None:
    hostel = packed([person(postcode="LS1 4AB")]).postcode_code
    assert level("postcode", person(postcode="LS1 4AB"), person(postcode="LS1 4AB"), hostel) == "common"
    assert level("postcode", person(postcode="LS2 4AB"), person(postcode="LS2 4AB"), hostel) == "exact"


def test_sexes() -> None:
    assert level("sex", person(sex="F"), person(sex="F")) == "exact"
    assert level("sex", person(sex="F"), person(sex="M")) == "disagree"
    assert level("sex", person(sex="F"), person()) == "missing"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("99/12345A", "1999/0012345A", "exact"), ("99/12345A", "99/12346A", "one_character_off"),
        ("99/12345A", "99/12354A", "one_character_off"), ("99/12345A", "02/54321B", "disagree"),
        ("99/12345A", None, "missing"),
    ],
)  # fmt: skip
def test_pnc_ids(left: str | None, right: str | None, expected: str) -> None:
    assert level("pnc", person(pnc=left), person(pnc=right)) == expected


def test_many_pairs_at_once_are_as_one_by_one() -> None:
    people = [person("JOHN", "ALI"), person("ALI", "JOHN"), person("JON", "ALI"), person(None, "ALI"), person()]
    records = packed(people)
    left, right = (side.ravel() for side in np.meshgrid(np.arange(5), np.arange(5), indexing="ij"))
    together = compare(records, records, left, right, (0.92, 0.8), NOTHING)
    for pair, (a, b) in enumerate(zip(left, right, strict=True)):
        row = np.zeros(1, np.int64)
        alone = compare(packed([people[a]]), packed([people[b]]), row, row, (0.92, 0.8), NOTHING)
        assert (together[pair] == alone[0]).all()
