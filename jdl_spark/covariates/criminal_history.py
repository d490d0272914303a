"""The career before the index date: offences, sanctions, sentences, accredited programmes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.covariates.flags import flag, log_count
from jdl_spark.schemas import PROVEN_OUTCOMES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

DAYS_A_YEAR = 365.25


def describe_offences(index_events: DataFrame, offences: DataFrame, sentences: DataFrame) -> DataFrame:
    """Return one row per index event with the columns of columns.CRIMINAL_HISTORY.

    Counted is what was dated, and proven, strictly before the index date: the index offence of a
    release, but not that of an order which starts on the day of the conviction. The Copas rate is
    ln((1 + sanctions) / (10 + years since the first sanction)), a sanction being one day of proven
    outcomes (Howard et al. 2009, the offender group reconviction scale 3).

    Parameters
    ----------
    index_events : DataFrame of schemas.INDEX_EVENTS
    offences : DataFrame of schemas.OFFENCES
    sentences : DataFrame of schemas.SENTENCES
    """
    from pyspark.sql import functions as F

    events = index_events.select("index_event_id", "offender_id", "index_date", "age")
    known = offences.select("offender_id", "offence_date", "offence_group", "outcome_kind", "outcome_date", "breach")
    before = events.join(known, "offender_id", "inner").where("outcome_date < index_date")
    proven = F.col("outcome_kind").isin(*PROVEN_OUTCOMES)
    real = proven & ~F.col("breach")
    days = F.date_diff("index_date", "offence_date")

    def number(condition: Column, name: str) -> Column:
        return F.count(F.when(condition, 1)).alias(name)

    counted = before.groupBy("index_event_id").agg(
        F.max(F.when(real, days)).alias("days_since_first"),
        F.countDistinct(F.when(real, F.col("outcome_date"))).alias("sanctions"),
        F.max(F.when(real, F.date_diff("index_date", "outcome_date"))).alias("days_since_first_sanction"),
        number(real, "previous_offences"),
        F.countDistinct(F.when(real & (F.col("outcome_kind") == "conviction"), F.col("outcome_date"))).alias(
            "previous_convictions"
        ),
        number(real & F.col("outcome_kind").isin("caution", "reprimand", "warning"), "previous_cautions"),
        number(real & F.col("offence_group").isin("violence", "robbery"), "previous_violence"),
        number(real & (F.col("offence_group") == "theft"), "previous_theft"),
        number(real & (F.col("offence_group") == "drugs"), "previous_drugs"),
        number(proven & F.col("breach"), "previous_breaches"),
        number(real & (days <= 365), "offences_last_year"),
        number(real & (days <= 730), "offences_last_two_years"),
    )
    counts = (
        "previous_offences", "previous_convictions", "previous_cautions", "previous_violence", "previous_theft",
        "previous_drugs", "previous_breaches", "offences_last_year", "offences_last_two_years",
    )  # fmt: skip
    years = F.coalesce(F.col("days_since_first_sanction"), F.lit(0)) / DAYS_A_YEAR
    age_first = F.col("age") - F.coalesce(F.col("days_since_first"), F.lit(0)) / DAYS_A_YEAR
    return (
        events.join(counted, "index_event_id", "left")
        .join(_sentences_before(index_events, sentences), "index_event_id", "left")
        .select(
            "index_event_id",
            F.coalesce(age_first, F.lit(0.0)).alias("age_first_offence"),
            F.log((1.0 + F.coalesce(F.col("sanctions"), F.lit(0))) / (10.0 + years)).alias("copas_rate"),
            *(log_count(F.col(name)).alias(name) for name in counts),
            log_count(F.col("custody_before")).alias("previous_custody"),
            log_count(F.col("orders_before")).alias("previous_orders"),
        )
    )


def _sentences_before(index_events: DataFrame, sentences: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    earlier = sentences.select("sentence_id", "offender_id", "disposal", "start_date")
    custody = F.col("disposal") == "custody"
    return (
        index_events.select("index_event_id", "offender_id", "index_date")
        .join(earlier, "offender_id", "inner")
        .where("start_date < index_date AND sentence_id <> index_event_id")
        .groupBy("index_event_id")
        .agg(F.count(F.when(custody, 1)).alias("custody_before"), F.count(F.when(~custody, 1)).alias("orders_before"))
    )


def describe_programmes(index_events: DataFrame, programmes: DataFrame) -> DataFrame:
    """Return one row per index event with the columns of columns.PROGRAMMES: started or completed before it."""
    from pyspark.sql import functions as F

    finished = F.coalesce("completed", F.lit(False)) & (F.col("end_date") < F.col("index_date"))
    before = (
        index_events.select("index_event_id", "offender_id", "index_date")
        .join(programmes.select("offender_id", "start_date", "end_date", "completed"), "offender_id", "inner")
        .where("start_date < index_date")
        .groupBy("index_event_id")
        .agg(F.max(flag(finished)).alias("programme_completed"))
        .withColumn("programme_started", F.lit(1.0))
    )
    return index_events.select("index_event_id").join(before, "index_event_id", "left").na.fill(0.0)
