"""spark-submit entry: write the files that a reviewer decides in."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark import review
from jdl_spark.review.cases import WHICH
from jdl_spark.review.exporting import Exported


def export(job: _job.Job) -> Exported:
    """Write a request's doubtful pairs to a folder, as a page and as CSV."""
    told = job.arguments
    return review.export(job.store, told.request, told.out, told.run, told.which, told.limit, told.force)


if __name__ == "__main__":
    arguments = _job.parser("review_export", export.__doc__ or "")
    arguments.add_argument("request")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--run", help="the newest by default")
    arguments.add_argument("--which", choices=WHICH, default="ambiguous")
    arguments.add_argument("--limit", type=int)
    arguments.add_argument("--force", action="store_true")
    _job.run(arguments, export)
