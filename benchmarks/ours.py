"""Measure this project's linkage on benchmark data: one process, run by benchmarks.linkage."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

from benchmarks import accuracy
from benchmarks.accuracy import Claims, Floats, Truth
from benchmarks.linkage_data import COHORT, IDENTITIES
from benchmarks.measure import Watch
from jdl_spark import methodology, session
from jdl_spark.linkage import blocking, link, training
from jdl_spark.linkage.index import BLOCK, build_index, count_names, name_frequencies
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
            left_out = {name.removeprefix(BLOCK): values for name, (values, _) in name_frequencies(names).items()
                        if name.startswith(BLOCK)}  # fmt: skip
    finally:
        spark.stop()
    found: dict[str, Any] = {"version": version("jdl_spark"), "phases": watch.phases, "links": links.num_rows}
    if not cohorts:
        people, truth = accuracy.read_truth(data)
        found["blocking_recall"] = blocking_recall(data, people, truth, left_out)
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
    score = _ranks(probability, links.column("match_weight").to_numpy())
    return accuracy.best_claims(
        people.num_rows, person, links.column("offender_id").to_numpy(), probability, score, linked
    )


def _ranks(probability: Floats, weight: Floats) -> Floats:
    """Order by probability, and where calibration makes many of one, by match weight; equal pairs share a rank."""
    order = np.lexsort((weight, probability))
    pairs = np.stack([probability[order], weight[order]], axis=1)
    ranks = np.empty(len(order))
    ranks[order] = np.cumsum(np.append(0, (pairs[1:] != pairs[:-1]).any(axis=1))[: len(order)])
    return ranks


def _key(table: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(table.column("request_id"), table.column("person_ref"), "/").combine_chunks()


def blocking_recall(data: Path, people: pa.Table, truth: Truth, left_out: Mapping[str, Ints]) -> float:
    """Return the share of the present people whose identity is among their candidates before anything is compared.

    Parameters
    ----------
    left_out : blocking key -> its values that are not looked up, because too many people share them.
    """
    left = pack(people, np.arange(people.num_rows))
    right = _true_identities(data, truth)
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
