"""Rounding for print, so that no two printed forms of one number can contradict each other.

Why one module: significance is decided once, on unrounded numbers (p <= 0.05). Table, interval and
sentence then print figures rounded *here*, and the rounding keeps them on the side of zero on which
the unrounded rule put them:

- an interval is rounded outward, so one that contains zero still does;
- a significant difference and the end of its interval nearest to zero never print as zero: the whole
  measure takes one or two more decimals instead, and past that the last printed place stands for it;
- "-0" does not exist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

_EXACT = Context(prec=60)
_NOISE = 9  # decimals; below this a float's tail is arithmetic, not measurement
MORE_PLACES = 2  # further decimals that a significant difference close to zero may take
TOLERANCE = Decimal("1e-6")  # of the printed unit: rounding error allowed between p-value and interval


class Contradiction(ValueError):
    """Numbers that must agree do not: a broken program, never a property of the data."""


@dataclass(frozen=True)
class Rounded:
    """One estimate as printed, all figures with the same number of decimals."""

    treated: Decimal
    comparison: Decimal
    difference: Decimal
    low: Decimal
    high: Decimal
    places: int
    significant: bool


def rounded(value: float, places: int = 0, scale: int = 1, mode: str = ROUND_HALF_UP) -> Decimal:
    """Return `value * scale` with that many decimals, halves away from zero, never minus zero.

    Parameters
    ----------
    value : finite float.
    places : decimals to keep.
    scale : 100 turns a share into per cent; multiplied exactly, before rounding.
    mode : one of the rounding modes of `decimal`.

    Raises
    ------
    ValueError
        If the value is NaN or infinite.

    Examples
    --------
    >>> rounded(0.07, scale=100), rounded(-0.004, 2), rounded(0.125, 2)
    (Decimal('7'), Decimal('0.00'), Decimal('0.13'))
    """
    if not math.isfinite(value):
        raise ValueError("a number that is not finite cannot be printed")
    exact = _EXACT.multiply(Decimal(repr(float(value))), Decimal(scale))
    exact = exact.quantize(Decimal(1).scaleb(-_NOISE), ROUND_HALF_UP, _EXACT)
    result = exact.quantize(Decimal(1).scaleb(-places), mode, _EXACT)
    return abs(result) if result == 0 else result


def beyond(value: float, limit: float, places: int = 2) -> Decimal:
    """Round to `places`, with more decimals where the print would hide that `value` exceeds `limit`.

    Examples
    --------
    >>> beyond(0.0504, 0.05), beyond(0.0496, 0.05), beyond(0.2, 0.05)
    (Decimal('0.0504'), Decimal('0.05'), Decimal('0.20'))
    """
    for more in range(_NOISE - places):
        result = rounded(value, places + more)
        if value <= limit or result > Decimal(repr(limit)):
            return result
    return rounded(limit, _NOISE - 1) + Decimal(1).scaleb(1 - _NOISE)


def p_text(p_value: float, significance: float = 0.05) -> str:
    """Return a p-value for print: 2 places, "<0.01" below, and never 0.05 for one above 0.05.

    Examples
    --------
    >>> p_text(0.004), p_text(0.05), p_text(0.0501), p_text(0.3)
    ('<0.01', '0.05', '0.0501', '0.30')
    """
    return "<0.01" if p_value < 0.01 else str(beyond(p_value, significance))


def round_estimate(
    mean_treated: float,
    mean_comparison: float,
    att: float,
    ci_low: float,
    ci_high: float,
    p_value: float,
    *,
    places: int,
    scale: int = 1,
    largest: int | None = None,
    significance: float = 0.05,
) -> Rounded:
    """Round one estimate so that table, interval and sentence say the same.

    Parameters
    ----------
    mean_treated, mean_comparison, att, ci_low, ci_high : unrounded, in one unit.
    p_value : decides significance, at most `significance`.
    places : decimals wanted; a significant difference near zero takes up to MORE_PLACES more.
    scale : factor to the printed unit (100 for shares).
    largest : bound of a difference in the printed unit (100 for shares): intervals end there.

    Raises
    ------
    Contradiction
        If the p-value and the interval disagree by more than rounding error: a broken program.
    """
    significant = p_value <= significance
    sign = (att > 0) - (att < 0)
    low, high = rounded(ci_low, _NOISE, scale), rounded(ci_high, _NOISE, scale)
    inside = low < -TOLERANCE and high > TOLERANCE
    outside = low > TOLERANCE or high < -TOLERANCE
    if (significant and (inside or sign == 0)) or (not significant and outside):
        raise Contradiction("the p-value and the interval of an estimate disagree")
    for extra in range(MORE_PLACES + 1):
        numbers = (mean_treated, mean_comparison, att, ci_low, ci_high)
        result = _with_places(numbers, places + extra, scale, largest, significant)
        if not significant or (sign * result.difference > 0 and sign * (result.low if sign > 0 else result.high) > 0):
            return result
    step = sign * Decimal(1).scaleb(-result.places)
    difference = result.difference if sign * result.difference > 0 else step
    low, high = (step, max(result.high, step)) if sign > 0 else (min(result.low, step), step)
    return Rounded(result.treated, result.comparison, difference, low, high, result.places, significant)


def _with_places(
    numbers: tuple[float, float, float, float, float],
    places: int,
    scale: int,
    largest: int | None,
    significant: bool,
) -> Rounded:
    treated, comparison, difference = (rounded(number, places, scale) for number in numbers[:3])
    low = rounded(numbers[3], places, scale, ROUND_FLOOR)
    high = rounded(numbers[4], places, scale, ROUND_CEILING)
    if not significant:  # a bound within rounding error of zero stays there
        zero = rounded(0.0, places)
        low, high = min(low, zero), max(high, zero)
    if largest is not None:
        low, high = max(low, Decimal(-largest)), min(high, Decimal(largest))
    return Rounded(treated, comparison, difference, low, high, places, significant)
