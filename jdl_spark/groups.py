"""Treatment groups: which linked person counts with which index event, and why the others are lost.

One row per submitted person comes out, and the first reason that applies on the road wins, so that
the reasons add up to the people submitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jdl_spark.settings import MINIMUM_AGE

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from jdl_spark.settings import IndexEventSettings


def form_groups(
    cohort: DataFrame,
    links: DataFrame,
    services: DataFrame,
    index_events: DataFrame,
    outcomes: DataFrame,
    settings: IndexEventSettings,
) -> DataFrame:
    """Give every submitted person an index event, or the reason for being lost.

    Parameters
    ----------
    cohort : DataFrame of schemas.COHORT_MEMBERS
    links : DataFrame of schemas.LINKS
    services : DataFrame
        One row per request: request_id, setting (custody, community or both).
    index_events : DataFrame of schemas.INDEX_EVENTS
        The nation's; read once for all requests.
    outcomes : DataFrame of schemas.OUTCOMES
    settings : IndexEventSettings

    Returns
    -------
    DataFrame of schemas.MEMBERS
        One row per (request_id, person_ref). `reason` is NULL for the treatment group.
    """
    from pyspark.sql import functions as F

    people = _linked(cohort, links).join(F.broadcast(services), "request_id", "inner")
    linked = people.where("lost IS NULL")
    theirs = F.broadcast(linked.select("offender_id").distinct())  # the nation is cut down to them, never shuffled
    first = outcomes.join(theirs, "offender_id", "semi").select("index_event_id", "days_to_first")
    events = index_events.drop("shard", "area").join(theirs, "offender_id", "semi")
    found = linked.join(events.join(first, "index_event_id", "left"), "offender_id", "left")
    chosen = _choose_event(found, settings)
    kept = people.select("request_id", "person_ref", "offender_id", "lost")
    joined = kept.join(chosen, ["request_id", "person_ref"], "left")
    has_event = F.col("index_event_id").isNotNull()
    landmark = F.greatest(F.date_diff("intervention_start", "index_date"), F.lit(0))
    return joined.select(
        "request_id",
        "person_ref",
        "offender_id",
        "index_event_id",
        F.when(has_event, _stratum()).alias("stratum"),
        F.when(has_event, landmark).cast("int").alias("landmark_days"),
        F.coalesce(
            F.col("lost"),
            F.when(F.coalesce("events", F.lit(0)) == 0, "no_index_event"),
            F.when(~has_event, "dates_do_not_align"),
            F.when(~F.col("available"), "follow_up_not_complete"),
            F.when(F.col("age") < MINIMUM_AGE, "under_14"),
            F.when(F.col("terrorism"), "terrorist_offence"),
            F.when(F.col("days_to_first") <= landmark, "reoffended_before_start"),
        ).alias("reason"),
    )


def _linked(cohort: DataFrame, links: DataFrame) -> DataFrame:
    """Return the cohort with its linked offender, or the reason why there is none."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    person = ["request_id", "person_ref"]
    linked = links.where("status = 'linked'").select(*person, "offender_id", "match_probability")
    ambiguous = links.where("status = 'ambiguous'").select(*person).distinct().withColumn("ambiguous", F.lit(True))
    claims = Window.partitionBy("request_id", "offender_id").orderBy(
        F.col("match_probability").desc_nulls_last(), "person_ref"
    )
    return (
        cohort.select(*person, "intervention_start")
        .join(F.broadcast(linked), person, "left")
        .join(F.broadcast(ambiguous), person, "left")
        .withColumn("claim", F.row_number().over(claims))
        .withColumn(
            "lost",
            F.when(F.col("offender_id").isNull() & F.coalesce("ambiguous", F.lit(False)), "ambiguous")
            .when(F.col("offender_id").isNull(), "not_found")
            .when(F.col("claim") > 1, "same_person_twice"),
        )
        .drop("claim", "ambiguous", "match_probability")
    )


def _choose_event(found: DataFrame, settings: IndexEventSettings) -> DataFrame:
    """Return one row per person with the number of their events and the one that fits the intervention.

    A service in custody belongs to the sentence that contains the intervention's start; a service in
    the community to the nearest event before it, no more than the window earlier.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    start = F.col("intervention_start")
    inside = (F.col("kind") == "custody_release") & (F.col("custody_start") <= start) & (start <= F.col("index_date"))
    delay = F.date_diff(start, F.col("index_date"))
    after = (delay >= 0) & (delay <= settings.community_window_days)
    fit = F.when(inside & F.col("setting").isin("custody", "both"), 1).when(
        after & F.col("setting").isin("community", "both"), 2
    )
    person = Window.partitionBy("request_id", "person_ref")
    nearest = person.orderBy(F.col("fit").asc_nulls_last(), F.abs(delay), "kind", "index_event_id")
    fields = ("index_event_id", "kind", "index_date", "index_year", "sex", "age", "terrorism", "available")
    return (
        found.withColumn("fit", fit)
        .withColumn("events", F.count("index_event_id").over(person))
        .withColumn("place", F.row_number().over(nearest))
        .where("place = 1")
        .select(
            "request_id",
            "person_ref",
            "intervention_start",
            "events",
            *(F.when(F.col("fit").isNotNull(), F.col(name)).alias(name) for name in (*fields, "days_to_first")),
        )
    )


def _stratum() -> Column:
    """Return stats.shard.stratum_code as a Spark expression."""
    from pyspark.sql import functions as F

    kind = F.when(F.col("kind") == "custody_release", 1).otherwise(2)
    sex = F.when(F.col("sex") == "F", 1).when(F.col("sex") == "M", 2).otherwise(0)
    return (F.col("index_year") * 100 + kind * 10 + sex).cast("bigint")
