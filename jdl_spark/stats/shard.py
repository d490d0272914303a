"""One shard of index events as arrays: what the heavy passes read.

Why packed: Arrow cuts plain rows into batches whose size varies with the run, and the bits of a
matrix product depend on the block's shape. A shard is therefore stored whole, in one row, and is
the same bytes on any number of partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NEVER = np.int32(2**31 - 1)
"""`first_reoffence` of somebody who did not reoffend in the follow-up year."""

_FILTER = 2**20
_COVARIATE = "covariate_"
_ROWS_AT_ONCE = 2048
"""Rows unpacked at once: few enough to stay in the processor's cache while column after column is written."""
_KIND_CODES = {"custody_release": 1, "community_start": 2}
_SEX_CODES = {"F": 1, "M": 2}


def stratum_code(index_year: int, kind: str, sex: str | None) -> int:
    """Return the number of a national stratum: index year x kind of event x sex (0: unknown sex)."""
    return index_year * 100 + _KIND_CODES[kind] * 10 + _SEX_CODES.get(sex or "", 0)


@dataclass(frozen=True)
class Rows:
    """Where ids lie among rows in another order.

    Attributes
    ----------
    ids : int64, shape (n,), ascending. rows : intp, shape (n,). Row of each.
    """

    ids: IntArray
    rows: NDArray[np.intp]

    @classmethod
    def of(cls, ids: IntArray) -> Rows:
        """Index rows by the id of each."""
        order = np.argsort(ids, kind="stable")
        return cls(ids[order], order)

    def rows_of(self, some: IntArray) -> NDArray[np.intp]:
        """Return the rows of some ids, ascending."""
        low, high = (np.searchsorted(self.ids, some, side=side) for side in ("left", "right"))
        found = high - low
        first = np.repeat(low - np.cumsum(found) + found, found)
        return np.sort(self.rows[first + np.arange(len(first))])

    def rows_of_each(self, lists: Sequence[IntArray]) -> list[NDArray[np.intp]]:
        """Return the rows of each of many lists of ids, most of which lie elsewhere; ascending.

        Why a filter: looking up an id takes tens of nanoseconds, and finding out that it cannot be here takes one.
        """
        low_bits = np.zeros(_FILTER, dtype=bool)
        low_bits[self.ids & (_FILTER - 1)] = True
        ids = np.concatenate([np.zeros(0, np.int64), *lists])
        ends = np.cumsum([0, *map(len, lists)])
        likely = np.flatnonzero(low_bits[ids & (_FILTER - 1)])
        few, edges = ids[likely], np.searchsorted(likely, ends)
        low, high = (np.searchsorted(self.ids, few, side=side) for side in ("left", "right"))
        found = high - low
        first = np.repeat(low - np.cumsum(found) + found, found)
        rows = self.rows[first + np.arange(len(first))]
        stops = np.concatenate([[0], np.cumsum(found)])[edges]
        return [np.sort(rows[start:stop]) for start, stop in pairwise(stops)]


@dataclass(frozen=True)
class CovariateShard:
    """All available index events of one shard, sorted by (stratum, event_id).

    Attributes
    ----------
    columns : names of the matrix's columns.
    event_id, offender_id : int64, shape (n,). All events of an offender are in one shard.
    stratum : int64, shape (n,). Exact stratum; nationally `stratum_code`.
    first_reoffence : int32, shape (n,). Days from index date to the first proven reoffence, or NEVER.
    data_order : int64, shape (n,). Place in the source, for matching in data order: the row number of the
        file in `jdl analyse`; nationally the place in the shard, without meaning.
    eligible : bool, shape (n,). May stand in a comparison pool (14 or older, no terrorist offence).
    matrix : float64, shape (n, p), C order. Covariates in their own units; never NaN (a missing
        value is its column's indicator, see covariates/assemble.py).
    number : int. The shard's, where it came out of the lake.
    """

    columns: tuple[str, ...]
    event_id: IntArray
    offender_id: IntArray
    stratum: IntArray
    first_reoffence: NDArray[np.int32]
    data_order: IntArray
    eligible: BoolArray
    matrix: FloatArray
    number: int = 0

    def __len__(self) -> int:
        return len(self.event_id)

    @cached_property
    def by_event(self) -> Rows:
        """Where each event lies."""
        return Rows.of(self.event_id)

    @cached_property
    def by_person(self) -> Rows:
        """Where each person's events lie."""
        return Rows.of(self.offender_id)

    def to_bytes(self) -> bytes:
        """Serialise as one Arrow IPC stream, each covariate in the smallest of three types that holds it exactly.

        Why: most covariates are yes or no, or small counts, and every pass moves the whole nation into the workers.
        """
        table = pa.table(
            {
                "event_id": pa.array(self.event_id, pa.int64()),
                "offender_id": pa.array(self.offender_id, pa.int64()),
                "stratum": pa.array(self.stratum, pa.int64()),
                "first_reoffence": pa.array(self.first_reoffence, pa.int32()),
                "data_order": pa.array(self.data_order, pa.int64()),
                "eligible": pa.array(self.eligible, pa.bool_()),
                **{f"{_COVARIATE}{j}": pa.array(_narrow(values)) for j, values in enumerate(self.matrix.T)},
            }
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue().to_pybytes())

    @classmethod
    def from_bytes(cls, payload: bytes, columns: Sequence[str], number: int = 0) -> CovariateShard:
        """Rebuild what `to_bytes` wrote; `columns` names the matrix's columns."""
        table = pa.ipc.open_stream(payload).read_all().combine_chunks()
        n, p = table.num_rows, len(columns)

        def array(name: str) -> NDArray[np.generic]:
            column = table.column(name)
            chunk = column.chunk(0) if column.num_chunks else pa.array([], column.type)
            return np.asarray(chunk.to_numpy(zero_copy_only=False))

        covariates = [array(f"{_COVARIATE}{j}") for j in range(p)]
        matrix = np.empty((n, p))
        for start in range(0, n, _ROWS_AT_ONCE):
            for j, values in enumerate(covariates):
                matrix[start : start + _ROWS_AT_ONCE, j] = values[start : start + _ROWS_AT_ONCE]
        return cls(
            tuple(columns),
            array("event_id").astype(np.int64, copy=False),
            array("offender_id").astype(np.int64, copy=False),
            array("stratum").astype(np.int64, copy=False),
            array("first_reoffence").astype(np.int32, copy=False),
            array("data_order").astype(np.int64, copy=False),
            array("eligible").astype(np.bool_, copy=False),
            matrix,
            number,
        )


def _narrow(values: FloatArray) -> NDArray[np.generic]:
    """Return the values in the first of uint8, float32 and float64 that gives every one of them back, bit by bit."""
    exact = np.ascontiguousarray(values)
    for kind in (np.uint8, np.float32):
        with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is seen in the comparison
            narrow = exact.astype(kind)
        if np.array_equal(narrow.astype(np.float64).view(np.int64), exact.view(np.int64)):
            return narrow
    return exact
