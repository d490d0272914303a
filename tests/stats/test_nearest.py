"""Matching kernels against slow, obvious oracles on tiny data full of ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdl_spark.stats import nearest
from jdl_spark.stats.nearest import Candidates, Pool, Treated, assign, processing_order
from jdl_spark.stats.shard import NEVER


def admissible(treated, pool, i, caliper):
    """All of i's comparison events in the order of preference: (distance, score, event id, position)."""
    found = []
    for j in range(len(pool)):
        distance = abs(treated.score[i] - pool.score[j])
        if (
            pool.stratum[j] == treated.stratum[i]
            and pool.first_reoffence[j] > treated.landmark[i]
            and distance <= caliper
        ):
            found.append((distance, pool.score[j], pool.event_id[j], j))
    return sorted(found)


def greedy(treated, pool, order, ratio, caliper):
    """Sequential matching without replacement in rounds, as one would do it by hand."""
    used, result = set(), []
    for rank in range(1, ratio + 1):
        for i in order:
            free = [c for c in admissible(treated, pool, i, caliper) if c[2] not in used]
            if free:
                used.add(free[0][2])
                result.append((int(i), int(free[0][2]), rank))
    return result


def closest_pairs(treated, pool, order, ratio, caliper):
    """In every round take the closest pair that is left, one after the other."""
    used, result = set(), []
    for rank in range(1, ratio + 1):
        waiting = list(order)
        while waiting:
            best = []
            for place, i in enumerate(order):
                if i in waiting:
                    free = [c for c in admissible(treated, pool, i, caliper) if c[2] not in used]
                    if free:
                        best.append((free[0][0], place, i, free[0][2]))
            if not best:
                break
            _, _, i, event = min(best)
            used.add(event)
            waiting.remove(i)
            result.append((int(i), int(event), rank))
    return result


@st.composite
def groups(draw, most_treated=7, most_pool=25):
    n, m = draw(st.integers(1, most_treated)), draw(st.integers(0, most_pool))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 2, 5, 1_000]))
    ids = rng.permutation(n + m + 5)[: n + m].astype(np.int64)
    landmarks = draw(st.sampled_from([[0], [0, 40, 90]]))
    treated = Treated(
        np.sort(ids[:n]),
        rng.integers(0, levels, n) / 4,
        rng.integers(0, draw(st.integers(1, 2)), n),
        rng.choice(landmarks, n).astype(np.int32),
        rng.permutation(n).astype(np.int64),
    )
    pool = Pool(
        ids[n:],
        ids[n:] * 10,
        rng.integers(0, levels, m) / 4,
        rng.integers(0, 2, m),
        rng.choice([5, 50, 100, NEVER], m).astype(np.int32),
    )
    return treated, pool


calipers = st.sampled_from([0.0, 0.25, 1.0, np.inf])


@settings(max_examples=300, deadline=None)
@given(groups(), calipers, st.integers(1, 6))
def test_nearest_finds_the_first_of_all_admissible(data, caliper, limit):
    treated, pool = data
    found = nearest.nearest(treated, pool, limit, caliper)
    expected = [(i, *c[:3]) for i in range(len(treated)) for c in admissible(treated, pool, i, caliper)[:limit]]
    ours = zip(found.treated, found.distance, found.score, found.event_id, strict=True)
    assert [tuple(row) for row in ours] == expected
    assert np.array_equal(found.offender_id, found.event_id * 10)


@settings(max_examples=100, deadline=None)
@given(groups(), st.sampled_from([0.0, 0.25, 1.0]))
def test_within_finds_everything_inside_the_caliper(data, caliper):
    treated, pool = data
    found = nearest.within(treated, pool, caliper)
    expected = [(i, *c[:3]) for i in range(len(treated)) for c in admissible(treated, pool, i, caliper)]
    assert [tuple(r) for r in zip(found.treated, found.distance, found.score, found.event_id, strict=True)] == expected


def lists(treated, pool, limit, caliper, shards=3):
    """Candidate lists as the stage gets them: per shard at most `limit`, merged, with who was cut."""
    parts = [pool.subset(s) for s in np.array_split(np.arange(len(pool)), shards)]
    found = [nearest.nearest(treated, part, limit, caliper) for part in parts]
    cut = np.zeros(len(treated), dtype=bool)
    for one in found:
        cut |= np.bincount(one.treated, minlength=len(treated)) >= limit
    whole = Candidates.join(found)
    return whole.take((whole.rank < limit) | ~cut[whole.treated]), cut


def matched(candidates, result):
    rows, rank, _ = result
    return sorted(
        zip(candidates.treated[rows].tolist(), candidates.event_id[rows].tolist(), rank.tolist(), strict=True)
    )


@settings(max_examples=300, deadline=None)
@given(
    groups(),
    calipers,
    st.integers(1, 3),
    st.sampled_from(["largest", "smallest", "data", "random", "closest"]),
    st.integers(1, 4),
)
def test_without_replacement_is_the_sequential_algorithm(data, caliper, ratio, how, limit):
    """A choice that no cut list fell short in is exactly the oracle's; longer lists always get there."""
    treated, pool = data
    order = processing_order(treated, how, ("seed", 1))
    oracle = (closest_pairs if how == "closest" else greedy)(treated, pool, order, ratio, caliper)
    while True:
        candidates, cut = lists(treated, pool, limit, caliper)
        result = assign(candidates, order, ratio, cut, closest=how == "closest")
        if not len(result[2]):
            break
        assert limit <= len(pool)
        limit *= 4
    assert matched(candidates, result) == sorted(oracle)


def treated_of(scores, ids=None, data_order=None):
    n = len(scores)
    ids = np.arange(n) if ids is None else np.asarray(ids)
    data_order = np.arange(n)[::-1] if data_order is None else data_order
    return Treated(ids, np.asarray(scores, float), np.zeros(n, np.int64), np.zeros(n, np.int32), data_order)


def pool_of(scores, ids):
    ids, m = np.asarray(ids), len(scores)
    return Pool(ids, ids, np.asarray(scores, float), np.zeros(m, np.int64), np.full(m, NEVER))


def test_orders():
    treated = treated_of([0.2, 0.9, 0.9, 0.1])
    assert processing_order(treated, "largest", ()).tolist() == [1, 2, 0, 3]
    assert processing_order(treated, "smallest", ()).tolist() == [3, 0, 1, 2]
    assert processing_order(treated, "data", ()).tolist() == [3, 2, 1, 0]
    one, same, other = (processing_order(treated_of(np.zeros(50)), "random", ("m", s)) for s in (1, 1, 2))
    assert sorted(one) == list(range(50))
    assert one.tolist() == same.tolist() != other.tolist()


def test_equal_distances_prefer_the_lower_score_then_the_lower_id():
    found = nearest.nearest(treated_of([0.5]), pool_of([0.75, 0.25, 0.25], [1, 9, 8]), 3, np.inf)
    assert found.event_id.tolist() == [8, 9, 1]


def test_the_caliper_is_inclusive():
    treated, pool = treated_of([0.5]), pool_of([0.75, 0.25, 0.7500001], [1, 2, 3])
    assert nearest.nearest(treated, pool, 5, 0.25).event_id.tolist() == [2, 1]
    assert nearest.within(treated, pool, 0.25).event_id.tolist() == [2, 1]


def test_order_decides_who_gets_the_only_near_one():
    treated, pool = treated_of([0.5, 0.9]), pool_of([0.8, 0.0], [10, 11])
    candidates, cut = lists(treated, pool, 5, np.inf)
    first = assign(candidates, processing_order(treated, "largest", ()), 1, cut)
    assert matched(candidates, first) == [(0, 11, 1), (1, 10, 1)]
    second = assign(candidates, processing_order(treated, "smallest", ()), 1, cut)
    assert matched(candidates, second) == [(0, 10, 1), (1, 11, 1)]


def test_rounds_give_everybody_a_first_before_anybody_a_second():
    treated, pool = treated_of([0.5, 0.5]), pool_of([0.5, 0.6, 0.9], [1, 2, 3])
    candidates, cut = lists(treated, pool, 5, np.inf)
    result = assign(candidates, processing_order(treated, "largest", ()), 2, cut)
    assert matched(candidates, result) == [(0, 1, 1), (0, 3, 2), (1, 2, 1)]


def test_many_ties_stay_small():
    """A pool of one score: only the first few ids of the run are ever looked at."""
    m = 50_000
    pool = pool_of(np.zeros(m), np.random.default_rng(1).permutation(m))
    found = nearest.nearest(treated_of(np.zeros(200)), pool, 3, np.inf)
    assert found.event_id.reshape(200, 3).tolist() == [[0, 1, 2]] * 200


@pytest.mark.parametrize("limit", [1, 4])
def test_empty_pool(limit):
    assert len(nearest.nearest(treated_of([0.1]), pool_of([], np.zeros(0, np.int64)), limit, np.inf)) == 0
