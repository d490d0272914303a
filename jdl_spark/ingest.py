"""The door through which national extracts enter the lake.

A mapping file says which source column is which of ours, how dates are written and what codes mean.
Rows that break a rule go to `quarantine` with a reason; the rest is merged on the table's key, and a
row that has not changed is not rewritten, so that loading the same file twice changes nothing.

Why rules are checked here although the tables have constraints: Delta's and Spark's own messages
print the offending values, a date of birth among them. The constraints are the backstop.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdl_spark import schemas
from jdl_spark.errors import InputError, UsageError
from jdl_spark.pseudonyms import pseudonym
from jdl_spark.schemas import Column, Table
from jdl_spark.store import Store

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

DOMAINS = {
    "offender_id": "offender",
    "claimant_id": "claimant",
    "sentence_id": "sentence",
    "offence_id": "offence",
    "attendance_id": "attendance",
}
"""Identifier column to the register that its values name; a spell's depends on the table."""

_REASON, _RAW, _FATE = "__reason", "__raw", "__fate"
_TRUE, _FALSE = ("1", "true", "t", "y", "yes"), ("0", "false", "f", "n", "no")


@dataclass(frozen=True)
class SourceMapping:
    """What a mapping file says, checked against the table."""

    table: Table
    format: str
    delimiter: str
    encoding: str
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    dates: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class IngestSummary:
    """What became of a file's rows; `read` is the sum of all the others."""

    table: str
    read: int
    new: int
    changed: int
    unchanged: int
    quarantined: Mapping[str, int]

    def lines(self) -> list[str]:
        """Return the summary as lines for a terminal."""
        broken = sum(self.quarantined.values())
        first = (
            f"{self.table}: {self.read:,} rows read, {self.new:,} new, {self.changed:,} changed, "
            f"{self.unchanged:,} unchanged, {broken:,} in quarantine"
        )
        return [first, *(f"  {count:,} {reason}" for reason, count in sorted(self.quarantined.items()))]

    def as_json(self) -> dict[str, Any]:
        """Return the summary for machines."""
        return {
            "table": self.table,
            "read": self.read,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "quarantined": dict(self.quarantined),
        }


def read_mapping(table_name: str, path: Path) -> SourceMapping:
    """Read a mapping file and check it against the table.

    Raises
    ------
    UsageError
        If the table cannot be loaded from outside, or the file is missing, is not TOML, is for
        another table, leaves out a required column or names an unknown one.
    """
    if table_name not in schemas.NATIONAL_TABLES:
        raise UsageError(
            f"{table_name!r} is no national table; these are: {', '.join(sorted(schemas.NATIONAL_TABLES))}"
        )
    table = schemas.TABLES[table_name]
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no mapping file at {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    unknown = sorted(set(content) - {"table", "format", "delimiter", "encoding", "columns", "dates", "codes"})
    if unknown:
        raise UsageError(f"{path}: unknown key {unknown[0]!r}")
    if content.get("table", table_name) != table_name:
        raise UsageError(f"{path} is a mapping for {content['table']!r}, not for {table_name!r}")
    if content.get("format") not in ("csv", "parquet"):
        raise UsageError(f'{path}: format must be "csv" or "parquet"')
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    for name, source in content.get("columns", {}).items():
        if isinstance(source, dict):
            constants[name] = str(source.get("constant", ""))
        else:
            columns[name] = str(source)
    ours = [column for column in table.columns if column.name != "row_hash"]
    _check_names(path, ours, {**columns, **constants}, content)
    return SourceMapping(
        table,
        content["format"],
        content.get("delimiter", ","),
        content.get("encoding", "UTF-8"),
        columns,
        constants,
        content.get("dates", {}),
        content.get("codes", {}),
    )


def _check_names(path: Path, ours: list[Column], mapped: Mapping[str, str], content: Mapping[str, Any]) -> None:
    known = {column.name for column in ours}
    for section in (mapped, content.get("dates", {}), content.get("codes", {})):
        for name in section:
            if name not in known:
                raise UsageError(
                    f"{path}: the table has no column {name!r}; its columns are {', '.join(sorted(known))}"
                )
    for column in ours:
        if not column.nullable and column.name not in mapped:
            raise UsageError(f"{path}: [columns] must say where {column.name!r} comes from")


def ingest(store: Store, table_name: str, source: str, mapping_path: Path) -> IngestSummary:
    """Load a CSV or Parquet file, a folder of them, or a Hadoop URI into a national table.

    Parameters
    ----------
    store : Store
    table_name : str
        One of schemas.NATIONAL_TABLES.
    source : str
        Path or URI.
    mapping_path : Path
        TOML; see `read_mapping`.

    Returns
    -------
    IngestSummary
        Counts of rows by what became of them.

    Raises
    ------
    UsageError, InputError
        If the mapping or the file as a whole cannot be used. Single rows never raise.
    """
    from pyspark.sql import functions as F

    mapping = read_mapping(table_name, mapping_path)
    table = mapping.table
    judged = _judge(_read_source(store, source, mapping), mapping)
    judged = _pseudonymise(judged, table, store.key).withColumn("row_hash", _row_hash(table))
    judged = _compare(store, table, _find_repeats(judged, table)).cache()
    try:
        counts = {row[_FATE]: row["count"] for row in judged.groupBy(_FATE).count().collect()}
        fates = {name: counts.pop(name, 0) for name in ("new", "changed", "unchanged")}
        if fates["new"] or fates["changed"]:
            store.upsert(table, judged.where(F.col(_FATE).isin("new", "changed")))
        if counts:
            _quarantine(store, table, _source_digest(store, source), judged)
        return IngestSummary(table.name, sum(fates.values()) + sum(counts.values()), **fates, quarantined=counts)
    finally:
        judged.unpersist()


def _read_source(store: Store, source: str, mapping: SourceMapping) -> DataFrame:
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    reader = store.spark.read
    try:
        if mapping.format == "csv":
            options: dict[str, str | bool] = {
                "header": True,
                "sep": mapping.delimiter,
                "encoding": mapping.encoding,
                "escape": '"',
            }
            raw = reader.options(**options).csv(source)
        else:
            raw = reader.parquet(source)
    except AnalysisException as error:
        raise InputError(f"{source} cannot be read as {mapping.format}: is the path right?") from error
    missing = sorted(set(mapping.columns.values()) - set(raw.columns))
    if missing:
        raise InputError(
            f"{source} has no column {missing[0]!r}, which the mapping names; its columns are {', '.join(raw.columns)}"
        )
    wanted = dict.fromkeys(mapping.columns.values())
    return raw.select(*(F.trim(F.col(f"`{name}`").cast("string")).alias(name) for name in wanted))


def _judge(raw: DataFrame, mapping: SourceMapping) -> DataFrame:
    """Give every row our columns, or the first rule it breaks. `__raw` is the row as JSON."""
    from pyspark.sql import functions as F

    reasons: list[SparkColumn] = []
    values: list[SparkColumn] = []
    for column in mapping.table.columns:
        if column.name == "row_hash":
            continue
        text = _text(mapping, column.name)
        coded, code_reason = _decode(text, column.name, mapping.codes.get(column.name))
        value, type_reason = _parse(coded, column, mapping.dates.get(column.name))
        values.append(value.alias(column.name))
        reasons += [reason for reason in (code_reason, type_reason) if reason is not None]
        if not column.nullable:
            reasons.append(F.when(coded.isNull(), F.lit(f"missing_{column.name}")))
    keep = F.to_json(F.struct(*(F.col(f"`{name}`") for name in raw.columns)))
    typed = raw.select(*values, keep.alias(_RAW), F.coalesce(*reasons).alias(_REASON))
    broken = [F.when(~F.expr(condition), F.lit(name)) for name, condition in mapping.table.checks.items()]
    return typed.withColumn(_REASON, F.coalesce(F.col(_REASON), *broken)) if broken else typed


def _text(mapping: SourceMapping, name: str) -> SparkColumn:
    from pyspark.sql import functions as F

    if name in mapping.columns:
        text = F.col(f"`{mapping.columns[name]}`")
        return F.when(text != "", text)
    return F.lit(mapping.constants.get(name)).cast("string")


def _decode(text: SparkColumn, name: str, codes: Mapping[str, str] | None) -> tuple[SparkColumn, SparkColumn | None]:
    from pyspark.sql import functions as F

    if codes is None:
        return text, None
    pairs = [F.lit(item) for pair in codes.items() for item in pair]
    found = F.create_map(*pairs)[text]
    return F.when(found != "", found), F.when(text.isNotNull() & found.isNull(), F.lit(f"unknown_code_{name}"))


def _parse(text: SparkColumn, column: Column, date_format: str | None) -> tuple[SparkColumn, SparkColumn | None]:
    from pyspark.sql import functions as F

    if column.type == "string" or column.name in DOMAINS or column.name == "spell_id":
        return text, None
    if column.type == "date":
        pattern = date_format or "yyyy-MM-dd"
        value = F.try_to_date(text, pattern)
        bad = "bad_date_"
    elif column.type == "boolean":
        low = F.lower(text)
        value = F.when(low.isin(*_TRUE), F.lit(True)).when(low.isin(*_FALSE), F.lit(False))
        bad = "bad_yes_no_"
    else:
        value = text.try_cast(column.type)
        bad = "bad_number_"
    return value, F.when(text.isNotNull() & value.isNull(), F.lit(f"{bad}{column.name}"))


def _pseudonymise(frame: DataFrame, table: Table, key: bytes) -> DataFrame:
    """Replace source identifiers by pseudonyms, in a worker: the key never enters a query plan."""
    from pyspark.sql import functions as F

    for column in table.columns:
        domain = table.name.removesuffix("s") if column.name == "spell_id" else DOMAINS.get(column.name)
        if domain is not None:
            to_pseudonym = F.arrow_udf(_converter(key, domain), "bigint")  # type: ignore[attr-defined]  # not in the stubs
            frame = frame.withColumn(column.name, to_pseudonym(F.col(column.name)))
    return frame


def _converter(key: bytes, domain: str) -> Callable[[pa.Array], pa.Array]:
    import pyarrow as pa

    def convert(texts: pa.Array) -> pa.Array:
        return pa.array([None if t is None else pseudonym(key, domain, t) for t in texts.to_pylist()], pa.int64())

    convert.__annotations__ = {"texts": pa.Array, "return": pa.Array}  # Spark reads them, and wants classes
    return convert


def _row_hash(table: Table) -> SparkColumn:
    from pyspark.sql import functions as F

    return F.xxhash64(
        *(F.coalesce(F.col(f"`{n}`").cast("string"), F.lit("\x00")) for n in table.column_names if n != "row_hash")
    )


def _find_repeats(judged: DataFrame, table: Table) -> DataFrame:
    """Give a reason to rows whose key stands twice: all of them if they differ, all but one if they do not."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    same_key = Window.partitionBy(F.col(_REASON).isNull(), *table.key)
    differ = F.min("row_hash").over(same_key) != F.max("row_hash").over(same_key)
    place = F.row_number().over(same_key.orderBy("row_hash", _RAW))
    repeat = F.when(differ, "conflicting_key").when(place > 1, "repeated_row")
    return judged.withColumn(_REASON, F.coalesce(F.col(_REASON), repeat))


def _compare(store: Store, table: Table, judged: DataFrame) -> DataFrame:
    """Add each row's fate: its reason, or new, changed or unchanged beside what is stored."""
    from pyspark.sql import functions as F

    if store.version(table) == 0:
        return judged.withColumn(_FATE, F.coalesce(F.col(_REASON), F.lit("new")))
    stored = store.read(table).select(*table.key, F.col("row_hash").alias("stored_hash"))
    fate = (
        F.when(F.col("stored_hash").isNull(), "new")
        .when(F.col("stored_hash") != F.col("row_hash"), "changed")
        .otherwise("unchanged")
    )
    joined = judged.join(stored, list(table.key), "left")
    return joined.withColumn(_FATE, F.coalesce(F.col(_REASON), fate)).drop("stored_hash")


def _quarantine(store: Store, table: Table, digest: str, judged: DataFrame) -> None:
    from pyspark.sql import functions as F

    rows = (
        judged.where(F.col(_REASON).isNotNull())
        .select(F.xxhash64(_RAW).alias("row_number"), F.col(_REASON).alias("reason"), F.col(_RAW).alias("row"))
        .dropDuplicates(["row_number", "reason"])
    )
    store.save(schemas.QUARANTINE, rows, source=table.name, batch=digest)


def _source_digest(store: Store, source: str) -> str:
    """Name a source by its files' names and sizes: the same delivery is the same batch."""
    import hashlib

    jvm: Any = store.spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(source)
    files = path.getFileSystem(store.spark._jsc.hadoopConfiguration())
    statuses = sorted((str(s.getPath().getName()), int(s.getLen())) for s in files.listStatus(path))
    return hashlib.sha256(repr(statuses).encode()).hexdigest()[:16]
