"""What lies in a table's folder, and what the table's log says of it.

Why not ask Delta: its VACUUM takes files of older versions and files of no version for the same thing,
and gives both the same time. The remains of a killed write must go sooner.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote, urlsplit

from jdl_spark.errors import StoreError
from jdl_spark.schemas import Table
from jdl_spark.store import Store, StoredFile

_LOG = "_delta_log/"
_ACTIONS = "add struct<path: string>, remove struct<path: string, deletionTimestamp: bigint>, cdc struct<path: string>"


@dataclass(frozen=True)
class TableFiles:
    """The files in a table's folder, by path below it, and what the log says of them."""

    files: Mapping[str, StoredFile]
    active: frozenset[str]
    """Files of the newest version."""
    named: Mapping[str, int]
    """Every file that some version names, to the milliseconds since 1970 when it was removed; 0 where it was not."""

    @cached_property
    def rows(self) -> dict[str, StoredFile]:
        """Files that hold, or held, rows: all but the log and deletion vectors."""
        return {n: f for n, f in self.files.items() if not n.startswith(_LOG) and not n.endswith(".bin")}

    @cached_property
    def older(self) -> dict[str, StoredFile]:
        """Files of rows that only older versions name."""
        return {n: f for n, f in self.rows.items() if n in self.named and n not in self.active}

    @cached_property
    def strangers(self) -> dict[str, StoredFile]:
        """Files that no version names: of rows, and of commits never finished (their statistics quote values)."""
        unfinished = {n: f for n, f in self.files.items() if n.startswith(f"{_LOG}.") and n.endswith(".tmp")}
        return unfinished | {n: f for n, f in self.rows.items() if n not in self.named and n not in self.active}


def look_at(store: Store, table: Table) -> TableFiles:
    """Look at a table's folder and its log.

    Raises
    ------
    StoreError
        If the log names files and none of them is there: then the two cannot be compared.
    """
    files = store.list_files(table.place)
    look = TableFiles(files, _active(store, table), _named(store, table, files))
    if look.active and not look.active & set(files) and look.active <= set(look.named):
        raise StoreError(f"table {table.name}: none of the files that its log names is in its folder")
    return look


def _active(store: Store, table: Table) -> frozenset[str]:
    base = urlsplit(store.path(table)).path + "/"
    uris = store.spark.read.format("delta").load(store.path(table)).inputFiles()
    return frozenset(unquote(urlsplit(uri).path).removeprefix(base) for uri in uris)


def _named(store: Store, table: Table, files: Iterable[str]) -> dict[str, int]:
    """Return every file that the log names, in any commit or checkpoint that is left of it."""
    from pyspark.sql import functions as F

    log = [name for name in files if name.startswith(_LOG) and not posixpath.basename(name).startswith(".")]
    found: dict[str, int] = {}
    for kind in ("json", "parquet"):  # commits, checkpoints
        paths = [f"{store.path(table)}/{name}" for name in log if name.endswith(f".{kind}")]
        if not paths:
            continue
        frame = store.spark.read.schema(_ACTIONS).format(kind).load(paths)
        for path, removed in (("add.path", "0"), ("remove.path", "remove.deletionTimestamp"), ("cdc.path", "0")):
            told = frame.select(F.col(path).alias("path"), F.expr(f"coalesce({removed}, 0)").alias("removed"))
            for row in told.where("path IS NOT NULL").collect():
                name = unquote(row["path"])
                found[name] = max(found.get(name, 0), int(row["removed"]))
    return found
