"""The answer as a whole: one for everything, quick, without Spark, and without a person's details."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from request_folders import TODAY, check, codes, csv_text, folder, people, row

from jdl_spark.requests.check import check_folder
from jdl_spark.requests.report import ranges
from jdl_spark.requests.template import write_template

CANARY = "Quetzalcoatlus"


def test_a_right_folder_is_accepted_in_few_words(tmp_path):
    submission = check(tmp_path / "right")
    assert submission.lines() == [
        "BRIDGE-2010 is accepted.",
        "  60 rows: 60 people can be looked for.",
        "",
        "What to do next",
        "  Hand it in with: jdl submit FOLDER",
    ]


def test_a_bad_request_and_a_bad_cohort_come_in_one_answer(tmp_path):
    submission = check(tmp_path, csv_text([row(surname="")]), service={"kind": "?"}, request={"id": "x"})
    assert submission.verdict == "unreadable"
    assert {"unknown_value", "request_id", "missing_value"} <= codes(submission)
    assert submission.content_digest == ""


def test_rules_speak_although_the_cohort_cannot_be_read(tmp_path):
    submission = check(tmp_path, b"", lawful_basis={"basis": ""})
    assert submission.verdict == "unreadable"
    assert {"empty_file", "lawful_basis"} <= codes(submission)
    assert "minimum_cohort" not in codes(submission)


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_that_is_not_there_or_is_empty(tmp_path, make):
    path = tmp_path / "nothing"
    if make:
        path.mkdir()
    submission = check_folder(path, TODAY)
    assert submission.verdict == "unreadable"
    assert [problem.code for problem in submission.problems] == ["no_request_toml" if make else "no_folder"]
    assert submission.request_id == "nothing"
    assert submission.lines()[0] == "nothing cannot be read yet."


def test_the_order_of_the_lines(tmp_path):
    rows = [row(date_of_birth="1/1/80"), *people(3)[1:]]
    text = "\n".join(check(tmp_path, csv_text(rows), service={"description": "Short."}).lines())
    headings = ["is refused", "Why it is refused", "Please note", "Rows to look at", "What to do next"]
    assert sorted(headings, key=text.index) == headings
    assert "date_of_birth: the year has only two digits, and the century is not guessed (1 row)." in text
    assert "Row 1\n" in text


def test_row_numbers_in_short():
    assert ranges([]) == ""
    assert ranges([5]) == "5"
    assert ranges([1, 2, 3, 9]) == "1 to 3, 9"
    assert ranges(range(1, 100, 2)).endswith(", 23, and 38 more")


def test_the_digest_knows_people_and_request_but_not_the_form_of_the_file(tmp_path):
    base = check(tmp_path / "a").content_digest
    assert check(tmp_path / "b").content_digest == base
    assert check(tmp_path / "c", csv_text(people(60), mark=";")).content_digest == base
    assert check(tmp_path / "d", csv_text(people(60)), "people.csv").content_digest == base
    assert check(tmp_path / "e", csv_text(people(61))).content_digest != base
    assert check(tmp_path / "f", service={"sites": ["Leeds"]}).content_digest != base


def test_no_answer_ever_holds_a_value(tmp_path):
    rows = [
        row(surname=f"={CANARY}"), row(surname=CANARY, date_of_birth=f"1/1/{CANARY}"),
        row(surname=CANARY, gender=CANARY), row(forename=CANARY, surname=""),
        row(surname=CANARY, postcode=f"@{CANARY}"), row(surname=CANARY, pnc_id=CANARY),
        row(surname=CANARY), row(surname=CANARY), [*row(surname=CANARY), CANARY], row(surname=f"{CANARY}\u202e"),
        row(surname=CANARY * 30), row(surname=CANARY, intervention_start=CANARY),
    ]  # fmt: skip
    texts = [csv_text(rows), csv_text(rows, header=f"{CANARY},surname"), csv_text(rows, header=",".join(rows[0]))]
    for number, text in enumerate(texts):
        submission = check(tmp_path / str(number), text)
        assert submission.verdict in ("refused", "unreadable")
        for said in (*submission.lines(), json.dumps(submission.as_json()), repr(submission), repr(submission.lost)):
            assert CANARY.lower() not in said.lower()


def test_hidden_writing_in_a_folder_name_does_not_reach_the_terminal(tmp_path):
    submission = check_folder(tmp_path / "a\x1b[31mb", TODAY)
    assert "\x1b" not in "\n".join(submission.lines())


def test_the_template_teaches_and_is_not_overwritten(tmp_path):
    written = write_template(tmp_path / "new", "WILLOW-2009")
    assert [path.name for path in written] == ["request.toml", "cohort.csv", "cohort.schema.json", "README.txt"]
    submission = check_folder(tmp_path / "new", TODAY)
    assert submission.verdict == "unreadable"
    assert {"empty_key", "wrong_type", "no_rows"} == codes(submission)
    assert not any("[request] id" in problem.words for problem in submission.problems)


def test_ten_thousand_rows_are_checked_in_three_seconds_without_spark_or_numpy(tmp_path):
    path = folder(tmp_path, csv_text(people(10_000)))
    program = (
        "import sys\nfrom pathlib import Path\nfrom jdl_spark.requests.check import check_folder\n"
        "import jdl_spark.requests.template\n"
        "print(check_folder(Path(sys.argv[1])).counts['admitted'])\n"
        "print(sorted({'pyspark', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True).stdout
    assert out.split("\n")[:2] == ["10000", "[]"]
    assert time.perf_counter() - start < 3
