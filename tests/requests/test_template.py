"""The folder to fill in."""

from __future__ import annotations

import json

import pytest
from request_folders import HEADER

from jdl_spark.errors import InputError, UsageError
from jdl_spark.requests.cohort_file import COLUMNS
from jdl_spark.requests.template import write_template


def test_what_is_there_is_never_overwritten(tmp_path):
    (tmp_path / "cohort.csv").write_text("mine")
    with pytest.raises(InputError, match=r"cohort\.csv already"):
        write_template(tmp_path)
    assert (tmp_path / "cohort.csv").read_text() == "mine"
    assert not (tmp_path / "request.toml").exists()


@pytest.mark.parametrize("name", ["bridge", "../X", 'A"\nx = "1'])
def test_an_id_that_is_none_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(UsageError, match="request id"):
        write_template(tmp_path / "new", name)
    assert not (tmp_path / "new").exists()


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="choose another folder"):
        write_template(tmp_path / "file")


def test_headings_schema_and_reader_name_the_same_columns(tmp_path):
    write_template(tmp_path / "new")
    header = (tmp_path / "new" / "cohort.csv").read_text().strip()
    schema = json.loads((tmp_path / "new" / "cohort.schema.json").read_text())
    assert header == HEADER
    assert [field["name"] for field in schema["fields"]] == list(COLUMNS) == header.split(",")
    readme = (tmp_path / "new" / "README.txt").read_text()
    assert all(name in readme for name in COLUMNS)
