"""Files meant to do harm, and files made of noise: always an answer, never a crash, never a value."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from request_folders import (
    HEADER,
    TODAY,
    archive,
    check,
    codes,
    csv_text,
    folder,
    ods,
    ods_row,
    people,
    person,
    row,
    xlsx,
    xlsx_row,
)

from jdl_spark.requests.check import check_folder
from jdl_spark.requests.cohort_file import COLUMNS

HEAD = HEADER.split(",")
BILLION = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
PERSON_XLSX = xlsx_row(HEAD) + xlsx_row(person(1))


def big(name, size):
    return archive({name: b"\0" * size})


def members(count):
    return archive({f"m{number}": "" for number in range(count)})


def lying(data):
    """Return an archive whose directory says that the content is smaller than it is."""
    out = bytearray(data)
    at = out.find(b"PK\x01\x02")
    out[at + 24 : at + 28] = (10).to_bytes(4, "little")
    return bytes(out)


def encrypted(data):
    out = bytearray(data)
    out[out.find(b"PK\x01\x02") + 8] |= 1
    return bytes(out)


def other_method():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as target:
        target.writestr("content.xml", "x")
    return out.getvalue()


CORPUS = {
    "zip bomb ods": ("ods", lambda: big("content.xml", 30_000_000), "zip_bomb"),
    "zip bomb xlsx": ("xlsx", lambda: big("xl/worksheets/sheet1.xml", 30_000_000), "zip_bomb"),
    "many members": ("ods", lambda: members(1_001), "zip_bomb"),
    "lying size": ("ods", lambda: lying(ods(ods_row(HEAD) + ods_row(person(1)))), "broken_spreadsheet"),
    "password": ("ods", lambda: encrypted(ods(ods_row(HEAD))), "password"),
    "other compression": ("ods", other_method, "broken_spreadsheet"),
    "entities ods": ("ods", lambda: ods(ods_row(["&c;"]), BILLION), "unsafe_xml"),
    "entities xlsx": ("xlsx", lambda: xlsx(xlsx_row(["&c;"]), BILLION), "unsafe_xml"),
    "outside ods": ("ods", lambda: ods(ods_row(["&a;"]), OUTSIDE), "unsafe_xml"),
    "outside xlsx": ("xlsx", lambda: xlsx(xlsx_row(["&a;"]), OUTSIDE), "unsafe_xml"),
    "outside strings": (
        "xlsx",
        lambda: xlsx(PERSON_XLSX, more={"xl/sharedStrings.xml": f"{OUTSIDE}<sst><si><t>&a;</t></si></sst>"}),
        "unsafe_xml",
    ),
    "outside styles": ("xlsx", lambda: xlsx(PERSON_XLSX, more={"xl/styles.xml": f"{OUTSIDE}<s>&a;</s>"}), "unsafe_xml"),
    "outside book": ("xlsx", lambda: xlsx(PERSON_XLSX, more={"xl/workbook.xml": f"{OUTSIDE}<w>&a;</w>"}), "unsafe_xml"),
    "sheet elsewhere": (
        "xlsx",
        lambda: xlsx(
            PERSON_XLSX,
            more={
                "xl/_rels/workbook.xml.rels": '<R><Relationship Id="rId1" Target="../../../../etc/passwd"/></R>',
            },
        ),
        "broken_spreadsheet",
    ),
    "no sheet": ("xlsx", lambda: archive({"a": "b"}), "broken_spreadsheet"),
    "no content": ("ods", lambda: archive({"../../etc/passwd": "b"}), "broken_spreadsheet"),
    "not xml": ("ods", lambda: archive({"content.xml": "hello"}), "broken_spreadsheet"),
    "cut short": ("xlsx", lambda: xlsx(PERSON_XLSX)[:-30], "broken_spreadsheet"),
    "text named xlsx": ("xlsx", lambda: csv_text(people(60)).encode(), "broken_spreadsheet"),
    "spreadsheet named csv": ("csv", lambda: xlsx(PERSON_XLSX), "wrong_format"),
    "no rows ods": ("ods", lambda: ods(""), "empty_file"),
    "no rows xlsx": ("xlsx", lambda: xlsx(""), "empty_file"),
    "only headings": ("ods", lambda: ods(ods_row(HEAD)), "no_rows"),
    "endless row": (
        "ods",
        lambda: ods(
            ods_row(HEAD)
            + '<table:table-row><table:table-cell table:number-columns-repeated="9999999"><text:p>x</text:p>'
            "</table:table-cell></table:table-row>"
        ),
        "too_many_columns",
    ),
    "endless rows": (
        "ods",
        lambda: ods(
            ods_row(HEAD)
            + ods_row(person(1)).replace("table-row>", 'table-row table:number-rows-repeated="9999999">', 1)
        ),
        "too_many_rows",
    ),
    "negative repeat": (
        "ods",
        lambda: ods(ods_row(HEAD).replace("table-row>", 'table-row table:number-rows-repeated="-5">', 1)),
        "broken_spreadsheet",
    ),
    "far row": ("xlsx", lambda: xlsx(PERSON_XLSX + '<row r="99999999"><c><v>1</v></c></row>'), "too_many_rows"),
    "far column": ("xlsx", lambda: xlsx(PERSON_XLSX + '<row r="3"><c r="XFD3"><v>1</v></c></row>'), "too_many_columns"),
    "number of another world": (
        "xlsx",
        lambda: xlsx(PERSON_XLSX + '<row r="3"><c t="s"><v>99999999</v></c></row>'),
        "cell_error",
    ),
    "formula xlsx": (
        "xlsx",
        lambda: xlsx(xlsx_row(HEAD) + '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row>'),
        "formula",
    ),
    "formula ods": (
        "ods",
        lambda: ods(
            ods_row(HEAD)
            + ods_row(person(1)).replace(" office:value-type", ' table:formula="of:=1" office:value-type', 1)
        ),
        "formula",
    ),
    "long cell xlsx": ("xlsx", lambda: xlsx(xlsx_row(HEAD) + xlsx_row(["x" * 900_000])), "cell_too_long"),
    "long cell ods": ("ods", lambda: ods(ods_row(HEAD) + ods_row(["x" * 900_000])), "cell_too_long"),
    "quotation mark never closed": (
        "csv",
        lambda: csv_text([row(surname='"Smith'), *people(60)]).encode(),
        "cell_too_long",
    ),
    "nothing but quotation marks": ("csv", lambda: b'"' * 100_001, "no_headings"),
    "nothing but zeros": ("csv", lambda: b"\0" * 100_000, "no_headings"),
    "too large": ("csv", lambda: b"x" * 20_000_001, "file_too_large"),
    "too many rows": ("csv", lambda: HEADER.encode() + b"\nx" * 100_001, "too_many_rows"),
    "half a character": ("csv", lambda: b"\xff\xfe\x00", "wrong_encoding"),
    "lonely surrogate": ("csv", lambda: b"\xff\xfe" + b"\x00\xd8" * 10, "wrong_encoding"),
}


@pytest.mark.parametrize("name", CORPUS)
def test_each_hostile_file_gets_its_own_answer_in_little_time(tmp_path, name):
    suffix, make, code = CORPUS[name]
    start = time.perf_counter()
    submission = check(tmp_path, make(), f"cohort.{suffix}")
    assert time.perf_counter() - start < 5
    assert code in codes(submission)
    assert submission.verdict in ("unreadable", "refused")
    assert submission.lines()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text(csv_text(people(60)))
    path = folder(tmp_path / "request")
    (path / "cohort.csv").unlink()
    (path / "cohort.csv").symlink_to(secret)
    assert "file_outside_folder" in codes(check_folder(path, TODAY))


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path):
    path = folder(tmp_path)
    (path / "cohort.csv").unlink()
    os.mkfifo(path / "cohort.csv")
    assert "missing_file" in codes(check_folder(path, TODAY))


QUICK = settings(max_examples=150, deadline=5_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
CANARY = "Quetzalcoatlus"
VALID = csv_text([row(surname=CANARY), *people(3)]).encode()
FILES = {
    "csv": VALID,
    "ods": ods(ods_row(HEAD) + ods_row(row(surname=CANARY))),
    "xlsx": xlsx(xlsx_row(HEAD) + xlsx_row(row(surname=CANARY))),
}


def answered(path, data, name):
    submission = check(path, data, name)
    assert submission.verdict in ("accepted", "refused", "needs_decision", "unreadable")
    assert (submission.verdict == "unreadable") is bool(submission.problems)
    counts = submission.counts
    lost = counts["incomplete_row"] + counts["duplicate_row"] + counts["second_intervention"]
    assert counts["rows"] == counts["admitted"] + lost
    assert len({(p.row, p.column, p.code) for p in submission.row_problems}) == len(submission.row_problems)
    assert {p.column for p in submission.row_problems} <= {"", *COLUMNS}
    said = "\n".join(submission.lines()) + json.dumps(submission.as_json())
    assert CANARY not in said


@QUICK
@given(st.binary(max_size=600), st.sampled_from(["csv", "ods", "xlsx"]))
def test_noise_gets_an_answer(tmp_path, data, suffix):
    answered(tmp_path, data, f"cohort.{suffix}")


@QUICK
@given(st.data())
def test_a_right_file_with_changed_bytes_gets_an_answer(tmp_path, data):
    suffix = data.draw(st.sampled_from(sorted(FILES)))
    content = bytearray(FILES[suffix])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    answered(tmp_path, bytes(content), f"cohort.{suffix}")


@QUICK
@given(st.binary(max_size=80), st.integers(0, 3_000))
def test_a_spreadsheet_with_changed_xml_gets_an_answer(tmp_path, noise, at):
    """The archive stays whole, so that the noise reaches the reader of the sheet."""
    inner = zipfile.ZipFile(io.BytesIO(FILES["ods"])).read("content.xml")
    at %= len(inner)
    answered(tmp_path, archive({"content.xml": inner[:at] + noise + inner[at + len(noise) :]}), "cohort.ods")


CELL = st.text(st.characters(codec="utf-8", exclude_characters='",\r\n'), max_size=25)


@QUICK
@given(st.lists(st.lists(CELL, min_size=10, max_size=10), min_size=1, max_size=5))
def test_any_text_in_any_cell_gets_an_answer(tmp_path, rows):
    answered(tmp_path, csv_text(rows), "cohort.csv")


@QUICK
@given(st.binary(max_size=300))
def test_noise_in_place_of_the_request_gets_an_answer(tmp_path, data):
    path = folder(tmp_path)
    (path / "request.toml").write_bytes(data)
    submission = check_folder(path, TODAY)
    assert submission.verdict == "unreadable"
    assert all(problem.code and problem.words for problem in submission.problems)


def test_the_limits_of_the_csv_module_are_put_back(tmp_path):
    import csv

    before = csv.field_size_limit()
    check(tmp_path, csv_text(people(60)))
    assert csv.field_size_limit() == before
