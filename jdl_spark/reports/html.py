"""The report and the index as web pages that need nothing but themselves: no script, no font, no request.

Why autoescape and StrictUndefined: organisation names and descriptions come from strangers, and a
page that lacks a value must not be written at all.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jdl_spark.reports import charts, wording
from jdl_spark.results import Measure, ResultDocument

_TEMPLATES = Path(__file__).resolve().parent / "templates"


@functools.cache
def environment() -> Environment:
    """Return what every page is rendered in: the templates, the style sheet, escaping, and no silent gaps."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "chart": chart_uri,
        "day": wording.day,
        "kind": wording.kind,
        "listed": wording.listed,
        "setting": wording.setting,
    }
    environment.globals["css"] = Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))  # our own file
    return environment


def chart_uri(measure: Measure) -> str:
    """Return a measure's chart as a data URI, for an `<img>`: a screen reader and a PDF keep its text."""
    return "data:image/svg+xml;base64," + base64.b64encode(charts.draw(measure).encode()).decode()


def report(document: ResultDocument) -> str:
    """Return the page of one document."""
    template = "report.html.j2" if document.status == "published" else "no_result.html.j2"
    return environment().get_template(template).render(document=document)


def index(entries: Sequence[object]) -> str:
    """Return the page that lists every request; entries as `reports.index` makes them."""
    return environment().get_template("index.html.j2").render(entries=entries)
