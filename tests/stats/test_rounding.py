from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jdl_spark.stats.rounding import Contradiction, Rounded, beyond, p_text, round_estimate, rounded

MINUS_ZERO = re.compile(r"-0(\.0*)?(?![\d.])")
finite = st.floats(-1e6, 1e6, allow_nan=False)


def rate(att: float, low: float, high: float, p_value: float) -> Rounded:
    return round_estimate(0.5 + att / 2, 0.5 - att / 2, att, low, high, p_value, places=0, scale=100, largest=100)


@given(finite, st.integers(0, 4))
def test_rounding_is_near_and_never_minus_zero(value: float, places: int) -> None:
    result = rounded(value, places)
    assert not MINUS_ZERO.search(str(result))
    assert abs(result - Decimal(repr(value))) <= Decimal("0.5").scaleb(-places) + Decimal("1e-9")


def test_scaling_is_exact() -> None:
    assert [str(rounded(v, scale=100)) for v in (0.07, 0.285, 0.145, -0.005)] == ["7", "29", "15", "-1"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        rounded(value)


@given(st.floats(0, 1))
@example(0.05)
@example(0.0501)
@example(0.050001)
@example(0.05000000000001)
@example(0.01)
@example(0.00999)
@example(0.0549)
def test_printed_p_value_is_on_the_side_of_the_rule(p_value: float) -> None:
    text = p_text(p_value)
    if p_value < 0.01:
        assert text == "<0.01"
    else:
        assert (Decimal(text) <= Decimal("0.05")) == (p_value <= 0.05)


@given(st.floats(0, 3), st.sampled_from([0.05, 0.1]))
def test_a_value_beyond_a_limit_prints_beyond_it(value: float, limit: float) -> None:
    assert (beyond(value, limit) > Decimal(repr(limit))) == (value > limit) or value <= limit


def test_small_significant_difference_takes_more_decimals() -> None:
    figures = rate(-0.0022, -0.004, -0.0004, 0.02)
    assert (str(figures.low), str(figures.difference), str(figures.high)) == ("-0.40", "-0.22", "-0.04")
    assert figures.places == 2


def test_bound_near_zero_takes_one_decimal_for_the_whole_measure() -> None:
    figures = rate(-0.062, -0.1204, -0.0038, 0.04)
    assert (str(figures.low), str(figures.difference), str(figures.high)) == ("-12.1", "-6.2", "-0.3")


def test_exact_edge_is_significant_and_does_not_touch_zero_in_print() -> None:
    figures = rate(-0.05, -0.1, 0.0, 0.05)
    assert figures.significant
    assert (str(figures.low), str(figures.high)) == ("-10.00", "-0.01")
    mirrored = rate(0.05, 0.0, 0.1, 0.05)
    assert (str(mirrored.low), str(mirrored.high)) == ("0.01", "10.00")


def test_not_significant_with_a_bound_on_zero_keeps_it() -> None:
    figures = rate(-0.05, -0.1, 0.0, 0.0501)
    assert not figures.significant
    assert (str(figures.low), str(figures.high)) == ("-10", "0")


def test_float_noise_does_not_push_a_bound_outward() -> None:
    assert str(rate(-0.01, -0.07 - 2e-17, 0.07, 0.5).low) == "-7"


def test_interval_of_shares_ends_at_one_hundred() -> None:
    figures = rate(-0.95, -1.2, -0.7, 0.0001)
    assert str(figures.low) == "-100"


@pytest.mark.parametrize(
    ("att", "low", "high", "p_value"),
    [(-0.05, -0.1, 0.01, 0.04), (-0.05, -0.1, -0.01, 0.06), (0.05, 0.01, 0.1, 0.9), (0.0, -0.1, 0.0, 0.01)],
)
def test_contradiction_between_p_value_and_interval_is_an_error(
    att: float, low: float, high: float, p_value: float
) -> None:
    with pytest.raises(Contradiction):
        rate(att, low, high, p_value)


@given(
    st.floats(-1, 1).filter(lambda att: abs(att) > 1e-9),
    st.floats(0, 3),
    st.sampled_from([(0, 100, 100), (2, 1, None), (0, 1, None)]),
)
@example(-1e-7, 0.5, (0, 100, 100))
@example(-0.05, 1.0, (0, 100, 100))
@example(0.9999, 0.0, (0, 100, 100))
def test_print_never_contradicts_the_rule(att: float, ratio: float, form: tuple[int, int, int | None]) -> None:
    places, scale, largest = form
    half = abs(att) * ratio
    p_value = 0.05 if ratio <= 1 else 0.0501
    figures = round_estimate(
        0.5, 0.5, att, att - half, att + half, p_value, places=places, scale=scale, largest=largest
    )
    assert figures.low <= figures.difference <= figures.high
    for value in (figures.low, figures.difference, figures.high):
        assert not MINUS_ZERO.search(str(value))
        assert -int(value.as_tuple().exponent) == figures.places or value in (largest, -(largest or 0))
    if figures.significant:
        assert figures.low > 0 or figures.high < 0
        assert (figures.difference > 0) == (att > 0)
    else:
        assert figures.low <= 0 <= figures.high
