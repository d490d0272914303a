"""Train a linkage model on an index: two passes over the nation, and EM on counts on the driver.

Why a job of its own: a request must link the same alone or in company, so the model is trained
once, stored, and pinned by the runs that score with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jdl_spark.linkage import blocking, comparison, counting
from jdl_spark.linkage.counting import Census, Comparer
from jdl_spark.linkage.index import name_frequencies
from jdl_spark.linkage.records import IntArray, Records
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Field, Fit, Model
from jdl_spark.stats.randomness import generator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PSEUDO_PAIRS = 100.0
"""Random pairs that the starting u counts for."""
ROUNDS = 3
"""u is formed again with the m of the round before, so that matches among random pairs weigh nothing."""
_FEWEST_PRESENT, _MOST_PRESENT = 0.02, 0.98

_STARTING: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "forename": ((0.05, 0.02, 0.01, 0.01, 0.05, 0.85, 0.01), (0.93, 0.04, 0.01, 0.004, 0.005, 0.0109, 0.0001)),
    "surname": ((0.06, 0.01, 0.005, 0.015, 0.04, 0.87), (0.955, 0.03, 0.005, 0.003, 0.004, 0.003)),
    "middle": ((0.15, 0.10, 0.75), (0.90, 0.08, 0.02)),
    "birth": ((0.01, 0.01, 0.02, 0.03, 0.01, 0.92), (0.97, 0.018, 0.0079, 0.004, 0.00005, 0.00005)),
    "sex": ((0.01, 0.99), (0.5, 0.5)),
    "postcode": ((0.40, 0.10, 0.03, 0.02, 0.45), (0.984, 0.0138, 0.001, 0.001, 0.0002)),
    "pnc": ((0.01, 0.02, 0.97), (0.9998, 0.0001, 0.0001)),
}
"""Starting m and u per level: judged, not measured. m is of the order of the error rates that our linkage trials are
made with (a forename mistyped or varied in 7 of 100 records, a surname in 4, names swapped in 1, a date of birth wrong
in 3, people moved in 40), on the cautious side; u of birth dates is calendar arithmetic over some 55 birth years. EM
moves away from m as soon as there are a few dozen matches, random pairs from u."""

_SESSIONS: dict[str, tuple[str, ...]] = {
    "date": ("birth",),
    "names": ("forename", "surname"),
    "pnc": ("pnc",),
    "postcode_initial": ("postcode", "forename"),
}
"""Blocking rule of an EM session -> fields it shares, which it cannot train. The last two run only for a field that
is still untrained."""
_DEPENDENT = {"names": ("sex",)}
"""Fields that follow from what a session shares: namesakes nearly all have one sex, which with the u of random pairs
reads as evidence for a match (measured on synthetic data: m of an unequal birth date 0.05 where the truth is below
0.01)."""
_ALWAYS = ("date", "names")


def starting_fields() -> tuple[Field, ...]:
    """Return the fields with the m and u that training starts from."""
    return tuple(Field(name, levels, *_STARTING[name]) for name, levels in comparison.LEVELS.items())


def train(
    index: DataFrame,
    frequencies: DataFrame,
    sample: DataFrame,
    purpose: str,
    settings: LinkageSettings,
    seed: str | int,
) -> str:
    """Estimate the model under which a kind of left people links to an index.

    u comes from random pairs (and, for equal names, from the name frequencies), m from EM sessions
    on pairs that share a blocking key, the prior from the matches the sessions expect. On a handful
    of pairs everything stays near the starting values: m counts as PSEUDO_MATCHES matches, u as
    PSEUDO_PAIRS pairs.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        The right side: one release and population.
    frequencies : DataFrame of schemas.NAME_FREQUENCIES
        Of that population.
    sample : DataFrame of schemas.COHORT_MEMBERS or IDENTITY_INDEX
        The left people, one row per person or packed; at most SAMPLE_PEOPLE of them are used.
    purpose : str
        cohort or offender_benefit; names the random numbers.
    settings : LinkageSettings
    seed : str or int
        Names the random numbers.

    Returns
    -------
    str
        A stats.fellegi_sunter.Model as JSON.
    """
    left = counting.sampled(counting.left_people(sample), generator(seed, purpose, "sample"))
    compare = Comparer(starting_fields(), settings.jaro_winkler, name_frequencies(frequencies, "postcode")[0])
    census = counting.census(index, left, compare, settings, (str(seed), purpose))
    left_out = {name: np.array(sorted(keys), np.int64) for name, keys in census.left_out.items()}
    sessions = counting.count_sessions(index, left, left_out, compare, tuple(_SESSIONS))
    same_name = {
        field: _chance_of_same_name(frequencies, field, census.identities) for field in ("forename", "surname")
    }
    fields, present, fits = starting_fields(), 0.5, dict[str, Fit]()
    for _ in range(ROUNDS):
        share = present / census.identities if fits else 0.0
        fields = _with_u(fields, census, share, same_name)
        fits = _fit_sessions(fields, sessions, settings)
        fields = _averaged(fields, fits)
        present = _present(fields, fits, left, census)
    model = Model(
        fields=fields,
        present=present,
        identities=census.identities,
        left_out=census.left_out,
        thresholds=settings.jaro_winkler,
        training={
            "purpose": purpose,
            "people": len(left.people),
            "random_pairs": int(census.counts.sum()),
            "sessions": {
                name: {"pairs": int(sessions[name][1].sum()), "matches": fit.matches, "iterations": fit.iterations,
                       "converged": fit.converged}
                for name, fit in fits.items()
            },
        },
    )  # fmt: skip
    return model.to_json()


def _chance_of_same_name(frequencies: DataFrame, field: str, identities: int) -> float:
    """Return the chance that two different people of the index bear the same name."""
    _, people = name_frequencies(frequencies, field)
    u_exact = _STARTING[field][1][comparison.EXACT[field]]
    same = float((people * (people - 1)).sum()) + PSEUDO_PAIRS * u_exact
    return min(same / (identities * (identities - 1) + PSEUDO_PAIRS), 0.9)


def _with_u(fields: Sequence[Field], census: Census, share: float, same_name: Mapping[str, float]) -> tuple[Field, ...]:
    start = tuple(Field(f.name, f.levels, f.m, _STARTING[f.name][1]) for f in fields)
    levels = fellegi_sunter.pattern_levels(census.patterns, counting.SIZES)
    found = fellegi_sunter.fit_u(start, levels, census.counts, share, PSEUDO_PAIRS)
    return tuple(_with_exact(f, same_name[f.name]) if f.name in same_name else f for f in found)


def _with_exact(field: Field, chance: float) -> Field:
    """Set the u of exact agreement; the other levels keep their proportions."""
    exact = comparison.EXACT[field.name]
    rest = 1 - field.u[exact]
    u = tuple(chance if at == exact else value * (1 - chance) / rest for at, value in enumerate(field.u))
    return Field(field.name, field.levels, field.m, u)


def _fit_sessions(
    fields: Sequence[Field], sessions: Mapping[str, tuple[IntArray, IntArray]], settings: LinkageSettings
) -> dict[str, Fit]:
    """Run EM on each session's counts, always from the starting m."""
    start = tuple(Field(f.name, f.levels, _STARTING[f.name][0], f.u) for f in fields)
    fits: dict[str, Fit] = {}
    trained: set[str] = set()
    for name in _SESSIONS:
        patterns, counts = sessions[name]
        wanted = [_can_train(name, f.name) for f in start]
        new = {f.name for f, use in zip(start, wanted, strict=True) if use} - trained
        if not len(counts) or (name not in _ALWAYS and not new):
            continue
        levels = fellegi_sunter.pattern_levels(patterns, counting.SIZES)
        fit = fellegi_sunter.fit_m(start, levels, counts, wanted, settings.em_tolerance, settings.em_iterations)
        enough = {
            f.name
            for f, use, known in zip(start, wanted, fit.known, strict=True)
            if use and known >= fellegi_sunter.PSEUDO_MATCHES
        }
        if name in _ALWAYS or enough & new:
            fits[name] = fit
            trained |= enough
    return fits


def _can_train(session: str, field: str) -> bool:
    return field not in _SESSIONS[session] and field not in _DEPENDENT.get(session, ())


def _averaged(fields: Sequence[Field], fits: Mapping[str, Fit]) -> tuple[Field, ...]:
    """Return each field's m as the mean over the sessions that could train it, weighted by their matches."""
    averaged = []
    for column, field in enumerate(fields):
        total, weight = np.array(_STARTING[field.name][0]), 1.0
        for name, fit in fits.items():
            if _can_train(name, field.name):
                total = total + fit.known[column] * np.array(fit.fields[column].m)
                weight += fit.known[column]
        m = total / weight
        averaged.append(Field(field.name, field.levels, tuple(map(float, m / m.sum())), field.u))
    return tuple(averaged)


def _present(fields: Sequence[Field], fits: Mapping[str, Fit], left: Records, census: Census) -> float:
    """Return the share of left people who have an identity in the index.

    The first session's expected matches, over the people who could have been in it: known on both
    sides, and agreeing exactly although the records may hold errors.
    """
    m_exact = {f.name: f.m[comparison.EXACT[f.name]] for f in fields if f.name in comparison.EXACT}
    for name, fit in fits.items():
        rule = next(rule for rule in blocking.RULES if rule.name == name)
        people = len(np.unique(left.person[rule.probe(left)[0]]))
        reach = census.keyed[rule.key] * float(np.prod([m_exact[field] for field in _SESSIONS[name]]))
        if people * reach >= 1:
            return float(np.clip((fit.matches + 1) / (people * reach + 2), _FEWEST_PRESENT, _MOST_PRESENT))
    return 0.5
