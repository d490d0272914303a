"""Cohort files of every kind: encodings, delimiters, headings, spreadsheets."""

from __future__ import annotations

import codecs
import io
from datetime import date, datetime

import pytest
from openpyxl import Workbook
from request_folders import HEADER, check, codes, csv_text, ods, ods_row, people, person, row, xlsx, xlsx_row

from jdl_spark.requests.cohort_file import read_cohort
from jdl_spark.requests.problems import UnreadableError


def first(submission):
    return submission.rows[0]


@pytest.mark.parametrize(
    ("codec", "mark", "name"),
    [
        ("utf-8", b"", "utf-8"), ("utf-8", codecs.BOM_UTF8, "utf-8-sig"), ("cp1252", b"", "cp1252"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"), ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16"), ("utf-16-be", b"", "utf-16"),
    ],
)  # fmt: skip
def test_encodings_are_recognised_and_reported(tmp_path, codec, mark, name):
    text = csv_text([row(forename="Zoë", surname="O’Neill"), *people(60)[1:]])
    submission = check(tmp_path, mark + text.encode(codec))
    assert submission.verdict == "accepted"
    assert (first(submission).forename, first(submission).surname) == ("Zoë", "O’Neill")
    assert read_cohort(tmp_path / "cohort.csv").encoding == name
    assert ("encoding" in codes(submission)) is (name in ("cp1252", "utf-16"))


def test_an_encoding_that_is_none_of_these_is_an_answer(tmp_path):
    submission = check(tmp_path, csv_text(people(60)).encode() + b"\x81\x8d\x8f\x90")
    assert submission.verdict == "unreadable"
    assert "wrong_encoding" in codes(submission)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiters(tmp_path, mark):
    submission = check(tmp_path, csv_text(people(60), mark=mark))
    assert submission.verdict == "accepted"
    assert read_cohort(tmp_path / "cohort.csv").delimiter == mark


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(tmp_path, end):
    assert check(tmp_path, csv_text(people(60)).replace("\r\n", end)).counts["admitted"] == 60


def test_blank_lines_count_as_rows_of_the_sheet_but_not_as_people(tmp_path):
    lines = csv_text(people(60)).split("\r\n")
    text = "\r\n".join(["", *lines[:2], "", ",,,,,,,,,", *lines[2:]])
    submission = check(tmp_path, text)
    assert submission.counts["rows"] == 60
    assert [one.person_ref for one in submission.rows[:3]] == ["00001", "00004", "00005"]


def test_other_words_for_the_headings(tmp_path):
    header = "First Name,Middle Name,LAST NAME,D.O.B.,Sex,Post code,PNC No,Start Date,Completion date,Location"
    submission = check(tmp_path, csv_text(people(60), header))
    assert submission.verdict == "accepted"
    assert first(submission).site == "Leeds"
    assert first(submission).intervention_end == date(2010, 5, 1)


def test_an_unknown_heading_is_named_by_place_with_a_suggestion(tmp_path):
    submission = check(tmp_path, csv_text(people(60), HEADER.replace("postcode", "Pstcode")))
    (note,) = submission.notes
    assert note.code == "unknown_heading"
    assert "column F" in note.words
    assert 'Did you mean "postcode"?' in note.words
    assert "Pstcode" not in note.words
    assert submission.verdict == "accepted"


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        (HEADER.replace("surname", "forename"), "duplicate_heading", "column A and column C"),
        (HEADER.replace("site", "DOB"), "duplicate_heading", "date_of_birth: column D and column J"),
        (HEADER.replace("gender", "x"), "missing_columns", "gender"),
        (HEADER.replace("gender", "gendr"), "missing_columns", 'Did you mean "gender"?'),
        (HEADER.replace("forename", "name"), "missing_columns", "two columns"),
        (
            HEADER.replace("intervention_start", "x").replace("intervention_end", "y"),
            "missing_columns",
            "intervention_start or intervention_end",
        ),
        (",".join(person(7)), "no_headings", "first row"),
    ],
)
def test_headings_without_which_nothing_can_be_read(tmp_path, header, code, words):
    submission = check(tmp_path, csv_text(people(60), header))
    assert submission.verdict == "unreadable"
    (problem,) = submission.problems
    assert problem.code == code
    assert words in problem.words
    assert "Smith" not in " ".join(submission.lines())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"), (b"\r\n \r\n", "empty_file"), (b",,,\r\n,,\r\n", "empty_file"),
        (HEADER.encode(), "no_rows"),
        (b"%PDF-1.4", "wrong_format"), (b"\xd0\xcf\x11\xe0\xa1\xb1", "wrong_format"), (b"PK\x03\x04xx", "wrong_format"),
        (b"a," * 200 + b"\n" + b"x," * 200, "too_many_columns"),
    ],
)  # fmt: skip
def test_files_that_hold_no_cohort(tmp_path, data, code):
    submission = check(tmp_path, data)
    assert submission.verdict == "unreadable"
    assert code in codes(submission)


def test_an_unknown_extension_is_refused_by_the_reader_too(tmp_path):
    (tmp_path / "cohort.doc").write_bytes(b"x")
    with pytest.raises(UnreadableError, match=r"\.csv, \.ods or \.xlsx"):
        read_cohort(tmp_path / "cohort.doc")


def test_a_file_that_is_not_there(tmp_path):
    submission = check(tmp_path, cohort={"file": "people.csv"})
    assert submission.verdict == "unreadable"
    assert [problem.code for problem in submission.problems] == ["missing_file"]


def book(rows):
    out = Workbook()
    sheet = out.active
    sheet.append(HEADER.split(","))
    for cells in rows:
        sheet.append(cells)
    buffer = io.BytesIO()
    out.save(buffer)
    return buffer.getvalue()


def typed(number):
    cells = person(number)
    return [*cells[:3], datetime(1980, 4, 3), *cells[4:7], date(2010, 2, 1), date(2010, 5, 1), cells[9]]


def test_a_workbook_of_another_program_reads_like_the_csv(tmp_path):
    plain = check(tmp_path / "csv")
    sheet = check(tmp_path / "xlsx", book([typed(number) for number in range(1, 61)]), "cohort.xlsx")
    assert sheet.rows == plain.rows
    assert sheet.content_digest == plain.content_digest
    assert sheet.file_digest != plain.file_digest


def test_a_plain_number_in_a_date_column_is_not_guessed(tmp_path):
    cells = [*person(1)[:7], 40210, "", "Leeds"]
    submission = check(tmp_path, book([cells, *map(typed, range(2, 62))]), "cohort.xlsx")
    assert [(problem.row, problem.code) for problem in submission.row_problems] == [(1, "excel_number")]


def test_cells_of_a_workbook(tmp_path):
    styles = (
        '<styleSheet xmlns="x"><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
        '<numFmt numFmtId="165" formatCode="0.0&quot; days yy&quot;"/></numFmts><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
    )
    shared = "<sst><si><t>Ann</t></si><si><r><t>O’</t></r><r><t>Neill</t></r><rPh><t>no</t></rPh></si></sst>"
    cells = (
        '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c r="D2" s="1"><v>29314</v></c>'
        '<c r="E2" t="str"><v>F</v></c><c r="F2" t="e"><v>#REF!</v></c><c r="H2" s="2"><v>40210</v></c>'
        '<c r="I2" t="d"><v>2010-05-01</v></c><c r="J2"><v>3.0</v></c></row>'
    )
    data = xlsx(xlsx_row(HEADER.split(",")) + cells, more={"xl/styles.xml": styles, "xl/sharedStrings.xml": shared})
    submission = check(tmp_path, data, "cohort.xlsx")
    assert {(one.column, one.code) for one in submission.row_problems} == {
        ("postcode", "cell_error"), ("intervention_start", "excel_number"),
    }  # fmt: skip
    one = first(submission)
    assert (one.forename, one.surname, one.sex, one.site) == ("Ann", "O’Neill", "F", "3")
    assert one.date_of_birth == date(1980, 4, 3)
    assert (one.intervention_start, one.start_is_end) == (date(2010, 5, 1), True)


def test_day_numbers_that_are_no_day(tmp_path):
    styles = '<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>'
    for number in ("0", "60", "-5", "99999999"):
        cells = xlsx_row(person(1)[:3]).replace("</row>", f'<c r="D2" s="0"><v>{number}</v></c></row>')
        data = xlsx(xlsx_row(HEADER.split(",")) + cells, more={"xl/styles.xml": styles})
        submission = check(tmp_path, data, "cohort.xlsx")
        assert ("date_of_birth", "impossible_date") in {(p.column, p.code) for p in submission.row_problems}


def test_cells_of_an_open_document(tmp_path):
    cells = (
        '<table:table-row><table:table-cell><text:p>Ann<text:s/>May<text:span>be</text:span></text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="1"/><table:table-cell><text:p>Lee</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="1980-04-03"><text:p>03/04/80</text:p>'
        '</table:table-cell><table:table-cell><text:p>f</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="2"/>'
        '<table:table-cell office:value-type="date" office:date-value="2010-02-01T00:00:00"/><table:table-cell/>'
        '<table:table-cell office:value-type="float" office:value="3.0"/>'
        '<table:table-cell table:number-columns-repeated="16374"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    )  # fmt: skip
    submission = check(tmp_path, ods(ods_row(HEADER.split(",")) + cells), "cohort.ods")
    assert submission.row_problems == ()
    one = first(submission)
    assert (one.forename, one.surname, one.sex, one.site) == ("Ann Maybe", "Lee", "F", "3")
    assert (one.date_of_birth, one.intervention_start) == (date(1980, 4, 3), date(2010, 2, 1))


def test_only_the_first_sheet_is_read(tmp_path):
    second = ods_row(HEADER.split(",")) + ods_row(person(1)) + "</table:table><table:table>" + ods_row(person(2))
    assert check(tmp_path, ods(second), "cohort.ods").counts["rows"] == 1


def test_an_open_document_of_another_program_reads_like_the_csv(tmp_path):
    from odf.opendocument import OpenDocumentSpreadsheet
    from odf.table import Table, TableCell, TableRow
    from odf.text import P

    out = OpenDocumentSpreadsheet()
    table = Table(name="Cohort")
    for cells in [HEADER.split(","), *people(60)]:
        line = TableRow()
        for text in cells:
            cell = TableCell(valuetype="string")
            cell.addElement(P(text=text))
            line.addElement(cell)
        table.addElement(line)
    out.spreadsheet.addElement(table)
    buffer = io.BytesIO()
    out.save(buffer)
    sheet = check(tmp_path / "ods", buffer.getvalue(), "cohort.ods")
    assert sheet.rows == check(tmp_path / "csv").rows
