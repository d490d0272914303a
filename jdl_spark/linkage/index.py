"""The nation's identities made ready for linkage, once per release.

Why one packed value per shard: a run streams the nation past its cohorts, and reading a shard
should cost no more than copying its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jdl_spark.linkage import blocking
from jdl_spark.linkage.records import NO_DATE, IntArray, Records, from_bytes, pack, to_bytes

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

IDENTITY = {"offender": "offender_id", "benefit": "claimant_id"}
"""Population to the column of its national table that names a person."""
COMMON_POSTCODE = 100
"""People at one postcode from which it is a hostel, a prison or a courthouse rather than a home: a British
postcode has some 15 addresses (Office for National Statistics)."""

LARGEST_BLOCK = 250_000
"""Versions under one key up to which all of them are compared. Shards are random slices, so a large block is spread
over all of them and makes no straggler: the limit only bounds the whole work."""
BLOCK = "block "
_COUNTED = ("forename", "surname", "birth", "postcode")
Counted = tuple[IntArray, IntArray]
"""Codes, ascending, and how many identities (of a blocking key: versions) have each."""

_TYPES = {"population": pa.string(), "shard": pa.int32(), "versions": pa.int32(), "payload": pa.binary()}
STORED = "population string, shard int, versions int, payload binary"
"""Columns of the rows that `index_rows` makes."""


def unpacked(payload: bytes | pa.Buffer) -> Records:
    """Return the records of a stored shard; a buffer's bytes are not copied."""
    return Records.from_arrays(from_bytes(payload))


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
    identity = IDENTITY[population]

    def pack_shard(key: tuple[pa.Scalar, ...], table: pa.Table) -> pa.Table:
        return index_rows(population, key[0].as_py(), pack_versions(table, identity))

    return identities.withColumn("shard", shard_of(identity, shards)).groupBy("shard").applyInArrow(pack_shard, STORED)


def shard_of(identity: str, shards: int) -> Column:
    """Return the shard of a person, from the column with the identity's id."""
    from pyspark.sql import functions as F

    return F.expr(f"CAST(pmod(xxhash64({identity}), {int(shards)}) AS INT)")


def pack_versions(table: pa.Table, identity: str) -> Records:
    """Standardise rows of a national table of identities."""
    person, version = (table.column(name).to_numpy() for name in (identity, "version_no"))
    return pack(table, person, version)


def index_rows(population: str, number: int, records: Records) -> pa.Table:
    """Return the one row of a shard, none where nobody is in it."""
    row = (population, number, len(records), to_bytes(records.to_arrays()))
    held = [[value] if len(records) else [] for value in row]
    return pa.table({name: pa.array(value, kind) for (name, kind), value in zip(_TYPES.items(), held, strict=True)})


def count_names(index: DataFrame, largest_block: int = LARGEST_BLOCK) -> DataFrame:
    """Count how many identities share each name, date of birth and common postcode, and find the blocks too large.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        One release; one or several populations.
    largest_block : int
        Versions that may share a blocking key; blocking.RARE for those in blocking.RARE_KEYS.

    Returns
    -------
    DataFrame of schemas.NAME_FREQUENCIES, less release_id
        One row per (population, field, code); postcodes only from COMMON_POSTCODE people on. Field
        `block KEY`: a value of the blocking key that more versions share than it allows, and their number.
    """
    from pyspark.sql import functions as F

    sizes = index.groupBy("population").agg(F.count("*").alias("shards")).collect()
    shards = max((row["shards"] for row in sizes), default=1)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for population, _, shard in _shards_of(batches):
            for field, (code, people) in _tallies(shard, largest_block / shards / 8):
                yield pa.RecordBatch.from_pydict(
                    {
                        "population": pa.array([population] * len(code), pa.string()),
                        "field": pa.array([field] * len(code), pa.string()),
                        "code": pa.array(code, pa.int64()),
                        "people": pa.array(people, pa.int64()),
                    }
                )

    partial = index.select("population", "shard", "payload").mapInArrow(
        count, "population string, field string, code bigint, people bigint"
    )
    counted = partial.groupBy("population", "field", "code").agg(F.sum("people").alias("people"))
    keep = f"field IN ('forename', 'surname', 'birth') OR (field = 'postcode' AND people >= {COMMON_POSTCODE})"
    limits = " OR ".join(
        f"(field = '{BLOCK}{key}' AND people > {blocking.RARE if key in blocking.RARE_KEYS else int(largest_block)})"
        for key in blocking.KEYS
    )
    return counted.where(f"{keep} OR {limits}")


def _tallies(shard: Records, noticeable: float) -> Iterator[tuple[str, tuple[IntArray, IntArray]]]:
    """Yield what one shard adds to each field's counts.

    A block above the limit has its full share of versions in some shard. Except of rare keys, shards
    with less than an eighth of that share do not report it, so that a count may be up to an eighth
    too small.
    """
    for field in _COUNTED:
        yield field, _people_by_value(shard, field)
    keys = blocking.index_keys(shard)
    for key in blocking.KEYS:
        code, versions = np.unique(keys[key][1], return_counts=True)
        large = versions > (0 if key in blocking.RARE_KEYS else noticeable)
        yield f"{BLOCK}{key}", (code[large].astype(np.int64), versions[large])


def name_frequencies(frequencies: DataFrame) -> dict[str, Counted]:
    """Bring all frequencies to the driver: field -> codes ascending, and the identities that bear each."""
    fields = (*_COUNTED, *(BLOCK + key for key in blocking.KEYS))
    table = frequencies.select("field", "code", "people").toArrow()
    return {field: _counted(table.filter(pc.field("field") == field)) for field in fields}


def _counted(table: pa.Table) -> Counted:
    table = table.sort_by("code")
    return table.column("code").to_numpy(), table.column("people").to_numpy()


def _people_by_value(records: Records, field: str) -> tuple[IntArray, IntArray]:
    if field == "birth":
        known, code = np.flatnonzero(records.birth != NO_DATE), records.birth.astype(np.int64)
    else:
        names = np.append(records.names.code, 0)
        code = records.postcode_code if field == "postcode" else names[getattr(records, field)]
        known = np.flatnonzero(code != 0)
    order = known[np.lexsort((records.person[known], code[known]))]
    once = np.ones(len(order), bool)
    once[1:] = (code[order][1:] != code[order][:-1]) | (records.person[order][1:] != records.person[order][:-1])
    return np.unique(code[order[once]], return_counts=True)


def _shards_of(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, int, Records]]:
    """Unpack shards without copying their bytes."""
    for batch in batches:
        populations, numbers = batch.column("population").to_pylist(), batch.column("shard").to_pylist()
        for row, payload in enumerate(batch.column("payload")):
            yield populations[row], numbers[row], unpacked(payload.as_buffer())


def over_index(
    index: DataFrame, kernel: Callable[[int, Records], Iterable[Mapping[str, Any]]], schema: str
) -> pa.Table:
    """Apply a kernel to every shard of an index and bring its rows to the driver.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        One release and population.
    kernel : callable (shard number, Records) -> mappings of column name to array
        What it needs of the left side travels in its closure.
    schema : str
        Spark SQL column list of the kernel's columns.

    Returns
    -------
    Arrow table
        In no particular order: the caller sorts.
    """

    def walk(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _, number, shard in _shards_of(batches):
            for found in kernel(number, shard):
                yield pa.RecordBatch.from_pydict(dict(found))

    tasks = index.sparkSession.sparkContext.defaultParallelism
    shards = index.select("population", "shard", "payload")
    if shards.rdd.getNumPartitions() < tasks:  # a few large values may all lie in one file
        shards = shards.repartition(tasks)
    return shards.mapInArrow(walk, schema).toArrow()
