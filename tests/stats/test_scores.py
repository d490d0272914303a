"""A score depends on an event's covariates and a model's coefficients, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from jdl_spark.stats.scores import BLOCK, TILE, scores, with_intercept


@pytest.mark.parametrize("columns", [1, 2, 6, 20, 40, 63, 128, 300])
def test_the_same_bits_at_every_place_of_the_product(columns):
    rng = np.random.default_rng(columns)
    events = rng.normal(size=(BLOCK, columns)) * 10 ** rng.uniform(-3, 3, columns)
    models = rng.normal(size=(TILE, 1 + columns))
    events[::3], models[::5] = events[0], models[0]
    found = scores(with_intercept(events), models)
    assert len(np.unique(found[::5, ::3])) == 1


def test_the_same_bits_alone_in_company_and_in_a_short_block():
    rng = np.random.default_rng(1)
    x, models = with_intercept(rng.normal(size=(BLOCK + 777, 17))), rng.normal(size=(TILE + 5, 18))
    whole = scores(x, models)
    for model, start, stop in ((0, 0, 1), (3, 5, 700), (TILE + 4, BLOCK - 3, BLOCK + 777)):
        assert np.array_equal(scores(x[start:stop], models[model : model + 1])[0], whole[model, start:stop])


def test_against_plain_arithmetic():
    rng = np.random.default_rng(2)
    matrix, models = rng.normal(size=(50, 4)), rng.normal(size=(3, 5))
    logit = models[:, :1] + models[:, 1:] @ matrix.T
    assert scores(with_intercept(matrix), models) == pytest.approx(logit, rel=1e-12)
    assert scores(with_intercept(matrix), models, "probability") == pytest.approx(expit(logit), rel=1e-12)
