"""The average treatment effect on the matched treated, with its influence terms and standard errors.

Influence terms follow Otsu & Rai (2017, JASA 112, 1720-1732) without bias correction of the point
estimate: a correction with a wrong outcome model made coverage much worse in published simulations.
Where nobody stands in two places the matched set is the independent unit (Austin & Small 2014; Abadie &
Spiess 2022), and its terms take their place.

Where a measure is over some people only (days to the first reoffence: reoffenders), each mean is a ratio
of two sums, and both sums are chance. Every standard error is therefore computed from the linearised
outcome z = y - mean for those inside and 0 for those outside (delta method), on the whole matched sets:
who is inside then adds its share of the variance. For an outcome that everybody has, z = y - mean.
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
        return _sum_by(self.pair_comparison, self.pair_weight, len(self.comparison_person)).astype(np.float64)

    @property
    def independent(self) -> bool:
        """Whether nobody stands in more than one place: the matched sets then are independent units."""
        persons = np.concatenate([self.treated_person, self.comparison_person[self.pair_comparison]])
        return len(np.unique(persons)) == len(persons)


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
    n, weight = int(inside_t.sum()), sets.comparison_weight * inside_c
    if not n or not weight.sum():
        return None
    scale = n / weight.sum()
    mean_t = float(treated[inside_t].mean())
    mean_c = float((weight[inside_c] * comparison[inside_c]).sum() / weight.sum())
    z_t = np.where(inside_t, treated - mean_t, 0.0)
    z_c = np.where(inside_c, comparison - mean_c, 0.0) * scale
    gaps = z_t - _sum_by(sets.pair_set, sets.pair_weight * z_c[sets.pair_comparison], len(z_t))
    of_treated = math.sqrt(n / max(n - 1, 1))
    by_set: FloatArray | None = gaps * of_treated if sets.independent else None
    se_person, se_two_way = _clustered(sets, z_t, z_c)
    return Effect(
        n_treated=n,
        n_comparison=int(inside_c.sum()),
        mean_treated=mean_t,
        mean_comparison=mean_c,
        att=mean_t - mean_c,
        terms=_influence_by_person(sets, z_t, z_c, of_treated, int(inside_c.sum())) if by_set is None else by_set,
        se_abadie_imbens=_abadie_imbens(sets, gaps, z_c) / n,
        se_matched_set=NAN if by_set is None or n < 2 else math.sqrt(float((by_set**2).sum())) / n,
        se_person=se_person / n,
        se_two_way=se_two_way / n,
    )


def _influence_by_person(
    sets: MatchedSets, z_t: FloatArray, z_c: FloatArray, of_treated: float, inside: int
) -> FloatArray:
    """Return the influence terms summed within person, sorted by person.

    e_i = (z_i - m0_i), centred, times sqrt(n/(n-1)) for the treated; -w_i (z_i - m0_i) sqrt(m/(m-p)) for the
    matched comparison people, m0 a weighted least-squares line of their z on the score with p coefficients,
    n and m the treated and the comparison events inside the measure.
    """
    weight = sets.comparison_weight
    fitted_t, fitted_c, p = _outcome_line(sets.comparison_score, z_c, weight, sets.treated_score)
    e_t = z_t - fitted_t
    e_t = (e_t - e_t.mean()) * of_treated
    e_c = -weight * (z_c - fitted_c) * math.sqrt(inside / max(inside - p, 1))
    persons, unit = np.unique(np.concatenate([sets.treated_person, sets.comparison_person]), return_inverse=True)
    return _sum_by(unit, np.concatenate([e_t, e_c]), len(persons))


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


def _abadie_imbens(sets: MatchedSets, gaps: FloatArray, z_c: FloatArray) -> float:
    """Return n times the standard error of Abadie & Imbens (2006, Econometrica 74, 235-267) for the ATT.

    Its square is the sum over treated of D_i^2 plus the sum over comparison of s_j^2 (K_j^2 - KK_j): D_i the
    gap within a set (less the ATT), K_j and KK_j the sums of 1/k and 1/k^2 over the sets that use j, s_j^2
    half the squared difference to the nearest matched comparison event by score (on a tie, the one before it
    by score and identifier). NaN for one treated or one comparison event.
    """
    m = len(z_c)
    if m < 2 or len(gaps) < 2:
        return NAN
    k = sets.comparison_weight
    kk = _sum_by(sets.pair_comparison, sets.pair_weight**2, m)
    order = np.argsort(sets.comparison_score, kind="stable")
    score, outcome = sets.comparison_score[order], z_c[order]
    step = np.diff(score)
    left, right = np.concatenate([[np.inf], step]), np.concatenate([step, [np.inf]])
    neighbour = np.where(left <= right, np.arange(m) - 1, np.arange(m) + 1)
    variance = np.empty(m)
    variance[order] = (outcome - outcome[neighbour]) ** 2 / 2
    total = (gaps**2).sum() + (variance * (k**2 - kk)).sum()
    return math.sqrt(max(float(total), 0.0))


def _clustered(sets: MatchedSets, z_t: FloatArray, z_c: FloatArray) -> tuple[float, float]:
    """Return n times the standard errors clustered on the person, and two-way: V(set) + V(person) - V(row).

    Rows are the treated and the pairs of the matched data (Austin & Cafri 2020). NaN if the two-way
    variance is negative.
    """
    rows = np.concatenate([z_t, -sets.pair_weight * z_c[sets.pair_comparison]])
    set_of = np.concatenate([np.arange(len(z_t)), sets.pair_set])
    person = np.concatenate([sets.treated_person, sets.comparison_person[sets.pair_comparison]])
    persons, unit = np.unique(person, return_inverse=True)
    v_set = float((_sum_by(set_of, rows, len(z_t)) ** 2).sum())
    v_person = float((_sum_by(unit, rows, len(persons)) ** 2).sum())
    two_way = v_set + v_person - float((rows**2).sum())
    return math.sqrt(v_person), math.sqrt(two_way) if two_way >= 0 else NAN


def _sum_by(place: IntArray, values: FloatArray, length: int) -> FloatArray:
    """Return the sum of values at each place, added in their order."""
    return np.asarray(np.bincount(place, values, length), dtype=np.float64)
