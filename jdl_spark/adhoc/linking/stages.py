"""The engine's stages on two tables: index, train, link, and what they tell of themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jdl_spark.adhoc.linking import document
from jdl_spark.adhoc.linking.models import restricted
from jdl_spark.adhoc.linking.spec import FIELDS, Spec
from jdl_spark.adhoc.linking.tables import People, read_people
from jdl_spark.linkage import clusters, counting, link, plan, resolution, training
from jdl_spark.linkage.index import Counted, build_index, count_names, name_frequencies
from jdl_spark.linkage.records import Records
from jdl_spark.linkage.resolution import Resolved
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.stats.fellegi_sunter import Model
from jdl_spark.stats.randomness import generator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ROWS_A_SHARD = 20_000
_FEWEST_SHARDS = 8
_LOOKED_AT = 20_000
"""Left people whose records are tried for being unlinkable."""


@dataclass(frozen=True)
class Tables:
    """The two sides as they go through the engine; within one table both are the same."""

    spark: SparkSession
    spec: Spec
    left: People
    right: People
    itself: bool

    @classmethod
    def read(cls, spark: SparkSession, spec: Spec, left: str, right: str | None) -> Tables:
        """Read the files that the command names; without `right`, one table stands on both sides."""
        people = read_people(left, spec.sides[0], spec.fields)
        others = people if right is None else read_people(right, spec.sides[1], spec.fields)
        return cls(spark, spec, people, others, right is None)

    @contextlib.contextmanager
    def indexed(self) -> Iterator[None]:
        """Keep what the stages share while they run."""
        try:
            yield
        finally:
            for name in ("left_index", "right_index", "frequencies"):
                if name in self.__dict__:
                    self.__dict__[name].unpersist()

    @cached_property
    def left_index(self) -> DataFrame:
        """Return the left side as an index."""
        return _index(self.spark, self.left)

    @cached_property
    def right_index(self) -> DataFrame:
        """Return the right side as an index."""
        return self.left_index if self.itself else _index(self.spark, self.right)

    @cached_property
    def frequencies(self) -> DataFrame:
        """Return schemas.NAME_FREQUENCIES of the right side."""
        return count_names(self.right_index, self.spec.settings.largest_block).cache()

    @cached_property
    def counted(self) -> dict[str, Counted]:
        """Return the frequencies, and the keys that are left out."""
        return dict(name_frequencies(self.frequencies))

    @cached_property
    def records(self) -> Records:
        """Return the left side as records."""
        return counting.left_people(self.left_index)

    def trained(self) -> Model:
        """Train a model on the two tables, of the fields that both have."""
        purpose = training.DUPLICATES if self.itself else "tables"
        parameters = training.train(
            self.right_index, self.frequencies, self.left_index, purpose, self.spec.settings, "tables"
        )
        return restricted(Model.from_json(parameters), [FIELDS[field] for field in self.spec.fields])

    def linked(self, model: Model) -> tuple[Candidates, Resolved]:
        """Find the candidates and decide on them."""
        settings = self.spec.settings
        found = link.population_candidates(
            self.left_index, self.right_index, self.frequencies, model, settings, self.itself
        )
        if self.itself:
            return clusters.resolve_duplicates(found, len(self.left.ids), model, settings)
        return found, resolution.resolve_one_to_one(found, model, settings)

    def planned(self) -> dict[str, Any]:
        """Return how much each blocking rule will bring together."""
        rules = plan.count_pairs(self.left_index, self.right_index, self.counted, self.itself)
        left = plan.completeness(self.left_index)
        right = left if self.itself else plan.completeness(self.right_index)
        filled = {FIELDS[field]: (left[FIELDS[field]], right[FIELDS[field]]) for field in self.spec.fields}
        return document.planned(filled, rules, plan.left_out(self.counted))

    def distinct_pairs(self) -> int:
        """Return how many pairs would be compared, each counted once."""
        return plan.distinct_pairs(self.left_index, self.right_index, self.counted, self.itself)

    def told(self, title: str, model: Model, found: Candidates, resolved: Resolved) -> dict[str, Any]:
        """Return the linkage document, less what only a truth could tell."""
        some = counting.sampled(self.records, _LOOKED_AT, generator("unlinkable"))
        sides = (self.left, self.right)
        through = self.threshold(model) if self.itself else 0.0
        return (
            document.described(title, model, self.threshold(model))
            | self.planned()
            | document.found(sides, some, found, resolved, model, self.counted, through)
        )

    def threshold(self, model: Model) -> float:
        """Return the probability from which people are linked."""
        chosen = self.spec.settings.link_probability
        return model.link_probability if chosen is None else chosen

    def described(self) -> dict[str, Any]:
        """Return what was read."""
        sides = {"table": self.left} if self.itself else {"left": self.left, "right": self.right}
        return {name: {"rows": side.rows.num_rows, "people": len(side.ids), "unreadable_dates": side.unreadable_dates}
                for name, side in sides.items()}  # fmt: skip


def _index(spark: SparkSession, people: People) -> DataFrame:
    shards = max(_FEWEST_SHARDS, people.rows.num_rows // _ROWS_A_SHARD)
    return build_index(spark.createDataFrame(people.rows), "offender", shards).cache()
