"""Admission: request folders become rows of the lake, and analysts decide where a rule asks them to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jdl_spark import runs, schemas
from jdl_spark.errors import UsageError
from jdl_spark.requests import intake
from jdl_spark.requests.check import Submission, check_folder
from jdl_spark.store import Store


@dataclass(frozen=True)
class Admissions:
    """What the check said of each folder that was handed in."""

    submissions: Sequence[Submission]

    @property
    def exit_code(self) -> int:
        """Return 3 if a rule refuses a request, 2 if a folder cannot be read, else 0."""
        verdicts = {submission.verdict for submission in self.submissions}
        return 2 if "unreadable" in verdicts else 3 if "refused" in verdicts else 0

    def lines(self) -> list[str]:
        """Return the answers as lines for a terminal."""
        return [line for submission in self.submissions for line in (*submission.lines(), "")]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the answers for machines."""
        return [submission.as_json() for submission in self.submissions]


def submit(store: Store, folders: Sequence[Path]) -> Admissions:
    """Check request folders and keep them: rows to the restricted zone, rules and counts to `requests`.

    Returns
    -------
    Admissions
        One answer per folder. Submitting a folder again replaces what the request had before.
    """
    store.check_exists()
    submissions = [check_folder(folder) for folder in folders]
    readable = [submission for submission in submissions if submission.verdict != "unreadable"]
    rows = [intake.request_row(submission) for submission in readable]
    names = [row["request_id"] for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two of the folders have the request id {twice[0]}; give each request an id of its own")
    if rows:
        requests, members, broken = intake.to_frames(store.spark, readable)
        store.upsert(schemas.REQUESTS, requests)
        store.replace_requests(schemas.COHORT_MEMBERS, members, names)
        store.upsert(schemas.QUARANTINE, broken)
    return Admissions(submissions)


def decide(store: Store, request_id: str, accept: bool, by: str, reason: str) -> dict[str, Any]:
    """Record an analyst's decision on a request that needs one.

    Raises
    ------
    UsageError
        If there is no such request, it needs no decision, or name or reason is empty.
    """
    store.check_exists()
    if not by.strip() or not reason.strip():
        raise UsageError("a decision needs a name (--by) and a reason (--reason)")
    row = find_requests(store, [request_id])[request_id]
    if row["admission"] != "needs_decision":
        raise UsageError(f"{request_id} needs no decision: it is {row['admission']} by rule")
    decision = {
        "request_id": request_id,
        "content_digest": row["content_digest"],
        "accept": accept,
        "decided_by": by.strip(),
        "reason": reason.strip(),
        "decided_at": datetime.now(UTC),
    }
    store.upsert(schemas.DECISIONS, store.rows(schemas.DECISIONS, [decision]))
    return {**decision, "decided_at": decision["decided_at"].isoformat(timespec="seconds")}


def find_requests(store: Store, request_ids: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Return rows of schemas.REQUESTS by request id, sorted; all of them by default.

    Raises
    ------
    UsageError
        If a named request is not in the lake, or there is none at all.
    """
    known = {row["request_id"]: row.asDict() for row in store.read(schemas.REQUESTS).collect()}
    for name in request_ids or ():
        if name not in known:
            raise UsageError(f"there is no request {name!r} in the lake; hand it in with: jdl submit FOLDER")
    if not known:
        raise UsageError("there are no requests in the lake; hand one in with: jdl submit FOLDER")
    return {name: known[name] for name in sorted(request_ids or known)}


def sort_out(
    store: Store, requests: Mapping[str, Mapping[str, Any]], release: Mapping[str, Any]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the items of the requests that are not run, and the names of those that are."""
    decided = {
        (row["request_id"], row["content_digest"]): row.asDict() for row in store.read(schemas.DECISIONS).collect()
    }
    last_year = runs.last_available_year(release["outcomes_to"])
    items: dict[str, dict[str, str]] = {}
    going = []
    for name, row in requests.items():
        decision = decided.get((name, row["content_digest"]))
        admission = intake.effective_admission(row, decision)
        years = json.loads(row["metadata"])["service"]["delivery_years"]
        if admission == "accepted" and min(years) <= last_year:
            going.append(name)
        else:
            items[name] = runs.item_without_run(row, decision, admission, min(years), last_year)
    return items, going
