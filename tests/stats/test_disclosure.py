from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.stats.disclosure import is_small, merge_small, share_is_safe, withhold_in_text

parts = st.lists(st.integers(0, 40), max_size=8).map(lambda people: [(f"r{n}", p) for n, p in enumerate(people)])


@pytest.mark.parametrize(("count", "small"), [(0, False), (1, True), (9, True), (10, False)])
def test_small_counts(count: int, small: bool) -> None:
    assert is_small(count, 10) is small


@pytest.mark.parametrize(
    ("count", "people", "safe"),
    [(0, 40, False), (1, 40, False), (9, 40, False), (10, 40, True), (30, 40, True), (31, 40, False), (40, 40, False),
     (10, 19, False), (10, 20, True)],
)  # fmt: skip
def test_share_needs_enough_on_both_sides(count: int, people: int, safe: bool) -> None:
    assert share_is_safe(count / people, people, 10) is safe


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 12))
def test_share_agrees_with_counting(people: int, count: int, threshold: int) -> None:
    count = min(count, people)
    slow = count >= threshold and people - count >= threshold and 0 < count < people
    assert share_is_safe(count / people, people, threshold) == slow


@given(parts, st.integers(1, 12))
def test_merged_parts_add_up_and_hide_every_small_one(given_parts: list[tuple[str, int]], threshold: int) -> None:
    result = merge_small(given_parts, threshold)
    total = sum(people for _, people in given_parts)
    assert sorted(label for part in result for label in part.labels) == sorted(
        label for label, people in given_parts if people
    )
    if any(part.people is None for part in result):
        assert len(result) == 1
        assert 0 < total < threshold
        return
    assert sum(part.people or 0 for part in result) == total
    small = {label for label, people in given_parts if is_small(people, threshold)}
    for part in result:
        assert part.people is not None
        assert part.people >= threshold
        if small & set(part.labels):
            assert len(part.labels) >= 2


def test_a_lone_small_part_takes_the_smallest_other_with_it() -> None:
    result = merge_small([("a", 50), ("b", 12), ("c", 3), ("d", 0)], 10)
    assert [(part.labels, part.people) for part in result] == [(("a",), 50), (("b", "c"), 15)]


def test_large_parts_stay_as_they_are() -> None:
    assert [part.people for part in merge_small([("a", 50), ("b", 12)], 10)] == [50, 12]
    assert merge_small([], 10) == []


def test_counts_in_sentences_of_others() -> None:
    assert withhold_in_text("this request has 7 people", 10) == "this request has fewer than 10 people"
    assert withhold_in_text("At least 60 people within 6 months", 10) == "At least 60 people within 6 months"
    assert withhold_in_text("3 of the rows are wrong", 10) == "Fewer than 10 of the rows are wrong"
