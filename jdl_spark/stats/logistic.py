"""Weighted logistic regression from additive partial sums: what the workers compute.

Why not a library's fit: the pool never comes to one place, and a coefficient's bits must depend on
the request and its shards alone. So each shard gives back partial sums over the request's own rows,
in fixed blocks of BLOCK rows, the driver (stats/newton.py) adds them in shard order and takes the
Newton step. Columns are standardised inside, for conditioning; coefficients are reported per unit
of the covariate.

The scores that people are matched on are those of stats/scores.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.shard import BoolArray, FloatArray

BLOCK = 4_096
"""Rows of one matrix product: a product's bits depend on its shape, so the shape is fixed."""

Spread = tuple[int, float, float]
"""Count, mean and sum of squared deviations."""
NO_SCORES: Spread = (0, 0.0, 0.0)


def _nothing() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True)
class Apart:
    """A column that separates on its own: events where it is not `value` are set apart from the fit."""

    column: int
    value: float
    sign: int
    """Of the column's infinite coefficient."""


@dataclass(frozen=True)
class Task:
    """What the driver asks of every shard in one pass over the nation, for one request.

    Attributes
    ----------
    kind : moments (column moments), sums (likelihood at `coefficients`) or final (sums and the scores' spread).
    apart : columns whose events off one value do not take part.
    columns : matrix columns in the model, in order.
    mean, sd : float64, shape (len(columns),). They standardise the columns.
    coefficients, step : float64, shape (1 + len(columns),). Intercept first; log-odds per standard
        deviation. `step` led to `coefficients`.
    """

    kind: Literal["moments", "sums", "final"]
    apart: tuple[Apart, ...] = ()
    columns: tuple[int, ...] = ()
    mean: FloatArray = field(default_factory=_nothing)
    sd: FloatArray = field(default_factory=_nothing)
    coefficients: FloatArray = field(default_factory=_nothing)
    step: FloatArray = field(default_factory=_nothing)


@dataclass(frozen=True)
class Moments:
    """Counts, weighted means, centred cross-product and range of the columns over some rows.

    Attributes
    ----------
    n : int64, shape (2,). Rows that take part: pool, treated.
    n_all : int64, shape (2,). The same before any event was set apart.
    weight : float64, shape (2,). Sum of weights: pool, treated.
    mean : float64, shape (p,). cross : float64, shape (p, p), centred on `mean`.
    low, high : float64, shape (2, p). Range in pool and treated; infinite where there are no rows.
    """

    n: NDArray[np.int64]
    n_all: NDArray[np.int64]
    weight: FloatArray
    mean: FloatArray
    cross: FloatArray
    low: FloatArray
    high: FloatArray

    def __add__(self, other: Moments) -> Moments:
        """Join two disjoint sets of rows (Chan, Golub & LeVeque 1983)."""
        ours, theirs = self.weight.sum(), other.weight.sum()
        total = ours + theirs
        share = theirs / total if total > 0 else 0.0
        gap = other.mean - self.mean
        return Moments(
            self.n + other.n,
            self.n_all + other.n_all,
            self.weight + other.weight,
            self.mean + share * gap,
            self.cross + other.cross + (ours * share) * np.outer(gap, gap),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


@dataclass(frozen=True)
class Sums:
    """Log-likelihood, its derivatives, and how far the last step moved the linear predictors.

    Attributes
    ----------
    log_likelihood : float. gradient : float64, shape (q,). information : float64, shape (q, q), X'WX.
    step_treated, step_pool : smallest change of a treated, largest change of a pool event's linear predictor.
    step_largest : largest absolute change.
    scores, chances : per pool and treated (n, mean, sum of squared deviations) of logit and probability, unweighted.
    gap : float64, shape (number of set-apart columns,). Smallest distance of an event set apart to the value.
    """

    log_likelihood: float
    gradient: FloatArray
    information: FloatArray
    step_treated: float
    step_pool: float
    step_largest: float
    scores: tuple[Spread, Spread] = (NO_SCORES, NO_SCORES)
    chances: tuple[Spread, Spread] = (NO_SCORES, NO_SCORES)
    gap: FloatArray = field(default_factory=_nothing)

    def __add__(self, other: Sums) -> Sums:
        """Join two disjoint sets of rows."""
        return Sums(
            self.log_likelihood + other.log_likelihood,
            self.gradient + other.gradient,
            self.information + other.information,
            min(self.step_treated, other.step_treated),
            max(self.step_pool, other.step_pool),
            max(self.step_largest, other.step_largest),
            (join_spread(self.scores[0], other.scores[0]), join_spread(self.scores[1], other.scores[1])),
            (join_spread(self.chances[0], other.chances[0]), join_spread(self.chances[1], other.chances[1])),
            np.minimum(self.gap, other.gap),
        )


def partial(matrix: FloatArray, treated: BoolArray, weight: FloatArray, task: Task) -> Moments | Sums:
    """Return one shard's share of what the task asks for.

    Parameters
    ----------
    matrix : float64, shape (n, p). The request's own rows of the shard, treated and pool.
    treated : bool, shape (n,).
    weight : float64, shape (n,). 1 for the treated, in (0, 1] for the pool.
    task : Task
    """
    inside = np.ones(len(matrix), dtype=bool)
    for apart in task.apart:
        inside &= matrix[:, apart.column] == apart.value
    x, t, w = (matrix, treated, weight) if inside.all() else (matrix[inside], treated[inside], weight[inside])
    if task.kind == "moments":
        return moments(x, t, w, np.array([np.sum(~treated), np.sum(treated)], dtype=np.int64))
    columns = list(task.columns)
    sums = likelihood(x[:, columns], t, w, task.mean, task.sd, task.coefficients, task.step)
    if task.kind == "sums":
        return sums
    logit = linear_predictor(x, columns, per_unit(task.coefficients, task.mean, task.sd))
    gap = np.array([_smallest_gap(matrix[:, apart.column], apart.value) for apart in task.apart])
    return Sums(
        sums.log_likelihood, sums.gradient, sums.information, sums.step_treated, sums.step_pool, sums.step_largest,
        (spread(logit[~t]), spread(logit[t])), (spread(_expit(logit[~t])), spread(_expit(logit[t]))), gap,
    )  # fmt: skip


def moments(matrix: FloatArray, treated: BoolArray, weight: FloatArray, n_all: NDArray[np.int64]) -> Moments:
    """Return counts, weighted means, centred cross-product and range of the columns."""
    p = matrix.shape[1]
    groups = (~treated, treated)
    total, mean = weight.sum(), np.zeros(p)
    for start in range(0, len(matrix), BLOCK):
        block = slice(start, start + BLOCK)
        mean += (matrix[block] * weight[block, None]).sum(axis=0)
    if total > 0:
        mean /= total
    cross = np.zeros((p, p))
    for start in range(0, len(matrix), BLOCK):
        block = slice(start, start + BLOCK)
        centred = matrix[block] - mean
        cross += centred.T @ (centred * weight[block, None])
    return Moments(
        np.array([g.sum() for g in groups], dtype=np.int64),
        n_all,
        np.array([weight[g].sum() for g in groups]),
        mean,
        (cross + cross.T) / 2,
        np.array([matrix[g].min(axis=0, initial=np.inf) for g in groups]),
        np.array([matrix[g].max(axis=0, initial=-np.inf) for g in groups]),
    )


def likelihood(
    matrix: FloatArray,
    treated: BoolArray,
    weight: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    coefficients: FloatArray,
    step: FloatArray,
) -> Sums:
    """Return log-likelihood, gradient and information of a logistic model over some rows.

    Parameters
    ----------
    matrix : float64, shape (n, q - 1). The model's columns in their own units.
    treated : bool, shape (n,). weight : float64, shape (n,).
    mean, sd : float64, shape (q - 1,). They standardise the columns.
    coefficients, step : float64, shape (q,). Intercept first, per standard deviation.
    """
    q = len(coefficients)
    total, gradient, information = 0.0, np.zeros(q), np.zeros((q, q))
    low, high, largest = np.inf, -np.inf, 0.0
    both = np.column_stack([coefficients, step])
    for start in range(0, len(matrix), BLOCK):
        block = slice(start, start + BLOCK)
        t, w = treated[block], weight[block]
        z = np.empty((len(t), q))
        z[:, 0] = 1.0
        z[:, 1:] = (matrix[block] - mean) / sd
        logit, moved = (z @ both).T
        p = _expit(logit)
        total += float(np.sum(w * (np.where(t, logit, 0.0) - np.logaddexp(0.0, logit))))
        gradient += z.T @ (w * (t - p))
        information += z.T @ (z * (w * p * _expit(-logit))[:, None])
        low = min(low, float(moved[t].min(initial=np.inf)))
        high = max(high, float(moved[~t].max(initial=-np.inf)))
        largest = max(largest, float(np.abs(moved).max(initial=0.0)))
    return Sums(total, gradient, (information + information.T) / 2, low, high, largest)


def linear_predictor(matrix: FloatArray, columns: Sequence[int], coefficients: FloatArray) -> FloatArray:
    """Return intercept plus coefficients times columns, added column by column.

    Parameters
    ----------
    matrix : float64, shape (n, p). columns : which of the p are in the model.
    coefficients : float64, shape (1 + len(columns),). Intercept first, per unit of the covariate.

    Returns
    -------
    float64, shape (n,). Log-odds. The bits of an element depend on its own row only.
    """
    total = np.full(len(matrix), coefficients[0])
    for column, coefficient in zip(columns, coefficients[1:], strict=True):
        total += matrix[:, column] * coefficient
    return total


def per_unit(coefficients: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Turn coefficients per standard deviation into coefficients per unit of the covariate."""
    slopes = coefficients[1:] / sd
    return np.concatenate([[coefficients[0] - np.sum(slopes * mean)], slopes])


def spread(values: FloatArray) -> Spread:
    """Return count, mean and sum of squared deviations."""
    if not len(values):
        return NO_SCORES
    mean = float(values.mean())
    return len(values), mean, float(np.sum((values - mean) ** 2))


def join_spread(a: Spread, b: Spread) -> Spread:
    """Return count, mean and sum of squared deviations of two disjoint sets of values together."""
    if not a[0] or not b[0]:
        return a if a[0] else b
    n, gap = a[0] + b[0], b[1] - a[1]
    return n, a[1] + gap * b[0] / n, a[2] + b[2] + gap * gap * a[0] * b[0] / n


def caliper_sds(pool: Spread, treated: Spread) -> tuple[float, float]:
    """Return the two yardsticks of a caliper: Austin's pooled, and MatchIt's over everyone.

    Returns
    -------
    pooled : sqrt((v1 + v0)/2), n - 1 variances of treated and pool. A group of one has no variance:
        the other's stands alone.
    everyone : n - 1 standard deviation of treated and pool together.

    References
    ----------
    Austin, P. C. (2011), Pharmaceutical Statistics 10, 150-161.
    """
    variances = [m2 / (n - 1) for n, _, m2 in (treated, pool) if n > 1]
    n, _, m2 = join_spread(pool, treated)
    pooled = np.sqrt(sum(variances) / len(variances)) if variances else 0.0
    return float(pooled), float(np.sqrt(m2 / (n - 1))) if n > 1 else 0.0


def _expit(logit: FloatArray) -> FloatArray:
    e = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1.0, e) / (1.0 + e)


def _smallest_gap(values: FloatArray, value: float) -> float:
    gaps = np.abs(values - value)
    return float(gaps[gaps > 0].min(initial=np.inf))
