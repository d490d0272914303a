"""What the index sentence was for, and what kind of sentence it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.covariates.columns import INDEX_OFFENCE_GROUPS
from jdl_spark.covariates.flags import flag

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAYS_A_YEAR = 365.25
HALF_YEAR, YEAR, FOUR_YEARS, TEN_YEARS = (int(DAYS_A_YEAR * n) for n in (0.5, 1, 4, 10))  # days; published bands


def describe_offence(index_events: DataFrame, offences: DataFrame) -> DataFrame:
    """Return one row per index event with the columns of columns.INDEX_OFFENCE.

    The index offence is the most severe one that the sentence was given for; ties go to the earliest
    offence, then the smallest id. All yes/no columns but `index_offence_unknown` are 0 where there is none.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    gravest = Window.partitionBy("sentence_id").orderBy(
        F.col("severity").asc_nulls_last(), "offence_date", "offence_id"
    )
    of_sentence = (
        offences.where("sentence_id IS NOT NULL AND NOT breach")
        .withColumn("place", F.row_number().over(gravest))
        .where("place = 1")
        .select(
            F.col("sentence_id").alias("index_event_id"),
            F.when(F.col("offence_group") == "terrorism", "other").otherwise(F.col("offence_group")).alias("group"),
            "severity",
        )
    )
    return (
        index_events.select("index_event_id")
        .join(of_sentence, "index_event_id", "left")
        .select(
            "index_event_id",
            *(flag(F.col("group") == name).alias(f"index_{name}") for name in INDEX_OFFENCE_GROUPS),
            flag(F.col("group").isNull()).alias("index_offence_unknown"),
            flag(F.col("severity") == 1).alias("index_most_serious"),
            flag(F.col("severity") == 3).alias("index_least_serious"),
        )
    )


def describe_sentence(index_events: DataFrame, sentences: DataFrame) -> DataFrame:
    """Return one row per index event with the columns of columns.SENTENCE; bands of the length imposed."""
    from pyspark.sql import functions as F

    length = F.when(F.col("disposal") == "custody", F.col("length_days"))
    return (
        index_events.select("index_event_id")
        .join(
            sentences.select(F.col("sentence_id").alias("index_event_id"), "disposal", "length_days"),
            "index_event_id",
            "left",
        )
        .select(
            "index_event_id",
            flag(F.col("disposal") == "custody").alias("custody"),
            flag(F.col("disposal") == "suspended").alias("suspended"),
            flag((length > HALF_YEAR) & (length <= YEAR)).alias("custody_6_12_months"),
            flag((length > YEAR) & (length <= FOUR_YEARS)).alias("custody_1_4_years"),
            flag((length > FOUR_YEARS) & (length <= TEN_YEARS)).alias("custody_4_10_years"),
            flag(length > TEN_YEARS).alias("custody_over_10_years"),
        )
    )
