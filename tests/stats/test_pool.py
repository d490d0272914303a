"""Pools, shards, random streams: the ground floor of every pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdl_spark.stats.pool import RequestGroup, is_in, pool_rows, treated_rows
from jdl_spark.stats.randomness import generator
from jdl_spark.stats.shard import NEVER, CovariateShard, Rows, stratum_code


def make_shard(seed: int, n: int, columns: int = 3) -> CovariateShard:
    draw = np.random.default_rng(seed)
    event = np.sort(draw.choice(10 * n + 1, n, replace=False)).astype(np.int64) if n else np.empty(0, np.int64)
    stratum = np.sort(draw.integers(1, 4, n)).astype(np.int64)
    return CovariateShard(
        tuple(f"x{i}" for i in range(columns)),
        event,
        draw.integers(0, max(n // 2, 1), n).astype(np.int64),
        stratum,
        np.where(draw.random(n) < 0.4, draw.integers(1, 366, n), NEVER).astype(np.int32),
        draw.integers(-(2**62), 2**62, n).astype(np.int64),
        draw.random(n) < 0.9,
        draw.normal(size=(n, columns)),
    )


@pytest.mark.parametrize("spread", [40, 2**62])
def test_rows_of_many_lists_are_those_of_each(spread: int) -> None:
    draw = np.random.default_rng(spread)
    rows = Rows.of(draw.integers(-spread, spread, 500).repeat(draw.integers(1, 4, 500)))
    lists = [np.unique(draw.integers(-spread, spread, n)) for n in (0, 1, 300)] + [np.unique(rows.ids[::7])]
    for some, found in zip([*lists, *lists], rows.rows_of_each([*lists, *lists]), strict=True):
        assert found.tolist() == np.flatnonzero(np.isin(rows.ids[np.argsort(rows.rows)], some)).tolist()
        assert found.tolist() == rows.rows_of(some).tolist()
    assert rows.rows_of_each([]) == []


@pytest.mark.parametrize("n", [0, 1, 7])
@pytest.mark.parametrize("columns", [0, 3])
def test_a_shard_survives_the_journey_through_bytes(n: int, columns: int) -> None:
    shard = make_shard(1, n, columns)
    back = CovariateShard.from_bytes(shard.to_bytes(), shard.columns)
    for name in ("event_id", "offender_id", "stratum", "first_reoffence", "data_order", "eligible", "matrix"):
        before, after = getattr(shard, name), getattr(back, name)
        assert before.dtype == after.dtype
        assert before.shape == after.shape
        assert before.tobytes() == after.tobytes()
    assert back.to_bytes() == shard.to_bytes()


def test_small_numbers_travel_small_and_none_is_rounded() -> None:
    columns = [[0.0, 255.0], [0.0, 256.0], [-0.0, 1.0], [0.5, -3.0], [0.1, 1.0], [1e300, 5e-324], [2.0**24 + 1, 0.0]]
    shard = replace(make_shard(1, 2, len(columns)), matrix=np.array(columns).T.copy())
    assert CovariateShard.from_bytes(shard.to_bytes(), shard.columns).matrix.tobytes() == shard.matrix.tobytes()
    types = pa.ipc.open_stream(shard.to_bytes()).schema.types[-len(columns) :]
    assert [str(kind) for kind in types] == ["uint8", "float", "float", "float", "double", "double", "double"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 60))
def test_the_pool_is_what_the_rules_say(seed: int, n: int) -> None:
    shard = make_shard(seed, n)
    draw = np.random.default_rng(seed + 1)
    chosen = np.sort(draw.choice(n, min(n, 4), replace=False)) if n else np.empty(0, int)
    group = RequestGroup(
        "R",
        shard.event_id[chosen],
        draw.integers(0, 200, len(chosen)).astype(np.int32),
        np.unique(shard.stratum[chosen]),
        np.unique(shard.offender_id[chosen]),
    )
    rows, weight = pool_rows(shard, group)

    expected = {}  # the slow, obvious way: event by event
    for i in range(n):
        allowed = shard.eligible[i] and shard.stratum[i] in group.strata and shard.offender_id[i] not in group.barred
        share = np.mean([shard.first_reoffence[i] > d for d in group.landmark]) if len(chosen) else 0.0
        if allowed and share > 0:
            expected[i] = share
    assert dict(zip(rows.tolist(), weight.tolist(), strict=True)) == expected
    assert rows.tolist() == sorted(rows.tolist())

    treated, landmark = treated_rows(shard, group)
    assert treated.tolist() == chosen.tolist()
    assert landmark.tolist() == group.landmark.tolist()


def test_one_event_a_person_would_look_into_the_future() -> None:
    """Everybody reoffends after an event with chance 0.4, and then has another event: four at most."""
    draw = np.random.default_rng(7)
    reoffends = draw.random((20_000, 4)) < 0.4
    happens = np.column_stack([np.ones(len(reoffends), bool), np.cumprod(reoffends[:, :-1], axis=1).astype(bool)])
    events = happens.sum(axis=1)
    chosen = (draw.random(len(events)) * events).astype(int)
    over_all_events = reoffends[happens].mean()
    over_one_a_person = reoffends[np.arange(len(events)), chosen].mean()
    assert over_all_events == pytest.approx(0.4, abs=0.01)
    assert over_one_a_person < 0.35


def test_membership_of_nothing_and_of_values_beyond_the_end() -> None:
    assert is_in(np.array([1, 2]), np.empty(0, np.int64)).tolist() == [False, False]
    assert is_in(np.array([1, 5, 9]), np.array([1, 5])).tolist() == [True, True, False]


def test_strata_differ_by_year_kind_and_sex() -> None:
    codes = {
        stratum_code(year, kind, sex)
        for year in (2009, 2010)
        for kind in ("custody_release", "community_start")
        for sex in ("F", "M", None)
    }
    assert len(codes) == 12
    assert stratum_code(2010, "custody_release", "F") == 201011


def test_names_give_the_stream() -> None:
    assert generator("a", 1).integers(2**60) == generator("a", 1).integers(2**60)
    assert generator("a", 1).integers(2**60) != generator("a", 2).integers(2**60)
    assert generator("a", "1b").integers(2**60) != generator("a1", "b").integers(2**60)
