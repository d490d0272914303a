"""The review page: one file that works without a network, by keyboard alone, and sends nothing anywhere.

Why the content policy names its script and style by their hashes: names come from strangers, and
should one ever slip through the escaping, the browser still runs nothing but our own file.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jdl_spark.review import words
from jdl_spark.review.people import FIELDS, Marked, differences

_TEMPLATES = Path(__file__).resolve().parent / "templates"
CHART_WIDTH = 200.0
"""Units of a waterfall's drawing; it scales to its place."""


@dataclass(frozen=True, repr=False)
class Candidate:
    """One identity as the page and the file show it."""

    pair: str
    """Reference under which a decision comes back."""
    versions: tuple[Mapping[str, str], ...]
    """The identity's name versions as texts by column, the main record first."""
    explanation: Mapping[str, Any]
    """What `linkage.explain.explain` tells of the pair."""
    probability: float
    """Posterior of this identity among all of the person's, and none."""
    earlier: str
    """The decision that stands so far, in words; "" for none."""

    @property
    def compared(self) -> int:
        """Position of the version that fits best."""
        return int(self.explanation["version"])


@dataclass(frozen=True, repr=False)
class ReviewCase:
    """One submitted person with the identities to decide on."""

    person_ref: str
    kind: str
    uncertainty: float
    submitted: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    further: int


@dataclass(frozen=True)
class Heading:
    """What an export is about."""

    request_id: str
    run_id: str
    release_id: str
    left_out: int
    """People who would have been cases too, beyond the limit."""


@dataclass(frozen=True, repr=False)
class Line:
    """One step of the waterfall, beside the values it comes from."""

    name: str
    submitted: Marked
    national: Marked
    words: str
    bits: float | None
    """None for a field that the model does not compare."""
    start: float
    """Where its bar begins and how long it is, in units of the drawing."""
    width: float
    kind: str
    """start, field, adjust, total or plain: how the row looks."""


def render(heading: Heading, cases: Sequence[ReviewCase]) -> str:
    """Return the page.

    Parameters
    ----------
    heading : Heading
    cases : sequence of ReviewCase
        In the order in which they are to be decided.
    """
    template = _environment().get_template("review.html.j2")
    return template.render(heading=heading, cases=cases, decisions=words.DECISIONS, fields=FIELDS)


def lines(case: ReviewCase, candidate: Candidate) -> list[Line]:
    """Return a candidate's waterfall: the odds before, each field with what a rare value adds, and the total.

    All candidates of a case are drawn to one scale.
    """
    scale = _Scale.of([other.explanation for other in case.candidates])
    told = candidate.explanation
    at = float(told["prior"])
    rows = [_line(scale, "Before anything is compared", "odds of any one identity", at, 0.0, "start")]
    for part in told["fields"]:
        column = words.FIELD_OF.get(part["name"], part["name"])
        text = words.level(part["level"])
        if column in FIELDS:
            pair = differences(case.submitted[column], candidate.versions[part["version"]][column])
            if part["version"] != candidate.compared:
                text += f" (version {part['version'] + 1})"
            rows.append(_line(scale, FIELDS[column], text, part["bits"], at, "field", pair))
        else:
            rows.append(_line(scale, words.PARTS.get(column, column), text, part["bits"], at, "adjust"))
        at += float(part["bits"])
        if part["frequency_bits"]:
            rare = "a rare one: says more" if part["frequency_bits"] > 0 else "a common one: says less"
            rows.append(_line(scale, f"{FIELDS[column]}: rarity", rare, part["frequency_bits"], at, "adjust"))
            at += float(part["frequency_bits"])
    compared = candidate.versions[candidate.compared]
    for column in [name for name in FIELDS if FIELDS[name] not in {row.name for row in rows}]:
        pair = differences(case.submitted[column], compared[column])
        rows.append(Line(FIELDS[column], *pair, "not compared", None, 0.0, 0.0, "plain"))
    alone = f"{percent(told['probability'])} likely if there were no other candidate"
    return [*rows, _line(scale, "Match weight", alone, told["total"], 0.0, "total")]


def percent(probability: float) -> str:
    """Return a probability as per cent, never rounded to certainty.

    Examples
    --------
    >>> percent(0.4567), percent(0.99999), percent(0.00001), percent(1.0)
    ('46%', 'over 99%', 'under 1%', '100%')
    """
    if 0 < probability < 0.01:
        return "under 1%"
    if 0.99 < probability < 1:
        return "over 99%"
    return f"{100 * probability:.0f}%"


def signed(bits: float) -> str:
    """Return bits with a true minus sign, to one place.

    Examples
    --------
    >>> signed(5.06), signed(-3.2), signed(-0.01)
    ('+5.1', '−3.2', '0.0')
    """
    text = f"{bits:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _line(
    scale: _Scale, name: str, text: str, bits: float, at: float, kind: str, pair: tuple[Marked, Marked] = ((), ())
) -> Line:
    start, end = sorted((scale.place(at), scale.place(at + bits)))
    return Line(name, *pair, text, float(bits), start, end - start, kind)


@dataclass(frozen=True)
class _Scale:
    lowest: float
    highest: float

    @classmethod
    def of(cls, explanations: Sequence[Mapping[str, Any]]) -> _Scale:
        reached = [0.0]
        for told in explanations:
            at = float(told["prior"])
            reached += [at, float(told["total"])]
            for field in told["fields"]:
                for step in (field["bits"], field["frequency_bits"]):
                    at += float(step)
                    reached.append(at)
        return cls(min(reached), max(reached))

    def place(self, bits: float) -> float:
        spread = (self.highest - self.lowest) or 1.0
        return round((bits - self.lowest) / spread * CHART_WIDTH, 2)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": percent, "signed": signed}
    environment.globals |= {"lines": lines, "differences": differences, "zero": _zero, "chart_width": CHART_WIDTH}
    for name, file in (("css", "review.css"), ("script", "review.js")):
        text = "\n" + (_TEMPLATES / file).read_text(encoding="utf-8")
        environment.globals[name] = Markup(text)  # our own files
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        environment.globals[f"{name}_hash"] = Markup(f"sha256-{digest}")
    return environment


def _zero(case: ReviewCase) -> float:
    """Return where even odds lie in the drawings of a case."""
    return _Scale.of([candidate.explanation for candidate in case.candidates]).place(0.0)
