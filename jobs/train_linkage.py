"""spark-submit entry: train the linkage models of a release."""

from __future__ import annotations

import _job

from jdl_spark import pipeline
from jdl_spark.models import Training


def train_linkage(job: _job.Job) -> Training:
    """Train and store the linkage models of a release, and say what was found."""
    told = job.arguments
    return pipeline.train_linkage(job.store, told.release, job.methodology, job.progress, told.again)


if __name__ == "__main__":
    arguments = _job.parser("train_linkage", train_linkage.__doc__ or "")
    arguments.add_argument("--release", help="the newest by default")
    arguments.add_argument("--again", action="store_true", help="also where the models are there already")
    _job.run(arguments, train_linkage)
