"""The multiplier bootstrap: interval and p-value never disagree, and both are what they say."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdl_spark.stats import bootstrap
from jdl_spark.stats.bootstrap import HIGH, LOW, P_LOW, interval, studentised


def test_mammens_two_points_have_mean_0_variance_1_and_third_moment_1():
    for power, moment in ((1, 0), (2, 1), (3, 1)):
        assert P_LOW * LOW**power + (1 - P_LOW) * HIGH**power == pytest.approx(moment, abs=1e-15)


def test_studentised_is_what_its_definition_says(monkeypatch):
    """Against weights taken one by one from the same streams."""
    terms = np.random.default_rng(1).normal(size=11)
    monkeypatch.setattr(bootstrap, "BLOCK", 4)
    monkeypatch.setattr(bootstrap, "UNITS", 5)
    expected = []
    for block in range(3):
        stream = bootstrap.generator("a", "b", block)
        draws = np.concatenate([stream.random((4, n), dtype=np.float32) for n in (5, 5, 1)], axis=1)
        for row in draws:
            eta = [LOW if u < P_LOW else HIGH for u in row]
            top = sum(e * t for e, t in zip(eta, terms, strict=True))
            expected.append(abs(top) / math.sqrt(sum((e * t) ** 2 for e, t in zip(eta, terms, strict=True))))
    np.testing.assert_allclose(studentised(terms, 10, "a", "b"), expected[:10], rtol=1e-12)


def test_replicates_depend_on_their_names_only():
    terms = np.random.default_rng(2).normal(size=50)
    first = studentised(terms, 600, "v", "REQ", "rate")
    np.testing.assert_array_equal(studentised(terms, 600, "v", "REQ", "rate"), first)
    np.testing.assert_array_equal(studentised(terms, 300, "v", "REQ", "rate"), first[:300])
    assert not np.array_equal(studentised(terms, 600, "v", "REQ", "frequency"), first)


integers = st.integers(-3, 3).map(float)  # few distinct values: ties of |t*| with |t| happen


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(integers, st.floats(-1e6, 1e6)), min_size=2, max_size=12),
    st.one_of(integers, st.floats(-5, 5)),
    st.sampled_from([19, 20, 39, 99, 100, 999]),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_significant_exactly_if_0_lies_outside_the_interval(terms, t, replicates, confidence):
    terms = np.array(terms)
    estimate = t * math.sqrt((terms**2).sum()) / len(terms)
    got = interval(estimate, terms, len(terms), replicates, confidence, "x")
    if not math.isnan(got.p_value):
        assert (got.p_value <= round(1 - confidence, 12)) == (not got.low <= 0 <= got.high)
        assert got.low <= estimate <= got.high
        assert 1 / (replicates + 1) <= got.p_value <= 1


@pytest.mark.parametrize("steps", range(-3, 4))
def test_a_tie_with_a_replicate_counts_as_extreme(steps):
    """At |t| = the decisive |t*| and its neighbours in floating point, on both sides of 0."""
    terms = np.array([1.0, -1.0, 2.0, -2.0, 0.5, 1.5, -2.5, 0.5])
    n, replicates = len(terms), 99
    drawn = np.sort(studentised(terms, replicates, "x"))
    t = drawn[replicates - 5]  # the fifth largest
    for _ in range(abs(steps)):
        t = np.nextafter(t, math.inf if steps > 0 else 0.0)
    for sign in (1, -1):
        got = interval(sign * t * math.sqrt((terms**2).sum()) / n, terms, n, replicates, 0.95, "x")
        assert (got.p_value <= 0.05) == (not got.low <= 0 <= got.high)
        reached = abs(sign * t * math.sqrt((terms**2).sum()) / n) / got.se
        assert got.p_value == (1 + (drawn >= reached).sum()) / 100


def test_p_is_never_0():
    assert interval(100.0, np.array([1.0, -1.0, 1.0]), 3, 999, 0.95, "x").p_value == 1 / 1000


def test_quantiles_of_many_terms_are_near_the_normal_ones():
    terms = np.random.default_rng(3).normal(size=3_000)
    got = interval(0.0, terms, 3_000, 9_999, 0.95, "x")
    assert (got.high - got.low) / 2 / got.se == pytest.approx(1.96, abs=0.04)
    assert got.se == pytest.approx(math.sqrt((terms**2).sum()) / 3_000, rel=1e-14)


@pytest.mark.parametrize("terms", [[], [1.0], [0.0, 0.0, 0.0]])
def test_no_interval_where_nothing_varies(terms):
    got = interval(0.3, np.array(terms), len(terms), 99, 0.95, "x")
    assert all(math.isnan(v) for v in (got.se, got.low, got.high, got.p_value))


def test_memory_stays_small():
    terms = np.random.default_rng(4).normal(size=200_000)
    tracemalloc.start()
    studentised(terms, 256, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # bytes; all weights at once would be 410 MB
