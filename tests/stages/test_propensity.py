"""One model per request, and a reason where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from covariate_frames import Event, covariates, links, members

from jdl_spark import propensity, schemas
from jdl_spark.settings import PropensitySettings

SETTINGS = PropensitySettings(minimum_treated=5)


def nation(n=600, seed=1):
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.integers(18, 60, n), rng.poisson(3, n), rng.random(n) < 0.3]).astype(float)
    first = np.where(rng.random(n) < 0.4, rng.integers(1, 366, n), 2**31 - 1)
    return [Event(i, tuple(values[i]), first_reoffence=int(first[i]), stratum=1 + i % 2) for i in range(n)]


@pytest.fixture(scope="module")
def fitted(spark):
    events = nation()
    plain = [(i, i, 1 + i % 2, 0) for i in range(40)]
    delayed = [(i, i, 1 + i % 2, 60 if i % 3 else 0) for i in range(100, 160) if events[i].first_reoffence > 60]
    young = [(i, i, 1 + i % 2, 0) for i in range(600) if events[i].values[0] < 30]
    treated = {
        "PLAIN": plain,
        "DELAYED": delayed,
        "FEW": plain[:3],
        "YOUNG": young,
        "STRANGERS": [(9_999, 9_999, 1, 0)] * 6,
    }
    lost = [
        ("PLAIN", "09000", 500, 500, 1, 0, "reoffended_before_start"),
        ("PLAIN", "09001", None, None, None, None, "not_found"),
    ]
    barred = {name: [p[1] for p in people] for name, people in treated.items()}
    barred["PLAIN"] = [*barred["PLAIN"], 500]
    frame = propensity.fit(members(spark, treated, lost), links(spark, barred), covariates(spark, events), SETTINGS)
    return events, treated, {row["request_id"]: row.asDict() for row in frame.collect()}, frame.schema.simpleString()


def test_one_row_per_request_in_the_shape_of_the_table(fitted):
    _, treated, rows, schema = fitted
    assert set(rows) == set(treated)
    expected = ",".join(f"{c.name}:{c.type}" for c in schemas.PROPENSITY_MODELS.columns if c.name != "run_id")
    assert schema == f"struct<{expected}>"


def test_coefficients_are_those_of_statsmodels(fitted):
    events, treated, rows, _ = fitted
    ours = rows["PLAIN"]
    is_treated = {p[0] for p in treated["PLAIN"]}
    rest = [e for e in events if e.event_id != 500]
    x = sm.add_constant(np.array([e.values for e in rest]))
    y = np.array([e.event_id in is_treated for e in rest], float)
    theirs = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14)
    assert ours["reason"] == "ok"
    assert ours["columns"] == ["(intercept)", "age", "prior", "flag"]
    assert (ours["n_treated"], ours["n_pool"]) == (40, 559)
    assert np.all(np.abs(ours["coefficients"] - theirs.params) <= 1e-8 * np.maximum(abs(theirs.params), theirs.bse))
    logit = x @ theirs.params
    pooled = np.sqrt((logit[y == 1].var(ddof=1) + logit[y == 0].var(ddof=1)) / 2)
    assert ours["logit_sd_pooled"] == pytest.approx(pooled, rel=1e-8)
    assert ours["logit_sd_all"] == pytest.approx(logit.std(ddof=1), rel=1e-8)


def test_the_pool_weighs_what_it_survived_of_the_landmarks(fitted):
    events, treated, rows, _ = fitted
    landmarks = np.array([p[3] for p in treated["DELAYED"]])
    is_treated = {p[0] for p in treated["DELAYED"]}
    weight = np.array([1.0 if e.event_id in is_treated else np.mean(landmarks < e.first_reoffence) for e in events])
    x = sm.add_constant(np.array([e.values for e in events]))
    y = np.array([e.event_id in is_treated for e in events], float)
    theirs = sm.GLM(y, x, family=sm.families.Binomial(), freq_weights=weight).fit(tol=1e-14)
    ours = np.array(rows["DELAYED"]["coefficients"])
    assert 0 < weight.min() < 1
    assert np.all(np.abs(ours - theirs.params) <= 1e-8 * np.maximum(abs(theirs.params), theirs.bse))


def test_failures_are_rows_with_a_reason(fitted):
    _, _, rows, _ = fitted
    assert (rows["FEW"]["status"], rows["FEW"]["reason"], rows["FEW"]["n_treated"]) == ("failed", "too_few_treated", 3)
    assert (rows["STRANGERS"]["reason"], rows["STRANGERS"]["n_treated"]) == ("too_few_treated", 0)
    young = rows["YOUNG"]
    assert (young["status"], young["reason"], young["dropped"]) == ("failed", "separation", ["age: separation"])
    assert young["coefficients"] == []
    assert young["logit_sd_pooled"] is None


def test_nobody_treated_and_no_nation(spark):
    nobody = members(spark, {})
    assert propensity.fit(nobody, links(spark, {}), covariates(spark, nation(10)), SETTINGS).count() == 0
    some = members(spark, {"A": [(1, 1, 1, 0)]})
    rows = propensity.fit(some, links(spark, {"A": [1]}), covariates(spark, [], shards=0), SETTINGS).collect()
    assert [row["reason"] for row in rows] == ["too_few_treated"]
