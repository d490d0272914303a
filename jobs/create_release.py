"""spark-submit entry: pin the national tables as a data release, or list the releases."""

from __future__ import annotations

from datetime import date
from typing import Any

import _job

from jdl_spark import releases


def create_release(job: _job.Job) -> Any:
    """Pin the national tables under a name; without a name, list the releases."""
    told = job.arguments
    if told.release is None:
        return releases.list_releases(job.store)
    return releases.create_release(job.store, told.release, told.outcomes_to, told.shards)


if __name__ == "__main__":
    arguments = _job.parser("create_release", create_release.__doc__ or "")
    arguments.add_argument("release", nargs="?")
    arguments.add_argument("--outcomes-to", type=date.fromisoformat)
    arguments.add_argument("--shards", type=int)
    _job.run(arguments, create_release)
