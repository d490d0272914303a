"""Settings files: what is read, and how a mistake is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jdl_spark import methodology, runs, schemas
from jdl_spark.errors import UsageError
from jdl_spark.settings import Methodology


def test_the_shipped_methodology_loads() -> None:
    loaded = methodology.load()
    assert loaded.matching.caliper == 0.2
    assert loaded.inference.replicates == 9999


def test_every_value_counts_in_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('version = "a"\n[matching]\nratio = 4\n', encoding="utf-8")
    changed = methodology.load(path)
    assert changed.matching.ratio == 4
    assert methodology.digest(changed) != methodology.digest(Methodology("a"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('version = "a"\n[matching]\nratoi = 4\n', "unknown setting 'ratoi'"),
        ('version = "a"\n[matching]\nratio = "four"\n', "ratio must be a int"),
        ('version = "a"\n[matching]\nratio = 0\n', "ratio must be 1 or more"),
        ('version = "a"\n[matching]\ncaliper_sd = "mine"\n', "must be one of"),
        ('version = "a"\nmatching = 3\n', "must be a table"),
        ("[matching]\nratio = 1\n", "'version' is missing"),
        ("version = \n", "is not valid TOML"),
    ],
)
def test_a_mistake_is_told_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        methodology.load(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no methodology file"):
        methodology.load(tmp_path / "none.toml")


def test_no_caliper_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('version = "a"\n[matching]\ncaliper = "none"\n', encoding="utf-8")
    assert methodology.load(path).matching.caliper is None


@pytest.mark.parametrize(
    ("outcomes_to", "year"),
    [(date(2013, 6, 30), 2011), (date(2013, 6, 29), 2010), (date(2013, 12, 31), 2011), (date(2014, 6, 30), 2012)],
)
def test_a_year_needs_a_year_and_six_months_more(outcomes_to: date, year: int) -> None:
    assert runs.last_available_year(outcomes_to) == year


def test_attrition_adds_up_to_the_rows_submitted() -> None:
    rows = runs.attrition_rows("R", {"incomplete_row": 3}, {"not_found": 10, "ambiguous": 2}, 40, 35, True)
    assert sum(row["people"] for row in rows) == 3 + 10 + 2 + 40
    assert [row["reason"] for row in rows] == [
        "incomplete_row",
        "not_found",
        "ambiguous",
        "no_match_in_caliper",
        "analysed",
    ]
    without_model = runs.attrition_rows("R", {}, {}, 40, 0, False)
    assert {row["reason"]: row["people"] for row in without_model} == {"not_in_model": 40, "analysed": 0}


def test_what_becomes_of_a_request_is_told() -> None:
    def outcome(people: dict[str, int], status: str = "converged", reason: str = "ok") -> str:
        rows = [{"reason": name, "people": count} for name, count in people.items()]
        return runs.outcome_of(rows, {"status": status, "reason": reason})["status"]

    assert outcome({"analysed": 30}) == "published"
    assert outcome({"analysed": 29}) == "too_few"
    assert outcome({"analysed": 0, "follow_up_not_complete": 90}) == "waiting"
    assert outcome({"analysed": 0, "not_in_model": 90}, "failed", "separation") == "failed"
    assert outcome({"analysed": 0, "not_in_model": 9}, "failed", "too_few_treated") == "too_few"


def test_tables_describe_themselves() -> None:
    for table in schemas.TABLES.values():
        assert table.grain
        assert all(column.meaning for column in table.columns)
    assert {table.root for table in schemas.TABLES.values() if table.zone == "results"} == {"analytic"}
    names = {"forename", "surname", "date_of_birth", "pnc_id"}
    for table in schemas.TABLES.values():
        assert table.root == "restricted" or not names & set(table.column_names)
