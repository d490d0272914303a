"""spark-submit entry: propensity, matching, balance and inference on a table that is already linked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _job

from jdl_spark.adhoc.analyse import analyse_table


@dataclass(frozen=True)
class Found:
    """What result.json holds, for people and for machines."""

    result: Mapping[str, Any]
    out: Path

    def lines(self) -> list[str]:
        """Return the estimates beside the plain differences, and how good the match is."""
        n, naive = self.result["n"], {row["outcome"]: row["difference"] for row in self.result["naive"]}
        told = [f"{n['treated_matched']:,} of {n['treated']:,} treated matched to {n['comparison_matched']:,} people"]
        smd = _told(self.result["balance"]["largest_absolute_smd"], ".3f")
        told.append(f"largest standardised difference after matching: {smd}")
        for row in self.result["estimates"]:
            low, high = _told(row["ci_low"], "+.4g"), _told(row["ci_high"], "+.4g")
            told.append(
                f"{row['outcome']}: {_told(row['att'], '+.4g')} (95% interval {low} to {high}, "
                f"p = {_told(row['p_value'], '.3f')}); before matching {_told(naive[row['outcome']], '+.4g')}"
            )
        return [*told, f"tables: {self.out}"]

    def as_json(self) -> dict[str, Any]:
        """Return what result.json holds."""
        return dict(self.result)


def _told(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def analyse(job: _job.Job) -> Found:
    """Analyse one table by a spec, and write the results to a folder."""
    told = job.arguments
    return Found(analyse_table(job.spark, told.data, told.spec, told.out), told.out)


if __name__ == "__main__":
    arguments = _job.parser("analyse", analyse.__doc__ or "")
    arguments.add_argument("data")
    arguments.add_argument("--spec", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    _job.run(arguments, analyse)
