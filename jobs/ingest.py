"""spark-submit entry: load a national extract."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark import pipeline
from jdl_spark.ingest import IngestSummary


def ingest(job: _job.Job) -> IngestSummary:
    """Load a CSV or Parquet file, a folder of them or a URI into a national table."""
    told = job.arguments
    with job.progress.stage(f"ingest {told.table}"):
        return pipeline.ingest(job.store, told.table, told.source, told.mapping)


if __name__ == "__main__":
    arguments = _job.parser("ingest", ingest.__doc__ or "")
    arguments.add_argument("table")
    arguments.add_argument("source")
    arguments.add_argument("--mapping", type=Path, required=True)
    _job.run(arguments, ingest)
