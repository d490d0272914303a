"""Each job once, in the order of the road, on a tiny nation and in one session."""

from __future__ import annotations

import json
import runpy
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from jdl_spark import cli, resources, schemas, session
from jdl_spark.synthetic import nation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Road:
    """Runs job files as spark-submit does, but in the session of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lake = folder, folder / "lake"

    def job(self, name: str, *words: str) -> Any:
        """Run a job that must end well; return its answer."""
        code, answer = self.run(name, *words)
        assert code == 0, name
        return answer

    def run(self, name: str, *words: str) -> tuple[int, Any]:
        """Run a job; return its exit code and its answer."""
        answer = self.folder / "answer"
        answer.unlink(missing_ok=True)
        script = str(resources.job(name))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JDL_ANSWER", str(answer))
            patch.setattr(sys, "argv", [script, *words, "--lake", str(self.lake), "--json"])
            with pytest.raises(SystemExit) as end:
                runpy.run_path(script, run_name="__main__")
        text = answer.read_text() if answer.is_file() else "null"
        return int(end.value.code or 0), json.loads(text) if text[0] in "[{n" else text


@pytest.fixture(scope="module")
def road(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """A lake with a nation, a release and twelve requests."""
    folder = tmp_path_factory.mktemp("road")
    nation.generate(folder / "nation", identities=2_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(resources.job("_job").parent))
        patch.setattr(session, "build", lambda name: spark)
        patch.setattr(type(spark), "stop", lambda self: None)
        patch.setattr(signal, "signal", lambda *arguments: None)
        road = Road(folder)
        road.job("init")
        for table in schemas.NATIONAL_TABLES:
            extract = next((folder / "nation" / "extracts").glob(f"{table}.*"))
            road.job("ingest", table, str(extract), "--mapping", str(folder / "nation" / "mappings" / f"{table}.toml"))
        road.job("create_release", "2011", "--outcomes-to", "2013-06-30", "--shards", "2")
        code, _ = road.run("submit", *map(str, sorted((folder / "nation" / "requests").iterdir())))
        assert code == 3  # some are refused
        yield road


def test_a_release_is_listed(road: Road) -> None:
    assert [row["release_id"] for row in road.job("create_release")] == ["2011"]


def test_an_unknown_request_is_a_mistake_of_use(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    assert road.run("run_requests", "NOBODY-1")[0] == 2
    assert "there is no request 'NOBODY-1'" in capsys.readouterr().err


def test_a_refused_request_needs_no_nation(road: Road) -> None:
    told = road.job("run_requests", "SAFEHOME-2010")
    assert [item["status"] for item in told["items"]] == ["refused"]


def test_models_are_trained_once_and_runs_use_them(road: Road) -> None:
    first = road.job("train_linkage", "--release", "2011")["models"]
    assert [(model["purpose"], model["number"], model["new"]) for model in first] == [
        ("offender_benefit", 1, True), ("cohort", 1, True), ("cohort_benefit", 1, True),
    ]  # fmt: skip
    assert all(model["people"] > 0 and model["identities"] > 1_000 for model in first)
    told = road.job("train_linkage")["models"]
    assert told == [{**model, "new": False} for model in first]
    lake = ["--lake", str(road.lake)]
    shown = json.loads(CliRunner().invoke(cli.app, ["linkage", "show", "cohort", *lake, "--json"]).output)
    assert shown["model_id"] == first[1]["model_id"]


def test_every_request_gets_its_answer(road: Road) -> None:
    road.job("decide", "CLEARWAY-2010", "--refuse", "--by", "A. Lee", "--reason", "records do not show the need")
    told = road.job("reprocess_all", "--release", "2011")
    status = {item["request_id"]: item["status"] for item in told["items"]}
    assert len(status) == 12
    assert status["CLEARWAY-2010"] == status["HARBOUR-2011"] == "refused"
    assert status["HORIZON-2012"] == "waiting"
    assert set(status.values()) <= {"published", "too_few", "refused", "waiting"}
    for name in status:
        assert (road.lake / "documents" / name / told["run_id"] / "result.json").is_file()

    document = json.loads((road.lake / "documents" / "BRIDGE-2010" / told["run_id"] / "result.json").read_text())
    models = {model["name"]: model["identifier"] for model in document["provenance"]["linkage_models"]}
    trained = road.job("train_linkage")["models"][1:]
    assert models == {model["purpose"]: model["model_id"] for model in trained}
    assert not any(model["new"] for model in trained)
    quality = document["linkage"]
    assert quality["false_links"]["text"] not in ("[c]", "[x]")
    assert quality["routes"][0]["routes"][0] == "agree"
    assert {row["characteristic"] for row in document["profile"]} >= {"Age at the index date"}

    found = road.job("evaluate", "--truth", str(road.folder / "nation" / "truth"), "--run", told["run_id"])
    assert {row["request_id"] for row in found["requests"]} == set(status)

    lake = ["--lake", str(road.lake)]
    seen = CliRunner().invoke(cli.app, ["status", told["run_id"], *lake, "--json"])
    assert {item["request_id"] for item in json.loads(seen.output)["items"]} == set(status)
    rendered = CliRunner().invoke(cli.app, ["report", *lake, "--out", str(road.folder / "reports")])
    assert rendered.exit_code == 0
    assert all((road.folder / "reports" / name / "index.html").is_file() for name in status)


def test_maintenance_leaves_the_hash_of_a_run(road: Road) -> None:
    told = road.job("hash_run")
    assert told["tables"]["runs"]["rows"] == 1
    done = road.job("maintain")
    assert not done["dry_run"]
    assert done["all"]["small"]["files"] > 0
    assert road.job("hash_run", told["run_id"], "--tables") == told
    assert road.run("hash_run", "0123")[0] == 2
