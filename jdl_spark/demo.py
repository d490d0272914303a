"""The whole road on a synthetic nation, in one session: what `make demo` shows.

Nothing here is special: every step is the verb that the command line calls on real extracts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdl_spark import admission, methodology, pipeline, releases, reports, schemas
from jdl_spark.ingest import IngestSummary
from jdl_spark.progress import Progress, spark_tasks
from jdl_spark.runs import RunSummary
from jdl_spark.store import Store
from jdl_spark.synthetic import nation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

IDENTITIES = 100_000
SEED = 2013  # fixed before any result was seen
RELEASE, OUTCOMES_TO = "2011", date(2013, 6, 30)
KEY = hashlib.sha256(b"jdl_spark demonstration: synthetic people only").digest()
"""A known key, so that everybody's demonstration has the same pseudonyms and the same bits."""


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration made, and where it is."""

    summary: RunSummary
    evaluation: Any
    reports: Sequence[Path]
    folder: Path

    def lines(self) -> list[str]:
        """Return the closing words for a terminal."""
        return [
            "",
            *self.summary.lines(),
            "",
            "Planted truth (known because the nation is synthetic) beside what the lab found:",
            *self.evaluation.lines(),
            "",
            f"Reports: {self.folder / 'reports' / 'index.html'}",
            *(f"  {path}" for path in self.reports),
        ]


def demonstrate(spark: SparkSession, folder: Path, identities: int = IDENTITIES, seed: int = SEED) -> Demonstration:
    """Generate a nation, load it, run its requests, render the reports and compare with the truth.

    Parameters
    ----------
    folder : Path
        Receives `nation/`, `lake/` and `reports/`. A second call finds what is there and repeats only
        what an interruption left undone; ingest and run change nothing the second time.
    identities : int
        Offender identities of the nation.
    seed : int
        Seed of the nation.
    """
    progress = Progress(tasks=spark_tasks(spark))
    store = load(spark, folder, identities, seed, progress)
    summary = pipeline.run_requests(store, None, RELEASE, methodology.load(), progress)
    with progress.stage("reports"):
        reports.render_index(folder / "lake" / "documents", folder / "reports")
    pages = [folder / "reports" / item["request_id"] / "index.html" for item in summary.items]
    evaluation = pipeline.evaluate(store, folder / "nation" / "truth", summary.run_id)
    return Demonstration(summary, evaluation, pages, folder)


def load(spark: SparkSession, folder: Path, identities: int, seed: int, progress: Progress) -> Store:
    """Generate a nation, load it into a lake, make a release and hand the requests in; run nothing.

    Parameters
    ----------
    folder, identities, seed : as for `demonstrate`
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "nation"
    with progress.stage(f"synthetic nation of {identities:,} identities"):
        nation.generate(source, identities=identities, seed=seed, as_of=OUTCOMES_TO)
    store = Store(spark, str(folder / "lake"))
    with progress.stage("lake"):
        pipeline.init_lake(store, KEY)
        store.write_text("synthetic.txt", "The people of this lake are made up.\n")
    with progress.stage(f"ingest of {len(schemas.NATIONAL_TABLES)} extracts") as counts:
        loaded = _ingest_all(store, source)
        counts |= {"rows": sum(one.read for one in loaded)}
        counts |= {"in quarantine": sum(sum(one.quarantined.values()) for one in loaded)}
    with progress.stage(f"release {RELEASE}"):
        releases.create_release(store, RELEASE, OUTCOMES_TO)
    with progress.stage("submission of requests") as counts:
        answers = admission.submit(store, sorted(path for path in (source / "requests").iterdir() if path.is_dir()))
        counts["requests"] = len(answers.submissions)
    return store


def _ingest_all(store: Store, source: Path) -> list[IngestSummary]:
    """Load all extracts, some at once: each is many short Spark jobs, which leave the machine idle in between."""

    def load(table: str) -> IngestSummary:
        return pipeline.ingest(store, table, str(_extract(source, table)), source / "mappings" / f"{table}.toml")

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(load, schemas.NATIONAL_TABLES))


def _extract(source: Path, table: str) -> Path:
    return next(path for path in sorted((source / "extracts").iterdir()) if path.stem == table)
