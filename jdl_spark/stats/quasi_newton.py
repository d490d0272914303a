"""One request's propensity model among many: what the driver decides between two passes over the pool.

Why not Newton's method: it wants the weighted cross product of the whole pool at every step, which costs
forty times as much as the gradient. Here the information comes from drawn rows (`pool_sums.py`) while
the fit is still far off, is corrected by what later steps show (L-BFGS), and only the gradient, which
is exact, decides where the fit ends. A pass brings the estimate nearer by a factor of 10 to 30.

A fit that this does not bring to its end (a separation between several columns, a collinearity that only
this request's own pool has) is given up, and fitted by Newton's method, which names the cause.

References
----------
Liu, D. C. & Nocedal, J. (1989), Mathematical Programming 45, 503-528, for the corrections;
Byrd, R. H. et al. (2016), SIAM Journal on Optimization 26, 1008-1031, for curvature from drawn rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import expit

from jdl_spark.stats.logistic import Apart, Moments, caliper_sds, per_unit, spread
from jdl_spark.stats.newton import FAR, INTERCEPT, Fitted, independent_columns, separating_columns
from jdl_spark.stats.pool import RequestGroup
from jdl_spark.stats.pool_sums import PoolSums, Question
from jdl_spark.stats.pool_view import length
from jdl_spark.stats.shard import FloatArray
from jdl_spark.stats.survey import Start

ROUGHLY, CLOSELY = 20_000, 60_000
"""Rows of the pool drawn for one information matrix: farther from the optimum than CLOSE, and from there on."""
CLOSE = 1.0
EXPECTED = 8e-9
"""A step that should end nearer than this, going by the step before it, is the last."""
CERTIFIED = 1e-8
"""Distance at which a fit is done; it holds for each coefficient in its own standard error."""
FAR_OFF = 0.05
"""Distance beyond which the information is drawn anew."""
SLOW = 0.3
"""Share of a distance below 1 that a step may leave; with more, drawing anew would not help: the corrections must."""
LARGEST_STEP = 4.0
"""Log-odds by which a step may move an event of the start or a treated one."""
PASSES = 30
STARTING_STEPS = 12


class QuasiNewtonFit:
    """One request's fit, from pass to pass.

    Parameters
    ----------
    names : names of the matrix's columns.
    group : RequestGroup
    treated : float64, shape (n1, p). Covariates of the treated, in the order of their event ids.
    total : Moments of the treated and of all strata they come from; what is constant there is constant here.
    start : rows that stand for the pool.
    mean, sd : float64, shape (p,). They standardise the columns, alike for all requests.

    Attributes
    ----------
    question : what the next pass is asked for; None when the fit is over.
    result : the model, or None if the fit was given up.
    """

    def __init__(
        self,
        names: Sequence[str],
        group: RequestGroup,
        treated: FloatArray,
        total: Moments,
        start: Start,
        mean: FloatArray,
        sd: FloatArray,
    ) -> None:
        self.names, self.group, self.treated, self.mean, self.sd = tuple(names), group, treated, mean, sd
        self.question: Question | None = None
        self.result: Fitted | None = None
        self.passes = 0
        complete, touching = separating_columns(total)
        if complete or not len(start.rows):
            return
        self.apart: tuple[Apart, ...] = tuple(touching)
        known = {apart.column for apart in touching}
        candidates = [j for j in range(len(names)) if j not in known]
        self.columns, causes = independent_columns(total, candidates, names)
        self.dropped = [f"{names[a.column]}: separation, set apart where not {a.value:g}" for a in touching] + causes
        self.x = self._design(treated)
        self.s, self.s_weight = self._inside(start)
        if not len(self.s):
            return
        self.pairs: list[tuple[FloatArray, FloatArray]] = []
        self.information: tuple[FloatArray, bool] | None = None
        self.last: tuple[FloatArray, FloatArray, float] | None = None
        self.s_length = length(self.s)
        coefficients = self._fitted_on_start()
        if coefficients is not None:
            self._ask(coefficients, self._rate(coefficients, ROUGHLY))

    def take(self, parts: Sequence[PoolSums]) -> None:
        """Use the shards' sums, in shard order; afterwards `question` or `result` has changed."""
        asked = self.question
        if asked is None or not parts:
            raise ValueError("nothing was asked")
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        self.passes += 1
        coefficients = asked.coefficients[self._model]
        chance = expit(self.x @ coefficients)
        gradient = self.x.T @ (1.0 - chance) - total.gradient[self._model]
        if asked.draw:
            treated = self.x.T @ (self.x * (chance * (1.0 - chance))[:, None])
            drawn = total.information[np.ix_(self._model, self._model)] + treated
            try:
                self.information = cho_factor(drawn)
            except (LinAlgError, ValueError):
                return self._give_up()
            self.pairs = []
        elif self.last is not None:
            moved, before, _ = self.last
            change = before - gradient
            if float(moved @ change) > 0:
                self.pairs.append((moved, change))
        step = self._step(gradient)
        distance = float(np.sqrt(max(gradient @ step, 0.0)))
        if not np.isfinite(distance) or self.passes > PASSES:
            return self._give_up()
        if asked.final and distance <= CERTIFIED:
            return self._finish(total, coefficients, gradient)
        return self._go(coefficients, gradient, step, distance)

    # --- steps --------------------------------------------------------------------------------

    def _go(self, coefficients: FloatArray, gradient: FloatArray, step: FloatArray, distance: float) -> None:
        share = self._share(step)
        stuck = self.last is not None and distance > SLOW * self.last[2] and self.last[2] < 1.0
        expected = distance * min(distance / self.last[2], 1.0) if self.last is not None else distance
        self.last = (step * share, gradient, distance)
        anew = distance > FAR_OFF and not stuck
        following = coefficients + step * share
        rate = self._rate(following, ROUGHLY if distance > CLOSE else CLOSELY) if anew else 0.0
        self._ask(following, rate, final=expected <= EXPECTED)

    def _rate(self, coefficients: FloatArray, rows: int) -> float:
        """Return the rate at which about so many rows of the pool are drawn."""
        mass = self.s_weight * expit(self.s @ coefficients) * self.s_length
        return rows / max(float(mass.sum()), 1.0)

    def _step(self, gradient: FloatArray) -> FloatArray:
        """Return the quasi-Newton step: L-BFGS recursion around the drawn information."""
        left = gradient.copy()
        shares = []
        for moved, change in reversed(self.pairs):
            share = float(moved @ left) / float(moved @ change)
            shares.append(share)
            left -= share * change
        step: FloatArray = cho_solve(self.information, left)
        for (moved, change), share in zip(self.pairs, reversed(shares), strict=True):
            step += moved * (share - float(change @ step) / float(moved @ change))
        return step

    def _fitted_on_start(self) -> FloatArray | None:
        """Return Newton's coefficients with the start's rows in the place of the pool."""
        x, rows = self.x, self.s
        coefficients = np.zeros(x.shape[1])
        coefficients[0] = np.log(len(x) / max(self.s_weight.sum(), 1.0))
        both = np.concatenate([x, rows])
        for _ in range(STARTING_STEPS):
            own, other = expit(x @ coefficients), expit(rows @ coefficients)
            gradient = x.T @ (1.0 - own) - rows.T @ (self.s_weight * other)
            curve = np.concatenate([own * (1.0 - own), self.s_weight * other * (1.0 - other)])
            scaled = both * np.sqrt(curve)[:, None]
            information = scaled.T @ scaled
            information[np.diag_indices_from(information)] += 1e-3  # a column may be constant in so few rows
            try:
                step = cho_solve(cho_factor(information), gradient)
            except (LinAlgError, ValueError):
                return None
            coefficients = coefficients + step * self._share(step)
            if float(gradient @ step) < FAR_OFF**2:
                break
        return coefficients

    def _share(self, step: FloatArray) -> float:
        """Return the part of a step that moves nobody farther than LARGEST_STEP."""
        moved = max(float(np.abs(self.x @ step).max()), float(np.abs(self.s @ step).max()))
        return min(1.0, LARGEST_STEP / max(moved, 1e-300))

    def _ask(self, coefficients: FloatArray, draw: float, final: bool = False) -> None:
        whole = np.zeros(1 + len(self.names))
        whole[self._model] = coefficients
        self.question = Question(self.group, whole, self.apart, draw, final)

    @property
    def _model(self) -> list[int]:
        return [0, *(1 + j for j in self.columns)]

    def _design(self, rows: FloatArray) -> FloatArray:
        return np.column_stack(
            [np.ones(len(rows)), (rows[:, self.columns] - self.mean[self.columns]) / self.sd[self.columns]]
        )

    def _inside(self, start: Start) -> tuple[FloatArray, FloatArray]:
        """Return the start's rows that no column sets apart, standardised, and their weights."""
        inside = np.ones(len(start.rows), dtype=bool)
        for apart in self.apart:
            inside &= start.rows[:, apart.column] == apart.value
        return self._design(start.rows[inside]), start.weight[inside]

    # --- ends ---------------------------------------------------------------------------------

    def _give_up(self) -> None:
        self.question = None

    def _finish(self, total: PoolSums, coefficients: FloatArray, gradient: FloatArray) -> None:
        """Put the set-apart columns in, and keep the model."""
        inside = per_unit(coefficients, self.mean[self.columns], self.sd[self.columns])
        slopes = dict(zip(self.columns, inside[1:].tolist(), strict=True))
        intercept = float(inside[0])
        for apart, gap in zip(self.apart, total.gap.tolist(), strict=True):
            slopes[apart.column] = apart.sign * FAR / gap
            intercept -= slopes[apart.column] * apart.value
        columns = sorted(slopes)
        logit = self.x @ coefficients
        self.question = None
        self.result = Fitted(
            "converged", "ok", self.passes, len(self.treated), total.n,
            (INTERCEPT, *(self.names[j] for j in columns)),
            (intercept, *(float(slopes[j]) for j in columns)),
            tuple(self.dropped),
            *caliper_sds(total.scores, spread(logit)), *caliper_sds(total.chances, spread(expit(logit))),
            total.log_likelihood - float(np.sum(np.logaddexp(0.0, -logit))), float(np.abs(gradient).max()),
        )  # fmt: skip
