"""The nation's identities made ready for linkage, once per release.

Why one packed value per shard: a run streams the nation past its cohorts, and reading a shard
should cost no more than copying its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jdl_spark import schemas
from jdl_spark.linkage import blocking
from jdl_spark.linkage.records import IntArray, Records, from_bytes, pack, to_bytes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_IDENTITY = {"offender": "offender_id", "benefit": "claimant_id"}
COMMON_POSTCODE = 100
"""People at one postcode from which it is a hostel, a prison or a courthouse rather than a home: a British
postcode has some 15 addresses (Office for National Statistics)."""

_STORED = ("population", "shard", "versions", "payload")


@dataclass(frozen=True)
class IndexShard:
    """One shard of a population: its records and their sorted blocking keys."""

    records: Records
    keys: Mapping[str, blocking.Keyed]

    @classmethod
    def build(cls, records: Records) -> IndexShard:
        """Make the keys of some records."""
        return cls(records, blocking.index_keys(records))

    def to_bytes(self) -> bytes:
        """Serialise as one Arrow IPC stream."""
        arrays = self.records.to_arrays()
        for name, (rows, keys) in self.keys.items():
            arrays |= {f"rows_{name}": rows.astype(np.int32), f"keys_{name}": keys}
        return to_bytes(arrays)

    @classmethod
    def from_bytes(cls, payload: bytes) -> IndexShard:
        """Rebuild what `to_bytes` wrote."""
        arrays = from_bytes(payload)
        keys = {name: (arrays[f"rows_{name}"].astype(np.int64), arrays[f"keys_{name}"]) for name in blocking.KEYS}
        return cls(Records.from_arrays(arrays), keys)


def build_index(identities: DataFrame, population: str, shards: int) -> DataFrame:
    """Standardise a population's name versions and pack them by shard.

    Parameters
    ----------
    identities : DataFrame of schemas.OFFENDER_IDENTITIES or BENEFIT_IDENTITIES
        One row per known name version.
    population : str
        offender or benefit.
    shards : int
        Slices of the release.

    Returns
    -------
    DataFrame of schemas.IDENTITY_INDEX, less release_id
        One row per shard that has anybody in it.
    """
    from pyspark.sql import functions as F

    identity = _IDENTITY[population]

    def pack_shard(key: tuple[pa.Scalar, ...], table: pa.Table) -> pa.Table:
        person, version = (table.column(name).to_numpy() for name in (identity, "version_no"))
        payload = IndexShard.build(pack(table, person, version)).to_bytes()
        row = [[population], [key[0].as_py()], [table.num_rows], [payload]]
        types = pa.string(), pa.int32(), pa.int32(), pa.binary()
        return pa.table([pa.array(v, t) for v, t in zip(row, types, strict=True)], names=list(_STORED))

    sharded = identities.withColumn("shard", F.expr(f"CAST(pmod(xxhash64({identity}), {int(shards)}) AS INT)"))
    stored = ", ".join(f"{c.name} {c.type}" for c in schemas.IDENTITY_INDEX.columns if c.name in _STORED)
    return sharded.groupBy("shard").applyInArrow(pack_shard, stored)


def count_names(index: DataFrame) -> DataFrame:
    """Count how many identities bear each forename and surname, and live at each common postcode.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        One release; one or several populations.

    Returns
    -------
    DataFrame of schemas.NAME_FREQUENCIES, less release_id
        One row per (population, field, code); postcodes only from COMMON_POSTCODE people on.
    """
    from pyspark.sql import functions as F

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                records = IndexShard.from_bytes(row["payload"]).records
                for field in ("forename", "surname", "postcode"):
                    code, people = _people_by_value(records, field)
                    yield pa.RecordBatch.from_pydict(
                        {
                            "population": pa.array([row["population"]] * len(code), pa.string()),
                            "field": pa.array([field] * len(code), pa.string()),
                            "code": pa.array(code, pa.int64()),
                            "people": pa.array(people, pa.int64()),
                        }
                    )

    partial = index.select("population", "payload").mapInArrow(
        count, "population string, field string, code bigint, people bigint"
    )
    counted = partial.groupBy("population", "field", "code").agg(F.sum("people").alias("people"))
    return counted.where(f"field <> 'postcode' OR people >= {COMMON_POSTCODE}")


def name_frequencies(frequencies: DataFrame, field: str) -> tuple[IntArray, IntArray]:
    """Bring one field's frequencies to the driver: codes ascending, and the identities that bear each."""
    table = frequencies.where(f"field = '{field}'").select("code", "people").toArrow().sort_by("code")
    return table.column("code").to_numpy(), table.column("people").to_numpy()


def _people_by_value(records: Records, field: str) -> tuple[IntArray, IntArray]:
    code = records.postcode_code if field == "postcode" else np.append(records.names.code, 0)[getattr(records, field)]
    known = np.flatnonzero(code != 0)
    order = known[np.lexsort((records.person[known], code[known]))]
    once = np.ones(len(order), bool)
    once[1:] = (code[order][1:] != code[order][:-1]) | (records.person[order][1:] != records.person[order][:-1])
    return np.unique(code[order[once]], return_counts=True)


def over_index(
    index: DataFrame, kernel: Callable[[int, IndexShard], Iterable[Mapping[str, Any]]], schema: str
) -> pa.Table:
    """Apply a kernel to every shard of an index and bring its rows to the driver.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        One release and population.
    kernel : callable (shard number, IndexShard) -> mappings of column name to array
        What it needs of the left side travels in its closure.
    schema : str
        Spark SQL column list of the kernel's columns.

    Returns
    -------
    Arrow table
        In no particular order: the caller sorts.
    """

    def walk(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                for found in kernel(row["shard"], IndexShard.from_bytes(row["payload"])):
                    yield pa.RecordBatch.from_pydict(dict(found))

    tasks = index.sparkSession.sparkContext.defaultParallelism
    shards = index.select("shard", "payload")
    if shards.rdd.getNumPartitions() < tasks:  # a few large values may all lie in one file
        shards = shards.repartition(tasks)
    return shards.mapInArrow(walk, schema).toArrow()
