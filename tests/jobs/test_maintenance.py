"""Maintenance changes no row, keeps what releases pin, and leaves nothing of killed writes behind."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from delta import exceptions

from jdl_spark import maintenance, pipeline, releases, schemas
from jdl_spark.maintenance import Maintenance, TableMaintenance, maintain
from jdl_spark.progress import Progress
from jdl_spark.schemas import Table
from jdl_spark.store import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

QUIET = Progress(terminal=False)
PEOPLE = (schemas.COHORT_MEMBERS, schemas.OFFENDER_IDENTITIES)
VERSIONED = (schemas.OFFENDERS, schemas.SENTENCES, schemas.RUNS, schemas.MATCHED_PAIRS)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SURNAME = "Zzyqcanary"


def offenders(store: Store, first: int, sex: str) -> DataFrame:
    """Return six offenders."""
    rows = [{"offender_id": n, "sex": sex, "row_hash": n + (sex == "M")} for n in range(first, first + 6)]
    return store.rows(schemas.OFFENDERS, rows)


def sentences(store: Store, day: int) -> DataFrame:
    """Return one sentence."""
    row = {"sentence_id": 1, "offender_id": 1, "disposal": "custody", "sentence_date": date(2010, 1, day),
           "start_date": date(2010, 1, day), "row_hash": day}  # fmt: skip
    return store.rows(schemas.SENTENCES, [row])


def pairs(store: Store, run_id: str) -> DataFrame:
    """Return forty matched pairs in five partitions, so in several files."""
    rows = [
        {"run_id": run_id, "request_id": "A-1", "treated_event_id": n, "comparison_event_id": n + 100,
         "comparison_offender_id": n + 200, "rank": 1, "pair_weight": 1.0, "distance": n / 7, "treated_score": n / 3,
         "comparison_score": -n / 3} for n in range(40)
    ]  # fmt: skip
    return store.rows(schemas.MATCHED_PAIRS, rows).repartition(5)


def run_row(run_id: str, status: str) -> dict[str, Any]:
    """Return a run."""
    return {
        "run_id": run_id, "release_id": "2011", "methodology": "1 a", "code_version": "1", "linkage_models": {},
        "request_ids": ["A-1"], "status": status, "started_at": NOW,
    }  # fmt: skip


def members(store: Store) -> DataFrame:
    """Return two submitted people."""
    rows = [{"request_id": "A-1", "person_ref": f"0000{n}", "surname": "Smith", "start_is_end": False} for n in (1, 2)]
    return store.rows(schemas.COHORT_MEMBERS, rows)


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A lake of literal rows: a pinned and a later version of the offenders, a run that is done and one going on."""
    store = Store(spark, str(tmp_path_factory.mktemp("maintenance") / "lake"))
    pipeline.init_lake(store, b"k" * 32)
    store.upsert(schemas.OFFENDERS, offenders(store, 0, "F"))
    store.upsert(schemas.SENTENCES, sentences(store, 1))
    release = {
        "release_id": "2011", "outcomes_to": date(2013, 6, 30), "shards": 2, "content": {}, "created_at": NOW,
        "versions": {"offenders": store.version(schemas.OFFENDERS)},
    }  # fmt: skip
    store.upsert(schemas.RELEASES, store.rows(schemas.RELEASES, [release]))
    store.upsert(schemas.OFFENDERS, offenders(store, 0, "M"))
    store.upsert(schemas.OFFENDERS, offenders(store, 6, "F"))
    store.upsert(schemas.SENTENCES, sentences(store, 2))
    store.replace_requests(schemas.COHORT_MEMBERS, members(store), ["A-1"])
    for run_id, status in (("done", "running"), ("done", "finished"), ("going", "running")):
        store.save(schemas.RUNS, store.rows(schemas.RUNS, [run_row(run_id, status)]), run_id=run_id)
        store.save(schemas.MATCHED_PAIRS, pairs(store, run_id), run_id=run_id)
    shards = [
        {"release_id": "2011", "shard": n, "events": 1, "columns": ["age"], "payload": bytearray(b"x")}
        for n in range(6)
    ]
    packed = store.rows(schemas.COVARIATES, shards).repartition(3)
    store.save(schemas.COVARIATES, packed, release_id="2011")
    return store


def folder(store: Store, table: Table) -> Path:
    return Path(store.path(table))


def files(store: Store) -> dict[str, int]:
    """Return every file of the lake with its bytes."""
    return {str(path): path.stat().st_size for path in Path(store.lake).rglob("*") if path.is_file()}


def active(store: Store, table: Table) -> list[str]:
    return [str(uri) for uri in store.spark.read.format("delta").load(store.path(table)).inputFiles()]


def content(frame: DataFrame) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=str)


def of(told: Maintenance, table: Table) -> TableMaintenance:
    return next(one for one in told.tables if one.table is table)


def leave_behind(path: Path, hours: float) -> Path:
    """Write what a killed write would leave, as if some hours ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SURNAME)
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(store: Store) -> None:
    old = leave_behind(folder(store, schemas.COHORT_MEMBERS) / "request_id=A-1" / "part-00007-x.snappy.parquet", 30)
    before = files(store)
    told = maintain(store, True, QUIET)
    assert files(store) == before
    assert of(told, schemas.COHORT_MEMBERS).leftover == maintenance.Amount(1, len(SURNAME))
    assert of(told, schemas.MATCHED_PAIRS).small.files == 5  # the other run is going on
    assert of(told, schemas.COVARIATES).small.files == 0  # packed shards
    assert told.total("superseded").files == 0
    assert of(told, schemas.MATCHED_PAIRS).older.files == 5  # of the first attempt
    text = "\n".join([*told.lines(), json.dumps(told.as_json())])
    assert old.name not in text
    assert SURNAME not in text
    assert "parquet" not in text
    assert "Nothing was changed" in text
    assert len(told.as_json()["tables"]) == len(schemas.TABLES)
    old.unlink()


def test_compaction_keeps_content_and_hash(store: Store) -> None:
    before = content(store.read(schemas.MATCHED_PAIRS))
    found = pipeline.hash_run(store, None)
    assert found.run_id == "done"  # the newest that is finished
    wanted = of(maintain(store, True, QUIET, VERSIONED), schemas.MATCHED_PAIRS).small
    told = maintain(store, False, QUIET)
    assert told.exit_code == 0
    assert of(told, schemas.MATCHED_PAIRS).small == wanted
    partitions = [Path(uri).parent.name for uri in active(store, schemas.MATCHED_PAIRS)]
    assert sorted(partitions) == ["run_id=done", *["run_id=going"] * 5]
    assert len(active(store, schemas.COVARIATES)) == 3
    assert content(store.read(schemas.MATCHED_PAIRS)) == before
    assert pipeline.hash_run(store, "done") == found
    again = maintain(store, False, QUIET, VERSIONED)
    assert again.total("small").files == again.total("superseded").files == again.total("leftover").files == 0


def test_what_a_killed_write_left_goes_after_a_day(store: Store) -> None:
    cohort, people = (folder(store, table) for table in (schemas.COHORT_MEMBERS, schemas.OFFENDER_IDENTITIES))
    old = [
        leave_behind(cohort / "request_id=A-1" / "part-00008-x.snappy.parquet", 25),
        leave_behind(cohort / "request_id=GONE-1" / "part-00000-x.snappy.parquet", 25),
        leave_behind(people / "part-00000-x.snappy.parquet", 25),  # VACUUM would keep it for ten years
        leave_behind(people / "_change_data" / "cdc-00000-x.snappy.parquet", 25),
        leave_behind(cohort / "_delta_log" / ".00000000000000000009.json.x.tmp", 25),
    ]
    young = [
        leave_behind(cohort / "request_id=A-1" / "part-00009-x.snappy.parquet", 23),
        leave_behind(cohort / "_delta_log" / ".00000000000000000010.json.x.tmp", 23),
    ]
    known = content(store.read(schemas.COHORT_MEMBERS))
    key = Path(store.lake) / "restricted" / "keys" / "pseudonym.key"
    leave_behind(key.with_name("notes"), 1000)  # outside of the tables nothing is touched
    for path in (key, *(Path(uri.removeprefix("file:")) for uri in active(store, schemas.COHORT_MEMBERS))):
        os.utime(path, (0, 0))  # as old as can be, but named
    told = maintain(store, False, QUIET, PEOPLE)
    assert told.total("leftover") == maintenance.Amount(5, 5 * len(SURNAME))
    assert [path.exists() for path in old] == [False] * 5
    assert [path.exists() for path in young] == [True] * 2
    assert content(store.read(schemas.COHORT_MEMBERS)) == known
    assert key.exists()
    assert key.with_name("notes").exists()


def test_what_only_a_checkpoint_names_is_no_stranger(store: Store) -> None:
    table, log = schemas.DECISIONS, folder(store, schemas.DECISIONS) / "_delta_log"
    store.spark.sql(f"ALTER TABLE delta.`{store.path(table)}` SET TBLPROPERTIES ('delta.checkpointInterval' = '2')")
    for name in ("A-1", "B-1", "C-1"):
        row = {"request_id": name, "content_digest": "d", "accept": True, "decided_by": "A. Lee", "reason": "seen"}
        store.upsert(table, store.rows(table, [row]))
    last = max(int(path.name[:20]) for path in log.glob("*.checkpoint*parquet"))
    for path in log.glob("*.json"):
        if int(path.name[:20]) < last:
            path.unlink()
    for uri in active(store, table):
        os.utime(uri.removeprefix("file:"), (0, 0))
    known = content(store.read(table))
    assert len(known) == 3
    told = of(maintain(store, False, QUIET, [table]), table)
    assert told.leftover.files == 0
    assert told.older.files >= 3
    assert content(store.read(table)) == known


def test_old_versions_go_but_never_one_that_a_release_pins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    release = releases.find_release(store, "2011")
    pinned = content(releases.national(store, release, schemas.OFFENDERS))
    now = {table.name: content(store.read(table)) for table in (schemas.OFFENDERS, schemas.SENTENCES, schemas.RUNS)}
    assert {row[1] for row in pinned} == {"F"}
    for place in schemas.KEEP_DAYS:
        monkeypatch.setitem(schemas.KEEP_DAYS, place, 0)
    due = maintain(store, True, QUIET, VERSIONED)
    told = maintain(store, False, QUIET, VERSIONED)
    assert told.total("superseded") == due.total("superseded")
    for table in (schemas.SENTENCES, schemas.RUNS, schemas.MATCHED_PAIRS):
        assert of(told, table).superseded.files > 0, table.name
        assert of(told, table).older.files == 0, table.name
    assert of(told, schemas.OFFENDERS).superseded.files == 0
    assert of(told, schemas.OFFENDERS).older.files > 0
    assert of(told, schemas.OFFENDERS).keep_days == 1 + maintenance.MARGIN_DAYS
    assert content(releases.national(store, release, schemas.OFFENDERS)) == pinned
    with pytest.raises(Exception, match=r"DELTA_|FILE_NOT_EXIST|does not exist"):
        store.read(schemas.SENTENCES, 1).collect()  # nobody pinned it
    assert {table: content(store.read(schemas.TABLES[table])) for table in now} == now


def test_a_lake_of_other_retentions_gets_the_declared_ones(store: Store) -> None:
    def kept(table: Table) -> set[str]:
        shown = store.spark.sql(f"SHOW TBLPROPERTIES delta.`{store.path(table)}`").collect()
        return {row["value"] for row in shown if row["key"].endswith("RetentionDuration")}

    place = f"delta.`{store.path(schemas.LINKS)}`"
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in schemas.retention_properties(3650).items())
    store.spark.sql(f"ALTER TABLE {place} SET TBLPROPERTIES ({listed})")
    maintain(store, True, QUIET, [schemas.LINKS])
    assert kept(schemas.LINKS) == {"interval 3650 days"}
    maintain(store, False, QUIET, [schemas.LINKS, schemas.OFFENDERS])
    assert kept(schemas.LINKS) == {"interval 30 days"}
    assert kept(schemas.COHORT_MEMBERS) == {"interval 7 days"}
    assert kept(schemas.OFFENDERS) == kept(schemas.OFFENDER_IDENTITIES) == {"interval 3650 days"}


def test_a_table_that_somebody_writes_to_is_left_for_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(self: object) -> None:
        raise exceptions.ConcurrentDeleteReadException("somebody was quicker")

    before = active(store, schemas.MATCHED_PAIRS)
    running = store.rows(schemas.RUNS, [run_row("going", "finished")])
    store.save(schemas.RUNS, running, run_id="going")
    with monkeypatch.context() as patch:
        patch.setattr(maintenance._Work, "_compact", conflict)
        told = maintain(store, False, QUIET, [schemas.MATCHED_PAIRS])
    assert told.exit_code == 1
    assert told.lines()[-1].startswith("matched_pairs: somebody was writing to it")
    assert active(store, schemas.MATCHED_PAIRS) == before
    assert maintain(store, False, QUIET, [schemas.MATCHED_PAIRS]).total("small").files == 5


def test_every_zone_has_a_retention_and_national_tables_the_longest() -> None:
    assert set(schemas.KEEP_DAYS) == {(table.root, table.zone) for table in schemas.TABLES.values()}
    for (_, zone), days in schemas.KEEP_DAYS.items():
        assert days == 3650 if zone == "national" else 7 <= days <= 30
