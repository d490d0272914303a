"""Turn one request's result rows into the published document: disclosure control, rounding, wording."""

from jdl_spark.publication.document import compose

__all__ = ["compose"]
