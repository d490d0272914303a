"""Sums over the pools of many requests at once: what a shard gives back in one pass.

Why many models in one product: the pool is nearly the same for all requests, and a matrix product with
32 models costs a model a third of a product with one. Why tiles of a fixed width and blocks of a fixed
length: the bits of a product depend on its shape, so a request's sums are the same alone and in company.
Why only some rows give the information matrix: weighted cross products of whole pools would cost forty
times as much as everything else. Rows are drawn in proportion to their probability of having been
treated times their squared length, which is what they weigh in that matrix; the step it gives is as good
as exact to some per cent, and the gradient, which decides where the fit ends, is exact.
Why not float32 while a fit is far off: it would save a tenth of the time, and its products have other bits at
other places of a tile. Only the information is float32: it is one request's own, and no more than steers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jdl_spark.stats.logistic import NO_SCORES, Apart, Spread, join_spread
from jdl_spark.stats.pool import RequestGroup
from jdl_spark.stats.pool_view import PoolView
from jdl_spark.stats.scores import BLOCK, TILE
from jdl_spark.stats.shard import CovariateShard, FloatArray

LOWEST = 700.0
"""Logit below which exp of its negative would be infinite; the likelihood cannot tell it from any lower one."""
Places = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    n : int. Rows of positive weight, set apart or not; counted in the final pass.
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
    view = PoolView.build(shard, mean, sd)
    barred = view.people.rows_of_each([question.group.barred for question in questions])
    found = [_Totals(question, rows, view.x.shape[1]) for question, rows in zip(questions, barred, strict=True)]
    for start, stop, some in view.segments([question.group for question in questions]):
        for first in range(0, len(some), TILE):
            tile = _Tile(view, [found[i] for i in some[first : first + TILE]])
            for at in range(start, stop, BLOCK):
                tile.add(slice(at, min(at + BLOCK, stop)))
    return [totals.sums(view) for totals in found]


class _Totals:
    """One request's growing sums over a shard."""

    def __init__(self, question: Question, barred: NDArray[np.intp], q: int) -> None:
        self.question, self.barred = question, barred
        self.gradient = np.zeros(q)
        self.picked: list[NDArray[np.intp]] = []
        self.scale: list[NDArray[np.float32]] = []
        self.n, self.log_likelihood = 0, 0.0
        self.scores, self.chances = np.zeros(3), np.zeros(3)
        self.gap = np.full(len(question.apart), np.inf)

    def finish(
        self, weight: FloatArray, inside: FloatArray, softplus: FloatArray, logit: FloatArray, chance: FloatArray
    ) -> None:
        """Add a block's rows to what only the last pass wants; `inside` is 1 where they are in the pool, else 0."""
        self.log_likelihood -= float(weight @ softplus)
        for sums, values in ((self.scores, logit - self.origin), (self.chances, chance)):
            those = inside * values
            sums += inside.sum(), those.sum(), those @ values

    def sums(self, view: PoolView) -> PoolSums:
        """Return the totals; the information from the rows that were drawn."""
        information = np.zeros((0, 0))
        if self.question.draw:
            rows = np.concatenate([np.zeros(0, np.intp), *self.picked])
            x = view.x32[rows] * np.concatenate([np.zeros(0, np.float32), *self.scale])[:, None]
            information = x.T @ x
        return PoolSums(self.gradient, information, self.n, self.log_likelihood, _spread(self.scores, self.origin),
                        _spread(self.chances, 0.0), self.gap)  # fmt: skip

    @property
    def origin(self) -> float:
        """Logit that deviations are summed from: near the mean, so that squares lose nothing."""
        return float(self.question.coefficients[0])


def _spread(sums: FloatArray, origin: float) -> Spread:
    """Return count, mean and sum of squared deviations from count, and first and second sum about the origin."""
    n, first, second = sums.tolist()
    return (int(n), origin + first / n, max(second - first * first / n, 0.0)) if n else NO_SCORES


class _Tile:
    """Up to TILE requests whose pools have a stratum in common, and their sums block by block."""

    def __init__(self, view: PoolView, members: Sequence[_Totals]) -> None:
        self.view, self.members = view, members
        self.finals = [place for place, totals in enumerate(members) if totals.question.final]
        self.slopes = np.zeros((TILE, view.x.shape[1]))
        self.rate = np.zeros((TILE, 1))
        survival = [totals.question.group.survival for totals in members]
        self.last = max(len(one) for one in survival) - 1  # whoever is without reoffence up to here survived everybody
        self.weights = np.ones((TILE, self.last + 1))
        for place, (totals, shares) in enumerate(zip(members, survival, strict=True)):
            self.slopes[place] = -totals.question.coefficients
            self.rate[place] = totals.question.draw
            self.weights[place, : len(shares)] = shares
        owner = np.repeat(np.arange(len(members)), [len(totals.barred) for totals in members])
        row = np.concatenate([totals.barred for totals in members])
        order = np.argsort(row, kind="stable")
        self.barred_row, self.barred_place = row[order], owner[order]

    def add(self, block: slice) -> None:
        """Add a block of rows, all of one stratum."""
        x, day = self.view.x[block], self.view.day[block]
        minus = self.slopes @ x.T  # the logit with its sign changed: 1 / (1 + exp(minus)) takes one step less
        logit = np.maximum(-minus[self.finals], -LOWEST)
        mass = minus
        with np.errstate(over="ignore"):  # exp of a large number is infinite, and the probability 0
            np.exp(minus, out=mass)
        mass += 1
        np.reciprocal(mass, out=mass)
        chance = mass[self.finals]
        early = int(np.count_nonzero(day > self.last))  # later ones come first, and weigh 1
        if early < len(day):
            mass[:, early:] *= np.take(self.weights, day[early:], axis=1, mode="clip")
        low, high = np.searchsorted(self.barred_row, [block.start, block.stop])
        barred = self.barred_place[low:high], self.barred_row[low:high] - block.start
        mass[barred] = 0
        for place, totals in enumerate(self.members):
            for apart in totals.question.apart:
                mass[place, self.view.gap(apart)[block] > 0] = 0
        gradient = mass @ x
        for place, totals in enumerate(self.members):
            totals.gradient += gradient[place]
        if self.finals:
            self._finish(block, logit, chance, early, barred)
        if self.rate.any():
            self._draw(block, mass)

    def _finish(self, block: slice, logit: FloatArray, chance: FloatArray, early: int, barred: Places) -> None:
        """Add what only the last pass wants of a block, for those whose last it is."""
        weight = np.ones_like(logit)
        weight[:, early:] = np.take(self.weights[self.finals], self.view.day[block][early:], axis=1, mode="clip")
        for place, own in zip(self.finals, weight, strict=True):
            own[barred[1][barred[0] == place]] = 0
            totals = self.members[place]
            totals.n += int(np.count_nonzero(own))
            for number, apart in enumerate(totals.question.apart):
                gap = self.view.gap(apart)[block]
                totals.gap[number] = min(totals.gap[number], gap[(gap > 0) & (own > 0)].min(initial=np.inf))
            for apart in totals.question.apart:
                own[self.view.gap(apart)[block] > 0] = 0
        inside = (weight > 0).astype(np.float64)
        softplus = logit - np.log(np.maximum(chance, np.exp(-LOWEST)))
        for place, *own in zip(self.finals, weight, inside, softplus, logit, chance, strict=True):
            self.members[place].finish(*own)

    def _draw(self, block: slice, mass: FloatArray) -> None:
        """Draw rows for the information, each with the weight that makes up for those not drawn."""
        share = mass * self.rate
        drawn = np.flatnonzero(share > self.view.threshold[block])
        place, row = np.divmod(drawn, share.shape[1])
        share = np.minimum(share.ravel()[drawn] * self.view.length[block][row], 1)
        own = mass.ravel()[drawn]
        weight = self.weights[place, np.minimum(self.view.day[block][row], self.last)]
        scale = np.sqrt(own * (1 - own / weight) / share).astype(np.float32)
        edges = np.searchsorted(place, np.arange(len(self.members) + 1))
        for totals, low, high in zip(self.members, edges, edges[1:], strict=False):
            totals.picked.append(row[low:high] + block.start)
            totals.scale.append(scale[low:high])
