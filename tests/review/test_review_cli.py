"""What `jdl review` hands to its jobs, and what the answers say; without Spark."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jdl_spark import cli, launch
from jdl_spark.review.answers import Wrong
from jdl_spark.review.exporting import Exported
from jdl_spark.review.importing import Imported, Overview

COMMANDS = ["export", "import", "list"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str) -> None:
    told = CliRunner().invoke(cli.app, ["review", command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert told.exit_code == 0
    assert f"Example: jdl review {command}" in " ".join(told.output.split())


@pytest.mark.parametrize(
    ("words", "job", "handed"),
    [
        (["export", "A-1", "--out", "x"], "review_export", ["A-1", "--out", "x", "--which", "ambiguous"]),
        (["export", "A-1", "--out", "x", "--run", "7", "--which", "all", "--limit", "9", "--force", "--json"],
         "review_export", ["A-1", "--out", "x", "--which", "all", "--run", "7", "--limit", "9", "--force"]),
        (["import", "f.csv", "--reviewer", "A. Lee"], "review_import", ["f.csv", "--reviewer", "A. Lee"]),
        (["import", "f.csv", "--dry-run", "--json"], "review_import", ["f.csv", "--dry-run"]),
        (["list"], "review_list", []),
        (["list", "A-1", "--json"], "review_list", ["A-1"]),
    ],
)  # fmt: skip
def test_what_a_job_is_told(monkeypatch: pytest.MonkeyPatch, words: list[str], job: str, handed: list[str]) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(launch, "run", lambda name, told, master=None: calls.append((name, list(told))) or 0)
    monkeypatch.setattr(sys, "argv", ["jdl", "review", *words])
    told = CliRunner().invoke(cli.app, ["review", *words, "--lake", "lab"])
    assert told.exit_code == 0
    assert calls == [(job, [*handed, "--lake", "lab", *(["--json"] if "--json" in words else [])])]


def test_there_is_no_default_place_for_names() -> None:
    told = CliRunner().invoke(cli.app, ["review", "export", "A-1"], env={"COLUMNS": "200"})
    assert told.exit_code == 2
    assert "--out" in told.output


def test_an_export_warns() -> None:
    told = Exported("A-1", "run", [Path("x/review-A-1.html")], 3, 7, 2)
    text = "\n".join(told.lines())
    assert "3 people to decide on; 2 more beyond the limit" in text
    assert "WARNING: these files hold names, dates of birth" in text
    assert "delete them" in text
    assert told.as_json()["warning"] in text


def test_an_import_says_what_it_did_or_all_that_is_wrong() -> None:
    counts = {"same": 2, "different": 1, "unsure": 0, "replaced": 1, "unchanged": 4, "undecided": 0}
    done = Imported("A-1", "run", (), counts)
    assert done.exit_code == 0
    assert done.lines() == [
        "A-1: 3 decisions imported (2 same, 1 different, 0 unsure); 1 replaced, 4 unchanged, 0 undecided",
        "Let them count with: jdl run A-1",
    ]
    assert "would be imported" in Imported("A-1", "run", (), counts, dry_run=True).lines()[0]
    wrong = Imported("A-1", "run", (Wrong(2, "two_same"), Wrong(9, "unknown_pair")))
    assert wrong.exit_code == 2
    assert wrong.lines()[0].startswith("nothing is imported; 2 problems")
    assert [line.split(":")[0].strip() for line in wrong.lines()[1:]] == ["row 2", "row 9"]
    assert [problem["rule"] for problem in wrong.as_json()["problems"]] == ["two_same", "unknown_pair"]


def test_an_overview_names_nobody() -> None:
    row = {"request_id": "A-1", "run_id": "0f", "ambiguous": 12, "waiting": 9, "same": 2, "different": 1, "unsure": 0,
           "lapsed": 0}  # fmt: skip
    lines = Overview([row]).lines()
    assert lines[1].split() == ["A-1", "0f", "12", "9", "2", "1", "0", "0"]
    assert Overview([row]).as_json() == [row]
    assert len(Overview([]).lines()) == 2
