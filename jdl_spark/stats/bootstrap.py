"""The multiplier bootstrap: an interval and a p-value that cannot disagree.

Influence terms are multiplied by random weights of mean 0 and variance 1 instead of drawing people
anew and matching again, which is not valid with replacement (Abadie & Imbens 2008, Econometrica 76).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.randomness import generator
from jdl_spark.stats.shard import FloatArray

BLOCK, UNITS = 256, 4_096  # replicates and units drawn together: 8 MB, and bits that do not depend on the machine
_ROOT_5 = math.sqrt(5.0)
LOW, HIGH = (1 - _ROOT_5) / 2, (1 + _ROOT_5) / 2  # Mammen's two points: mean 0, variance 1, third moment 1
P_LOW = (_ROOT_5 + 1) / (2 * _ROOT_5)


@dataclass(frozen=True)
class Interval:
    """Standard error, interval and p-value of one estimate; NaN where there is no variation."""

    se: float
    low: float
    high: float
    p_value: float


def studentised(terms: FloatArray, replicates: int, *names: str) -> FloatArray:
    """Return |t*| of every replicate: |sum(eta e)| / sqrt(sum(eta^2 e^2)) with Mammen weights eta.

    Parameters
    ----------
    terms : float64, shape (n,). Influence terms, one per independent unit, sorted by its identifier.
    replicates : int
    *names : str
        Key of the random stream; the block's number is added to it.

    Returns
    -------
    float64, shape (replicates,). Not negative; 0 where a replicate's terms vanish.
    """
    both = np.column_stack([terms, terms * terms])
    totals = both.sum(axis=0)
    out = np.empty(replicates)
    for block, start in enumerate(range(0, replicates, BLOCK)):
        size = min(BLOCK, replicates - start)
        stream = generator(*names, block)
        sums = np.zeros((BLOCK, 2))  # terms and squares of the units that draw the low point
        for first in range(0, len(terms), UNITS):
            some = both[first : first + UNITS]
            low = stream.random((BLOCK, len(some)), dtype=np.float32) < P_LOW
            sums += low.astype(np.float64) @ some
        top = HIGH * (totals[0] - sums[:, 0]) + LOW * sums[:, 0]
        square = HIGH**2 * (totals[1] - sums[:, 1]) + LOW**2 * sums[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(top) / np.sqrt(square)
        out[start : start + size] = np.nan_to_num(t[:size], nan=0.0, posinf=0.0)
    return out


def interval(estimate: float, terms: FloatArray, n: int, replicates: int, confidence: float, *names: str) -> Interval:
    """Return the interval and p-value of an estimate from its influence terms.

    p = (1 + number of |t*| at least |t|) / (B + 1), with t = estimate / SE and SE = sqrt(sum e^2) / n. The
    interval is estimate +- SE x q, where q is the quantile of |t*| for which p <= 1 - confidence exactly if
    0 lies outside the interval.

    Parameters
    ----------
    estimate : float
    terms : float64, shape (units,). Influence terms whose sum over n estimates the estimate's error.
    n : int
        What the terms are divided by: treated people in the estimate.
    replicates : int
        B.
    confidence : float
        For instance 0.95.
    *names : str
        Key of the random stream.

    Returns
    -------
    Interval
        NaN where the terms do not vary or there is one unit only.
    """
    nothing = Interval(float("nan"), float("nan"), float("nan"), float("nan"))
    spread = math.sqrt(float(np.sum(terms * terms)))
    if len(terms) < 2 or n < 2 or spread <= 1e-12 * max(1.0, abs(estimate)) * n:
        return nothing
    se = spread / n
    t = abs(estimate) / se
    drawn = np.sort(studentised(terms, replicates, *names))
    extreme = replicates - int(np.searchsorted(drawn, t, side="left"))
    p_value = (1 + extreme) / (replicates + 1)
    alpha = 1 - confidence
    allowed = math.floor(alpha * (replicates + 1) + 1e-9) - 1  # most extreme replicates at which p <= alpha
    if allowed < 0:
        return Interval(se, -math.inf, math.inf, p_value)
    quantile = float(drawn[replicates - 1 - allowed])
    low, high = estimate - se * quantile, estimate + se * quantile
    return Interval(se, *_agree(low, high, estimate, significant=extreme <= allowed), p_value)


def _agree(low: float, high: float, estimate: float, *, significant: bool) -> tuple[float, float]:
    """Settle the last bit of a bound that rounding put on the wrong side of 0."""
    if significant and low <= 0 <= high:
        tiny = math.nextafter(0.0, math.copysign(1.0, estimate))
        return (tiny, high) if estimate > 0 else (low, tiny)
    if not significant and low > 0:
        return 0.0, high
    if not significant and high < 0:
        return low, 0.0
    return low, high
