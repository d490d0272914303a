"""Rows that no register should hold, so that quarantine has work: about three in a thousand.

They are spoilt copies under identifiers of their own, or exact repeats, so that the truth about
everybody else stands.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jdl_spark.synthetic.names import Ints
from jdl_spark.synthetic.sources import Source

SHARE = 0.003
_KINDS = ("repeat", "bad_date", "bad_code", "no_key", "ends_before_start")


def add(table: pa.Table, source: Source, random: np.random.Generator) -> pa.Table:
    """Return the table with broken rows beside the rows they are copies of.

    Which rows are copied, and how they are spoilt, depends on the row's own key number, not on the
    size of the table: a later extract repeats the broken rows of an earlier one.
    """
    salt = int(random.integers(1, 2**31))
    chosen, kind = _chosen(table, source, salt)
    columns = {name: table.column(name).take(pa.array(chosen)).to_pylist() for name in table.column_names}
    first = next(iter(source.columns.values()))
    for row, number in enumerate(kind):
        what = _KINDS[number]
        if what == "repeat":
            continue
        columns[first][row] = f"X{columns[first][row]}"
        _spoil(columns, row, what, source)
    broken = pa.table({name: pa.array(columns[name], table.schema.field(name).type) for name in table.column_names})
    order = np.argsort(np.concatenate([np.arange(table.num_rows), chosen]), kind="stable")
    return pa.concat_tables([table, broken]).combine_chunks().take(pa.array(order))


def _chosen(table: pa.Table, source: Source, salt: int) -> tuple[Ints, Ints]:
    """Return the rows to copy, and how to spoil each copy."""
    key = table.column(next(iter(source.columns.values()))).combine_chunks()
    number = np.asarray(pc.utf8_slice_codeunits(key, 1).cast(pa.int64()))
    spread = (number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)) >> np.uint64(40)
    rows = np.flatnonzero(spread < np.uint64(int(SHARE * 2**24)))
    return rows, (spread[rows] % np.uint64(len(_KINDS))).astype(np.int64)


def _spoil(columns: dict[str, list[object]], row: int, what: str, source: Source) -> None:
    names = source.columns
    dated = [ours for ours in names if ours.endswith(("_date", "_of_birth"))]
    last = next((ours for ours in ("release_date", "outcome_date", "end_date") if ours in names), None)
    if what == "bad_code" and source.codes:
        columns[names[next(iter(source.codes))]][row] = "??"
    elif what == "ends_before_start" and last is not None:
        columns[names[last]][row] = _as_written(source, last, 1901, 1, 1)
    elif what == "bad_date" and dated:
        columns[names[dated[0]]][row] = _as_written(source, dated[0], 2009, 2, 30)
    else:
        person = next(ours for ours in ("offender_id", "claimant_id") if ours in names)
        columns[names[person]][row] = None


def _as_written(source: Source, column: str, year: int, month: int, day: int) -> str:
    pattern = source.dates.get(column, "yyyy-MM-dd")
    return pattern.replace("yyyy", f"{year}").replace("MM", f"{month:02d}").replace("dd", f"{day:02d}")
