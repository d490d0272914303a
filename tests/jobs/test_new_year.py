"""A lake through its life: a nation without benefit records, an interrupted run, a request alone, a new year.

Also that nobody's name leaves the restricted root: a planted person is looked for everywhere else.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jdl_spark import admission, indexes, methodology, models, pipeline, releases, runs, schemas
from jdl_spark.errors import InputError
from jdl_spark.progress import Progress
from jdl_spark.runs import RunSummary
from jdl_spark.store import Store
from jdl_spark.synthetic import nation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CANARY = "Zzyqcanary"
NO_BENEFITS = {"benefit_identities", "benefit_spells", "employment_spells"}
QUIET = Progress(terminal=False)


class Lab:
    """A lake with one release of a tiny nation, and two requests: one ready, one a year early."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.folder, self.store = folder, Store(spark, str(folder / "lake"))
        self.settings = methodology.load()
        pipeline.init_lake(self.store, b"k" * 32)
        self.deliver(date(2013, 6, 30), {t for t in schemas.NATIONAL_TABLES if t not in NO_BENEFITS})
        releases.create_release(self.store, "2011", date(2013, 6, 30), shards=2)
        requests = [folder / "2013" / "requests" / name for name in ("BRIDGE-2010", "HORIZON-2012")]
        with (requests[0] / "cohort.csv").open("a", encoding="utf-8") as cohort:
            cohort.write(f"{CANARY},,{CANARY},05/03/1980,F,,,01/03/2010,,Leeds\n")
        self.admissions = admission.submit(self.store, requests)
        shutil.copytree(folder / "lake", folder / "other")
        self.first = self.run(None, "2011")

    def deliver(self, as_of: date, tables: set[str]) -> dict[str, int]:
        """Generate the nation as known by a day and ingest it; return the rows that were new or changed."""
        source = self.folder / str(as_of.year)
        nation.generate(source, identities=2_500, as_of=as_of)
        touched = {}
        for table in sorted(tables):
            extract = next((source / "extracts").glob(f"{table}.*"))
            summary = pipeline.ingest(self.store, table, str(extract), source / "mappings" / f"{table}.toml")
            touched[table] = summary.new + summary.changed
        return touched

    def run(self, requests: list[str] | None, release: str) -> RunSummary:
        """Run requests on a release."""
        return pipeline.run_requests(self.store, requests, release, self.settings, QUIET)

    def estimates(self, run_id: str, request: str = "BRIDGE-2010") -> list[dict[str, object]]:
        """Return the request's estimates of a run, sorted by outcome."""
        rows = self.store.stored(schemas.ESTIMATES, run_id=run_id).where(f"request_id = '{request}'").collect()
        return sorted((row.asDict() for row in rows), key=lambda row: str(row["outcome"]))


@pytest.fixture(scope="module")
def lab(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    return Lab(spark, tmp_path_factory.mktemp("lab"))


def statuses(summary: RunSummary) -> dict[str, str]:
    return {item["request_id"]: item["status"] for item in summary.items}


def test_a_nation_without_benefit_records_is_analysed_and_says_so(lab: Lab) -> None:
    assert statuses(lab.first) == {"BRIDGE-2010": "published", "HORIZON-2012": "waiting"}
    found = lab.estimates(lab.first.run_id)
    assert [row["reason"] for row in found if row["outcome"] == "reoffended"] == ["ok"]
    balance = lab.store.stored(schemas.BALANCE, run_id=lab.first.run_id)
    missing = balance.where("covariate = 'benefits_record_missing'").collect()
    assert {row["mean_treated"] for row in missing} == {1.0}


def test_without_benefit_records_no_route_is_compared(lab: Lab) -> None:
    assert lab.store.stored(schemas.BENEFIT_LINKS, run_id=lab.first.run_id).isEmpty()
    (row,) = lab.store.stored(schemas.LINK_QUALITY, run_id=lab.first.run_id).collect()
    assert row["request_id"] == "BRIDGE-2010"
    linked = lab.store.stored(schemas.LINKS, run_id=lab.first.run_id).where("status = 'linked'").count()
    assert 0 < row["linked"] == linked < row["people"] == row["neither"]
    assert 0 < row["expected_false"] < 0.1 * linked
    assert row["expected_present"] >= linked - row["expected_false"]
    assert row["disagreement_rate"] is None


def test_a_model_is_trained_again_only_where_asked_and_is_new_only_if_it_differs(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter(["{}", "{}", '{"other": 1}'])  # trained three times
    monkeypatch.setattr(models.training, "train", lambda *_: next(found))

    def obtain(again: bool = False) -> int:
        return models.obtain(lab.store, "1999", "cohort", lab.settings, again).number

    assert obtain() == 1
    assert obtain() == 1  # there already
    assert obtain(again=True) == 1  # it came out the same
    assert obtain(again=True) == 2
    assert obtain() == 2
    assert len(models.known_ids(lab.store, "1999")) == 2


def test_people_lost_and_analysed_add_up_to_the_rows_submitted(lab: Lab) -> None:
    rows = lab.store.stored(schemas.ATTRITION, run_id=lab.first.run_id).collect()
    submitted = (lab.folder / "2013" / "requests" / "BRIDGE-2010" / "cohort.csv").read_text("utf-8").count("\n") - 1
    assert sum(row["people"] for row in rows if row["request_id"] == "BRIDGE-2010") == submitted


def test_the_same_run_again_and_a_request_alone_give_the_same_bits(lab: Lab, spark: SparkSession) -> None:
    before = lab.estimates(lab.first.run_id)
    assert lab.run(None, "2011").run_id == lab.first.run_id
    assert lab.estimates(lab.first.run_id) == before
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        alone = lab.run(["BRIDGE-2010"], "2011")
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    assert alone.run_id != lab.first.run_id
    assert lab.estimates(alone.run_id) == before


def test_the_same_requests_in_another_lake_have_the_same_hash(
    lab: Lab, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prepared and run anew, in other partitions, by what passes for other code."""
    other = Store(spark, str(lab.folder / "other"))
    monkeypatch.setattr(runs, "code_version", lambda: "other code")
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "5")
    try:
        there = pipeline.run_requests(other, None, "2011", lab.settings, QUIET)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    assert there.run_id != lab.first.run_id
    ours, theirs = pipeline.hash_run(lab.store, lab.first.run_id), pipeline.hash_run(other, None)
    assert theirs.run_id == there.run_id
    assert theirs.tables == ours.tables
    assert theirs.sha256 == ours.sha256


def test_a_run_that_broke_is_finished_by_the_same_command(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lab.estimates(lab.first.run_id)

    def breaks(*_: object) -> None:
        raise RuntimeError("the machine went away")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.matching, "match", breaks)
        with pytest.raises(RuntimeError, match="went away"):
            lab.run(None, "2011")
    status = lab.store.stored(schemas.RUNS, run_id=lab.first.run_id).collect()
    assert [row["status"] for row in status] == ["running"]
    with pytest.raises(InputError, match="is not finished"):
        pipeline.hash_run(lab.store, lab.first.run_id)
    assert lab.run(None, "2011").run_id == lab.first.run_id
    assert lab.estimates(lab.first.run_id) == before
    status = lab.store.stored(schemas.RUNS, run_id=lab.first.run_id).collect()
    assert [row["status"] for row in status] == ["finished"]


def test_nobody_leaves_the_restricted_root(lab: Lab) -> None:
    kept = lab.store.read(schemas.COHORT_MEMBERS).where(f"surname = '{CANARY}'").count()
    assert kept == 1, "the planted person must have been admitted, or this test shows nothing"
    for table in schemas.TABLES.values():
        texts = [c.name for c in table.columns if c.type == "string"]
        if table.root == "analytic" and texts:
            content = lab.store.read(table).select(*(f"`{name}`" for name in texts)).toArrow().to_pylist()
            assert CANARY.lower() not in str(content).lower(), table.name
    for path in (lab.folder / "lake" / "documents").rglob("*"):
        assert not path.is_file() or CANARY.lower() not in path.read_text("utf-8").lower(), path.name


def assert_index_is_that_of_a_rebuild(lab: Lab) -> None:
    """The new year's index was continued from the old one, and is what a rebuild would have made."""
    events = [json.loads(line) for line in (lab.folder / "progress.jsonl").read_text().splitlines()]
    (counts,) = (e["counts"] for e in events if e["event"] == "end" and e["stage"] == "identity index")
    assert re.fullmatch(r"\d+ of 2,\d+ changed since 2011", counts["offender identities"])
    release = releases.find_release(lab.store, "2012")
    for population, table in indexes.REGISTERS.items():
        rebuilt = indexes.build_index(releases.national(lab.store, release, table), population, 2).toArrow()
        stored = lab.store.stored(schemas.IDENTITY_INDEX, release_id="2012").where(f"population = '{population}'")
        found = stored.select(*rebuilt.column_names).toArrow()
        assert found.sort_by("shard").to_pylist() == rebuilt.sort_by("shard").to_pylist(), population


def test_a_new_year_picks_up_what_was_waiting_and_leaves_old_results(lab: Lab) -> None:
    touched = lab.deliver(date(2014, 6, 30), set(schemas.NATIONAL_TABLES))
    assert touched["offences"] > 0
    releases.create_release(lab.store, "2012", date(2014, 6, 30), shards=2)
    old = lab.estimates(lab.first.run_id)
    told = Progress(lab.folder / "progress.jsonl", terminal=False)
    summary = pipeline.reprocess(lab.store, "2012", lab.settings, told)
    assert_index_is_that_of_a_rebuild(lab)
    assert summary.run_id != lab.first.run_id
    assert statuses(summary)["BRIDGE-2010"] == "published"
    compared = lab.store.stored(schemas.LINK_QUALITY, run_id=summary.run_id).where("agree > 0")
    assert "BRIDGE-2010" in {row["request_id"] for row in compared.collect()}  # there are benefit records now
    assert statuses(summary)["HORIZON-2012"] in ("published", "too_few")
    assert lab.estimates(lab.first.run_id) == old
    for run in (lab.first.run_id, summary.run_id):
        assert (lab.folder / "lake" / "documents" / "BRIDGE-2010" / run / "result.json").is_file()
    version = lab.store.version(schemas.OFFENCES)
    assert lab.deliver(date(2014, 6, 30), {"offences"}) == {"offences": 0}
    assert lab.store.version(schemas.OFFENCES) == version
