"""spark-submit entry: propensity, matching, balance and inference on a table that is already linked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import _job

from jdl_spark.adhoc.analyse import analyse_table


def analyse(job: _job.Job) -> dict[str, Any]:
    """Analyse one table by a spec, and write the results to a folder."""
    told = job.arguments
    return analyse_table(job.spark, told.data, told.spec, told.out)


if __name__ == "__main__":
    arguments = _job.parser("analyse", analyse.__doc__ or "")
    arguments.add_argument("data")
    arguments.add_argument("--spec", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    _job.run(arguments, analyse)
