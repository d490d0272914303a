"""From weighted candidates to one identity per person.

Why the posterior over a person's identities and not over pairs: two candidates that both look
good cannot both be the person, and a pair's own probability does not know of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jdl_spark.linkage.records import IntArray
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import FloatArray, Model

CANDIDATE, AMBIGUOUS, LINKED = 0, 1, 2
STATUSES = ("candidate", "ambiguous", "linked")
MORE_LIKELY_THAN_NOT = 0.5


@dataclass(frozen=True)
class Resolved:
    """Decisions on candidates, row by row.

    Attributes
    ----------
    probability : float64, shape (n,). Posterior of this identity, among the person's candidates and
        "not there at all".
    status : int8, shape (n,). Position in STATUSES. A person has at most one linked or ambiguous row.
    """

    probability: FloatArray
    status: NDArray[np.int8]


def posteriors(person: IntArray, weight: FloatArray) -> FloatArray:
    """Return the probability of each candidate identity of a person.

    Parameters
    ----------
    person : int64, shape (n,), ascending
    weight : float64, shape (n,). Log2 odds against being none of the index.

    Returns
    -------
    float64, shape (n,). The rest, 1 - their sum, is the probability of being in none of them.
        Sums run in the order of the rows.
    """
    _, group = np.unique(person, return_inverse=True)
    odds = np.exp2(np.minimum(weight, 500.0))
    return np.asarray(odds / (1 + np.bincount(group, weights=odds))[group]) if len(odds) else odds


def calibrated(model: Model, person: IntArray, probability: FloatArray) -> FloatArray:
    """Return probabilities as they proved right where the truth is known.

    Parameters
    ----------
    model : its `calibration` maps log2 odds to log2 odds, in straight lines between the knots and by
        the last difference beyond them; without knots nothing changes
    person, probability : as for `posteriors`

    Returns
    -------
    float64, shape (n,). A person's never add up to more than 1.
    """
    if not model.calibration or not len(person):
        return probability
    stated, observed = np.array(model.calibration).T
    odds = np.log2(np.clip(probability, 1e-12, 1 - 1e-12))
    odds = odds - np.log2(1 - np.clip(probability, 1e-12, 1 - 1e-12))
    moved = odds + np.interp(odds, stated, observed - stated)
    mapped = 1 / (1 + np.exp2(-moved))
    _, group = np.unique(person, return_inverse=True)
    return np.asarray(mapped / np.maximum(np.bincount(group, weights=mapped), 1.0)[group])


def resolve(candidates: Candidates, model: Model, settings: LinkageSettings) -> Resolved:
    """Decide on every person by himself.

    The person's best identity (ties: the smaller identifier) is

    - linked, if its posterior reaches the operating point and leads the second by more than
      `ambiguous_margin`; or if it alone has the supplied PNC identifier, with a name or the date of
      birth agreeing;
    - ambiguous, if it is not linked, there is a rival of at least `bar_probability`, and the person
      is more likely in the index than not, or if two identities have the PNC identifier.

    Every other row is a candidate.

    Parameters
    ----------
    candidates : Candidates, sorted by (person, identity)
    model : its calibration and, unless `settings.link_probability` says otherwise, operating point
    """
    person = candidates.person
    probability = calibrated(model, person, posteriors(person, candidates.weight))
    threshold = model.link_probability if settings.link_probability is None else settings.link_probability
    status = np.full(len(candidates), CANDIDATE, np.int8)
    if not len(candidates):
        return Resolved(probability, status)
    order = np.lexsort((candidates.identity, -probability, ~candidates.pnc, person))
    ranked = person[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    best, has_second = order[starts], np.diff(np.append(starts, len(order))) > 1
    second = order[np.minimum(starts + 1, len(order) - 1)]
    runner_up = np.where(has_second, probability[second], 0.0)
    exact = candidates.pnc[best]
    contested = exact & has_second & candidates.pnc[second]
    lead = probability[best] - runner_up
    by_weight = (probability[best] >= threshold) & (lead > settings.ambiguous_margin)
    linked = np.where(exact, ~contested, by_weight)
    present = np.add.reduceat(probability[order], starts) >= MORE_LIKELY_THAN_NOT
    ambiguous = ~linked & (contested | (present & (runner_up >= settings.bar_probability)))
    status[best[linked]] = LINKED
    status[best[ambiguous]] = AMBIGUOUS
    return Resolved(probability, status)


def pair_probability(weight: FloatArray) -> FloatArray:
    """Return the probability of each pair by itself, where one record may have any number of others like it."""
    odds = np.exp2(np.minimum(weight, 500.0))
    return np.asarray(odds / (1 + odds))


def resolve_one_to_one(candidates: Candidates, model: Model, settings: LinkageSettings) -> Resolved:
    """Decide so that an identity is linked to one person only.

    An identity that several people claim goes to the largest weight (ties: the smaller person). It
    is then out of the others' reach: their posteriors are formed again over the identities that are
    left, which may link them elsewhere. A person whose claim was lost and who finds no other
    identity keeps that row as ambiguous. Repeated until nobody gains a link.

    Parameters
    ----------
    candidates : Candidates, sorted by (person, identity)
    """
    whole = resolve(candidates, model, settings)
    probability, status = whole.probability.copy(), np.full(len(candidates), CANDIDATE, np.int8)
    lost = np.zeros(len(candidates), bool)
    open_rows = np.arange(len(candidates))
    while len(open_rows):
        part = candidates.take(open_rows)
        decided = resolve(part, model, settings)
        probability[open_rows], status[open_rows] = decided.probability, decided.status
        claims = open_rows[decided.status == LINKED]
        order = np.lexsort((candidates.person[claims], -candidates.weight[claims], candidates.identity[claims]))
        claimed = candidates.identity[claims[order]]
        first = np.append(True, claimed[1:] != claimed[:-1]) if len(claims) else np.empty(0, bool)
        winners, losers = claims[order[first]], claims[order[~first]]
        lost[losers], status[losers] = True, CANDIDATE
        settled = np.isin(part.person, candidates.person[winners])
        taken = np.isin(part.identity, candidates.identity[winners])
        status[open_rows[taken & ~settled]] = CANDIDATE
        if not (taken & ~settled).any():
            break
        open_rows = open_rows[~settled & ~taken]
    standing = np.unique(candidates.person[status > CANDIDATE])
    rows = np.flatnonzero(lost & ~np.isin(candidates.person, standing))
    order = np.lexsort((candidates.identity[rows], -probability[rows], candidates.person[rows]))
    _, first_of = np.unique(candidates.person[rows][order], return_index=True)
    status[rows[order[first_of]]] = AMBIGUOUS
    return Resolved(probability, status)
