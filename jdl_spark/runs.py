"""What a run is: its name, what became of each request in it, and how that is told.

A run's name is a hash of everything its numbers depend on, so the same command after a crash is the
same run, and two operators who start it get one result.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jdl_spark import __version__
from jdl_spark.settings import MINIMUM_ANALYSED

ROAD = (
    "incomplete_row",
    "duplicate_row",
    "not_found",
    "ambiguous",
    "same_person_twice",
    "no_index_event",
    "dates_do_not_align",
    "follow_up_not_complete",
    "under_14",
    "terrorist_offence",
    "reoffended_before_start",
    "not_in_model",
    "no_match_in_caliper",
    "analysed",
)
"""Reasons for losing a submitted row, in the order of the road; `analysed` is the last step."""


@dataclass(frozen=True)
class RunSummary:
    """What became of every request of a run."""

    run_id: str
    release_id: str
    items: Sequence[Mapping[str, str]]

    @property
    def exit_code(self) -> int:
        """Return 1 if a request failed, else 0: refusals and waiting are answers, not failures."""
        return int(any(item["status"] == "failed" for item in self.items))

    def lines(self) -> list[str]:
        """Return the summary as lines for a terminal."""
        width = max((len(item["request_id"]) for item in self.items), default=0)
        rows = [f"  {i['request_id']:<{width}}  {i['status']:<10}  {i['message']}" for i in self.items]
        return [f"run {self.run_id} on release {self.release_id}: {len(self.items)} requests", *rows]

    def as_json(self) -> dict[str, Any]:
        """Return the summary for machines."""
        return {"run_id": self.run_id, "release_id": self.release_id, "items": [dict(item) for item in self.items]}


@cache
def code_version() -> str:
    """Return the package's version and a digest of its source: other code may give other numbers."""
    total = hashlib.sha256()
    package = Path(__file__).resolve().parent
    for file in sorted(package.rglob("*.py")):
        total.update(str(file.relative_to(package)).encode())
        total.update(file.read_bytes())
    return f"{__version__}+{total.hexdigest()[:12]}"


def digest_of(*parts: Any) -> str:
    """Return the SHA-256 of anything that JSON can hold; dataclasses count by their fields."""
    plain = [dataclasses.asdict(p) if dataclasses.is_dataclass(p) and not isinstance(p, type) else p for p in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


def last_available_year(outcomes_to: date) -> int:
    """Return the newest year whose index events all have their follow-up and proof within the outcomes.

    An event of 31 December needs a year and six months more, so year 2011 needs outcomes to 30 June 2013.
    """
    return outcomes_to.year - (2 if (outcomes_to.month, outcomes_to.day) >= (6, 30) else 3)


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def item_without_run(
    request: Mapping[str, Any], decision: Mapping[str, Any] | None, admission: str, first_year: int, last_year: int
) -> dict[str, str]:
    """Return status, reason and message of a request that does not go through the stages.

    Parameters
    ----------
    request : mapping
        Row of schemas.REQUESTS.
    decision : mapping, optional
        Row of schemas.DECISIONS on this submission.
    admission : str
        accepted, refused or needs_decision, with the decision counted in.
    first_year, last_year : int
        First delivery year of the service; newest year whose follow-up is complete.
    """
    rules = json.loads(request["rules"])
    if admission == "refused":
        spoke = [rule for rule in rules if rule["outcome"] == "refused"]
        if not spoke:
            reason = decision["reason"] if decision else "no reason is recorded"
            return _item("refused", "refused_by_decision", f"refused by decision: {reason}")
        return _item("refused", spoke[0]["code"], spoke[0]["words"])
    if admission == "needs_decision":
        spoke = [rule for rule in rules if rule["outcome"] == "needs_decision"]
        return _item("undecided", spoke[0]["code"], f"an analyst has to decide (jdl decide): {spoke[0]['words']}")
    return _item(
        "waiting",
        "follow_up_not_complete",
        f"people were served from {first_year} on, and the data are complete for {last_year}; "
        "the request is kept and picked up when the year arrives",
    )


def attrition_rows(
    request_id: str, intake: Mapping[str, int], lost: Mapping[str, int], treated: int, matched: int, modelled: bool
) -> list[dict[str, Any]]:
    """Return the rows of schemas.ATTRITION of one request; they add up to the rows submitted.

    Parameters
    ----------
    intake : mapping
        Reason to rows lost before linkage.
    lost : mapping
        Reason to people of `members` who are not in the treatment group.
    treated, matched : int
        People in the treatment group, and those of them who have a matched comparison.
    modelled : bool
        False where no propensity model could be fitted: then all the treated are lost to that.
    """
    people = {**intake, **lost}
    people["not_in_model"] = 0 if modelled else treated
    people["no_match_in_caliper"] = treated - matched if modelled else 0
    people["analysed"] = matched
    return [
        {"request_id": request_id, "step": step, "reason": reason, "people": int(people[reason])}
        for step, reason in enumerate(ROAD)
        if people.get(reason) or reason == "analysed"
    ]


def outcome_of(attrition: Sequence[Mapping[str, Any]], model: Mapping[str, Any] | None) -> dict[str, str]:
    """Return status, reason and message of a request that went through the stages."""
    people = {row["reason"]: row["people"] for row in attrition}
    analysed, early = people.get("analysed", 0), people.get("follow_up_not_complete", 0)
    if analysed >= MINIMUM_ANALYSED:
        return _item("published", "ok", "the result is published")
    if early >= MINIMUM_ANALYSED:
        return _item(
            "waiting",
            "follow_up_not_complete",
            "the follow-up year of most people is not complete; the request is kept and picked up with a later release",
        )
    if model is not None and model["status"] == "failed" and model["reason"] != "too_few_treated":
        return _item("failed", model["reason"], "no propensity model could be fitted to this group")
    return _item(
        "too_few",
        "too_few_analysed",
        f"fewer than {MINIMUM_ANALYSED} people could be analysed, so nothing is published",
    )


def item_of(status: str, reason: str, item: Mapping[str, str]) -> dict[str, str]:
    """Return the item as the published document has it: disclosure control may withhold a whole result."""
    if status == item["status"]:
        return {**item, "reason": reason}
    words = "the numbers are too small to publish" if status == "too_few" else "no result can be published"
    return _item(status, reason, f"{words} ({reason.replace('_', ' ')})")


def _item(status: str, reason: str, message: str) -> dict[str, str]:
    return {"status": status, "reason": reason, "message": message}
