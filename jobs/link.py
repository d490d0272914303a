"""spark-submit entry: link any two tables of people, or one with itself."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark.adhoc.link import Wanted, link_tables, plan_tables
from jdl_spark.adhoc.linking.answers import Plan, Told


def link(job: _job.Job) -> Told | Plan:
    """Link two tables of people by a spec, or one table with itself; or say what would be compared."""
    told = job.arguments
    if told.plan:
        return plan_tables(job.spark, told.left, told.right, told.spec, job.progress)
    wanted = Wanted(told.left, told.right, told.spec, told.out, told.train, told.model, told.evaluate)
    return Told(link_tables(job.spark, wanted, job.progress))


if __name__ == "__main__":
    arguments = _job.parser("link", link.__doc__ or "")
    arguments.add_argument("left")
    arguments.add_argument("right", nargs="?")
    arguments.add_argument("--spec", type=Path, required=True)
    for name in ("--out", "--train", "--model"):
        arguments.add_argument(name, type=Path)
    arguments.add_argument("--evaluate")
    arguments.add_argument("--plan", action="store_true")
    _job.run(arguments, link)
