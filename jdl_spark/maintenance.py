"""Keep the lake small: put small files together, and remove what no version may need any more.

Of each table: small files are put together (OPTIMIZE); files of older versions go when the retention of
its root and zone is over (VACUUM); files that no version names go after a day. Such a file is what a
killed write leaves behind. VACUUM would keep it as long as an older version, ten years in a national
table, and under `restricted` it holds names.

National tables are kept for as long as a release pins a version of them, whatever the retention says.

Why tables of packed shards are not put together: a shard's row is one task of a heavy pass, and a file is
read by one task. Eight shards in two files were two tasks; put together, they were one.
"""

from __future__ import annotations

import math
import posixpath
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from jdl_spark import schemas
from jdl_spark.progress import Progress
from jdl_spark.schemas import Table
from jdl_spark.store import Store, StoredFile
from jdl_spark.table_files import TableFiles, look_at

MIB = 2**20
SMALL_FILE = 32 * MIB  # bytes; smaller files are put together
FULL_FILE = 128 * MIB  # bytes; what one Spark task reads at most by default
DAY, HOUR = 86_400_000, 3_600_000  # milliseconds
MARGIN_DAYS = 366  # a pinned version stays readable until the maintenance of a year later
TABLES_AT_ONCE = 4
Files = dict[str, StoredFile]


@dataclass(frozen=True)
class Amount:
    """A number of files, and their bytes."""

    files: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, files: Iterable[StoredFile]) -> Amount:
        """Return the amount of some files."""
        sizes = [file.bytes for file in files]
        return cls(len(sizes), sum(sizes))

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.files + other.files, self.bytes + other.bytes)

    def __str__(self) -> str:
        return f"{self.files:,} {_in_words(self.bytes)}" if self.files else "-"


@dataclass(frozen=True)
class TableMaintenance:
    """What was done to one table, or would be: counts and bytes, never a file's name or content."""

    table: Table
    keep_days: int
    """Days for which files of older versions stay."""
    small: Amount
    """Small files that were put together."""
    superseded: Amount
    """Files of older versions that are gone."""
    leftover: Amount
    """Files of no version that are gone."""
    stays: Amount
    """All files of rows afterwards."""
    older: Amount
    """Of them, files that only older versions need."""
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        amounts = {name: vars(getattr(self, name)) for name in AMOUNTS}
        where = {"table": self.table.name, "root": self.table.root, "zone": self.table.zone}
        return {**where, "keep_days": self.keep_days, **amounts, "trouble": self.trouble}


AMOUNTS = ("small", "superseded", "leftover", "stays", "older")
_HEADINGS = ("put together", "superseded", "left over", "stays", "of it older")


@dataclass(frozen=True)
class Maintenance:
    """What was done to all tables of a lake, or would be."""

    tables: Sequence[TableMaintenance]
    dry_run: bool

    @property
    def exit_code(self) -> int:
        """Return 1 if a table could not be done, else 0."""
        return int(any(one.trouble for one in self.tables))

    def total(self, name: str) -> Amount:
        """Return one of AMOUNTS over all tables."""
        return sum((getattr(one, name) for one in self.tables), Amount())

    def lines(self) -> list[str]:
        """Return a table for a terminal: files and bytes of each table of the lake, and of all together."""
        rows = [["table", "keeps", *_HEADINGS]]
        for one in self.tables:
            amounts = [str(getattr(one, name)) for name in AMOUNTS]
            rows.append([one.table.place, f"{one.keep_days:,} days", *amounts])
        rows.append(["all", "", *(str(self.total(name)) for name in AMOUNTS)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        told = [
            "  ".join(
                [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        gone = self.total("superseded") + self.total("leftover")
        done = "Nothing was changed; without --dry-run" if self.dry_run else "Done:"
        small = self.total("small")
        told += ["", f"{done} {small.files:,} small files are put together, {gone.files:,} files "
                 f"({_in_words(gone.bytes)}) are removed."]  # fmt: skip
        return [*told, *(f"{one.table.name}: {one.trouble}" for one in self.tables if one.trouble)]

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        totals = {name: vars(self.total(name)) for name in AMOUNTS}
        return {"dry_run": self.dry_run, "tables": [one.as_json() for one in self.tables], "all": totals}


def maintain(
    store: Store, dry_run: bool, progress: Progress, tables: Sequence[Table] = tuple(schemas.TABLES.values())
) -> Maintenance:
    """Do the maintenance of the lake.

    Parameters
    ----------
    dry_run : bool
        Change nothing; say what would be done.
    tables : sequence of Table
        All of the lake by default.

    Returns
    -------
    Maintenance
        A table that somebody else was writing to is left for the next time, and named.
    """
    store.check_exists()
    pins = _pinned_versions(store)
    running = [row["run_id"] for row in store.read(schemas.RUNS).where("status = 'running'").select("run_id").collect()]
    now = int(time.time() * 1000)
    conf = store.spark.conf
    before = {name: conf.get(name, None) for name in _FILE_SIZES}
    for name, size in _FILE_SIZES.items():
        conf.set(name, str(size))
    try:
        with progress.stage("maintenance") as counts, ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
            works = [_Work(store, table, pins.get(table.name, ()), running, now) for table in tables]
            done = list(pool.map(_Work.forecast if dry_run else _Work.carry_out, works))
            counts["tables"] = len(done)
    finally:
        for name, value in before.items():
            conf.unset(name) if value is None else conf.set(name, value)
    return Maintenance(done, dry_run)


_FILE_SIZES = {
    "spark.databricks.delta.optimize.minFileSize": SMALL_FILE,
    "spark.databricks.delta.optimize.maxFileSize": FULL_FILE,
}


def _pinned_versions(store: Store) -> dict[str, list[tuple[int, int]]]:
    """Return the versions that releases pin, each with its release's time in milliseconds since 1970, by table."""
    pins: dict[str, list[tuple[int, int]]] = {}
    for row in store.read(schemas.RELEASES).selectExpr("versions", "unix_millis(created_at) AS made").collect():
        for name, version in row["versions"].items():
            pins.setdefault(name, []).append((version, row["made"]))
    return pins


@dataclass(frozen=True)
class _Work:
    """The maintenance of one table."""

    store: Store
    table: Table
    pins: Sequence[tuple[int, int]]
    running: Sequence[str]
    now: int

    def forecast(self) -> TableMaintenance:
        """Say what would be done."""
        look = look_at(self.store, self.table)
        keep = self._keep_days(look)
        return self._told(keep, Amount.of(look.files[name] for name in self._small(look)), *self._due(look, keep), look)

    def carry_out(self) -> TableMaintenance:
        """Do it."""
        from delta import exceptions

        look = look_at(self.store, self.table)
        keep = self._keep_days(look)
        small, trouble = Amount(), ""
        try:
            self._set_retention(keep)
            if self._small(look):
                small = self._compact()
        except tuple(getattr(exceptions, name) for name in exceptions.__all__):  # conflicts; they have no common base
            trouble = "somebody was writing to it, so its small files stay until the next time"
        superseded, leftover = self._due(look, keep)
        if superseded:
            self.store.spark.sql(f"VACUUM delta.`{self.store.path(self.table)}`")
        self.store.delete_files(self.table.place, leftover)
        after = look_at(self.store, self.table)
        gone = {name for name in (*superseded, *leftover) if name not in after.files}
        superseded, leftover = ({n: f for n, f in due.items() if n in gone} for due in (superseded, leftover))
        return self._told(keep, small, superseded, leftover, after, trouble)

    def _told(
        self, keep: int, small: Amount, superseded: Files, leftover: Files, look: TableFiles, trouble: str = ""
    ) -> TableMaintenance:
        stays, older = (
            Amount.of(file for name, file in files.items() if name not in superseded and name not in leftover)
            for files in (look.rows, look.older)
        )
        gone = Amount.of(superseded.values()), Amount.of(leftover.values())
        return TableMaintenance(self.table, keep, small, *gone, stays, older, trouble)

    # --- small files ----------------------------------------------------------------------

    def _small(self, look: TableFiles) -> list[str]:
        """Return the small files that can be put together: two or more of one partition."""
        if any(column.type == "binary" for column in self.table.columns):
            return []  # packed shards
        busy = {f"run_id={run_id}" for run_id in self.running}
        small = [name for name in look.active if name in look.files and look.files[name].bytes < SMALL_FILE]
        small = [name for name in small if posixpath.dirname(name) not in busy]
        together = Counter(map(posixpath.dirname, small))
        return [name for name in small if together[posixpath.dirname(name)] > 1]

    def _compact(self) -> Amount:
        """Put small files together, but not those of a run that is going on: it could not commit then."""
        busy = ", ".join(f"'{run_id}'" for run_id in self.running)
        only = f" WHERE run_id NOT IN ({busy})" if busy and "run_id" in self.table.partition_by else ""
        told = self.store.spark.sql(f"OPTIMIZE delta.`{self.store.path(self.table)}`{only}").select("metrics.*").first()
        return Amount(int(told["numFilesRemoved"]), int(told["filesRemoved"]["totalSize"] or 0)) if told else Amount()

    # --- what goes ------------------------------------------------------------------------

    def _keep_days(self, look: TableFiles) -> int:
        """Return for how many days older versions stay: the zone's, or longer for the sake of a release."""
        declared = schemas.KEEP_DAYS[self.table.root, self.table.zone]
        commits = [(look.files.get(f"_delta_log/{version:020}.json"), made) for version, made in self.pins]
        oldest = min((commit.modified if commit else made for commit, made in commits), default=None)
        return declared if oldest is None else max(declared, math.ceil((self.now - oldest) / DAY) + MARGIN_DAYS)

    def _set_retention(self, days: int) -> None:
        """Make the table's own properties say so: VACUUM and time travel go by them."""
        place = f"delta.`{self.store.path(self.table)}`"
        now = {row["key"]: row["value"] for row in self.store.spark.sql(f"SHOW TBLPROPERTIES {place}").collect()}
        wanted = schemas.retention_properties(days)
        if any(now.get(name) != value for name, value in wanted.items()):
            listed = ", ".join(f"'{name}' = '{value}'" for name, value in wanted.items())
            self.store.spark.sql(f"ALTER TABLE {place} SET TBLPROPERTIES ({listed})")

    def _due(self, look: TableFiles, keep: int) -> tuple[Files, Files]:
        """Return the files of older versions and the files of no version whose time is over."""
        end, young = self.now - keep * DAY, self.now - schemas.LEFTOVER_HOURS * HOUR
        superseded = {n: f for n, f in look.older.items() if max(look.named[n], f.modified) < end}
        return superseded, {n: f for n, f in look.strangers.items() if f.modified < young}


# --- words -------------------------------------------------------------------------------


def _in_words(size: float) -> str:
    units = ["B", "kB", "MB", "GB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:,.0f} {units[0]}" if units[0] == "B" or size >= 100 else f"{size:,.1f} {units[0]}"
