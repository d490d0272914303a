"""Intervals cover known effects, and null effects are not found, as often as promised.

The seeds were fixed before any result was seen; the bounds are exact binomial ones (99 per cent, two-sided).
"""

from __future__ import annotations

import numpy as np
import pytest
import simulated_requests as simulated
from scipy.stats import binom

from jdl_spark import inference, matching, propensity
from jdl_spark.settings import InferenceSettings, MatchingSettings, PropensitySettings
from jdl_spark.stats.randomness import generator

REQUESTS = 240
SETTINGS = InferenceSettings(replicates=999)


def estimates(spark, made, folder, without_landmark=False, **matched_by):
    """Carry all requests through the stages; by outcome one row per request, sorted."""
    path = str(folder / "covariates")
    simulated.covariates(spark, made).write.mode("overwrite").parquet(path)
    covariates = spark.read.parquet(path)
    members, links = simulated.members(spark, made, without_landmark), simulated.links(spark, made)
    models = propensity.fit(members, links, covariates, PropensitySettings())
    pairs = matching.match(members, links, models, covariates, MatchingSettings(**matched_by))
    outcomes = simulated.outcomes(spark, made)
    found = inference.estimate(pairs, outcomes, simulated.KINDS, SETTINGS, "simulation").toPandas()
    found = found.sort_values(["outcome", "request_id"])
    return {name: rows.reset_index(drop=True) for name, rows in found.groupby("outcome")}


@pytest.fixture(scope="module")
def made():
    return simulated.simulate(generator("coverage", 1), REQUESTS)


@pytest.fixture(scope="module")
def found(spark, made, tmp_path_factory):
    return estimates(spark, made, tmp_path_factory.mktemp("nation"))


def within_bounds(hits, trials, probability):
    low, high = binom.interval(0.99, trials, probability)
    return low <= hits <= high


@pytest.mark.parametrize("outcome", list(simulated.KINDS))
def test_intervals_cover_the_known_effect(found, outcome):
    rows, truth = found[outcome], simulated.EFFECTS[outcome]
    assert len(rows) == REQUESTS
    assert rows["reason"].eq("ok").all()
    covered = ((rows["ci_low"] <= truth) & (truth <= rows["ci_high"])).sum()
    bias = rows["att"].mean() - truth
    print(f"{outcome}: {covered} of {REQUESTS} intervals cover {truth}; mean error {bias:+.4f},",
          f"SD {rows['att'].std():.4f}, mean SE {rows['se_multiplier'].mean():.4f},",
          f"AI {rows['se_abadie_imbens'].mean():.4f}, two-way {rows['se_two_way'].mean():.4f}")  # fmt: skip
    assert within_bounds(covered, REQUESTS, 0.95)


def test_a_null_effect_is_found_as_often_as_chance_has_it(found):
    rows = found["placebo"]
    alarms = (rows["p_value"] <= SETTINGS.significance).sum()
    print(f"placebo: {alarms} of {REQUESTS} requests with p <= {SETTINGS.significance}")
    assert within_bounds(alarms, REQUESTS, SETTINGS.significance)
    outside = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    assert (outside == (rows["p_value"] <= SETTINGS.significance)).all()


def test_an_effect_is_found_more_often_than_a_null_one(found):
    assert (found["reoffences"]["p_value"] <= 0.05).mean() > 3 * (found["placebo"]["p_value"] <= 0.05).mean()


def test_without_matching_the_answer_is_wrong(made):
    """Everybody in the pool against the treated: the interval of a comparison of two means."""
    covered = 0
    for request in range(REQUESTS):
        here = made.request == request
        ours, theirs = (made.outcomes["placebo"][here & some] for some in (made.treated, ~made.barred))
        se = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
        covered += abs(ours.mean() - theirs.mean()) <= 1.96 * se
    print(f"unmatched: {covered} of {REQUESTS} intervals cover the null effect")
    assert covered < 0.5 * REQUESTS


def test_leaving_out_the_landmark_makes_an_effect_of_nothing(spark, tmp_path):
    """Who is compared must have lasted as long as the treated had to before their intervention began."""
    nothing = dict.fromkeys(simulated.EFFECTS, 0.0)
    made = simulated.simulate(generator("landmark", 1), 40, nothing, landmarks="all")
    errors = {}
    for without in (False, True):
        rows = estimates(spark, made, tmp_path, without)["reoffended"]
        errors[without] = rows["att"].mean(), rows["att"].std() / np.sqrt(len(rows))
    print("mean effect and its standard error with landmark", errors[False], "without", errors[True])
    (mean, se), (biased, biased_se) = errors[False], errors[True]
    assert abs(mean) < 2.576 * se
    assert biased < -2.576 * biased_se
