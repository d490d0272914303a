"""Read the one table of `jdl analyse` and turn it into arrays, or say what is wrong with it.

Messages name columns, counts and row numbers, never values. A CSV file is UTF-8; its empty fields
and NA, NaN, null are missing. Its ids become whole numbers only if that loses nothing ("007" stays text).
"""

from __future__ import annotations

import codecs
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from jdl_spark.adhoc.spec import AnalysisSpec, Outcome
from jdl_spark.errors import InputError, UsageError
from jdl_spark.stats.shard import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A"]
TRUE_FALSE = {"1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True)
class Analysis:
    """The table as arrays, one element per row of the file.

    Attributes
    ----------
    ids : Arrow array, in the type of the table. number : int64, each id's place in sorted order
        (numbers by size, text by code point): it is the event id, and so breaks ties.
    treated : bool. stratum : int64, number of the combination of the exact columns, in sorted order.
    names, matrix : the covariates; reference levels, then a supplied distance, come last.
    shown : the covariates in the order of the specification, every level of a category.
    references : column to its reference level. outcomes : name to float64 values.
    """

    ids: pa.Array
    number: IntArray
    treated: BoolArray
    stratum: IntArray
    names: tuple[str, ...]
    matrix: FloatArray
    shown: tuple[str, ...]
    references: dict[str, str]
    outcomes: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.number)


def read(spark: SparkSession, data: str, spec: AnalysisSpec) -> Analysis:
    """Return the columns that the specification names, checked.

    Raises
    ------
    InputError
        If the file is missing, empty or in another encoding, or a column is unknown, incomplete or
        of the wrong kind, ids are not unique, or nobody or everybody is treated.
    UsageError
        If order = "data" is asked of several files.
    """
    table = _load(spark, data, spec)
    unknown = [name for name in spec.columns if name not in table.column_names]
    if unknown:
        raise InputError(f"{data} has no column {unknown[0]!r}; its columns are {', '.join(table.column_names)}")
    for name in spec.columns:
        if table.column_names.count(name) > 1:
            raise InputError(f"{data} has several columns called {name!r}")
    if not table.num_rows:
        raise InputError(f"{data} has no rows")
    columns = {name: _complete(table.column(name), name, data) for name in spec.columns}
    ids = columns[spec.id]
    number = _numbered(ids, spec.id, data)
    treated = _yes_no(columns[spec.treatment], spec.treatment, data)
    if treated.all() or not treated.any():
        who = "everybody" if treated.all() else "nobody"
        raise InputError(f"{data}: {who} is treated (column {spec.treatment!r}); there is nothing to compare")
    names, matrix, shown, references = _covariates(columns, spec, data)
    outcomes = {outcome.name: _outcome(columns, outcome, data) for outcome in spec.outcomes}
    stratum = _strata([columns[name] for name in spec.exact], len(treated))
    return Analysis(ids, number, treated, stratum, names, matrix, shown, references, outcomes)


# --- reading ------------------------------------------------------------------------------------


def _load(spark: SparkSession, data: str, spec: AnalysisSpec) -> pa.Table:
    is_csv = data.lower().endswith((".csv", ".csv.gz"))
    if "://" in data or data.startswith("file:"):
        if is_csv:
            content = spark.read.format("binaryFile").load(data).select("content").head()
            if content is None:
                raise InputError(f"there is no file at {data}")
            return _parse_csv(bytes(content[0]), data, spec)
        return spark.read.parquet(data).toArrow()
    path = Path(data)
    if not path.exists():
        raise InputError(f"there is no file at {data}")
    if path.is_dir() and spec.matching.order == "data" and len(list(path.rglob("*.parquet"))) > 1:
        raise UsageError('order = "data" is the row number of a single file, and this is a folder of several')
    if is_csv:
        with pa.input_stream(str(path), compression="detect") as stream:
            return _parse_csv(stream.read(), data, spec)
    try:
        return pa.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{data} is neither a CSV file (named .csv) nor a Parquet file or folder") from error


def _parse_csv(content: bytes, data: str, spec: AnalysisSpec) -> pa.Table:
    if not content.strip():
        raise InputError(f"{data} is empty")
    try:
        codecs.decode(content, "utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{data} is not UTF-8 (line {line}); save it as CSV in UTF-8 and try again") from error
    options = pa.csv.ConvertOptions(
        null_values=MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        column_types={spec.id: pa.string()},
    )
    try:
        table = pa.csv.read_csv(pa.BufferReader(content), convert_options=options)
    except pa.ArrowInvalid as error:
        raise InputError(f"{data} cannot be read as CSV: every row must have the columns of the header") from error
    if spec.id in table.column_names and table.column_names.count(spec.id) == 1:
        place = table.column_names.index(spec.id)
        table = table.set_column(place, spec.id, _whole_numbers(table.column(spec.id)))
    return table


def _whole_numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn ids into whole numbers if every one is written as a whole number is."""
    try:
        numbers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return texts
    return numbers if numbers.cast(pa.string()).equals(texts) else texts


# --- columns ------------------------------------------------------------------------------------


def _complete(column: pa.ChunkedArray, name: str, data: str) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    array = column.combine_chunks()
    array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    missing = np.asarray(array.is_null())
    if pa.types.is_floating(array.type):
        missing = ~np.isfinite(np.asarray(array.fill_null(float("nan")), dtype=np.float64))
    elif _is_text(array):
        missing = missing | np.array([value == "" for value in array.to_pylist()], dtype=bool)
    if missing.any():
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(missing)[:5]) + (" ..." if missing.sum() > 5 else "")
        raise InputError(
            f"{data}: column {name!r} has {missing.sum()} missing values (row {rows}); "
            "fill them in, or take those rows out and say so"
        )
    return array


def _is_text(array: pa.Array) -> bool:
    return bool(pa.types.is_string(array.type) or pa.types.is_large_string(array.type))


def _numbered(ids: pa.Array, name: str, data: str) -> IntArray:
    values = ids.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    repeated = [b for a, b in itertools.pairwise(order) if values[a] == values[b]]
    if repeated:
        raise InputError(
            f"{data}: column {name!r} is not unique: {len(repeated)} rows repeat an id (row {min(repeated) + 1})"
        )
    number = np.empty(len(values), dtype=np.int64)
    number[order] = np.arange(len(values))
    return number


def _numbers(array: pa.Array, name: str, data: str) -> FloatArray:
    kind = array.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or
            pa.types.is_decimal(kind)):  # fmt: skip
        raise InputError(f"{data}: column {name!r} must hold numbers, not {kind}")
    return np.array(array.to_numpy(zero_copy_only=False), dtype=np.float64)


def _yes_no(array: pa.Array, name: str, data: str) -> BoolArray:
    if _is_text(array):
        values: list[Any] = [TRUE_FALSE.get(text.strip().lower()) for text in array.to_pylist()]
    else:
        values = [{0.0: False, 1.0: True}.get(value) for value in _numbers(array, name, data)]
    wrong = [row + 1 for row, value in enumerate(values) if value is None]
    if wrong:
        raise InputError(f"{data}: column {name!r} must be 0/1 or true/false; {len(wrong)} are not (row {wrong[0]})")
    return np.array(values, dtype=bool)


def _covariates(
    columns: dict[str, pa.Array], spec: AnalysisSpec, data: str
) -> tuple[tuple[str, ...], FloatArray, tuple[str, ...], dict[str, str]]:
    """Return names and matrix with reference levels last, all names as shown, and the reference levels.

    The model takes columns in order and leaves out what the earlier ones explain, so a reference
    level that comes last is the one left out, and balance still shows it.
    """
    model: dict[str, FloatArray] = {}
    last: dict[str, FloatArray] = {}
    shown: list[str] = []
    references = {}
    for name in spec.covariates:
        if not _is_text(columns[name]):
            parts = {name: _numbers(columns[name], name, data)}
            model |= parts
        else:
            values = np.array(columns[name].to_pylist(), dtype=object)
            levels = sorted(set(values))
            parts = {f"{name}_{level}": (values == level).astype(np.float64) for level in levels}
            references[name] = levels[0]
            first = f"{name}_{levels[0]}"
            model |= {key: value for key, value in parts.items() if key != first}
            last[first] = parts[first]
        shown += parts
    if len(set(shown)) < len(shown):
        raise InputError(f"{data}: a covariate has the name of another's category; rename one of them")
    whole = model | last
    if spec.distance_column is not None and spec.distance_column not in whole:
        whole[spec.distance_column] = _numbers(columns[spec.distance_column], spec.distance_column, data)
    return tuple(whole), np.column_stack(list(whole.values())), tuple(shown), references


def _strata(exact: list[pa.Array], n: int) -> IntArray:
    if not exact:
        return np.zeros(n, dtype=np.int64)
    rows = list(zip(*(array.to_pylist() for array in exact), strict=True))
    code = {combination: number for number, combination in enumerate(sorted(set(rows)))}
    return np.array([code[row] for row in rows], dtype=np.int64)


def _outcome(columns: dict[str, pa.Array], outcome: Outcome, data: str) -> FloatArray:
    name = outcome.name
    if outcome.kind == "binary":
        return _yes_no(columns[name], name, data).astype(np.float64)
    values = _numbers(columns[name], name, data)
    if outcome.kind == "count" and np.any((values < 0) | (values != np.floor(values))):
        raise InputError(f"{data}: column {name!r} is a count, but some of its values are not whole numbers from 0 up")
    if outcome.kind != "time":
        return values
    assert outcome.event is not None
    assert outcome.horizon is not None
    if np.any(values < 0):
        raise InputError(f"{data}: column {name!r} is a time, but some of its values are negative")
    event = _yes_no(columns[outcome.event], outcome.event, data)
    censored = int(np.sum(~event & (values < outcome.horizon)))
    if censored:
        raise InputError(
            f"{data}: {censored} rows were followed for less than the horizon of {outcome.horizon:g} without the "
            f"event (column {name!r}); choose a shorter horizon, or take those rows out and say so"
        )
    return np.minimum(values, outcome.horizon)
