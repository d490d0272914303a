"""From rows of text to people who can be looked for, and a named problem for whatever cannot be read.

Why a row is kept or left out whole: half a person cannot be linked. A cell that breaks a rule counts as
not given; a row lacking a required field is `incomplete_row`, and stays in quarantine for its sender.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from jdl_spark.requests.cohort_file import DATES, REQUIRED, CohortFile, text_of
from jdl_spark.requests.dates import EARLIEST, completed_years, read_date
from jdl_spark.requests.problems import RowProblem, has_control_characters
from jdl_spark.requests.spreadsheet import LONGEST_CELL, Bad, Cell

YOUNGEST, OLDEST = 10, 100  # completed years; 10 is the age of criminal responsibility in England and Wales
GENDERS = {
    **dict.fromkeys(("f", "female", "woman", "women", "girl", "fem"), "F"),
    **dict.fromkeys(("m", "male", "man", "men", "boy"), "M"),
}
_NOTHING = frozenset({"", "-", "--", "n/a", "n/k", "not known", "unknown", "not stated", "u", "?"})
_NAMES_NOTHING = _NOTHING - {"u"}  # U is a surname
_INVISIBLE = re.compile("[\u00ad\u200b\ufeff]")
_PNC = re.compile(r"(?:[0-9]{4}|[0-9]{2})/[0-9]{1,7}[A-Z]")


@dataclass(frozen=True, repr=False)
class CohortPerson:
    """One person who can be looked for: the columns of schemas.COHORT_MEMBERS."""

    person_ref: str
    forename: str
    middle_names: str | None
    surname: str
    date_of_birth: date
    sex: str
    postcode: str | None
    pnc_id: str | None
    intervention_start: date
    """The end where no start was given."""
    intervention_end: date | None
    start_is_end: bool
    site: str | None

    def __repr__(self) -> str:
        return f"CohortPerson({self.person_ref})"

    @property
    def row(self) -> int:
        """Row number in the file."""
        return int(self.person_ref)


@dataclass(frozen=True)
class LostRow:
    """A row that is not analysed: its number, the reasons, and its cells for whoever mends it."""

    row: int
    reasons: tuple[str, ...]
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class People:
    """What became of every row: rows = admitted + incomplete_row + duplicate_row + second_intervention."""

    admitted: tuple[CohortPerson, ...]
    problems: tuple[RowProblem, ...]
    lost: tuple[LostRow, ...]
    counts: Mapping[str, int]


def read_people(file: CohortFile, years: Sequence[int], today: date) -> People:
    """Read every row of a cohort file.

    Parameters
    ----------
    file : CohortFile
    years : sequence of int
        Declared delivery years; empty where they are not known, then none is outside.
    today : date
        Later dates are problems.
    """
    problems: list[RowProblem] = []
    read: list[CohortPerson] = []
    lost: list[LostRow] = []
    cells_of = dict(file.rows)
    for number, cells in file.rows:
        row = _Row(number, cells, file, today)
        person = row.person(years)
        problems += row.problems
        if person is None:
            lost.append(LostRow(number, tuple(dict.fromkeys(row.reasons)), _shown(cells, file)))
        else:
            read.append(person)
    repeated = _repeated(read)
    problems += [RowProblem(number, "", code) for number, code in repeated.items()]
    lost += [LostRow(number, (code,), _shown(cells_of[number], file)) for number, code in repeated.items()]
    admitted = tuple(person for person in read if person.row not in repeated)
    codes = Counter(repeated.values())
    outside = {problem.row for problem in problems if problem.code == "outside_declared_years"}
    counts = {
        "rows": len(file.rows),
        "admitted": len(admitted),
        "incomplete_row": len(file.rows) - len(read),
        "duplicate_row": codes["duplicate_row"],
        "second_intervention": codes["second_intervention"],
        "start_is_end": sum(person.start_is_end for person in admitted),
        "outside_declared_years": sum(person.row in outside for person in admitted),
    }
    order = sorted(problems, key=lambda problem: (problem.row, problem.column, problem.code))
    return People(admitted, tuple(order), tuple(sorted(lost, key=lambda one: one.row)), counts)


def _shown(cells: Sequence[Cell], file: CohortFile) -> dict[str, str]:
    return {name: text_of(cells[at]) for name, at in file.columns.items() if at < len(cells)}


class _Row:
    """Reads one row; collects its problems, and the reasons if it must be left out."""

    def __init__(self, number: int, cells: list[Cell], file: CohortFile, today: date) -> None:
        self.number, self.cells, self.file, self.today = number, cells, file, today
        self.problems: list[RowProblem] = []
        self.reasons: list[str] = []

    def _say(self, code: str, column: str = "", fatal: bool = False) -> None:
        self.problems.append(RowProblem(self.number, column, code))
        if fatal:
            self.reasons.append(f"{code}_{column}" if column else code)

    def person(self, years: Sequence[int]) -> CohortPerson | None:
        """Return the person, or None where the row is incomplete."""
        if any(cell != "" for cell in self.cells[self.file.width :]):
            self._say("too_many_cells", fatal=True)
            return None
        forename, surname = self._name("forename"), self._name("surname")
        born = self._date("date_of_birth")
        sex = self._gender()
        start, end = self._date("intervention_start"), self._date("intervention_end")
        middle = self._name("middle_names") or None
        postcode, site, pnc = self._text("postcode") or None, self._text("site") or None, self._pnc()
        if start is not None and end is not None and end < start:
            self._say("end_before_start", "intervention_end", fatal=True)
        first = start if start is not None else end
        born = self._plausible(born, first)
        self._check_required({"forename": forename, "surname": surname, "date_of_birth": born, "gender": sex}, first)
        if self.reasons or born is None or first is None:
            return None
        earliest = first.year if start is not None else first.year - 1  # a start that is not known may lie before
        if years and not any(earliest <= year <= (end or first).year for year in years):
            self._say("outside_declared_years", "intervention_start" if start is not None else "intervention_end")
        reference = f"{self.number:05d}"
        return CohortPerson(
            reference, forename, middle, surname, born, sex, postcode, pnc, first, end, start is None, site
        )

    def _check_required(self, values: Mapping[str, object], first: date | None) -> None:
        bad = {problem.column: problem.code for problem in self.problems}
        for column in REQUIRED:
            if not values[column]:
                if column in bad:
                    self.reasons.append(f"{bad[column]}_{column}")
                else:
                    self._say("missing_value", column, fatal=True)
        if first is None:
            spoilt = [column for column in DATES if column in bad]
            self.reasons += [f"{bad[column]}_{column}" for column in spoilt]
            if not spoilt:
                self._say("missing_value", "intervention_start", fatal=True)

    def _cell(self, column: str) -> Cell:
        at = self.file.columns.get(column)
        return self.cells[at] if at is not None and at < len(self.cells) else ""

    def _text(self, column: str, nothing: frozenset[str] = _NOTHING) -> str:
        """Return a clean text, "" where nothing usable is written."""
        cell = self._cell(column)
        if isinstance(cell, Bad):
            self._say(cell.code, column)
            return ""
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", str(cell)))
        code = _flaw(text)
        if code is not None:
            self._say(code, column)
            return ""
        text = " ".join(text.split())
        return "" if text.lower() in nothing else text

    def _name(self, column: str) -> str:
        text = self._text(column, _NAMES_NOTHING)
        if text and not any(letter.isalpha() for letter in text):
            self._say("not_a_name", column)
            return ""
        return text

    def _gender(self) -> str:
        text = self._text("gender").lower().rstrip(".")
        if text and text not in GENDERS:
            self._say("unknown_gender", "gender")
        return GENDERS.get(text, "")

    def _pnc(self) -> str | None:
        text = re.sub(r"[\s-]", "", self._text("pnc_id")).upper()
        if text and not _PNC.fullmatch(text):
            self._say("unknown_pnc_id", "pnc_id")
            return None
        return text or None

    def _date(self, column: str) -> date | None:
        cell = self._cell(column)
        day: date | str | None = cell if isinstance(cell, date) else None
        if day is None:
            text = self._text(column)
            day = read_date(text) if text else None
        if isinstance(day, date):
            day = "future_date" if day > self.today else "too_long_ago" if day < EARLIEST else day
        if isinstance(day, str):
            self._say(day, column)
            return None
        return day

    def _plausible(self, born: date | None, first: date | None) -> date | None:
        if born is None or first is None:
            return born
        age = completed_years(born, first)
        if YOUNGEST <= age <= OLDEST:
            return born
        self._say("age_under_10" if age < YOUNGEST else "age_over_100", "date_of_birth")
        return None


def _flaw(text: str) -> str | None:
    if has_control_characters(text):
        return "control_character"
    if len(text) > LONGEST_CELL:
        return "cell_too_long"
    if "\n" in text.strip() or "\r" in text.strip():
        return "line_break"
    start = text.lstrip()
    return "formula" if start[:1] in ("=", "+", "@") or (start[:1] == "-" and start.strip("- ")) else None


# --- the same person twice ----------------------------------------------------------------


def _plain(name: str) -> str:
    """Return the letters of a name, without case, accents and punctuation."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", name.casefold()) if letter.isalpha())


def _repeated(people: Sequence[CohortPerson]) -> dict[int, str]:
    """Return row numbers of people who are in another row too, with the code.

    A row is the same person where name, date of birth and sex are, unless both give a Police National
    Computer number and these differ. A row whose time overlaps one that is kept is a `duplicate_row`; of
    several separate times the earliest is kept, and the others are a `second_intervention`.
    """
    known: dict[tuple[str, str, date, str], list[list[CohortPerson]]] = {}
    codes: dict[int, str] = {}
    for person in people:
        key = (_plain(person.forename), _plain(person.surname), person.date_of_birth, person.sex)
        groups = known.setdefault(key, [])
        group = next((rows for rows in groups if _may_be_one(rows, person)), None)
        if group is None:
            groups.append([person])
        elif any(_overlap(person, other) for other in group):
            codes[person.row] = "duplicate_row"
        else:
            group.append(person)
    for groups in known.values():
        for rows in groups:
            for person in sorted(rows, key=lambda one: (one.intervention_start, one.row))[1:]:
                codes[person.row] = "second_intervention"
    return codes


def _may_be_one(rows: Sequence[CohortPerson], person: CohortPerson) -> bool:
    return not any(other.pnc_id and person.pnc_id and other.pnc_id != person.pnc_id for other in rows)


def _overlap(one: CohortPerson, other: CohortPerson) -> bool:
    one_end, other_end = (
        one.intervention_end or one.intervention_start,
        other.intervention_end or other.intervention_start,
    )
    return one.intervention_start <= other_end and other.intervention_start <= one_end
