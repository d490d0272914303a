"""The identity index of a release: continued from an earlier release's where there is one, else built.

Why: a year adds and corrects a small part of the identities, and standardising names is most of the
work. An index that was continued is bit for bit the one that would have been built.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jdl_spark import schemas
from jdl_spark.linkage.increment import find_changes, made_by, update_index
from jdl_spark.linkage.index import IDENTITY, build_index
from jdl_spark.releases import national
from jdl_spark.store import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REGISTERS = {"offender": schemas.OFFENDER_IDENTITIES, "benefit": schemas.BENEFIT_IDENTITIES}
"""Population to the national table that holds its people."""


def save_index(store: Store, release: Mapping[str, Any]) -> tuple[DataFrame, dict[str, str]]:
    """Store the identity index of a release.

    Parameters
    ----------
    release : row of schemas.RELEASES

    Returns
    -------
    DataFrame of schemas.IDENTITY_INDEX
        As stored, less release_id.
    dict
        Population to words about what changed since the release that it was continued from; empty
        where it was built.
    """
    from pyspark.sql import functions as F

    earlier = _earlier(store, release)
    told: dict[str, str] = {}
    with contextlib.ExitStack() as held:
        parts = []
        for population, table in REGISTERS.items():
            people = national(store, release, table)
            if earlier is None:
                parts.append(build_index(people, population, release["shards"]))
            else:
                part, told[population] = _continued(store, earlier, release, population, people, held)
                parts.append(part)
        whole = parts[0].unionByName(parts[1]).withColumn("made_by", F.lit(made_by()))
        return store.save(schemas.IDENTITY_INDEX, whole, release_id=str(release["release_id"])), told


def _earlier(store: Store, release: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the release, this one or the last other one, whose index can be continued: same make, same shards."""
    index = store.read(schemas.IDENTITY_INDEX).where(f"made_by = '{made_by()}'").select("release_id").distinct()
    made = {row["release_id"] for row in index.collect()}
    known = [row.asDict() for row in store.read(schemas.RELEASES).collect()]
    fitting = [row for row in known if row["release_id"] in made and row["shards"] == release["shards"]]
    return max(
        fitting,
        key=lambda row: (row["release_id"] == release["release_id"], row["outcomes_to"], row["release_id"]),
        default=None,
    )


def _continued(
    store: Store,
    earlier: Mapping[str, Any],
    release: Mapping[str, Any],
    population: str,
    people: DataFrame,
    held: contextlib.ExitStack,
) -> tuple[DataFrame, str]:
    """Return a population's index, and in words how much of it is new.

    `held` lets go of what is cached once the index is stored.
    """
    table, identity = REGISTERS[population], IDENTITY[population]
    index = store.stored(schemas.IDENTITY_INDEX, release_id=earlier["release_id"])
    index = index.where(f"population = '{population}'").drop("made_by")
    if earlier["content"][table.name] == release["content"][table.name]:
        return index, f"unchanged since {earlier['release_id']}"
    changes = find_changes(national(store, earlier, table), people, population).cache()
    held.callback(changes.unpersist)
    changed = people.join(changes.where("there"), identity, "left_semi")
    made = update_index(index, changed, changes.where("NOT there"), population, release["shards"])
    everybody = people.select(identity).distinct().count()
    return made, f"{changes.count():,} of {everybody:,} changed since {earlier['release_id']}"
