"""Read a linkage document, each part checked.

Why so strict: the document is a file that somebody may edit, and a page must not be drawn from half of
it. A part that is not there is empty; a part that is there but wrong is an error that names its place,
and never its value.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jdl_spark.errors import InputError
from jdl_spark.reports.linkage_document import (
    Accuracy,
    Bin,
    BlockingRule,
    Completeness,
    Field,
    Labels,
    LeftOut,
    LinkageDocument,
    Model,
    Promise,
    Rates,
    Session,
    Step,
    Unlinkable,
    Waterfall,
)

Part = TypeVar("Part")
LONGEST_TEXT = 200  # characters
_LEVEL = re.compile(r"[a-z_]+( [0-9.]+)?")


def read(path: Path) -> LinkageDocument:
    """Return the linkage document in a file.

    Raises
    ------
    InputError
        If there is no such file, or it is no linkage document. The message names file and place.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"there is no linkage document at {path}; `jdl link` writes one") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} cannot be read as JSON; write it again with `jdl link`") from error
    try:
        return parse(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def parse(content: Any) -> LinkageDocument:
    """Return a linkage document, each of its parts checked.

    Parameters
    ----------
    content : mapping as `jdl link` writes it to JSON. Only `title` must be there; parts that are not
        known are passed over.

    Raises
    ------
    InputError
        If a part is not what it must be. The message names the place, never a value.
    """
    at = _At(content, "the linkage document")
    return LinkageDocument(
        title=at.text("title"),
        model=at.optional("model", _model),
        histogram=_rising(at, "histogram", at.each("histogram", lambda row: _bin(row, "pairs", -math.inf, math.inf))),
        probabilities=_rising(at, "probabilities", at.each("probabilities", lambda row: _bin(row, "people", 0.0, 1.0))),
        unlinkable=at.each("unlinkable", lambda row: Unlinkable(row.number("weight"), row.share("share"))),
        completeness=at.each(
            "completeness", lambda row: Completeness(row.text("field"), row.share("left"), row.share("right"))
        ),
        blocking=at.each(
            "blocking",
            lambda row: BlockingRule(
                row.text("rule"), row.count("pairs"), row.count("people"), row.count("largest_key")
            ),
        ),
        left_out=at.each("left_out", lambda row: LeftOut(row.text("key"), row.count("keys"), row.count("versions"))),
        waterfall=at.each("waterfall", _waterfall),
        calibration=at.each(
            "calibration", lambda row: Promise(row.share("promised"), row.share("observed"), row.count("n"))
        ),
        labels=at.optional("labels", _labels),
        rates=at.optional(
            "rates", lambda row: Rates(row.share("expected_false_links"), row.share("expected_missed_links"))
        ),
    )


def _model(at: _At) -> Model:
    training = at.optional("training", lambda inner: inner.optional("sessions", _sessions))
    return Model(
        fields=at.each("fields", _field),
        present=at.share("present"),
        identities=at.count("identities"),
        link_probability=at.share("link_probability") if at.has("link_probability") else None,
        sessions=training or (),
    )


def _sessions(at: _At) -> tuple[Session, ...]:
    rows = [(name, at.inside(name)) for name in sorted(at.content)]
    return tuple(
        Session(name, row.count("pairs"), row.number("matches", 0.0), row.count("iterations"), row.flag("converged"))
        for name, row in rows
    )


def _field(at: _At) -> Field:
    levels = tuple(at.level(text, f"levels[{place}]") for place, text in enumerate(at.listed("levels")))
    m, u = (tuple(at.chance(value, f"{kind}[{i}]") for i, value in enumerate(at.listed(kind))) for kind in "mu")
    if not levels or not len(levels) == len(m) == len(u):
        raise InputError(f"{at.place} must give one m and one u for each of its levels")
    return Field(at.text("name"), levels, m, u)


def _bin(at: _At, what: str, lowest: float, highest: float) -> Bin:
    low, high = at.number("from", lowest, highest), at.number("to", lowest, highest)
    if low >= high:
        raise InputError(f"{at.place}: `from` must be below `to`")
    return Bin(low, high, at.count(what))


def _rising(at: _At, name: str, bins: tuple[Bin, ...]) -> tuple[Bin, ...]:
    if any(later.low < earlier.high for earlier, later in itertools.pairwise(bins)):
        raise InputError(f"{at.place}: the rows of {name} must rise and not overlap")
    return bins


def _waterfall(at: _At) -> Waterfall:
    steps = at.each(
        "fields",
        lambda row: Step(
            row.text("name"),
            row.level(row.value("level"), "level"),
            row.number("bits"),
            row.number("frequency_bits") if row.has("frequency_bits") else 0.0,
        ),
    )
    return Waterfall(at.text("title"), at.number("prior"), steps, at.number("total"), at.share("probability"))


def _labels(at: _At) -> Labels | None:
    curve = at.each("precision_recall", _accuracy)
    if not curve:
        return None
    return Labels(curve, at.optional("best", _accuracy), at.optional("at_operating_point", _accuracy))


def _accuracy(at: _At) -> Accuracy:
    return Accuracy(at.number("threshold"), at.share("precision"), at.share("recall"), at.share("f1"))


@dataclass(frozen=True)
class _At:
    """A mapping of the document and how its place is called; every question checks the answer."""

    content: Mapping[str, Any]
    place: str

    def __post_init__(self) -> None:
        if not isinstance(self.content, Mapping):
            raise InputError(f"{self.place} must be a mapping (a JSON object)")

    def has(self, name: str) -> bool:
        return self.content.get(name) is not None

    def value(self, name: str) -> Any:
        if name not in self.content:
            raise InputError(f"{self.place} lacks `{name}`")
        return self.content[name]

    def inside(self, name: str) -> _At:
        return _At(self.value(name), f"{self.place}, {name}")

    def optional(self, name: str, make: Callable[[_At], Part]) -> Part | None:
        return make(self.inside(name)) if self.has(name) else None

    def listed(self, name: str) -> Sequence[Any]:
        found = self.content.get(name)
        if found is None:
            return ()
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise InputError(f"{self.place}: `{name}` must be a list")
        return found

    def each(self, name: str, make: Callable[[_At], Part]) -> tuple[Part, ...]:
        return tuple(make(_At(row, f"{self.place}, {name}[{i}]")) for i, row in enumerate(self.listed(name)))

    def text(self, name: str) -> str:
        found = self.value(name)
        if not isinstance(found, str) or not found.strip() or len(found) > LONGEST_TEXT:
            raise InputError(f"{self.place}: `{name}` must be a text of at most {LONGEST_TEXT} characters")
        return found

    def level(self, found: Any, name: str) -> str:
        if not isinstance(found, str) or not _LEVEL.fullmatch(found):
            raise InputError(
                f"{self.place}: `{name}` must be an agreement level, such as `exact` or `jaro_winkler 0.92`"
            )
        return found

    def number(self, name: str, lowest: float = -math.inf, highest: float = math.inf) -> float:
        found = self.value(name)
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            raise InputError(f"{self.place}: `{name}` must be a number")
        if not lowest <= found <= highest:
            raise InputError(f"{self.place}: `{name}` must lie between {lowest:g} and {highest:g}")
        return float(found)

    def flag(self, name: str) -> bool:
        found = self.value(name)
        if not isinstance(found, bool):
            raise InputError(f"{self.place}: `{name}` must be true or false")
        return found

    def share(self, name: str) -> float:
        return self.number(name, 0.0, 1.0)

    def chance(self, found: Any, name: str) -> float:
        value = _At({name: found}, self.place).share(name)
        if value == 0:
            raise InputError(
                f"{self.place}: `{name}` must be above 0: a level that can never occur would have no weight, and no "
                "trained model has one; leave the level out, or give it a small chance"
            )
        return value

    def count(self, name: str) -> int:
        found = self.number(name, 0.0)
        if found != int(found):
            raise InputError(f"{self.place}: `{name}` must be a whole number")
        return int(found)
