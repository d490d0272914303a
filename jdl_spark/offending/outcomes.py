"""One-year proven reoffending, by the one definition that everybody uses.

A reoffence is an offence committed after the index date and up to its first anniversary, proven by
conviction, caution, reprimand or warning within eighteen months of the index date (Justice Data Lab
FAQ, 2013). Breaches and non-recordable offences are none; a penalty notice proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.schemas import PROVEN_OUTCOMES
from jdl_spark.settings import FOLLOW_UP_MONTHS, PROOF_MONTHS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def measure_outcomes(index_events: DataFrame, offences: DataFrame) -> DataFrame:
    """Return what happened in the year after each index event.

    Parameters
    ----------
    index_events : DataFrame of schemas.INDEX_EVENTS
    offences : DataFrame of schemas.OFFENCES

    Returns
    -------
    DataFrame of schemas.OUTCOMES
        One row per index event. `reoffended` and `reoffences` are NULL where the follow-up is not
        complete; `days_to_first` (days) is also NULL where nobody reoffended.
    """
    from pyspark.sql import functions as F

    proven = offences.where(
        F.col("outcome_kind").isin(*PROVEN_OUTCOMES) & F.col("recordable") & ~F.col("breach")
    ).select("offender_id", "offence_date", "outcome_date")
    events = index_events.select("index_event_id", "offender_id", "shard", "index_date", "available")
    within = (
        events.where("available")
        .join(proven, "offender_id", "inner")
        .where(
            (F.col("offence_date") > F.col("index_date"))
            & (F.col("offence_date") <= F.add_months("index_date", FOLLOW_UP_MONTHS))
            & (F.col("outcome_date") <= F.add_months("index_date", PROOF_MONTHS))
        )
        .groupBy("index_event_id")
        .agg(
            F.count("*").cast("int").alias("reoffences"),
            F.min(F.date_diff("offence_date", "index_date")).alias("days_to_first"),
        )
    )
    available = F.col("available")
    return events.join(within, "index_event_id", "left").select(
        "index_event_id",
        "offender_id",
        "shard",
        F.when(available, F.col("reoffences").isNotNull()).alias("reoffended"),
        F.when(available, F.coalesce("reoffences", F.lit(0))).alias("reoffences"),
        "days_to_first",
    )
