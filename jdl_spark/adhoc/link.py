"""`jdl link`: link any two tables of people with the engine that links requests.

The same stages run here as on the road of a request; only the reading of the two tables, and the
model trained on nothing but them, are this module's own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

from jdl_spark import methodology
from jdl_spark.errors import InputError, UsageError
from jdl_spark.linkage import link, resolution, training
from jdl_spark.linkage.index import build_index, count_names
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import Model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FIELDS = ("forename", "middle_names", "surname", "date_of_birth", "sex", "postcode", "pnc_id")
_DATES = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?Z?"), (1, 2, 3)),
    (re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0)?"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), (3, 2, 1)),
)
"""Forms of a date that are understood without a date_format, and where year, month and day stand in them."""
_ROWS_A_SHARD = 20_000
_FEWEST_SHARDS = 8


@dataclass(frozen=True)
class Side:
    """One side of the spec: which column is what, and how its dates are written."""

    name: str
    id: str
    columns: Mapping[str, str]
    date_format: str | None


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


def link_tables(spark: SparkSession, left: str, right: str, spec: Path, out: Path) -> dict[str, Any]:
    """Link the people of one table to those of another, and write the links.

    Rows that share an id are name versions of one person, on either side. A model is trained on the
    two tables. A right person is linked to one left person only: of several claims the largest
    match weight wins (ties: the smaller left id). Who loses a claim may be linked to another
    identity if that one's posterior, formed again without the lost one, allows it; else the lost
    row stands as `ambiguous`.

    Parameters
    ----------
    left, right : str
        CSV (UTF-8, with a header) or Parquet: a file, or a folder of Parquet files.
    spec : Path
        TOML with the tables [left] and [right]: `id` and any of FIELDS, each naming a column; an
        optional `date_format` as in Python's strptime. Fields that only one side has are not used.
        An optional table [linkage] sets LinkageSettings.
    out : Path
        Parquet file to write: left_id, right_id, match_weight (bits), match_probability, status
        (linked, ambiguous, candidate). Every pair whose posterior is at least `bar_probability` is in
        it; ids keep their type (in a CSV, whole numbers without leading zeros are numbers).

    Returns
    -------
    dict
        Counts: rows, people, linked, ambiguous, not_linked, unreadable dates of either side, and the
        fields used.

    Raises
    ------
    UsageError
        If the spec is wrong: no such column, no shared field, nothing to find pairs by.
    InputError
        If a table is missing, empty, unreadable, or has rows without an id.
    """
    sides, settings = read_spec(spec)
    tables = [_read(path, side) for path, side in zip((left, right), sides, strict=True)]
    shared = _shared_fields(sides, spec)
    people = [_people(table, side, shared) for table, side in zip(tables, sides, strict=True)]
    indexes = [_index(spark, p) for p in people]
    frequencies = count_names(indexes[1]).cache()
    try:
        parameters = training.train(indexes[1], frequencies, indexes[0], "tables", settings, "tables")
        model = Model.from_json(parameters)
        candidates = link.population_candidates(indexes[0], indexes[1], frequencies, model, settings)
    finally:
        for frame in (*indexes, frequencies):
            frame.unpersist()
    resolved = resolution.resolve_one_to_one(candidates, model, settings)
    keep = np.flatnonzero((resolved.probability >= settings.bar_probability) | (resolved.status > resolution.CANDIDATE))
    found, status = candidates.take(keep), np.array(resolution.STATUSES)[resolved.status[keep]]
    links = pa.table(
        {
            "left_id": people[0].ids.take(pa.array(found.person)),
            "right_id": people[1].ids.take(pa.array(found.identity)),
            "match_weight": found.weight,
            "match_probability": resolved.probability[keep],
            "status": status,
        }
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(links, out)
    linked, ambiguous = int((status == "linked").sum()), int((status == "ambiguous").sum())
    return {
        "out": str(out),
        "fields": list(shared),
        "left": _counts(people[0]),
        "right": _counts(people[1]),
        "linked": linked,
        "ambiguous": ambiguous,
        "not_linked": len(people[0].ids) - linked - ambiguous,
        "candidate_pairs": links.num_rows,
        "expected_share_present": round(model.present, 4),
    }


def _counts(people: People) -> dict[str, int]:
    return {"rows": people.rows.num_rows, "people": len(people.ids), "unreadable_dates": people.unreadable_dates}


# --- the spec -----------------------------------------------------------------------------


def read_spec(spec: Path) -> tuple[tuple[Side, Side], LinkageSettings]:
    """Return the two sides and the settings that a spec file names.

    Raises
    ------
    UsageError
        If it is missing, is not TOML, or says something that is not known here.
    """
    try:
        content = tomllib.loads(spec.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no spec file at {spec}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{spec} is not valid TOML: {error}") from error
    unknown = sorted(set(content) - {"left", "right", "linkage"})
    if unknown:
        raise UsageError(f"{spec}: unknown entry {unknown[0]!r}; a spec has the tables [left], [right] and [linkage]")
    settings = methodology.build(LinkageSettings, content.get("linkage", {}), f"{spec} [linkage]")
    return (_side("left", content, spec), _side("right", content, spec)), settings


def _side(name: str, content: Mapping[str, Any], spec: Path) -> Side:
    table = content.get(name)
    if not isinstance(table, Mapping):
        raise UsageError(f"{spec}: the table [{name}] is missing; it names the columns of the {name} file")
    known = ("id", *FIELDS, "date_format")
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"{spec} [{name}]: unknown field {key!r}; known are {', '.join(known)}")
        if not isinstance(value, str) or not value:
            raise UsageError(f"{spec} [{name}]: {key} must be the name of a column, in quotes")
    if "id" not in table:
        raise UsageError(f"{spec} [{name}]: id is missing; it names the column that identifies a person")
    return Side(name, table["id"], {f: table[f] for f in FIELDS if f in table}, table.get("date_format"))


def _shared_fields(sides: tuple[Side, Side], spec: Path) -> tuple[str, ...]:
    shared = tuple(f for f in FIELDS if f in sides[0].columns and f in sides[1].columns)
    if not shared:
        raise UsageError(f"{spec}: [left] and [right] have no field in common, so there is nothing to compare")
    given = set(shared)
    names = {"forename", "surname"}
    if not (given & {"date_of_birth", "pnc_id"} or names <= given or ("postcode" in given and given & names)):
        raise UsageError(
            f"{spec}: {', '.join(shared)} alone cannot find pairs; name on both sides date_of_birth, pnc_id, "
            "forename and surname, or postcode with a name"
        )
    return shared


# --- the tables ---------------------------------------------------------------------------


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


def _index(spark: SparkSession, people: People) -> DataFrame:
    shards = max(_FEWEST_SHARDS, people.rows.num_rows // _ROWS_A_SHARD)
    return build_index(spark.createDataFrame(people.rows), "offender", shards).cache()
