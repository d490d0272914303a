"""The published document: the one door through which results leave, and all that a renderer may print.

Why dataclasses and not free JSON: every field is named and typed here, so there is no field in which
a person could travel; the JSON Schema in `docs/` is generated from these classes; and a renderer
that wants a number the document does not hold cannot have it. Numbers are rounded and small counts
withheld *before* they get here (stats/rounding.py, stats/disclosure.py).
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from jdl_spark.errors import InputError

SCHEMA_VERSION = "1.1"
WITHHELD = "[c]"  # shorthand of the Government Statistical Service: confidential
NOT_AVAILABLE = "[x]"  # likewise: not available

Status = Literal["published", "too_few", "refused", "undecided", "waiting", "failed"]
Finding = Literal["decrease", "increase", "not_significant", "none"]
Light = Literal["green", "amber", "red", "not_measured"]

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """A number as published. `value` is the rounded number, null where `text` is not a number."""

    value: float | None
    text: str

    def __post_init__(self) -> None:
        if self.text.startswith("-") and not any(digit in self.text for digit in "123456789"):
            raise ValueError("a figure reads minus zero")


@dataclass(frozen=True)
class Request:
    """The question. `content_digest` names the submission: metadata and admitted rows."""

    request_id: str
    content_digest: str
    analyses: tuple[str, ...]


@dataclass(frozen=True)
class Organisation:
    """Who asked. An organisation's name, never a contact person."""

    name: str


@dataclass(frozen=True)
class Service:
    """What was done, with whom, where and when, in the organisation's own words."""

    name: str
    description: str
    kind: str
    setting: str
    target_group: str
    delivery_years: tuple[int, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True)
class Headline:
    """The finding in words: one sentence, what it rests on, and how to read it."""

    finding: Finding
    sentence: str
    detail: str
    caution: str
    """Empty, or why the result needs care (quality of the match)."""


@dataclass(frozen=True)
class Estimate:
    """Unrounded numbers for re-analysis. Group means are not here: times the group's size they are counts."""

    att: float
    ci_low: float
    ci_high: float
    p_value: float
    standard_error: float | None
    replicates: int


@dataclass(frozen=True)
class Measure:
    """One outcome, both groups, the difference, and the sentences about it."""

    outcome: str
    title: str
    explanation: str
    unit: str
    difference_unit: str
    status: Literal["published", "withheld"]
    note: str
    """Empty, or why there are no figures."""
    finding: Finding
    significant: bool | None
    n_treated: Figure
    n_comparison: Figure
    treated: Figure
    comparison: Figure
    difference: Figure
    ci_low: Figure
    ci_high: Figure
    p_value: Figure
    typical_number: str
    typical_words: str
    estimate_sentence: str
    can_say: str
    cannot_say: str
    chart_title: str
    chart_alt: str
    people_needed: Figure | None
    """Where not significant: people who would be needed for a difference of this size to be."""
    unrounded: Estimate | None


@dataclass(frozen=True)
class AttritionRow:
    """People who left the analysis for one reason (or for several, each too small to show)."""

    reasons: tuple[str, ...]
    label: str
    people: Figure
    share: Figure
    """Per cent of those submitted."""
    left: Figure


@dataclass(frozen=True)
class Attrition:
    """From everyone submitted to everyone analysed; the numbers add up."""

    submitted: Figure
    analysed: Figure
    rows: tuple[AttritionRow, ...]
    sentence: str


@dataclass(frozen=True)
class RouteRow:
    """People for whom two ways to a benefit record ended alike (or in several ways, each too rare to show)."""

    routes: tuple[str, ...]
    label: str
    people: Figure


@dataclass(frozen=True)
class LinkQuality:
    """How well the people submitted were found in the national records, estimated without knowing the truth."""

    false_links: Figure
    """Expected to be somebody else, of every 1,000 people counted as found."""
    missed_links: Figure
    """Expected to have been missed, of every 1,000 people expected to be in the records."""
    ambiguous: Figure
    """People whom more than one record could be; not analysed."""
    disagreement: Figure
    """Per cent of those with a benefit record found in two ways for whom the two are different records."""
    disagreement_low: Figure
    disagreement_high: Figure
    routes: tuple[RouteRow, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class BalanceRow:
    """How alike the two groups are in one characteristic."""

    covariate: str
    label: str
    mean_treated: Figure
    mean_comparison: Figure
    smd_before: Figure
    smd_after: Figure
    light: Light
    light_words: str


@dataclass(frozen=True)
class Match:
    """The model, the comparison group, and the verdict on how alike the groups are."""

    verdict: Literal["good", "acceptable", "poor", "not_measured"]
    verdict_words: str
    n_treated: Figure
    n_comparison: Figure
    n_pool: Figure
    green: int
    amber: int
    red: int
    covariates: tuple[str, ...]
    left_out: tuple[str, ...]
    balance: tuple[BalanceRow, ...]


@dataclass(frozen=True)
class ProfileRow:
    """How many of the people analysed have one characteristic."""

    characteristic: str
    category: str
    people: Figure
    share: Figure


@dataclass(frozen=True)
class Note:
    """A caveat or a paragraph of the method: a short title and its text."""

    title: str
    text: str


@dataclass(frozen=True)
class NamedId:
    """A name and the identifier it stands for."""

    name: str
    identifier: str


@dataclass(frozen=True)
class Provenance:
    """What made this document: enough to make it again."""

    run_id: str
    release_id: str
    outcomes_to: str | None
    methodology_version: str
    methodology_digest: str
    code_version: str
    linkage_models: tuple[NamedId, ...]
    produced_at: str | None
    published_on: str | None
    synthetic: bool


@dataclass(frozen=True)
class ResultDocument:
    """Everything that is published about one request in one run."""

    schema_version: str
    status: Status
    status_words: str
    reason: str
    """Reason code; ok where published."""
    reason_words: tuple[str, ...]
    next_steps: tuple[str, ...]
    title: str
    request: Request
    organisation: Organisation
    service: Service
    headline: Headline
    typical_heading: str
    measures: tuple[Measure, ...]
    attrition: Attrition | None
    linkage: LinkQuality | None
    match: Match | None
    profile: tuple[ProfileRow, ...]
    caveats: tuple[Note, ...]
    method: tuple[Note, ...]
    provenance: Provenance

    def to_json(self) -> str:
        """Return the document as JSON text: keys in the order of the fields, one trailing newline."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ResultDocument:
        """Rebuild a document from its JSON text.

        Raises
        ------
        InputError
            If the text is not JSON, has another schema version, or has a field that is missing,
            unknown or of the wrong kind. The message names the field, never its value.
        """
        try:
            content = json.loads(text)
        except ValueError as error:
            raise InputError("this is not a result document: it is not valid JSON") from error
        if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
            raise InputError(
                f"this is not a result document of schema version {SCHEMA_VERSION}; run the request again to make one"
            )
        return _build(cls, content, "result")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document, generated from the classes above."""
    definitions: dict[str, Any] = {}
    root = _schema(ResultDocument, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Justice Data Lab result",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _build(kind: type[T], content: Any, where: str) -> T:
    """Make a dataclass from a JSON object, checking every field."""
    if not isinstance(content, dict):
        raise InputError(f"{where} must be an object")
    hints: dict[str, Any] = _hints(typing.cast(Any, kind))
    odd = sorted(set(content) ^ set(hints))
    if odd:
        raise InputError(f"{where}.{odd[0]} is {'unknown' if odd[0] in content else 'missing'}")
    return kind(**{name: _value(hint, content[name], f"{where}.{name}") for name, hint in hints.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else _value(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise InputError(f"{where} must be a list")
        return tuple(_value(arguments[0], item, f"{where}[{number}]") for number, item in enumerate(value))
    if origin is Literal:
        if value not in arguments:
            raise InputError(f"{where} must be one of {', '.join(arguments)}")
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InputError(f"{where} must be a {hint.__name__}")
    return value


_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return {"anyOf": [_schema(a, definitions) for a in arguments if a is not type(None)] + [{"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is Literal:
        return {"enum": list(arguments)}
    if hint in _JSON_TYPES:
        return {"type": _JSON_TYPES[hint]}
    name = hint.__name__
    if name not in definitions:
        definitions[name] = {}  # claimed before the fields are walked
        fields = _hints(hint)
        definitions[name] = {
            "description": (hint.__doc__ or "").strip(),
            "type": "object",
            "properties": {field: _schema(kind, definitions) for field, kind in fields.items()},
            "required": list(fields),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}
