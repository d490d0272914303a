"""spark-submit entry: compare a run with the planted truth of a synthetic nation."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark import pipeline
from jdl_spark.synthetic.evaluate import Evaluation


def evaluate(job: _job.Job) -> Evaluation:
    """Say how many links, effects and intervals of a run are right."""
    return pipeline.evaluate(job.store, job.arguments.truth, job.arguments.run)


if __name__ == "__main__":
    arguments = _job.parser("evaluate", evaluate.__doc__ or "")
    arguments.add_argument("--truth", type=Path, required=True)
    arguments.add_argument("--run", help="the newest by default")
    _job.run(arguments, evaluate)
