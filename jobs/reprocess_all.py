"""spark-submit entry: run every request of the lake on a data release."""

from __future__ import annotations

import _job

from jdl_spark import pipeline
from jdl_spark.runs import RunSummary


def reprocess_all(job: _job.Job) -> RunSummary:
    """Run every request on a release; earlier results stay where they are."""
    return pipeline.reprocess(job.store, job.arguments.release, job.methodology, job.progress)


if __name__ == "__main__":
    arguments = _job.parser("reprocess_all", reprocess_all.__doc__ or "")
    arguments.add_argument("--release", required=True)
    _job.run(arguments, reprocess_all)
