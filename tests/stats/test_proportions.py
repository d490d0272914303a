from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from jdl_spark.stats.proportions import wilson


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_that_of_statsmodels(case: tuple[int, int], confidence: float) -> None:
    count, people = case
    expected = proportion_confint(count, people, alpha=1 - confidence, method="wilson")
    assert wilson(count, people, confidence) == pytest.approx(expected, abs=1e-9)


def test_the_ends_are_exact_and_hold_the_share() -> None:
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(1, 3)
    assert 0 < low < 1 / 3 < high < 1


@pytest.mark.parametrize(("count", "people"), [(-1, 3), (4, 3)])
def test_a_count_outside_its_people_is_refused(count: int, people: int) -> None:
    with pytest.raises(ValueError, match="between none and all"):
        wilson(count, people)
