"""Compose the published document of one request from its result rows.

Why one function for every status: a request without a result still gets a document, with the reason
and what to do next; nothing is dropped in silence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from jdl_spark.publication import notes, wording
from jdl_spark.publication.found import compose_found
from jdl_spark.publication.match import compose_match
from jdl_spark.publication.measures import compose_measures, rate_is_safe
from jdl_spark.publication.outcome import STATUS_WORDS, explain, settle
from jdl_spark.publication.people import compose_attrition, compose_profile
from jdl_spark.publication.wording import Noun
from jdl_spark.results import (
    SCHEMA_VERSION,
    Attrition,
    Headline,
    Match,
    Measure,
    NamedId,
    Organisation,
    Provenance,
    Request,
    ResultDocument,
    Service,
)
from jdl_spark.settings import Methodology
from jdl_spark.stats.rounding import Contradiction

NO_FINDING = Headline("none", "", "", "")
NOT_STATED = "(name not stated)"


def compose(
    request: Mapping[str, Any],
    item: Mapping[str, Any],
    attrition: Sequence[Mapping[str, Any]],
    quality: Mapping[str, Any] | None,
    model: Mapping[str, Any] | None,
    balance: Sequence[Mapping[str, Any]],
    estimates: Sequence[Mapping[str, Any]],
    profile: Mapping[str, Mapping[str, int]] | None,
    run: Mapping[str, Any],
    settings: Methodology,
    labels: Mapping[str, str] | None = None,
) -> ResultDocument:
    """Return what is published about one request: suppressed, rounded, in words.

    Parameters
    ----------
    request : row of schemas.REQUESTS.
    item : row of schemas.RUN_ITEMS: status, reason, message.
    attrition, balance, estimates : rows of schemas.ATTRITION, BALANCE and ESTIMATES of the request.
    quality : row of schemas.LINK_QUALITY, None where nobody was looked for.
    model : row of schemas.PROPENSITY_MODELS, None where the request did not get that far.
    profile : characteristic to category to people of the treatment group, None for no profile.
    run : row of schemas.RUNS; optional `synthetic`, `outcomes_to`, `methodology_digest`, `published_on`.
    settings : Methodology
    labels : covariate to plain-English label.

    Returns
    -------
    ResultDocument
        Its status and reason may be stricter than the item's: `too_few` where small numbers forbid the
        headline, `failed` where it could not be estimated or the rows contradict each other. No wrong
        number is published, and the other requests of the run go on.
    """
    metadata: Mapping[str, Any] = json.loads(request["metadata"])
    intake: Mapping[str, Any] = json.loads(request["intake"])
    service = _service(metadata.get("service", {}))
    organisation = Organisation(str(metadata.get("organisation", {}).get("name") or NOT_STATED))
    noun = wording.noun_of(service.target_group)
    analysed = sum(row["people"] for row in attrition if row["reason"] == "analysed")
    headline_row = next((row for row in estimates if row["outcome"] == "reoffended"), None)
    status, reason = settle(item, headline_row, analysed, rate_is_safe(estimates, settings), settings)
    published = status == "published"
    measures: tuple[Measure, ...] = ()
    if published:
        try:
            measures = compose_measures(estimates, service.name, noun, settings)
        except Contradiction:
            status, reason, published = "failed", "contradiction", False
    match = None
    if published and headline_row is not None:
        sizes = (headline_row["n_treated"], headline_row["n_comparison"])
        match = compose_match(model, balance, *sizes, labels or {}, settings)
    chain = compose_attrition(attrition, settings.disclosure.threshold)
    reason_words, next_steps = explain(status, reason, item, request, analysed, settings)
    lost = {row["reason"]: row["people"] for row in attrition}
    return ResultDocument(
        schema_version=SCHEMA_VERSION,
        status=status,
        status_words=STATUS_WORDS[status],
        reason=reason,
        reason_words=reason_words,
        next_steps=next_steps,
        title=f"Justice Data Lab analysis: reoffending behaviour after support from {organisation.name}",
        request=Request(
            request_id=request["request_id"],
            content_digest=request["content_digest"],
            analyses=tuple(str(name) for name in metadata.get("analyses", {}).get("wanted") or ()),
        ),
        organisation=organisation,
        service=service,
        headline=_headline(measures, match, chain, service.name, noun) if published else NO_FINDING,
        typical_heading=f"For 100 typical {noun} in the treatment group" if published else "",
        measures=measures,
        attrition=chain,
        linkage=compose_found(quality, chain, settings.disclosure.threshold),
        match=match,
        profile=compose_profile(profile, settings.disclosure.threshold) if published else (),
        caveats=notes.caveats(metadata, intake, lost, settings.disclosure.threshold) if published else (),
        method=notes.method(settings),
        provenance=_provenance(run, settings),
    )


def _service(service: Mapping[str, Any]) -> Service:
    """Return the service as it was described; a refused request may have left things out."""
    words = {name: str(service.get(name) or "") for name in ("description", "kind", "setting", "target_group")}
    return Service(
        name=str(service.get("name") or NOT_STATED),
        delivery_years=tuple(year for year in service.get("delivery_years") or () if isinstance(year, int)),
        sites=tuple(str(site) for site in service.get("sites") or ()),
        **words,
    )


def _headline(
    measures: Sequence[Measure], match: Match | None, attrition: Attrition | None, service: str, noun: Noun
) -> Headline:
    rate, others = measures[0], measures[1:]
    significant = [measure.title for measure in others if measure.significant]
    if rate.finding == "not_significant":
        effect = "the one-year proven reoffending rate" if significant else "a person’s reoffending behaviour"
        sentence = f"This analysis does not show that {service} had a statistically significant effect on {effect}."
    else:
        word = "less" if rate.finding == "decrease" else "more"
        sentence = (
            f"{noun.capitalize()} who took part in {service} were {word} likely to reoffend within one year than "
            f"similar {noun} who did not. The difference is statistically significant."
        )
    detail = (
        f"{rate.n_treated.text} {noun} who took part were compared with {rate.n_comparison.text} similar {noun}. "
        f"In every 100, {rate.treated.text} of those who took part committed a proven reoffence within one year, "
        f"against {rate.comparison.text} in the comparison group. {rate.estimate_sentence}"
    )
    if rate.finding == "not_significant":
        detail += f" {_not_a_failure(rate, noun)}"
        if significant:
            detail += f" These measures do differ statistically significantly: {'; '.join(significant)}."
    if attrition is not None and any(row.people.value != 0 for row in attrition.rows):
        detail += " The service may have had a different impact on people whose details could not be analysed."
    caution = f"Treat with caution. {match.verdict_words}" if match is not None and match.verdict == "poor" else ""
    return Headline(rate.finding, sentence, detail, caution)


def _not_a_failure(rate: Measure, noun: Noun) -> str:
    words = "This should not be taken to mean that the service fails to affect reoffending."
    if rate.people_needed is None:
        return (
            f"{words} The measured difference is small beside its uncertainty, so many more {noun} would be needed "
            "to tell."
        )
    return (
        f"{words} Based on the current measurements, it is estimated that {rate.people_needed.text} {noun} would be "
        f"needed. The organisation is advised to submit again when more {noun} have used the service."
    )


def _provenance(run: Mapping[str, Any], settings: Methodology) -> Provenance:
    digest = run.get("methodology_digest") or str(run.get("methodology", "")).rpartition(" ")[2]
    models = run.get("linkage_models") or {}
    return Provenance(
        run_id=run["run_id"],
        release_id=run["release_id"],
        outcomes_to=_text(run.get("outcomes_to")),
        methodology_version=settings.version,
        methodology_digest=digest,
        code_version=run["code_version"],
        linkage_models=tuple(NamedId(name, models[name]) for name in sorted(models) if models[name]),
        produced_at=_text(run.get("started_at")),
        published_on=_text(run.get("published_on")),
        synthetic=bool(run.get("synthetic")),
    )


def _text(moment: date | str | None) -> str | None:
    """Return a date or time as ISO text."""
    return moment.isoformat() if isinstance(moment, date) else moment
