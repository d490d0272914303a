"""Measure Splink on benchmark data: one process, run by benchmarks.linkage."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import splink
from splink import Linker

from benchmarks import accuracy, splink_model
from benchmarks.accuracy import Claims
from benchmarks.measure import Watch
from jdl_spark import environment

Load = Callable[[pa.Table, str], Any]

LOWEST_WEIGHT = -10.0
"""Bits below which Splink need not return a pair; a probability under 0.001."""
_HEAP = "8g"
_TASKS = 10  # five a core, as Splink's guide for Spark advises

_BEST = """
select who_l, who_r, match_weight, match_probability from (
  select *, row_number() over (partition by who_l order by match_weight desc, who_r) as place from {pairs}
) as ranked where place = 1
"""
_REACHED = """
select count(distinct l.who) as people
from {blocked} as b join {left} as l on {row_l} = l.row_id join {right} as r on {row_r} = r.row_id
join {truth} as t on t.who = l.who and t.identity = r.who
"""


def measure(data: Path, engine: str) -> dict[str, Any]:
    """Train, block, score and resolve, and compare with the truth.

    Parameters
    ----------
    engine : duckdb or spark

    Returns
    -------
    dict
        version, phases (see measure.Watch), pairs, accuracy, blocking recall.
    """
    watch = Watch()
    cohort, index = splink_model.tables(data)
    _, truth = accuracy.read_truth(data)
    with _database(engine) as (database, load):
        with watch.phase("all"):
            with watch.phase("prepare"):
                tables = [
                    database.register(load(table, name), dataset_display_name=name)
                    for name, table in (("cohort", cohort), ("nation", index))
                ]
                linker = Linker(tables, splink_model.settings(), log_level=logging.ERROR)
            with watch.phase("train"):
                _train(linker, watch, splink_model.sessions(cohort))
            with watch.phase("link"):
                with watch.phase("block"):
                    blocked = linker.inference.compute_blocked_pairs_for_predict()
                with watch.phase("score"):
                    pairs = linker.inference.predict(threshold_match_weight=LOWEST_WEIGHT, warning_mode="never")
                with watch.phase("resolve"):
                    best = _rows(linker, _BEST.format(pairs=pairs.physical_name))
        wanted = pa.table({"who": np.arange(cohort.num_rows), "identity": truth.identity})
        known = database.register(load(wanted, "truth"), dataset_display_name="truth")
        names = {"left": tables[0].physical_name, "right": tables[1].physical_name, "truth": known.physical_name}
        reached, count = _blocking(linker, blocked.physical_name, names)
    claims = _claims(best, len(truth.identity))
    return {
        "version": splink.__version__,
        "phases": watch.phases,
        "pairs": count,
        "blocking_recall": reached / int(truth.present.sum()),
        "accuracy": accuracy.measure(claims, truth),
        "model": _parameters(linker),
    }


def _train(linker: Linker, watch: Watch, sessions: tuple[str, ...]) -> None:
    training = linker.training
    with watch.phase("prior"):
        training.estimate_probability_two_random_records_match(
            list(splink_model.DETERMINISTIC), recall=splink_model.DETERMINISTIC_RECALL
        )
    with watch.phase("u"):
        training.estimate_u_using_random_sampling(max_pairs=splink_model.RANDOM_PAIRS, seed=1)
    with watch.phase("em"):
        for session in sessions:
            training.estimate_parameters_using_expectation_maximisation(
                session, max_pairs=splink_model.SESSION_PAIRS, estimate_without_term_frequencies=True
            )


@contextmanager
def _database(engine: str) -> Iterator[tuple[Any, Load]]:
    """Open Splink's database, and yield it with a function that stores a table in the form that suits it best."""
    with _duckdb() if engine == "duckdb" else _spark() as opened:
        yield opened


@contextmanager
def _duckdb() -> Iterator[tuple[Any, Load]]:
    from splink.backends.duckdb import DuckDBAPI

    connection = duckdb.connect()

    def load(table: pa.Table, name: str) -> str:
        connection.register("arrow", table)
        connection.execute(f"create table stored_{name} as select * from arrow")
        connection.unregister("arrow")
        return f"stored_{name}"

    yield DuckDBAPI(connection), load


@contextmanager
def _spark() -> Iterator[tuple[Any, Load]]:
    """Set Spark up as Splink's guide says."""
    from pyspark.sql import SparkSession
    from splink.backends.spark import SparkAPI, similarity_jar_location

    os.environ["JAVA_HOME"] = str(environment.find_java().home)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="splink-") as folder:
        settings = {
            "spark.master": "local[2]", "spark.driver.memory": _HEAP, "spark.jars": similarity_jar_location(),
            "spark.default.parallelism": str(_TASKS), "spark.sql.shuffle.partitions": str(_TASKS),
            "spark.sql.ansi.enabled": "false", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1", "spark.sql.warehouse.dir": folder,
            "spark.ui.showConsoleProgress": "false",
        }  # fmt: skip
        builder = SparkSession.builder.appName("benchmark splink")
        for key, value in settings.items():
            builder = builder.config(key, value)
        spark = builder.getOrCreate()
        spark.sparkContext.setCheckpointDir(folder)
        spark.sparkContext.setLogLevel("ERROR")

        def load(table: pa.Table, name: str) -> Any:
            pyarrow.parquet.write_table(table, f"{folder}/{name}.parquet")
            return spark.read.parquet(f"{folder}/{name}.parquet").repartition(_TASKS).cache()

        api = SparkAPI(spark_session=spark, break_lineage_method="parquet", num_partitions_on_repartition=_TASKS)
        try:
            yield api, load
        finally:
            spark.stop()


def _rows(linker: Linker, sql: str) -> dict[str, list[Any]]:
    records = linker.misc.query_sql(sql, output_type="splink_df").as_record_list()
    return {name: [record[name] for record in records] for name in (records[0] if records else ())}


def _blocking(linker: Linker, blocked: str, names: dict[str, str]) -> tuple[int, int]:
    """Return how many people have their identity among the blocked pairs, and how many pairs there are."""
    count = _rows(linker, f"select count(*) as pairs from {blocked}")["pairs"][0]
    row = "cast(split_part(b.join_key_{side}, '-__-', 2) as bigint)"
    sql = _REACHED.format(blocked=blocked, row_l=row.format(side="l"), row_r=row.format(side="r"), **names)
    return int(_rows(linker, sql)["people"][0]), int(count)


def _claims(best: dict[str, list[Any]], people: int) -> Claims:
    probability = np.array(best["match_probability"], np.float64)
    return accuracy.best_claims(
        people, np.array(best["who_l"]), np.array(best["who_r"]), probability,
        np.array(best["match_weight"], np.float64), probability >= 0.99,
    )  # fmt: skip


def _parameters(linker: Linker) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return dict(linker.misc.save_model_to_json(f"{folder}/model.json"))


def main() -> None:
    """Read the command line, measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    told = parser.parse_args()
    told.out.write_text(json.dumps(measure(told.data, told.engine), indent=1) + "\n")


if __name__ == "__main__":
    main()
