"""What every job does around its verb: answers, errors in plain English, exit codes. No Spark."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jdl_spark import resources, session
from jdl_spark.errors import EnvironmentProblem, UsageError


class FakeSpark:
    """Stands in for a session: nothing here computes."""

    stopped = False

    class sparkContext:
        """Only asked for its status tracker."""

        @staticmethod
        def statusTracker() -> None:
            """Track nothing."""

    def stop(self) -> None:
        """Remember that the job stopped its session."""
        self.stopped = True


@pytest.fixture
def frame(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module beside the jobs, as they import it."""
    monkeypatch.syspath_prepend(str(resources.job("_job").parent))
    monkeypatch.setattr(session, "build", lambda name: FakeSpark())
    monkeypatch.setattr(signal, "signal", lambda *arguments: None)
    for name in ("JDL_ANSWER", "JDL_TERMINAL", "JDL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    import _job

    return _job


@pytest.fixture
def run(frame: ModuleType) -> Callable[..., int]:
    """Run a verb as a job; return the exit code."""

    def go(verb: Callable[[Any], Any], *words: str) -> int:
        arguments: argparse.ArgumentParser = frame.parser("test", "A job.")
        with pytest.raises(SystemExit) as end:
            frame.run(arguments, verb, words)
        return int(end.value.code or 0)

    return go


class Summary:
    """An answer with an exit code of its own."""

    exit_code = 3

    def lines(self) -> list[str]:
        """Say it for people."""
        return ["one", "two"]

    def as_json(self) -> dict[str, int]:
        """Say it for machines."""
        return {"n": 2}


@pytest.mark.parametrize(
    ("answer", "for_people"),
    [
        ("done", "done\n"),
        ({"release_id": "2011", "shards": 8}, "release_id: 2011\nshards: 8\n"),
        ({"left": {"rows": 2, "people": 1}, "fields": ["surname"]}, "left: rows 2, people 1\nfields: surname\n"),
        ([{"release_id": "2010"}, {"release_id": "2011"}], "release_id 2010\nrelease_id 2011\n"),
    ],
)
def test_an_answer_is_words_for_people(
    answer: Any, for_people: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lambda job: answer) == 0
    assert capsys.readouterr().out == for_people


def test_an_answer_is_json_for_machines(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda job: {"release_id": "2011"}, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"release_id": "2011"}


def test_an_answer_may_have_words_and_a_code(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda job: Summary()) == 3
    assert run(lambda job: Summary(), "--json") == 3
    assert capsys.readouterr().out == 'one\ntwo\n{\n  "n": 2\n}\n'


def test_below_spark_submit_the_answer_is_a_file(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JDL_ANSWER", str(tmp_path / "answer"))
    assert run(lambda job: "done") == 0
    assert (tmp_path / "answer").read_text() == "done\n"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", [UsageError("say which"), EnvironmentProblem("there is no lake")])
def test_an_error_is_one_sentence(
    error: UsageError | EnvironmentProblem, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def verb(job: Any) -> None:
        raise error

    assert run(verb) == error.exit_code
    assert capsys.readouterr().err == f"jdl: {error}\n"


def test_a_bug_tells_no_value(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    def verb(job: Any) -> None:
        raise ValueError("Anna Smith, 1984-02-29")

    assert run(verb) == 1
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "Anna" not in told
    assert "1984" not in told


def test_debug_shows_a_bug_whole(frame: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(job: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setenv("JDL_DEBUG", "1")
    with pytest.raises(ValueError, match="a bug"):
        frame.run(frame.parser("test", "A job."), verb, [])


def test_the_session_is_stopped(run: Callable[..., int]) -> None:
    seen = []

    def verb(job: Any) -> None:
        seen.append(job.spark)

    assert run(verb) == 0
    assert seen[0].stopped
