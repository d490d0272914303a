"""spark-submit entry: derive what depends on the nation alone, once a release."""

from __future__ import annotations

import _job

from jdl_spark import pipeline


def prepare_nation(job: _job.Job) -> str:
    """Build identity index, benefit links, index events, outcomes and covariates of a release."""
    pipeline.prepare_nation(job.store, job.arguments.release, job.methodology, job.progress)
    return f"release {job.arguments.release} is prepared"


if __name__ == "__main__":
    arguments = _job.parser("prepare_nation", prepare_nation.__doc__ or "")
    arguments.add_argument("--release", required=True)
    _job.run(arguments, prepare_nation)
