"""Benefits and employment in the year before.

The year ends the day before the index date; for a custodial sentence the day before custody began,
since the year before a release was mostly spent inside and tells little. Spells are found through the
link from offender to claimant; who has none is marked in a column of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.covariates.flags import flag

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MONTH_DAYS = 30


def describe_benefits(
    index_events: DataFrame,
    benefit_links: DataFrame,
    benefit_spells: DataFrame,
    employment_spells: DataFrame,
    history_days: int,
) -> DataFrame:
    """Return one row per index event with the columns of columns.BENEFITS.

    Parameters
    ----------
    index_events : DataFrame of schemas.INDEX_EVENTS
    benefit_links : DataFrame of schemas.OFFENDER_BENEFIT_LINKS
    benefit_spells : DataFrame of schemas.BENEFIT_SPELLS
    employment_spells : DataFrame of schemas.EMPLOYMENT_SPELLS
    history_days : int
        Length of the window, days.
    """
    from pyspark.sql import functions as F

    links = benefit_links.select("offender_id", "claimant_id")
    until = F.date_sub(F.coalesce("custody_start", "index_date"), 1)
    events = index_events.select("index_event_id", "offender_id", until.alias("until")).join(
        links, "offender_id", "left"
    )
    benefit = _days_covered(events, benefit_spells, history_days, "benefit")
    employment = _days_covered(events, employment_spells, history_days, "employment")
    return (
        events.select("index_event_id", flag(F.col("claimant_id").isNull()).alias("benefits_record_missing"))
        .join(benefit, "index_event_id", "left")
        .join(employment, "index_event_id", "left")
        .na.fill(0.0)
    )


def _days_covered(events: DataFrame, spells: DataFrame, history_days: int, name: str) -> DataFrame:
    """Return the days of the window under at least one spell; overlapping spells count a day once."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    first_day = F.date_sub("until", history_days - 1)
    clipped = (
        events.join(spells.select("claimant_id", "start_date", "end_date"), "claimant_id", "inner")
        .select(
            "index_event_id",
            "until",
            F.greatest("start_date", first_day).alias("start"),
            F.least(F.coalesce("end_date", "until"), F.col("until")).alias("end"),
        )
        .where("start <= end")
    )
    earlier = Window.partitionBy("index_event_id").orderBy("start", "end").rowsBetween(Window.unboundedPreceding, -1)
    covered_to = F.max("end").over(earlier)
    begin = F.greatest(F.col("start"), F.coalesce(F.date_add(covered_to, 1), F.col("start")))
    fresh = F.greatest(F.date_diff(F.col("end"), begin) + 1, F.lit(0))
    recent = F.col("end") > F.date_sub("until", MONTH_DAYS)
    return (
        clipped.withColumn("fresh", fresh)
        .groupBy("index_event_id")
        .agg(
            F.sum("fresh").cast("double").alias(f"{name}_days"),
            F.max(flag(recent)).alias(f"{name}_month_before"),
        )
    )
