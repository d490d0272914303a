"""The average treatment effect on the matched treated, with its influence terms and standard errors.

Influence terms follow Otsu & Rai (2017, JASA 112, 1720-1732) without bias correction of the point
estimate: a correction with a wrong outcome model made coverage much worse in published simulations.
Where no comparison person is used twice the matched set is the independent unit (Austin & Small 2014;
Abadie & Spiess 2022), and its terms take their place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.shard import FloatArray, IntArray

NAN = float("nan")


@dataclass(frozen=True)
class MatchedSets:
    """Who is matched with whom, sorted by identifier.

    Attributes
    ----------
    treated_person : int64, shape (n1,). One treated event each.
    treated_score : float64, shape (n1,). Logit of the propensity score.
    comparison_person : int64, shape (m,). One distinct comparison event each.
    comparison_score : float64, shape (m,).
    pair_set, pair_comparison : int64, shape (pairs,). Row of the treated and of the comparison event.
    pair_weight : float64, shape (pairs,). 1/k; sums to 1 in each set.
    """

    treated_person: IntArray
    treated_score: FloatArray
    comparison_person: IntArray
    comparison_score: FloatArray
    pair_set: IntArray
    pair_comparison: IntArray
    pair_weight: FloatArray

    @property
    def comparison_weight(self) -> FloatArray:
        """Sum of 1/k over the sets that use each comparison event, shape (m,); sums to n1."""
        return np.bincount(self.pair_comparison, self.pair_weight, len(self.comparison_person)).astype(np.float64)

    @property
    def reused(self) -> bool:
        """Whether a comparison person stands in more than one place."""
        persons = self.comparison_person[self.pair_comparison]
        return len(np.unique(persons)) < len(persons)


@dataclass(frozen=True)
class Effect:
    """An effect and what its uncertainty is made of; standard errors are NaN where they do not apply.

    `terms` are the influence terms of the independent units, sorted; their sum over `n_treated` is the
    estimate's error.
    """

    n_treated: int
    n_comparison: int
    mean_treated: float
    mean_comparison: float
    att: float
    terms: FloatArray
    se_abadie_imbens: float
    se_matched_set: float
    se_person: float
    se_two_way: float


def estimate_effect(sets: MatchedSets, treated: FloatArray, comparison: FloatArray) -> Effect | None:
    """Return the difference of the matched groups' means and its influence terms.

    Parameters
    ----------
    sets : MatchedSets
    treated : float64, shape (n1,). Outcome of the treated; NaN for people outside the measure, for instance
        who did not reoffend where the days to the first reoffence are asked for.
    comparison : float64, shape (m,). Likewise. Where somebody is outside, both means are over those inside,
        the comparison weights scaled to the treated inside.

    Returns
    -------
    Effect or None
        None if a group has nobody inside the measure.
    """
    inside_t, inside_c = ~np.isnan(treated), ~np.isnan(comparison)
    n, weight = int(inside_t.sum()), sets.comparison_weight[inside_c]
    if not n or not weight.sum():
        return None
    weight = weight * (n / weight.sum())
    y_t, y_c = treated[inside_t], comparison[inside_c]
    mean_t, mean_c = float(y_t.mean()), float((weight * y_c).sum() / n)
    att = mean_t - mean_c
    whole = bool(inside_t.all() and inside_c.all())
    by_person = _influence_by_person(sets, inside_t, inside_c, y_t, y_c, weight)
    gaps = treated - np.bincount(sets.pair_set, sets.pair_weight * comparison[sets.pair_comparison], len(treated))
    by_set = whole and not sets.reused
    set_terms = (gaps - att) * math.sqrt(n / max(n - 1, 1)) if by_set else np.empty(0)
    se_person, se_two_way = _clustered(sets, treated, comparison, mean_t, mean_c) if whole else (NAN, NAN)
    return Effect(
        n_treated=n,
        n_comparison=int(inside_c.sum()),
        mean_treated=mean_t,
        mean_comparison=mean_c,
        att=att,
        terms=set_terms if by_set else by_person,
        se_abadie_imbens=_abadie_imbens(sets, gaps, comparison, att) if whole else NAN,
        se_matched_set=math.sqrt(float((set_terms**2).sum())) / n if by_set and n > 1 else NAN,
        se_person=se_person,
        se_two_way=se_two_way,
    )


def _influence_by_person(
    sets: MatchedSets,
    inside_t: np.ndarray,
    inside_c: np.ndarray,
    y_t: FloatArray,
    y_c: FloatArray,
    weight: FloatArray,
) -> FloatArray:
    """Return the influence terms summed within person, sorted by person.

    e_i = (Y_i - m0_i), centred, times sqrt(n/(n-1)) for the treated; -w_i (Y_i - m0_i) sqrt(m/(m-p)) for the
    matched comparison people, m0 a weighted least-squares line of their outcomes on the score.
    """
    score_t, score_c = sets.treated_score[inside_t], sets.comparison_score[inside_c]
    fitted_t, fitted_c, p = _outcome_line(score_c, y_c, weight, score_t)
    n, m = len(y_t), len(y_c)
    of_treated = y_t - fitted_t
    of_treated = (of_treated - of_treated.mean()) * math.sqrt(n / max(n - 1, 1))
    of_comparison = -weight * (y_c - fitted_c) * math.sqrt(m / max(m - p, 1))
    person = np.concatenate([sets.treated_person[inside_t], sets.comparison_person[inside_c]])
    _, unit = np.unique(person, return_inverse=True)
    return np.bincount(unit, np.concatenate([of_treated, of_comparison])).astype(np.float64)


def _outcome_line(
    score: FloatArray, outcome: FloatArray, weight: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray, int]:
    """Return the weighted least-squares line's values at `at` and at `score`, and its coefficients' number."""
    total = weight.sum()
    centre, level = (weight * score).sum() / total, (weight * outcome).sum() / total
    spread = (weight * (score - centre) ** 2).sum()
    if len(score) <= 2 or spread <= 1e-12 * total * max(1.0, centre * centre):
        return np.full(len(at), level), np.full(len(score), level), 1
    slope = (weight * (score - centre) * outcome).sum() / spread
    return level + slope * (at - centre), level + slope * (score - centre), 2


def _abadie_imbens(sets: MatchedSets, gaps: FloatArray, comparison: FloatArray, att: float) -> float:
    """Return the standard error of Abadie & Imbens (2006, Econometrica 74, 235-267) for the ATT.

    V = [sum over treated (D_i - att)^2 + sum over comparison s_j^2 (K_j^2 - KK_j)] / n1^2, D_i the gap within a
    set, K_j and KK_j the sums of 1/k and 1/k^2 over the sets that use j, s_j^2 half the squared difference to
    the nearest matched comparison event by score. NaN for one comparison event.
    """
    n, m = len(gaps), len(comparison)
    if m < 2 or n < 2:
        return NAN
    k = sets.comparison_weight
    kk = np.bincount(sets.pair_comparison, sets.pair_weight**2, m)
    order = np.argsort(sets.comparison_score, kind="stable")
    score, outcome = sets.comparison_score[order], comparison[order]
    step = np.diff(score)
    left, right = np.concatenate([[np.inf], step]), np.concatenate([step, [np.inf]])
    neighbour = np.where(left <= right, np.arange(m) - 1, np.arange(m) + 1)
    variance = np.empty(m)
    variance[order] = (outcome - outcome[neighbour]) ** 2 / 2
    total = ((gaps - att) ** 2).sum() + (variance * (k**2 - kk)).sum()
    return math.sqrt(max(float(total), 0.0)) / n


def _clustered(
    sets: MatchedSets, treated: FloatArray, comparison: FloatArray, mean_t: float, mean_c: float
) -> tuple[float, float]:
    """Return the standard errors clustered on the person, and two-way: V(set) + V(person) - V(row).

    Rows are the treated and the pairs of the matched data (Austin & Cafri 2020). NaN if the two-way
    variance is negative.
    """
    n = len(treated)
    rows = np.concatenate([treated - mean_t, -sets.pair_weight * (comparison[sets.pair_comparison] - mean_c)])
    set_of = np.concatenate([np.arange(n), sets.pair_set])
    person = np.concatenate([sets.treated_person, sets.comparison_person[sets.pair_comparison]])
    _, unit = np.unique(person, return_inverse=True)
    v_set = float((np.bincount(set_of, rows) ** 2).sum())
    v_person = float((np.bincount(unit, rows) ** 2).sum())
    v_row = float((rows**2).sum())
    two_way = v_set + v_person - v_row
    return math.sqrt(v_person) / n, math.sqrt(two_way) / n if two_way >= 0 else NAN
