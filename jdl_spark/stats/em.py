"""The EM algorithm for a linkage model, on counts of agreement patterns.

Why on counts: what each step needs of millions of pairs is how often each of a few thousand patterns
occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jdl_spark.stats.fellegi_sunter import Field, FloatArray, IntArray, Levels, field_weights


@dataclass(frozen=True)
class Fit:
    """What EM found in one session.

    Attributes
    ----------
    fields : with the new m; fields left out of the session are as they were
    matches : expected number of pairs that are the same person
    share : matches over pairs
    known : per field, expected matches on which the field is known
    strangers : per field, the u found among the session's strangers
    iterations, converged : how it ended
    """

    fields: tuple[Field, ...]
    matches: float
    share: float
    known: tuple[float, ...]
    strangers: tuple[tuple[float, ...], ...]
    iterations: int
    converged: bool


PSEUDO_MATCHES = 10.0
"""Expected matches that the starting m counts for: training on a handful of pairs stays near it."""
PSEUDO_STRANGERS = 2_000.0
"""Pairs of strangers that the u of random pairs counts for within a session."""


def fit_m(
    fields: Sequence[Field],
    levels: Levels,
    counts: IntArray,
    trained: Sequence[bool],
    tolerance: float,
    iterations: int,
    pseudo_matches: float = PSEUDO_MATCHES,
    pseudo_strangers: float = PSEUDO_STRANGERS,
    rivals: FloatArray | None = None,
) -> Fit:
    """Estimate m and the share of matches among some pairs by EM, with u held fixed.

    Parameters
    ----------
    fields : starting point; its u stays
    levels : int8, shape (k, number of fields). Distinct agreement patterns.
    counts : int64, shape (k,). How often each occurs.
    trained : per field, whether the session may use and estimate it. The fields by which the pairs
        were blocked are left out: they agree by construction.
    tolerance : largest change of any probability at which EM has converged
    iterations : most steps
    pseudo_matches : weight of the starting m, in expected matches; the share has a uniform prior
    rivals : float64, shape (k,), optional. How much likelier than among strangers a pattern is among
        all who are not the same, relatives included (`rivalry`); ones where left out.

    References
    ----------
    Dempster, Laird & Rubin (1977); Winkler (1988), Using the EM algorithm for weight computation in
    the Fellegi-Sunter model of record linkage; sessions as in Splink (Linacre et al. 2022).
    """
    start = [np.array(f.m) for f in fields]
    start_u = [np.array(f.u) for f in fields]
    used = [column for column, wanted in enumerate(trained) if wanted]
    m, u = [values.copy() for values in start], [values.copy() for values in start_u]
    pairs = float(counts.sum())
    share, step, change = 0.5, 0, np.inf
    posterior = np.zeros(len(counts))
    others = np.ones(len(counts)) if rivals is None else rivals
    while step < iterations and change > tolerance:
        step += 1
        bits = np.zeros(len(counts))
        for column in used:
            bits += np.append(np.log2(m[column] / u[column]), 0.0)[levels[:, column]]
        posterior = 1 / (1 + (1 - share) / share * others * np.exp2(-bits))
        matched = posterior * counts
        new_share = (matched.sum() + 1) / (pairs + 2)
        change = abs(new_share - share)
        share = new_share
        strangers = (counts - matched) / others
        for column in used:
            estimate = _share_of_levels(levels[:, column], matched, start[column], pseudo_matches)
            change = max(change, float(np.abs(estimate - m[column]).max()))
            m[column] = estimate
            u[column] = _share_of_levels(levels[:, column], strangers, start_u[column], pseudo_strangers)
    matched = posterior * counts
    known = tuple(float(matched[levels[:, column] >= 0].sum()) for column in range(len(fields)))
    found = tuple(Field(f.name, f.levels, tuple(map(float, values)), f.u) for f, values in zip(fields, m, strict=True))
    strangers_u = tuple(tuple(map(float, values)) for values in u)
    return Fit(found, float(matched.sum()), float(share), known, strangers_u, step, bool(change <= tolerance))


def fit_u(
    fields: Sequence[Field], levels: Levels, counts: IntArray, share: float, pseudo_pairs: float
) -> tuple[Field, ...]:
    """Estimate u from random pairs, each counted with the probability that it is no match.

    In two small files a random pair is the same person often enough to spoil the u of an
    identifier; with the current m and the share of matches those pairs weigh next to nothing.

    Parameters
    ----------
    levels, counts : agreement patterns of the random pairs
    share : probability that a random pair is a match
    pseudo_pairs : weight of the given u, in pairs
    """
    odds = share / (1 - share) * np.exp2(field_weights(fields, levels))
    different = counts / (1 + odds)
    return tuple(
        Field(
            f.name, f.levels, f.m,
            tuple(map(float, _share_of_levels(levels[:, column], different, np.array(f.u), pseudo_pairs))),
        )
        for column, f in enumerate(fields)
    )  # fmt: skip


def _share_of_levels(level: Levels, weight: FloatArray, prior: FloatArray, pseudo: float) -> FloatArray:
    """Return the weighted share of each level where the field is known, drawn towards a prior."""
    sums = np.bincount(level + 1, weights=weight, minlength=len(prior) + 1)[1:] + pseudo * prior
    return np.asarray(sums / sums.sum())
