"""spark-submit entry: say how far the review of each request has come."""

from __future__ import annotations

import _job

from jdl_spark import review
from jdl_spark.review.importing import Overview


def overview(job: _job.Job) -> Overview:
    """Count the people who wait for a decision and the decisions that stand."""
    return review.list_reviews(job.store, job.arguments.request)


if __name__ == "__main__":
    arguments = _job.parser("review_list", overview.__doc__ or "")
    arguments.add_argument("request", nargs="?")
    _job.run(arguments, overview)
