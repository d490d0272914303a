"""The linkage page: what a model believes, what it found, and how far to trust it, as one web page.

Why from a document: the page is drawn on any computer, without the data and without Spark, and the same
document gives the same bytes. A part that the document lacks says so, and which command would fill it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jdl_spark.reports import html, linkage_charts
from jdl_spark.reports import linkage_words as words
from jdl_spark.reports.linkage_document import LinkageDocument
from jdl_spark.reports.linkage_drawing import Chart
from jdl_spark.reports.linkage_reading import parse

_LINK = "jdl link LEFT RIGHT --spec SPEC --out LINKS"
_EVALUATE = f"{_LINK} --evaluate TRUTH"


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes
    ----------
    shows, look_for : one sentence each, for a reader who has not seen such a chart.
    missing, command : what is said where the document lacks the part, and how to get it.
    """

    name: str
    title: str
    shows: str
    look_for: str
    missing: str
    command: str


SECTIONS = (
    Section(
        "accuracy",
        "How right the links are",
        "Labels are pairs of which somebody knows whether they are one person: precision is the share of links that "
        "are right, recall the share of the people to be found who are linked.",
        "The curve should hug the upper right corner, and the diamond, where people are linked now, should lie near "
        "the circle; if it lies far to the left of it, many right links are withheld.",
        "no comparison with labels",
        _EVALUATE,
    ),
    Section(
        "calibration",
        "Whether probabilities keep their promise",
        "People linked with about the same probability are one point: across, the probability that the model "
        "promised; upwards, the share of them whose link was right.",
        "Points on the dashed line keep the promise, points below it promise too much; a point of few people may "
        "stray by chance, so look at its number.",
        "no calibration against labels",
        _EVALUATE,
    ),
    Section(
        "weights",
        "Match weights",
        "Each bar is one agreement level: how many bits it speaks for one person (to the right) or against (to the "
        "left); ten bits make the odds about a thousand times greater.",
        "Within a field, better agreement should never weigh less, and full agreement on a rare identifier should "
        "weigh most; a level near zero says nothing and could be dropped.",
        "no model",
        _LINK,
    ),
    Section(
        "chances",
        "m and u probabilities",
        "For each level, m is how often it occurs between two records of one person, u how often between records of "
        "different people; the match weight is the logarithm of m over u.",
        "An m of full agreement far below 0.9 means that the field is often mistyped or changes, as postcodes do; a "
        "large u means that strangers often agree, as on sex.",
        "no model",
        _LINK,
    ),
    Section(
        "training",
        "How the model was trained",
        "Each row is one run of the EM algorithm on pairs that share something, which is why that field is learned "
        "elsewhere; together they estimate m.",
        "Every run should have converged, on thousands of expected matches; on a handful, the model stays near its "
        "starting values.",
        "no training",
        _LINK,
    ),
    Section(
        "histogram",
        "Match weights of the pairs",
        "Each bar counts the pairs of about one weight, among those that are not dropped at once as too unlike; every "
        "line upwards is ten times the last.",
        "Two hills with a valley between them mean that the fields tell people apart; where the valley is filled, "
        "the model cannot decide, and people there belong in review.",
        "no weights of pairs",
        _LINK,
    ),
    Section(
        "probabilities",
        "How sure the links are",
        "Each bar counts the people whose best identity has about one probability, all their identities weighed "
        "together; those right of the dashed line are linked.",
        "Nearly everyone should stand at either end; people in between have two likely identities, or one that is "
        "poorly described, and are worth a reviewer’s time.",
        "no probabilities of people",
        _LINK,
    ),
    Section(
        "waterfall",
        "Single pairs, step by step",
        "Each chart follows one pair: from the prior, which is how unlikely two records picked blindly are one "
        "person, each field adds or takes bits until the total.",
        "One field should not decide alone; where a rare value adds many bits, ask whether it is rare among these "
        "people too. The pairs are shown by their agreement only, never by name.",
        "no example pairs",
        _LINK,
    ),
    Section(
        "completeness",
        "Which fields are filled",
        "Two bars for each field: the share of records that have it on the left side, the people looked for, and on "
        "the right side, the records searched.",
        "A field that is often empty on one side cannot help those people, however well it weighs; a share that "
        "fell since the last time points to a change in the source.",
        "no completeness",
        _LINK,
    ),
    Section(
        "unlinkable",
        "Records that cannot be linked",
        "The line shows, for every weight, the share of records that would not reach it even if they were compared "
        "with themselves, because too little is known of them.",
        "Find the weight from which people are linked: the share there can never be found by this model, and only "
        "better data would help.",
        "no unlinkable records",
        _LINK,
    ),
    Section(
        "blocking",
        "Which pairs were compared",
        "Records are compared only if a blocking rule brings them together; each bar counts the pairs of one rule, "
        "many of which another rule finds as well.",
        "A rule with most of the pairs but few people costs time for little; a very large key, such as a hostel’s "
        "postcode, can slow everything down.",
        "no counts of blocking rules",
        "jdl link plan LEFT RIGHT --spec SPEC",
    ),
)


def render_linkage(document: Mapping[str, Any]) -> str:
    """Return the linkage page: one HTML file that needs nothing but itself.

    Parameters
    ----------
    document : mapping as `jdl link` writes it to JSON; see `linkage_reading.parse`.

    Raises
    ------
    InputError
        If the document is not what it must be. The message names the place, never a value.
    """
    return render(parse(document))


def render(document: LinkageDocument) -> str:
    """Return the linkage page of a document that has been checked."""
    charts = linkage_charts.charts(document)
    return (
        html.environment()
        .get_template("linkage.html.j2")
        .render(
            document=document,
            sections=SECTIONS,
            charts={name: Drawn(chart, _uri(chart)) for name, chart in charts.items()},
            words=words,
            there=_there(document),
        )
    )


@dataclass(frozen=True)
class Drawn:
    """A chart and its picture as a data URI: a screen reader and a PDF keep the text of an `<img>`."""

    chart: Chart
    uri: str


def _uri(chart: Chart) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(chart.draw().encode()).decode()


def _there(document: LinkageDocument) -> dict[str, bool]:
    """Return which sections the document has something for."""
    model = document.model
    return {
        "accuracy": document.labels is not None,
        "calibration": bool(document.calibration),
        "weights": bool(model and model.fields),
        "chances": bool(model and model.fields),
        "training": bool(model and model.sessions),
        "histogram": bool(document.histogram),
        "probabilities": bool(document.probabilities),
        "waterfall": bool(document.waterfall),
        "completeness": bool(document.completeness),
        "unlinkable": bool(document.unlinkable),
        "blocking": bool(document.blocking),
    }
