"""What an organisation asks and declares: request.toml, read with every problem at once.

Why every problem at once: the person who fills it in works in a charity's office, and each round of
mending and asking again costs them a day.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jdl_spark.requests.problems import Problem, UnreadableError, has_control_characters, suggestion

FILE_NAME = "request.toml"
REQUEST_ID = re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}")
FIRST_YEAR = 1995  # national offending records reach back to 2000; some services started before
LONGEST_TEXT = 5_000  # characters of any one answer
LARGEST_FILE = 1_000_000  # bytes

KINDS = (
    "accommodation", "arts", "education", "employment", "family", "finance", "mentoring", "thinking", "women",
    "restorative", "other", "drugs_alcohol", "health", "mental_health", "learning_disability",
    "personality_disorder", "sexual_offending", "domestic_violence",
)  # fmt: skip
SETTINGS = ("custody", "community", "both")
BASES = ("consent", "public_function")
ANALYSES = (
    "national", "regional", "individuals", "other_organisations", "employment", "benefits", "education", "health",
    "housing", "costs",
)  # fmt: skip
COHORT_FORMATS = (".csv", ".ods", ".xlsx")


@dataclass(frozen=True)
class Organisation:
    """Who asks."""

    name: str
    contact: str


@dataclass(frozen=True)
class Service:
    """What was done, with whom, where and when."""

    name: str
    description: str
    kind: str
    setting: str
    target_group: str
    delivery_years: tuple[int, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True)
class LawfulBasis:
    """Why the organisation may share the people's details; `basis` is "" where it does not say."""

    basis: str
    evidence: str


@dataclass(frozen=True)
class Exclusion:
    """People who were left out of the cohort."""

    reason: str
    systematic: bool


@dataclass(frozen=True)
class Cohort:
    """The file of people, and what the organisation declares about it."""

    file: str
    everybody: bool
    one_service: bool
    own_people: bool
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True)
class Analyses:
    """What the organisation would like to know."""

    wanted: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """One question about one service: request.toml as typed values."""

    id: str
    organisation: Organisation
    service: Service
    lawful_basis: LawfulBasis
    cohort: Cohort
    analyses: Analyses

    def as_metadata(self) -> dict[str, Any]:
        """Return the request in the shape of its file, ready for JSON."""
        values = asdict(self)
        return {"request": {"id": values.pop("id")}, **values}


def read_request(path: Path, today: date) -> tuple[Request | None, tuple[Problem, ...]]:
    """Read request.toml.

    Parameters
    ----------
    path : Path
        The file.
    today : date
        Delivery years after this day's are refused.

    Returns
    -------
    Request or None
        None where there is any problem.
    tuple of Problem
        Everything that is wrong, in the order of the file's sections.
    """
    try:
        content = _load(path)
    except UnreadableError as error:
        return None, (error.problem(FILE_NAME),)
    reader = _Reader(content, today)
    request = reader.read()
    return (None if reader.problems else request), tuple(reader.problems)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UnreadableError(
            "no_request_toml",
            "There is no request.toml in this folder.",
            "Make a folder to fill in with: jdl template FOLDER",
        )
    if path.stat().st_size > LARGEST_FILE:
        raise UnreadableError("request_too_large", "The file is larger than a request can be (1 MB).")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnreadableError(
            "request_encoding", "The file is not saved as UTF-8.", "Save it again, and choose the encoding UTF-8."
        ) from None
    except (ValueError, RecursionError) as error:
        place = re.search(r"at (line \d+)", str(error))
        found = f" Look at {place[1]}." if place else ""
        raise UnreadableError(
            "request_not_toml",
            f"The file is not written in the form it must have.{found}",
            'Texts stand in straight quotation marks ("like this"), lists in square brackets, and true and false '
            "without quotation marks. Compare it with a new one from: jdl template FOLDER",
        ) from None


_KEYS: dict[str, tuple[str, ...]] = {
    "request": ("id",),
    "organisation": ("name", "contact"),
    "service": ("name", "description", "kind", "setting", "target_group", "delivery_years", "sites"),
    "lawful_basis": ("basis", "evidence"),
    "cohort": ("file", "everybody", "one_service", "own_people", "exclusions"),
    "analyses": ("wanted",),
}


class _Reader:
    """Turns the tables of the file into a Request and collects what is wrong."""

    def __init__(self, content: Mapping[str, Any], today: date) -> None:
        self.problems: list[Problem] = []
        self.today = today
        self.content: dict[str, Mapping[str, Any]] = {}
        for name in content:
            if name not in _KEYS:
                self._say("unknown_key", f"{name!r} is not known here.{suggestion(name, _KEYS)}")
        for name, keys in _KEYS.items():
            section = content.get(name, {})
            if not isinstance(section, Mapping):
                self._say("wrong_type", f"{name} must be a section, written [{name}] on a line of its own.")
                section = {}
            for key in section:
                if key not in keys:
                    self._say("unknown_key", f"[{name}] {key!r} is not known here.{suggestion(key, keys)}")
            self.content[name] = section

    def _say(self, code: str, words: str, mend: str = "") -> None:
        self.problems.append(Problem(code, FILE_NAME, words, mend))

    def read(self) -> Request:
        name = self._text("request", "id")
        if name and not REQUEST_ID.fullmatch(name):
            self._say(
                "request_id",
                "[request] id must have 3 to 32 capital letters, digits and hyphens, and start with a letter or digit.",
                'For instance "BRIDGE-2010".',
            )
        return Request(
            name,
            Organisation(self._text("organisation", "name"), self._text("organisation", "contact")),
            Service(
                self._text("service", "name"),
                self._text("service", "description"),
                self._one_of("service", "kind", KINDS),
                self._one_of("service", "setting", SETTINGS),
                self._text("service", "target_group"),
                self._years(),
                tuple(self._texts("service", "sites")),
            ),
            LawfulBasis(
                self._one_of("lawful_basis", "basis", BASES, required=False),
                self._text("lawful_basis", "evidence", required=False),
            ),
            self._cohort(),
            Analyses(self._analyses()),
        )

    def _value(self, section: str, key: str, kind: type, words: str, required: bool = True) -> Any:
        """Return a value of the right type, or None after saying what is wrong."""
        value = self.content[section].get(key)
        if value is None:
            if required:
                self._say("missing_key", f"[{section}] {key} is missing.", f"Add {words}.")
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._say("wrong_type", f"[{section}] {key} must be {words}.")
        else:
            return value
        return None

    def _text(self, section: str, key: str, required: bool = True) -> str:
        value = self._value(section, key, str, 'a text in quotation marks, for instance "..."', required)
        text = " ".join(value.split()) if value is not None else ""
        if value is not None and required and not text:
            self._say("empty_key", f"[{section}] {key} is empty.", "Fill it in between the quotation marks.")
        return self._clean(section, key, text)

    def _clean(self, section: str, key: str, text: str) -> str:
        if has_control_characters(text):
            self._say("control_character", f"[{section}] {key} holds invisible control characters.", "Type it again.")
        if len(text) > LONGEST_TEXT:
            self._say("too_long", f"[{section}] {key} is longer than {LONGEST_TEXT:,} characters.")
        return text

    def _one_of(self, section: str, key: str, known: tuple[str, ...], required: bool = True) -> str:
        text = self._text(section, key, required)
        if text and text not in known:
            self._say("unknown_value", f"[{section}] {key}: {text[:40]!r} is not known.{suggestion(text, known)}",
                      f"Choose one of: {', '.join(known)}.")  # fmt: skip
        return text

    def _texts(self, section: str, key: str) -> list[str]:
        values = self._value(section, key, list, 'a list of texts, for instance ["Leeds", "Hull"]')
        if values is None:
            return []
        if not values or any(not isinstance(value, str) or not value.strip() for value in values):
            self._say("wrong_type", f"[{section}] {key} must list at least one text, and no empty ones.",
                      'For instance ["Leeds", "Hull"].')  # fmt: skip
            return []
        return [self._clean(section, key, " ".join(value.split())) for value in values]

    def _years(self) -> tuple[int, ...]:
        values = self._value("service", "delivery_years", list, "a list of years, for instance [2009, 2010]")
        if values is None:
            return ()
        if not values or any(not isinstance(value, int) or isinstance(value, bool) for value in values):
            self._say("wrong_type", "[service] delivery_years must list at least one year, as numbers.",
                      "For instance [2009, 2010].")  # fmt: skip
            return ()
        if any(not FIRST_YEAR <= value <= self.today.year for value in values):
            self._say("implausible_year", f"[service] delivery_years must lie from {FIRST_YEAR} to {self.today.year}.")
        return tuple(sorted(set(values)))

    def _cohort(self) -> Cohort:
        everybody = self._flag("cohort", "everybody")
        exclusions = self._exclusions()
        if everybody and exclusions:
            self._say(
                "everybody_and_exclusions",
                "[cohort] says that everybody is in the file, and also lists people who were left out.",
                "Write everybody = false, or take the [[cohort.exclusions]] out.",
            )
        return Cohort(
            self._file(),
            bool(everybody),
            self._flag("cohort", "one_service", True) is not False,
            self._flag("cohort", "own_people", True) is not False,
            exclusions,
        )

    def _flag(self, section: str, key: str, default: bool | None = None) -> bool | None:
        if default is not None and key not in self.content[section]:
            return default
        value: bool | None = self._value(section, key, bool, "true or false, without quotation marks")
        return value

    def _file(self) -> str:
        name = self._text("cohort", "file")
        if name and (name.startswith(".") or re.search(r"[/\\:\x00]", name) or name != Path(name).name):
            self._say("file_outside_folder", "[cohort] file must be the name of a file in the same folder, without a "
                      "path.", 'For instance "cohort.csv".')  # fmt: skip
        elif name and Path(name).suffix.lower() not in COHORT_FORMATS:
            self._say("unknown_extension", "[cohort] file must end in .csv, .ods or .xlsx.",
                      "Save the file in one of these formats.")  # fmt: skip
        return name

    def _exclusions(self) -> tuple[Exclusion, ...]:
        entries = self.content["cohort"].get("exclusions", [])
        words = "[[cohort.exclusions]] must each have a reason (a text) and systematic (true or false)."
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            self._say("wrong_type", words)
            return ()
        found = []
        for number, entry in enumerate(entries, 1):
            reason, systematic = entry.get("reason"), entry.get("systematic")
            if not isinstance(reason, str) or not reason.strip() or not isinstance(systematic, bool):
                self._say("wrong_type", f"{words} Number {number} does not.")
                continue
            for key in set(entry) - {"reason", "systematic"}:
                self._say("unknown_key", f"[[cohort.exclusions]] {key!r} is not known here.")
            found.append(Exclusion(self._clean("cohort", "exclusions", " ".join(reason.split())), systematic))
        return tuple(found)

    def _analyses(self) -> tuple[str, ...]:
        if "wanted" not in self.content["analyses"]:
            return ("national",)
        wanted = self._texts("analyses", "wanted")
        for word in wanted:
            if word not in ANALYSES:
                words = f"[analyses] wanted: {word[:40]!r} is not known.{suggestion(word, ANALYSES)}"
                self._say("unknown_value", words, 'Write wanted = ["national"] if you are not sure.')
        return tuple(dict.fromkeys(wanted))
