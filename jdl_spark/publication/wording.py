"""The sentences about a measure, made from its rounded figures only.

Why from rounded figures: a sentence then cannot say a number that the table does not. Which form a
sentence takes follows `Rounded.significant`, the one rule decided on unrounded numbers. A difference
that is not statistically significant is never worded as the absence of an effect; the words "no
effect" stand only in the list of what cannot be said. Forms: public reports of the Justice Data Lab.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from jdl_spark.results import Finding
from jdl_spark.stats.rounding import Rounded

Noun = Literal["people", "men", "women"]
SINGULAR = {"people": "person", "men": "man", "women": "woman", "reoffences": "reoffence", "days": "day"}


@dataclass(frozen=True)
class Outcome:
    """How one outcome is called, printed and talked about."""

    name: str
    title: str
    explanation: str
    unit: str
    difference_unit: str
    places: int
    scale: int
    largest: int | None
    less: str
    """Verb for a difference below zero."""
    more: str
    thing: str
    """What the verb acts on."""
    amount: str
    """Noun counted in the difference; `people` follows the service's group."""
    fewer: str
    """How one group compares when its figure is lower, in a chart title."""
    greater: str


OUTCOMES: tuple[Outcome, ...] = (
    Outcome(
        "reoffended",
        "One-year proven reoffending rate",
        "How many people committed at least one proven reoffence within one year.",
        "people in every 100",
        "percentage points",
        0,
        100,
        100,
        "decreases",
        "increases",
        "the number of proven reoffenders during a one-year period",
        "people",
        "Fewer people in the treatment group reoffended",
        "More people in the treatment group reoffended",
    ),
    Outcome(
        "reoffences",
        "Frequency of proven reoffending",
        "How many proven reoffences each person committed within one year, on average over everyone.",
        "reoffences per person",
        "reoffences per person",
        2,
        1,
        None,
        "decreases",
        "increases",
        "the number of proven reoffences committed during a one-year period",
        "reoffences",
        "The treatment group committed fewer reoffences",
        "The treatment group committed more reoffences",
    ),
    Outcome(
        "days_to_first",
        "Average time to first proven reoffence",
        "How many days passed before the first proven reoffence, on average over the people who reoffended.",
        "days",
        "days",
        0,
        1,
        None,
        "shortens",
        "lengthens",
        "the average time to first proven reoffence, among people who reoffend,",
        "days",
        "Reoffenders in the treatment group reoffended earlier",
        "Reoffenders in the treatment group reoffended later",
    ),
    Outcome(
        "days_free",
        "Average time without a proven reoffence",
        "How many days of the year passed before a proven reoffence, on average over everyone; "
        "the whole year counts for people who did not reoffend.",
        "days",
        "days",
        0,
        1,
        None,
        "shortens",
        "lengthens",
        "the average time without a proven reoffence during a one-year period",
        "days",
        "The treatment group went a shorter time without reoffending",
        "The treatment group went a longer time without reoffending",
    ),
)


def noun_of(target_group: str) -> Noun:
    """Return what to call the people, by the service's own target group.

    Examples
    --------
    >>> noun_of("Men leaving prison"), noun_of("women on probation"), noun_of("men and women"), noun_of("adults")
    ('men', 'women', 'people', 'people')
    """
    women = re.search(r"\bwom[ae]n\b", target_group, re.IGNORECASE) is not None
    men = re.search(r"\bm[ae]n\b", target_group, re.IGNORECASE) is not None
    if women == men:
        return "people"
    return "women" if women else "men"


def for_group(outcome: Outcome, noun: Noun) -> Outcome:
    """Return an outcome in the words of a service's group: a women's service counts women.

    Examples
    --------
    >>> for_group(OUTCOMES[0], "women").unit
    'women in every 100'
    """
    names = ("explanation", "unit", "thing", "fewer", "greater")
    return replace(outcome, **{name: getattr(outcome, name).replace("people", noun) for name in names})


def finding_of(figures: Rounded) -> Finding:
    """Return which way the treatment group differs, if the difference is statistically significant."""
    if not figures.significant:
        return "not_significant"
    return "decrease" if figures.difference < 0 else "increase"


def amount(number: Decimal, noun: str) -> str:
    """Return a number of things without its sign.

    Examples
    --------
    >>> amount(Decimal("-1"), "women"), amount(Decimal("0.4"), "people"), amount(Decimal("-12"), "days")
    ('1 woman', '0.4 people', '12 days')
    """
    return f"{abs(number)} {SINGULAR[noun] if abs(number) == 1 else noun}"


def typical(outcome: Outcome, figures: Rounded, noun: Noun) -> tuple[str, str]:
    """Return the number, and the words after it, for 100 typical people of the treatment group."""
    significance = (
        f"This difference is {'' if figures.significant else 'not '}statistically significant."
        if figures.difference
        else "The difference is not statistically significant."
    )
    if outcome.name == "reoffended":
        words = (
            f"of the 100 {noun} committed a proven reoffence within a one-year period (a rate of {figures.treated}%)"
        )
        return str(figures.treated), f"{words}, {_compared(figures.difference, noun, 'fewer', 'more')}. {significance}"
    if outcome.name == "reoffences":
        words = (
            f"proven reoffences were committed by these 100 {noun} during the year "
            f"(a frequency of {figures.treated} offences per person)"
        )
        compared = _compared(_hundredfold(figures.difference), "reoffences", "fewer", "more")
        return str(_hundredfold(figures.treated)), f"{words}, {compared}. {significance}"
    if outcome.name == "days_to_first":
        words = "days was the average time before a reoffender committed their first proven reoffence"
        return str(
            figures.treated
        ), f"{words}, {_compared(figures.difference, 'days', 'earlier', 'later')}. {significance}"
    words = "days of the year passed without a proven reoffence, on average over everyone"
    return str(figures.treated), f"{words}, {_compared(figures.difference, 'days', 'fewer', 'more')}. {significance}"


def _hundredfold(number: Decimal) -> Decimal:
    places = max(0, -int(number.as_tuple().exponent) - 2)
    result = (number * 100).quantize(Decimal(1).scaleb(-places))
    return abs(result) if result == 0 else result


def _compared(difference: Decimal, noun: str, less: str, more: str) -> str:
    if difference == 0:
        return "similar to the comparison group"
    return f"{amount(difference, noun)} {less if difference < 0 else more} than in the comparison group"


def estimate_sentence(outcome: Outcome, figures: Rounded, noun: Noun) -> str:
    """Return where the true difference could lie, by the interval, and whether that is significant."""
    things = noun if outcome.amount == "people" else outcome.amount
    subject, less, more, unit = {
        "reoffended": (f"The number of {noun} who commit a proven reoffence within one year", "lower", "higher",
                       f" in every 100 {noun}"),
        "reoffences": ("The number of proven reoffences committed within one year", "lower", "higher", " per person"),
        "days_to_first": ("The average time before a reoffender commits their first proven reoffence",
                          "shorter", "longer", ""),
        "days_free": ("The average time without a proven reoffence during the year", "shorter", "longer", ""),
    }[outcome.name]  # fmt: skip
    if figures.significant:
        near, far = sorted((figures.low, figures.high), key=abs)
        word = less if figures.difference < 0 else more
        return (
            f"{subject} could be {word} by {_between(near, far, things)}{unit}. "
            "This is a statistically significant result."
        )
    sides = [f"{less} by as many as {amount(figures.low, things)}"] if figures.low < 0 else []
    sides += [f"{more} by as many as {amount(figures.high, things)}"] if figures.high > 0 else []
    sides += ["the same"] if len(sides) < 2 else []
    return (
        f"{subject} could be {', or '.join(sides)}{',' if unit else ''}{unit}. This is not a statistically significant "
        f"result: more {noun} would need to be available for analysis in order to determine the direction of this "
        "difference."
    )


def _between(near: Decimal, far: Decimal, things: str) -> str:
    if abs(near) == abs(far):
        return amount(far, things)
    return f"between {abs(near)} and {amount(far, things)}"


def can_say(outcome: Outcome, figures: Rounded, noun: Noun, service: str) -> str:
    """Return the statement that the figures support."""
    things = noun if outcome.amount == "people" else outcome.amount
    opening = "This analysis provides evidence that"
    if outcome.name == "reoffended":
        opening += f", for every 100 {noun},"
    unit = " per person" if outcome.name == "reoffences" else ""
    if figures.significant:
        near, far = sorted((figures.low, figures.high), key=abs)
        verb = outcome.less if figures.difference < 0 else outcome.more
        return f"{opening} support from {service} {verb} {outcome.thing} by {_between(near, far, things)}{unit}."
    less, more = outcome.less.removesuffix("s"), outcome.more.removesuffix("s")
    down = f"may {less} {outcome.thing} by up to {amount(figures.low, things)}{unit}"
    up = f"by up to {amount(figures.high, things)}{unit}"
    if figures.high == 0:
        return f"{opening} support from {service} {down}, or may leave it as it is."
    if figures.low == 0:
        return f"{opening} support from {service} may {more} {outcome.thing} {up}, or may leave it as it is."
    return f"{opening} support from {service} {down}, or may {more} it {up}."


def cannot_say(outcome: Outcome, figures: Rounded, service: str) -> str:
    """Return the statement that a reader may be tempted to make and that the figures do not support."""
    wrong = {
        "decrease": f"{outcome.more} or has no effect on",
        "increase": f"{outcome.less} or has no effect on",
        "not_significant": f"{outcome.less}, {outcome.more} or has no effect on",
    }[finding_of(figures)]
    thing = {
        "reoffended": "the reoffending rate of its participants",
        "reoffences": "the number of reoffences committed by its participants",
        "days_to_first": "the average time to first proven reoffence of its participants",
        "days_free": "the average time its participants go without a proven reoffence",
    }[outcome.name]
    return f"This analysis shows that support from {service} {wrong} {thing}."


def chart_title(outcome: Outcome, figures: Rounded) -> str:
    """Return the chart's message."""
    if not figures.significant:
        what = outcome.title[0].lower() + outcome.title[1:]
        return f"The difference in the {what} is not statistically significant"
    words = outcome.fewer if figures.difference < 0 else outcome.greater
    each = " in every 100" if outcome.name == "reoffended" else ""
    return f"{words}: {figures.treated}{each}, compared with {figures.comparison} in the comparison group"


def chart_alt(outcome: Outcome, figures: Rounded) -> str:
    """Return the text that stands for the chart: its kind, its message, its numbers."""
    return (
        f"Bar chart of the two groups with the difference and its 95% confidence interval below. "
        f"{chart_title(outcome, figures)}. Treatment group {figures.treated}, comparison group {figures.comparison} "
        f"({outcome.unit}). Estimated difference {figures.difference}, between {figures.low} and {figures.high}. "
        "The figures follow in a table."
    )
