"""spark-submit entry: link any two tables of people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import _job

from jdl_spark.adhoc.link import link_tables


def link(job: _job.Job) -> dict[str, Any]:
    """Link two tables of people by a spec, and write one Parquet file of links."""
    told = job.arguments
    return link_tables(job.spark, told.left, told.right, told.spec, told.out)


if __name__ == "__main__":
    arguments = _job.parser("link", link.__doc__ or "")
    arguments.add_argument("left")
    arguments.add_argument("right")
    arguments.add_argument("--spec", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    _job.run(arguments, link)
