"""Clerical review: the pairs that a person should look at, and what was decided on them."""

from jdl_spark.review.decisions import labels
from jdl_spark.review.exporting import export
from jdl_spark.review.importing import import_decisions, list_reviews

__all__ = ["export", "import_decisions", "labels", "list_reviews"]
