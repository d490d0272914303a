"""spark-submit entry: put small files together, and remove what no version may need any more."""

from __future__ import annotations

import _job

from jdl_spark import maintenance
from jdl_spark.maintenance import Maintenance


def maintain(job: _job.Job) -> Maintenance:
    """Do the maintenance of every table, or say what would be done."""
    return maintenance.maintain(job.store, job.arguments.dry_run, job.progress)


if __name__ == "__main__":
    arguments = _job.parser("maintain", maintain.__doc__ or "")
    arguments.add_argument("--dry-run", action="store_true", help="change nothing")
    _job.run(arguments, maintain)
