"""spark-submit entry: the whole road on a synthetic nation, in one session."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark.demo import IDENTITIES, SEED, Demonstration, demonstrate, load


def demo(job: _job.Job) -> Demonstration | None:
    """Generate a nation, load it, run its requests, render the reports, compare with the truth."""
    told = job.arguments
    if told.load_only:
        load(job.spark, told.folder, told.identities, told.seed, job.progress)
        return None
    return demonstrate(job.spark, told.folder, told.identities, told.seed)


if __name__ == "__main__":
    arguments = _job.parser("demo", demo.__doc__ or "")
    arguments.add_argument("--folder", type=Path, default=Path("demo"))
    arguments.add_argument("--identities", type=int, default=IDENTITIES)
    arguments.add_argument("--seed", type=int, default=SEED)
    arguments.add_argument("--load-only", action="store_true", help="stop when the requests are handed in")
    _job.run(arguments, demo)
