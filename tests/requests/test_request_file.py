"""request.toml: every problem at once, in words."""

from __future__ import annotations

import json

import pytest
from request_folders import TODAY, folder, toml

from jdl_spark.requests.request import read_request


def read(tmp_path, text):
    path = tmp_path / "request.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_request(path, TODAY)


def test_a_right_file_is_read_and_its_metadata_has_the_shape_of_the_file(tmp_path):
    request, problems = read(tmp_path, toml())
    assert problems == ()
    assert request.id == "BRIDGE-2010"
    assert request.service.delivery_years == (2009, 2010)
    metadata = json.loads(json.dumps(request.as_metadata()))
    assert metadata["request"] == {"id": "BRIDGE-2010"}
    assert metadata["service"]["sites"] == ["Leeds", "Hull"]
    assert metadata["cohort"] == {
        "file": "cohort.csv", "everybody": True, "one_service": True, "own_people": True, "exclusions": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"request": {"id": "bridge"}}, "request_id", "capital letters"),
        ({"request": {"id": "AB"}}, "request_id", "3 to 32"),
        ({"request": {"id": "../../ETC"}}, "request_id", "capital letters"),
        ({"request": {"id": 7}}, "wrong_type", "[request] id must be a text"),
        ({"organisation": {"name": None}}, "missing_key", "[organisation] name is missing"),
        ({"organisation": {"name": "  "}}, "empty_key", "[organisation] name is empty"),
        ({"organisation": {"nmae": "x"}}, "unknown_key", 'Did you mean "name"?'),
        ({"servise": {"a": "b"}}, "unknown_key", 'Did you mean "service"?'),
        ({"service": {"kind": "mentorring"}}, "unknown_value", 'Did you mean "mentoring"?'),
        ({"service": {"setting": "prison"}}, "unknown_value", "[service] setting"),
        ({"service": {"delivery_years": []}}, "wrong_type", "at least one year"),
        ({"service": {"delivery_years": [True]}}, "wrong_type", "as numbers"),
        ({"service": {"delivery_years": ["2010"]}}, "wrong_type", "as numbers"),
        ({"service": {"delivery_years": [2010, 2099]}}, "implausible_year", "from 1995 to 2026"),
        ({"service": {"delivery_years": [10]}}, "implausible_year", "from 1995"),
        ({"service": {"sites": "Leeds"}}, "wrong_type", "a list of texts"),
        ({"service": {"sites": ["Leeds", ""]}}, "wrong_type", "no empty ones"),
        ({"service": {"description": "x" * 5_001}}, "too_long", "5,000 characters"),
        ({"service": {"description": "Nice.\u202eevil. More."}}, "control_character", "invisible"),
        ({"lawful_basis": {"basis": "concent"}}, "unknown_value", 'Did you mean "consent"?'),
        ({"cohort": {"file": "../cohort.csv"}}, "file_outside_folder", "without a path"),
        ({"cohort": {"file": "/etc/passwd"}}, "file_outside_folder", "without a path"),
        ({"cohort": {"file": "a\\b.csv"}}, "file_outside_folder", "without a path"),
        ({"cohort": {"file": "C:cohort.csv"}}, "file_outside_folder", "without a path"),
        ({"cohort": {"file": "cohort.xls"}}, "unknown_extension", ".csv, .ods or .xlsx"),
        ({"cohort": {"everybody": "true"}}, "wrong_type", "without quotation marks"),
        ({"cohort": {"everybody": None}}, "missing_key", "[cohort] everybody"),
        ({"cohort": {"exclusions": ["x"]}}, "wrong_type", "must each have a reason"),
        ({"cohort": {"everybody": False, "exclusions": [{"reason": "x"}]}}, "wrong_type", "Number 1"),
        ({"cohort": {"exclusions": [{"reason": "x", "systematic": False}]}}, "everybody_and_exclusions", "everybody"),
        ({"analyses": {"wanted": ["nationall"]}}, "unknown_value", 'Did you mean "national"?'),
    ],
)
def test_each_mistake_has_a_code_and_words(tmp_path, changes, code, words):
    request, problems = read(tmp_path, toml(**changes))
    assert request is None
    assert code in {problem.code for problem in problems}
    assert any(words in problem.words + problem.mend for problem in problems if problem.code == code)


def test_all_mistakes_come_at_once(tmp_path):
    wrong = {"request": {"id": "x"}, "service": {"kind": "?", "delivery_years": [1066]}, "cohort": {"file": "a/b.csv"}}
    _, problems = read(tmp_path, toml(**wrong))
    assert [problem.code for problem in problems] == [
        "request_id", "unknown_value", "implausible_year", "file_outside_folder",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "missing_key"),
        ("[request]\nid = “BRIDGE-2010”\n".encode(), "request_not_toml"),
        (b"[request\n", "request_not_toml"),
        (b"a = " + b"[" * 100_000, "request_not_toml"),
        (b"a = " + b"9" * 10_000, "request_not_toml"),
        (b'[organisation]\nname = "Caf\xe9"\n', "request_encoding"),
        (b"x" * 1_000_001, "request_too_large"),
        (b'service = "x"', "wrong_type"),
    ],
)
def test_a_file_that_is_no_request_gets_an_answer(tmp_path, text, code):
    request, problems = read(tmp_path, text)
    assert request is None
    assert code in {problem.code for problem in problems}


def test_a_byte_order_mark_does_no_harm(tmp_path):
    request, problems = read(tmp_path, b"\xef\xbb\xbf" + toml().encode())
    assert request is not None
    assert problems == ()


def test_a_missing_basis_is_for_the_rules_to_refuse_not_a_mistake_of_form(tmp_path):
    request, problems = read(tmp_path, toml(lawful_basis={"basis": None, "evidence": None}))
    assert problems == ()
    assert request.lawful_basis.basis == ""


def test_a_folder_in_place_of_the_file_is_no_request(tmp_path):
    (tmp_path / "request.toml").mkdir()
    assert read_request(tmp_path / "request.toml", TODAY)[1][0].code == "no_request_toml"
    assert folder(tmp_path / "right").is_dir()
