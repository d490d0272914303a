"""What a trained model says of real people: the prior, and the probability from which to link.

Why a trial: how many people are in the index, and from which probability on links are right often
enough, depends on how the weights of whole people fall, not on one field's probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jdl_spark.linkage import calibration, resolution
from jdl_spark.linkage.index import Counted
from jdl_spark.linkage.link import find_candidates
from jdl_spark.linkage.records import IntArray, Records
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import FloatArray, Model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TRIED_PEOPLE = 6_000
_FEWEST_PRESENT, _MOST_PRESENT = 0.02, 0.98
_FEWEST_OTHERS, _MOST_OTHERS = 1e-4, 50.0
"""Other records of a person in the same table."""
LOWEST, HIGHEST = 0.9, 0.999
"""Bounds of the operating point: few people may leave a wide gap above which all links are right."""
_ROUNDS = 20


def settle(
    model: Model,
    left: Records,
    index: DataFrame,
    counted: Mapping[str, Counted],
    settings: LinkageSettings,
    itself: bool,
    verdicts: Mapping[tuple[int, int], bool],
) -> Model:
    """Link some left people, and set the model's prior and operating point by what is found.

    Parameters
    ----------
    model : with every level's probabilities
    left : at most TRIED_PEOPLE people
    itself : left and right are one table; then `present` stands for d / (1 + d), d the other records that a
        person is expected to have, and nothing is calibrated: a second best may be right as well
    verdicts : (person, identity) to whether a reviewer found both to be the same

    Returns
    -------
    Model
        `present`: the mean probability of being in the index at all (EM on the prior alone).
        `link_probability`: the lowest from which the expected share of right links is at least
        `settings.link_precision`.
    """
    if not len(left):
        return model
    found = find_candidates(left, index, counted, model, settings, itself)
    if itself:
        present, weight = _others(model, found, len(left.people))
        pairs = resolution.pair_probability(weight)
        threshold = lowest_threshold(pairs, settings.link_precision)
        return replace(model, present=present, link_probability=threshold)
    present, weight = _present(model, found, len(left.people))
    people, best, second = calibration.best_and_second(found.person, weight)
    without = np.zeros(len(left), bool) if "pnc" not in {f.name for f in model.fields} else left.pnc != b""
    comparable = ~np.isin(people, left.person[without])
    knots = calibration.fit(
        best, second, comparable, present, len(left.people), _labelled(found, weight, people, best, verdicts)
    )
    model = replace(model, present=present, calibration=knots)
    probability = resolution.calibrated(model, found.person, resolution.posteriors(found.person, weight))
    top = np.maximum.reduceat(probability, np.searchsorted(found.person, people)) if len(people) else probability
    return replace(model, link_probability=lowest_threshold(top, settings.link_precision))


def _labelled(
    found: Candidates, weight: FloatArray, people: IntArray, best: FloatArray, verdicts: Mapping[tuple[int, int], bool]
) -> list[tuple[float, bool]]:
    """Return the odds of each decided person's best identity, and whether it is the right one."""
    order = np.lexsort((-weight, found.person))
    first = np.searchsorted(found.person[order], people)
    identity = found.identity[order][first]
    same = {person: of for (person, of), is_same in verdicts.items() if is_same}
    labelled = []
    for person, of, odds in zip(people.tolist(), identity.tolist(), best.tolist(), strict=True):
        if person in same:
            labelled.append((odds, same[person] == of))
        elif (person, of) in verdicts:
            labelled.append((odds, False))
    return labelled


def _present(model: Model, found: Candidates, people: int) -> tuple[float, FloatArray]:
    """Return the share of people in the index, and the weights under it."""
    present, weight = model.present, found.weight
    for _ in range(_ROUNDS):
        mass = float(resolution.posteriors(found.person, weight).sum())
        present = float(np.clip((mass + 1) / (people + 2), _FEWEST_PRESENT, _MOST_PRESENT))
        shifted = replace(model, present=present).prior_bits - model.prior_bits
        weight = found.weight + shifted
    return present, weight


def _others(model: Model, found: Candidates, people: int) -> tuple[float, FloatArray]:
    """Return d / (1 + d), d the other records a person has, and the weights under it."""
    present, weight = model.present, found.weight
    for _ in range(_ROUNDS):
        mass = float(resolution.pair_probability(weight).sum())
        others = float(np.clip((mass + 1) / (people + 2), _FEWEST_OTHERS, _MOST_OTHERS))
        present = others / (1 + others)
        weight = found.weight + replace(model, present=present).prior_bits - model.prior_bits
    return present, weight


def lowest_threshold(best: FloatArray, precision: float) -> float:
    """Return the lowest probability from which links are expected to be right often enough.

    Parameters
    ----------
    best : float64, shape (people,). Probability of each person's best identity.
    precision : share of links that should be right

    Returns
    -------
    float
        Between LOWEST and HIGHEST; LOWEST where all from there on are right often enough.
    """
    ranked = np.sort(best[best >= LOWEST])[::-1]
    expected = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    good = np.flatnonzero(expected >= precision)
    if len(good) == len(ranked):
        return LOWEST
    lowest = ranked[good[-1]] if len(good) else HIGHEST
    return float(np.clip(lowest, LOWEST, HIGHEST))
