"""Request folders made up for tests: a right one, and ways to make it wrong."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jdl_spark.requests.check import Submission, check_folder

TODAY = date(2026, 11, 23)
HEADER = "forename,middle_names,surname,date_of_birth,gender,postcode,pnc_id,intervention_start,intervention_end,site"
SETTINGS: dict[str, dict[str, Any]] = {
    "request": {"id": "BRIDGE-2010"},
    "organisation": {"name": "Bridge Trust", "contact": "data@example.org"},
    "service": {
        "name": "Bridge mentoring",
        "description": "Volunteers met people weekly. They talked about work and family.",
        "kind": "mentoring",
        "setting": "custody",
        "target_group": "men leaving prison",
        "delivery_years": [2009, 2010],
        "sites": ["Leeds", "Hull"],
    },
    "lawful_basis": {"basis": "consent", "evidence": "Signed forms are kept."},
    "cohort": {"file": "cohort.csv", "everybody": True},
    "analyses": {"wanted": ["national"]},
}


def value(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key} = {value(inner)}" for key, inner in item.items()) + "}"
    return "[" + ", ".join(map(value, item)) + "]" if isinstance(item, list) else str(item)


def toml(**changes: dict[str, Any]) -> str:
    """Return a request.toml; a changed key of None is left out."""
    sections = {name: {**keys, **changes.get(name, {})} for name, keys in SETTINGS.items()}
    sections |= {name: keys for name, keys in changes.items() if name not in sections}
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value(item)}\n" for key, item in keys.items() if item is not None)
        for name, keys in sections.items()
    )


def person(number: int) -> list[str]:
    """Return the cells of a person of their own, day first."""
    letters = "".join(chr(97 + int(digit)) for digit in f"{number:05d}")
    return [
        "Alan", "", f"Smith{letters}", "03/04/1980", "M", "LS1 4AB", "", "01/02/2010", "01/05/2010", "Leeds",
    ]  # fmt: skip


def people(count: int) -> list[list[str]]:
    return [person(number) for number in range(1, count + 1)]


def row(**cells: str) -> list[str]:
    """Return person 1 with some cells changed."""
    return [cells.get(name, cell) for name, cell in zip(HEADER.split(","), person(1), strict=True)]


def csv_text(rows: Sequence[Sequence[str]], header: str = HEADER, mark: str = ",") -> str:
    return "\r\n".join([header.replace(",", mark), *(mark.join(cells) for cells in rows)]) + "\r\n"


def folder(path: Path, data: bytes | str | None = None, file: str = "cohort.csv", **changes: dict[str, Any]) -> Path:
    """Write a request folder; 60 right people where no data are given."""
    path.mkdir(parents=True, exist_ok=True)
    data = csv_text(people(60)) if data is None else data
    (path / file).write_bytes(data.encode() if isinstance(data, str) else data)
    changes["cohort"] = {"file": file, **changes.get("cohort", {})}
    (path / "request.toml").write_text(toml(**changes), encoding="utf-8")
    return path


def check(path: Path, data: bytes | str | None = None, file: str = "cohort.csv", **changes: Any) -> Submission:
    return check_folder(folder(path, data, file, **changes), TODAY)


def codes(submission: Submission) -> set[str]:
    """Return every code of the answer."""
    found = {problem.code for problem in (*submission.problems, *submission.notes)}
    return found | {rule.code for rule in submission.rules} | {problem.code for problem in submission.row_problems}


def archive(members: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return out.getvalue()


ODF = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))


def ods(rows: str, head: str = "") -> bytes:
    """Return an ODS file whose sheet holds the given row elements."""
    content = (
        f'<?xml version="1.0"?>{head}<office:document-content {ODF}><office:body><office:spreadsheet>'
        f"<table:table>{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    return archive({"content.xml": content})


def ods_row(cells: Sequence[str]) -> str:
    inner = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in cells
    )
    return f"<table:table-row>{inner}</table:table-row>"


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def xlsx(rows: str, head: str = "", more: Mapping[str, str] | None = None) -> bytes:
    """Return an XLSX file whose sheet holds the given row elements."""
    members = {
        "xl/workbook.xml": f'<workbook {MAIN} {LINKS}><sheets><sheet name="A" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f"{head}<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>",
        **(more or {}),
    }
    return archive(members)


def xlsx_row(cells: Sequence[str]) -> str:
    inner = "".join(f'<c t="inlineStr"><is><t>{c}</t></is></c>' for c in cells)
    return f"<row>{inner}</row>"
