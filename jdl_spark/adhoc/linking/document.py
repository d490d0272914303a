"""What a linkage of two tables tells of itself: the document that `jdl link report` draws.

Why levels and counts only: the document is a file that is passed on. Its example pairs are shown by how their
fields agree; no value of a person is in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jdl_spark.adhoc.linking.tables import People
from jdl_spark.linkage import blocking
from jdl_spark.linkage.comparison import Pairs, compare
from jdl_spark.linkage.explain import explain
from jdl_spark.linkage.index import Counted
from jdl_spark.linkage.plan import LeftOut, RulePlan
from jdl_spark.linkage.records import IntArray, Records
from jdl_spark.linkage.resolution import LINKED, Resolved
from jdl_spark.linkage.scoring import Candidates, LeftSide
from jdl_spark.stats.fellegi_sunter import FloatArray, Model

_BITS = 2.0
"""Width of a bar of weights."""
_BARS = 20
"""Bars of probabilities."""


def described(title: str, model: Model, threshold: float) -> dict[str, Any]:
    """Return the part of the document that a model alone has; `threshold` is where people are linked."""
    return {"title": title, "model": json.loads(model.to_json()) | {"link_probability": threshold}}


def planned(
    filled: Mapping[str, tuple[float, float]], rules: Sequence[RulePlan], left_out: Sequence[LeftOut]
) -> dict[str, Any]:
    """Return the parts that are known before anything is compared.

    Parameters
    ----------
    filled : field to the share of rows of the left and of the right side that have it, once standardised
    """
    words = {rule.key: rule.words for rule in reversed(blocking.RULES)}
    return {
        "completeness": [{"field": name, "left": left, "right": right} for name, (left, right) in filled.items()],
        "blocking": [
            {"rule": rule.words, "pairs": rule.pairs, "people": rule.people, "largest_key": rule.largest_key}
            for rule in rules
        ],
        "left_out": [{"key": words[some.key], "keys": some.keys, "versions": some.versions} for some in left_out],
    }


def found(
    people: Sequence[People],
    records: Records,
    candidates: Candidates,
    resolved: Resolved,
    model: Model,
    counted: Mapping[str, Counted],
    through_others: float = 0.0,
) -> dict[str, Any]:
    """Return the parts that come out of the linking.

    Parameters
    ----------
    people, records : the two sides; and the left one as records, whose persons are places in its ids
    through_others : links of a smaller probability were made through others, and promise nothing by themselves
    """
    known = np.flatnonzero(~np.isnan(resolved.probability))  # not the pairs that are linked through others alone
    candidates, resolved = candidates.take(known), Resolved(resolved.probability[known], resolved.status[known])
    weights = np.floor(candidates.weight / _BITS).astype(np.int64)
    return {
        "histogram": [
            {"from": _BITS * at, "to": _BITS * (at + 1), "pairs": int(n)}
            for at, n in zip(*_every(weights), strict=True)
        ],
        "probabilities": _probabilities(candidates, resolved, len(people[0].ids)),
        "unlinkable": _unlinkable(records, model, counted),
        "waterfall": list(_waterfalls(people, candidates, resolved, model, counted)),
        "rates": _rates(resolved, through_others),
    }


def _every(values: IntArray) -> tuple[list[int], list[int]]:
    """Return each whole number from the least to the greatest, and how often it occurs."""
    if not len(values):
        return [], []
    low = int(values.min())
    return list(range(low, int(values.max()) + 1)), np.bincount(values - low).tolist()


def _probabilities(candidates: Candidates, resolved: Resolved, people: int) -> list[dict[str, Any]]:
    best = np.zeros(people)
    np.maximum.at(best, candidates.person, resolved.probability)
    counts = np.bincount(np.minimum((best * _BARS).astype(np.int64), _BARS - 1), minlength=_BARS)
    return [{"from": at / _BARS, "to": (at + 1) / _BARS, "people": int(n)} for at, n in enumerate(counts.tolist())]


def _rates(resolved: Resolved, through_others: float) -> dict[str, float] | None:
    """Return what the posteriors say about links made and missed; None where nobody was linked."""
    linked = (resolved.status == LINKED) & (resolved.probability >= through_others)
    open_ = resolved.status != LINKED
    present = math.fsum(resolved.probability[linked | open_])
    if not linked.any() or not present:
        return None
    return {
        "expected_false_links": math.fsum(1 - resolved.probability[linked]) / int(linked.sum()),
        "expected_missed_links": math.fsum(resolved.probability[open_]) / present,
    }


def _unlinkable(records: Records, model: Model, counted: Mapping[str, Counted]) -> list[dict[str, float]]:
    """Return the share of left people who would not reach a weight even against their own record."""
    side = LeftSide.build(records, counted, {}, model, 0.0)
    rows = np.arange(len(records))
    own = side.weigh(compare(Pairs(records, records, rows, rows, side.common_postcodes), model.fields), rows)
    best: FloatArray = np.maximum.reduceat(own, records.first_row[:-1])
    low, high = math.floor(min(best.min(), 0.0) / _BITS), math.ceil(best.max() / _BITS)
    return [{"weight": _BITS * at, "share": float((best < _BITS * at).mean())} for at in range(low, high + 1)]


def _waterfalls(
    people: Sequence[People],
    candidates: Candidates,
    resolved: Resolved,
    model: Model,
    counted: Mapping[str, Counted],
) -> Iterator[dict[str, Any]]:
    for title, row in _examples(candidates, resolved):
        left, right = (side.records(ids[[row]]) for side, ids in zip(people, _places(candidates), strict=True))
        (parts,) = explain(left, right, np.zeros(1, np.int64), np.zeros(1, np.int64), model, counted)
        shown = ("name", "level", "bits", "frequency_bits")
        fields = [{name: part[name] for name in shown} for part in parts["fields"]]
        rest = {name: parts[name] for name in ("prior", "total", "probability")}
        yield {"title": title, "fields": fields} | rest


def _places(candidates: Candidates) -> tuple[IntArray, IntArray]:
    return candidates.person, candidates.identity


def _examples(candidates: Candidates, resolved: Resolved) -> Iterator[tuple[str, int]]:
    """Yield a link in the middle of all, the least sure one, and the likeliest pair that was not linked."""
    order = np.lexsort((candidates.identity, candidates.person, resolved.probability, candidates.weight))
    linked = order[resolved.status[order] == LINKED]
    others = order[resolved.status[order] != LINKED]
    if len(linked):
        yield "A link like most", int(linked[len(linked) // 2])
        yield "The least sure link", int(linked[np.argmin(resolved.probability[linked])])
    if len(others):
        yield "The likeliest pair not linked", int(others[np.argmax(resolved.probability[others])])
