"""How well people were found, on literal links."""

from __future__ import annotations

import random
from typing import Any

import pytest

from jdl_spark import schemas
from jdl_spark.linkage.quality import quality_rows


def link(ref: str, offender: int, probability: float, status: str = "linked", request: str = "A-1") -> dict[str, Any]:
    return {"request_id": request, "person_ref": ref, "offender_id": offender, "match_probability": probability,
            "status": status}  # fmt: skip


def direct(ref: str, claimant: int, status: str = "linked", request: str = "A-1") -> dict[str, Any]:
    return {"request_id": request, "person_ref": ref, "claimant_id": claimant, "status": status}


LINKS = [
    link("1", 11, 0.99), link("1", 12, 0.005, "candidate"),  # 0.005 that it is nobody
    link("2", 21, 0.95),
    link("3", 31, 0.5, "ambiguous"), link("3", 32, 0.45, "candidate"),
    link("4", 41, 0.3, "candidate"),
    link("1", 51, 0.97, request="B-2"),
]  # fmt: skip


def row_of(request: str, *arguments: Any) -> dict[str, Any]:
    return next(row for row in quality_rows(*arguments) if row["request_id"] == request)


def test_posteriors_say_how_many_links_are_false_and_missed() -> None:
    row = row_of("A-1", {"A-1": 5, "B-2": 1}, LINKS, [], {})
    assert (row["people"], row["linked"], row["ambiguous"]) == (5, 2, 1)
    assert row["expected_false"] == pytest.approx(0.01 + 0.05)
    assert row["expected_missed"] == pytest.approx(0.005 + 0.5 + 0.45 + 0.3)
    assert row["expected_present"] == pytest.approx(0.99 + 0.95 + 1.255)
    assert row["false_link_rate"] == pytest.approx(0.06 / 2)
    assert row["missed_link_rate"] == pytest.approx(1.255 / 3.195)
    other = row_of("B-2", {"A-1": 5, "B-2": 1}, LINKS, [], {})
    assert (other["linked"], other["expected_missed"], other["missed_link_rate"]) == (1, 0.0, 0.0)
    assert other["false_link_rate"] == pytest.approx(0.03)


def test_the_two_routes_are_compared_person_by_person() -> None:
    claimants = {11: 111, 21: 222, 51: 555, 31: 333}  # 31 is nobody's link
    benefit = [direct("1", 111), direct("2", 999), direct("4", 444), direct("5", 777, "ambiguous"),
               direct("1", 111, request="B-2")]  # fmt: skip
    row = row_of("A-1", {"A-1": 6, "B-2": 1}, [*LINKS, link("6", 61, 0.99)], benefit, {**claimants, 61: 666})
    found = {name: row[name] for name in ("agree", "disagree", "only_direct", "only_through_offender", "neither")}
    assert found == {"agree": 1, "disagree": 1, "only_direct": 1, "only_through_offender": 1, "neither": 2}
    assert row["disagreement_rate"] == 0.5
    assert row["disagreement_low"] == pytest.approx(0.0945, abs=1e-4)
    assert row["disagreement_high"] == pytest.approx(0.9055, abs=1e-4)
    other = row_of("B-2", {"A-1": 6, "B-2": 1}, LINKS, benefit, claimants)
    assert (other["agree"], other["disagree"], other["neither"]) == (0, 1, 0)


def test_without_benefit_records_or_links_nothing_is_claimed() -> None:
    row = row_of("A-1", {"A-1": 5, "B-2": 1}, LINKS, [], {})
    assert (row["agree"], row["disagree"], row["only_direct"], row["only_through_offender"]) == (0, 0, 0, 0)
    assert row["neither"] == 5
    assert row["disagreement_rate"] is row["disagreement_low"] is row["disagreement_high"] is None
    (empty,) = quality_rows({"C-3": 70}, [], [], {})
    assert (empty["linked"], empty["false_link_rate"], empty["missed_link_rate"]) == (0, None, None)
    assert set(empty) == set(schemas.LINK_QUALITY.column_names) - {"run_id"}


def test_the_order_of_the_rows_changes_no_bit() -> None:
    many = [link(str(n), n, 1 / (n + 3), "linked" if n % 3 else "candidate") for n in range(500)]
    shuffled = random.Random(1).sample(many, len(many))
    assert quality_rows({"A-1": 500}, many, [], {}) == quality_rows({"A-1": 500}, shuffled, [], {})
