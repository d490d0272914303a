"""Request folders as organisations send them: request.toml beside a CSV, ODS or XLSX file.

Files are byte for byte the same for the same seed: times that the spreadsheet writers put into their
archives are set to a fixed moment.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import date, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from jdl_spark.stats.randomness import generator
from jdl_spark.synthetic.catalogue import RequestSpec
from jdl_spark.synthetic.cohorts import Cohort
from jdl_spark.synthetic.corruption import NO_DATE

HEADER = ("forename", "middle_names", "surname", "date_of_birth", "gender", "postcode", "pnc_id", "intervention_start",
          "intervention_end", "site")  # fmt: skip
Cell = str | date
_DATES = {"date_of_birth": 3, "intervention_start": 7, "intervention_end": 8}
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_ODF = (
    " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text"))
    + ' office:version="1.2"'
)
_ACCENTS = {"Renee": "Renée", "Chloe": "Chloé", "Zoe": "Zoë", "Jose": "José", "Andre": "André", "Sian": "Siân"}


def write_request(folder: Path, cohort: Cohort, seed: int) -> None:
    """Write one request folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(cohort, seed)
    name = f"cohort.{cohort.spec.format}"
    if cohort.spec.format == "xlsx":
        _write_xlsx(folder / name, rows)
    elif cohort.spec.format == "ods":
        _write_ods(folder / name, rows)
    elif cohort.spec.dirty:
        (folder / name).write_bytes(_dirty_csv(rows, cohort, seed))
    else:
        (folder / name).write_text(_csv([list(HEADER), *map(_as_text, rows)]), encoding="utf-8", newline="")
    (folder / "request.toml").write_text(_metadata(cohort.spec, name), encoding="utf-8")


def _rows(cohort: Cohort, seed: int) -> list[list[Cell]]:
    """Return the file's rows; days are dates, everything else is text."""
    random = generator("synthetic", seed, "spelling", cohort.spec.id)
    w = cohort.written
    words = ("Female", "Male") if random.random() < 0.4 else ("F", "M")
    return [
        [
            str(w.forename[i]), str(w.middle_names[i]), str(w.surname[i]), _date(w.born[i]),
            words[w.sex[i]] if w.sex[i] >= 0 else "", str(w.postcode[i]), str(cohort.pnc_id[i]), _date(cohort.start[i]),
            _date(cohort.end[i]), str(cohort.site[i]),
        ]
        for i in range(len(cohort))
    ]  # fmt: skip


def _date(day: int) -> Cell:
    return "" if day == NO_DATE else date(1970, 1, 1) + timedelta(int(day))


def _as_text(row: list[Cell]) -> list[str]:
    return [cell.strftime("%d/%m/%Y") if isinstance(cell, date) else cell for cell in row]


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _dirty_csv(rows: list[list[Cell]], cohort: Cohort, seed: int) -> bytes:
    """Return the file of somebody in a hurry: mixed date styles, impossible dates, blank lines, cp1252."""
    random = generator("synthetic", seed, "dirty", cohort.spec.id)
    out: list[list[str]] = [list(HEADER)]
    spoilt = 0
    for number, row in enumerate(rows):
        text = _as_text(row)
        style = random.random()
        for at in _DATES.values():
            day = row[at]
            if isinstance(day, date) and style < 0.14:
                text[at] = day.strftime("%d/%m/%y")
            elif isinstance(day, date) and style < 0.20:
                text[at] = day.strftime("%m/%d/%Y")
            elif isinstance(day, date) and style < 0.26:
                text[at] = day.strftime("%-d %b %Y") if at == _DATES["date_of_birth"] else text[at]
        if cohort.fate[number] == "incomplete" and spoilt < 6:
            at = _DATES["date_of_birth"] if spoilt % 2 else _DATES["intervention_start"]
            text[at] = ("29/02/2011", "31/04/2010", "30/02/1985")[spoilt % 3]
            if at == _DATES["intervention_start"]:
                text[_DATES["intervention_end"]] = ""
            spoilt += 1
        text[0] = _ACCENTS.get(text[0], text[0])
        text[2] = text[2].replace("'", "\u2019")
        if random.random() < 0.08:
            text[0], text[2] = f" {text[0].upper()} ", f"{text[2].upper()}  "
        if text[4]:
            text[4] = str(random.choice(np.array([text[4], text[4].lower(), {"F": "woman", "M": "man"}[text[4][0]]])))
        out.append(text)
    empty = "," * (len(HEADER) - 1)
    return (_csv(out) + "\r\n".join([empty, "", empty, empty, "", ""])).encode("cp1252", errors="replace")


def _metadata(spec: RequestSpec, file: str) -> str:
    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    everybody = "true" if not spec.exclusion else "false"
    contact = f"{spec.id.split('-')[0].lower()}@example.org"
    exclusion = (
        f"\n[[cohort.exclusions]]\nreason = {text(spec.exclusion)}\nsystematic = false\n" if spec.exclusion else ""
    )
    evidence = (
        "Signed consent forms are kept by the organisation."
        if spec.basis == "consent"
        else "The service is delivered for the Secretary of State under a contract for the functions of the Act."
    )
    return (
        f"[request]\nid = {text(spec.id)}\n\n"
        f"[organisation]\nname = {text(spec.organisation)}\ncontact = {text(contact)}\n\n"
        f"[service]\nname = {text(spec.service)}\ndescription = {text(spec.description)}\nkind = {text(spec.kind)}\n"
        f"setting = {text(spec.setting)}\ntarget_group = {text(spec.target_group)}\n"
        f"delivery_years = {text(list(spec.years))}\nsites = {text(list(spec.sites))}\n\n"
        f"[lawful_basis]\nbasis = {text(spec.basis)}\nevidence = {text(evidence)}\n\n"
        f"[cohort]\nfile = {text(file)}\neverybody = {everybody}\n{exclusion}\n"
        f'[analyses]\nwanted = ["national"]\n'
    )


def _write_xlsx(path: Path, rows: list[list[Cell]]) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "Cohort"
    sheet.append(HEADER)
    for row in rows:
        sheet.append([None if cell == "" else cell for cell in row])
    buffer = io.BytesIO()
    book.save(buffer)
    path.write_bytes(_timeless(buffer.getvalue()))


def _write_ods(path: Path, rows: list[list[Cell]]) -> None:
    """Write the smallest OpenDocument spreadsheet. (odfpy's bytes depend on what the process wrote before.)"""
    header: list[Cell] = list(HEADER)
    lines = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in [header, *rows])
    body = (
        f'<office:body><office:spreadsheet><table:table table:name="Cohort">{lines}</table:table></office:spreadsheet>'
    )
    content = f"{_XML}<office:document-content {_ODF}>{body}</office:body></office:document-content>"
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="{kind}"/>'
        for name, kind in (("/", _ODS_TYPE), ("content.xml", "text/xml"))
    )
    namespace = 'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2"'
    manifest = f"{_XML}<manifest:manifest {namespace}>{entries}</manifest:manifest>"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", _ODS_TYPE)  # first and not compressed, as the format asks
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
        archive.writestr("META-INF/manifest.xml", manifest, zipfile.ZIP_DEFLATED)
    path.write_bytes(_timeless(buffer.getvalue()))


def _ods_cell(cell: Cell) -> str:
    if not cell:
        return "<table:table-cell/>"
    if isinstance(cell, date):
        kind, shown = f'office:value-type="date" office:date-value="{cell.isoformat()}"', cell.strftime("%d/%m/%Y")
    else:
        kind, shown = 'office:value-type="string"', cell
    return f"<table:table-cell {kind}><text:p>{escape(shown)}</text:p></table:table-cell>"


def _timeless(archive: bytes) -> bytes:
    """Return the same archive with every time set to a fixed moment."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(out, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename in ("docProps/core.xml", "meta.xml"):
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", b"2013-01-01T00:00:00", content)
            fixed = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            fixed.compress_type = entry.compress_type
            target.writestr(fixed, content)
    return out.getvalue()
