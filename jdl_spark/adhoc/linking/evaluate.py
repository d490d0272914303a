"""Hold links against known true pairs: precision and recall, promises kept, and where true pairs were lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
from numpy.typing import NDArray

from jdl_spark.adhoc.linking.tables import People
from jdl_spark.errors import InputError, UsageError
from jdl_spark.linkage import blocking
from jdl_spark.linkage.index import BLOCK, Counted
from jdl_spark.linkage.resolution import LINKED, Resolved
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.stats.shard import FloatArray, IntArray

COLUMNS = ("left_id", "right_id")
_CURVE = 60
_BINS = np.array([0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1.0])
"""Probabilities between which promises are compared with what was right."""


@dataclass(frozen=True)
class Truth:
    """True pairs by place of the id on either side.

    Attributes
    ----------
    pairs : int64, shape (n,), ascending and distinct. left place x `width` + right place.
    width : people on the right.
    """

    pairs: IntArray
    width: int

    def holds(self, left: IntArray, right: IntArray) -> NDArray[np.bool_]:
        """Return which pairs are true."""
        return np.isin(left * self.width + right, self.pairs)


def read_truth(path: str, left: pa.Array, right: pa.Array, itself: bool) -> Truth:
    """Read the true pairs, by ids of the two tables.

    Parameters
    ----------
    path : CSV with the columns left_id and right_id, or Parquet
    left, right : ids of the two tables, ascending
    itself : both are one table, and (a, b) is the same pair as (b, a)

    Raises
    ------
    InputError
        If the file is missing or unreadable, is empty, or names an id that a table does not have.
    UsageError
        If a column is missing.
    """
    table = _read(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise UsageError(f"{path} (true pairs) has no column {missing[0]!r}; it needs left_id and right_id")
    places = []
    for name, ids in zip(COLUMNS, (left, right), strict=True):
        given = table.column(name).combine_chunks()
        try:
            place = pc.index_in(given.cast(ids.type), value_set=ids)
        except pa.ArrowInvalid as error:
            raise InputError(
                f"{path} (true pairs): {name} is not written as the ids of the {name[:-3]} table"
            ) from error
        if place.null_count:
            row = place.is_null().to_pylist().index(True) + 1
            raise InputError(f"{path} (true pairs), row {row}: the {name[:-3]} table has no such id as this {name}")
        places.append(place.to_numpy().astype(np.int64))
    if not len(places[0]):
        raise InputError(f"{path} (true pairs) has no rows, so there is nothing to hold the links against")
    one, other = (np.minimum(*places), np.maximum(*places)) if itself else places
    return Truth(np.unique(one * len(right) + other), len(right))


def _read(path: str) -> pa.Table:
    try:
        if Path(path).suffix.lower() in {".csv", ".txt"}:
            text = pa.csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
            return pa.csv.read_csv(path, convert_options=text)
        return pa.dataset.dataset(path, format="parquet").to_table()
    except FileNotFoundError as error:
        raise InputError(f"there is no file at {path} (true pairs)") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} (true pairs) cannot be read as CSV or Parquet") from error


def evaluate(
    found: Candidates, resolved: Resolved, truth: Truth, best_only: bool, threshold: float | None = None
) -> dict[str, Any]:
    """Compare what was decided with the truth.

    Parameters
    ----------
    found, resolved : candidates and what was decided on them
    best_only : a person has one identity: only the best candidate counts at each threshold
    threshold : probability from which people were linked; the least that was, if left out

    Returns
    -------
    dict
        - at_operating_point, best: precision, recall, f1 and, of the best, its threshold
        - precision_recall : list of the same at up to 60 thresholds
        - calibration : list of promised, observed, n
        - lost : true pairs by what they were lost to: `not_compared` (no blocking rule, or below the floor),
          `outranked` (another identity was likelier), `not_sure_enough`
        - wrong : links made that are no true pairs
    """
    right = truth.holds(found.person, found.identity)
    best = _best(found, resolved.probability) if best_only else ~np.isnan(resolved.probability)
    linked = resolved.status == LINKED
    total = len(truth.pairs)
    curve = _curve(resolved.probability[best], right[best], total)
    least = float(np.nanmin(resolved.probability[linked], initial=1.0))
    return {
        "true_pairs": total,
        "at_operating_point": _rates(int((linked & right).sum()), int(linked.sum()), total)
        | {"threshold": least if threshold is None else threshold},
        "best": max(curve, key=lambda point: point["f1"]) if curve else None,
        "precision_recall": curve,
        "calibration": _calibration(resolved.probability[best], right[best]),
        "lost": {
            "not_compared": total - int(right.sum()),
            "outranked": int((right & ~best & ~linked).sum()),
            "not_sure_enough": int((right & best & ~linked).sum()),
        },
        "wrong": int((linked & ~right).sum()),
    }


def _best(found: Candidates, probability: FloatArray) -> NDArray[np.bool_]:
    """Return each person's most likely row (ties: the smaller identity)."""
    order = np.lexsort((found.identity, -probability, found.person))
    first = np.append(True, found.person[order][1:] != found.person[order][:-1])[: len(order)]
    best = np.zeros(len(found), bool)
    best[order[first]] = True
    return best


def _rates(right: int, made: int, total: int) -> dict[str, float]:
    precision, recall = right / made if made else 1.0, right / total
    both = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}


def _curve(probability: FloatArray, right: NDArray[np.bool_], total: int) -> list[dict[str, float]]:
    """Return the rates at thresholds spread evenly over the pairs, each a probability that occurs."""
    order = np.argsort(-probability, kind="stable")
    ranked, hits = probability[order], np.cumsum(right[order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, np.intp)
    f1 = 2 * hits[ends] / (ends + 1 + total)
    some = set(np.linspace(0, len(ends) - 1, min(len(ends), _CURVE - 1)).astype(int).tolist())
    some |= {int(np.argmax(f1))} if len(f1) else set()
    return [
        {"threshold": float(ranked[ends[i]])} | _rates(int(hits[ends[i]]), int(ends[i] + 1), total)
        for i in sorted(some)
    ]


def _calibration(probability: FloatArray, right: NDArray[np.bool_]) -> list[Mapping[str, float]]:
    at = np.clip(np.searchsorted(_BINS, probability, side="right") - 1, 0, len(_BINS) - 2)
    return [
        {"promised": float(probability[here].mean()), "observed": float(right[here].mean()), "n": int(here.sum())}
        for place in range(len(_BINS) - 1)
        if (here := at == place).any()
    ]


def never_met(found: Candidates, truth: Truth, left: People, right: People, counted: Mapping[str, Counted]) -> int:
    """Return how many true pairs share no key under any blocking rule; others that are no candidate are too unlike.

    Parameters
    ----------
    counted : what `index.name_frequencies` returned for the right side: its large blocks are not looked up
    """
    apart = np.setdiff1d(truth.pairs, found.person * truth.width + found.identity)
    if not len(apart):
        return 0
    one, other = left.records(apart // truth.width), right.records(apart % truth.width)
    probes = blocking.probes(one, {key: counted[BLOCK + key][0] for key in blocking.KEYS})
    met = [np.empty(0, np.int64)]
    for rows, right_rows in blocking.candidates(probes, blocking.index_keys(other), len(one), len(other)):
        met.append(one.person[rows] * truth.width + other.person[right_rows])
    return int((~np.isin(apart, np.concatenate(met))).sum())
