"""A request's models and pairs have the same bits on any number of partitions, alone or in company."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from covariate_frames import Event, covariates, links, members

from jdl_spark import matching, passes, propensity
from jdl_spark.settings import MatchingSettings, PropensitySettings

SHARDS = 8
EVENTS_OF_NATION = 6_000


@pytest.fixture(scope="module")
def nation():
    rng = np.random.default_rng(11)
    n = EVENTS_OF_NATION
    values = np.column_stack([rng.integers(18, 60, n), rng.poisson(3, n), rng.random(n) < 0.3, rng.normal(size=n)])
    first = np.where(rng.random(n) < 0.4, rng.integers(1, 366, n), 2**31 - 1)
    return [
        Event(i, tuple(map(float, values[i])), i // 2, int(1 + (i // 2) % 2), int(first[i]), int(rng.integers(2**40)))
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def requests(nation):
    rng = np.random.default_rng(12)
    made = {}
    for name, size in (("ALPHA", 80), ("BETA", 300), ("GAMMA", 40)):
        people = rng.choice(len(nation) // 2, size, replace=False)
        chosen = [nation[2 * p] for p in people]
        made[name] = [
            (e.event_id, e.offender_id, e.stratum, int(k))
            for e, k in zip(chosen, rng.choice([0, 45], size), strict=True)
            if e.first_reoffence > k
        ]
    return made


def bits(row):
    """Every value of a row, floats as raw bytes."""
    return tuple(struct.pack("<d", v) if isinstance(v, float) else bits(v) if isinstance(v, list) else v for v in row)


def answers(spark, nation, requests, partitions, monkeypatch):
    monkeypatch.setattr(passes, "workers", lambda _: partitions)
    frame = covariates(spark, nation, ("age", "prior", "flag", "noise"), SHARDS, partitions).cache()
    group, bar = members(spark, requests), links(spark, {k: [p[1] for p in v] for k, v in requests.items()})
    models = propensity.fit(group, bar, frame, PropensitySettings())
    pairs = [
        [*row, replace]
        for replace in (True, False)
        for row in matching.match(
            group, bar, models, frame, MatchingSettings(ratio=2, replace=replace, candidates=8)
        ).collect()
    ]
    kept = models.collect()
    frame.unpersist()
    return {
        name: (
            [bits(list(r)) for r in kept if r["request_id"] == name],
            sorted(bits(r) for r in pairs if r[0] == name),
        )
        for name in requests
    }


def test_same_bits_at_1_2_and_8_partitions_alone_or_in_company(spark, nation, requests, monkeypatch):
    together = answers(spark, nation, requests, 1, monkeypatch)
    assert all(models and pairs for models, pairs in together.values())
    for partitions in (2, 8):
        assert answers(spark, nation, requests, partitions, monkeypatch) == together
    alone = answers(spark, nation, {"BETA": requests["BETA"]}, 2, monkeypatch)
    assert alone["BETA"] == together["BETA"]
