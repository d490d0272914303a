"""spark-submit entry: one SHA-256 over all results of a run."""

from __future__ import annotations

import _job

from jdl_spark import pipeline
from jdl_spark.result_hash import RunHash


def hash_run(job: _job.Job) -> RunHash:
    """Hash the rows of every result table of a finished run; the newest where none is named."""
    told = job.arguments
    return pipeline.hash_run(job.store, told.run, told.tables)


if __name__ == "__main__":
    arguments = _job.parser("hash_run", hash_run.__doc__ or "")
    arguments.add_argument("run", nargs="?")
    arguments.add_argument("--tables", action="store_true", help="the hash of each table as well")
    _job.run(arguments, hash_run)
