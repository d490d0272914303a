"""One row of estimates becomes one published measure, or a measure that is withheld and says why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from jdl_spark.publication import wording
from jdl_spark.publication.wording import OUTCOMES, Noun, Outcome
from jdl_spark.results import NOT_AVAILABLE, WITHHELD, Estimate, Figure, Measure
from jdl_spark.settings import Methodology
from jdl_spark.stats.disclosure import share_is_safe
from jdl_spark.stats.rounding import Rounded, p_text, round_estimate, rounded

MOST_NEEDED = 10_000  # people; as many as the largest cohorts hold
_NUMBERS = ("mean_treated", "mean_comparison", "att", "ci_low", "ci_high", "p_value")

LOW_NUMBERS = (
    "This measure has not been included due to low numbers of reoffenders, which could give misleading results."
)
SMALL = "These figures are withheld because they rest on numbers small enough to say something about a person."
NO_ESTIMATE = "These figures could not be estimated for this group."


def number(value: Decimal) -> Figure:
    """Return a rounded number as a figure."""
    return Figure(float(value), str(value))


def people(count: int) -> Figure:
    """Return a count that may be shown as a figure, with separators for thousands."""
    return Figure(float(count), f"{count:,}")


def share(part: float) -> Figure:
    """Return a share in whole per cent as a figure; more than none never reads 0%."""
    percent = rounded(part, 0, 100)
    if percent == 0 and part > 0:
        return Figure(None, "<1%")
    return Figure(float(percent), f"{percent}%")


def withheld() -> Figure:
    """Return the figure that stands for a number too small to show."""
    return Figure(None, WITHHELD)


def not_available() -> Figure:
    """Return the figure that stands for a number that does not exist."""
    return Figure(None, NOT_AVAILABLE)


def rate_is_safe(estimates: Sequence[Mapping[str, Any]], settings: Methodology) -> bool:
    """Say whether enough people reoffended, and enough did not, in both groups: all measures rest on that."""
    row = next((row for row in estimates if row["outcome"] == "reoffended"), None)
    if row is None or not _is_estimated(row):
        return False
    threshold = settings.disclosure.threshold
    return share_is_safe(row["mean_treated"], row["n_treated"], threshold) and share_is_safe(
        row["mean_comparison"], row["n_comparison"], threshold
    )


def compose_measures(
    estimates: Sequence[Mapping[str, Any]], service: str, noun: Noun, settings: Methodology
) -> tuple[Measure, ...]:
    """Return every outcome of the road of a request, rounded, worded, and withheld where it must be.

    Parameters
    ----------
    estimates : rows of schemas.ESTIMATES of one request.
    service, noun : what the sentences call the service and the people.
    settings : Methodology. Disclosure threshold, minimum sizes and significance.

    Raises
    ------
    Contradiction
        If an estimate's p-value and interval disagree.
    """
    rows = {row["outcome"]: row for row in estimates}
    safe = rate_is_safe(estimates, settings)
    return tuple(
        _measure(wording.for_group(outcome, noun), rows.get(outcome.name), safe, service, noun, settings)
        for outcome in OUTCOMES
    )


def _measure(
    outcome: Outcome, row: Mapping[str, Any] | None, safe: bool, service: str, noun: Noun, settings: Methodology
) -> Measure:
    inference, threshold = settings.inference, settings.disclosure.threshold
    if row is not None and outcome.name == "days_to_first" and row["n_treated"] < inference.minimum_reoffenders:
        return _without(outcome, LOW_NUMBERS, withheld())
    if not safe or (row is not None and min(row["n_treated"], row["n_comparison"]) < threshold):
        return _without(outcome, SMALL, withheld())
    if row is None or not _is_estimated(row):
        return _without(outcome, NO_ESTIMATE, not_available())
    figures = round_estimate(
        *(float(row[name]) for name in _NUMBERS),
        places=outcome.places,
        scale=outcome.scale,
        largest=outcome.largest,
        significance=inference.significance,
    )
    typical_number, typical_words = wording.typical(outcome, figures, noun)
    return Measure(
        outcome=outcome.name,
        title=outcome.title,
        explanation=outcome.explanation,
        unit=outcome.unit,
        difference_unit=outcome.difference_unit,
        status="published",
        note="",
        finding=wording.finding_of(figures),
        significant=figures.significant,
        n_treated=people(row["n_treated"]),
        n_comparison=people(row["n_comparison"]),
        treated=number(figures.treated),
        comparison=number(figures.comparison),
        difference=number(figures.difference),
        ci_low=number(figures.low),
        ci_high=number(figures.high),
        p_value=_p_figure(row["p_value"], inference.significance),
        typical_number=typical_number,
        typical_words=typical_words,
        estimate_sentence=wording.estimate_sentence(outcome, figures, noun),
        can_say=wording.can_say(outcome, figures, noun, service),
        cannot_say=wording.cannot_say(outcome, figures, service),
        chart_title=wording.chart_title(outcome, figures),
        chart_alt=wording.chart_alt(outcome, figures),
        people_needed=_people_needed(row, figures) if outcome.name == "reoffended" else None,
        unrounded=Estimate(
            att=float(row["att"]),
            ci_low=float(row["ci_low"]),
            ci_high=float(row["ci_high"]),
            p_value=float(row["p_value"]),
            standard_error=None if row.get("se_multiplier") is None else float(row["se_multiplier"]),
            replicates=int(row["replicates"]),
        ),
    )


def _is_estimated(row: Mapping[str, Any]) -> bool:
    return row["reason"] == "ok" and all(row[name] is not None and math.isfinite(row[name]) for name in _NUMBERS)


def _p_figure(p_value: float, significance: float) -> Figure:
    text = p_text(p_value, significance)
    return Figure(None if text.startswith("<") else float(text), text)


def _people_needed(row: Mapping[str, Any], figures: Rounded) -> Figure | None:
    """Return how many treated people would make a difference of this size significant, to two digits, upward.

    The interval's half-width shrinks with the square root of the number of people. None where the
    difference is significant already, or so small that more than MOST_NEEDED would be needed.
    """
    att = abs(row["att"])
    if figures.significant or att == 0:
        return None
    ratio = (row["ci_high"] - row["ci_low"]) / 2 / att
    if ratio > math.sqrt(MOST_NEEDED / row["n_treated"]):
        return None
    needed = max(math.ceil(row["n_treated"] * ratio**2), row["n_treated"] + 1)
    step = 10 ** max(len(str(needed)) - 2, 0)
    return people(-(-needed // step) * step)


def _without(outcome: Outcome, note: str, figure: Figure) -> Measure:
    return Measure(
        outcome=outcome.name,
        title=outcome.title,
        explanation=outcome.explanation,
        unit=outcome.unit,
        difference_unit=outcome.difference_unit,
        status="withheld",
        note=note,
        finding="none",
        significant=None,
        n_treated=figure,
        n_comparison=figure,
        treated=figure,
        comparison=figure,
        difference=figure,
        ci_low=figure,
        ci_high=figure,
        p_value=figure,
        typical_number="",
        typical_words="",
        estimate_sentence="",
        can_say="",
        cannot_say="",
        chart_title="",
        chart_alt="",
        people_needed=None,
        unrounded=None,
    )
