"""Clerical review in a lake: export, decide, import, run again; and where names may not be.

The run is cut short after linkage, which is all that review touches.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import signal
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from linkage_people import person, town
from pyspark.sql import functions as F
from test_road import Road

from jdl_spark import methodology, pipeline, resources, review, schemas, session
from jdl_spark.admission import find_requests
from jdl_spark.linkage import training
from jdl_spark.linkage.index import build_index, count_names
from jdl_spark.models import COHORT_PURPOSES, LinkageModel
from jdl_spark.progress import Progress
from jdl_spark.releases import find_release
from jdl_spark.stats.fellegi_sunter import Model
from jdl_spark.store import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CANARY = "Zzyqcanary"
REQUEST = "BRIDGE-2010"
IN_DELTA = ("link_reviews",)
TWINS = [
    person("Anna", CANARY, "1980-03-05", sex="F", postcode="LS1 4AB"),
    person("Anne", CANARY, "1980-03-05", sex="F", postcode="LS1 4AB"),
]
FIRST, SECOND, SURE = 9_001, 9_002, 1_000


class Shelf(Store):
    """A lake that keeps in memory all but the reviews: a Delta table costs seconds to make, and one to write to."""

    def __init__(self, spark: SparkSession, lake: str) -> None:
        super().__init__(spark, lake)
        self.frames: dict[str, DataFrame] = {}

    def read(self, table: schemas.Table, version: int | None = None) -> DataFrame:
        if table.name in IN_DELTA:
            return super().read(table, version)
        return self.frames.get(table.name, self.spark.createDataFrame([], table.ddl))

    def save(self, table: schemas.Table, frame: DataFrame, **partition: str) -> DataFrame:
        kept = [row.asDict() for row in self.read(table).collect()]
        new = [row.asDict() | partition for row in frame.collect()]
        self.put(table, [row for row in kept if not partition.items() <= row.items()] + new)
        return self.stored(table, **partition)

    def put(self, table: schemas.Table, rows: list[dict[str, Any]]) -> None:
        """Replace a table's rows."""
        whole = [tuple(row.get(name) for name in table.column_names) for row in rows]
        self.frames[table.name] = self.spark.createDataFrame(whole, table.ddl)


class Lab:
    """A lake with forty identities and two like sisters, and a request with one of them and twenty others."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.folder, self.road = folder, Road(folder)
        self.store, self.settings = Shelf(spark, str(self.road.lake)), methodology.load()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(schemas, "TABLES", {name: schemas.TABLES[name] for name in IN_DELTA})
            self.store.create(b"k" * 32)
        self.store.put(schemas.OFFENDER_IDENTITIES, [
            {**one, "offender_id": offender, "version_no": 1, "row_hash": offender}
            for offender, one in [*enumerate(town(40), SURE), (FIRST, TWINS[0]), (SECOND, TWINS[1])]
        ])  # fmt: skip
        release = {"release_id": "2011", "outcomes_to": date(2013, 6, 30), "shards": 2, "content": {}}
        self.store.put(schemas.RELEASES, [release | {"versions": {"offender_identities": 0}}])
        index = build_index(self.store.read(schemas.OFFENDER_IDENTITIES), "offender", 2)
        with_release = index.withColumn("release_id", F.lit("2011")).cache()
        self.store.frames["identity_index"] = with_release
        self.store.frames["name_frequencies"] = (
            count_names(with_release).withColumn("release_id", F.lit("2011")).cache()
        )
        model = Model(training.starting_fields(), present=0.9, identities=42).to_json()
        self.model = {"model_id": "model", "parameters": model}
        row = self.model | {"release_id": "2011", "purpose": "cohort", "number": 1, "settings_digest": ""}
        self.store.put(schemas.LINKAGE_MODELS, [row])
        self.trained = {name: LinkageModel("model", name, 1, model) for name in COHORT_PURPOSES}
        self.submit("Ann")

    def submit(self, forename: str) -> None:
        """Hand in the request, the doubtful sister under a forename."""
        metadata = {"service": {"delivery_years": [2010], "setting": "custody"}}
        self.store.put(schemas.REQUESTS, [{
            "request_id": REQUEST, "admission": "accepted", "rules": "[]", "metadata": json.dumps(metadata),
            "intake": '{"admitted": 21}', "content_digest": forename, "submitted_at": datetime.now(UTC),
        }])  # fmt: skip
        people = [TWINS[0] | {"forename": forename}, *town(40)[:20]]
        self.store.put(schemas.COHORT_MEMBERS, [
            {**one, "request_id": REQUEST, "person_ref": f"{row:05}", "start_is_end": False}
            for row, one in enumerate(people, 1)
        ])  # fmt: skip

    def run(self) -> str:
        """Run the request as far as linkage; return the name of the run."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, "_is_prepared", lambda *_: True)
            patch.setattr(pipeline, "_cohort_models", lambda *_: self.trained)
            patch.setattr(pipeline.quality, "measure_quality", _stop)
            with pytest.raises(InterruptedError):
                pipeline.run_requests(self.store, None, "2011", self.settings, Progress(terminal=False))
        newest = max(self.store.read(schemas.RUNS).collect(), key=lambda row: row["started_at"])
        return str(newest["run_id"])

    def name(self) -> str:
        """Return the name that a run would have now."""
        requests, release = find_requests(self.store, None), find_release(self.store, None)
        labels = review.labels(self.store)
        return str(pipeline._identify(self.store, requests, release, self.settings, self.trained, labels)["run_id"])

    def links(self, run_id: str) -> dict[int, tuple[str, str]]:
        """Return status and route of the doubtful sister's candidates."""
        rows = self.store.stored(schemas.LINKS, run_id=run_id).where("person_ref = '00001'").collect()
        return {row["offender_id"]: (row["status"], row["route"]) for row in rows}


def _stop(*_: object) -> None:
    raise InterruptedError("linkage is done")


@pytest.fixture(scope="module")
def lab(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(resources.job("_job").parent))
        patch.setattr(session, "build", lambda name: spark)
        patch.setattr(type(spark), "stop", lambda self: None)
        patch.setattr(signal, "signal", lambda *arguments: None)
        lab = Lab(spark, tmp_path_factory.mktemp("review"))
        patch.setattr(importlib.import_module("_job").Job, "store", lab.store)
        yield lab


def test_decisions_stand_over_the_model_and_outlive_the_run(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    first = lab.run()
    assert sorted(status for status, _ in lab.links(first).values()) == ["ambiguous", "candidate"]
    assert lab.road.job("review_list") == [
        {"request_id": REQUEST, "run_id": first, "ambiguous": 1, "waiting": 1, "same": 0, "different": 0, "unsure": 0,
         "lapsed": 0}
    ]  # fmt: skip

    out = lab.folder / "out"
    told = lab.road.job("review_export", REQUEST, "--out", str(out))
    assert (told["run_id"], told["people"], told["identities"], told["left_out"]) == (first, 1, 2, 0)
    assert "delete them" in told["warning"]
    assert [stat.S_IMODE(Path(file).stat().st_mode) for file in told["files"]] == [0o600, 0o600]
    page, file = (Path(name).read_text("utf-8") for name in told["files"])
    assert page.count("data-pair=") == 2
    assert CANARY in page
    assert lab.road.run("review_export", REQUEST, "--out", str(out))[0] == 2  # never over an earlier file
    assert lab.road.run("review_export", REQUEST, "--out", str(lab.road.lake / "analytic"))[0] == 2

    rows = list(csv.DictReader(io.StringIO(file.removeprefix("\ufeff"), newline="")))
    weights = {row["match_weight"] for row in lab.store.stored(schemas.LINKS, run_id=first).collect()}
    assert {round(weight, 2) for weight in weights} >= {float(row["match_weight"]) for row in rows}
    second = next(row for row in rows if row["national_forename"] == "Anne")
    for row in rows:
        row["decision"] = "same" if row is second else "not the same"
    filled = decided(lab.folder / "decisions.csv", rows)
    dry = lab.road.job("review_import", filled, "--reviewer", "A. Lee", "--dry-run")
    assert (dry["same"], dry["different"]) == (1, 1)
    assert review.labels(lab.store).num_rows == 0
    assert lab.name() == first

    lab.road.job("review_import", filled, "--reviewer", "A. Lee")
    assert review.labels(lab.store, [REQUEST]).to_pylist() == [
        {"request_id": REQUEST, "person_ref": "00001", "offender_id": offender, "same": offender == SECOND}
        for offender in (FIRST, SECOND)
    ]
    after = lab.run()
    assert after != first
    assert lab.name() == after
    assert lab.links(after) == {FIRST: ("candidate", "fuzzy"), SECOND: ("linked", "review")}
    assert sorted(status for status, _ in lab.links(first).values()) == ["ambiguous", "candidate"]
    again = lab.road.job("review_import", filled, "--reviewer", "A. Lee")
    assert (again["same"], again["different"], again["unchanged"]) == (0, 0, 2)
    (counted,) = lab.road.job("review_list", REQUEST)
    assert (counted["run_id"], counted["ambiguous"], counted["same"], counted["different"]) == (after, 0, 1, 1)

    second["decision"] = "different"
    newer = lab.road.job("review_import", decided(lab.folder / "decisions.csv", rows), "--reviewer", "B. Roy")
    assert (newer["different"], newer["replaced"]) == (2, 2)
    assert lab.store.read(schemas.LINK_REVIEWS).count() == 4  # the history stays
    assert lab.name() not in (first, after)

    said = capfd.readouterr()
    assert CANARY.lower() not in (said.out + said.err).lower()


def test_another_submission_inherits_no_decision(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    lab.submit("Annie")
    assert review.labels(lab.store).num_rows == 0
    assert lab.road.run("review_export", REQUEST, "--out", str(lab.folder / "late"))[0] == 2
    assert "run it again first" in capfd.readouterr().err
    code, told = lab.road.run("review_import", str(lab.folder / "decisions.csv"), "--reviewer", "A. Lee")
    assert code == 2
    assert {(wrong["row"], wrong["rule"]) for wrong in told["problems"]} == {(1, "unknown_pair"), (2, "unknown_pair")}
    (counted,) = lab.road.job("review_list")
    assert counted["lapsed"] == 2


def test_mistakes_end_in_a_sentence(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        (["review_export", "NOBODY-1", "--out", "x"], "there is no request 'NOBODY-1'"),
        (["review_export", REQUEST, "--out", "x", "--run", "0000"], "run 0000 has not looked for the people"),
        (["review_list", "NOBODY-1"], "there is no request 'NOBODY-1'"),
        (["review_import", "nowhere.csv", "--reviewer", "A. Lee"], "there is no file nowhere.csv"),
    ):
        assert lab.road.run(*words)[0] == 2
        assert sentence in capfd.readouterr().err
    assert not Path("x").exists()


def test_no_name_is_outside_the_restricted_root(lab: Lab) -> None:
    for table in schemas.TABLES.values():
        texts = [column.name for column in table.columns if column.type == "string"]
        if table.root == "analytic" and texts:
            content = lab.store.read(table).select(*(f"`{text}`" for text in texts)).toArrow().to_pylist()
            assert CANARY.lower() not in str(content).lower(), table.name
    for path in (lab.road.lake / "documents").rglob("*"):
        assert not path.is_file() or CANARY.lower() not in path.read_text("utf-8").lower(), path.name


def decided(path: Path, rows: list[dict[str, str]]) -> str:
    """Write the file as a reviewer's spreadsheet saves it."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)
