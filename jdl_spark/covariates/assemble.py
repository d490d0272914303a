"""Put all covariates of a shard into one packed matrix.

One wide row per available index event becomes one stored row per shard, sorted by (stratum, event):
what the heavy passes read, and the same bytes on any number of partitions (stats/shard.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark.covariates import columns
from jdl_spark.covariates.benefits import describe_benefits
from jdl_spark.covariates.criminal_history import describe_offences, describe_programmes
from jdl_spark.covariates.demographics import describe_people
from jdl_spark.covariates.index_offence import describe_offence, describe_sentence
from jdl_spark.settings import MINIMUM_AGE
from jdl_spark.stats.shard import NEVER, CovariateShard, stratum_code

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jdl_spark.settings import CovariateSettings

_PACKED = "shard int, events int, columns array<string>, payload binary"


def assemble_covariates(
    index_events: DataFrame,
    outcomes: DataFrame,
    offenders: DataFrame,
    offences: DataFrame,
    sentences: DataFrame,
    programmes: DataFrame,
    benefit_links: DataFrame,
    benefit_spells: DataFrame,
    employment_spells: DataFrame,
    settings: CovariateSettings,
) -> DataFrame:
    """Return the covariates of every available index event, one packed row per shard.

    Parameters
    ----------
    index_events, outcomes, offenders, offences, sentences, programmes : DataFrames
        Of the schemas of the same names.
    benefit_links, benefit_spells, employment_spells : DataFrames
        Likewise; may be empty: then nobody has a benefit record, and the column for it says so.
    settings : CovariateSettings

    Returns
    -------
    DataFrame of schemas.COVARIATES
        One row per shard that has an available event. No value is NaN: a missing fact is 0, and 1 in its
        indicator. An event may stand in a pool if the person is known to be 14 or older, and has no
        terrorist offence.
    """
    from pyspark.sql import functions as F

    events = index_events.where("available")
    parts = [
        describe_people(events, offenders),
        describe_offence(events, offences),
        describe_sentence(events, sentences),
        describe_offences(events, offences, sentences),
        describe_programmes(events, programmes),
        describe_benefits(events, benefit_links, benefit_spells, employment_spells, settings.history_days),
    ]
    wide = events.select(
        "shard", "index_event_id", "offender_id", "kind", "index_year", "sex",
        (F.coalesce(F.col("age") >= MINIMUM_AGE, F.lit(False)) & ~F.col("terrorism")).alias("eligible"),
    ).join(outcomes.select("index_event_id", "days_to_first"), "index_event_id", "left")  # fmt: skip
    for part in parts:
        wide = wide.join(part, "index_event_id", "left")
    return wide.groupBy("shard").applyInArrow(_pack, _PACKED)


def _pack(table: pa.Table) -> pa.Table:
    """Return a shard's wide rows as one packed row."""
    rows = table.to_pandas()
    sex = rows["sex"].where(rows["sex"].notna(), None)
    keys = zip(rows["index_year"], rows["kind"], sex, strict=True)
    rows["stratum"] = np.array([stratum_code(int(year), kind, sex) for year, kind, sex in keys], dtype=np.int64)
    rows = rows.sort_values(["stratum", "index_event_id"], kind="stable")
    first = rows["days_to_first"].fillna(float(NEVER)).to_numpy(np.float64).astype(np.int32)
    shard = CovariateShard(
        columns.NAMES,
        rows["index_event_id"].to_numpy(np.int64),
        rows["offender_id"].to_numpy(np.int64),
        rows["stratum"].to_numpy(np.int64),
        first,
        np.arange(len(rows), dtype=np.int64),
        rows["eligible"].to_numpy(np.bool_),
        np.ascontiguousarray(rows[list(columns.NAMES)].to_numpy(np.float64)),
    )
    return pa.table(
        {
            "shard": pa.array([int(rows["shard"].iloc[0])], pa.int32()),
            "events": pa.array([len(rows)], pa.int32()),
            "columns": pa.array([list(columns.NAMES)], pa.list_(pa.string())),
            "payload": pa.array([shard.to_bytes()], pa.binary()),
        }
    )
