"""Index events: the days from which follow-up runs.

Leaving custody and starting a community or suspended sentence are index events (Justice Data Lab
FAQ, 2013). A sentence gives at most one, so the sentence's id is the event's id.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from jdl_spark.settings import PROOF_MONTHS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def derive_index_events(
    sentences: DataFrame,
    offences: DataFrame,
    offenders: DataFrame,
    identities: DataFrame,
    shards: int,
    outcomes_to: date,
) -> DataFrame:
    """Return every custody release and every start of a community or suspended sentence.

    Parameters
    ----------
    sentences : DataFrame of schemas.SENTENCES
    offences : DataFrame of schemas.OFFENCES
        Says who has a terrorist offence, and from when.
    offenders : DataFrame of schemas.OFFENDERS
        Gives the sex.
    identities : DataFrame of schemas.OFFENDER_IDENTITIES
        Version 1 gives the date of birth; only the completed years of age leave this function.
    shards : int
        Slices of the release.
    outcomes_to : date
        The release's outcomes are complete up to and including this day.

    Returns
    -------
    DataFrame of schemas.INDEX_EVENTS
        One row per event. Sentences that share person, kind and index date (concurrent sentences) give
        one event: the longest sentence, then the smallest id. `age` is NULL without a date of birth;
        who was born on 29 February is a year older on 1 March of a common year.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    custody = F.col("disposal") == "custody"
    dated = sentences.select(
        F.col("sentence_id").alias("index_event_id"),
        "offender_id",
        F.when(custody, "custody_release").otherwise("community_start").alias("kind"),
        F.when(custody, F.col("release_date")).otherwise(F.col("start_date")).alias("index_date"),
        F.when(custody, F.col("start_date")).alias("custody_start"),
        "length_days",
        "area",
    ).where("index_date IS NOT NULL")
    concurrent = Window.partitionBy("offender_id", "kind", "index_date").orderBy(
        F.col("length_days").desc_nulls_last(), "index_event_id"
    )
    events = dated.withColumn("place", F.row_number().over(concurrent)).where("place = 1")

    terrorism = (
        offences.where("offence_group = 'terrorism'")
        .groupBy("offender_id")
        .agg(F.min("offence_date").alias("first_terrorism"))
    )
    births = identities.where("version_no = 1").select("offender_id", "date_of_birth")
    people = offenders.select("offender_id", "sex")
    born, then = (F.year(d) * 10_000 + F.month(d) * 100 + F.day(d) for d in ("date_of_birth", "index_date"))
    age = F.floor((then - born) / 10_000)  # months_between gives who was born on 29 February a birthday on the 28th
    return (
        events.join(people, "offender_id", "left")
        .join(births, "offender_id", "left")
        .join(F.broadcast(terrorism), "offender_id", "left")
        .select(
            "index_event_id",
            "offender_id",
            F.pmod(F.xxhash64("offender_id"), F.lit(shards)).cast("int").alias("shard"),
            "kind",
            "index_date",
            F.year("index_date").alias("index_year"),
            "custody_start",
            "sex",
            age.cast("int").alias("age"),
            "area",
            F.coalesce(F.col("first_terrorism") <= F.col("index_date"), F.lit(False)).alias("terrorism"),
            (F.add_months("index_date", PROOF_MONTHS) <= F.lit(outcomes_to)).alias("available"),
        )
    )
