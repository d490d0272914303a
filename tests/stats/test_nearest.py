"""Matching kernels against slow, obvious oracles on tiny data full of ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdl_spark.stats.greedy import assign, processing_order
from jdl_spark.stats.nearest import Candidates, Nearest, Pool, Search, Treated, within
from jdl_spark.stats.shard import NEVER


def pool_with(event_id, score, stratum, first_reoffence, columns=None):
    """A pool in the order that Pool asks for; everybody in it may be compared."""
    order = np.argsort(event_id)
    columns = np.zeros((len(order), 0)) if columns is None else columns
    return Pool(
        event_id[order],
        event_id[order] * 10,
        score[order],
        *np.unique(stratum[order], return_inverse=True),
        first_reoffence[order],
        columns[order],
        np.arange(len(order)),
    )


def subset(pool, rows):
    """Some of the pool's events, the others being there but barred."""
    return Pool(*(getattr(pool, name) for name in list(Pool.__dataclass_fields__)[:-1]), np.sort(rows))


def nearest(treated, pool, limit, caliper=np.inf, **search):
    """The lists after meeting a pool in two halves, as a worker does."""
    found = Nearest(treated, limit, Search(caliper, **search))
    for half in (pool.rows[::2], pool.rows[1::2]):
        found.meet(subset(pool, half))
    return found.candidates()


def admissible(treated, pool, i, caliper):
    """All of i's comparison events in the order of preference: (distance, score, event id, position)."""
    found = []
    for j in range(len(pool)):
        distance = abs(treated.score[i] - pool.score[j])
        if (
            pool.strata[pool.code[j]] == treated.stratum[i]
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
    pool = pool_with(
        ids[n:],
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
    found = nearest(treated, pool, limit, caliper)
    expected = [(i, *c[:3]) for i in range(len(treated)) for c in admissible(treated, pool, i, caliper)[:limit]]
    ours = zip(found.treated, found.distance, found.score, found.event_id, strict=True)
    assert [tuple(row) for row in ours] == expected
    assert np.array_equal(found.offender_id, found.event_id * 10)


@settings(max_examples=100, deadline=None)
@given(groups(), st.sampled_from([0.0, 0.25, 1.0]))
def test_within_finds_everything_inside_the_caliper(data, caliper):
    treated, pool = data
    found = within(treated, pool, Search(caliper))
    expected = [(i, *c[:3]) for i in range(len(treated)) for c in admissible(treated, pool, i, caliper)]
    assert [tuple(r) for r in zip(found.treated, found.distance, found.score, found.event_id, strict=True)] == expected


def lists(treated, pool, limit, caliper, shards=3):
    """Candidate lists as the stage gets them: per shard at most `limit`, merged, with who was cut."""
    parts = [subset(pool, rows) for rows in np.array_split(np.arange(len(pool)), shards)]
    found = [nearest(treated, part, limit, caliper) for part in parts]
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
    return pool_with(ids, np.asarray(scores, float), np.zeros(m, np.int64), np.full(m, NEVER))


def test_orders():
    treated = treated_of([0.2, 0.9, 0.9, 0.1])
    assert processing_order(treated, "largest", ()).tolist() == [1, 2, 0, 3]
    assert processing_order(treated, "smallest", ()).tolist() == [3, 0, 1, 2]
    assert processing_order(treated, "data", ()).tolist() == [3, 2, 1, 0]
    one, same, other = (processing_order(treated_of(np.zeros(50)), "random", ("m", s)) for s in (1, 1, 2))
    assert sorted(one) == list(range(50))
    assert one.tolist() == same.tolist() != other.tolist()


def test_equal_distances_prefer_the_lower_score_then_the_lower_id():
    found = nearest(treated_of([0.5]), pool_of([0.75, 0.25, 0.25], [1, 9, 8]), 3, np.inf)
    assert found.event_id.tolist() == [8, 9, 1]


def test_the_caliper_is_inclusive():
    treated, pool = treated_of([0.5]), pool_of([0.75, 0.25, 0.7500001], [1, 2, 3])
    assert nearest(treated, pool, 5, 0.25).event_id.tolist() == [2, 1]
    assert within(treated, pool, Search(0.25)).event_id.tolist() == [2, 1]


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
    found = nearest(treated_of(np.zeros(200)), pool, 3, np.inf)
    assert found.event_id.reshape(200, 3).tolist() == [[0, 1, 2]] * 200


@pytest.mark.parametrize("limit", [1, 4])
def test_empty_pool(limit):
    assert len(nearest(treated_of([0.1]), pool_of([], np.zeros(0, np.int64)), limit, np.inf)) == 0


# --- calipers on covariates, Mahalanobis distance, limited reuse ---------------------------------


def beside(draw_seed, n=6, m=40, k=3):
    """Treated and pool with columns of few values, and many ties."""
    rng = np.random.default_rng(draw_seed)
    treated = Treated(
        np.arange(n) + 1_000,
        rng.integers(0, 6, n) / 4,
        rng.integers(0, 2, n),
        rng.choice([0, 40], n).astype(np.int32),
        np.arange(n),
        rng.integers(0, 4, (n, k)).astype(float),
    )
    pool = pool_with(
        rng.permutation(m),
        rng.integers(0, 6, m) / 4,
        rng.integers(0, 2, m),
        rng.choice([5, 100, NEVER], m).astype(np.int32),
        rng.integers(0, 4, (m, k)).astype(float),
    )
    return treated, pool


def slowly(treated, pool, caliper, widths=(), whitening=None):
    """Every admissible pair in the order of preference, by plain loops."""
    found = []
    for i in range(len(treated)):
        mine = []
        for _, score, event, j in admissible(treated, pool, i, caliper):
            gap = pool.columns[j] - treated.columns[i]
            if all(abs(g) <= w for g, w in zip(gap, widths, strict=False)):
                distance = abs(treated.score[i] - score) if whitening is None else np.linalg.norm(gap @ whitening)
                mine.append((i, round(float(distance), 9), score, int(event)))
        found.append(sorted(mine))
    return found


def seen(candidates):
    columns = (candidates.treated.tolist(), np.round(candidates.distance, 9), candidates.score, candidates.event_id)
    return [(i, float(d), s, int(e)) for i, d, s, e in zip(*columns, strict=True)]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("limit", [1, 4, 16])
def test_calipers_on_covariates_leave_only_those_inside(seed, limit):
    treated, pool = beside(seed)
    widths = (1.0, np.inf, 0.0)
    expected = [row for rows in slowly(treated, pool, 0.5, widths) for row in rows[:limit]]
    assert seen(nearest(treated, pool, limit, 0.5, widths=widths)) == expected
    every = [row for rows in slowly(treated, pool, 0.5, widths) for row in rows]
    assert seen(within(treated, pool, Search(0.5, widths))) == every


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("caliper", [0.5, np.inf])
def test_mahalanobis_distance_ranks_inside_the_caliper(seed, caliper):
    treated, pool = beside(seed)
    whitening = np.array([[0.7, 0.2], [0.0, 1.3], [0.0, 0.0]])  # the third column is not ranked by
    expected = [row for rows in slowly(treated, pool, caliper, whitening=whitening) for row in rows[:4]]
    assert seen(nearest(treated, pool, 4, caliper, whitening=whitening)) == expected


@pytest.mark.parametrize("seed", range(30))
def test_a_comparison_person_is_used_no_more_often_than_allowed(seed):
    """Against a loop by hand: in rounds, the nearest that has not served twice, nobody twice for the same."""
    treated, pool = beside(seed, n=9, m=8)
    order = processing_order(treated, "largest", ())
    used, mine, expected = dict.fromkeys(pool.event_id.tolist(), 0), {i: set() for i in range(9)}, []
    for rank in (1, 2, 3):
        for i in order.tolist():
            free = [c for c in admissible(treated, pool, i, np.inf) if used[c[2]] < 2 and c[2] not in mine[i]]
            if free:
                used[free[0][2]] += 1
                mine[i].add(free[0][2])
                expected.append((i, int(free[0][2]), rank))
    candidates = nearest(treated, pool, 8, np.inf)
    result = assign(candidates, order, 3, np.zeros(9, dtype=bool), uses=2)
    assert matched(candidates, result) == sorted(expected)
