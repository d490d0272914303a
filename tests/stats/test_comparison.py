"""Every comparison level with literal pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from linkage_people import packed, person

from jdl_spark.linkage.comparison import FIELDS, KINDS, LEVELS, Levels, Pairs, compare, parsed
from jdl_spark.linkage.records import Records
from jdl_spark.linkage.training import starting_fields
from jdl_spark.stats.fellegi_sunter import Field

NOTHING = np.empty(0, np.int64)


def compared(
    left: Records, right: Records, rows: np.ndarray, other: np.ndarray, common: np.ndarray = NOTHING
) -> Levels:
    return compare(Pairs(left, right, rows, other, common), starting_fields())


def level(field: str, left: dict[str, Any], right: dict[str, Any], common: np.ndarray = NOTHING) -> str:
    row = np.zeros(1, np.int64)
    found = compared(packed([left]), packed([right]), row, row, common)[0, FIELDS.index(field)]
    return "missing" if found < 0 else LEVELS[field][found]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("SMITH", "smith", "exact"), ("MARTHA", "MARHTA", "jaro_winkler 0.92"), ("SMITH", "SMYTHE", "jaro_winkler 0.8"),
        ("SMITH", "JONES", "else"), ("S", "SMITH", "initial"), ("S", "JONES", "else"), ("S", "S.", "exact"),
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
        (("JOHN", "ALI"), ("ALI", "JOHN"), "swapped 0.92", "missing"),
        (("MARTHA", "ALI"), ("ALI", "MARHTA"), "swapped 0.92", "missing"),
        (("JOHN", "ALI"), ("ALI", "BROWN"), "else", "else"),
        (("JOHN", "JOHN"), ("JOHN", "JOHN"), "exact", "exact"),
        (("JOHN", "JOHNS"), ("JOHNS", "JOHN"), "jaro_winkler 0.92", "jaro_winkler 0.92"),
    ],
)
def test_swapped_names(left: tuple[str, str], right: tuple[str, str], forename: str, surname: str) -> None:
    assert level("forename", person(*left), person(*right)) == forename
    assert level("surname", person(*left), person(*right)) == surname


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("ANN ROSE", "ann-rose", "exact"), ("ANN", "AMY", "same_initial"), ("A", "ANN", "same_initial"),
        ("ANN", "BETH", "else"), ("ANN", None, "missing"),
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
        ("1980-03-07", "1980-11-21", "same_year"), ("1980-03-07", "1971-11-21", "else"),
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
        ("LS1 4AB", "M1 9XY", "else"), ("LS1", "M1 9XY", "else"), ("LS1 4AB", None, "missing"),
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
    assert level("sex", person(sex="F"), person(sex="M")) == "else"
    assert level("sex", person(sex="F"), person()) == "missing"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("99/12345A", "1999/0012345A", "exact"), ("99/12345A", "99/12346A", "one_character_off"),
        ("99/12345A", "99/12354A", "one_character_off"), ("99/12345A", "02/54321B", "else"),
        ("99/12345A", None, "missing"),
    ],
)  # fmt: skip
def test_pnc_ids(left: str | None, right: str | None, expected: str) -> None:
    assert level("pnc", person(pnc=left), person(pnc=right)) == expected


def test_many_pairs_at_once_are_as_one_by_one() -> None:
    people = [person("JOHN", "ALI"), person("ALI", "JOHN"), person("JON", "ALI"), person(None, "ALI"), person()]
    records = packed(people)
    left, right = (side.ravel() for side in np.meshgrid(np.arange(5), np.arange(5), indexing="ij"))
    together = compared(records, records, left, right)
    for pair, (a, b) in enumerate(zip(left, right, strict=True)):
        row = np.zeros(1, np.int64)
        alone = compared(packed([people[a]]), packed([people[b]]), row, row)
        assert (together[pair] == alone[0]).all()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("ROBERT", "BOB", "nickname"), ("BOB", "ROBERT", "nickname"), ("BOB", "ROB", "nickname"),
        ("WILLIAM", "BILL", "nickname"), ("BOB", "BILL", "else"), ("KATE", "KATHERINE", "nickname"),
    ],
)  # fmt: skip
def test_nicknames(left: str, right: str, expected: str) -> None:
    assert level("forename", person(forename=left), person(forename=right)) == expected


@pytest.mark.parametrize(
    ("field", "kind", "left", "right", "reached"),
    [
        ("surname", "levenshtein 1", person(surname="SMITH"), person(surname="SMYTH"), True),
        ("surname", "levenshtein 1", person(surname="SMITH"), person(surname="SMTIH"), False),
        ("surname", "damerau 1", person(surname="SMITH"), person(surname="SMTIH"), True),
        ("forename", "reversed", person("JOHN", "ALI"), person("ALI", "JOHN"), True),
        ("forename", "reversed", person("JOHN", "ALI"), person("ALI", "JON"), False),
        ("birth", "damerau 1", person(born="1980-03-17"), person(born="1980-03-71".replace("71", "27")), True),
        ("birth", "damerau 1", person(born="1980-03-07"), person(born="1980-07-03"), False),
        ("birth", "date_difference 31", person(born="1980-03-07"), person(born="1980-04-07"), True),
        ("birth", "date_difference 31", person(born="1980-03-07"), person(born="1980-04-08"), False),
        ("postcode", "levenshtein 2", person(postcode="LS1 4AB"), person(postcode="LS1 4CD"), True),
        ("postcode", "jaro_winkler 0.9", person(postcode="LS1 4AB"), person(postcode="M2 9XY"), False),
        ("pnc", "levenshtein 1", person(pnc="99/12345A"), person(pnc="99/12346A"), True),
        ("middle", "nickname", person(middle="ROBERT"), person(middle="BOB"), True),
    ],
)
def test_levels_that_a_model_may_declare(
    field: str, kind: str, left: dict[str, Any], right: dict[str, Any], reached: bool
) -> None:
    assert parsed(kind)[0] in KINDS[field]
    declared = Field(field, ("else", kind), (0.5, 0.5), (0.5, 0.5))
    row = np.zeros(1, np.int64)
    assert compare(Pairs(packed([left]), packed([right]), row, row, NOTHING), (declared,))[0, 0] == reached


def test_reversed_names_leave_the_surname_to_speak() -> None:
    fields = (
        Field("forename", ("else", "reversed"), (0.5, 0.5), (0.5, 0.5)),
        Field("surname", ("else", "exact"), (0.5, 0.5), (0.5, 0.5)),
    )
    row = np.zeros(1, np.int64)
    pair = Pairs(packed([person("JOHN", "ALI")]), packed([person("ALI", "JOHN")]), row, row, NOTHING)
    assert compare(pair, fields).tolist() == [[1, 0]]


def test_every_declared_level_is_known() -> None:
    for field, levels in LEVELS.items():
        assert levels[0] == "else"
        assert all(parsed(level)[0] in KINDS[field] for level in levels[1:])
