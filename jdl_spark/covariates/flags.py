"""Yes/no facts and counts as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column


def flag(condition: Column) -> Column:
    """Return 1.0 where the condition holds and 0.0 where it does not or is not known."""
    from pyspark.sql import functions as F

    return F.when(condition, 1.0).otherwise(0.0)


def log_count(count: Column) -> Column:
    """Return log(1 + count); a missing count is zero. Counts of a career are heavy-tailed."""
    from pyspark.sql import functions as F

    return F.log1p(F.coalesce(count, F.lit(0)).cast("double"))
