"""The lake: Delta tables under two roots, and the documents beside them.

Why two roots: whatever names or dates of birth can be read from lies under `restricted`, the rest
under `analytic` with keyed pseudonyms, so that each can have its own credentials.

Why `replaceWhere`: a stage writes all rows of its run (or release) in one commit; running it again
replaces exactly those rows, so a job that was killed is simply started again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdl_spark import schemas
from jdl_spark.errors import EnvironmentProblem, StoreError, UsageError
from jdl_spark.schemas import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_KEY_BYTES = 32


@dataclass(frozen=True)
class StoredFile:
    """One file of the lake: its bytes, and when it was last written, milliseconds since 1970."""

    bytes: int
    modified: int


class Store:
    """Reads and writes the lake at `lake`, a folder or any Hadoop URI.

    Parameters
    ----------
    spark : SparkSession
    lake : str
        Holds `restricted/`, `analytic/` and `documents/`.
    """

    def __init__(self, spark: SparkSession, lake: str) -> None:
        self.spark = spark
        self.lake = lake.rstrip("/") if "://" in lake or lake.startswith("file:") else str(Path(lake).resolve())

    # --- tables ---------------------------------------------------------------------------

    def path(self, table: Table) -> str:
        """Return where the table lies."""
        return f"{self.lake}/{table.place}"

    def create(self, key: bytes | None = None) -> None:
        """Create every table that does not exist yet, and the pseudonym key.

        Parameters
        ----------
        key : bytes, optional
            The secret that pseudonyms are made with; a new random one by default. An existing lake
            keeps the key it has.

        Raises
        ------
        UsageError
            If a key is given and the lake has another one already.
        """
        existing = self._read_key()
        if existing is None:
            self.write_text("restricted/keys/pseudonym.key", (key or secrets.token_bytes(_KEY_BYTES)).hex())
        elif key is not None and key != existing:
            raise UsageError("this lake has a pseudonym key already, and it is not the one given")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._create_table, schemas.TABLES.values()))

    def _create_table(self, table: Table) -> None:
        properties = {f"delta.constraints.{name}": condition for name, condition in table.checks.items()}
        properties |= schemas.retention_properties(schemas.KEEP_DAYS[table.root, table.zone])
        if table.zone == "national":
            properties["delta.enableChangeDataFeed"] = "true"
        listed = ", ".join(f"'{name}' = \"{value}\"" for name, value in properties.items())
        partition = f"PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
        self.spark.sql(
            f"CREATE TABLE IF NOT EXISTS delta.`{self.path(table)}` ({table.ddl}) USING delta {partition} "
            f"TBLPROPERTIES ({listed})"
        )

    def check_exists(self) -> None:
        """Make sure that this is a lake.

        Raises
        ------
        EnvironmentProblem
            If it is not; the message says how to make one.
        """
        if self._read_key() is None:
            raise EnvironmentProblem(f"there is no lake at {self.lake}; make one with: jdl init --lake {self.lake}")

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """Return a table as it is now, or as it was at a Delta version."""
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(table)).select(*(f"`{name}`" for name in table.column_names))

    def version(self, table: Table) -> int:
        """Return the table's newest Delta version."""
        from delta.tables import DeltaTable

        row = DeltaTable.forPath(self.spark, self.path(table)).history(1).select("version").first()
        return int(row["version"]) if row else 0

    # --- writing --------------------------------------------------------------------------

    def save(self, table: Table, frame: DataFrame, **partition: str) -> DataFrame:
        """Replace one run's (or release's, or request's) rows, and hand back the stored frame.

        Parameters
        ----------
        table : Table
        frame : DataFrame
            The table's columns, with or without the partition's.
        **partition : str
            For instance `run_id="..."`: the rows that are replaced, and the value of that column.

        Returns
        -------
        DataFrame
            What was stored, without the partition's columns. Lineage ends here.

        Raises
        ------
        StoreError
            If a constraint of the table is broken; names the table and the rule, never a value.
        """
        from pyspark.sql import functions as F

        for name, value in partition.items():
            frame = frame.withColumn(name, F.lit(value))
        condition = " AND ".join(f"{name} = '{_plain(value)}'" for name, value in partition.items())
        self._write(table, frame, condition)
        return self.stored(table, **partition)

    def replace_requests(self, table: Table, frame: DataFrame, request_ids: Sequence[str]) -> None:
        """Replace all rows of the named requests by the frame's, in one commit."""
        listed = ", ".join(f"'{_plain(name)}'" for name in request_ids)
        self._write(table, frame, f"request_id IN ({listed})")

    def _write(self, table: Table, frame: DataFrame, condition: str) -> None:
        with self._rules_only(table):
            (
                self._typed(table, frame)
                .write.format("delta")
                .mode("overwrite")
                .option("replaceWhere", condition)
                .save(self.path(table))
            )

    def stored(self, table: Table, **partition: str) -> DataFrame:
        """Return the rows of one run (or release), without the partition's columns."""
        from pyspark.sql import functions as F

        frame = self.read(table)
        for name, value in partition.items():
            frame = frame.where(F.col(name) == F.lit(value))
        return frame.drop(*partition)

    def upsert(self, table: Table, frame: DataFrame) -> None:
        """Insert new keys and rewrite changed rows.

        Where the table has a `row_hash`, a row whose hash is the same is left alone.
        """
        from delta.tables import DeltaTable

        frame = self._typed(table, frame)
        with self._rules_only(table):
            target = DeltaTable.forPath(self.spark, self.path(table))
            if self.version(table) == 0:  # nothing to compare with: an append is several times faster
                frame.write.format("delta").mode("append").save(self.path(table))
                return
            same = " AND ".join(f"t.`{name}` = s.`{name}`" for name in table.key)
            changed = "t.row_hash <> s.row_hash" if "row_hash" in table.column_names else None
            (
                target.alias("t")
                .merge(frame.alias("s"), same)
                .whenMatchedUpdateAll(condition=changed)
                .whenNotMatchedInsertAll()
                .execute()
            )

    def rows(self, table: Table, rows: Sequence[dict[str, Any]]) -> DataFrame:
        """Return a frame of the table's columns from a few Python rows.

        A column that no row has is NULL; one that must not be NULL is left out then, for `save` to add.
        """
        given = {name for row in rows for name in row}
        columns = [column for column in table.columns if column.nullable or column.name in given]
        data = [tuple(row.get(column.name) for column in columns) for row in rows]
        return self.spark.createDataFrame(data, ", ".join(f"`{column.name}` {column.type}" for column in columns))

    def _typed(self, table: Table, frame: DataFrame) -> DataFrame:
        return frame.selectExpr(*(f"cast(`{c.name}` as {c.type}) as `{c.name}`" for c in table.columns))

    @contextlib.contextmanager
    def _rules_only(self, table: Table) -> Iterator[None]:
        """Re-raise what Delta says about a broken constraint without the values it prints."""
        try:
            yield
        except Exception as error:
            rule = re.search(
                r"(?:CHECK constraint (\w+))|(?:NOT NULL constraint violated for column: ([\w.]+))", str(error)
            )
            if rule is None:
                raise
            name = rule.group(1) or f"{rule.group(2)} must not be empty"
        else:
            return
        raise StoreError(f"table {table.name} refused the rows: rule {name} is broken") from None

    # --- small files of the lake ----------------------------------------------------------

    def _hadoop(self, relative: str) -> tuple[Any, Any]:
        jvm: Any = self.spark._jvm
        path = jvm.org.apache.hadoop.fs.Path(f"{self.lake}/{relative}")
        return path.getFileSystem(self.spark._jsc.hadoopConfiguration()), path

    def write_text(self, relative: str, text: str) -> None:
        """Write a small file of the lake whole, replacing what was there."""
        files, path = self._hadoop(relative)
        files.setWriteChecksum(False)
        part = path.suffix(".part")
        stream = files.create(part, True)
        stream.write(bytearray(text.encode()))
        stream.close()
        files.delete(path, False)
        files.rename(part, path)

    def read_text(self, relative: str) -> str | None:
        """Return a small file of the lake, or None where there is none."""
        files, path = self._hadoop(relative)
        if not files.exists(path):
            return None
        stream = files.open(path)
        try:
            jvm: Any = self.spark._jvm
            return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def list_files(self, relative: str) -> dict[str, StoredFile]:
        """Return every file below a folder of the lake, by its path below that folder."""
        files, path = self._hadoop(relative)
        start = len(files.getFileStatus(path).getPath().toString()) + 1
        found, walk = {}, files.listFiles(path, True)
        while walk.hasNext():
            status = walk.next()
            name = status.getPath().toString()[start:]
            found[name] = StoredFile(int(status.getLen()), int(status.getModificationTime()))
        return found

    def delete_files(self, relative: str, names: Iterable[str]) -> None:
        """Delete files below a folder of the lake; what is gone already is no mistake."""
        files, folder = self._hadoop(relative)
        jvm: Any = self.spark._jvm
        for name in names:
            files.delete(jvm.org.apache.hadoop.fs.Path(folder, name), False)

    # --- pseudonyms -----------------------------------------------------------------------

    def _read_key(self) -> bytes | None:
        text = self.read_text("restricted/keys/pseudonym.key")
        return bytes.fromhex(text) if text else None

    @property
    def key(self) -> bytes:
        """The lake's pseudonym key."""
        self.check_exists()
        key = self._read_key()
        if key is None:  # check_exists has said so already
            raise EnvironmentProblem("the lake has no pseudonym key")
        return key


def content_digest(frame: DataFrame) -> str:
    """Return a digest of a national table's rows that does not depend on their order or files."""
    from pyspark.sql import functions as F

    row = frame.agg(
        F.count("*").alias("n"),
        F.sum(F.col("row_hash").cast("decimal(38,0)")).alias("total"),
        F.bit_xor("row_hash").alias("xor"),
    ).first()
    return hashlib.sha256(f"{row['n']}|{row['total']}|{row['xor']}".encode()).hexdigest() if row else ""


def _plain(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
        raise UsageError(f"{value!r} is not an identifier: letters, digits, '-', '_' and '.' only")
    return value
