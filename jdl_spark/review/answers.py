"""Read the file of decisions, and say everything that is wrong with it in one answer.

Why no message repeats a cell: the file is about people, and the answer goes to terminals and logs.
A problem says the row, the rule and what mends it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jdl_spark.errors import InputError
from jdl_spark.review import words

LARGEST_FILE = 50_000_000  # bytes
LONGEST_NAME, LONGEST_NOTE = 100, 500  # characters
_DELIMITERS = (",", ";", "\t")
_NEEDED = ("pair", "decision")
_SAVE_AGAIN = "save it from the review page, or from your spreadsheet as CSV UTF-8"

RULES: dict[str, str] = {
    "unknown_decision": "the decision must be same, different or unsure; leave it empty where there is none",
    "no_reviewer": "nobody is named as the reviewer; fill in the column, or say --reviewer",
    "too_long": f"a reviewer has at most {LONGEST_NAME} characters, a note {LONGEST_NOTE}",
    "broken_pair": "the pair's reference is missing or altered; copy it from the file that was exported",
    "other_request": "the pair belongs to another request than the rows before; import each request's file by itself",
    "other_run": "the pair belongs to another run than the rows before; import each run's file by itself",
    "unknown_pair": "the pair is not in that run as the request stands now; if it was handed in again since, run it "
    "and export again",
    "pair_twice": "the pair stands in an earlier row as well; keep one of the two",
    "two_same": "the person is the same as two identities; a person has one, so decide differently on the others",
    "same_before": "an earlier import says that the person is another identity; decide on that one as well in this "
    "file, as different",
}
"""Code to what is wrong and what mends it."""

Key = tuple[str, int]
"""person_ref and offender_id."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one row; 1 is the first row below the headings."""

    row: int
    rule: str

    def line(self) -> str:
        """Return the problem as a line for a terminal."""
        return f"row {self.row}: {RULES[self.rule]} ({self.rule})"

    def as_json(self) -> dict[str, Any]:
        """Return the problem for machines."""
        return {"row": self.row, "rule": self.rule, "words": RULES[self.rule]}


@dataclass(frozen=True, repr=False)
class Answer:
    """One row in which something was decided."""

    row: int
    request_id: str
    run_id: str
    code: str
    decision: str
    """same, different or unsure."""
    reviewer: str
    note: str


@dataclass(frozen=True)
class Answers:
    """The decisions of a file, and what is wrong with it."""

    answers: tuple[Answer, ...] = field(repr=False)
    problems: tuple[Wrong, ...]
    rows: int
    """Rows below the headings, decided or not."""

    @property
    def source(self) -> tuple[str, str] | None:
        """Request and run of the first decision; None where there is none."""
        return (self.answers[0].request_id, self.answers[0].run_id) if self.answers else None


def pair_reference(request_id: str, run_id: str, code: str) -> str:
    """Return what stands for a pair in the files: request, run and a code of letters and digits."""
    return f"{request_id}.{run_id}.{code}"


def read(path: Path, reviewer: str | None = None) -> Answers:
    """Read a file of decisions.

    Parameters
    ----------
    path : CSV file from the review page, or the exported one filled in
    reviewer : str, optional
        Who decided where a row does not say.

    Raises
    ------
    InputError
        If the file cannot be read at all, or has not the columns.
    """
    answers, problems = [], []
    number = 0
    for number, row in enumerate(_rows(path), 1):
        if not row["decision"]:
            continue
        answer, rule = _answer(number, row, reviewer)
        if answer is None:
            problems.append(Wrong(number, rule))
        else:
            answers.append(answer)
    return Answers(tuple(answers), (*problems, *_strangers(answers)), number)


def check(answers: Sequence[Answer], pairs: Mapping[str, Key], standing: Mapping[Key, str]) -> list[Wrong]:
    """Return what is wrong with decisions, given what the run knows.

    Parameters
    ----------
    answers : of one request and run
    pairs : mapping
        Code to the pair it stands for.
    standing : mapping
        Pair to the decision that stands so far.
    """
    problems, seen, same = [], set[str](), dict[str, int]()
    for answer in answers:
        if answer.code not in pairs:
            problems.append(Wrong(answer.row, "unknown_pair"))
            continue
        if answer.code in seen:
            problems.append(Wrong(answer.row, "pair_twice"))
            continue
        seen.add(answer.code)
        person, _ = pairs[answer.code]
        if answer.decision == "same":
            if person in same:
                problems.append(Wrong(answer.row, "two_same"))
            same.setdefault(person, answer.row)
    spoken_on = {pairs[code] for code in seen}
    for (person, offender), decision in standing.items():
        if decision == "same" and person in same and (person, offender) not in spoken_on:
            problems.append(Wrong(same[person], "same_before"))
    return sorted(problems, key=lambda wrong: (wrong.row, wrong.rule))


def _answer(number: int, row: Mapping[str, str], reviewer: str | None) -> tuple[Answer | None, str]:
    decision = words.decision_of(row["decision"])
    request_id, run_id, code = [*row["pair"].rsplit(".", 2), "", "", ""][:3]
    who, note = row["reviewer"] or (reviewer or "").strip(), row["note"]
    if decision is None:
        return None, "unknown_decision"
    if not (request_id and run_id and code):
        return None, "broken_pair"
    if not who:
        return None, "no_reviewer"
    if len(who) > LONGEST_NAME or len(note) > LONGEST_NOTE:
        return None, "too_long"
    return Answer(number, request_id, run_id, code, decision, who, note), ""


def _strangers(answers: Sequence[Answer]) -> Iterator[Wrong]:
    """Yield the rows that are not of the first row's request and run."""
    for answer in answers:
        if answer.request_id != answers[0].request_id:
            yield Wrong(answer.row, "other_request")
        elif answer.run_id != answers[0].run_id:
            yield Wrong(answer.row, "other_run")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    text = _text(path)
    heading = text.splitlines()[0] if text else ""
    delimiter = max(_DELIMITERS, key=heading.count)
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise InputError(f"{path.name} is not a CSV file that can be read; {_SAVE_AGAIN}") from None
    place = {name.strip().lower(): at for at, name in enumerate(records[0] if records else [])}
    missing = [name for name in _NEEDED if name not in place]
    if missing:
        raise InputError(f"{path.name} has no column {' and no column '.join(missing)}; {_SAVE_AGAIN}")
    for cells in records[1:]:
        row = {name: _cell(cells, place.get(name)) for name in (*_NEEDED, "reviewer", "note")}
        yield row


def _cell(cells: Sequence[str], at: int | None) -> str:
    """Return a cell without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    text = cells[at].strip() if at is not None and at < len(cells) else ""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@" else text


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path.name} is larger than {LARGEST_FILE // 1_000_000} MB; {_SAVE_AGAIN}")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"there is no file {path.name} that can be opened") from error
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path.name} is not text that can be read; {_SAVE_AGAIN}")
