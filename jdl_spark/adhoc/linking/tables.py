"""Read the tables of `jdl link`: any CSV or Parquet file of people, as rows for the index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset

from jdl_spark.adhoc.linking.spec import Side
from jdl_spark.errors import InputError, UsageError
from jdl_spark.linkage.records import IntArray, Records, pack

_DATES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?Z?"), (1, 2, 3)),
    (re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0)?"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), (3, 2, 1)),
)
"""Forms of a date that are understood without a date_format, and where year, month and day stand in them."""


@dataclass(frozen=True)
class People:
    """One side's table, ready for the index.

    Attributes
    ----------
    ids : Arrow array, shape (people,). Distinct identifiers in their own type, ascending.
    rows : Arrow table of the name columns with offender_id (position in `ids`) and version_no.
    unreadable_dates : int. Dates that could not be understood, and stand as missing.
    """

    ids: pa.Array
    rows: pa.Table
    unreadable_dates: int

    def records(self, places: IntArray) -> Records:
        """Return the records of some people, given by their places in `ids`."""
        rows = self.rows.filter(pc.is_in(self.rows.column("offender_id"), value_set=pa.array(np.unique(places))))
        return pack(rows, rows.column("offender_id").to_numpy(), rows.column("version_no").to_numpy())


def read_people(path: str, side: Side, fields: tuple[str, ...]) -> People:
    """Return one side's people.

    Raises
    ------
    InputError
        If the table is missing, empty or unreadable, or has rows without an id.
    UsageError
        If it lacks a column that the spec names.
    """
    return _people(_read(path, side), side, fields)


def _read(path: str, side: Side) -> pa.Table:
    """Return the columns a side names, with `id` first."""
    wanted = list(dict.fromkeys((side.id, *side.columns.values())))
    try:
        table = _csv(path) if Path(path).suffix.lower() in {".csv", ".txt"} else _parquet(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no file at {path} ({side.name} table)") from error
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        reason = "empty file" if "Empty CSV" in str(error) else "not UTF-8 CSV with a header, nor Parquet"
        raise InputError(f"{path} ({side.name} table) cannot be read: {reason}") from error
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        known = ", ".join(table.column_names)
        raise UsageError(f"{path} ({side.name} table) has no column {missing[0]!r}; it has {known}")
    if not table.num_rows:
        raise InputError(f"{path} ({side.name} table) has a header but no rows")
    return table.select(wanted)


def _csv(path: str) -> pa.Table:
    with pa.csv.open_csv(path) as reader:
        names = reader.schema.names
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pa.csv.read_csv(path, convert_options=options, parse_options=pa.csv.ParseOptions(newlines_in_values=True))


def _parquet(path: str) -> pa.Table:
    if not Path(path).exists():
        raise FileNotFoundError(path)
    return pa.dataset.dataset(path, format="parquet").to_table()


def _people(table: pa.Table, side: Side, fields: tuple[str, ...]) -> People:
    ids = _ids(table.column(side.id).combine_chunks(), side)
    distinct = pc.unique(ids)
    distinct = distinct.take(pc.sort_indices(distinct))
    person = pc.index_in(ids, value_set=distinct).to_numpy().astype(np.int64)
    columns: dict[str, Any] = {"offender_id": pa.array(person), "version_no": _versions(person)}
    unreadable = 0
    for field in fields:
        texts = _texts(table.column(side.columns[field]))
        if field == "date_of_birth":
            columns[field], unreadable = _dates(texts, side)
        else:
            columns[field] = pa.array(texts, pa.string())
    return People(distinct, pa.table(columns), unreadable)


def _ids(ids: pa.Array, side: Side) -> pa.Array:
    if ids.null_count:
        row = ids.is_null().to_pylist().index(True) + 1
        raise InputError(f"the {side.name} table has rows without an id, the first is row {row}; give every row one")
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if pa.types.is_string(ids.type) and pc.all(pc.match_substring_regex(ids, r"^(0|-?[1-9][0-9]{0,17})$")).as_py():
        return ids.cast(pa.int64())
    return ids


def _versions(person: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Array:
    """Number the rows of each person from 1 in the order of the file."""
    order = np.argsort(person, kind="stable")
    starts = np.searchsorted(person[order], person[order])
    version = np.empty(len(person), np.int32)
    version[order] = np.arange(len(person)) - starts + 1
    return pa.array(version, pa.int32())


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    if pa.types.is_floating(column.type):  # whole numbers with gaps become floats in many tools
        return [None if v is None or v != v else str(int(v)) if v == int(v) else str(v) for v in column.to_pylist()]
    return [None if value is None else str(value) for value in column.to_pylist()]


def _dates(texts: list[str | None], side: Side) -> tuple[pa.Array, int]:
    read = {text: _date(text.strip(), side.date_format) for text in set(texts) if text is not None and text.strip()}
    days = [read.get(text) if text is not None else None for text in texts]
    unreadable = sum(
        day is None and text is not None and bool(text.strip()) for day, text in zip(days, texts, strict=True)
    )
    return pa.array(days, pa.date32()), unreadable


def _date(text: str, date_format: str | None) -> date | None:
    try:
        if date_format is not None:
            return datetime.strptime(text, date_format).date()
        for form, (year, month, day) in _DATES:
            if found := form.fullmatch(text):
                return date(int(found[year]), int(found[month]), int(found[day]))
    except ValueError:
        return None
    return None
