"""From checked submissions to rows of the lake.

Why a refused request leaves no people behind: the lab has no reason to hold them. Its metadata, the
rules that refused it and its counts are kept, so that the refusal can be read and published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jdl_spark import schemas
from jdl_spark.errors import InputError
from jdl_spark.requests.check import Submission
from jdl_spark.requests.eligibility import Admission

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]


def request_row(submission: Submission, submitted_at: datetime | None = None) -> Row:
    """Return the row of schemas.REQUESTS of one submission.

    Parameters
    ----------
    submission : Submission
        Readable: verdict accepted, refused or needs_decision.
    submitted_at : datetime, optional
        Now where left out.

    Raises
    ------
    InputError
        If the submission is unreadable.
    """
    if submission.request is None or submission.verdict == "unreadable":
        raise InputError(f"{submission.request_id} cannot be read yet; see what is wrong with: jdl check FOLDER")
    return {
        "request_id": submission.request.id,
        "admission": submission.verdict,
        "rules": json.dumps([ruling.as_json() for ruling in submission.rules], ensure_ascii=False),
        "metadata": json.dumps(submission.request.as_metadata(), ensure_ascii=False),
        "intake": json.dumps({**submission.counts, "by_reason": submission.by_reason()}),
        "content_digest": submission.content_digest,
        "submitted_at": submitted_at or datetime.now(UTC),
    }


def member_rows(submission: Submission) -> list[Row]:
    """Return one row of schemas.COHORT_MEMBERS per admitted person; none for a refused request."""
    if submission.request is None or submission.verdict not in ("accepted", "needs_decision"):
        return []
    return [{"request_id": submission.request.id, **asdict(person)} for person in submission.rows]


def quarantine_rows(submission: Submission) -> list[Row]:
    """Return one row of schemas.QUARANTINE per row that is not analysed and reason; none for a refused request."""
    if submission.request is None or submission.verdict not in ("accepted", "needs_decision"):
        return []
    return [
        {
            "source": submission.request.id,
            "batch": submission.file_digest[:16],
            "row_number": lost.row,
            "reason": reason,
            "row": json.dumps(dict(lost.cells), ensure_ascii=False),
        }
        for lost in submission.lost
        for reason in lost.reasons
    ]


def to_frames(spark: SparkSession, submissions: Sequence[Submission]) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Return the rows of readable submissions as frames.

    Returns
    -------
    DataFrame of schemas.REQUESTS
        One row per submission.
    DataFrame of schemas.COHORT_MEMBERS
        One row per admitted person.
    DataFrame of schemas.QUARANTINE
        One row per row that is not analysed and reason.
    """
    requests = [request_row(submission) for submission in submissions]
    members = [row for submission in submissions for row in member_rows(submission)]
    broken = [row for submission in submissions for row in quarantine_rows(submission)]
    return (
        _frame(spark, schemas.REQUESTS, requests),
        _frame(spark, schemas.COHORT_MEMBERS, members),
        _frame(spark, schemas.QUARANTINE, broken),
    )


def _frame(spark: SparkSession, table: schemas.Table, rows: Sequence[Row]) -> DataFrame:
    return spark.createDataFrame([tuple(row[name] for name in table.column_names) for row in rows], table.ddl)


def effective_admission(request: Mapping[str, Any], decision: Mapping[str, Any] | None) -> Admission:
    """Return the admission with an analyst's decision counted in.

    Parameters
    ----------
    request : row of schemas.REQUESTS
    decision : row of schemas.DECISIONS, optional
        Counts only for the very submission it was made on (same `content_digest`), and only where a
        decision is needed: it never overrides a rule that refuses.
    """
    admission: Admission = request["admission"]
    if admission != "needs_decision" or decision is None:
        return admission
    if decision["content_digest"] != request["content_digest"]:
        return admission
    return "accepted" if decision["accept"] else "refused"


def lost_rows(request: Mapping[str, Any]) -> dict[str, int]:
    """Return rows lost before linkage by reason of attrition.

    With the people of `cohort_members` they add up to the rows submitted: further rows of the same
    person are one reason, whether their times overlap or not.
    """
    counts = json.loads(request["intake"])
    return {
        "incomplete_row": int(counts["incomplete_row"]),
        "duplicate_row": int(counts["duplicate_row"]) + int(counts["second_intervention"]),
    }


def admitted_rows(request: Mapping[str, Any]) -> int:
    """Return how many people of a request are looked for: its rows of `cohort_members`."""
    return int(json.loads(request["intake"])["admitted"])


def services_frame(spark: SparkSession, requests: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return one row per request: request_id, setting (custody, community or both).

    Parameters
    ----------
    requests : rows of schemas.REQUESTS
    """
    rows = [(row["request_id"], json.loads(row["metadata"])["service"]["setting"]) for row in requests]
    return spark.createDataFrame(rows, "request_id string NOT NULL, setting string NOT NULL")
