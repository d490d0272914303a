"""Who the person is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.covariates.flags import flag

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def describe_people(index_events: DataFrame, offenders: DataFrame) -> DataFrame:
    """Return one row per index event with the columns of columns.DEMOGRAPHICS.

    Parameters
    ----------
    index_events : DataFrame of schemas.INDEX_EVENTS
        Gives age (completed years) and sex.
    offenders : DataFrame of schemas.OFFENDERS
        Gives ethnicity and nationality; NULL there, or no row, means not known.
    """
    from pyspark.sql import functions as F

    people = offenders.select("offender_id", "ethnicity", "nationality")
    age, ethnicity, nationality = F.col("age"), F.col("ethnicity"), F.col("nationality")
    return index_events.join(people, "offender_id", "left").select(
        "index_event_id",
        F.coalesce(age, F.lit(0)).cast("double").alias("age"),
        F.coalesce(age * age / 100.0, F.lit(0.0)).alias("age_squared"),
        flag(age.isNull()).alias("age_unknown"),
        flag(F.col("sex") == "F").alias("female"),
        *(flag(ethnicity == name).alias(f"ethnicity_{name}") for name in ("asian", "black", "other")),
        flag(ethnicity.isNull()).alias("ethnicity_unknown"),
        flag(nationality == "foreign").alias("nationality_foreign"),
        flag(nationality.isNull()).alias("nationality_unknown"),
    )
