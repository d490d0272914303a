"""Balance and estimates have the same bits on any number of partitions, alone or in company."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from covariate_frames import Event, covariates, ddl, links, members

from jdl_spark import balance, inference, schemas
from jdl_spark.settings import InferenceSettings

SHARDS = 8
KINDS = {"reoffended": "binary", "reoffences": "count", "days_to_first": "conditional"}
SETTINGS = InferenceSettings(replicates=299, minimum_analysed=5, minimum_reoffenders=5)


@pytest.fixture(scope="module")
def nation():
    rng = np.random.default_rng(21)
    values = np.column_stack([rng.normal(size=3_000), rng.poisson(3, 3_000), rng.random(3_000) < 0.3])
    return [Event(i, tuple(map(float, values[i])), i // 2, int(1 + (i // 2) % 2)) for i in range(3_000)]


@pytest.fixture(scope="module")
def sets(nation):
    """Treated people and pairs by chance: comparison events are used again and again."""
    rng = np.random.default_rng(22)
    treated, rows = {}, []
    for name, size in (("ALPHA", 40), ("BETA", 150), ("GAMMA", 8)):
        chosen = [nation[i] for i in 2 * rng.choice(500, size, replace=False)]
        treated[name] = [(e.event_id, e.offender_id, e.stratum, 0) for e in chosen]
        for e in chosen:
            k = int(rng.integers(1, 4))
            others = rng.choice(np.arange(1_200, 1_700), k, replace=False)
            rows += [(name, e.event_id, int(c), int(c) // 2, r + 1, 1 / k, 0.1, e.values[0], nation[c].values[0])
                     for r, c in enumerate(others)]  # fmt: skip
    return treated, rows


def bits(row):
    return tuple(struct.pack("<d", v) if isinstance(v, float) else v for v in row)


def answers(spark, nation, sets, partitions, only=None):
    treated = {name: people for name, people in sets[0].items() if only in (None, name)}
    rows = [row for row in sets[1] if row[0] in treated]
    rng = np.random.default_rng(23)
    days = rng.integers(1, 366, len(nation))
    again = rng.random(len(nation)) < 0.5
    count = again * rng.integers(1, 5, len(nation))
    results = [
        (e.event_id, e.offender_id, bool(a), int(c), int(d) if a else None)
        for e, a, c, d in zip(nation, again, count, days, strict=True)
    ]
    columns = "index_event_id bigint, offender_id bigint, reoffended boolean, reoffences int, days_to_first int"
    outcomes = spark.createDataFrame(results, columns).repartition(partitions)
    pairs = spark.createDataFrame(rows[::-1] if partitions == 8 else rows, ddl(schemas.MATCHED_PAIRS))
    pairs = pairs.repartition(partitions)
    frame = covariates(spark, nation, ("normal", "count", "flag"), SHARDS, partitions)
    group, bar = members(spark, treated), links(spark, {name: [p[1] for p in v] for name, v in treated.items()})
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        balanced = balance.measure(group, bar, pairs, frame).collect()
        estimated = inference.estimate(pairs, outcomes, KINDS, SETTINGS, "v").collect()
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", "2")
    return {name: sorted(bits(row) for row in [*balanced, *estimated] if row["request_id"] == name) for name in treated}


def test_same_bits_at_1_2_and_8_partitions_alone_or_in_company(spark, nation, sets):
    together = answers(spark, nation, sets, 1)
    assert {name: len(rows) for name, rows in together.items()} == dict.fromkeys(sets[0], 3 * 2 + 3)
    for partitions in (2, 8):
        assert answers(spark, nation, sets, partitions) == together
    assert answers(spark, nation, sets, 2, only="BETA")["BETA"] == together["BETA"]
