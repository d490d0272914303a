"""Sums over the pools of many requests at once: what a shard gives back in one pass.

Why many models in one product: the pool is nearly the same for all requests, and a matrix product with
32 models costs a model a third of a product with one. Why tiles of a fixed width and blocks of a fixed
length: the bits of a product depend on its shape, so a request's sums are the same alone and in company.
Why only some rows give the information matrix: weighted cross products of whole pools would cost forty
times as much as everything else. Rows are drawn in proportion to their probability of having been
treated times their squared length, which is what they weigh in that matrix; the step it gives is as good
as exact to some per cent, and the gradient, which decides where the fit ends, is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.logistic import NO_SCORES, Apart, Spread, join_spread, spread
from jdl_spark.stats.pool import RequestGroup, is_in
from jdl_spark.stats.scores import BLOCK, TILE
from jdl_spark.stats.shard import CovariateShard, FloatArray, Rows
from jdl_spark.stats.survey import uniform


@dataclass(frozen=True)
class Question:
    """What is asked of the shards for one request.

    Attributes
    ----------
    coefficients : float64, shape (1 + p,). Of the standardised columns, intercept first; 0 outside the model.
    apart : columns whose events off one value do not take part.
    draw : rows drawn for the information, per unit of a row's weighted probability times its `length`; 0: no
        information wanted.
    final : whether log-likelihood, spread of the logit and gaps are wanted too.
    """

    group: RequestGroup
    coefficients: FloatArray
    apart: tuple[Apart, ...] = ()
    draw: float = 0.0
    final: bool = False


@dataclass(frozen=True)
class PoolSums:
    """What the pool rows of a shard add to a request's likelihood.

    Attributes
    ----------
    gradient : float64, shape (1 + p,). Sum of weight x probability x row.
    information : float64, shape (1 + p, 1 + p), or (0, 0) if it was not asked for. Estimated.
    n : int. Rows of positive weight, set apart or not.
    log_likelihood : float. Sum of weight x log(1 - probability).
    scores, chances : count, mean and sum of squared deviations of logit and probability, unweighted.
    gap : float64, shape (set-apart columns,). Smallest distance of an event set apart to the value.
    """

    gradient: FloatArray
    information: FloatArray
    n: int = 0
    log_likelihood: float = 0.0
    scores: Spread = NO_SCORES
    chances: Spread = NO_SCORES
    gap: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __add__(self, other: PoolSums) -> PoolSums:
        """Join two disjoint sets of rows."""
        return PoolSums(
            self.gradient + other.gradient,
            self.information + other.information,
            self.n + other.n,
            self.log_likelihood + other.log_likelihood,
            join_spread(self.scores, other.scores),
            join_spread(self.chances, other.chances),
            np.minimum(self.gap, other.gap),
        )


def length(x: FloatArray) -> FloatArray:
    """Return the mean square of each row, intercept included: how much a row says about the information."""
    return np.asarray(np.einsum("ij,ij->i", x, x) / x.shape[1])


def pool_sums(shard: CovariateShard, questions: Sequence[Question], mean: FloatArray, sd: FloatArray) -> list[PoolSums]:
    """Return the sums of every request over its pool rows in the shard.

    Parameters
    ----------
    shard : CovariateShard
    questions : sequence of Question
    mean, sd : float64, shape (p,). They standardise the columns, alike for all requests.

    Returns
    -------
    list of PoolSums, in the order of the questions.
    """
    view = _View.build(shard, mean, sd)
    found = [_Totals.of(question, view) for question in questions]
    for start, stop, some in view.segments([question.group for question in questions]):
        for tile in range(0, len(some), TILE):
            chosen = [found[i] for i in some[tile : tile + TILE]]
            for at in range(start, stop, BLOCK):
                _add_block(view, slice(at, min(at + BLOCK, stop)), chosen)
    return [totals.sums(view) for totals in found]


@dataclass(frozen=True)
class _View:
    """A shard's eligible rows, standardised, with an intercept."""

    shard: CovariateShard
    rows: NDArray[np.intp]
    x: FloatArray
    length: FloatArray
    draw: FloatArray
    stratum: NDArray[np.int64]
    day: NDArray[np.int32]
    people: Rows
    gaps: dict[tuple[int, float], FloatArray] = field(default_factory=dict)

    @classmethod
    def build(cls, shard: CovariateShard, mean: FloatArray, sd: FloatArray) -> _View:
        rows = np.flatnonzero(shard.eligible)
        x = np.empty((len(rows), 1 + len(mean)))
        x[:, 0] = 1.0
        np.subtract(shard.matrix if len(rows) == len(shard) else shard.matrix[rows], mean, out=x[:, 1:])
        x[:, 1:] /= sd
        return cls(
            shard, rows, x, length(x), uniform(shard.event_id[rows]), shard.stratum[rows], shard.first_reoffence[rows],
            Rows.of(shard.offender_id[rows]),
        )  # fmt: skip

    def gap(self, apart: Apart) -> FloatArray:
        """Return how far each row lies from a set-apart column's value; many requests ask for the same."""
        key = apart.column, apart.value
        if key not in self.gaps:
            self.gaps[key] = np.abs(self.shard.matrix[self.rows, apart.column] - apart.value)
        return self.gaps[key]

    def segments(self, groups: Sequence[RequestGroup]) -> Iterator[tuple[int, int, list[int]]]:
        """Yield each stratum's rows with the requests whose pool it belongs to."""
        codes, starts = np.unique(self.stratum, return_index=True)
        for code, start, stop in zip(codes.tolist(), starts, [*starts[1:], len(self.rows)], strict=True):
            some = [i for i, group in enumerate(groups) if is_in(np.array([code]), group.strata)[0]]
            if some:
                yield int(start), int(stop), some


class _Totals:
    """One request's growing sums over a shard."""

    def __init__(self, question: Question, weights: FloatArray, barred: NDArray[np.intp], q: int) -> None:
        self.question, self.weights, self.barred = question, weights, barred
        self.gradient = np.zeros(q)
        self.picked: list[NDArray[np.intp]] = []
        self.variance: list[FloatArray] = []
        self.n, self.log_likelihood, self.scores, self.chances = 0, 0.0, NO_SCORES, NO_SCORES
        self.gap = np.full(len(question.apart), np.inf)

    @classmethod
    def of(cls, question: Question, view: _View) -> _Totals:
        """Prepare the weight by day of the first reoffence, and the rows of people who are barred."""
        delays = np.sort(question.group.landmark)
        last = int(max(delays.max(initial=0), 0)) + 1  # whoever is without reoffence up to here survived everybody
        weights = np.searchsorted(delays, np.arange(last + 1), side="left") / max(len(delays), 1)
        return cls(question, weights, view.people.rows_of(question.group.barred), view.x.shape[1])

    def weigh(self, view: _View, block: slice, into: FloatArray) -> None:
        """Write the weights of the block's rows, and count what the final pass wants counted."""
        np.take(self.weights, view.day[block], out=into, mode="clip")
        low, high = np.searchsorted(self.barred, [block.start, block.stop])
        into[self.barred[low:high] - block.start] = 0.0
        if self.question.final:
            self.n += int(np.count_nonzero(into))
        for place, apart in enumerate(self.question.apart):
            gap = view.gap(apart)[block]
            if self.question.final:
                some = gap[(gap > 0) & (into > 0)]
                self.gap[place] = min(self.gap[place], some.min(initial=np.inf))
            into[gap > 0] = 0.0

    def sums(self, view: _View) -> PoolSums:
        """Return the totals; the information from the rows that were drawn."""
        information = np.zeros((0, 0))
        if self.question.draw:
            rows = np.concatenate([np.zeros(0, np.intp), *self.picked])
            x = view.x[rows]
            information = x.T @ (x * np.concatenate([np.zeros(0), *self.variance])[:, None])
            information = (information + information.T) / 2
        return PoolSums(self.gradient, information, self.n, self.log_likelihood, self.scores, self.chances, self.gap)


def _add_block(view: _View, block: slice, chosen: Sequence[_Totals]) -> None:
    x = view.x[block]
    coefficients = np.zeros((TILE, x.shape[1]))
    weight = np.zeros((TILE, len(x)))
    for place, totals in enumerate(chosen):
        coefficients[place] = totals.question.coefficients
        totals.weigh(view, block, weight[place])
    logit = coefficients @ x.T
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and the probability 0
        chance = np.negative(logit)
        np.exp(chance, out=chance)
        chance += 1.0
        np.reciprocal(chance, out=chance)
    mass = chance * weight
    gradient = mass @ x
    for place, totals in enumerate(chosen):
        totals.gradient += gradient[place]
        if totals.question.final:
            _finish_block(totals, logit[place], chance[place], weight[place])
    _draw(view, block, chosen, chance, mass)


def _finish_block(totals: _Totals, logit: FloatArray, chance: FloatArray, weight: FloatArray) -> None:
    inside = weight > 0
    logit, chance, weight = logit[inside], chance[inside], weight[inside]
    totals.log_likelihood -= float(np.sum(weight * np.logaddexp(0.0, logit)))
    totals.scores = join_spread(totals.scores, spread(logit))
    totals.chances = join_spread(totals.chances, spread(chance))


def _draw(view: _View, block: slice, chosen: Sequence[_Totals], chance: FloatArray, mass: FloatArray) -> None:
    """Draw rows for the information, each with the weight that makes up for those not drawn."""
    rate = np.array([totals.question.draw for totals in chosen])
    if not rate.any():
        return
    share = mass[: len(chosen)] * rate[:, None]
    share *= view.length[block]
    model, row = np.nonzero(view.draw[block] < share)
    variance = mass[model, row] * (1.0 - chance[model, row]) / np.minimum(share[model, row], 1.0)
    edges = np.searchsorted(model, np.arange(len(chosen) + 1))
    for totals, low, high in zip(chosen, edges, edges[1:], strict=False):
        totals.picked.append(row[low:high] + block.start)
        totals.variance.append(variance[low:high])
