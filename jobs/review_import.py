"""spark-submit entry: take a reviewer's decisions into the lake."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark import review
from jdl_spark.review.importing import Imported


def take(job: _job.Job) -> Imported:
    """Check a file of decisions and keep them; nothing is kept if anything is wrong with it."""
    told = job.arguments
    return review.import_decisions(job.store, told.file, told.reviewer, told.dry_run)


if __name__ == "__main__":
    arguments = _job.parser("review_import", take.__doc__ or "")
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--reviewer", help="who decided, where a row does not say")
    arguments.add_argument("--dry-run", action="store_true")
    _job.run(arguments, take)
