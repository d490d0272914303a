"""spark-submit entry: record an analyst's decision on a request."""

from __future__ import annotations

from typing import Any

import _job

from jdl_spark import admission


def decide(job: _job.Job) -> dict[str, Any]:
    """Accept or refuse a request that needs a decision."""
    told = job.arguments
    return admission.decide(job.store, told.request, told.accept, told.by, told.reason)


if __name__ == "__main__":
    arguments = _job.parser("decide", decide.__doc__ or "")
    arguments.add_argument("request")
    choice = arguments.add_mutually_exclusive_group(required=True)
    choice.add_argument("--accept", dest="accept", action="store_true")
    choice.add_argument("--refuse", dest="accept", action="store_false")
    arguments.add_argument("--by", required=True)
    arguments.add_argument("--reason", required=True)
    _job.run(arguments, decide)
