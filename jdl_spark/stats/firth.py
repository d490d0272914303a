"""Logistic regression by Firth's penalised likelihood: an estimate stands even where the groups separate.

Why: half the log determinant of the information (Jeffreys' prior) is added to the log-likelihood. It
falls without end as a coefficient grows, so the maximum is finite, and it takes away the bias of order 1/n.

References
----------
Firth, D. (1993), Biometrika 80, 27-38;
Heinze, G. & Schemper, M. (2002), Statistics in Medicine 21, 2409-2419, for separation.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular
from scipy.special import expit

from jdl_spark.stats.logistic import BLOCK, likelihood
from jdl_spark.stats.shard import BoolArray, FloatArray

LARGEST_STEP = 5.0  # log-odds per standard deviation that a step may move a coefficient; as R's logistf
HALVINGS = 30


def firth(
    matrix: FloatArray,
    treated: BoolArray,
    weight: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    iterations: int,
    tolerance: float,
) -> tuple[FloatArray, int, bool]:
    """Return the coefficients that maximise the penalised likelihood.

    Row i of leverage h counts as if h/2 rows of either group stood beside it; each step is Newton's on such rows.

    Parameters
    ----------
    matrix : float64, shape (n, q - 1). Columns in their own units; none constant, none explained by the others.
    treated : bool, shape (n,). Both groups have rows.
    weight : float64, shape (n,). A row of weight 2 counts as two rows.
    mean, sd : float64, shape (q - 1,). They standardise the columns; the estimate does not depend on them.
    iterations : most steps. tolerance : step times modified score at which it has converged.

    Returns
    -------
    coefficients : float64, shape (q,). Intercept first; log-odds per standard deviation.
    steps : int. Steps taken.
    converged : bool. If not, `coefficients` are the best there were.
    """
    coefficients = np.zeros(matrix.shape[1] + 1)
    coefficients[0] = np.log(weight[treated].sum() / weight[~treated].sum())
    here = _penalised(matrix, treated, weight, mean, sd, coefficients)
    if here is None:
        return coefficients, 0, False
    for steps in range(1, iterations + 1):
        value, score, step = here
        gain = float(score @ step)
        step = step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), LARGEST_STEP))
        for _ in range(HALVINGS):
            there = _penalised(matrix, treated, weight, mean, sd, coefficients + step)
            if there is not None and there[0] >= value - 1e-12 * abs(value):
                break
            step /= 2
        else:
            return coefficients, steps, gain <= tolerance
        coefficients, here = coefficients + step, there
        if gain <= tolerance:
            return coefficients, steps, True
    return coefficients, iterations, False


def _penalised(
    matrix: FloatArray,
    treated: BoolArray,
    weight: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    coefficients: FloatArray,
) -> tuple[float, FloatArray, FloatArray] | None:
    """Return the penalised log-likelihood, its derivative, and Newton's step with the added rows.

    None where the information is singular: the penalised likelihood is then minus infinity.
    """
    sums = likelihood(matrix, treated, weight, mean, sd, coefficients, np.zeros(len(coefficients)))
    try:
        lower: FloatArray = cholesky(sums.information, lower=True)
        score, information = sums.gradient.copy(), sums.information.copy()
        for start in range(0, len(matrix), BLOCK):
            block = slice(start, start + BLOCK)
            z = np.column_stack([np.ones(len(matrix[block])), (matrix[block] - mean) / sd])
            p = expit(z @ coefficients)
            curve = p * (1.0 - p)
            leverage = weight[block] * curve * np.sum(solve_triangular(lower, z.T, lower=True) ** 2, axis=0)
            score += z.T @ (leverage * (0.5 - p))
            information += z.T @ (z * (leverage * curve)[:, None])
        step: FloatArray = cho_solve(cho_factor(information), score)
    except LinAlgError:
        return None
    return sums.log_likelihood + float(np.sum(np.log(np.diag(lower)))), score, step
