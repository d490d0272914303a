"""The published figures as one tidy CSV file, with a CSV on the Web description beside it.

Why one long table: every row is one figure, so a program that pools many reports reads one shape.
Text cells that a spreadsheet would take for a formula get an apostrophe; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

from jdl_spark.results import Figure, LinkQuality, Measure, ResultDocument

FILE = "results.csv"
COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("request_id", "string", "The request"),
    ("organisation", "string", "The organisation that provided the service"),
    ("service", "string", "The service"),
    ("release_id", "string", "The national data release"),
    ("section", "string", "measure, attrition, linkage, profile or balance"),
    ("item", "string", "Outcome, reason, characteristic or covariate"),
    ("group", "string", "Treatment, comparison or difference; empty where it does not apply"),
    ("statistic", "string", "What the figure is"),
    ("unit", "string", "Unit of the figure"),
    ("value", "number", "The figure as published, rounded; empty where it is not a number"),
    ("text", "string", "The figure as printed: [c] withheld because numbers are small, [x] not available"),
)
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")

Row = tuple[str, str, str, str, str, Figure]


def safe_text(text: str) -> str:
    """Return a text cell that no spreadsheet takes for a formula (CWE-1236).

    Examples
    --------
    >>> safe_text("=HYPERLINK(1)"), safe_text("-12"), safe_text("Bridge Trust")
    ("'=HYPERLINK(1)", '-12', 'Bridge Trust')
    """
    if not text.startswith(_FORMULA) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def table(document: ResultDocument) -> str:
    """Return the document's figures as CSV text (RFC 4180: CRLF, UTF-8, quotes where needed)."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(name for name, _, _ in COLUMNS)
    who = (
        document.request.request_id,
        document.organisation.name,
        document.service.name,
        document.provenance.release_id,
    )
    for *words, figure in _rows(document):
        number = "" if figure.value is None else _plain(figure)
        writer.writerow([*(safe_text(str(word)) for word in (*who, *words)), number, safe_text(figure.text)])
    return target.getvalue()


def metadata(document: ResultDocument) -> str:
    """Return the CSV on the Web description of the table."""
    columns = [
        {"name": name, "titles": name, "datatype": kind, "dc:description": words} for name, kind, words in COLUMNS
    ]
    content = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": FILE,
        "dc:title": document.title,
        "dc:license": {"@id": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"},
        "tableSchema": {"columns": columns},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _plain(figure: Figure) -> str:
    """Return the number with the decimals it is printed with, without separators or per cent sign."""
    return figure.text.replace(",", "").removesuffix("%")


def _unit(mean: Figure) -> str:
    """Return the unit of a covariate's mean where the figure tells it: shares are printed with a per cent sign."""
    return "per cent" if mean.text.endswith("%") else ""


def _rows(document: ResultDocument) -> Iterator[Row]:
    for measure in document.measures:
        yield from _measure(measure)
    if document.attrition is not None:
        chain = document.attrition
        yield "attrition", "submitted", "treatment", "people", "people", chain.submitted
        for row in chain.rows:
            item = " + ".join(row.reasons)
            yield "attrition", item, "treatment", "people lost", "people", row.people
            yield "attrition", item, "treatment", "share of those submitted", "per cent", row.share
            yield "attrition", item, "treatment", "people left", "people", row.left
        yield "attrition", "analysed", "treatment", "people", "people", chain.analysed
    if document.linkage is not None:
        yield from _linkage(document.linkage)
    for part in document.profile:
        item = f"{part.characteristic}: {part.category}"
        yield "profile", item, "treatment", "people", "people", part.people
        yield "profile", item, "treatment", "share", "per cent", part.share
    if document.match is not None:
        yield "balance", "pool", "comparison", "people", "people", document.match.n_pool
        for line in document.match.balance:
            yield "balance", line.covariate, "treatment", "mean", _unit(line.mean_treated), line.mean_treated
            yield "balance", line.covariate, "comparison", "mean", _unit(line.mean_comparison), line.mean_comparison
            yield "balance", line.covariate, "difference", "standardised difference before", "sd", line.smd_before
            yield "balance", line.covariate, "difference", "standardised difference after", "sd", line.smd_after


def _linkage(quality: LinkQuality) -> Iterator[Row]:
    yield "linkage", "false links", "treatment", "expected among those found", "per 1,000", quality.false_links
    yield (
        "linkage",
        "missed links",
        "treatment",
        "expected among those in the records",
        "per 1,000",
        quality.missed_links,
    )
    yield "linkage", "ambiguous", "treatment", "people", "people", quality.ambiguous
    for row in quality.routes:
        yield "linkage", " + ".join(row.routes), "treatment", "people", "people", row.people
    yield "linkage", "disagreement", "treatment", "share", "per cent", quality.disagreement
    yield "linkage", "disagreement", "treatment", "interval from", "per cent", quality.disagreement_low
    yield "linkage", "disagreement", "treatment", "interval to", "per cent", quality.disagreement_high


def _measure(measure: Measure) -> Iterator[Row]:
    item = measure.outcome
    yield "measure", item, "treatment", "people", "people", measure.n_treated
    yield "measure", item, "comparison", "people", "people", measure.n_comparison
    yield "measure", item, "treatment", "mean", measure.unit, measure.treated
    yield "measure", item, "comparison", "mean", measure.unit, measure.comparison
    yield "measure", item, "difference", "estimate", measure.difference_unit, measure.difference
    yield "measure", item, "difference", "interval from", measure.difference_unit, measure.ci_low
    yield "measure", item, "difference", "interval to", measure.difference_unit, measure.ci_high
    yield "measure", item, "difference", "p-value", "probability", measure.p_value
    if measure.people_needed is not None:
        yield "measure", item, "treatment", "people needed", "people", measure.people_needed
