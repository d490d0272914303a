"""The decisions of reviewers that stand: the newest on each pair, about the person as submitted now.

Why the history stays: a decision moves people into and out of a published result, so who decided what
before must remain readable. Why a changed submission inherits nothing: the reviewer saw another person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from jdl_spark import schemas
from jdl_spark.linkage.reviewed import LABELS
from jdl_spark.review.people import digest
from jdl_spark.store import Store

Row = Mapping[str, Any]


def labels(store: Store, request_ids: Sequence[str] | None = None) -> pa.Table:
    """Return what reviewers know of pairs: what linkage obeys, and what calibration learns from.

    Parameters
    ----------
    store : Store
    request_ids : sequence of str, optional
        All requests where left out.

    Returns
    -------
    Arrow table of linkage.reviewed.LABELS
        One row per (request_id, person_ref, offender_id) that a reviewer could decide on, sorted;
        `same` says how. Where a reviewer could not say there is no row.
    """
    rows = [
        {**{name: row[name] for name in ("request_id", "person_ref", "offender_id")}, "same": row["decision"] == "same"}
        for row in standing(store, request_ids)
        if row["decision"] != "unsure"
    ]
    return pa.Table.from_pylist(rows, schema=LABELS)


def standing(store: Store, request_ids: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return the rows of schemas.LINK_REVIEWS that stand, sorted by request, person and identity."""
    from pyspark.sql import functions as F

    reviews = store.read(schemas.LINK_REVIEWS)
    if request_ids is not None:
        reviews = reviews.where(F.col("request_id").isin(list(request_ids)))
    rows = [row.asDict() for row in reviews.collect()]
    reviewed = sorted({row["request_id"] for row in rows})
    if not rows:
        return []
    members = store.read(schemas.COHORT_MEMBERS).where(F.col("request_id").isin(reviewed)).collect()
    return newest(rows, {(row["request_id"], row["person_ref"]): digest(row.asDict()) for row in members})


def newest(rows: Iterable[Row], digests: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the decisions that stand among all that were ever made.

    Parameters
    ----------
    rows : rows of schemas.LINK_REVIEWS
    digests : mapping
        (request_id, person_ref) to the digest of the person as submitted now.

    Returns
    -------
    list of rows
        The newest decision of each pair, if it is about the person as submitted now. Should a person have
        been found to be two identities (two imports at the same moment), the newer finding stands and the
        older pair has no row. Sorted by request, person and identity.
    """
    latest: dict[tuple[str, str, int], dict[str, Any]] = {}
    found: dict[tuple[str, str], int] = {}
    for row in sorted(rows, key=lambda row: (row["decided_at"], row["offender_id"])):
        person = row["request_id"], row["person_ref"]
        if digests.get(person) == row["person_digest"]:
            pair = (*person, row["offender_id"])
            latest.pop(pair, None)  # so that the order is that of the decisions that stand
            latest[pair] = dict(row)
    for (request_id, person_ref, offender_id), row in latest.items():
        if row["decision"] == "same":
            found[request_id, person_ref] = offender_id
    stands = [pair for pair in latest if latest[pair]["decision"] != "same" or found[pair[:2]] == pair[2]]
    return [latest[pair] for pair in sorted(stands)]
