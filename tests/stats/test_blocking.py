"""Candidates against a slow, obvious double loop; packing there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linkage_people import misspelt, packed, person, town

from jdl_spark.linkage import blocking
from jdl_spark.linkage.records import Records, concatenate, from_bytes, to_bytes


def _pairs(left: Records, right: Records, pairs_a_block: int = 1_000_000) -> set[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    keys, probes = blocking.index_keys(right), blocking.probes(left, {})
    for rows, other in blocking.candidates(probes, keys, len(left), len(right), pairs_a_block):
        found += zip(rows.tolist(), other.tolist(), strict=True)
    assert len(found) == len(set(found)), "a pair came twice"
    return set(found)


def _obvious(left: Records, right: Records) -> set[tuple[int, int]]:
    keys, probes = blocking.index_keys(right), blocking.probes(left, {})
    found = set()
    for rule in blocking.RULES:
        for row, key in zip(probes[rule.name].rows, probes[rule.name].keys, strict=True):
            for other, other_key in zip(*keys[rule.key], strict=True):
                if key == other_key:
                    found.add((int(row), int(other)))
    return found


@pytest.mark.parametrize("pairs_a_block", [1, 7, 1_000_000])
def test_candidates_are_those_that_share_a_key(pairs_a_block: int) -> None:
    right = packed(town(120))
    left = packed(misspelt(town(120)[:60]))
    found = _pairs(left, right, pairs_a_block)
    assert found == _obvious(left, right)
    assert {(row, row) for row in range(60)} <= found


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (person("ANN", "BELL", "1980-03-07"), person("AMY", "QUICK", "1980-03-07")),  # date, initial of the forename
        (person("ANN", "BELL", "1980-03-07"), person("ZOE", "BLUE", "1980-03-07")),  # date, initial of the surname
        (person("CAREN", "BELL", "1980-03-07"), person("KAREN", "QUICK", "1980-03-07")),  # date, sound of the forename
        (person("ROBERT", "BELL", "1980-03-07"), person("BOB", "QUICK", "1980-03-07")),  # date, nickname
        (person("ANN", "BELL", "1980-03-07"), person("BETH", "ABEL", "1980-03-07")),  # date, initials exchanged
        (person("ANN", "BELL", "1980-03-07"), person("AMY", "BLUE", "1980-07-03")),  # transposed date, initials
        (person("CAREN", "BELL", "1980-03-07"), person("KAREN", "QUICK", "1980-07-03")),  # transposed date, sound
        (person("ANN", "SMITH", "1980-03-07"), person("AMY", "SMYTH", "1980-11-21")),  # sound, initial, year
        (person("ANN", "SMITH-BELL", "1980-03-07"), person("ANN", "BELL", "1980-11-21")),  # half of a double name
        (person("WILLIAM", "BELL", "1980-03-07"), person("BILL", "BLUE", "1980-03-21")),  # nickname, year and month
        (person("WILLIAM", "BELL", "1980-03-07"), person("BILL", "BLUE", "1985-03-07")),  # nickname, month and day
        (person("STEPHEN", "SMITH"), person("STEVEN", "SMYTH")),  # sounds
        (person("JOHN", "ALI"), person("ALI", "JOHN")),  # swapped
        (person("CAREN", None, postcode="LS1 4AB"), person("KAREN", "QUICK", postcode="LS1 4AB")),  # postcode, sound
        (person(None, "SMITH", postcode="LS1 4AB"), person("ZOE", "SMYTH", postcode="LS1 4AB")),  # postcode, sound
        (person(pnc="99/12345A"), person("ZOE", pnc="1999/0012345A")),  # PNC identifier
    ],
)
def test_each_rule_finds_its_pair(left: dict[str, object], right: dict[str, object]) -> None:
    assert _pairs(packed([left]), packed([right])) == {(0, 0)}


def test_missing_fields_never_meet() -> None:
    assert _pairs(packed([person()]), packed([person(), person("NFA", "UNKNOWN", "1900-01-01")])) == set()
    assert _pairs(packed([]), packed(town(3))) == set()
    assert _pairs(packed(town(3)), packed([])) == set()


def test_keys_left_out_are_not_looked_up() -> None:
    left, right = packed([person("ANN", born="1980-03-07")]), packed([person("AMY", born="1980-03-07")])
    key = blocking.index_keys(right)["date_forename"][1]
    assert len(blocking.probes(left, {})["date_forename"].rows) == 1
    assert len(blocking.probes(left, {"date_forename": key.astype(np.int64)})["date_forename"].rows) == 0


def _same(a: Records, b: Records) -> bool:
    return all((x == y).all() for x, y in zip(a.to_arrays().values(), b.to_arrays().values(), strict=True))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 30), st.integers(0, 3))
def test_a_shard_survives_its_bytes(size: int, seed: int) -> None:
    records = packed(town(size, seed))
    assert _same(records, Records.from_arrays(from_bytes(to_bytes(records.to_arrays()))))


def test_parts_put_together_are_the_whole() -> None:
    people = town(50)
    ids = [7 * number % 50 for number in range(50)]
    whole = packed(people, ids)
    parts = [packed(people[:20], ids[:20]), packed([], []), packed(people[20:], ids[20:])]
    joined = concatenate(parts)
    assert (joined.person == np.arange(50)).all()
    for field in ("forename", "middle", "surname"):
        text, expected = (r.names.text[getattr(r, field)] for r in (joined, whole))
        assert (text == expected).all()
    assert (joined.birth == whole.birth).all()
    for part in ("code", "root", "first", "sound_last"):
        assert (getattr(joined.names, part) == getattr(whole.names, part)).all()
