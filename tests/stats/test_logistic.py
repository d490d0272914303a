"""The fit against statsmodels, and what it says where no estimate exists."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from jdl_spark.stats import logistic, newton
from jdl_spark.stats.logistic import linear_predictor, partial
from jdl_spark.stats.newton import INTERCEPT, Fitted, LogisticFit


def fit(matrix, treated, weight=None, names=None, shards=3, iterations=30, minimum=1) -> Fitted:
    """Run the passes over slices of the rows, as the stage does over shards."""
    matrix, treated = np.asarray(matrix, float), np.asarray(treated, bool)
    weight = np.ones(len(treated)) if weight is None else weight
    names = names or [f"x{j}" for j in range(matrix.shape[1])]
    one = LogisticFit(names, iterations, 1e-10, minimum)
    slices = np.array_split(np.arange(len(treated)), shards)
    while one.result is None:
        one.take([partial(matrix[s], treated[s], weight[s], one.task) for s in slices])
    return one.result


def oracle(matrix, treated, weight=None):
    model = sm.GLM(
        np.asarray(treated, float),
        sm.add_constant(np.asarray(matrix, float), has_constant="add"),
        family=sm.families.Binomial(),
        freq_weights=np.ones(len(treated)) if weight is None else weight,
    )
    return model.fit(tol=1e-14, tol_criterion="params", maxiter=100)


def sample(seed, n=3_000, p=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-3, 5, p) + rng.normal(size=p) * 100
    x[:, 0] = rng.random(n) < 0.3
    z = (x - x.mean(0)) / x.std(0)
    treated = rng.random(n) < 1 / (1 + np.exp(2.5 - z @ rng.normal(size=p) * 0.5))
    weight = np.where(treated, 1.0, rng.integers(1, 5, n) / 4)
    return x, treated, weight


@pytest.mark.parametrize("seed", range(5))
def test_coefficients_agree_with_statsmodels(seed):
    x, treated, weight = sample(seed)
    ours, theirs = fit(x, treated, weight), oracle(x, treated, weight)
    assert ours.reason == "ok"
    assert ours.columns[0] == INTERCEPT
    allowed = 1e-8 * np.maximum(np.abs(theirs.params), theirs.bse)
    assert np.all(np.abs(np.array(ours.coefficients) - theirs.params) <= allowed)
    assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-12)
    assert ours.gradient_norm < 1e-6


def test_blocks_and_shards_add_up(monkeypatch):
    x, treated, weight = sample(1)
    whole = fit(x, treated, weight, shards=1)
    monkeypatch.setattr(logistic, "BLOCK", 100)
    parts = fit(x, treated, weight, shards=13)
    np.testing.assert_allclose(parts.coefficients, whole.coefficients, rtol=1e-9)
    assert parts.logit_sd_pooled == pytest.approx(whole.logit_sd_pooled, rel=1e-12)


def test_spread_of_the_logit():
    x, treated, weight = sample(2)
    model = fit(x, treated, weight)
    logit = linear_predictor(x, range(x.shape[1]), np.array(model.coefficients))
    v1, v0 = logit[treated].var(ddof=1), logit[~treated].var(ddof=1)
    assert model.logit_sd_pooled == pytest.approx(np.sqrt((v1 + v0) / 2), rel=1e-12)
    assert model.logit_sd_all == pytest.approx(logit.std(ddof=1), rel=1e-12)


def test_equal_rows_have_equal_scores_wherever_they_lie():
    rng = np.random.default_rng(3)
    row, b = rng.normal(size=37), rng.normal(size=38)
    places = rng.normal(size=(5_001, 37))
    places[[0, 7, 4_096, 5_000]] = row
    scores = linear_predictor(places, range(37), b)
    assert len({scores[i] for i in (0, 7, 4_096, 5_000)} | {linear_predictor(row[None], range(37), b)[0]}) == 1


def test_constants_and_combinations_are_dropped_by_name():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 500))
    x = np.column_stack([a, np.full(500, 0.1), b, 3 * a - b + 2, a])
    treated = rng.random(500) < 0.3
    model = fit(x, treated, names=["a", "ever", "b", "mix", "again"])
    assert model.columns == (INTERCEPT, "a", "b")
    assert model.dropped == ("ever: constant", "mix: linear combination of a, b", "again: linear combination of a")
    theirs = oracle(x[:, [0, 2]], treated)
    assert np.all(
        np.abs(np.array(model.coefficients) - theirs.params) <= 1e-8 * np.maximum(abs(theirs.params), theirs.bse)
    )


def test_a_column_without_separation_next_to_a_rare_one_stays():
    treated = np.arange(400) < 100
    rare = np.zeros(400)
    rare[[5, 300]] = 1
    model = fit(np.column_stack([rare, np.tile([0.0, 1.0], 200)]), treated)
    assert model.reason == "ok"
    assert model.dropped == ()


def test_complete_separation_fails_and_names_the_column():
    rng = np.random.default_rng(5)
    treated = np.arange(200) < 50
    x = np.column_stack([rng.normal(size=200), np.where(treated, 1.0, 2.0) + rng.random(200) / 2])
    model = fit(x, treated, names=["noise", "tell"])
    assert (model.status, model.reason, model.dropped) == ("failed", "separation", ("tell: separation",))
    assert model.coefficients == ()


def test_complete_separation_by_a_combination_fails():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(400, 3))
    treated = x[:, 0] + x[:, 1] > 1.0
    model = fit(x, treated)
    assert (model.status, model.reason) == ("failed", "separation")
    assert {"x0: separation", "x1: separation"} <= set(model.dropped)


def test_a_characteristic_that_no_treated_has_is_set_apart():
    """The limit of the likelihood: the others' coefficients are those of a fit without them."""
    rng = np.random.default_rng(7)
    n = 2_000
    treated = np.arange(n) < 200
    foreign = (~treated) & (rng.random(n) < 0.1)
    x = np.column_stack([rng.normal(size=n) + 0.5 * treated, foreign])
    model = fit(x, treated, names=["age", "foreign"])
    assert model.reason == "ok"
    assert model.dropped == ("foreign: separation, set apart where not 0",)
    assert (model.n_treated, model.n_pool) == (200, 1_800)
    theirs = oracle(x[~foreign][:, :1], treated[~foreign])
    ours = np.array(model.coefficients[:2])
    assert np.all(np.abs(ours - theirs.params) <= 1e-8 * np.maximum(abs(theirs.params), theirs.bse))
    assert model.columns == (INTERCEPT, "age", "foreign")
    assert model.coefficients[2] == -newton.FAR
    logit = linear_predictor(x, [0, 1], np.array(model.coefficients))
    assert logit[foreign].max() < logit[~foreign].min() - 50
    assert model.logit_sd_all == pytest.approx(logit[~foreign].std(ddof=1), rel=1e-9)


def test_set_apart_counts_the_smallest_real_distance():
    treated = np.arange(300) < 60
    days = np.where(treated, 0.0, (np.arange(300) % 5) * 0.25)
    model = fit(np.column_stack([days, np.tile([0.0, 1.0, 3.0], 100)]), treated)
    assert model.coefficients[1] == -newton.FAR / 0.25


def test_an_empty_reference_level_drops_one_level_by_name():
    rng = np.random.default_rng(8)
    n = 3_000
    treated = np.arange(n) < 150
    level = np.where(treated, rng.integers(1, 4, n), rng.integers(0, 4, n))  # no treated has level 0
    x = np.column_stack([level == 1, level == 2, level == 3, rng.normal(size=n)])
    model = fit(x, treated, names=["two", "three", "four", "age"])
    assert model.reason == "ok"
    assert len(model.dropped) == 1
    assert "separation together with" in model.dropped[0]
    assert len(model.columns) == 4
    assert max(np.abs(model.coefficients)) < 10


def test_too_few_treated_and_empty_pool():
    x = np.arange(10.0)[:, None]
    assert fit(x, np.arange(10) < 4, minimum=5).reason == "too_few_treated"
    assert fit(x, np.zeros(10, bool)).reason == "too_few_treated"
    assert fit(x, np.ones(10, bool)).reason == "empty_pool"
    assert fit(np.zeros((0, 1)), np.zeros(0, bool)).reason == "too_few_treated"


def test_iterations_run_out():
    x, treated, weight = sample(1)
    model = fit(x, treated, weight, iterations=1)
    assert (model.status, model.reason, model.iterations) == ("failed", "not_converged", 1)


def test_intercept_only():
    model = fit(np.ones((40, 1)), np.arange(40) < 10)
    assert model.columns == (INTERCEPT,)
    assert model.coefficients[0] == pytest.approx(np.log(1 / 3), rel=1e-12)
    assert model.logit_sd_pooled == pytest.approx(0.0, abs=1e-12)


def separated(matrix, treated) -> bool:
    """Whether some plane has all treated on one side and all others on the other, by linear programming."""
    signed = np.column_stack([np.ones(len(matrix)), matrix]) * np.where(treated, 1.0, -1.0)[:, None]
    best = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    return best.fun < -1e-9


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.integers(1, 4))
def test_an_estimate_stands_exactly_where_one_exists(seed, n, p):
    """A converged model is an optimum of what was not set apart or dropped; a failure has a separating plane."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (n, p)).astype(float)
    treated = rng.random(n) < 0.4
    treated[0], treated[1] = True, False
    model = fit(x, treated)
    if model.status == "failed":
        assert model.reason == "separation"
        assert separated(x, treated)
        return
    assert model.gradient_norm < 1e-6
    inside, columns = np.ones(n, bool), []
    for name in model.columns[1:]:
        apart = [entry for entry in model.dropped if entry.startswith(f"{name}: separation, set apart")]
        if apart:
            inside &= x[:, int(name[1:])] == float(apart[0].rsplit(" ", 1)[1])
        else:
            columns.append(int(name[1:]))
    assert not separated(x[inside][:, columns], treated[inside])
    assert separated(x, treated) == any("separation" in entry for entry in model.dropped)
