"""One SHA-256 over everything a run found: two runs have the same results if and only if it is the same.

Why not a hash of files: Delta writes other files every time. Rows are sorted by their table's key, a
column at a time, and every value counts with all its bits.

What is left out, and why. A run's name is a hash of what went in; this is a hash of what came out.
So the run id, the times and the attempts are left out, and so are `code_version` and the ids of the
linkage models, which follow from it: else the hash could never show that new code gives the old
numbers. A published document counts as what it says: its JSON without the provenance fields that hold
just those things. Where it was written and its own digest follow from them, and are left out too.
Pseudonyms are results: lakes with different keys have different hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jdl_spark.schemas import Table

FORMAT = "jdl_spark result hash 1"
"""Goes into every hash, so that another way of hashing can never be taken for another result."""

ABOUT_THE_RUN = frozenset({"run_id", "attempt", "attempts", "started_at", "finished_at", "code_version"})
"""Columns that no table counts."""

ALSO_LEFT_OUT: Mapping[str, frozenset[str]] = {
    "runs": frozenset({"linkage_models"}),
    "publications": frozenset({"path", "sha256"}),
}
"""Further columns by table: those that follow from the columns above."""

PROVENANCE_LEFT_OUT = ("run_id", "code_version", "linkage_models", "produced_at", "published_on")
"""Likewise the fields of a published document's provenance."""

_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())


@dataclass(frozen=True)
class TableHash:
    """One result table of a run: how many rows it holds, and their SHA-256."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class RunHash:
    """The hash of a run and of each of its tables, in the order of schemas.RESULT_TABLES."""

    run_id: str
    release_id: str
    tables: Mapping[str, TableHash]
    by_table: bool = False
    """Whether `lines` tells the tables as well."""

    @property
    def sha256(self) -> str:
        """The hash of the whole run."""
        return combine({name: table.sha256 for name, table in self.tables.items()})

    def lines(self) -> list[str]:
        """Return the hash as lines for a terminal, the run's last."""
        rows = max((len(f"{table.rows:,}") for table in self.tables.values()), default=0)
        told = [f"{table.sha256}  {table.rows:>{rows},} rows  {name}" for name, table in self.tables.items()]
        return [*(told if self.by_table else []), f"{self.sha256}  run {self.run_id} on release {self.release_id}"]

    def as_json(self) -> dict[str, Any]:
        """Return the hash for machines, always with the tables."""
        tables = {name: {"rows": table.rows, "sha256": table.sha256} for name, table in self.tables.items()}
        return {"run_id": self.run_id, "release_id": self.release_id, "sha256": self.sha256, "tables": tables}


def combine(hashes: Mapping[str, str]) -> str:
    """Return the SHA-256 of several tables' hashes, by table name, in the order given."""
    total = hashlib.sha256()
    for text in (FORMAT, *(part for item in hashes.items() for part in item)):
        _put(total, text.encode())
    return total.hexdigest()


def hash_table(table: Table, rows: pa.Table) -> TableHash:
    """Return the hash of one run's rows of a result table.

    Parameters
    ----------
    table : Table
        Of the zone `results`.
    rows : Arrow table
        The table's columns, in any order and any number of chunks; columns that are not hashed may be missing.

    Returns
    -------
    TableHash
        Name, column names and kinds, and the values sorted by the table's key. float64 counts as its
        bits, so 0.0 and -0.0 differ; every NaN is the same NaN; NULL differs from every value.

    Raises
    ------
    ValueError
        If two rows have the same key: their order, and so the hash, would be chance.
    TypeError
        If a column is of a type that has no place in a result, a time for instance.
    """
    left_out = ABOUT_THE_RUN | ALSO_LEFT_OUT.get(table.name, frozenset())
    names = [name for name in table.column_names if name not in left_out]
    key = [name for name in table.key if name not in left_out]
    ordered = _sorted(table.name, rows.select(names), key)
    if table.name == "publications":
        texts = [_without_run(text) for text in ordered["document"].to_pylist()]
        ordered = ordered.set_column(names.index("document"), "document", pa.array(texts, pa.large_string()))
    total = hashlib.sha256()
    for text in (FORMAT, table.name, str(ordered.num_rows), *names):
        _put(total, text.encode())
    for column in ordered.columns:
        _put_values(total, column.combine_chunks())
    return TableHash(ordered.num_rows, total.hexdigest())


def _sorted(name: str, rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return the rows sorted by key; texts with 64-bit offsets, for there may be more than 2 GiB of them."""
    wide = pa.schema([field.with_type(_wide(field.type)) for field in rows.schema.remove_metadata()])
    rows = rows.cast(wide)
    different = rows.group_by(list(key)).aggregate([]).num_rows if key else min(rows.num_rows, 1)
    if different < rows.num_rows:
        raise ValueError(f"table {name} holds a key twice")
    return rows.sort_by([(column, "ascending") for column in key]) if key else rows


def _wide(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind):
        return pa.large_string()
    if pa.types.is_list(kind):
        return pa.large_list(_wide(kind.value_type))
    return kind


def _without_run(document: str) -> str:
    """Return a document's JSON in one canonical spelling, without what its provenance says of the run."""
    content = json.loads(document)
    for name in PROVENANCE_LEFT_OUT:
        content["provenance"].pop(name, None)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# --- values as bytes ----------------------------------------------------------------------


def _put(total: Any, content: bytes) -> None:
    """Add bytes with their length before them, so that no two sequences of them run into the same whole."""
    total.update(len(content).to_bytes(8, "little"))
    total.update(content)


def _put_values(total: Any, values: pa.Array) -> None:
    """Add an array: its kind, which values are NULL, and the values, a NULL's place filled with nothing."""
    kind = values.type
    name = _kind(kind)
    _put(total, name.encode())
    _put(total, values.is_null().cast(pa.uint8()).to_numpy(zero_copy_only=False).tobytes())
    if name == "text":
        _put_pieces(total, values.cast(pa.large_binary()).fill_null(b"").to_pylist())
    elif name == "list":
        _put_integers(total, pc.list_value_length(values).fill_null(0))
        _put_values(total, values.flatten())  # leaves NULL lists out
    elif name == "float":
        bits = values.fill_null(0.0).to_numpy(zero_copy_only=False)
        _put(total, np.where(np.isnan(bits), np.nan, bits).astype("<f8").tobytes())
    else:
        _put_integers(total, values.cast(pa.int32()) if name == "date" else values)


def _put_integers(total: Any, values: pa.Array) -> None:
    _put(total, values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).astype("<i8").tobytes())


def _put_pieces(total: Any, pieces: Sequence[bytes]) -> None:
    _put(total, np.fromiter(map(len, pieces), "<i8", len(pieces)).tobytes())
    _put(total, b"".join(pieces))


def _kind(kind: pa.DataType) -> str:
    """Return what a column holds; int and bigint are one kind, so a column may become wider and keep its hash."""
    if pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return "text"
    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return "list"
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_date32(kind):
        return "date"
    if kind in _INTEGERS:
        return "integer"
    if pa.types.is_float64(kind):
        return "float"
    raise TypeError(f"a result table holds a column of type {kind}, which the result hash does not know")
