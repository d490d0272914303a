"""Caveats and the method, in the words of every report, with the numbers of the settings in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jdl_spark.results import Note
from jdl_spark.settings import LinkageSettings, Methodology


def caveats(
    metadata: Mapping[str, Any], intake: Mapping[str, Any], lost: Mapping[str, int], threshold: int
) -> tuple[Note, ...]:
    """Return what a reader must know before using the result.

    Parameters
    ----------
    metadata : request.toml; declared exclusions become a caveat.
    intake : counts of the cohort file; `start_is_end` counts people whose end date stands in for a start.
    lost : people by attrition reason.
    threshold : smallest count of people that may be shown.
    """
    notes = [
        Note(
            "Not to be compared with other rates",
            "The reoffending rates here are those of two groups that were chosen to be alike. They should not be "
            "compared with national averages, or with rates in any other Justice Data Lab report.",
        ),
        Note(
            "Not a ranking",
            "Services work with different people, in different places and years. Results must not be used to rank "
            "organisations or services.",
        ),
        Note(
            "No endorsement and no assurance",
            "Publication does not endorse the service or the organisation. It gives no assurance for contracts, "
            "commissioning or Payment by Results.",
        ),
        Note(
            "Historic impact only",
            "The analysis describes people who used the service in the past. It does not predict what the service "
            "will achieve with other people or at other times.",
        ),
        Note(
            "What the comparison group may have received",
            "People in the comparison group may have taken part in other services. Accredited programmes are taken "
            "into account; other interventions are not recorded nationally and are unknown.",
        ),
        Note(
            "What cannot be measured",
            "The groups are matched on what the national records hold. Motivation, health, housing and other "
            "circumstances that are not recorded may differ between them and may explain part of a difference.",
        ),
        Note(
            "Only people who could be analysed",
            "The results describe the people who were found in the national records, met the criteria and had a "
            "similar enough person to be compared with. The service may have had a different impact on the others.",
        ),
        Note(
            "Reoffending before the service started",
            "A person who reoffended between release or sentence and the start of the service is not analysed. The "
            "comparison people were held to the same condition for the same number of days.",
        ),
    ]
    if lost.get("not_found") or lost.get("ambiguous"):
        notes.append(
            Note(
                "People who could not be linked",
                "Some people could not be found in the national records with enough certainty. If they differ from "
                "the others, the result may not describe them.",
            )
        )
    notes += _about_the_cohort(metadata, intake, threshold)
    return tuple(notes)


def _about_the_cohort(metadata: Mapping[str, Any], intake: Mapping[str, Any], threshold: int) -> list[Note]:
    notes = []
    ends = int(intake.get("start_is_end") or 0)
    if ends:
        count = f"{ends:,} people" if ends >= threshold else "a small number of people"
        notes.append(
            Note(
                "End dates in place of start dates",
                f"For {count} only the end of the intervention was supplied. It stands in for the start, so the "
                "time that passed before the service began is overstated for them.",
            )
        )
    exclusions: Sequence[Mapping[str, Any]] = metadata.get("cohort", {}).get("exclusions", ())
    reasons = [str(entry["reason"]).rstrip(".") for entry in exclusions if entry.get("systematic")]
    if reasons:
        notes.append(
            Note(
                "People left out for a systematic reason",
                f"The organisation declared that people were left out of the submission: {'; '.join(reasons)}. "
                "The results cannot be taken to describe everyone who used the service.",
            )
        )
    elif exclusions:
        notes.append(
            Note(
                "An incomplete submission",
                "The organisation declared that some people were left out, for reasons that are not systematic.",
            )
        )
    return notes


def _certain_enough(settings: LinkageSettings) -> str:
    if settings.link_probability is not None:
        return f"at least {settings.link_probability:g}"
    return f"so high that {100 * settings.link_precision:g} in 100 of those found are expected to be right"


def method(settings: Methodology) -> tuple[Note, ...]:
    """Return how the result was made, a paragraph a step."""
    matching, inference = settings.matching, settings.inference
    confidence = round(inference.confidence * 100)
    caliper = (
        ""
        if matching.caliper is None
        else f", and only within a set distance ({matching.caliper} standard deviations of the score’s logit)"
    )
    neighbours = (
        f"up to {matching.ratio} people who did not use the service and whose scores are nearest"
        if matching.method == "nearest"
        else "all people who did not use the service and whose scores are near enough"
    )
    again = "The same comparison person may serve several people." if matching.replace else ""
    return (
        Note(
            "One-year proven reoffending",
            "An offence committed within one year of leaving custody or starting a probation sentence, and proven by "
            "a court conviction, caution, reprimand or warning in that year or a further six months. Breaches, "
            "penalty notices and offences that are not recordable do not count.",
        ),
        Note(
            "Finding people in the records",
            "Names, dates of birth and other details were compared with national records. A person counts as found "
            f"where the probability of being the same person is {_certain_enough(settings.linkage)}.",
        ),
        Note(
            "The comparison group",
            "For every person a propensity score was calculated: the probability of using the service, given "
            "demographics, offence, criminal history, accredited programmes, employment and benefits before the "
            f"index date. Each person was matched with {neighbours}{caliper}; sex, year and kind of release or "
            f"sentence are the same. {again}".strip(),
        ),
        Note(
            "How alike the groups are",
            "The standardised mean difference is the difference of the two groups’ averages, divided by the standard "
            "deviation of the treatment group before matching. Whatever its sign, a good match is at most "
            f"{settings.balance.green:g}, a small difference at most {settings.balance.amber:g}, a clear difference "
            "more than that.",
        ),
        Note(
            "What the difference describes",
            "It is the average difference for people who used the service and could be matched (the average "
            "treatment effect on the treated, matched people).",
        ),
        Note(
            "Statistical significance",
            f"A result is statistically significant where the p-value is at most {inference.significance:g}. p-value "
            f"and {confidence}% confidence interval come from the same {inference.replicates:,} replicates of a "
            "multiplier bootstrap, so they cannot disagree. No correction is made for testing several measures; the "
            "reoffending rate was chosen as the headline in advance.",
        ),
        Note(
            "Rounding",
            "Rates are rounded to whole numbers, frequencies to two decimal places, days to whole days, and "
            "intervals outward. A significant difference close to zero takes more decimal places. Rounded figures "
            "may not add up.",
        ),
        Note(
            "Small numbers",
            f"Counts of people from 1 to {settings.disclosure.threshold - 1}, and rates that rest on such counts, are "
            "withheld and shown as [c]. Time to first reoffence needs at least "
            f"{inference.minimum_reoffenders} reoffenders in the treatment group.",
        ),
    )
