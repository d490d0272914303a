"""ODS and XLSX files from strangers, read as little as possible and with limits on everything.

Why not a spreadsheet library: the usual ones take a second to load, unpack without limits, and one
trusts the XML it finds. Only the first sheet's values are wanted. Nothing is ever written to disk,
no formula is computed, no document type or entity is allowed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from jdl_spark.requests.problems import UnreadableError

LARGEST_EXPANDED = 200_000_000  # bytes of all members together, as they declare
LARGEST_RATIO = 100  # expanded to packed; an honest sheet stays below 40
MOST_MEMBERS = 1_000
MOST_ROWS = 99_999  # a person is named by a row number of five digits
MOST_COLUMNS = 100
LONGEST_CELL = 200  # characters; the longest name, site or postcode is far shorter
_CHUNK = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, ParseError, EOFError, KeyError, NotImplementedError, OverflowError, ValueError,
    RuntimeError,
)  # fmt: skip
"""What the standard library raises on a file that is cut short, altered or made up."""
_SAVE_AGAIN = "Open it in your spreadsheet, save it again as CSV (UTF-8), and name that file in request.toml."


@dataclass(frozen=True)
class Bad:
    """A cell that is not read; `code` is one of problems.ROW_PROBLEMS."""

    code: str


Cell = str | date | Bad
Row = tuple[int, list[Cell]]
"""The row's number in the sheet, from 1, and its cells; blank rows are left out."""


def read_spreadsheet(data: bytes, suffix: str) -> list[Row]:
    """Return the rows of the first sheet of an ODS or XLSX file.

    Parameters
    ----------
    data : bytes
        The whole file.
    suffix : ".ods" or ".xlsx"

    Raises
    ------
    UnreadableError
        If the file is not what its name says, is damaged, protected, or larger inside than it may be.
    """
    try:
        archive = _open(data)
        rows = _ods(archive) if suffix == ".ods" else _xlsx(archive)
        return list(rows)
    except DefusedXmlException:
        raise UnreadableError(
            "unsafe_xml", "The spreadsheet holds a document type or an entity, which a cohort never needs.", _SAVE_AGAIN
        ) from None
    except _DAMAGE:
        raise UnreadableError(
            "broken_spreadsheet", f"The file is damaged, or is not an {suffix[1:].upper()} spreadsheet.", _SAVE_AGAIN
        ) from None


def _open(data: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    expanded = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS or expanded > LARGEST_EXPANDED or expanded > LARGEST_RATIO * max(len(data), 10_000):
        raise UnreadableError(
            "zip_bomb", "The spreadsheet is far larger inside than its file, so it is not opened.", _SAVE_AGAIN
        )
    if any(member.flag_bits & 1 for member in members):
        raise UnreadableError("password", "The spreadsheet is protected by a password.", "Save it without a password.")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise zipfile.BadZipFile
    return archive


def _member(archive: zipfile.ZipFile, name: str) -> io.BytesIO:
    """Unpack one member, counting: a member may lie about its size."""
    allowed = archive.getinfo(name).file_size
    out = io.BytesIO()
    with archive.open(name) as stream:
        while chunk := stream.read(_CHUNK):
            out.write(chunk)
            if out.tell() > allowed:
                raise zipfile.BadZipFile
    out.seek(0)
    return out


def _events(stream: io.BytesIO, *events: str) -> Iterator[tuple[str, Element]]:
    walk: Iterator[tuple[str, Element]] = defusedxml.ElementTree.iterparse(stream, events=events, forbid_dtd=True)
    return walk


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _attribute(element: Element, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def _checked(number: int) -> int:
    if number > MOST_ROWS + 1:
        raise too_many_rows()
    return number


def too_many_rows() -> UnreadableError:
    """Return the answer to a file with more rows than a cohort can have."""
    return UnreadableError(
        "too_many_rows", f"The file has more than {MOST_ROWS:,} rows.", "Look for stray text far below the last person."
    )


def too_many_columns() -> UnreadableError:
    """Return the answer to a file with more columns than a cohort can have."""
    return UnreadableError(
        "too_many_columns", f"The file has more than {MOST_COLUMNS} columns.", "Keep the columns that are asked for."
    )


def _put(cells: dict[int, Cell], at: int, cell: Cell) -> None:
    if at >= MOST_COLUMNS:
        raise UnreadableError(
            "too_many_columns",
            f"The file has more than {MOST_COLUMNS} columns.",
            "Keep the columns that are asked for.",
        )
    cells[at] = cell


def _dense(cells: dict[int, Cell]) -> list[Cell]:
    return [cells.get(at, "") for at in range(max(cells) + 1)]


def _short(text: str) -> Cell:
    return Bad("cell_too_long") if len(text) > LONGEST_CELL else text


# --- OpenDocument -------------------------------------------------------------------------


def _ods(archive: zipfile.ZipFile) -> Iterator[Row]:
    number = 0
    depth = 0
    for event, element in _events(_member(archive, "content.xml"), "start", "end"):
        name = _name(element)
        if name == "table":
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 0:
                return
        elif name == "table-row" and event == "end" and depth == 1:
            repeated = _count(element, "number-rows-repeated")
            cells = _ods_cells(element)
            element.clear()
            for at in range(number + 1, number + 1 + (repeated if cells else 0)):
                yield _checked(at), _dense(cells)
            number += repeated


def _count(element: Element, name: str) -> int:
    count = int(_attribute(element, name) or 1)
    if not 1 <= count <= 1 << 24:
        raise ValueError
    return count


def _ods_cells(row: Element) -> dict[int, Cell]:
    cells: dict[int, Cell] = {}
    at = 0
    for element in row:
        if _name(element) not in ("table-cell", "covered-table-cell"):
            continue
        repeated = _count(element, "number-columns-repeated")
        cell = _ods_cell(element)
        if cell != "":
            for place in range(at, at + repeated):
                _put(cells, place, cell)
        at += repeated
    return cells


def _ods_cell(element: Element) -> Cell:
    if _attribute(element, "formula") is not None:
        return Bad("formula")
    kind = _attribute(element, "value-type")
    if kind == "date":
        return _iso(_attribute(element, "date-value") or "")
    if kind in ("float", "percentage", "currency"):
        return _plain_number(_attribute(element, "value") or "")
    return _short("\n".join(_ods_text(part) for part in element if _name(part) == "p").strip())


def _ods_text(paragraph: Element) -> str:
    parts = [paragraph.text or ""]
    for part in paragraph:
        space = {"s": " ", "tab": " ", "line-break": "\n"}.get(_name(part))
        parts.append(space if space is not None else "".join(part.itertext())[: LONGEST_CELL + 1])
        parts.append(part.tail or "")
    return "".join(parts)


def _iso(text: str) -> Cell:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return Bad("impossible_date")


def _plain_number(text: str) -> Cell:
    """Write a number as a person would: 3, not 3.0."""
    return _short(re.sub(r"\.0+$", "", text.strip()))


# --- Office Open XML ----------------------------------------------------------------------

_BUILT_IN_DATES = frozenset({14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 59)})
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


@dataclass(frozen=True)
class _Book:
    strings: list[Cell]
    date_styles: frozenset[int]
    epoch: date


def _xlsx(archive: zipfile.ZipFile) -> Iterator[Row]:
    sheet, in_1904 = _first_sheet(archive)
    names = set(archive.namelist())
    strings = _shared_strings(archive) if "xl/sharedStrings.xml" in names else []
    styles = _date_styles(archive) if "xl/styles.xml" in names else frozenset()
    book = _Book(strings, styles, date(1904, 1, 1) if in_1904 else date(1899, 12, 30))
    number = 0
    for _, element in _events(_member(archive, sheet), "end"):
        if _name(element) != "row":
            continue
        number = int(element.get("r") or number + 1)
        cells = _xlsx_cells(element, book)
        element.clear()
        if cells:
            yield _checked(number), _dense(cells)


def _first_sheet(archive: zipfile.ZipFile) -> tuple[str, bool]:
    root: Any = defusedxml.ElementTree.parse(_member(archive, "xl/workbook.xml"), forbid_dtd=True).getroot()
    in_1904 = any(_name(e) == "workbookPr" and e.get("date1904") in ("1", "true") for e in root.iter())
    first = next(e for e in [*root.iter(), Element("sheet")] if _name(e) == "sheet")
    wanted = _attribute(first, "id") if len(first.attrib) else None
    links: Any = defusedxml.ElementTree.parse(_member(archive, "xl/_rels/workbook.xml.rels"), forbid_dtd=True).getroot()
    for link in links:
        if link.get("Id") == wanted and wanted is not None:
            target = str(link.get("Target"))
            return (target[1:] if target.startswith("/") else f"xl/{target}"), in_1904
    raise KeyError


def _shared_strings(archive: zipfile.ZipFile) -> list[Cell]:
    strings: list[Cell] = []
    for _, element in _events(_member(archive, "xl/sharedStrings.xml"), "end"):
        if _name(element) == "si":
            strings.append(_short(_xlsx_text(element)))
            element.clear()
    return strings


def _xlsx_text(element: Element) -> str:
    """Join the runs of a text; phonetic hints are not part of it."""
    parts = []
    for part in element:
        if _name(part) == "t":
            parts.append(part.text or "")
        elif _name(part) == "r":
            parts.extend(run.text or "" for run in part if _name(run) == "t")
    return "".join(parts).strip()


def _date_styles(archive: zipfile.ZipFile) -> frozenset[int]:
    root: Any = defusedxml.ElementTree.parse(_member(archive, "xl/styles.xml"), forbid_dtd=True).getroot()
    custom = {
        int(e.get("numFmtId", "-1")): _QUOTED.sub("", e.get("formatCode", "")).lower()
        for e in root.iter()
        if _name(e) == "numFmt"
    }
    days = _BUILT_IN_DATES | {number for number, code in custom.items() if "d" in code and "y" in code}
    formats = next((e for e in root if _name(e) == "cellXfs"), ())
    return frozenset(place for place, e in enumerate(formats) if int(e.get("numFmtId", "0")) in days)


def _xlsx_cells(row: Element, book: _Book) -> dict[int, Cell]:
    cells: dict[int, Cell] = {}
    at = -1
    for element in row:
        if _name(element) != "c":
            continue
        letters = re.match(r"[A-Z]{1,3}", element.get("r") or "")
        at = _column(letters[0]) if letters else at + 1
        cell = _xlsx_cell(element, book)
        if cell != "":
            _put(cells, at, cell)
    return cells


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _xlsx_cell(element: Element, book: _Book) -> Cell:
    parts = {_name(part): part for part in element}
    if "f" in parts:
        return Bad("formula")
    kind = element.get("t", "n")
    if kind == "inlineStr":
        return _short(_xlsx_text(parts["is"])) if "is" in parts else ""
    text = (parts["v"].text or "").strip() if "v" in parts else ""
    if not text:
        return ""
    if kind == "s":
        return book.strings[int(text)] if 0 <= int(text) < len(book.strings) else Bad("cell_error")
    if kind == "e":
        return Bad("cell_error")
    if kind == "d":
        return _iso(text)
    if kind == "n" and int(element.get("s") or 0) in book.date_styles:
        return _serial(text, book.epoch)
    return _plain_number(text) if kind == "n" else _short(text)


def _serial(text: str, epoch: date) -> Cell:
    """Turn a spreadsheet's day number into a day. Day 60 of 1900 never was; days before it are off by one."""
    number = float(text)
    if not 61 <= number <= 2_958_465 and not (epoch.year == 1904 and 0 <= number <= 2_957_003):
        return Bad("impossible_date")
    return epoch + timedelta(days=int(number))
