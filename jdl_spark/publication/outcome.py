"""What became of a request that has no result, why, and what its organisation can do next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jdl_spark.results import Status
from jdl_spark.settings import MINIMUM_COHORT, Methodology
from jdl_spark.stats.disclosure import is_small, withhold_in_text

STATUS_WORDS: dict[Status, str] = {
    "published": "Result published",
    "too_few": "No result: too few people",
    "refused": "Not accepted for analysis",
    "undecided": "Waiting for a decision",
    "waiting": "Waiting for data",
    "failed": "No result: the analysis could not be completed",
}
ENLARGE = (
    "Include everyone who was registered with the service, not only those who completed it.",
    "Add further years in which the service was delivered.",
    "Add further sites at which the same service was delivered.",
    "Do not add people who used another organisation’s service.",
)
_NEXT: dict[Status, tuple[str, ...]] = {
    "published": (),
    "too_few": (
        *ENLARGE,
        "Check names, dates of birth and gender: people cannot be found with details that are wrong.",
    ),
    "refused": ("Read the rule above. If something was entered wrongly, correct it and submit again.",),
    "undecided": ("Nothing needs to be done. An analyst of the Justice Data Lab decides and may ask for details.",),
    "waiting": (
        "Nothing needs to be done. The request is kept, and is analysed when the data for these years arrive.",
    ),
    "failed": ("The Justice Data Lab looks into the cause and will run the request again.",),
}


def settle(
    item: Mapping[str, Any],
    headline: Mapping[str, Any] | None,
    analysed: int,
    rate_is_safe: bool,
    settings: Methodology,
) -> tuple[Status, str]:
    """Return the document's status and reason: the item's, or stricter where the headline cannot be shown.

    Parameters
    ----------
    item : row of schemas.RUN_ITEMS.
    headline : the row of schemas.ESTIMATES for the reoffending rate, None where there is none.
    analysed : people analysed by the attrition.
    rate_is_safe : the rate passes disclosure control.
    """
    status: Status = item["status"]
    if status not in STATUS_WORDS:
        raise ValueError(f"unknown status of a run item: {status}")
    if status != "published":
        return status, item["reason"]
    if analysed < settings.inference.minimum_analysed:
        return "too_few", "too_few_analysed"
    if headline is None:
        return "failed", "no_estimate"
    if headline["n_treated"] != analysed:
        return "failed", "contradiction"
    if headline["reason"] != "ok" or headline["p_value"] is None:
        return "failed", headline["reason"] if headline["reason"] != "ok" else "no_estimate"
    return ("published", "ok") if rate_is_safe else ("too_few", "small_numbers")


def explain(
    status: Status,
    reason: str,
    item: Mapping[str, Any],
    request: Mapping[str, Any],
    analysed: int,
    settings: Methodology,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return why a request has no result, and what to do next; both empty for a published one."""
    if status == "published":
        return (), ()
    threshold = settings.disclosure.threshold
    if status == "too_few":
        words: tuple[str, ...] = (_too_few(reason, analysed, settings),)
    elif status == "waiting":
        words = (
            "The follow-up of the people submitted is not yet complete in the national data. A result needs one year "
            "after release or the start of the sentence, and a further six months in which offences are proven.",
        )
    elif status == "failed":
        words = ("The statistical analysis of this group did not give a result that can be relied on.",)
    else:
        words = _rules(status, item, request)
    steps = _NEXT[status]
    if status == "refused" and any(str(MINIMUM_COHORT) in text for text in words):
        steps = (*ENLARGE, *steps)
    return tuple(withhold_in_text(text, threshold) for text in words), steps


def _too_few(reason: str, analysed: int, settings: Methodology) -> str:
    threshold, minimum = settings.disclosure.threshold, settings.inference.minimum_analysed
    if reason == "small_numbers":
        return (
            "Too few people reoffended, or too few did not, for a result to be published: it could say something "
            "about a person."
        )
    found = (
        f"Fewer than {threshold}" if is_small(analysed, threshold) else ("None" if analysed == 0 else f"{analysed:,}")
    )
    return (
        f"{found} of the people submitted could be analysed. At least {minimum} are needed: the effect on a smaller "
        "group could not be told from chance, and its figures could say something about a person."
    )


def _rules(status: Status, item: Mapping[str, Any], request: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words of the rules that spoke, else the item's message."""
    outcome = "refused" if status == "refused" else "needs_decision"
    spoke = tuple(rule["words"] for rule in json.loads(request["rules"]) if rule["outcome"] == outcome)
    message = str(item["message"])
    return tuple(text[0].upper() + text[1:] for text in spoke or (message,) if text)
