"""Compare a run's results with the planted truth. For synthetic nations only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from jdl_spark.errors import InputError
from jdl_spark.pseudonyms import pseudonym
from jdl_spark.synthetic.catalogue import MISALIGNED, REOFFENDED, TREATED
from jdl_spark.synthetic.truth import PERSONS, REQUESTS

_OUTCOME = "reoffended"
_FINDABLE = (TREATED, REOFFENDED, MISALIGNED)
"""Rows of people who are in the register and written down well enough: what recall is taken over."""


@dataclass(frozen=True)
class RequestEvaluation:
    """One request's results beside its truth; None where there is nothing to compare.

    Attributes
    ----------
    submitted, analysed : people. attrition : share lost.
    link_precision : of linked rows, the share linked to the right person.
    link_recall : of findable rows, the share linked to the right person.
    index_event_right : of analysed people, the share with the right person and index event.
    planted : effect the request was made with, probability. true_att : mean difference that the
        service made among the people who were analysed and rightly linked.
    naive : unmatched difference between the treated and everybody else of the same years.
    covered : whether the interval holds `true_att`.
    """

    request_id: str
    submitted: int
    analysed: int
    attrition: float
    link_precision: float | None
    link_recall: float | None
    index_event_right: float | None
    planted: float
    true_att: float | None
    naive: float
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    covered: bool | None


@dataclass(frozen=True)
class Evaluation:
    """All requests of the truth, sorted."""

    requests: tuple[RequestEvaluation, ...]

    def lines(self) -> list[str]:
        """Return a table for the terminal. Effects and intervals are percentage points."""
        head = (
            f"{'request':<18}{'rows':>6}{'used':>6}{'lost':>6}{'prec.':>7}{'recall':>8}{'event':>7}"
            f"{'planted':>9}{'true':>7}{'naive':>7}{'found':>7}  {'interval':<16}covered"
        )
        return [head, *map(_line, self.requests), *self._totals()]

    def _totals(self) -> list[str]:
        judged = [item.covered for item in self.requests if item.covered is not None]
        if not judged:
            return ["no request of this nation has an estimate in this run"]
        return [f"{sum(judged)} of {len(judged)} intervals hold the true effect"]

    def as_json(self) -> str:
        """Return everything as JSON text, rates as fractions."""
        return json.dumps({"requests": [asdict(item) for item in self.requests]}, indent=1)


def evaluate(truth_dir: Path, key: bytes, links: pa.Table, members: pa.Table, estimates: pa.Table) -> Evaluation:
    """Compare results with truth.

    Parameters
    ----------
    truth_dir : Path
        `truth/` of the synthetic nation.
    key : bytes
        The lake's pseudonym key.
    links, members, estimates : pa.Table
        Rows of schemas.LINKS, MEMBERS and ESTIMATES of one run.

    Returns
    -------
    Evaluation
        One entry per request of the truth, whether the run has it or not.

    Raises
    ------
    InputError
        If the folder holds no truth.
    """
    try:
        summaries: dict[str, dict[str, Any]] = json.loads((truth_dir / REQUESTS).read_text(encoding="utf-8"))
        persons = pyarrow.parquet.read_table(truth_dir / PERSONS).to_pylist() if summaries else []
    except FileNotFoundError as error:
        raise InputError(f"{truth_dir} holds no truth of a synthetic nation ({REQUESTS}, {PERSONS})") from error
    by_request: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for person in persons:
        by_request[person["request_id"]][person["row_number"]] = {
            **person,
            "offender": _pseudonym(key, "offender", person["offender_id"]),
            "event": _pseudonym(key, "sentence", person["sentence_id"]),
        }
    linked = _rows(links, "status", "linked")
    analysed = _rows(members, "reason", None)
    found = {row["request_id"]: row for row in estimates.to_pylist() if row["outcome"] == _OUTCOME}
    return Evaluation(
        tuple(
            _judge(name, summary, by_request[name], linked.get(name, []), analysed.get(name, []), found.get(name, {}))
            for name, summary in sorted(summaries.items())
        )
    )


def _pseudonym(key: bytes, domain: str, source_id: str | None) -> int | None:
    return None if source_id is None else pseudonym(key, domain, source_id)


def _rows(table: pa.Table, column: str, wanted: str | None) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        if row[column] == wanted:
            out[row["request_id"]].append(row)
    return out


def _judge(
    name: str, summary: Mapping[str, Any], persons: Mapping[int, dict[str, Any]], linked: list[dict[str, Any]],
    analysed: list[dict[str, Any]], estimate: Mapping[str, Any],
) -> RequestEvaluation:  # fmt: skip
    right = [row for row in linked if _is_right(row, persons)]
    findable = [number for number, person in persons.items() if person["fate"] in _FINDABLE]
    rightly = {int(row["person_ref"]) for row in right}
    effects = [
        float(person["reoffences_with"] > 0) - float(person["reoffences_without"] > 0)
        for row in analysed
        if _is_right(row, persons)
        and (person := persons[int(row["person_ref"])])["event"] == row["index_event_id"]
        and person["event"] is not None
    ]
    true_att = sum(effects) / len(effects) if effects else None
    att, low, high = (estimate.get(column) for column in ("att", "ci_low", "ci_high"))
    covered = None
    if low is not None and high is not None and true_att is not None:
        covered = bool(low <= true_att <= high)
    return RequestEvaluation(
        request_id=name,
        submitted=int(summary["rows"]),
        analysed=len(analysed),
        attrition=1 - len(analysed) / max(int(summary["rows"]), 1),
        link_precision=len(right) / len(linked) if linked else None,
        link_recall=sum(number in rightly for number in findable) / len(findable) if linked and findable else None,
        index_event_right=len(effects) / len(analysed) if analysed else None,
        planted=float(summary["planted_effect"]),
        true_att=true_att,
        naive=float(summary["naive_difference"]),
        estimate=att,
        ci_low=low,
        ci_high=high,
        covered=covered,
    )


def _is_right(row: Mapping[str, Any], persons: Mapping[int, dict[str, Any]]) -> bool:
    person = persons.get(int(row["person_ref"]))
    return person is not None and person["offender"] is not None and person["offender"] == row["offender_id"]


def _line(item: RequestEvaluation) -> str:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    def points(value: float | None) -> str:
        return "-" if value is None else f"{100 * value + 0.0:+.1f}"

    interval = "-" if item.ci_low is None else f"{points(item.ci_low)} to {points(item.ci_high)}"
    covered = {None: "-", True: "yes", False: "no"}[item.covered]
    return (
        f"{item.request_id:<18}{item.submitted:>6}{item.analysed:>6}{item.attrition:>6.0%}{share(item.link_precision):>7}"
        f"{share(item.link_recall):>8}{share(item.index_event_right):>7}{points(item.planted):>9}{points(item.true_att):>7}"
        f"{points(item.naive):>7}{points(item.estimate):>7}  {interval:<16}{covered}"
    )
