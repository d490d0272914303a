"""Posteriors and decisions on literal candidates."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.linkage.resolution import STATUSES, calibrated, posteriors, resolve, resolve_one_to_one
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.linkage.training import starting_fields
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import Model

SETTINGS = LinkageSettings()
MODEL = Model(starting_fields(), 0.5, 1_000, link_probability=0.9)
Row = tuple[int, int, float]


def made(rows: list[Row], pnc: tuple[int, ...] = ()) -> Candidates:
    person, identity, weight = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    flags = np.array([at in pnc for at in range(len(rows))], bool)
    return Candidates(np.array(person, np.int64), np.array(identity, np.int64), np.array(weight, np.float64), flags)


def statuses(rows: list[Row], pnc: tuple[int, ...] = (), one_to_one: bool = False) -> list[str]:
    decide = resolve_one_to_one if one_to_one else resolve
    return [STATUSES[status] for status in decide(made(rows, pnc), MODEL, SETTINGS).status]


def test_posterior_shares_the_person_among_identities_and_nobody() -> None:
    found = posteriors(np.array([1, 1, 2]), np.array([0.0, 1.0, 3.0]))
    assert found == pytest.approx([1 / 4, 2 / 4, 8 / 9])


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-8, 60)), max_size=20))
def test_posteriors_of_a_person_stay_below_one(rows: list[tuple[int, float]]) -> None:
    rows.sort()
    person = np.array([p for p, _ in rows], np.int64)
    found = posteriors(person, np.array([w for _, w in rows], float))
    for one in set(person.tolist()):
        assert found[person == one].sum() <= 1 + 1e-9
    assert (found >= 0).all()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, 5, 10.0)], ["linked"]),
        ([(1, 5, 1.0)], ["candidate"]),
        ([(1, 5, 10.0), (1, 6, 10.0)], ["ambiguous", "candidate"]),  # a tie: the smaller identifier
        ([(1, 5, 9.0), (1, 6, 10.0)], ["candidate", "ambiguous"]),
        ([(1, 5, 10.0), (1, 6, 2.0)], ["linked", "candidate"]),
        ([(1, 5, -3.0), (1, 6, -3.0)], ["candidate", "candidate"]),  # more likely not there at all
        ([(1, 5, 10.0), (2, 5, 12.0)], ["linked", "linked"]),  # people are decided by themselves
        ([], []),
    ],
)
def test_statuses(rows: list[Row], expected: list[str]) -> None:
    assert statuses(rows) == expected


def test_a_supplied_identifier_decides() -> None:
    assert statuses([(1, 5, 1.0), (1, 6, 3.0)], pnc=(0,)) == ["linked", "candidate"]
    assert statuses([(1, 5, 20.0), (1, 6, 3.0)], pnc=(0, 1)) == ["ambiguous", "candidate"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, 5, 10.0), (2, 5, 12.0)], ["ambiguous", "linked"]),
        ([(1, 5, 10.0), (2, 5, 10.0)], ["linked", "ambiguous"]),  # a tie: the smaller person
        ([(1, 5, 12.0), (1, 6, 5.0), (2, 5, 20.0)], ["candidate", "linked", "linked"]),  # the next one is good enough
        ([(1, 5, 12.0), (1, 6, 12.0), (2, 5, 20.0)], ["candidate", "linked", "linked"]),  # the rival is spoken for
        ([(1, 5, 12.0), (1, 6, -1.0), (2, 5, 20.0)], ["ambiguous", "candidate", "linked"]),
        ([(1, 5, 12.0), (1, 6, 8.0), (2, 5, 20.0), (3, 6, 9.0)], ["ambiguous", "candidate", "linked", "linked"]),
        ([], []),
    ],
)
def test_one_to_one(rows: list[Row], expected: list[str]) -> None:
    assert statuses(rows, one_to_one=True) == expected


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(-8, 30)), max_size=40))
def test_one_to_one_links_nobody_twice(rows: list[Row]) -> None:
    distinct = sorted({(person, identity): weight for person, identity, weight in rows}.items())
    candidates = made([(*pair, weight) for pair, weight in distinct])
    status = np.array(STATUSES)[resolve_one_to_one(candidates, MODEL, SETTINGS).status]
    linked = status == "linked"
    assert len(set(candidates.identity[linked])) == linked.sum()
    standing = candidates.person[status != "candidate"]
    assert len(set(standing)) == len(standing)


def test_the_operating_point_is_the_models_unless_set() -> None:
    rows = made([(1, 5, 5.0)])
    strict = dataclasses.replace(MODEL, link_probability=0.99)
    assert resolve(rows, MODEL, SETTINGS).status.tolist() == [STATUSES.index("linked")]
    assert resolve(rows, strict, SETTINGS).status.tolist() == [STATUSES.index("candidate")]
    fixed = dataclasses.replace(SETTINGS, link_probability=0.9)
    assert resolve(rows, strict, fixed).status.tolist() == [STATUSES.index("linked")]


def test_calibration_moves_odds_between_its_knots() -> None:
    model = dataclasses.replace(MODEL, calibration=((0.0, -1.0), (4.0, 3.0), (8.0, 8.0)))
    person, odds = np.arange(5), np.array([-2.0, 0.0, 2.0, 6.0, 12.0])
    found = calibrated(model, person, 1 / (1 + 2.0**-odds))
    assert np.log2(found / (1 - found)) == pytest.approx([-3.0, -1.0, 1.0, 5.5, 12.0])
    assert calibrated(MODEL, person, found) is found
    both = calibrated(dataclasses.replace(MODEL, calibration=((0.0, 3.0),)), np.zeros(2, np.int64), np.full(2, 0.5))
    assert both == pytest.approx([0.5, 0.5])
