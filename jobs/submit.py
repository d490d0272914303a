"""spark-submit entry: admit request folders."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark import admission
from jdl_spark.admission import Admissions


def submit(job: _job.Job) -> Admissions:
    """Check request folders and keep them in the lake."""
    return admission.submit(job.store, job.arguments.folders)


if __name__ == "__main__":
    arguments = _job.parser("submit", submit.__doc__ or "")
    arguments.add_argument("folders", nargs="+", type=Path)
    _job.run(arguments, submit)
