"""The command line answers without Spark: helps, mistakes, exit codes, what it hands to a job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jdl_spark import __version__, cli, launch
from jdl_spark.errors import EnvironmentProblem, JdlError

COMMANDS = [
    "setup", "doctor", "version", "init", "ingest", "maintain", "generate", "template", "check", "submit", "decide",
    "run", "reprocess", "status", "hash", "report", "evaluate", "analyse", "demo",
]  # fmt: skip


def run_main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run `jdl` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["jdl", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], str | None]]:
    """What the command line handed to spark-submit."""
    calls: list[tuple[str, list[str], str | None]] = []

    def run(job: str, arguments: list[str], master: str | None = None) -> int:
        calls.append((job, list(arguments), master))
        return 0

    monkeypatch.setattr(launch, "run", run)
    monkeypatch.delenv("JDL_LAKE", raising=False)
    monkeypatch.delenv("JDL_MASTER", raising=False)
    return calls


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str) -> None:
    told = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert told.exit_code == 0
    assert f"Example: jdl {command}" in " ".join(told.output.split())


def test_the_list_of_commands_is_whole() -> None:
    assert {command.name or command.callback.__name__ for command in cli.app.registered_commands} == set(COMMANDS)


@pytest.mark.parametrize("command", ["create", "list"])
def test_releases_have_a_help_with_an_example(command: str) -> None:
    told = CliRunner().invoke(cli.app, ["release", command, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert f"Example: jdl release {command}" in " ".join(told.output.split())


@pytest.mark.parametrize("command", ["train", "list", "show", "report"])
def test_linkage_models_have_a_help_with_an_example(command: str) -> None:
    told = CliRunner().invoke(cli.app, ["linkage", command, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert f"Example: jdl linkage {command}" in " ".join(told.output.split())


@pytest.mark.parametrize(
    ("words", "example"),
    [([], "jdl link left.csv right.csv"), (["tables"], "jdl link left.csv"), (["plan"], "jdl link plan left.csv"),
     (["report"], "jdl link report links.parquet")],
)  # fmt: skip
def test_linking_has_helps_with_examples(words: list[str], example: str) -> None:
    told = CliRunner().invoke(cli.app, ["link", *words, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert told.exit_code == 0
    assert f"Example: {example}" in " ".join(told.output.split())


def test_tables_to_link_need_no_command(handed: list[tuple[str, list[str], str | None]]) -> None:
    for words in (["tables"], []):
        assert CliRunner().invoke(cli.app, ["link", *words, "a.csv", "--spec", "s", "--out", "l"]).exit_code == 0
    assert handed[0] == handed[1] == ("link", ["a.csv", "--spec", "s", "--out", "l", "--lake", "lake"], None)


def test_the_command_line_loads_neither_spark_nor_numpy() -> None:
    heavy = "{'pyspark', 'delta', 'numpy', 'pandas', 'pyarrow', 'matplotlib', 'py4j'}"
    code = f"import sys, jdl_spark.cli; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(monkeypatch, "version") == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["run"], 2, "name the requests to run, or say --all"),
        (["run", "A-1", "--all"], 2, "name the requests to run, or say --all"),
        (["decide", "A-1", "--by", "A. Lee", "--reason", "seen"], 2, "say --accept or --refuse"),
        (["status", "--lake", "nowhere"], 2, "there are no documents at nowhere/documents"),
        (["report", "--lake", "hdfs:///lab"], 2, "there are no documents at hdfs:"),
        (["generate", "out", "--identities", "1000", "--as-of", "1890-01-01"], 2, "as_of must lie between"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    words: list[str],
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_main(monkeypatch, *words) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("jdl: ")
    assert sentence in told.err
    assert "Traceback" not in told.err


def test_an_unknown_command_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_main(monkeypatch, "rum") == 2


def test_debug_shows_the_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JDL_DEBUG", "")  # put back afterwards
    monkeypatch.setattr(sys, "argv", ["jdl", "run", "--debug"])
    with pytest.raises(JdlError):
        cli.main()


def test_what_is_missing_is_exit_code_four(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JDL_JARS", str(tmp_path / "none"))
    told = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert told.exit_code == EnvironmentProblem.exit_code
    findings = {row["what"]: row for row in json.loads(told.output)}
    assert not findings["Delta jars"]["right"]
    assert "jdl setup" in findings["Delta jars"]["words"]
    assert findings["Python"]["right"]


@pytest.mark.parametrize(
    ("words", "job", "arguments"),
    [
        (["init", "--lake", "l"], "init", ["--lake", "l"]),
        (["ingest", "sentences", "s.csv", "--mapping", "m.toml"], "ingest",
         ["sentences", "s.csv", "--mapping", "m.toml", "--lake", "lake"]),
        (["release", "create", "2011", "--outcomes-to", "2013-06-30", "--shards", "4"], "create_release",
         ["2011", "--outcomes-to", "2013-06-30", "--shards", "4", "--lake", "lake"]),
        (["release", "list", "--json"], "create_release", ["--lake", "lake", "--json"]),
        (["submit", "a", "b"], "submit", ["a", "b", "--lake", "lake"]),
        (["decide", "A-1", "--refuse", "--by", "A. Lee", "--reason", "no consent"], "decide",
         ["A-1", "--refuse", "--by", "A. Lee", "--reason", "no consent", "--lake", "lake"]),
        (["linkage", "train", "--release", "2011", "--json"], "train_linkage",
         ["--release", "2011", "--lake", "lake", "--json"]),
        (["linkage", "train", "--again"], "train_linkage", ["--again", "--lake", "lake"]),
        (["run", "--all"], "run_requests", ["--lake", "lake"]),
        (["run", "A-1", "B-2", "--release", "2011", "--json"], "run_requests",
         ["A-1", "B-2", "--release", "2011", "--lake", "lake", "--json"]),
        (["reprocess", "--release", "2012"], "reprocess_all", ["--release", "2012", "--lake", "lake"]),
        (["maintain"], "maintain", ["--lake", "lake"]),
        (["maintain", "--dry-run", "--json"], "maintain", ["--dry-run", "--lake", "lake", "--json"]),
        (["hash"], "hash_run", ["--lake", "lake"]),
        (["hash", "R1", "--tables", "--json"], "hash_run", ["R1", "--tables", "--lake", "lake", "--json"]),
        (["evaluate", "--truth", "t"], "evaluate", ["--truth", "t", "--lake", "lake"]),
    ],
)  # fmt: skip
def test_what_needs_spark_is_handed_to_a_job(
    words: list[str],
    job: str,
    arguments: list[str],
    handed: list[tuple[str, list[str], str | None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run_main(monkeypatch, *words) == 0
    assert handed == [(job, arguments, None)]


def test_master_and_lake_come_from_the_environment(
    handed: list[tuple[str, list[str], str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JDL_LAKE", "hdfs:///lab")
    monkeypatch.setenv("JDL_MASTER", "yarn")
    assert run_main(monkeypatch, "run", "--all") == 0
    assert handed == [("run_requests", ["--lake", "hdfs:///lab"], "yarn")]
