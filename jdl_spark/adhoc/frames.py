"""Pack one table as a nation with one request, so that the stages of the lab can work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark import schemas
from jdl_spark.adhoc.table import Analysis
from jdl_spark.stats.logistic import caliper_sds, spread
from jdl_spark.stats.newton import INTERCEPT
from jdl_spark.stats.shard import NEVER, CovariateShard, IntArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REQUEST = "analysis"
SHARD_EVENTS = 50_000
_COVARIATES = pa.schema(
    {"shard": pa.int32(), "events": pa.int32(), "columns": pa.list_(pa.string()), "payload": pa.binary()}
)


def covariates(spark: SparkSession, rows: Analysis, stratum: IntArray) -> DataFrame:
    """Return schemas.COVARIATES: an event per row of the table, in slices of SHARD_EVENTS ids.

    The event id is the place of the row's id in sorted order, `data_order` the row number.
    """
    cells = []
    by_number = np.argsort(rows.number)
    for shard, start in enumerate(range(0, len(rows), SHARD_EVENTS)):
        some = by_number[start : start + SHARD_EVENTS]
        some = some[np.lexsort((rows.number[some], stratum[some]))]
        events = CovariateShard(
            rows.names, rows.number[some], rows.number[some], stratum[some], np.full(len(some), NEVER),
            some.astype(np.int64), np.ones(len(some), dtype=bool), rows.matrix[some],
        )  # fmt: skip
        cells.append({"shard": shard, "events": len(some), "columns": rows.names, "payload": events.to_bytes()})
    return _frame(spark, schemas.COVARIATES, pa.Table.from_pylist(cells, _COVARIATES))


def members(spark: SparkSession, rows: Analysis, stratum: IntArray) -> DataFrame:
    """Return schemas.MEMBERS: the treated rows, without landmark."""
    treated = np.sort(rows.number[rows.treated])
    by_number = np.empty(len(rows), dtype=np.int64)
    by_number[rows.number] = stratum
    content = pa.table(
        {
            "request_id": pa.array([REQUEST] * len(treated)),
            "person_ref": pa.array([str(number) for number in treated]),
            "offender_id": treated,
            "index_event_id": treated,
            "stratum": by_number[treated],
            "landmark_days": np.zeros(len(treated), dtype=np.int32),
            "reason": pa.nulls(len(treated), pa.string()),
        }
    )
    return _frame(spark, schemas.MEMBERS, content)


def links(spark: SparkSession, rows: Analysis) -> DataFrame:
    """Return schemas.LINKS: every treated row bars itself from the pool."""
    treated = np.sort(rows.number[rows.treated])
    n = len(treated)
    content = pa.table(
        {
            "request_id": pa.array([REQUEST] * n),
            "person_ref": pa.array([str(number) for number in treated]),
            "offender_id": treated,
            "match_weight": np.zeros(n),
            "match_probability": np.ones(n),
            "status": pa.array(["linked"] * n),
            "route": pa.array(["pnc"] * n),
        }
    )
    return _frame(spark, schemas.LINKS, content)


def supplied_distance(spark: SparkSession, rows: Analysis, column: str) -> DataFrame:
    """Return schemas.PROPENSITY_MODELS with the model that is no model: the score is the column itself."""
    score = rows.matrix[:, rows.names.index(column)]
    pooled, everyone = caliper_sds(spread(score[~rows.treated]), spread(score[rows.treated]))
    treated = int(rows.treated.sum())
    values = {
        "request_id": REQUEST, "status": "converged", "reason": "ok", "iterations": 0, "n_treated": treated,
        "n_pool": len(rows) - treated, "columns": [INTERCEPT, column], "coefficients": [0.0, 1.0], "dropped": [],
        "logit_sd_pooled": pooled, "logit_sd_all": everyone, "probability_sd_pooled": None, "probability_sd_all": None,
        "log_likelihood": None, "gradient_norm": None,
    }  # fmt: skip
    wanted = [c for c in schemas.PROPENSITY_MODELS.columns if c.name in values]
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in wanted)
    return spark.createDataFrame([tuple(values[c.name] for c in wanted)], ddl)


def _frame(spark: SparkSession, described: schemas.Table, content: pa.Table) -> DataFrame:
    wanted = [c for c in described.columns if c.name in content.column_names]
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in wanted)
    return spark.createDataFrame(content.select([c.name for c in wanted]), ddl)
