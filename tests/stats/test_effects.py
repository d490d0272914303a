"""Effects and standard errors, by hand, against slow loops, and where people stand in two places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdl_spark.stats.effects import MatchedSets, estimate_effect


def sets_of(pairs, treated_score, comparison_score, treated_person=None, comparison_person=None):
    """MatchedSets from (row of treated, row of comparison); 1/k each."""
    pairs = sorted(pairs)
    k = [sum(1 for t, _ in pairs if t == row) for row in range(len(treated_score))]
    treated_person = range(len(treated_score)) if treated_person is None else treated_person
    comparison_person = range(1_000, 1_000 + len(comparison_score)) if comparison_person is None else comparison_person
    return MatchedSets(
        np.array(treated_person, np.int64), np.array(treated_score, float),
        np.array(comparison_person, np.int64), np.array(comparison_score, float),
        np.array([t for t, _ in pairs]), np.array([c for _, c in pairs]), np.array([1 / k[t] for t, _ in pairs]),
    )  # fmt: skip


def simulated(rng, n=40, m=60, ratio=3, people=None):
    """Matched sets by the nearest scores, with reuse, and outcomes that depend on the score."""
    treated, comparison = np.sort(rng.normal(0.3, 1, n)), rng.normal(0, 1, m)
    nearest = np.argsort(np.abs(treated[:, None] - comparison[None, :]), axis=1, kind="stable")[:, :ratio]
    used = np.unique(nearest)
    pairs = [(i, int(np.searchsorted(used, j))) for i in range(n) for j in nearest[i]]
    persons = None if people is None else 1_000 + used % people
    sets = sets_of(pairs, treated, comparison[used], comparison_person=persons)
    return sets, treated + rng.normal(size=n), comparison[used] + rng.normal(size=len(used))


# --- by hand -------------------------------------------------------------------------------

# Treated 0 and 1; comparison 0 used by both, 1 by the second only. Weights: 1 + 1/2 and 1/2.
SHARED = [(0, 0), (1, 0), (1, 1)]


def test_means_are_weighted_by_the_sum_of_1_over_k():
    effect = estimate_effect(sets_of(SHARED, [0, 0], [0, 0]), np.array([3.0, 6.0]), np.array([1.0, 5.0]))
    assert (effect.mean_treated, effect.mean_comparison) == (4.5, (1.5 * 1 + 0.5 * 5) / 2)
    assert effect.att == 4.5 - 2.0
    assert (effect.n_treated, effect.n_comparison) == (2, 2)


def test_influence_terms_by_hand():
    """Equal scores: m0 is the weighted mean 2 with one coefficient."""
    effect = estimate_effect(sets_of(SHARED, [0, 0], [0, 0]), np.array([3.0, 6.0]), np.array([1.0, 5.0]))
    treated = np.array([3 - 4.5, 6 - 4.5]) * math.sqrt(2 / 1)
    comparison = -np.array([1.5 * (1 - 2), 0.5 * (5 - 2)]) * math.sqrt(2 / 1)
    np.testing.assert_allclose(effect.terms, [*treated, *comparison], rtol=1e-14)


def test_abadie_imbens_by_hand():
    """Gaps 3 - 1 and 6 - 3; effect 2.5. K = (1.5, 0.5), KK = (1.25, 0.25), each s^2 = (5 - 1)^2/2."""
    effect = estimate_effect(sets_of(SHARED, [0, 0], [0, 0]), np.array([3.0, 6.0]), np.array([1.0, 5.0]))
    variance = ((2 - 2.5) ** 2 + (3 - 2.5) ** 2 + 8 * (1.5**2 - 1.25) + 8 * (0.5**2 - 0.25)) / 4
    assert effect.se_abadie_imbens == pytest.approx(math.sqrt(variance), rel=1e-14)
    assert math.isnan(effect.se_matched_set)  # somebody stands in two sets


def test_without_reuse_the_set_is_the_unit():
    sets = sets_of([(0, 0), (1, 1), (2, 2)], [0, 1, 2], [0, 1, 2])
    effect = estimate_effect(sets, np.array([1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    gaps = np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(effect.terms, (gaps - 1 / 3) * math.sqrt(3 / 2), rtol=1e-14)
    assert effect.se_matched_set == pytest.approx(gaps.std(ddof=1) / math.sqrt(3), rel=1e-14)  # the paired t-test's
    assert effect.se_abadie_imbens == pytest.approx(gaps.std() / math.sqrt(3), rel=1e-14)  # no reuse: gaps alone


# --- against loops -------------------------------------------------------------------------


def slow_terms(sets, treated, comparison):
    """The design's formula for an outcome that everybody has, with numpy's weighted least squares."""
    n, m = len(treated), len(comparison)
    w = np.zeros(m)
    for c, weight in zip(sets.pair_comparison, sets.pair_weight, strict=True):
        w[c] += weight
    x = np.column_stack([np.ones(m), sets.comparison_score])
    beta = np.linalg.lstsq(x * np.sqrt(w)[:, None], comparison * np.sqrt(w), rcond=None)[0]
    residual = treated - beta[0] - beta[1] * sets.treated_score
    by_person: dict[int, float] = {}
    for i in range(n):
        person = int(sets.treated_person[i])
        by_person[person] = by_person.get(person, 0.0) + (residual[i] - residual.mean()) * math.sqrt(n / (n - 1))
    for j in range(m):
        person = int(sets.comparison_person[j])
        left = comparison[j] - beta[0] - beta[1] * sets.comparison_score[j]
        by_person[person] = by_person.get(person, 0.0) - w[j] * left * math.sqrt(m / (m - 2))
    return [by_person[person] for person in sorted(by_person)]


def slow_abadie_imbens(sets, treated, comparison):
    n, m = len(treated), len(comparison)
    sets_by = [[(c, w) for t, c, w in zip(sets.pair_set, sets.pair_comparison, sets.pair_weight, strict=True) if t == i]
               for i in range(n)]  # fmt: skip
    gaps = [treated[i] - sum(w * comparison[c] for c, w in sets_by[i]) for i in range(n)]
    att = sum(gaps) / n
    total = sum((gap - att) ** 2 for gap in gaps)
    for j in range(m):
        others = [i for i in range(m) if i != j]
        near = min(others, key=lambda i: abs(sets.comparison_score[i] - sets.comparison_score[j]))
        k = sum(w for one in sets_by for c, w in one if c == j)
        kk = sum(w * w for one in sets_by for c, w in one if c == j)
        total += (comparison[j] - comparison[near]) ** 2 / 2 * (k * k - kk)
    return math.sqrt(total) / n


def slow_clustered(sets, treated, comparison):
    """Sum of squared sums of residuals over every cluster, for sets, persons and rows."""
    n, w = len(treated), sets.comparison_weight
    mean_c = np.average(comparison, weights=w)
    rows = [(i, int(sets.treated_person[i]), treated[i] - treated.mean()) for i in range(n)]
    rows += [(int(t), int(sets.comparison_person[c]), -weight * (comparison[c] - mean_c))
             for t, c, weight in zip(sets.pair_set, sets.pair_comparison, sets.pair_weight, strict=True)]  # fmt: skip

    def variance(key):
        return sum(sum(r for *k, r in rows if key(k) == one) ** 2 for one in {key(k) for *k, _ in rows})

    by_set, by_person = variance(lambda k: k[0]), variance(lambda k: k[1])
    return math.sqrt(by_person) / n, math.sqrt(by_set + by_person - sum(r * r for *_, r in rows)) / n


@pytest.mark.parametrize("people", [None, 17])
def test_everything_is_what_the_loops_say(people):
    """Also with comparison people who have several events."""
    sets, treated, comparison = simulated(np.random.default_rng(5), people=people)
    effect = estimate_effect(sets, treated, comparison)
    np.testing.assert_allclose(effect.terms, slow_terms(sets, treated, comparison), rtol=1e-9, atol=1e-12)
    assert effect.se_abadie_imbens == pytest.approx(slow_abadie_imbens(sets, treated, comparison), rel=1e-12)
    assert (effect.se_person, effect.se_two_way) == pytest.approx(slow_clustered(sets, treated, comparison), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.1, 20))
def test_standard_errors_follow_shift_and_scale(seed, shift, scale):
    sets, treated, comparison = simulated(np.random.default_rng(seed), n=12, m=15)
    one = estimate_effect(sets, treated, comparison)
    other = estimate_effect(sets, shift + scale * treated, shift + scale * comparison)
    for name in ("att", "se_abadie_imbens", "se_person", "se_two_way"):
        assert getattr(other, name) == pytest.approx(scale * getattr(one, name), rel=1e-9, abs=1e-9, nan_ok=True)
    np.testing.assert_allclose(other.terms, scale * one.terms, rtol=1e-7, atol=1e-7)


def test_the_multiplier_se_is_near_abadie_imbens():
    ratios = []
    for seed in range(40):
        sets, treated, comparison = simulated(np.random.default_rng(100 + seed), n=120, m=600, ratio=5)
        effect = estimate_effect(sets, treated, comparison)
        ratios.append(math.sqrt((effect.terms**2).sum()) / effect.n_treated / effect.se_abadie_imbens)
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)
    assert np.std(ratios) < 0.06


# --- people with several events, and measures over some people only -------------------------


def test_events_of_one_person_are_one_unit():
    sets = sets_of([(0, 0), (1, 1), (2, 2)], [0, 0, 0], [0, 0, 0], comparison_person=[9, 9, 8])
    effect = estimate_effect(sets, np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    assert len(effect.terms) == 5  # three treated, two comparison people
    apart = -(np.array([1.0, 1.0, 0.0]) - 2 / 3) * math.sqrt(3 / 2)
    np.testing.assert_allclose(np.sort(effect.terms), np.sort([0, 0, 0, apart[0] + apart[1], apart[2]]), atol=1e-15)
    assert math.isnan(effect.se_matched_set)


def test_a_treated_person_with_two_events_is_one_unit():
    sets = sets_of([(0, 0), (1, 1), (2, 2)], [0, 0, 0], [0, 0, 0], treated_person=[5, 5, 6])
    effect = estimate_effect(sets, np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.0]))
    assert len(effect.terms) == 5
    assert math.isnan(effect.se_matched_set)


def test_means_among_some_people_only():
    nan = np.nan
    sets = sets_of(SHARED, [0, 0], [0, 0])
    effect = estimate_effect(sets, np.array([nan, 6.0]), np.array([1.0, 5.0]))
    assert (effect.n_treated, effect.n_comparison) == (1, 2)
    assert (effect.mean_treated, effect.mean_comparison) == (6.0, 2.0)
    effect = estimate_effect(sets, np.array([3.0, 6.0]), np.array([nan, 5.0]))
    assert (effect.mean_treated, effect.mean_comparison, effect.n_comparison) == (4.5, 5.0, 1)
    for treated, comparison in (([nan, nan], [1.0, 5.0]), ([3.0, 6.0], [nan, nan])):
        assert estimate_effect(sets, np.array(treated), np.array(comparison)) is None


def test_who_is_inside_adds_to_the_standard_error():
    """Value and score go together, and who has a value is chance: the spread over simulations is the judge."""
    estimates, ses, ai = [], [], []
    for seed in range(400):
        rng = np.random.default_rng(1_000 + seed)
        sets, treated, comparison = simulated(rng, n=80, m=500, ratio=5)
        treated, comparison = (
            4 * s + 0.5 * rng.normal(size=len(s)) for s in (sets.treated_score, sets.comparison_score)
        )
        treated[rng.random(len(treated)) < 0.5] = np.nan
        comparison[rng.random(len(comparison)) < 0.5] = np.nan
        effect = estimate_effect(sets, treated, comparison)
        estimates.append(effect.att)
        ses.append(math.sqrt((effect.terms**2).sum()) / effect.n_treated)
        ai.append(effect.se_abadie_imbens)
    truth = np.std(estimates)
    assert np.sqrt(np.mean(np.square(ses))) == pytest.approx(truth, rel=0.1)
    assert np.sqrt(np.mean(np.square(ai))) == pytest.approx(truth, rel=0.1)


# --- edges ---------------------------------------------------------------------------------


def test_one_treated_person():
    effect = estimate_effect(sets_of([(0, 0), (0, 1)], [0], [0, 1]), np.array([1.0]), np.array([0.0, 1.0]))
    assert effect.att == 0.5
    assert math.isnan(effect.se_abadie_imbens)
    assert math.isnan(effect.se_matched_set)


def test_all_alike_leave_nothing_uncertain():
    effect = estimate_effect(sets_of(SHARED, [0, 1], [0, 1]), np.ones(2), np.zeros(2))
    assert effect.att == 1.0
    assert not effect.terms.any()
    assert (effect.se_abadie_imbens, effect.se_person, effect.se_two_way) == (0.0, 0.0, 0.0)
