"""Balance measures against their definitions, person by person."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.stats.standardised_difference import Distribution, standardised_mean_difference


def table(values, weights):
    """Distribution of people with a value each and a weight in each group."""
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    value, place = np.unique(values, return_inverse=True)
    weight, square = np.zeros((len(value), weights.shape[1])), np.zeros((len(value), weights.shape[1]))
    np.add.at(weight, place, weights)
    np.add.at(square, place, weights**2)
    return Distribution(value, weight, square)


def slow_distances(values, ours, theirs):
    """The two distribution functions at every distinct value of anybody, by the definition."""
    gaps = [
        abs(sum(w for v, w in zip(values, ours, strict=True) if v <= at) / sum(ours)
            - sum(w for v, w in zip(values, theirs, strict=True) if v <= at) / sum(theirs))
        for at in set(values)
    ]  # fmt: skip
    return sum(gaps) / len(gaps), max(gaps)


def slow_variance(values, weights):
    """R's cov.wt: weights scaled to a sum of 1, over 1 less the sum of their squares."""
    share = np.asarray(weights) / np.sum(weights)
    mean = np.sum(share * values)
    return np.sum(share * (np.asarray(values) - mean) ** 2) / (1 - np.sum(share**2))


people = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 1), st.floats(0.1, 3)), min_size=4, max_size=30).filter(
    lambda rows: {row[1] for row in rows} == {0, 1}
)


@given(people)
def test_distances_and_moments_are_those_of_the_definition(rows):
    values = [float(v) for v, _, _ in rows]
    ours = [w if g == 0 else 0.0 for _, g, w in rows]
    theirs = [w if g == 1 else 0.0 for _, g, w in rows]
    made = table(values, np.column_stack([ours, theirs]))
    assert made.mean(0) == pytest.approx(np.average(values, weights=ours))
    if not made.is_binary:
        assert made.distances(0, 1) == pytest.approx(slow_distances(values, ours, theirs))
        if np.count_nonzero(ours) > 1:
            assert made.variance(0) == pytest.approx(slow_variance(values, ours), abs=1e-12)


@given(people, st.integers(1, 4))
def test_tables_of_shards_add_up_to_the_table_of_all(rows, shards):
    values = np.array([float(v) for v, _, _ in rows])
    weights = np.array([[1.0, w] for _, _, w in rows])
    parts = [table(values[k::shards], weights[k::shards]) for k in range(shards)]
    whole, merged = table(values, weights), Distribution.merge(parts)
    np.testing.assert_array_equal(merged.value, whole.value)
    np.testing.assert_allclose(merged.weight, whole.weight, rtol=1e-12)
    np.testing.assert_allclose(merged.square, whole.square, rtol=1e-12)


def test_unit_weights_give_the_usual_variance():
    values = [1.0, 2.0, 4.0, 9.0]
    assert table(values, np.ones((4, 1))).variance(0) == pytest.approx(np.var(values, ddof=1), rel=1e-14)


def test_a_yes_no_covariate_is_its_share():
    made = table([0, 1, 1, 0, 1], [[1, 0], [1, 0], [1, 0], [0, 0.5], [0, 1.5]])
    assert made.is_binary
    assert made.variance(0) == pytest.approx(2 / 3 * 1 / 3)
    assert made.distances(0, 1) == pytest.approx((abs(2 / 3 - 0.75),) * 2)


def test_values_that_only_the_unmatched_have_count_in_the_mean_distance():
    """As in MatchIt, whose summary takes the distinct values from everybody, matched or not."""
    made = table([1.0, 2.0, 3.0, 4.0], [[1, 0], [0, 1], [0, 0], [0, 0]])
    assert made.distances(0, 1) == (0.25, 1.0)


def test_groups_too_small_for_a_number():
    made = table([1.0, 5.0], [[1, 0], [0, 0]])
    assert np.isnan(made.variance(0))
    assert np.isnan(made.mean(1))
    assert np.isnan(made.distances(0, 1)).all()


def test_all_alike_have_no_distance():
    made = table([7.0, 7.0, 7.0], [[1, 0], [1, 0], [0, 1]])
    assert (made.variance(0), made.distances(0, 1)) == (0.0, (0.0, 0.0))


def test_standardised_mean_difference_at_its_edges():
    means = np.array([1.0, 1.0, 2.0, 0.0, np.nan]), np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    smd = standardised_mean_difference(*means, np.array([0.0, 0.0, 4.0, 0.0, 1.0]))
    np.testing.assert_array_equal(smd, [0.0, np.inf, 0.5, -np.inf, np.nan])
    np.testing.assert_array_equal(standardised_mean_difference(*(np.ones(1),) * 2, np.array([np.nan])), [0.0])
    assert standardised_mean_difference(np.empty(0), np.empty(0), np.empty(0)).shape == (0,)
    with pytest.raises(ValueError, match="negative"):
        standardised_mean_difference(np.ones(1), np.ones(1), np.array([-1.0]))
