"""Data releases: the national tables pinned at their Delta versions, under a name that never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from jdl_spark import runs, schemas
from jdl_spark.errors import UsageError
from jdl_spark.store import Store, content_digest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

IDENTITIES_A_SHARD = 20_000  # a shard's matrix then stays in the tens of megabytes
FEWEST_SHARDS = 8


def create_release(store: Store, release_id: str, outcomes_to: date, shards: int | None = None) -> dict[str, Any]:
    """Pin the national tables as they are now under a name.

    Parameters
    ----------
    release_id : str
        For instance "2011", the newest year whose follow-up is complete.
    outcomes_to : date
        Outcomes are complete up to and including this day.
    shards : int, optional
        Slices of the prepared tables; by the number of identities where left out.

    Raises
    ------
    UsageError
        If the release exists with other data: releases never change.
    """
    store.check_exists()
    national = [schemas.TABLES[name] for name in schemas.NATIONAL_TABLES]
    content = {table.name: content_digest(store.read(table)) for table in national}
    known = {row["release_id"]: row.asDict() for row in store.read(schemas.RELEASES).collect()}
    if release_id in known:
        if known[release_id]["content"] == content and known[release_id]["outcomes_to"] == outcomes_to:
            return _release_summary(known[release_id])
        raise UsageError(
            f"release {release_id} exists and pins other data; releases never change, so choose another name"
        )
    identities = store.read(schemas.OFFENDER_IDENTITIES).where("version_no = 1").count()
    if not identities:
        raise UsageError("there are no offender identities in the lake; load them first with: jdl ingest")
    row = {
        "release_id": release_id,
        "outcomes_to": outcomes_to,
        "shards": shards or max(FEWEST_SHARDS, identities // IDENTITIES_A_SHARD),
        "versions": {table.name: store.version(table) for table in national},
        "content": content,
        "created_at": datetime.now(UTC),
    }
    store.upsert(schemas.RELEASES, store.rows(schemas.RELEASES, [row]))
    return _release_summary(row)


def list_releases(store: Store) -> list[dict[str, Any]]:
    """Return every release of the lake, oldest outcomes first."""
    store.check_exists()
    rows = [row.asDict() for row in store.read(schemas.RELEASES).collect()]
    return [_release_summary(row) for row in sorted(rows, key=lambda row: (row["outcomes_to"], row["release_id"]))]


def _release_summary(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "release_id": row["release_id"],
        "outcomes_to": row["outcomes_to"].isoformat(),
        "shards": row["shards"],
        "last_available_year": runs.last_available_year(row["outcomes_to"]),
    }


def find_release(store: Store, release_id: str | None) -> dict[str, Any]:
    """Return a release's row of schemas.RELEASES, the newest by default.

    Raises
    ------
    UsageError
        If there is no such release; the message lists those there are.
    """
    store.check_exists()
    known = {row["release_id"]: row.asDict() for row in store.read(schemas.RELEASES).collect()}
    if not known:
        raise UsageError(
            "the lake has no data release; make one, for instance: jdl release create 2011 --outcomes-to 2013-06-30"
        )
    if release_id is None:
        return max(known.values(), key=lambda row: (row["outcomes_to"], row["release_id"]))
    if release_id not in known:
        raise UsageError(f"there is no release {release_id!r}; there are: {', '.join(sorted(known))}")
    return known[release_id]


def national(store: Store, release: Mapping[str, Any], table: schemas.Table) -> DataFrame:
    """Return a national table as the release pins it."""
    return store.read(table, release["versions"][table.name])
