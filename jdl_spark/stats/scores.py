"""Scores of many models on many events: one matrix product for a tile of models and a block of events.

Why a product of one fixed shape: its bits then depend on an event's covariates and a model's coefficients alone, not
on where either stands. Equal covariates give equal scores in every shard and company, so ties are true ties
(tests/stats/test_scores.py holds every place of the product to it).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from jdl_spark.stats.shard import FloatArray

TILE = 32
"""Models in one matrix product."""
BLOCK = 4_096
"""Events in one matrix product."""


def with_intercept(matrix: FloatArray) -> FloatArray:
    """Return the rows with a leading 1, shape (n, 1 + p)."""
    x = np.empty((len(matrix), 1 + matrix.shape[1]))
    x[:, 0] = 1.0
    x[:, 1:] = matrix
    return x


def scores(x: FloatArray, coefficients: FloatArray, scale: str = "logit") -> FloatArray:
    """Return the score of every event under every model.

    Parameters
    ----------
    x : float64, shape (n, 1 + p). Events, with a leading 1.
    coefficients : float64, shape (r, 1 + p). Models: intercept first, log-odds per unit; 0 for columns outside.
    scale : logit (log-odds) or probability.

    Returns
    -------
    float64, shape (r, n)
    """
    found = np.empty((len(coefficients), len(x)))
    tile, block = np.zeros((TILE, x.shape[1])), np.zeros((BLOCK, x.shape[1]))
    for first in range(0, len(coefficients), TILE):
        some = coefficients[first : first + TILE]
        tile[: len(some)] = some
        for start in range(0, len(x), BLOCK):
            rows = x[start : start + BLOCK]
            if len(rows) < BLOCK:
                block[: len(rows)] = rows
                rows = block
            product = tile @ rows.T
            found[first : first + len(some), start : start + BLOCK] = product[: len(some), : len(x) - start]
    return np.asarray(expit(found)) if scale == "probability" else found
