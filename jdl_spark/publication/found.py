"""How well people were found, for the public: rates per 1,000, and two ways to a benefit record compared.

Why rates and not counts: submitted less found less ambiguous would give back the small numbers that
the chain of attrition merges. Counts of people are those of the chain, or have no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP
from typing import Any

from jdl_spark.publication.measures import not_available, people, withheld
from jdl_spark.results import Attrition, Figure, LinkQuality, RouteRow
from jdl_spark.stats.disclosure import Part, is_small, merge_small
from jdl_spark.stats.rounding import rounded

ROUTES = {
    "agree": "Both ways led to the same benefit record",
    "disagree": "The two ways led to different benefit records",
    "only_direct": "Found from the details submitted only",
    "only_through_offender": "Found through the offending record only",
}
_AMBIGUOUS = "ambiguous"
_READING = (
    "Different records mean that one of the ways went wrong, or that the person has two records. A mistake that both "
    "ways make alike does not show."
)
_ESTIMATE = (
    "These two figures are estimates made by the linkage model, from how well each pair of records agrees. People "
    "whose details differ so much that they were never compared with their own record are not in them."
)


def compose_found(quality: Mapping[str, Any] | None, attrition: Attrition | None, threshold: int) -> LinkQuality | None:
    """Return how well the people of a request were found, or None where nobody was looked for.

    Parameters
    ----------
    quality : row of schemas.LINK_QUALITY.
    attrition : the published chain. The number of ambiguous people is shown only where it stands alone there.
    threshold : smallest count of people that may be shown.
    """
    if quality is None:
        return None
    false = _per_thousand(quality["false_link_rate"], quality["linked"], threshold)
    missed = _per_thousand(quality["missed_link_rate"], quality["linked"], threshold)
    parts = merge_small([(route, quality[route]) for route in ROUTES], threshold)
    rate, low, high = _disagreement(quality, parts)
    return LinkQuality(
        false_links=false,
        missed_links=missed,
        ambiguous=_ambiguous(quality, attrition),
        disagreement=rate,
        disagreement_low=low,
        disagreement_high=high,
        routes=tuple(
            RouteRow(
                routes=part.labels,
                label="; or ".join(ROUTES[label] for label in part.labels),
                people=withheld() if part.people is None else people(part.people),
            )
            for part in parts
        ),
        sentences=(*_about_links(false, missed), *_about_routes(quality, rate, low, high)),
    )


def _per_thousand(rate: float | None, linked: int, threshold: int) -> Figure:
    if rate is None or not linked:
        return not_available()
    if is_small(linked, threshold):
        return withheld()
    count = rounded(rate, 0, 1000)
    return Figure(float(count), str(count)) if count else Figure(None, "<1")


def _disagreement(quality: Mapping[str, Any], parts: Sequence[Part]) -> tuple[Figure, Figure, Figure]:
    """Return the rate of disagreement and its interval, as far as they give no merged number back.

    Rate and interval together tell how many people they rest on, so both numbers must be shown alone
    in the table; a rate of none tells nothing by itself.
    """
    if quality["disagreement_rate"] is None:
        return not_available(), not_available(), not_available()
    alone = {part.labels for part in parts if part.people is not None}
    known = all(not quality[route] or (route,) in alone for route in ("agree", "disagree"))
    rate = _percent(quality["disagreement_rate"], ROUND_HALF_UP)
    if not known:
        return (withheld() if quality["disagree"] else rate), withheld(), withheld()
    low, high = quality["disagreement_low"], quality["disagreement_high"]
    return rate, _percent(low, ROUND_FLOOR), _percent(high, ROUND_CEILING)


def _percent(rate: float, mode: str) -> Figure:
    percent = rounded(rate, 1, 100, mode)
    return Figure(float(percent), f"{percent}%")


def _ambiguous(quality: Mapping[str, Any], attrition: Attrition | None) -> Figure:
    """Return the count as the chain shows it; one that is merged there is withheld here."""
    if not quality[_AMBIGUOUS]:
        return people(0)
    rows = attrition.rows if attrition is not None else ()
    return next((row.people for row in rows if row.reasons == (_AMBIGUOUS,)), withheld())


def _about_links(false: Figure, missed: Figure) -> tuple[str, ...]:
    if false.value is None and false.text != "<1":
        return ("Too few people were found for an estimate of how many of them are somebody else.",)
    return (
        f"{_about(false)} in 1,000 of the people we counted as found are expected to be somebody else.",
        f"{_about(missed)} in 1,000 of the people who are expected to be in the national offending records are "
        "expected to have been missed: no record was certain enough, or another one was taken for theirs.",
        _ESTIMATE,
    )


def _about(figure: Figure) -> str:
    return "Fewer than 1" if figure.value is None else f"About {figure.text}"


def _about_routes(quality: Mapping[str, Any], rate: Figure, low: Figure, high: Figure) -> tuple[str, ...]:
    if not any(quality[route] for route in ROUTES):
        return ()
    opening = (
        "Benefit and employment records were looked up in two independent ways: from the details submitted, and "
        "through the offending record of the person who was found."
    )
    if quality["disagreement_rate"] is None:
        return (f"{opening} Nobody was found in both ways, so they cannot be compared.",)
    where = "Where both ways found a record, they led to"
    if not quality["disagree"]:
        found = f"{where} the same one every time."
    elif rate.value is None:
        found = "How often they led to different records rests on too few people to be shown."
    else:
        found = (
            f"{where} different ones for {rate.text} of the people (95% confidence interval {low.text} to {high.text})."
        )
    return (f"{opening} {found} {_READING}",)
