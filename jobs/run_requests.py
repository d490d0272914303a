"""spark-submit entry: carry requests from submission to published document."""

from __future__ import annotations

import _job

from jdl_spark import pipeline
from jdl_spark.runs import RunSummary


def run_requests(job: _job.Job) -> RunSummary:
    """Run the named requests together; all of the lake's where none is named."""
    told = job.arguments
    return pipeline.run_requests(job.store, told.requests or None, told.release, job.methodology, job.progress)


if __name__ == "__main__":
    arguments = _job.parser("run_requests", run_requests.__doc__ or "")
    arguments.add_argument("requests", nargs="*")
    arguments.add_argument("--release", help="the newest by default")
    _job.run(arguments, run_requests)
