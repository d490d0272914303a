"""Small frames for the stages from propensity to inference: a nation, treatment groups, links."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jdl_spark import schemas
from jdl_spark.stats.shard import NEVER, CovariateShard

COLUMNS = ("age", "prior", "flag")


@dataclass(frozen=True)
class Event:
    event_id: int
    values: tuple[float, ...]
    offender_id: int | None = None
    stratum: int = 1
    first_reoffence: int = int(NEVER)
    data_order: int = 0
    eligible: bool = True


def ddl(table, without=("run_id", "release_id")):
    return ", ".join(f"`{c.name}` {c.type}" for c in table.columns if c.name not in without)


def shard_of(events, columns=COLUMNS):
    events = sorted(events, key=lambda e: (e.stratum, e.event_id))
    return CovariateShard(
        tuple(columns),
        np.array([e.event_id for e in events], np.int64),
        np.array([e.event_id if e.offender_id is None else e.offender_id for e in events], np.int64),
        np.array([e.stratum for e in events], np.int64),
        np.array([e.first_reoffence for e in events], np.int32),
        np.array([e.data_order for e in events], np.int64),
        np.array([e.eligible for e in events], bool),
        np.array([e.values for e in events], float).reshape(len(events), len(columns)),
    )


def covariates(spark, events, columns=COLUMNS, shards=3, partitions=2):
    """COVARIATES with persons spread over shards by their id."""
    slices = {k: [] for k in range(shards)}
    for e in events:
        slices[(e.event_id if e.offender_id is None else e.offender_id) % shards].append(e)
    rows = [(k, len(part), list(columns), bytearray(shard_of(part, columns).to_bytes())) for k, part in slices.items()]
    return spark.createDataFrame(rows, ddl(schemas.COVARIATES)).repartition(partitions)


def members(spark, treated, lost=()):
    """MEMBERS from {request: [(event, offender, stratum, landmark)]}; `lost` are whole rows."""
    rows = [
        (request, f"{n:05d}", offender, event, stratum, landmark, None)
        for request, people in treated.items()
        for n, (event, offender, stratum, landmark) in enumerate(people, 1)
    ]
    return spark.createDataFrame([*rows, *lost], ddl(schemas.MEMBERS))


def links(spark, barred):
    """LINKS from {request: [offender ids]}."""
    rows = [
        (request, f"{n:05d}", offender, 20.0, 0.99, "linked", "fuzzy")
        for request, offenders in barred.items()
        for n, offender in enumerate(offenders, 1)
    ]
    return spark.createDataFrame(rows, ddl(schemas.LINKS))
