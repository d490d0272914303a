"""Who is listed how often in one table: pairs put together into people.

Why not whatever hangs together: one wrong pair would join two people with all their listings. And why
not pairs alone: of three listings of a person, two may have nothing in common but the third.
"""

from __future__ import annotations

import numpy as np

from jdl_spark.linkage.calibration import log_odds
from jdl_spark.linkage.records import IntArray
from jdl_spark.linkage.resolution import (
    AMBIGUOUS,
    CANDIDATE,
    LINKED,
    MORE_LIKELY_THAN_NOT,
    Resolved,
    calibrated,
    pair_probability,
)
from jdl_spark.linkage.scoring import Candidates, merged
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import FloatArray, Model

SURE = 50.0
"""Bits that a shared PNC identifier counts for at least, where a name or the date of birth agrees as well."""


def resolve_duplicates(
    candidates: Candidates, listings: int, model: Model, settings: LinkageSettings
) -> tuple[Candidates, Resolved]:
    """Decide which listings of one table are one person; a person may be listed any number of times.

    A pair is linked if `cluster` puts both into one group: by its own probability, by one PNC identifier,
    or through others. It is ambiguous if it is more likely one person than not, and its groups stay apart.

    Parameters
    ----------
    candidates : Candidates of the table with itself, by places 0 to listings - 1
    model : its operating point holds unless `settings.link_probability` says otherwise

    Returns
    -------
    pairs : Candidates, each pair once, the smaller place as the person. Those that are linked through others
        alone, and were no candidates, have the weight NaN.
    resolved : Resolved. The probability is the pair's by itself, NaN where the weight is.
    """
    pairs = each_pair_once(candidates)
    probability = calibrated(model, np.arange(len(pairs)), pair_probability(pairs.weight))
    threshold = model.link_probability if settings.link_probability is None else settings.link_probability
    group = cluster(pairs, listings, log_odds(probability), float(log_odds(np.array([threshold]))[0]))
    status = np.where(probability >= MORE_LIKELY_THAN_NOT, AMBIGUOUS, CANDIDATE).astype(np.int8)
    status[group[pairs.person] == group[pairs.identity]] = LINKED
    person, identity = pairs_of(group)
    new = ~np.isin(person * listings + identity, pairs.person * listings + pairs.identity)
    unknown = np.full(int(new.sum()), np.nan)
    joined = Candidates(person[new], identity[new], unknown, np.zeros(len(unknown), bool))
    whole = merged([pairs, joined])
    order = np.lexsort((whole.identity, whole.person))
    status = np.append(status, np.full(len(unknown), LINKED, np.int8))
    return whole.take(order), Resolved(np.append(probability, unknown)[order], status[order])


def each_pair_once(candidates: Candidates) -> Candidates:
    """Return the pairs of one table, which are found from both sides, once each: the smaller place as the person.

    Where the two sides weigh a pair differently, the larger weight stands.
    """
    if not len(candidates):
        return candidates
    person = np.minimum(candidates.person, candidates.identity)
    identity = np.maximum(candidates.person, candidates.identity)
    order = np.lexsort((identity, person))
    person, identity = person[order], identity[order]
    starts = np.flatnonzero(np.append(True, (person[1:] != person[:-1]) | (identity[1:] != identity[:-1])))
    weight = np.maximum.reduceat(candidates.weight[order], starts)
    return Candidates(person[starts], identity[starts], weight, np.logical_or.reduceat(candidates.pnc[order], starts))


def pairs_of(group: IntArray) -> tuple[IntArray, IntArray]:
    """Return all pairs within groups, the smaller place first."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.append(True, group[order][1:] != group[order][:-1]))
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for size, start in zip(np.diff(np.append(starts, len(group))).tolist(), starts.tolist(), strict=True):
        if size > 1:
            a, b = np.triu_indices(size, 1)
            first.append(order[start + a])
            second.append(order[start + b])
    return np.concatenate(first), np.concatenate(second)


def cluster(pairs: Candidates, listings: int, log_odds: FloatArray, threshold: float) -> IntArray:
    """Put listings together whose likelihood ratio, taken as those of one person, is large enough.

    Pairs are gone through from the surest on (ties: the smaller listings). Two groups become one if the
    mean likelihood ratio over all pairs between them reaches the threshold, as an identity is weighed by
    the mean over its name versions. A pair that is no candidate counts as 0.

    Parameters
    ----------
    pairs : Candidates, each pair once, of listings 0 to listings - 1
    log_odds : float64, shape (pairs,). Log2 odds of each pair by itself.
    threshold : log2 odds from which two groups are one person

    Returns
    -------
    int64, shape (listings,). The smallest listing of each one's group.
    """
    bits = np.where(pairs.pnc, np.maximum(log_odds, SURE), log_odds)
    odds = np.exp2(np.minimum(bits, 500.0))
    group = list(range(listings))
    members = {listing: [listing] for listing in np.unique([pairs.person, pairs.identity]).tolist()}
    between: dict[int, dict[int, float]] = {listing: {} for listing in members}
    people, others = pairs.person.tolist(), pairs.identity.tolist()
    for a, b, ratio in zip(people, others, odds.tolist(), strict=True):
        between[a][b] = between[b][a] = ratio
    sure = np.flatnonzero(bits >= threshold)
    least = 2.0**threshold
    for row in sure[np.lexsort((pairs.identity[sure], pairs.person[sure], -bits[sure]))].tolist():
        a, b = sorted((group[people[row]], group[others[row]]))
        if a == b or between[a][b] < least * len(members[a]) * len(members[b]):
            continue
        for listing in members[b]:
            group[listing] = a
        members[a] += members.pop(b)
        del between[a][b]
        for other, ratio in between.pop(b).items():
            if other != a:
                del between[other][b]
                between[a][other] = between[other][a] = between[a].get(other, 0.0) + ratio
    return np.array(group, np.int64)
