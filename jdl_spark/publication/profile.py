"""Who the people analysed are: counts by sex, age and kind of index event, for all requests at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

AGE_BANDS = (
    (14, "14 to 17"),
    (18, "18 to 20"),
    (21, "21 to 24"),
    (25, "25 to 34"),
    (35, "35 to 49"),
    (50, "50 and over"),
)
"""First age of a band, in years on the index date, and its words."""
SEXES = {"F": "Women", "M": "Men"}
KINDS = {"custody_release": "Release from custody", "community_start": "Start of a community or suspended sentence"}
UNKNOWN = "Not known"
Profile = dict[str, dict[str, int]]
"""Characteristic to category to people."""


def profile_treated(pairs: DataFrame, events: DataFrame) -> dict[str, Profile]:
    """Count the people analysed of every request by what is known about their index event.

    Parameters
    ----------
    pairs : DataFrame of schemas.MATCHED_PAIRS
        Of one run. Its treated events are broadcast.
    events : DataFrame of schemas.INDEX_EVENTS
        Of the release.

    Returns
    -------
    dict
        Request to its profile; the categories of each characteristic add up to the people analysed.
    """
    from pyspark.sql import functions as F

    treated = pairs.select("request_id", F.col("treated_event_id").alias("index_event_id")).distinct()
    known = events.select("index_event_id", "sex", "age", "kind").join(F.broadcast(treated), "index_event_id")
    counted = known.groupBy("request_id", "sex", "age", "kind").count().collect()
    profiles: dict[str, Profile] = {}
    for row in counted:
        profile = profiles.setdefault(row["request_id"], _empty())
        profile["Sex"][SEXES.get(row["sex"], UNKNOWN)] += row["count"]
        profile["Age at the index date"][_band(row["age"])] += row["count"]
        profile["Index event"][KINDS[row["kind"]]] += row["count"]
    return profiles


def _empty() -> Profile:
    """Return a profile with every category at 0, in the order of print."""
    ages = [words for _, words in AGE_BANDS]
    categories: dict[str, Sequence[str]] = {
        "Sex": [*SEXES.values(), UNKNOWN],
        "Age at the index date": [*ages, UNKNOWN],
        "Index event": [*KINDS.values()],
    }
    return {characteristic: dict.fromkeys(words, 0) for characteristic, words in categories.items()}


def _band(age: int | None) -> str:
    if age is None or age < AGE_BANDS[0][0]:
        return UNKNOWN
    return next(words for first, words in reversed(AGE_BANDS) if age >= first)
