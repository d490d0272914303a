"""Balance measures against their definitions, person by person."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdl_spark.stats.balance_sums import GRID, Sums, merged_grid
from jdl_spark.stats.standardised_difference import Grouped, ecdf_distances, standardised_mean_difference


def grouped(values, weights):
    """One covariate in a group, as it comes out of counts on a grid and sums."""
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    grid = merged_grid([values])
    rows = weights > 0
    weight = np.bincount(np.searchsorted(grid, values[rows]), weights[rows], len(grid))
    return Grouped.of(weight, Sums.of((values[rows] - grid[0])[:, None], weights[rows]), 0, grid)


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
    one, other = grouped(values, ours), grouped(values, theirs)
    assert one.mean == pytest.approx(np.average(values, weights=ours))
    assert ecdf_distances(one.weight, other.weight) == pytest.approx(slow_distances(values, ours, theirs))
    if np.count_nonzero(ours) > 1:
        assert one.variance(binary=False) == pytest.approx(slow_variance(values, ours), abs=1e-12)


@given(people, st.integers(1, 4))
def test_sums_of_shards_add_up_and_parts_can_be_taken_away(rows, shards):
    values, weights = np.array([[float(v), v**2] for v, _, _ in rows]), np.array([w for _, _, w in rows])
    whole = Sums.of(values, weights)
    parts = [Sums.of(values[k::shards], weights[k::shards]) for k in range(shards)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    others = np.arange(len(values)) % shards != 0
    rest, expected = whole - parts[0], Sums.of(values[others], weights[others])
    for name in ("n", "squares", "first", "second"):
        np.testing.assert_allclose(getattr(total, name), getattr(whole, name), rtol=1e-12, atol=1e-12)
        rest, expected = (
            whole - parts[0],
            Sums.of(np.delete(values, np.s_[::shards], 0), np.delete(weights, np.s_[::shards])),
        )
        np.testing.assert_allclose(getattr(rest, name), getattr(expected, name), rtol=1e-9, atol=1e-9)


def test_unit_weights_give_the_usual_variance():
    values = [1.0, 2.0, 4.0, 9.0]
    assert grouped(values, np.ones(4)).variance(binary=False) == pytest.approx(np.var(values, ddof=1), rel=1e-14)


def test_a_yes_no_covariate_is_its_share():
    assert grouped([0, 1, 1, 0, 1], [1, 1, 1, 0, 0]).variance(binary=True) == pytest.approx(2 / 3 * 1 / 3)


def test_values_that_only_the_unmatched_have_count_in_the_mean_distance():
    """As in MatchIt, whose summary takes the distinct values from everybody, matched or not."""
    one, other = grouped([1.0, 2.0, 3.0, 4.0], [1, 0, 0, 0]), grouped([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 0])
    assert ecdf_distances(one.weight, other.weight) == (0.25, 1.0)


def test_groups_too_small_for_a_number():
    one, nobody = grouped([1.0, 5.0], [1, 0]), grouped([1.0, 5.0], [0, 0])
    assert np.isnan(one.variance(binary=False))
    assert np.isnan(nobody.mean)
    assert np.isnan(ecdf_distances(one.weight, nobody.weight)).all()


def test_all_alike_have_no_distance():
    one, other = grouped([7.0, 7.0, 7.0], [1, 1, 0]), grouped([7.0, 7.0, 7.0], [0, 0, 1])
    assert (one.variance(binary=False), ecdf_distances(one.weight, other.weight)) == (0.0, (0.0, 0.0))


def test_a_grid_holds_all_values_or_so_many_quantiles():
    some = np.random.default_rng(1).normal(size=GRID - 1)
    assert np.array_equal(merged_grid([some[::2], some[1::2], some]), np.sort(some))
    many = np.random.default_rng(2).normal(size=5 * GRID)
    grid = merged_grid([many])
    assert (len(grid), grid[0], grid[-1]) == (GRID, many.min(), many.max())
    assert np.diff(np.searchsorted(np.sort(many), grid)).max() <= 6


def test_standardised_mean_difference_at_its_edges():
    means = np.array([1.0, 1.0, 2.0, 0.0, np.nan]), np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    smd = standardised_mean_difference(*means, np.array([0.0, 0.0, 4.0, 0.0, 1.0]))
    np.testing.assert_array_equal(smd, [0.0, np.inf, 0.5, -np.inf, np.nan])
    np.testing.assert_array_equal(standardised_mean_difference(*(np.ones(1),) * 2, np.array([np.nan])), [0.0])
    assert standardised_mean_difference(np.empty(0), np.empty(0), np.empty(0)).shape == (0,)
    with pytest.raises(ValueError, match="negative"):
        standardised_mean_difference(np.ones(1), np.ones(1), np.array([-1.0]))
