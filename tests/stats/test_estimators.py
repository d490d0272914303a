"""The estimators against scikit-learn's own checks, published numbers and slow oracles."""

from __future__ import annotations

import doctest
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from jdl_spark import estimators
from jdl_spark.estimators import NearestMatcher, PropensityModel, SeparationError, SeparationWarning
from jdl_spark.stats import newton
from jdl_spark.stats.logistic import linear_predictor, partial
from jdl_spark.stats.newton import LogisticFit

# Heinze & Schemper (2002): 79 cases of endometrial cancer; NV, PI, EH, HG. Public with R's brglm2 and Agresti (2015).
ENDOMETRIAL = np.array(
    """
    0,13,1.64,0 0,16,2.26,0 0,8,3.14,0 0,34,2.68,0 0,20,1.28,0 0,5,2.31,0 0,17,1.8,0 0,10,1.68,0 0,26,1.56,0
    0,17,2.31,0 0,8,2.01,0 0,7,1.89,0 0,20,3.15,0 0,10,1.23,0 0,18,1.27,0 0,16,1.76,0 0,18,2,0 0,8,2.64,1
    0,29,0.88,1 0,12,1.27,1 0,20,1.37,1 1,38,0.97,1 1,22,1.14,1 1,7,0.88,1 1,25,0.91,1 1,15,0.58,1 0,7,0.97,1
    0,28,1.5,0 0,11,1.33,0 0,19,2.37,0 0,10,1.82,0 0,10,3.13,0 0,18,1.31,0 0,14,1.92,0 0,21,1.64,0 0,11,2.01,0
    0,17,1.88,0 0,25,1.93,0 0,16,2.11,0 0,19,1.29,0 0,15,1.72,0 0,33,0.75,0 0,24,1.92,0 0,48,1.84,1 0,12,1.11,1
    0,19,1.61,1 0,2,1.18,1 1,22,1.44,1 1,40,1.18,1 1,5,0.93,1 1,0,1.17,1 0,21,1.19,1 0,15,1.06,1 0,29,2.02,0
    0,15,2.29,0 0,12,2.33,0 0,3,2.9,0 0,20,1.7,0 0,23,1.41,0 0,12,2.25,0 0,22,1.54,0 0,42,1.97,0 0,15,1.75,0
    0,13,2.16,0 0,14,2.57,0 0,19,1.37,0 0,12,3.61,0 0,13,2.04,0 0,10,2.17,0 0,12,1.69,1 1,49,0.27,1 0,6,1.84,1
    0,5,1.3,1 0,17,0.96,1 1,11,1.01,1 1,21,0.98,1 0,5,0.35,1 1,19,1.02,1 0,33,0.85,1
    """.replace(",", " ").split(),
    dtype=float,
).reshape(79, 4)
# Foxman et al. (1997) as in R's logistf, data set sex2: case, age, oc, vic, vicl, vis, dia, how many women.
SEX2 = {
    "0000010": 1, "0001000": 2, "0001010": 1, "0001100": 8, "0001110": 18, "0010000": 42, "0010010": 1,
    "0011000": 1, "0011100": 5, "0011110": 6, "0101100": 2, "0101110": 4, "0110000": 14, "0110010": 1,
    "0111000": 1, "0111110": 2, "1000010": 1, "1001000": 14, "1001010": 3, "1001100": 10, "1001110": 12,
    "1001111": 1, "1010000": 44, "1010001": 3, "1011000": 15, "1011001": 1, "1011010": 2, "1011100": 7,
    "1011110": 3, "1101000": 2, "1101010": 1, "1101011": 1, "1101100": 1, "1101111": 1, "1110000": 5,
    "1111000": 3,
}  # fmt: skip

separates = pytest.mark.filterwarnings("ignore::jdl_spark.estimators.SeparationWarning")


@separates  # toy data of the checks is separable
@parametrize_with_checks([PropensityModel(), PropensityModel(on_separation="firth")])
def test_scikit_learn_accepts_the_model(estimator, check):
    check(estimator)


def sample(seed=1, n=800, p=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-3, 4, p) + 5 * rng.normal(size=p)
    z = (x - x.mean(0)) / x.std(0)
    y = rng.random(n) < 1 / (1 + np.exp(1 - z @ rng.normal(size=p)))
    return x, y, rng.integers(1, 5, n) / 4


def irls(x, y, weight):
    """Iteratively reweighted least squares, as in a textbook."""
    design = np.column_stack([np.ones(len(x)), x])
    b = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ b))
        v = weight * p * (1 - p)
        b = np.linalg.lstsq(design * np.sqrt(v)[:, None], np.sqrt(v) * (design @ b + weight * (y - p) / v), rcond=None)[
            0
        ]
    return b


# --- the model --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_coefficients_are_those_of_irls_statsmodels_and_scikit_learn(seed):
    x, y, weight = sample(seed)
    model = PropensityModel().fit(x, y, weight)
    ours = np.concatenate([model.intercept_, model.coef_[0]])
    theirs = sm.GLM(y.astype(float), sm.add_constant(x), family=sm.families.Binomial(), freq_weights=weight).fit(
        tol=1e-14, tol_criterion="params", maxiter=100
    )
    allowed = 1e-7 * np.maximum(np.abs(theirs.params), theirs.bse)
    assert np.all(np.abs(ours - theirs.params) <= allowed)
    assert np.all(np.abs(ours - irls(x, y, weight)) <= allowed)
    mean, sd = x.mean(0), x.std(0)  # scikit-learn's solver wants columns of like size
    other = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky").fit((x - mean) / sd, y, weight)
    np.testing.assert_allclose(model.coef_, other.coef_ / sd, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(x), other.predict_proba((x - mean) / sd), rtol=1e-6)
    assert (model.penalty_, model.dropped_, model.separation_) == (None, (), ())
    assert model.n_iter_ >= 1


def test_coefficients_are_the_labs_to_the_bit():
    x, y, weight = sample(9)
    fit = LogisticFit([f"x{j}" for j in range(x.shape[1])], 30, 1e-10, 30)
    while fit.result is None:
        fit.take([partial(x, y, weight, fit.task)])
    model = PropensityModel().fit(x, y, weight)
    assert (*model.intercept_, *model.coef_[0]) == fit.result.coefficients
    logit = linear_predictor(x, range(x.shape[1]), np.array(fit.result.coefficients))
    assert model.decision_function(x).tolist() == logit.tolist()


def test_what_it_predicts():
    x, y, _ = sample(2)
    said = np.where(y, "treated", "pool")
    model = PropensityModel().fit(x, said)
    logit = model.decision_function(x)
    assert model.classes_.tolist() == ["pool", "treated"]
    np.testing.assert_allclose(logit, x @ model.coef_[0] + model.intercept_[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], 1 / (1 + np.exp(-logit)), rtol=1e-12)
    assert model.predict(x).tolist() == np.where(logit > 0, "treated", "pool").tolist()
    assert pickle.loads(pickle.dumps(model)).predict_proba(x).tolist() == model.predict_proba(x).tolist()


def test_rows_of_weight_zero_are_not_there():
    x, y, _ = sample(3)
    outlier = np.vstack([x, x.max(axis=0) * 1e6])
    weight = np.append(np.ones(len(x)), 0.0)
    some = PropensityModel().fit(outlier, np.append(y, True), weight)
    assert some.coef_.tolist() == PropensityModel().fit(x, y).coef_.tolist()
    with pytest.raises(ValueError, match="one class"):
        PropensityModel().fit(x, y, y.astype(float))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        PropensityModel().fit(x, y, -np.ones(len(x)))


def test_constant_and_collinear_columns_are_named():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 500))
    frame = pd.DataFrame({"a": a, "ever": 0.1, "b": b, "mix": 3 * a - b + 2})
    y = rng.random(500) < 0.3
    model = PropensityModel().fit(frame, y)
    assert model.feature_names_in_.tolist() == list(frame)
    assert model.dropped_ == ("ever: constant", "mix: linear combination of a, b")
    assert (model.coef_[0] == 0).tolist() == [False, True, False, True]
    alone = PropensityModel().fit(frame[["a", "b"]], y)
    assert model.coef_[0, [0, 2]].tolist() == alone.coef_[0].tolist()
    assert PropensityModel().fit(frame.to_numpy(), y).dropped_ == ("x1: constant", "x3: linear combination of x0, x2")
    with pytest.raises(ValueError, match="column names"):
        PropensityModel().fit(frame.set_axis(["a", "b", "a", "c"], axis=1), y)


def test_only_constant_columns_leave_the_intercept():
    model = PropensityModel().fit(np.ones((40, 2)), np.arange(40) < 10)
    assert model.coef_.tolist() == [[0.0, 0.0]]
    assert model.intercept_[0] == pytest.approx(np.log(1 / 3), rel=1e-12)


def test_steps_that_run_out_warn():
    x, y, _ = sample(1)
    with pytest.warns(ConvergenceWarning, match="after 1 steps"):
        model = PropensityModel(max_iter=1).fit(x, y)
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize(
    "wrong", [{"on_separation": "hope"}, {"ridge": 0.0}, {"ridge": np.nan}, {"max_iter": 0}, {"tol": 0.0}]
)
def test_wrong_settings_are_named(wrong):
    x, y, _ = sample(1)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PropensityModel(**wrong).fit(x, y)


def test_before_the_fit():
    with pytest.raises(NotFittedError):
        PropensityModel().decision_function(np.ones((2, 2)))


# --- separation -------------------------------------------------------------------------------


def foreign(seed=7, n=2_000):
    """No treated row is foreign: separation in part."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) < 200
    away = ~y & (rng.random(n) < 0.1)
    return pd.DataFrame({"age": rng.normal(size=n) + 0.5 * y, "foreign": away.astype(float), "ever": 1.0}), y


def complete():
    rng = np.random.default_rng(5)
    y = np.arange(200) < 50
    return pd.DataFrame({"noise": rng.normal(size=200), "tell": np.where(y, 1.0, 2.0) + rng.random(200) / 2}), y


@pytest.mark.parametrize("how", ["raise", "lab"])
def test_complete_separation_raises_and_names_the_column(how):
    with pytest.raises(SeparationError, match="tell: separation"):
        PropensityModel(on_separation=how).fit(*complete())


def test_separation_in_part():
    x, y = foreign()
    with pytest.raises(SeparationError, match="foreign: separation"):
        PropensityModel(on_separation="raise").fit(x, y)
    model = PropensityModel(on_separation="lab").fit(x, y)
    assert model.dropped_ == ("foreign: separation, set apart where not 0", "ever: constant")
    assert model.coef_[0, 1:].tolist() == [-newton.FAR, 0.0]
    home = x["foreign"] == 0
    np.testing.assert_allclose(model.coef_[0, 0], PropensityModel().fit(x[["age"]][home], y[home]).coef_[0, 0])


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("data", [foreign, complete])
def test_the_ridge_is_the_maximum_of_the_penalised_likelihood(data, strength):
    x, y = data()
    with pytest.warns(SeparationWarning, match=r"\(ridge\).*(foreign|tell): separation"):
        model = PropensityModel(ridge=strength).fit(x, y)
    assert model.penalty_ == "ridge"
    assert all("separation" not in cause for cause in model.dropped_)
    x = x.drop(columns="ever", errors="ignore")
    z = np.column_stack([np.ones(len(x)), (x - x.mean()) / x.std(ddof=0)])

    def loss(b):
        logit = z @ b
        return np.sum(np.logaddexp(0, logit)) - np.sum(logit[y]) + strength / 2 * np.sum(b[1:] ** 2)

    best = minimize(loss, np.zeros(z.shape[1]), method="BFGS", options={"gtol": 1e-4}).x
    np.testing.assert_allclose(model.coef_[0, : x.shape[1]] * x.std(ddof=0), best[1:], rtol=1e-4)


def test_a_separation_too_near_the_limit_of_numbers_to_be_seen():
    """The likelihood is flat in float64 before the separating direction shows."""
    rng = np.random.default_rng(13)
    x, y, weight = rng.normal(size=(9, 5)), np.arange(9) < 3, rng.choice([0.01, 100.0], 9)
    for how in ("raise", "lab"):
        with pytest.raises(SeparationError, match="no step raises the likelihood"):
            PropensityModel(on_separation=how).fit(x, y, weight)
    with pytest.warns(SeparationWarning, match="no step raises the likelihood"):
        assert PropensityModel().fit(x, y, weight).penalty_ == "ridge"


def test_a_new_fit_forgets_the_old_one():
    model = PropensityModel()
    with pytest.warns(SeparationWarning):
        model.fit(*complete())
    x, y, _ = sample(1)
    model.fit(x, y)
    assert (model.penalty_, model.separation_) == (None, ())
    assert not hasattr(model, "feature_names_in_")


@separates
def test_firth_agrees_with_the_published_endometrial_study():
    """R's logistf: 2.92927330, -0.03475175, -2.60416387; 3.77455951. brglm2 publishes the same to five digits."""
    model = PropensityModel(on_separation="firth", max_iter=100, tol=1e-18).fit(ENDOMETRIAL[:, :3], ENDOMETRIAL[:, 3])
    assert model.penalty_ == "firth"
    assert model.separation_ == ("x0: separation, set apart where not 0",)
    np.testing.assert_allclose(model.coef_[0], [2.92927330, -0.03475175, -2.60416387], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, [3.77455951], rtol=2e-7)
    usual = PropensityModel(on_separation="firth").fit(ENDOMETRIAL[:, :3], ENDOMETRIAL[:, 3])
    np.testing.assert_allclose(usual.coef_, model.coef_, rtol=1e-4)


@separates
def test_firth_agrees_with_the_published_sex2_study():
    """R's logistf on sex2, with the women of one kind as one row of their number's weight."""
    table = np.array([[int(digit) for digit in kind] for kind in SEX2], dtype=float)
    count = np.array(list(SEX2.values()), dtype=float)
    assert count.sum() == 239
    model = PropensityModel(on_separation="firth", max_iter=100, tol=1e-18)
    for x, y, weight in (
        (table[:, 1:], table[:, 0], count),
        (np.repeat(table[:, 1:], count.astype(int), axis=0), np.repeat(table[:, 0], count.astype(int)), None),
    ):
        model.fit(x, y, weight)
        published = [-1.10598131, -0.06881673, 2.26887464, -2.11140817, -0.78831694, 3.09601166]
        np.testing.assert_allclose(model.coef_[0], published, rtol=2e-7)
        np.testing.assert_allclose(model.intercept_, [0.12025405], rtol=2e-7)


def penalised(b, z, y, weight):
    logit = z @ b
    p = 1 / (1 + np.exp(-logit))
    information = z.T @ (z * (weight * p * (1 - p))[:, None])
    return np.sum(weight * (y * logit - np.logaddexp(0, logit))) + np.linalg.slogdet(information)[1] / 2


@separates
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 30), st.integers(1, 3))
def test_whatever_the_separation_there_is_an_estimate(seed, n, p):
    """Tiny tables full of ties: Firth's is a stationary point of its likelihood, and no fit ends unconverged."""
    rng = np.random.default_rng(seed)
    x, y, weight = rng.integers(0, 3, (n, p)).astype(float), rng.random(n) < 0.4, rng.integers(1, 4, n) / 2
    y[0], y[1] = True, False
    ridge = PropensityModel().fit(x, y, weight)
    assert np.isfinite(ridge.coef_).all()
    model = PropensityModel(on_separation="firth", max_iter=500, tol=1e-16).fit(x, y, weight)
    if model.penalty_ == "firth":
        gone = [int(cause[1 : cause.index(":")]) for cause in model.dropped_]
        z = np.column_stack([np.ones(n), np.delete(x, gone, axis=1)])
        b = np.concatenate([model.intercept_, np.delete(model.coef_[0], gone)])
        here, h = penalised(b, z, y, weight), 1e-4
        slope = [
            (penalised(b + h * e, z, y, weight) - penalised(b - h * e, z, y, weight)) / (2 * h) for e in np.eye(len(b))
        ]
        np.testing.assert_allclose(slope, 0, atol=1e-5)
        assert here >= penalised(np.zeros(len(b)), z, y, weight)


# --- matching ---------------------------------------------------------------------------------


def slow_pairs(score, treated, strata, ids, *, ratio, replace, caliper, order, radius=False):
    """Match by loops over everybody: (treated row, rank, comparison row)."""
    rows = range(len(score))

    def admissible(i, used):
        found = [
            (abs(score[i] - score[j]), score[j], ids[j], j)
            for j in rows
            if not treated[j] and strata[j] == strata[i] and abs(score[i] - score[j]) <= caliper and j not in used
        ]
        return sorted(found)

    everyone = [i for i in rows if treated[i]]
    if replace:
        pairs = []
        for i in everyone:
            best = admissible(i, set())
            pairs += [(i, k + 1, c[3]) for k, c in enumerate(best if radius else best[:ratio])]
        return sorted(pairs)
    if order != "closest":
        key = {"largest": lambda i: (-score[i], ids[i]), "smallest": lambda i: (score[i], ids[i]), "data": lambda i: i}
        everyone.sort(key=key[order])
    pairs, used = [], set()
    for rank in range(1, ratio + 1):
        waiting = list(everyone)
        while waiting:
            best = {i: admissible(i, used)[0] for i in waiting if admissible(i, used)}
            if not best:
                break
            i = next(i for i in waiting if i in best)
            if order == "closest":
                i = min(best, key=lambda i: (best[i][0], ids[i]))
            used.add(best[i][3])
            waiting.remove(i)
            pairs.append((i, rank, best[i][3]))
    return sorted(pairs)


def as_tuples(matcher):
    return matcher.pairs_[["treated", "rank", "comparison"]].tolist()


@st.composite
def people(draw):
    n = draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 3, 6, 1_000]))
    return (
        rng.integers(0, levels, n) / 4,
        rng.random(n) < draw(st.sampled_from([0.1, 0.5])),
        rng.choice(["x", "y"][: draw(st.integers(1, 2))], n),
        rng.permutation(n) * 7,
    )


@settings(max_examples=300, deadline=None)
@given(
    people(),
    st.sampled_from([None, 0.0, 0.25, 1.0]),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from(["largest", "smallest", "data", "closest"]),
)
def test_pairs_are_those_of_the_loop(data, caliper, ratio, again, order):
    matcher = NearestMatcher(ratio=ratio, replace=again, caliper=caliper, caliper_sd="none", order=order).fit(*data)
    largest = np.inf if caliper is None else caliper
    assert as_tuples(matcher) == slow_pairs(*data, ratio=ratio, replace=again, caliper=largest, order=order)
    check_weights(matcher, data[1])


@settings(max_examples=100, deadline=None)
@given(people(), st.sampled_from([0.0, 0.25, 1.0]))
def test_radius_takes_everybody_inside(data, caliper):
    matcher = NearestMatcher(method="radius", caliper=caliper, caliper_sd="none").fit(*data)
    oracle = slow_pairs(*data, ratio=0, replace=True, caliper=caliper, order="data", radius=True)
    assert as_tuples(matcher) == oracle
    check_weights(matcher, data[1])


def check_weights(matcher, treated):
    matched = len(set(matcher.pairs_["treated"].tolist()))
    assert matcher.weights_.shape == treated.shape
    assert matcher.weights_[treated].sum() == matched
    assert matcher.weights_[~treated].sum() == pytest.approx(matched)
    assert set(np.flatnonzero(matcher.weights_)) == set(matcher.pairs_["treated"]) | set(matcher.pairs_["comparison"])


def test_lists_that_are_used_up_are_asked_again():
    """Many want the same few: the first candidate lists do not reach."""
    rng = np.random.default_rng(1)
    score = np.concatenate([rng.normal(size=60) / 100 + 1, rng.normal(size=200)])
    data = (score, np.arange(260) < 60, np.zeros(260), np.arange(260))
    matcher = NearestMatcher(ratio=2, replace=False, caliper=None).fit(*data)
    assert as_tuples(matcher) == slow_pairs(*data, ratio=2, replace=False, caliper=np.inf, order="largest")


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    score, treated, ids = rng.integers(0, 9, 200) / 8, rng.random(200) < 0.3, np.array([f"p{i:03}" for i in range(200)])
    moved = rng.permutation(200)
    for how in ({"replace": True}, {"replace": False}, {"replace": False, "order": "random", "seed": 4}):
        one = NearestMatcher(ratio=2, **how).fit(score, treated, ids=ids)
        two = NearestMatcher(ratio=2, **how).fit(score[moved], treated[moved], ids=ids[moved])
        first, second = (
            sorted(zip(i[m.pairs_["treated"]], i[m.pairs_["comparison"]], m.pairs_["rank"], strict=True))
            for m, i in ((one, ids), (two, ids[moved]))
        )
        assert first == second


def test_the_seed_decides_a_random_order():
    score, treated = np.zeros(40), np.arange(40) < 20
    one, same, other = (
        as_tuples(NearestMatcher(ratio=1, replace=False, order="random", seed=seed).fit(score, treated))
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_ties_and_the_caliper():
    score, treated = [0.5, 0.75, 0.25, 0.25, 0.7500001], [1, 0, 0, 0, 0]
    matcher = NearestMatcher(ratio=5, caliper=0.25, caliper_sd="none").fit(score, treated, ids=[5, 1, 9, 8, 0])
    assert matcher.pairs_["comparison"].tolist() == [3, 2, 1]
    assert matcher.pairs_["distance"].tolist() == [0.25] * 3
    np.testing.assert_allclose(matcher.weights_, [1, 1 / 3, 1 / 3, 1 / 3, 0])


def test_the_yardsticks_of_the_caliper():
    rng = np.random.default_rng(3)
    score, treated = rng.normal(size=100), np.arange(100) < 20
    pooled = np.sqrt((score[treated].var(ddof=1) + score[~treated].var(ddof=1)) / 2)
    for sd, yardstick in (("pooled", pooled), ("all", score.std(ddof=1)), ("none", 1.0)):
        matcher = NearestMatcher(caliper=0.1, caliper_sd=sd).fit(score, treated)
        assert matcher.caliper_ == pytest.approx(0.1 * yardstick, rel=1e-12)
        assert matcher.pairs_["distance"].max() <= matcher.caliper_
    assert NearestMatcher(caliper=None).fit(score, treated).caliper_ == np.inf


@pytest.mark.parametrize("treated", [[], [1], [0], [1, 1], [0, 0]])
def test_nobody_to_match(treated):
    matcher = NearestMatcher().fit(np.zeros(len(treated)), treated)
    assert len(matcher.pairs_) == 0
    assert matcher.weights_.tolist() == [0.0] * len(treated)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "hope"}, {"caliper_sd": "mean"}, {"order": "best"}, {"ratio": 0}, {"caliper": -0.1},
        {"method": "radius", "caliper": None}, {"method": "radius", "replace": False},
    ],
)  # fmt: skip
def test_wrong_matching_settings_are_named(wrong):
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        NearestMatcher(**wrong).fit([0.0, 1.0], [1, 0])


def test_wrong_matching_data():
    with pytest.raises(ValueError, match="NaN"):
        NearestMatcher().fit([0.0, np.nan], [1, 0])
    with pytest.raises(ValueError, match="treated"):
        NearestMatcher().fit([0.0, 1.0], [1, 2])
    with pytest.raises(ValueError, match="twice"):
        NearestMatcher().fit([0.0, 1.0], [1, 0], ids=["a", "a"])
    with pytest.raises(ValueError, match="inconsistent"):
        NearestMatcher().fit([0.0, 1.0], [1, 0], strata=[1])


# --- both -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "change"),
    [(PropensityModel(), {"on_separation": "firth", "tol": 1e-6}), (NearestMatcher(), {"ratio": 2, "replace": False})],
)
def test_parameters_are_read_set_and_cloned(estimator, change):
    before = estimator.get_params()
    other = clone(estimator).set_params(**change)
    assert other.get_params() == before | change
    assert clone(other).get_params() == other.get_params()
    assert estimator.get_params() == before
    assert all(f"{name}={value!r}" in repr(other) for name, value in change.items())
    with pytest.raises(ValueError, match="Invalid parameter"):
        other.set_params(hope=1)


def test_examples():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert doctest.testmod(estimators).failed == 0


def test_no_spark_is_imported():
    code = "import sys, jdl_spark.estimators; sys.exit('pyspark' in sys.modules or 'delta' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
