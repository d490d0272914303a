"""The ingest door: good rows are merged, broken ones go to quarantine with a reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jdl_spark import schemas
from jdl_spark.errors import EnvironmentProblem, InputError, StoreError, UsageError
from jdl_spark.ingest import ingest, read_mapping
from jdl_spark.pseudonyms import pseudonym
from jdl_spark.store import Store, content_digest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEY = bytes(range(32))
MAPPING = """
table = "sentences"
format = "csv"
[columns]
sentence_id = "NO"
offender_id = "PERSON"
disposal = "TYPE"
sentence_date = "SENTENCED"
start_date = "STARTED"
release_date = "RELEASED"
length_days = "DAYS"
area = { constant = "North" }
[dates]
release_date = "dd/MM/yyyy"
[codes.disposal]
"IMP" = "custody"
"CO" = "community"
"""
HEADER = "NO,PERSON,TYPE,SENTENCED,STARTED,RELEASED,DAYS\n"
GOOD = "S1,P1,IMP,2010-01-05,2010-01-05,05/03/2010,120\nS2, P1 ,CO,2011-01-05,2011-01-06,,365\n"


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(spark, str(tmp_path_factory.mktemp("lake")))
    store.create(KEY)
    return store


def _files(folder: Path, rows: str, mapping: str = MAPPING) -> tuple[str, Path]:
    (folder / "sentences.csv").write_text(HEADER + rows, encoding="utf-8")
    (folder / "map.toml").write_text(mapping, encoding="utf-8")
    return str(folder / "sentences.csv"), folder / "map.toml"


def test_rows_are_loaded_once_then_changed_and_broken_rows_are_kept(store: Store, tmp_path: Path) -> None:
    summary = ingest(store, "sentences", *_files(tmp_path, GOOD))
    assert (summary.read, summary.new, summary.changed, summary.unchanged) == (2, 2, 0, 0)
    rows = {row["sentence_id"]: row for row in store.read(schemas.SENTENCES).collect()}
    first = rows[pseudonym(KEY, "sentence", "S1")]
    assert first["offender_id"] == pseudonym(KEY, "offender", "P1")
    assert (first["disposal"], first["release_date"], first["area"]) == ("custody", date(2010, 3, 5), "North")
    second = rows[pseudonym(KEY, "sentence", "S2")]
    assert second["offender_id"] == first["offender_id"]
    assert second["release_date"] is None

    version = store.version(schemas.SENTENCES)
    digest = content_digest(store.read(schemas.SENTENCES))
    again = ingest(store, "sentences", *_files(tmp_path, GOOD))
    assert (again.new, again.changed, again.unchanged) == (0, 0, 2)
    assert store.version(schemas.SENTENCES) == version

    broken = (
        "S3,P2,???,2010-01-05,2010-01-05,,1\n"  # a code the mapping does not list
        "S4,P2,IMP,2010-02-30,2010-03-01,,1\n"  # 30 February
        "S5,,IMP,2010-01-05,2010-01-05,,1\n"  # nobody
        "S6,P3,IMP,2010-01-05,2010-01-05,01/01/2010,1\n"  # released before the start
        "S7,P3,IMP,2010-01-05,2010-01-05,,many\n"
        "S1,P1,IMP,2010-01-05,2010-01-05,05/03/2010,121\n"  # one day longer than before
        "S8,P4,CO,2012-01-01,2012-01-01,,10\nS8,P4,CO,2012-01-01,2012-01-01,,10\n"
        "S9,P5,CO,2012-01-01,2012-01-01,,10\nS9,P6,CO,2012-01-01,2012-01-01,,10\n"
    )
    third = ingest(store, "sentences", *_files(tmp_path, broken))
    assert third.quarantined == {
        "unknown_code_disposal": 1,
        "bad_date_sentence_date": 1,
        "missing_offender_id": 1,
        "release_date_allowed": 1,
        "bad_number_length_days": 1,
        "repeated_row": 1,
        "conflicting_key": 2,
    }
    assert (third.read, third.new, third.changed, third.unchanged) == (10, 1, 1, 0)
    assert third.read == third.new + third.changed + third.unchanged + sum(third.quarantined.values())
    kept = {row["reason"] for row in store.read(schemas.QUARANTINE).collect()}
    assert "bad_date_sentence_date" in kept
    assert content_digest(store.read(schemas.SENTENCES)) != digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('PERSON"', 'NOBODY"'), "has no column 'NOBODY'"),
        (('offender_id = "PERSON"\n', ""), "must say where 'offender_id' comes from"),
        (("area = {", "region = {"), "no column 'region'"),
        (('format = "csv"', 'format = "xls"'), "format must be"),
        (('table = "sentences"', 'table = "offences"'), "is a mapping for 'offences'"),
    ],
)
def test_a_wrong_mapping_is_told_by_name(store: Store, tmp_path: Path, change: tuple[str, str], words: str) -> None:
    source, mapping = _files(tmp_path, GOOD, MAPPING.replace(*change))
    with pytest.raises((UsageError, InputError), match=words):
        ingest(store, "sentences", source, mapping)


def test_a_missing_file_and_an_unknown_table_are_told(store: Store, tmp_path: Path) -> None:
    _, mapping = _files(tmp_path, GOOD)
    with pytest.raises(InputError, match="cannot be read as csv"):
        ingest(store, "sentences", str(tmp_path / "nowhere.csv"), mapping)
    with pytest.raises(UsageError, match="is no national table"):
        read_mapping("runs", mapping)


def test_the_store_names_the_rule_and_not_the_value(store: Store) -> None:
    row = {"spell_id": 1, "claimant_id": 2, "benefit": "CANARY", "start_date": date(2010, 1, 1), "row_hash": 1}
    with pytest.raises(StoreError, match="benefit_allowed") as caught:
        store.upsert(schemas.BENEFIT_SPELLS, store.rows(schemas.BENEFIT_SPELLS, [row]))
    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_saving_again_replaces_only_the_runs_own_rows(store: Store) -> None:
    def item(request: str) -> dict[str, str]:
        return {"request_id": request, "status": "published", "reason": "ok", "message": "done"}

    columns = "request_id string, status string, reason string, message string"
    for run, requests in (("a", ["R1", "R2"]), ("b", ["R3"]), ("a", ["R4"])):
        store.save(schemas.RUN_ITEMS, store.spark.createDataFrame([item(r) for r in requests], columns), run_id=run)
    rows = store.read(schemas.RUN_ITEMS).select("run_id", "request_id").collect()
    assert sorted((row["run_id"], row["request_id"]) for row in rows) == [("a", "R4"), ("b", "R3")]
    assert "run_id" not in store.stored(schemas.RUN_ITEMS, run_id="a").columns


def test_a_folder_that_is_no_lake_is_told(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="jdl init"):
        Store(spark, str(tmp_path)).check_exists()


def test_an_existing_lake_keeps_its_key(store: Store) -> None:
    with pytest.raises(UsageError, match="pseudonym key"):
        store.create(b"another key that is not the same")
    assert store.key == KEY
