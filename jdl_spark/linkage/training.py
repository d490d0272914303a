"""Train a linkage model on an index: one counting pass over the nation, EM on the driver, and a trial linkage.

Why a job of its own: a request must link the same alone or in company, so the model is trained
once, stored, and pinned by the runs that score with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark.linkage import blocking, comparison, counting, operating_point, relatives, reviewed
from jdl_spark.linkage.comparison import exact_level
from jdl_spark.linkage.counting import Census, Counts
from jdl_spark.linkage.index import name_frequencies
from jdl_spark.linkage.records import IntArray, Records
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats import em, fellegi_sunter
from jdl_spark.stats.em import Fit
from jdl_spark.stats.fellegi_sunter import Field, Model, Relatives
from jdl_spark.stats.randomness import generator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PSEUDO_PAIRS = 100.0
"""Random pairs that the starting u counts for."""
ROUNDS = 3
"""u is formed again with the m of the round before, so that matches among random pairs weigh nothing."""
IDENTIFIER_WEIGHT = 10.0
FEWEST_PRESENT, MOST_PRESENT = 0.02, 0.98
DUPLICATES = "duplicates"
"""Purpose of a model that finds people who are listed twice in one table."""

_STARTING: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "forename": (
        (0.03, 0.02, 0.01, 0.01, 0.03, 0.05, 0.84, 0.01),
        (0.926, 0.04, 0.01, 0.004, 0.004, 0.005, 0.0109, 0.0001),
    ),
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

_SESSIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "date": (("birth",), ("birth",)),
    "names": (("forename", "surname"), ("forename", "surname", "sex")),
    "pnc": (("pnc",), ("pnc",)),
    "postcode_surname": (("surname", "postcode"), ("surname", "postcode")),
}
"""EM session, by the training rule that finds all its pairs -> fields that must agree exactly, and fields that it
cannot train: those, and what follows from them. Namesakes nearly all have one sex, which with the u of random pairs
reads as evidence for a match (measured on synthetic data: m of an unequal birth date 0.05 where the truth is below
0.01). The last runs only for a field that is still untrained."""
_ALWAYS = ("date", "names", "pnc")


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
    labels: pa.Table | None = None,
) -> str:
    """Estimate the model under which a kind of left people links to an index.

    u comes from random pairs (and, for equal values, from how often people of the index share one),
    m from EM sessions on pairs that share a blocking key, relatives from pairs with equal surname and
    postcode, the prior and the operating point from a trial linkage of some of the people. On a
    handful of pairs everything stays near the starting values: m counts as PSEUDO_MATCHES matches,
    u as PSEUDO_PAIRS pairs.

    Parameters
    ----------
    index : DataFrame of schemas.IDENTITY_INDEX
        The right side: one release and population.
    frequencies : DataFrame of schemas.NAME_FREQUENCIES
        Of that population.
    sample : DataFrame of schemas.COHORT_MEMBERS or IDENTITY_INDEX
        The left people, one row per person or packed; at most counting.LEFT_PEOPLE of them are used.
    purpose : str
        Names the random numbers; `duplicates`: the left people are those of the index.
    settings : LinkageSettings
    seed : str or int
        Names the random numbers.
    labels : Arrow table of reviewed.LABELS, optional
        What reviewers decided about rows of a cohort sample; used to calibrate.

    Returns
    -------
    str
        A stats.fellegi_sunter.Model as JSON.
    """
    names = str(seed), purpose
    left = counting.sampled(counting.left_people(sample), counting.LEFT_PEOPLE, generator(*names, "sample"))
    counted = name_frequencies(frequencies)
    common = counted["postcode"][0]
    itself = purpose == DUPLICATES
    census = counting.census(index, left, starting_fields(), common, settings.random_pairs, itself, names)
    model, fits = _estimated(left, census, settings)
    model = replace(model, training=_report(purpose, left, census, fits))
    verdicts = _verdicts(sample, labels)
    decided = np.array(sorted({person for person, _ in verdicts}), np.int64)
    tried = counting.sampled(left, operating_point.TRIED_PEOPLE, generator(*names, "trial"), always=decided)
    return operating_point.settle(model, tried, index, counted, settings, itself, verdicts).to_json()


def _verdicts(sample: DataFrame, labels: pa.Table | None) -> dict[tuple[int, int], bool]:
    """Return decisions by the number of the left person (`counting.left_people`)."""
    if labels is None or not labels.num_rows:
        return {}
    order = [("request_id", "ascending"), ("person_ref", "ascending")]
    return reviewed.verdicts_of(labels, sample.select("request_id", "person_ref").toArrow().sort_by(order))


def _estimated(left: Records, census: Census, settings: LinkageSettings) -> tuple[Model, dict[str, Fit]]:
    """Alternate between u, m and relatives until each knows of the others.

    Why the sessions know relatives only as rare as they are thought at the start: a record that shares
    both names and the address, but not the date of birth, is the same person with a wrong date or his
    son. Left to find out both shares from such pairs alone, EM declares all of them sons.
    """
    fields, kinds = starting_fields(), relatives.starting(starting_fields())
    present, fits = 0.5, dict[str, Fit]()
    for _ in range(ROUNDS):
        fields = _with_u(fields, census, present / census.identities if fits else 0.0)
        fits = _fit_sessions(fields, relatives.starting(fields), census, settings)
        fields = _averaged(fields, fits)
        kinds = _relatives(fields, kinds, left, census)
        present = _present(fields, fits, left, census)
    model = Model(fields, present, census.identities, kinds, birth_of_namesakes=_births(fields, fits))
    return model, fits


def _births(fields: Sequence[Field], fits: Mapping[str, Fit]) -> tuple[float, ...]:
    """Return the u of the date of birth among strangers of one name, which a session of namesakes finds.

    It finds it for pairs that know nothing of each other beyond the name; equal dates are too rare
    among them to be told from matches, so their lift is taken to be that of the same year.
    """
    column = next((c for c, f in enumerate(fields) if f.name == "birth"), None)
    if column is None or "names" not in fits:
        return ()
    levels, u = fields[column].levels, np.array(fields[column].u)
    lift = np.array(fits["names"].strangers[column]) / u
    rare = [levels.index(name) for name in ("transposed", "exact") if name in levels]
    lift[rare] = max(lift[levels.index("same_year")], 1.0)
    given = u * lift
    return tuple(map(float, given / given.sum()))


def _report(purpose: str, left: Records, census: Census, fits: Mapping[str, Fit]) -> dict[str, object]:
    return {
        "purpose": purpose,
        "people": len(left.people),
        "surveyed_share": census.surveyed,
        "random_pairs": int(census.random.counts.sum()),
        "sessions": {
            name: {
                "pairs": int(_session(name, starting_fields(), census.blocked)[1].sum()),
                "matches": fit.matches,
                "iterations": fit.iterations,
                "converged": fit.converged,
            }
            for name, fit in fits.items()
        },
    }


def _with_u(fields: Sequence[Field], census: Census, share: float) -> tuple[Field, ...]:
    start = tuple(Field(f.name, f.levels, f.m, _STARTING[f.name][1]) for f in fields)
    levels = fellegi_sunter.pattern_levels(census.random.patterns, comparison.sizes(fields))
    found = em.fit_u(start, levels, census.random.counts, share, PSEUDO_PAIRS)
    if census.all_pairs:
        return found
    return tuple(_with_exact(f, census) if f.name in census.same else f for f in found)


def _with_exact(field: Field, census: Census) -> Field:
    """Set the u of equal values to what all surveyed people show; the other levels keep their proportions.

    The starting value counts for one pair of equals. An equal postcode is two levels, common and
    exact, which keep their proportion too.
    """
    equal = np.array([level in ("exact", "common") for level in field.levels])
    u, start = np.array(field.u), np.array(_STARTING[field.name][1])
    same, pairs = census.same[field.name]
    chance = min((same + 1) / (pairs + 1 / start[equal].sum()), 0.9)
    u = np.where(equal, u * chance / u[equal].sum(), u * (1 - chance) / u[~equal].sum())
    return Field(field.name, field.levels, field.m, tuple(map(float, u)))


def _session(name: str, fields: Sequence[Field], blocked: Counts) -> tuple[comparison.Levels, IntArray]:
    """Return the patterns, and their counts, of the pairs that agree exactly on a session's fields."""
    levels = fellegi_sunter.pattern_levels(blocked.patterns, comparison.sizes(fields))
    agree = np.ones(len(levels), bool)
    for column, field in enumerate(fields):
        if field.name in _SESSIONS[name][0]:
            agree &= levels[:, column] == exact_level(field)
    return levels[agree], blocked.counts[agree]


def _fit_sessions(
    fields: Sequence[Field], kinds: Sequence[Relatives], census: Census, settings: LinkageSettings
) -> dict[str, Fit]:
    """Run EM on each session's counts, always from the starting m."""
    start = tuple(Field(f.name, f.levels, _STARTING[f.name][0], f.u) for f in fields)
    fits: dict[str, Fit] = {}
    trained: set[str] = set()
    for name in _SESSIONS:
        levels, counts = _session(name, fields, census.blocked)
        wanted = [_can_train(name, f.name) for f in start]
        new = {f.name for f, use in zip(start, wanted, strict=True) if use} - trained
        if not len(counts) or (name not in _ALWAYS and not new):
            continue
        rivals = fellegi_sunter.rivalry(fields, kinds, census.identities, levels, {})
        fit = em.fit_m(start, levels, counts, wanted, settings.em_tolerance, settings.em_iterations, rivals=rivals)
        enough = {
            f.name for f, use, known in zip(start, wanted, fit.known, strict=True) if use and known >= em.PSEUDO_MATCHES
        }
        if name in _ALWAYS or enough & new:
            fits[name] = fit
            trained |= enough
    return fits


def _can_train(session: str, field: str) -> bool:
    return field not in _SESSIONS[session][1]


def _averaged(fields: Sequence[Field], fits: Mapping[str, Fit]) -> tuple[Field, ...]:
    """Return each field's m as the mean over the sessions that could train it, weighted by their matches.

    Those found by a shared identifier count IDENTIFIER_WEIGHT times: they are surely the same people,
    whatever their names and dates look like.
    """
    averaged = []
    for column, field in enumerate(fields):
        total, weight = np.array(_STARTING[field.name][0]), 1.0
        for name, fit in fits.items():
            if _can_train(name, field.name):
                counted = fit.known[column] * (IDENTIFIER_WEIGHT if name == "pnc" else 1.0)
                total = total + counted * np.array(fit.fields[column].m)
                weight += counted
        m = total / weight
        averaged.append(Field(field.name, field.levels, tuple(map(float, m / m.sum())), field.u))
    return tuple(averaged)


def _relatives(
    fields: Sequence[Field], kinds: Sequence[Relatives], left: Records, census: Census
) -> tuple[Relatives, ...]:
    levels, counts = _session("postcode_surname", fields, census.blocked)
    exposed = _reach("postcode_surname", fields, left, census)
    return relatives.fit(fields, kinds, levels, counts, exposed, census.identities)


def _present(fields: Sequence[Field], fits: Mapping[str, Fit], left: Records, census: Census) -> float:
    """Return the share of left people who have an identity in the index: a session's matches over its reach."""
    for name, fit in fits.items():
        reach = _reach(name, fields, left, census)
        if reach >= 1:
            return float(np.clip((fit.matches + 1) / (reach + 2), FEWEST_PRESENT, MOST_PRESENT))
    return 0.5


def _reach(name: str, fields: Sequence[Field], left: Records, census: Census) -> float:
    """Return the left people whose own identity would be in a session if all of them were in the index.

    Known on both sides, in the surveyed shards, and agreeing exactly although the records may hold errors.
    """
    m_exact = {f.name: f.m[exact_level(f)] for f in fields}
    rule = next(rule for rule in blocking.TRAINING_RULES if rule.name == name)
    people = left.bearers(rule.probe(left)[0])
    agree = float(np.prod([m_exact[field] for field in _SESSIONS[name][0]]))
    return people * census.keyed[name] * census.surveyed * agree
