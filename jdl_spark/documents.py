"""Find documents and progress below a lake's documents folder. Plain files; no Spark.

`<request>/<run>/result.json` is a result; `_runs/<run>/progress.jsonl` tells what a run is doing, and
`_runs/<run>/run.json` what became of it. `_models/<model>.json` is the card of a linkage model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jdl_spark.errors import UsageError
from jdl_spark.model_card import ModelCard


@dataclass(frozen=True)
class Status:
    """What a run is doing or did."""

    run_id: str
    stages: Sequence[Mapping[str, Any]]
    items: Sequence[Mapping[str, str]] | None
    """None while the run is not finished."""

    def lines(self) -> list[str]:
        """Return the status as lines for a terminal."""
        told = [f"run {self.run_id}: {'finished' if self.items is not None else 'not finished'}"]
        for stage in self.stages:
            words = {"begin": "begun", "end": f"done in {stage['seconds']:.1f} s", "failed": "FAILED"}[stage["event"]]
            told.append(f"  {stage['time']}  {stage['stage']}: {words}")
        width = max((len(item["request_id"]) for item in self.items or ()), default=0)
        told += [f"  {i['request_id']:<{width}}  {i['status']:<10}  {i['message']}" for i in self.items or ()]
        return told

    def as_json(self) -> dict[str, Any]:
        """Return the status for machines."""
        return {"run_id": self.run_id, "stages": list(self.stages), "items": self.items}


def read_status(documents: Path, run_id: str | None) -> Status:
    """Return what a run is doing, the newest by default.

    Raises
    ------
    UsageError
        If there is no such run.
    """
    runs = {path.parent.name: path for path in documents.glob("_runs/*/progress.jsonl")}
    if not runs or (run_id is not None and run_id not in runs):
        raise UsageError(f"there is no run {run_id or ''} below {documents}; start one with: jdl run --all")
    chosen = run_id or max(runs, key=lambda name: (runs[name].stat().st_mtime_ns, name))
    latest: dict[str, Mapping[str, Any]] = {}
    for line in runs[chosen].read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "stage" in record:
            latest[record["stage"]] = record
    finished = runs[chosen].with_name("run.json")
    items = json.loads(finished.read_text(encoding="utf-8"))["items"] if finished.is_file() else None
    return Status(chosen, list(latest.values()), items)


def find_results(documents: Path, requests: Sequence[str], run_id: str | None) -> dict[str, Path]:
    """Return each request's result, the newest by default, by request id.

    Raises
    ------
    UsageError
        If a named request has no result.
    """
    found: dict[str, Path] = {}
    for path in documents.glob("*/*/result.json"):
        name = path.parent.parent.name
        if name.startswith("_") or (requests and name not in requests) or run_id not in (None, path.parent.name):
            continue
        if name not in found or found[name].stat().st_mtime_ns < path.stat().st_mtime_ns:
            found[name] = path
    missing = sorted(set(requests) - set(found))
    if missing or not found:
        raise UsageError(f"there is no result for {', '.join(missing) or 'any request'}; run it with: jdl run")
    return dict(sorted(found.items()))


def read_models(documents: Path) -> list[ModelCard]:
    """Return every linkage model, sorted by release, purpose and number.

    Raises
    ------
    UsageError
        If there is none.
    """
    cards = [ModelCard.from_text(path.read_text(encoding="utf-8")) for path in documents.glob("_models/*.json")]
    if not cards:
        raise UsageError(f"there is no linkage model below {documents}; make some with: jdl linkage train")
    return sorted(cards, key=lambda card: (card.release_id, card.purpose, card.number))


def find_model(documents: Path, wanted: str) -> ModelCard:
    """Return one linkage model.

    Parameters
    ----------
    wanted : str
        A purpose, for the newest such model of the last release (by name); or how an id begins.

    Raises
    ------
    UsageError
        If there is no such model, or several.
    """
    cards = read_models(documents)
    if of_purpose := [card for card in cards if card.purpose == wanted]:
        return of_purpose[-1]
    found = [card for card in cards if card.model_id.startswith(wanted)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'no'} linkage models are called {wanted!r}; see which there are with: jdl linkage list"
        )
    return found[0]
