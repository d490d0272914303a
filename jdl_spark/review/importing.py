"""From a reviewer's file back into the lake, and how far the review of each request has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jdl_spark import schemas
from jdl_spark.admission import find_requests
from jdl_spark.errors import UsageError
from jdl_spark.review import answers
from jdl_spark.review.answers import Answer, Key, Wrong
from jdl_spark.review.decisions import standing
from jdl_spark.review.exporting import find_run, links_of, members_of, pair_code
from jdl_spark.review.people import digest
from jdl_spark.review.words import DECISIONS
from jdl_spark.store import Store


@dataclass(frozen=True)
class Imported:
    """What was taken from a file, or why nothing was."""

    request_id: str
    run_id: str
    problems: Sequence[Wrong]
    counts: Mapping[str, int] = field(default_factory=dict)
    """same, different, unsure: decisions stored; replaced: of these, how many change an earlier one; unchanged:
    decisions that stood already; undecided: rows without a decision."""
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """Return 2 if anything is wrong with the file: then nothing is stored."""
        return 2 if self.problems else 0

    def lines(self) -> list[str]:
        """Return the answer as lines for a terminal."""
        if self.problems:
            return [
                f"nothing is imported; {_many(len(self.problems), 'problem')} (row 1 is the first below the headings):",
                *(f"  {wrong.line()}" for wrong in self.problems),
            ]
        stored = sum(self.counts[name] for name in DECISIONS)
        verb = "would be imported" if self.dry_run else "imported"
        counted = ", ".join(f"{self.counts[name]} {name}" for name in DECISIONS)
        rest = ", ".join(f"{self.counts[name]} {name}" for name in ("replaced", "unchanged", "undecided"))
        following = "" if self.dry_run or not stored else f"Let them count with: jdl run {self.request_id}"
        return [
            f"{self.request_id}: {_many(stored, 'decision')} {verb} ({counted}); {rest}",
            *([following] if following else []),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the answer for machines."""
        told = {"request_id": self.request_id, "run_id": self.run_id, "dry_run": self.dry_run, **self.counts}
        return {**told, "problems": [wrong.as_json() for wrong in self.problems]}


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def import_decisions(store: Store, path: Path, reviewer: str | None = None, dry_run: bool = False) -> Imported:
    """Take a reviewer's decisions into the lake: all of a file's, or none if anything is wrong with it.

    Parameters
    ----------
    store : Store
    path : Path
        The file that the review page made, or the exported CSV file filled in.
    reviewer : str, optional
        Who decided where a row does not say.
    dry_run : bool
        Check only.

    Raises
    ------
    InputError
        If the file cannot be read, or has not the columns.
    UsageError
        If there is no such request or run in this lake.
    """
    store.check_exists()
    found = answers.read(path, reviewer)
    if found.source is None:
        if found.problems:
            return Imported("", "", found.problems)
        raise UsageError(f"{path.name} holds no decisions; fill in the column decision and import it again")
    request_id, run_id = found.source
    find_requests(store, [request_id])
    run = find_run(store, request_id, run_id)
    digests = {person: digest(row) for person, row in members_of(store, request_id).items()}
    pairs = _pairs(store, run["run_id"], request_id, digests)
    before = {(row["person_ref"], row["offender_id"]): row for row in standing(store, [request_id])}
    strangers = {wrong.row for wrong in found.problems}
    own = [answer for answer in found.answers if answer.row not in strangers]
    wrong = answers.check(own, pairs, {key: row["decision"] for key, row in before.items()})
    problems = sorted([*found.problems, *wrong], key=lambda problem: (problem.row, problem.rule))
    if problems:
        return Imported(request_id, run_id, problems)
    now = datetime.now(UTC)
    rows = [_row(answer, request_id, pairs[answer.code], digests, now) for answer in own]
    new = [row for row in rows if not _stands(row, before.get((row["person_ref"], row["offender_id"])))]
    if new and not dry_run:
        store.upsert(schemas.LINK_REVIEWS, store.rows(schemas.LINK_REVIEWS, new))
    counts = Counter(row["decision"] for row in new)
    replaced = sum((row["person_ref"], row["offender_id"]) in before for row in new)
    told = {name: counts[name] for name in DECISIONS}
    rest = {"replaced": replaced, "unchanged": len(rows) - len(new), "undecided": found.rows - len(rows)}
    return Imported(request_id, run_id, (), {**told, **rest}, dry_run)


def _pairs(store: Store, run_id: str, request_id: str, digests: Mapping[str, str]) -> dict[str, Key]:
    key = store.key
    return {
        pair_code(key, run_id, link, digests[link["person_ref"]]): (link["person_ref"], link["offender_id"])
        for link in links_of(store, run_id, request_id)
        if link["person_ref"] in digests
    }


def _row(answer: Answer, request_id: str, pair: Key, digests: Mapping[str, str], now: datetime) -> dict[str, Any]:
    person_ref, offender_id = pair
    return {
        "request_id": request_id,
        "person_ref": person_ref,
        "offender_id": offender_id,
        "decision": answer.decision,
        "reviewer": answer.reviewer,
        "note": answer.note or None,
        "decided_at": now,
        "person_digest": digests[person_ref],
    }


def _stands(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Return whether the very decision has been made before."""
    return before is not None and all(before[name] == row[name] for name in ("decision", "reviewer", "note"))


# --- how far the review has come ----------------------------------------------------------


@dataclass(frozen=True)
class Overview:
    """How far the review of each request has come; no person is named."""

    requests: Sequence[Mapping[str, Any]]

    def lines(self) -> list[str]:
        """Return a table for a terminal."""
        heads = ("request", "run", "ambiguous", "waiting", "same", "different", "unsure", "lapsed")
        table = [heads, *(tuple(str(row[name]) for name in _COLUMNS) for row in self.requests)]
        widths = [max(len(row[at]) for row in table) for at in range(len(heads))]
        rows = ["  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)) for row in table]
        return [*(row.rstrip() for row in rows), "waiting: ambiguous people on whom nobody has decided; lapsed: "
                "decisions on a person who was submitted differently since"]  # fmt: skip

    def as_json(self) -> list[dict[str, Any]]:
        """Return the table for machines."""
        return [dict(row) for row in self.requests]


_COLUMNS = ("request_id", "run_id", "ambiguous", "waiting", "same", "different", "unsure", "lapsed")


def list_reviews(store: Store, request_id: str | None = None) -> Overview:
    """Return how many people of each request's newest run wait for a decision, and how many are decided.

    Raises
    ------
    UsageError
        If there is no such request.
    """
    from pyspark.sql import functions as F

    store.check_exists()
    names = list(find_requests(store, [request_id] if request_id else None))
    links = store.read(schemas.LINKS).where(F.col("request_id").isin(names))
    runs = {row["run_id"]: row["started_at"] for row in store.read(schemas.RUNS).collect()}
    newest: dict[str, str] = {}
    for row in links.select("run_id", "request_id").distinct().orderBy("request_id", "run_id").collect():
        known = newest.get(row["request_id"])
        if row["run_id"] in runs and (known is None or runs[row["run_id"]] >= runs[known]):
            newest[row["request_id"]] = row["run_id"]
    unsettled = links.where("status = 'ambiguous'").where(F.col("run_id").isin(sorted(set(newest.values()))))
    waiting: dict[str, set[str]] = {name: set() for name in newest}
    for row in unsettled.select("run_id", "request_id", "person_ref").distinct().collect():
        if newest[row["request_id"]] == row["run_id"]:
            waiting[row["request_id"]].add(row["person_ref"])
    return Overview(_counted(store, newest, waiting))


def _counted(store: Store, newest: Mapping[str, str], waiting: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    from pyspark.sql import functions as F

    rows = standing(store, list(newest))
    decided = {name: {row["person_ref"] for row in rows if row["request_id"] == name} for name in newest}
    counts = Counter((row["request_id"], row["decision"]) for row in rows)
    pairs = store.read(schemas.LINK_REVIEWS).where(F.col("request_id").isin(list(newest)))
    ever = Counter(
        row["request_id"] for row in pairs.select("request_id", "person_ref", "offender_id").distinct().collect()
    )
    return [
        {
            "request_id": name,
            "run_id": run_id,
            "ambiguous": len(waiting[name]),
            "waiting": len(waiting[name] - decided[name]),
            **{decision: counts[name, decision] for decision in DECISIONS},
            "lapsed": ever[name] - sum(counts[name, decision] for decision in DECISIONS),
        }
        for name, run_id in sorted(newest.items())
    ]
