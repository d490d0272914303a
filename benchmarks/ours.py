"""Measure this project's linkage on benchmark data: one process, run by benchmarks.linkage."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

from benchmarks import accuracy
from benchmarks.accuracy import Claims, Truth
from benchmarks.linkage_data import COHORT, IDENTITIES
from benchmarks.measure import Watch
from jdl_spark import methodology, session
from jdl_spark.linkage import blocking, link, training
from jdl_spark.linkage.index import build_index, count_names
from jdl_spark.linkage.records import pack
from jdl_spark.releases import FEWEST_SHARDS, IDENTITIES_A_SHARD
from jdl_spark.stats.fellegi_sunter import Model
from jdl_spark.synthetic.names import Ints

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def measure(data: Path, repeats: int, cohorts: int | None, conf: Mapping[str, str]) -> dict[str, Any]:
    """Prepare the index, train and link, and compare with the truth.

    Parameters
    ----------
    data : folder of benchmarks.linkage_data
    repeats : train and link so many times in one session; the first warms it up.
    cohorts : link only the first so many requests.

    Returns
    -------
    dict
        phases (see measure.Watch; `train` and `link` once a repeat), accuracy, blocking recall, the model's training.
    """
    settings, watch = methodology.load().linkage, Watch()
    with watch.phase("session"):
        spark = session.build("benchmark linkage", "local[2]", conf)
    try:
        with tempfile.TemporaryDirectory(prefix="linkage-") as folder, watch.phase("all"):
            with watch.phase("prepare"):
                index, names = _prepare(spark, data, Path(folder))
            cohort = spark.read.parquet(str(data / COHORT))
            if cohorts:
                cohort = cohort.where(f"request_id <= 'R-{cohorts:04d}'")
            for _ in range(repeats):
                with watch.phase("train"):
                    model = training.train(index, names, cohort, "cohort", settings, "benchmark")
                with watch.phase("link"):
                    links = link.link_records(cohort, index, names, model, settings).toArrow()
    finally:
        spark.stop()
    found: dict[str, Any] = {"phases": watch.phases, "links": links.num_rows}
    if not cohorts:
        people, truth = accuracy.read_truth(data)
        found["blocking_recall"] = blocking_recall(data, people, truth, model)
        found["accuracy"] = accuracy.measure(claims(people, links), truth)
        found["training"] = dict(Model.from_json(model).training)
    return found


def _prepare(spark: SparkSession, data: Path, folder: Path) -> tuple[DataFrame, DataFrame]:
    """Build the index and the name frequencies, and keep them in Delta as a release does."""
    identities = spark.read.parquet(str(data / IDENTITIES))
    people = int(identities.selectExpr("max(offender_id) + 1").first()[0])  # type: ignore[index]
    stored = [str(folder / name) for name in ("index", "names")]
    shards = max(FEWEST_SHARDS, people // IDENTITIES_A_SHARD)
    build_index(identities, "offender", shards).write.format("delta").save(stored[0])
    index = spark.read.format("delta").load(stored[0])
    count_names(index).write.format("delta").save(stored[1])
    return index, spark.read.format("delta").load(stored[1])


def claims(people: pa.Table, links: pa.Table) -> Claims:
    """Return each person's claim among the rows of schemas.LINKS; people in the order of the table."""
    key, wanted = (_key(table) for table in (people, links))
    person = pc.index_in(wanted, key).to_numpy()
    probability = links.column("match_probability").to_numpy()
    linked = np.array(links.column("status").to_pylist()) == "linked"
    return accuracy.best_claims(
        people.num_rows, person, links.column("offender_id").to_numpy(), probability, probability, linked
    )


def _key(table: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(table.column("request_id"), table.column("person_ref"), "/").combine_chunks()


def blocking_recall(data: Path, people: pa.Table, truth: Truth, model: str) -> float:
    """Return the share of the present people whose identity is among their candidates before anything is compared."""
    left = pack(people, np.arange(people.num_rows))
    right = _true_identities(data, truth)
    left_out = {name: np.array(sorted(keys), np.int64) for name, keys in Model.from_json(model).left_out.items()}
    reached: Ints = np.zeros(people.num_rows, np.int64)
    keys = blocking.index_keys(right)
    for rows, other in blocking.candidates(blocking.probes(left, left_out), keys, len(left), len(right)):
        person = left.person[rows]
        reached[person[truth.identity[person] == right.person[other]]] = 1
    return float(reached[truth.present].mean())


def _true_identities(data: Path, truth: Truth) -> Any:
    wanted = pa.array(np.unique(truth.identity[truth.present]))
    table = pa.dataset.dataset(data / IDENTITIES).to_table(filter=pc.field("offender_id").isin(wanted))
    return pack(table, *(table.column(name).to_numpy() for name in ("offender_id", "version_no")))


def main() -> None:
    """Read the command line, measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--cohorts", type=int)
    parser.add_argument("--driver-memory")
    told = parser.parse_args()
    conf = {"spark.driver.memory": told.driver_memory} if told.driver_memory else {}
    told.out.write_text(json.dumps(measure(told.data, told.repeats, told.cohorts, conf), indent=1) + "\n")


if __name__ == "__main__":
    main()
