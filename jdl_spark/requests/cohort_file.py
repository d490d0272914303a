"""A cohort file from strangers as rows of text under our own headings.

Why every encoding is tried strictly: a name that was read with the wrong one is a person who will
not be found. Why no heading is repeated in a message: where the headings are missing, the first row
holds a person.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jdl_spark.requests.problems import Problem, UnreadableError, suggestion
from jdl_spark.requests.spreadsheet import (
    MOST_COLUMNS,
    MOST_ROWS,
    Bad,
    Cell,
    Row,
    read_spreadsheet,
    too_many_columns,
    too_many_rows,
)

LARGEST_FILE = 20_000_000  # bytes; 99,999 people with every column filled take about 15 million
DELIMITERS = (",", ";", "\t")
REQUIRED = ("forename", "surname", "date_of_birth", "gender")
DATES = ("intervention_start", "intervention_end")
COLUMNS: dict[str, tuple[str, ...]] = {
    "forename": ("first name", "firstname", "given name", "forenames", "first names", "christian name"),
    "middle_names": ("middle name", "middlename", "middle names", "other names"),
    "surname": ("last name", "lastname", "family name", "sur name"),
    "date_of_birth": ("dob", "d o b", "birth date", "birthdate", "birthday", "date birth", "born"),
    "gender": ("sex", "m f", "male female"),
    "postcode": ("post code", "postal code", "home postcode"),
    "pnc_id": ("pnc", "pncid", "pnc no", "pnc number", "police national computer number"),
    "intervention_start": (
        "start date", "start", "started", "date started", "service start", "programme start", "first day",
        "intervention start date", "date of start",
    ),
    "intervention_end": (
        "end date", "end", "ended", "date ended", "service end", "programme end", "last day", "finish date",
        "completion date", "intervention end date", "date of end",
    ),
    "site": ("location", "centre", "prison", "establishment", "place", "project site", "office"),
}  # fmt: skip
"""Our column to what else its heading may be called."""

_KNOWN = {word: name for name, words in COLUMNS.items() for word in (name.replace("_", " "), *words)}
_WHOLE_NAME = {"name", "full name", "fullname", "client name", "client", "participant"}
_SAVE_AS_CSV = "Save it from your spreadsheet as CSV UTF-8, ODS or XLSX, and name that file in request.toml."
_MAGIC = {
    b"PK\x03\x04": "a spreadsheet or a ZIP archive",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls), or a spreadsheet with a password",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a compressed archive",
}


@dataclass(frozen=True)
class CohortFile:
    """A file that can be read: its rows, and where our columns stand in them."""

    digest: str
    """SHA-256 of the file."""
    encoding: str
    """utf-8, utf-8-sig, utf-16 or cp1252; "" for a spreadsheet."""
    delimiter: str
    columns: dict[str, int]
    """Our column to its place in a row, from 0."""
    width: int
    """Cells in the row of headings."""
    rows: tuple[Row, ...] = field(repr=False)
    """Number from 1 for the first row below the headings, and cells. Blank rows are left out."""
    notes: tuple[Problem, ...] = ()
    """What was noticed that keeps nobody out."""


def read_cohort(path: Path) -> CohortFile:
    """Read a CSV, ODS or XLSX file.

    Raises
    ------
    UnreadableError
        With the code and words of the first reason why the file cannot be used as a whole.
    """
    data = _bytes(path)
    suffix = path.suffix.lower()
    encoding = delimiter = ""
    if suffix == ".csv":
        text, encoding = _decode(data)
        delimiter, rows = _split(text)
    else:
        rows = read_spreadsheet(data, suffix)
    rows = [(number, cells) for number, cells in rows if any(cell != "" for cell in cells)]
    if not rows:
        raise UnreadableError("empty_file", "There is nothing in the file.", "Add the headings and the people.")
    top, headings = rows[0]
    columns, notes = _columns(headings, path.name)
    if len(rows) == 1:
        raise UnreadableError("no_rows", "There are headings but no people in the file.", "Add a row for each person.")
    if encoding in ("cp1252", "utf-16"):
        words = f"The file is not UTF-8; it was read as {encoding}. Check that names with accents look right."
        notes.append(Problem("encoding", path.name, words, "To be sure, save the file as CSV UTF-8."))
    body = tuple((number - top, cells) for number, cells in rows[1:])
    return CohortFile(hashlib.sha256(data).hexdigest(), encoding, delimiter, columns, len(headings), body, tuple(notes))


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() not in (".csv", ".ods", ".xlsx"):
        raise UnreadableError("unknown_extension", "The file must end in .csv, .ods or .xlsx.", _SAVE_AS_CSV)
    if not path.is_file():
        raise UnreadableError(
            "missing_file", "There is no such file in the folder.", "Put it beside request.toml, or correct its name."
        )
    if path.resolve().parent != path.parent.resolve():
        raise UnreadableError(
            "file_outside_folder", "The file is a link to somewhere else.", "Put the file itself into the folder."
        )
    if path.stat().st_size > LARGEST_FILE:
        raise UnreadableError("file_too_large", f"The file is larger than {LARGEST_FILE // 1_000_000} MB.",
                              "Keep only the columns that are asked for.")  # fmt: skip
    data = path.read_bytes()
    if not data.strip():
        raise UnreadableError("empty_file", "There is nothing in the file.", "Add the headings and the people.")
    what = next((words for magic, words in _MAGIC.items() if data.startswith(magic)), None)
    if what and not (what.startswith("a spreadsheet") and path.suffix.lower() != ".csv"):
        raise UnreadableError("wrong_format", f"The file's name says {path.suffix.lower()}, but it is {what}.",
                              _SAVE_AS_CSV)  # fmt: skip
    return data


# --- text ---------------------------------------------------------------------------------


def _decode(data: bytes) -> tuple[str, str]:
    """Return the text and its encoding. Each is tried strictly; none ever replaces a character."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates: tuple[tuple[str, str], ...] = (("utf-16", "utf-16"),)
    elif data.startswith(codecs.BOM_UTF8):
        candidates = (("utf-8-sig", "utf-8-sig"),)
    elif (guess := _utf16_without_mark(data)) is not None:
        candidates = ((guess, "utf-16"),)
    else:
        candidates = (("utf-8", "utf-8"), ("cp1252", "cp1252"))
    for codec, name in candidates:
        try:
            return data.decode(codec), name
        except UnicodeDecodeError:
            continue
    raise UnreadableError(
        "wrong_encoding", "The file's letters are not written in UTF-8, UTF-16 or Windows-1252.", _SAVE_AS_CSV
    )


def _utf16_without_mark(data: bytes) -> str | None:
    """Western text in UTF-16 has a zero in nearly every second byte."""
    head = data[:4_000]
    if len(head) < 4:
        return None
    half = len(head) // 2
    if head[1::2].count(0) > 0.7 * half and head[::2].count(0) < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > 0.7 * half and head[1::2].count(0) < 0.1 * half else None


def _split(text: str) -> tuple[str, list[Row]]:
    """Return the delimiter under which most headings are known, and the rows."""
    best = max(DELIMITERS, key=lambda mark: sum(name is not None for name in map(_ours, _first_row(text, mark))))
    return best, list(_records(text, best))


def _first_row(text: str, delimiter: str) -> list[Cell]:
    return next((cells for _, cells in _records(text[:20_000], delimiter) if any(c != "" for c in cells)), [])


def _records(text: str, delimiter: str) -> Iterator[Row]:
    before = csv.field_size_limit(LARGEST_FILE)  # the module's limit is for the whole process: put it back
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for number, row in enumerate(rows, 1):
            if number > MOST_ROWS + 1:
                raise too_many_rows()
            if len(row) > MOST_COLUMNS:
                if any(row[MOST_COLUMNS:]):
                    raise too_many_columns()
                del row[MOST_COLUMNS:]
            yield number, [cell.strip() for cell in row]
    except csv.Error:
        raise UnreadableError("broken_csv", "The file is not a CSV file that can be read.", _SAVE_AS_CSV) from None
    finally:
        csv.field_size_limit(before)


# --- headings -----------------------------------------------------------------------------


def _words(heading: Cell) -> str:
    return " ".join(re.findall(r"[a-z]+", str(heading).lower())) if isinstance(heading, str) else ""


def _ours(heading: Cell) -> str | None:
    return _KNOWN.get(_words(heading))


def _place(at: int) -> str:
    letters = chr(65 + at % 26)
    return f"column {letters if at < 26 else chr(64 + at // 26) + letters}"


def _columns(headings: list[Cell], file: str) -> tuple[dict[str, int], list[Problem]]:
    found: dict[str, int] = {}
    notes = []
    for at, heading in enumerate(headings):
        name = _ours(heading)
        if name in found:
            raise UnreadableError(
                "duplicate_heading", f"Two columns are both headed as {name}: {_place(found[name])} and {_place(at)}.",
                "Keep the right one only.",
            )  # fmt: skip
        if name is not None:
            found[name] = at
        elif heading != "":
            notes.append(_unknown(heading, at, file))
    _check_complete(found, notes)
    return found, notes


def _unknown(heading: Cell, at: int, file: str) -> Problem:
    words = _words(heading)
    if words in _WHOLE_NAME:
        hint = " Forename and surname must stand in two columns."
    else:
        hint = suggestion(words.replace(" ", "_"), COLUMNS) or _nearest(words)
    where = _place(at)
    return Problem(
        "unknown_heading", file, f"The heading of {where} is not known, so the column is not used.{hint}",
        "Correct the heading, or take the column out: please send no more details than are asked for.",
    )  # fmt: skip


def _nearest(words: str) -> str:
    near = suggestion(words, _KNOWN)
    return f' Did you mean "{_KNOWN[near.split(chr(34))[1]]}"?' if near else ""


def _check_complete(found: dict[str, int], notes: list[Problem]) -> None:
    hints = "".join(f" {note.words}" for note in notes[:5])
    if not found:
        raise UnreadableError(
            "no_headings", "The first row does not hold headings that are known.",
            f"Make the first row the headings: {', '.join(COLUMNS)}.",
        )  # fmt: skip
    missing = [name for name in REQUIRED if name not in found]
    if not any(name in found for name in DATES):
        missing.append("intervention_start or intervention_end")
    if missing:
        raise UnreadableError(
            "missing_columns", f"There is no column for: {', '.join(missing)}.{hints}",
            "Add the missing columns. The lab cannot analyse anybody without them.",
        )  # fmt: skip


def text_of(cell: Cell) -> str:
    """Return what a cell shows, for the person who mends the row; never for a message."""
    return f"({cell.code})" if isinstance(cell, Bad) else str(cell)[:200]
