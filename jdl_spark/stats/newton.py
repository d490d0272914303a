"""Newton's method for one request's propensity model: what the driver decides between two passes.

Why a state machine: all requests share each pass over the nation. A fit says what it wants next
(`task`), is given the shards' partial sums (`take`), and is frozen once it has a result, so its
numbers do not depend on its company.

Separation (a maximum likelihood estimate that does not exist) is found and named:

- one column separates the groups completely, or a combination does: the fit fails, reason `separation`;
- one column touches (no treated event differs from the value v, for instance nobody treated is
  foreign): the likelihood rises for ever as those who differ are set apart. We take that limit: they
  leave the fit and the spread of the logit, and get a score FAR from everybody's, so none is matched
  within a caliper. `dropped` names the column;
- a combination of columns separates in part (for instance no treated event has the reference level):
  the column that carries most of it is dropped and named, and the fit starts again.

References
----------
Albert, A. & Anderson, J. A. (1984), Biometrika 71, 1-10, for when estimates exist;
Geyer, C. J. (2009), Electronic Journal of Statistics 3, 259-289, for the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

from jdl_spark.stats.logistic import Apart, Moments, Sums, Task, caliper_sds, per_unit
from jdl_spark.stats.shard import FloatArray

INTERCEPT = "(intercept)"
FAR = 100.0  # log-odds by which an event that is set apart lies from its like; no real score gets there
COLLINEAR = 1e-10  # share of a column's variance that the columns before it must leave unexplained
SIDE = 1e-8  # share of the largest movement by which an event may lie on the wrong side of a separating plane
RESTLESS = 0.1  # log-odds; a step this large at the optimum means there is no optimum
HALVINGS = 30
RESTARTS = 10


@dataclass(frozen=True)
class Fitted:
    """A model, or the reason why there is none. Field names as in schemas.PROPENSITY_MODELS."""

    status: str
    reason: str
    iterations: int
    n_treated: int
    n_pool: int
    columns: tuple[str, ...] = ()
    coefficients: tuple[float, ...] = ()
    dropped: tuple[str, ...] = ()
    logit_sd_pooled: float | None = None
    logit_sd_all: float | None = None
    probability_sd_pooled: float | None = None
    probability_sd_all: float | None = None
    log_likelihood: float | None = None
    gradient_norm: float | None = None


class LogisticFit:
    """One request's fit, from pass to pass.

    Parameters
    ----------
    names : names of the matrix's columns.
    iterations : most Newton steps after each start. tolerance : Newton decrement at which it has converged.
    minimum_treated : with fewer treated events there is no fit.

    Attributes
    ----------
    task : what the next pass is asked for. result : None until the fit is done.
    """

    def __init__(self, names: Sequence[str], iterations: int, tolerance: float, minimum_treated: int) -> None:
        self.names = tuple(names)
        self.iterations, self.tolerance, self.minimum_treated = iterations, tolerance, minimum_treated
        self.task = Task("moments")
        self.result: Fitted | None = None
        self._apart: tuple[Apart, ...] = ()
        self._dropped: list[str] = []
        self._counts = (0, 0)
        self._steps = self._steps_now = self._halvings = self._restarts = 0
        self._last: tuple[float, FloatArray] | None = None  # log-likelihood and coefficients of the last accepted step

    def take(self, partials: Sequence[Moments | Sums]) -> None:
        """Use the shards' partial sums, in shard order; afterwards `task` or `result` has changed."""
        if not partials:
            return self._fail("too_few_treated")
        total = partials[0]
        for part in partials[1:]:
            total = total + part  # type: ignore[operator]  # all partials of a pass are of one kind
        if isinstance(total, Moments):
            return self._take_moments(total)
        return self._take_sums(total)

    # --- columns ------------------------------------------------------------------------------

    def _take_moments(self, total: Moments) -> None:
        self._counts = (int(total.n_all[1]), int(total.n_all[0]))
        if total.n_all[1] < max(self.minimum_treated, 1):
            return self._fail("too_few_treated")
        if not total.n_all[0]:
            return self._fail("empty_pool")
        if total.n[1] < max(self.minimum_treated, 1) or not total.n[0]:
            return self._fail("separation")  # setting apart left too few who can be told from nobody
        known = {apart.column for apart in self._apart}
        complete, touching = separating_columns(total)
        if complete:
            self._dropped += [f"{self.names[j]}: separation" for j in complete]
            return self._fail("separation")
        new = [apart for apart in touching if apart.column not in known]
        if new:
            self._dropped += [f"{self.names[a.column]}: separation, set apart where not {a.value:g}" for a in new]
            self._apart += tuple(new)
            self.task = Task("moments", self._apart)
            return None
        candidates = [j for j in range(len(self.names)) if j not in known]
        kept, causes = independent_columns(total, candidates, self.names)
        self._dropped += causes
        sd = np.sqrt(np.diag(total.cross)[kept] / total.weight.sum())
        start = float(np.log(total.weight[1] / total.weight[0]))
        return self._start(tuple(kept), total.mean[kept], sd, start)

    def _start(self, columns: tuple[int, ...], mean: FloatArray, sd: FloatArray, intercept: float) -> None:
        coefficients = np.zeros(len(columns) + 1)
        coefficients[0] = intercept
        self._last, self._steps_now, self._halvings, self._start_at = None, 0, 0, intercept
        self.task = Task("sums", self._apart, columns, mean, sd, coefficients, np.zeros(len(columns) + 1))

    # --- steps --------------------------------------------------------------------------------

    def _take_sums(self, total: Sums) -> None:
        task = self.task
        if self._last is not None and total.log_likelihood < self._last[0] - 1e-12 * abs(self._last[0]):
            self._halvings += 1
            if self._halvings > HALVINGS:
                return self._fail("not_converged")
            return self._go(self._last[1] + task.step / 2, task.step / 2, "sums")
        restless = total.step_largest >= RESTLESS
        on_sides = total.step_treated >= -SIDE * total.step_largest and total.step_pool <= SIDE * total.step_largest
        if restless and (on_sides or task.kind == "final"):
            return self._separated(total)
        if task.kind == "final":
            return self._finish(total)
        if self._steps_now >= self.iterations:
            return self._fail("not_converged")
        try:
            step = cho_solve(cho_factor(total.information), total.gradient)
        except LinAlgError:
            return self._fail("not_converged")
        self._last, self._halvings = (total.log_likelihood, task.coefficients), 0
        self._steps += 1
        self._steps_now += 1
        converged = float(total.gradient @ step) <= self.tolerance
        return self._go(task.coefficients + step, step, "final" if converged else "sums")

    def _go(self, coefficients: FloatArray, step: FloatArray, kind: str) -> None:
        task = self.task
        what = "final" if kind == "final" else "sums"
        self.task = Task(what, self._apart, task.columns, task.mean, task.sd, coefficients, step)  # type: ignore[arg-type]

    def _separated(self, total: Sums) -> None:
        task = self.task
        size = np.abs(task.step[1:])
        bearing = [j for j in range(len(size)) if size[j] > 1e-4 * size.max(initial=0.0)]
        names = [self.names[task.columns[j]] for j in bearing]
        margin = SIDE * total.step_largest
        complete = total.step_treated > margin and total.step_pool < -margin
        self._restarts += 1
        if complete or not bearing or self._restarts > RESTARTS:
            self._dropped += [f"{name}: separation" for name in names]
            return self._fail("separation")
        worst = int(np.argmax(size))
        name = self.names[task.columns[worst]]
        others = ", ".join(other for other in names if other != name)
        self._dropped.append(f"{name}: separation" + (f" together with {others}" if others else ""))
        keep = [j for j in range(len(size)) if j != worst]
        columns = tuple(task.columns[j] for j in keep)
        return self._start(columns, task.mean[keep], task.sd[keep], self._start_at)

    # --- ends ---------------------------------------------------------------------------------

    def _finish(self, total: Sums) -> None:
        task = self.task
        inside = per_unit(task.coefficients, task.mean, task.sd)
        slopes = dict(zip(task.columns, inside[1:], strict=True))
        intercept = inside[0]
        for apart, gap in zip(self._apart, total.gap, strict=True):
            slopes[apart.column] = apart.sign * FAR / gap
            intercept -= slopes[apart.column] * apart.value
        columns = sorted(slopes)
        self.result = Fitted(
            "converged", "ok", self._steps, *self._counts,
            (INTERCEPT, *(self.names[j] for j in columns)),
            (float(intercept), *(float(slopes[j]) for j in columns)),
            tuple(self._dropped), *caliper_sds(*total.scores), *caliper_sds(*total.chances),
            total.log_likelihood, float(np.abs(total.gradient).max()),
        )  # fmt: skip

    def _fail(self, reason: str) -> None:
        self.result = Fitted("failed", reason, self._steps, *self._counts, dropped=tuple(self._dropped))


def separating_columns(total: Moments) -> tuple[list[int], list[Apart]]:
    """Return the columns that separate treated from pool completely, and those that do so in part.

    A column separates when no treated event lies below any pool event, or none above. In part: both
    groups have events at the one value where they touch.
    """
    complete, touching = [], []
    for j in range(len(total.mean)):
        low_pool, low_treated = total.low[:, j]
        high_pool, high_treated = total.high[:, j]
        if min(low_pool, low_treated) == max(high_pool, high_treated):
            continue  # constant
        if low_treated > high_pool or high_treated < low_pool:
            complete.append(j)
        elif low_treated == high_pool:
            touching.append(Apart(j, float(low_treated), 1))
        elif high_treated == low_pool:
            touching.append(Apart(j, float(high_treated), -1))
    return complete, touching


def independent_columns(total: Moments, candidates: Sequence[int], names: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the columns that say something of their own, and the others by name and cause.

    Cholesky factorisation of the centred, scaled cross-product with limited pivoting (as R's `lm`):
    columns are taken in their declared order, and one that the columns before it explain is put out.
    """
    low, high = total.low.min(axis=0), total.high.max(axis=0)
    scale = np.sqrt(np.diag(total.cross))
    kept: list[int] = []
    causes: list[str] = []
    factor = np.zeros((len(candidates), len(candidates)))
    for j in candidates:
        k = len(kept)
        if low[j] == high[j] or scale[j] == 0:
            causes.append(f"{names[j]}: constant")
            continue
        correlation = total.cross[kept, j] / (scale[kept] * scale[j])
        row = solve_triangular(factor[:k, :k], correlation, lower=True) if k else np.zeros(0)
        left = 1.0 - float(row @ row)
        if left < COLLINEAR:
            share = solve_triangular(factor[:k, :k], row, lower=True, trans="T")
            of = ", ".join(names[i] for i, a in zip(kept, share, strict=True) if abs(a) > 1e-6)
            causes.append(f"{names[j]}: linear combination of {of}")
            continue
        factor[k, :k], factor[k, k] = row, np.sqrt(left)
        kept.append(j)
    return kept, causes
