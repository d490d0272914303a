"""Render published documents: HTML, CSV and JSON, from `result.json` and nothing else."""

from jdl_spark.reports.files import render
from jdl_spark.reports.index import render_index

__all__ = ["render", "render_index"]
