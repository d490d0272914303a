"""Let the decisions of clerical review stand over the model's, person by person.

Why inside linkage and not on its result: once a reviewer has ruled an identity out, one that the
model had hardly counted may be the best there is, so the rest is decided again over all candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jdl_spark.linkage.records import IntArray
from jdl_spark.linkage.resolution import CANDIDATE, LINKED, Resolved
from jdl_spark.linkage.scoring import Candidates, merged
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import FloatArray

LABELS = pa.schema(
    [("request_id", pa.string()), ("person_ref", pa.string()), ("offender_id", pa.int64()), ("same", pa.bool_())]
)
"""What reviewers know of pairs: one row per (request_id, person_ref, offender_id) that stands. `same` is true where
the submitted person and the national identity are one human being, false where they are not."""

_SAME, _DIFFERENT = 1, -1


@dataclass(frozen=True)
class Settled:
    """What is known of people after review, sorted by (person, identity).

    Attributes
    ----------
    candidates : Candidates
        Those that the model or the decisions keep, and those that a reviewer has spoken on.
    probability : float64, shape (n,). 1 for an identity that a reviewer found to be the person, 0 for the
        person's others and for one that was ruled out; else the posterior over the identities that are left.
    status : int8, shape (n,). Position in resolution.STATUSES.
    by_review : bool, shape (n,). Linked because a reviewer says so.
    """

    candidates: Candidates
    probability: FloatArray
    status: NDArray[np.int8]
    by_review: NDArray[np.bool_]


def settle(
    candidates: Candidates,
    verdicts: Mapping[tuple[int, int], bool],
    decide: Callable[[Candidates], Resolved],
    settings: LinkageSettings,
) -> Settled:
    """Decide on every person by the reviewers' decisions first, and by the model where they leave it open.

    Parameters
    ----------
    candidates : Candidates, sorted by (person, identity)
    verdicts : mapping
        (person, identity) to whether both are the same human being; at most one True per person.
    decide : callable
        The model's decision on candidates, `resolution.resolve` with its settings.
    settings : LinkageSettings
        `bar_probability` keeps rows; `floor_weight` is the weight of a pair that a reviewer found to be the
        same person and that the model does not find at all (any more).

    Raises
    ------
    ValueError
        If one person is said to be two identities.
    """
    whole = _with_unfound(candidates, verdicts, settings.floor_weight)
    ruled = _ruled(whole, verdicts)
    same = ruled == _SAME
    if len(np.unique(whole.person[same])) < same.sum():
        raise ValueError("a person is said to be two identities")
    open_rows = (ruled != _DIFFERENT) & ~np.isin(whole.person, whole.person[same])
    alone, left = decide(whole), decide(whole.take(open_rows))
    probability, status = same.astype(np.float64), np.where(same, np.int8(LINKED), np.int8(CANDIDATE))
    probability[open_rows], status[open_rows] = left.probability, left.status
    likely = np.maximum(alone.probability, probability) >= settings.bar_probability
    kept = np.flatnonzero(likely | (status > CANDIDATE) | (ruled != 0))
    return Settled(whole.take(kept), probability[kept], status[kept], same[kept])


def verdicts_of(labels: pa.Table | None, people: pa.Table) -> dict[tuple[int, int], bool]:
    """Return decisions by the position of the submitted person.

    Parameters
    ----------
    labels : Arrow table of LABELS, or None for no decisions
    people : Arrow table with request_id and person_ref
        The submitted people; a decision on anybody else is left out.
    """
    if labels is None or not labels.num_rows:
        return {}
    names = zip(*(people.column(name).to_pylist() for name in ("request_id", "person_ref")), strict=True)
    position = {name: at for at, name in enumerate(names)}
    return {
        (position[row["request_id"], row["person_ref"]], row["offender_id"]): row["same"]
        for row in labels.to_pylist()
        if (row["request_id"], row["person_ref"]) in position
    }


def _with_unfound(candidates: Candidates, verdicts: Mapping[tuple[int, int], bool], floor: float) -> Candidates:
    """Add the pairs that a reviewer found to be the same person and the model does not find."""
    found = _ruled(candidates, verdicts) == _SAME
    known = set(zip(candidates.person[found].tolist(), candidates.identity[found].tolist(), strict=True))
    missing = sorted(pair for pair, same in verdicts.items() if same and pair not in known)
    if not missing:
        return candidates
    person, identity = np.array(missing, np.int64).T
    added = Candidates(person, identity, np.full(len(missing), floor), np.zeros(len(missing), bool))
    whole = merged([candidates, added])
    return whole.take(np.lexsort((whole.identity, whole.person)))


def _ruled(candidates: Candidates, verdicts: Mapping[tuple[int, int], bool]) -> IntArray:
    """Return, row by row, what the reviewers say: _SAME, _DIFFERENT or 0."""
    ruled = np.zeros(len(candidates), np.int64)
    for (person, identity), same in verdicts.items():
        first, end = np.searchsorted(candidates.person, [person, person + 1])
        at = first + np.searchsorted(candidates.identity[first:end], identity)
        if at < end and candidates.identity[at] == identity:
            ruled[at] = _SAME if same else _DIFFERENT
    return ruled
