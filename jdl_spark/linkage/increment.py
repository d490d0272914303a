"""A new year's index from the last one: only people who are new or were corrected are standardised again.

Why it equals a rebuild, bit for bit: a name's code is a hash of its standardised text and not a rank,
and a shard is what sorting its records gives; so nothing in it tells in which order they came.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark.linkage.index import IDENTITY, STORED, index_rows, pack_versions, shard_of, unpacked
from jdl_spark.linkage.records import Records, concatenate

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NAMED = ("forename", "middle", "surname")


@cache
def made_by() -> str:
    """Return a digest of the code that an index depends on: only indexes of one make can be continued."""
    libraries = [metadata.version("jellyfish")]  # phonetic keys
    total = hashlib.sha256(" ".join(libraries).encode())
    package = Path(__file__).resolve().parent
    for file in sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        total.update(str(file.relative_to(package)).encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def find_changes(before: DataFrame, now: DataFrame, population: str) -> DataFrame:
    """Find the identities that differ between two states of a national table, in one pass over both.

    Parameters
    ----------
    before, now : DataFrame of schemas.OFFENDER_IDENTITIES or BENEFIT_IDENTITIES
        One row per name version.
    population : str
        offender or benefit.

    Returns
    -------
    DataFrame of identity id, there
        One row per identity with a version that is new, corrected or gone; `there` is false where
        `now` does not have it.
    """
    from pyspark.sql import functions as F

    identity = IDENTITY[population]
    states = [
        frame.select(identity, F.xxhash64("version_no", "row_hash").alias("version"), F.lit(there).alias("there"))
        for frame, there in ((before, 0), (now, 1))
    ]
    # versions that stand on both sides cancel each other out
    rest, there = F.bit_xor("version").alias("rest"), (F.max("there") == 1).alias("there")
    tallied = states[0].unionByName(states[1]).groupBy(identity).agg(rest, there)
    return tallied.where("rest <> 0").select(identity, "there")


def update_index(
    previous: DataFrame, changed: DataFrame, removed: DataFrame, population: str, shards: int
) -> DataFrame:
    """Return the index that `build_index` would make, from an earlier one and what has changed since.

    Parameters
    ----------
    previous : DataFrame of schemas.IDENTITY_INDEX
        One release and population, made with the same number of shards by the same code (`made_by`).
    changed : DataFrame of schemas.OFFENDER_IDENTITIES or BENEFIT_IDENTITIES
        All versions, as they are now, of every identity that is new or has any version that changed.
    removed : DataFrame with the identity's id
        Identities that are no longer there.
    population : str
        offender or benefit.
    shards : int
        Slices of the release.

    Returns
    -------
    DataFrame of schemas.IDENTITY_INDEX, less release_id
        One row per shard that has anybody in it.
    """
    identity = IDENTITY[population]

    def update(key: tuple[pa.Scalar, ...], old: pa.Table, new: pa.Table) -> pa.Table:
        if not new.num_rows:
            return old
        before = [unpacked(payload) for payload in old.column("payload").to_pylist()]
        return index_rows(population, key[0].as_py(), continue_shard(before, new, identity))

    touched = changed.unionByName(removed.select(identity), allowMissingColumns=True)
    touched = touched.withColumn("shard", shard_of(identity, shards))
    stored = previous.select("population", "shard", "versions", "payload").groupBy("shard")
    return stored.cogroup(touched.groupBy("shard")).applyInArrow(update, STORED)


def continue_shard(before: Sequence[Records], touched: pa.Table, identity: str) -> Records:
    """Return a shard's records after its changes.

    Parameters
    ----------
    before : the shard as it was; empty where nobody was in it.
    touched : versions of the people who changed; a row without a version number is a person who is gone.
    """
    people = touched.column(identity).to_numpy()
    stayed = [records.take(np.flatnonzero(~np.isin(records.person, people))) for records in before]
    fresh = pack_versions(touched.filter(touched.column("version_no").is_valid()), identity)
    return _without_idle_names(concatenate([*stayed, fresh]))


def _without_idle_names(records: Records) -> Records:
    """Drop the names that no record bears any more."""
    borne = np.zeros(len(records.names.code), bool)
    for field in _NAMED:
        position = getattr(records, field)
        borne[position[position >= 0]] = True
    moved = np.append(np.cumsum(borne) - 1, -1).astype(np.int32)  # the last is for a missing name
    return dataclasses.replace(
        records, **{field: moved[getattr(records, field)] for field in _NAMED}, names=records.names.take(borne)
    )
