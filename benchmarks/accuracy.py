"""How right a linkage is, person by person, given the truth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.linkage_data import ABSENT_RELATIVE, COHORT, TRUTH
from jdl_spark.synthetic.names import Ints

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NOBODY = -1
BIN_EDGES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
"""Of promised probability; a bin holds its lower edge, the last also its upper."""


@dataclass(frozen=True)
class Truth:
    """Who the people of the cohorts are, one entry each.

    Attributes
    ----------
    identity : int64. Their offender_id, or NOBODY.
    relative : bool. Absent from the index, but a relative of somebody in it.
    """

    identity: Ints
    relative: Bools

    @property
    def present(self) -> Bools:
        """People who are in the index."""
        return np.asarray(self.identity != NOBODY)


@dataclass(frozen=True)
class Claims:
    """The identity that a linkage names for each person, one entry each.

    Attributes
    ----------
    identity : int64. The most likely offender_id, or NOBODY.
    probability : float64. What the linkage says of it; 0 for NOBODY.
    score : float64. By which people are ordered; as the probability, but finer where that is 1. -inf for NOBODY.
    linked : bool. Linked under the settings that a user gets.
    """

    identity: Ints
    probability: Floats
    score: Floats
    linked: Bools


def read_truth(data: Path) -> tuple[pa.Table, Truth]:
    """Return the cohort and the truth about its rows, both in the order of (request_id, person_ref)."""
    keys = [("request_id", "ascending"), ("person_ref", "ascending")]
    cohort, truth = (pyarrow.parquet.read_table(data / name).sort_by(keys) for name in (COHORT, TRUTH))
    identity = truth.column("offender_id").fill_null(NOBODY).to_numpy()
    return cohort, Truth(identity, np.array(truth.column("kind").to_pylist()) == ABSENT_RELATIVE)


def best_claims(people: int, person: Ints, identity: Ints, probability: Floats, score: Floats, linked: Bools) -> Claims:
    """Choose each person's claim among rows: the linked one, else the best score; ties by the smaller identity.

    Parameters
    ----------
    people : number of people
    person : int64, shape (rows,). Which person each row is about.
    """
    order = np.lexsort((identity, -score, ~linked, person))
    first = order[np.flatnonzero(np.append(True, person[order][1:] != person[order][:-1])[: len(order)])]
    claims = Claims(np.full(people, NOBODY), np.zeros(people), np.full(people, -np.inf), np.zeros(people, dtype=bool))
    at = person[first]
    claims.identity[at], claims.probability[at] = identity[first], probability[first]
    claims.score[at], claims.linked[at] = score[first], linked[first]
    return claims


def measure(claims: Claims, truth: Truth) -> dict[str, Any]:
    """Return every measure of accuracy at the level of people.

    Precision is the share of right links among links, recall the share of the present people who are linked rightly.
    A present person linked to somebody else costs both.
    """
    best = _best_f1(claims, truth)
    return {
        "people": len(truth.identity),
        "best_f1": best | {"absent_linked": _absent_linked(claims.score >= best["score"], truth)},
        "default": at_decision(claims.linked, claims, truth),
        "at_0.9": at_decision(claims.probability >= 0.9, claims, truth),
        "at_0.99": at_decision(claims.probability >= 0.99, claims, truth),
        "recall_at_precision": {f"{p}": _recall_at(p, claims, truth) for p in (0.99, 0.998, 0.999, 0.9995)},
        "top_one_recall": _share(_right(claims, truth), truth.present),
        "calibration": _calibration(claims, truth),
    }


def at_decision(linked: Bools, claims: Claims, truth: Truth) -> dict[str, Any]:
    """Return precision, recall and what the probabilities promise of the people that are linked."""
    right = _right(claims, truth) & linked
    precision, recall = _ratio(right.sum(), linked.sum()), _ratio(right.sum(), truth.present.sum())
    return {
        "linked": int(linked.sum()),
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * right.sum(), linked.sum() + truth.present.sum()),
        "promised_precision": float(claims.probability[linked].mean()) if linked.any() else 0.0,
        "absent_linked": _absent_linked(linked, truth),
    }


def _right(claims: Claims, truth: Truth) -> Bools:
    return np.asarray(truth.present & (claims.identity == truth.identity))


def _curve(claims: Claims, truth: Truth) -> tuple[Floats, Ints, Ints]:
    """Return, for every threshold of the score that parts people, the threshold, links and right links."""
    claimed = np.flatnonzero(claims.identity != NOBODY)
    order = claimed[np.argsort(-claims.score[claimed], kind="stable")]
    score, right = claims.score[order], np.cumsum(_right(claims, truth)[order])
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True)[: len(order)])
    return score[last], (last + 1).astype(np.int64), right[last].astype(np.int64)


def _best_f1(claims: Claims, truth: Truth) -> dict[str, Any]:
    score, links, right = _curve(claims, truth)
    if not len(score):
        return {"f1": 0.0, "precision": 0.0, "recall": 0.0, "score": float("inf"), "probability": 1.0}
    f1 = 2 * right / (links + truth.present.sum())
    at = int(np.argmax(f1))
    lowest = claims.probability[claims.score >= score[at]].min()
    return {
        "f1": float(f1[at]),
        "precision": _ratio(right[at], links[at]),
        "recall": _ratio(right[at], truth.present.sum()),
        "score": float(score[at]),
        "probability": float(lowest),
    }


def _recall_at(precision: float, claims: Claims, truth: Truth) -> float:
    _, links, right = _curve(claims, truth)
    reached = right >= precision * links
    return _ratio(right[reached].max(initial=0), truth.present.sum())


def _absent_linked(linked: Bools, truth: Truth) -> dict[str, float]:
    absent = ~truth.present
    return {
        "all": _share(linked, absent),
        "relatives": _share(linked, absent & truth.relative),
        "strangers": _share(linked, absent & ~truth.relative),
    }


def _calibration(claims: Claims, truth: Truth) -> list[dict[str, float]]:
    right, claimed = _right(claims, truth), claims.identity != NOBODY
    bins = []
    for low, high in pairwise(BIN_EDGES):
        below = claims.probability <= high if high == BIN_EDGES[-1] else claims.probability < high
        rows = claimed & (claims.probability >= low) & below
        promised = float(claims.probability[rows].mean()) if rows.any() else 0.0
        bins.append({"from": low, "to": high, "people": int(rows.sum()), "promised": promised,
                     "right": _share(right, rows)})  # fmt: skip
    return bins


def _share(of: Bools, among: Bools) -> float:
    return _ratio((of & among).sum(), among.sum())


def _ratio(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else 0.0
