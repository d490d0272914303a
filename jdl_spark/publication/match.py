"""How alike the two groups are: a light and words for every characteristic, and one verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jdl_spark.publication.measures import not_available, number, people, share, withheld
from jdl_spark.results import BalanceRow, Figure, Light, Match
from jdl_spark.settings import BalanceSettings, Methodology
from jdl_spark.stats.disclosure import is_small, share_is_safe
from jdl_spark.stats.rounding import beyond, rounded

LIGHT_WORDS: dict[Light, str] = {
    "green": "Good match",
    "amber": "Small difference",
    "red": "Clear difference",
    "not_measured": "Not measured",
}
_CAUSES = {
    "constant": "the same for everybody",
    "separation": "tells the two groups apart completely",
    "separation, set apart where not 0": "only found in one of the two groups",
    "separation, set apart where not 1": "only lacking in one of the two groups",
}
_COMBINATION = "linear combination of "
_VERDICTS = {
    "good": "The two groups are well matched on every characteristic that was measured.",
    "acceptable": "The two groups are acceptably matched: small differences remain in some characteristics.",
    "poor": "Even after matching, the two groups differ clearly in some characteristics.",
    "not_measured": "The quality of the match could not be measured.",
}


def traffic_light(smd: float | None, settings: BalanceSettings) -> Light:
    """Return the light for a standardised mean difference after matching.

    Parameters
    ----------
    smd : in standard deviations of the treated; sign does not matter. None or NaN: not measured.
    settings : bounds, inclusive.
    """
    if smd is None or math.isnan(smd):
        return "not_measured"
    if abs(smd) <= settings.green:
        return "green"
    return "amber" if abs(smd) <= settings.amber else "red"


def compose_match(
    model: Mapping[str, Any] | None,
    balance: Sequence[Mapping[str, Any]],
    n_treated: int,
    n_comparison: int,
    labels: Mapping[str, str],
    settings: Methodology,
) -> Match | None:
    """Return the match quality of a request, or None where no model was fitted.

    Parameters
    ----------
    model : row of schemas.PROPENSITY_MODELS.
    balance : rows of schemas.BALANCE of the request.
    n_treated, n_comparison : people in the headline estimate; 0 where unknown.
    labels : plain-English label by covariate; others read as their own words. The
        rows of the balance follow its order, or else the model’s.
    """
    if model is None or not balance:
        return None
    threshold = settings.disclosure.threshold
    before = {row["covariate"]: row for row in balance if row["when"] == "before"}
    order = {name: place for place, name in enumerate(labels or model["columns"])}
    after = sorted(
        (row for row in balance if row["when"] == "after"),
        key=lambda row: (order.get(row["covariate"], len(order)), row["covariate"]),
    )
    rows = tuple(
        _row(row, before.get(row["covariate"]), n_treated, labels, settings)
        for row in after
        if not _is_constant(row, before.get(row["covariate"]))
    )
    lights = [row.light for row in rows]
    verdict = _verdict(lights)
    return Match(
        verdict=verdict,
        verdict_words=_VERDICTS[verdict],
        n_treated=_size(n_treated, threshold),
        n_comparison=_size(n_comparison, threshold),
        n_pool=_size(model["n_pool"], threshold),
        green=lights.count("green"),
        amber=lights.count("amber"),
        red=lights.count("red"),
        covariates=tuple(label_of(name, labels) for name in model["columns"] if name != "(intercept)"),
        left_out=tuple(_dropped(entry, labels) for entry in model["dropped"]),
        balance=rows,
    )


def label_of(covariate: str, labels: Mapping[str, str]) -> str:
    """Return a covariate's label."""
    return labels.get(covariate) or covariate.replace("_", " ").capitalize()


def _dropped(entry: str, labels: Mapping[str, str]) -> str:
    name, colon, cause = entry.partition(":")
    words = _CAUSES.get(cause.strip(), cause.strip())
    if words.startswith(_COMBINATION):
        words = "known from " + ", ".join(
            label_of(other, labels) for other in words.removeprefix(_COMBINATION).split(", ")
        )
    return label_of(name.strip(), labels) + (f" ({words})" if colon else "")


def _verdict(lights: Sequence[Light]) -> Any:
    if "red" in lights:
        return "poor"
    if "amber" in lights:
        return "acceptable"
    return "good" if "green" in lights else "not_measured"


def _is_constant(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Say whether everybody has the same value in both groups, before and after: nothing to compare."""
    return before is not None and all(
        side["variance_ratio"] is None
        and side["mean_treated"] == side["mean_comparison"]
        and side["mean_treated"] in (0, 1)
        for side in (row, before)
    )


def _row(
    row: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    n_treated: int,
    labels: Mapping[str, str],
    settings: Methodology,
) -> BalanceRow:
    light = traffic_light(row["smd"], settings.balance)
    means = row["mean_treated"], row["mean_comparison"]
    yes_or_no = row["variance_ratio"] is None and all(mean is None or 0 <= mean <= 1 for mean in means)
    safe = means[0] is not None and (not yes_or_no or share_is_safe(means[0], n_treated, settings.disclosure.threshold))
    return BalanceRow(
        covariate=row["covariate"],
        label=label_of(row["covariate"], labels),
        mean_treated=_mean(means[0], yes_or_no) if safe else withheld(),
        mean_comparison=_mean(means[1], yes_or_no) if safe else withheld(),
        smd_before=_smd(None if before is None else before["smd"]),
        smd_after=_smd(row["smd"], settings.balance),
        light=light,
        light_words=LIGHT_WORDS[light],
    )


def _smd(smd: float | None, bounds: BalanceSettings | None = None) -> Figure:
    """Print a standardised difference to 2 places, on the side of the bounds where it lies if any are given."""
    if smd is None or math.isnan(smd):
        return not_available()
    if math.isinf(smd):
        return Figure(None, "no spread")
    if bounds is None:
        return number(rounded(smd, 2))
    size = beyond(abs(smd), bounds.green if abs(smd) <= bounds.amber else bounds.amber)
    return number(-size if smd < 0 and size else size)


def _mean(mean: float | None, yes_or_no: bool) -> Figure:
    """Print an average to 2 places, a share in per cent."""
    if mean is None or not math.isfinite(mean):
        return not_available()
    return share(mean) if yes_or_no else number(rounded(mean, 2))


def _size(count: int, threshold: int) -> Figure:
    return withheld() if is_small(count, threshold) else people(count)
