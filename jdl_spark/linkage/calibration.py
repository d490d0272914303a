"""How often a stated probability is right, without knowing the truth.

Why second bests: take from a person who is surely found his identity, and he is somebody who is
not in the index, with family and namesakes as such people have them. What would then be linked to
him shows how absent people are mistaken, and how often; the model's own arithmetic, which takes the
fields for independent, says too little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from jdl_spark.linkage.records import IntArray
from jdl_spark.stats.fellegi_sunter import FloatArray

SURE = 0.9
"""Probability from which a person counts as found. Not higher: those with rare names would be nearly alone among them,
and they have the fewest people like them."""
FEWEST_SURE = 200
"""Surely found people without whom nothing is calibrated."""
_PSEUDO = 3.0
"""People per bin for whom the model's own statement counts."""
_EDGES = np.array([-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20], np.float64)
"""Log2 odds of a person's best identity between which people are counted together."""
Knots = tuple[tuple[float, float], ...]


def log_odds(probability: FloatArray) -> FloatArray:
    """Return log2 of p / (1 - p), within 40 bits."""
    p = np.clip(probability, 2.0**-40, 1 - 2.0**-40)
    return np.asarray(np.log2(p) - np.log2(1 - p))


def best_and_second(person: IntArray, weight: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return each person's best log2 odds, and those of the best identity left if that one were not there.

    Parameters
    ----------
    person : int64, shape (n,), ascending. weight : float64, shape (n,). Log2 odds against none.

    Returns
    -------
    people : int64, shape (k,), ascending
    best, second : float64, shape (k,). -inf for a second where there is no other candidate.
    """
    order = np.lexsort((-weight, person))
    people, starts, count = np.unique(person[order], return_index=True, return_counts=True)
    ranked = weight[order]
    others = np.exp2(np.minimum(ranked, 500.0))
    others[starts] = 0.0
    best = ranked[starts] - np.log2(1 + _sums(others, starts))
    has = count > 1
    runner = starts[has] + 1
    others[runner] = 0.0
    second = np.full(len(people), -np.inf)
    second[has] = ranked[runner] - np.log2(1 + _sums(others, starts)[has])
    return people, best, second


def _sums(values: FloatArray, starts: IntArray) -> FloatArray:
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0)


def fit(
    best: FloatArray,
    second: FloatArray,
    comparable: NDArray[np.bool_],
    present: float,
    people: int,
    labelled: Sequence[tuple[float, bool]] = (),
) -> Knots:
    """Fit the monotone map from stated to observed log2 odds.

    In each bin of the best identity's odds, the wrong ones are expected from the second bests of
    those surely found: all of them among people who are absent, and among people who are present
    those whose own identity fits worse. Nothing is ever made surer than the model says: no second best
    among a few thousand people does not mean none among millions.

    Parameters
    ----------
    best, second : float64, shape (k,). As `best_and_second` returns them.
    comparable : bool, shape (k,). People whose second best shows what an absent person's best would be
        (no identifier was supplied that tells all others apart).
    present : share of people who are in the index
    people : all who were tried, also those without a candidate
    labelled : (stated log2 odds, whether it was right) of the best identities that somebody decided
        on; each counts as one more person in its bin

    Returns
    -------
    tuple of (stated, observed)
        Ascending in both; empty where fewer than FEWEST_SURE people were surely found.

    References
    ----------
    The idea of competition with decoys: Elias & Gygi (2007), for mass spectrometry; isotonic
    regression: Zadrozny & Elkan (2002).
    """
    sure = comparable & (best >= log_odds(np.array([SURE]))[0])
    if sure.sum() < FEWEST_SURE:
        return ()
    bins = len(_EDGES) - 1
    at = np.clip(np.searchsorted(_EDGES, best, side="right") - 1, -1, bins - 1)
    inside = at >= 0
    total = np.bincount(at[inside], minlength=bins).astype(np.float64)
    stated = 1 / (1 + np.exp2(-best))
    promised = np.bincount(at[inside], weights=1 - stated[inside], minlength=bins)
    below = np.searchsorted(_EDGES[1:], second[sure], side="right")
    decoys = np.bincount(below[second[sure] >= _EDGES[0]], minlength=bins + 1)[:bins] / sure.sum()
    found = np.bincount(at[inside], weights=stated[inside], minlength=bins)
    worse = np.clip(1 - np.cumsum(found[::-1])[::-1] / max(present * people, 1.0), 0.0, 1.0)
    wrong = people * decoys * ((1 - present) + present * worse)
    for odds, right in labelled:
        place = int(np.searchsorted(_EDGES, odds, side="right")) - 1
        if 0 <= place < bins:
            total[place] += 1
            wrong[place] += not right
    wrong = np.minimum(wrong, np.maximum(total - 0.5, 0.0))
    share = (wrong + _PSEUDO * promised / np.maximum(total, 1.0)) / (total + _PSEUDO)
    used = total > 0
    smooth = IsotonicRegression(increasing=False).fit(np.flatnonzero(used), share[used], sample_weight=total[used])
    middle = np.bincount(at[inside], weights=best[inside], minlength=bins)[used] / total[used]
    found_odds = log_odds(1 - np.clip(smooth.predict(np.flatnonzero(used)), 1e-7, 1 - 1e-7))
    observed = np.minimum(found_odds, middle)
    return tuple((float(a), float(b)) for a, b in zip(middle, observed, strict=True))
