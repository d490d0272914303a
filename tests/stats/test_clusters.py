"""Who is listed several times in one table: groups by mean likelihood ratio, against the obvious slow way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from jdl_spark.linkage.clusters import cluster, each_pair_once, pairs_of, resolve_duplicates
from jdl_spark.linkage.records import IntArray
from jdl_spark.linkage.resolution import AMBIGUOUS, LINKED
from jdl_spark.linkage.scoring import Candidates
from jdl_spark.settings import LinkageSettings
from jdl_spark.stats.fellegi_sunter import Field, Model

MODEL = Model((Field("sex", ("else", "exact"), (0.1, 0.9), (0.5, 0.5)),), 0.5, 10, link_probability=0.9)


def _pairs(weights: dict[tuple[int, int], float], pnc: frozenset[tuple[int, int]] = frozenset()) -> Candidates:
    """Return pairs of listings, as they are found from both sides."""
    both = sorted([(a, b, w, (a, b) in pnc) for (a, b), w in weights.items()]
                  + [(b, a, w, (a, b) in pnc) for (a, b), w in weights.items()])  # fmt: skip
    person, identity, weight, same = zip(*both, strict=True) if both else ((), (), (), ())
    return Candidates(
        np.array(person, np.int64), np.array(identity, np.int64), np.array(weight, float), np.array(same, bool)
    )


def _groups(weights: dict[tuple[int, int], float], listings: int, threshold: float = 3.0) -> list[int]:
    pairs = each_pair_once(_pairs(weights))
    found: list[int] = cluster(pairs, listings, pairs.weight, threshold).tolist()
    return found


def _slowly(weights: dict[tuple[int, int], float], listings: int, threshold: float) -> list[int]:
    """Go through the pairs from the surest on, and average over all pairs between two groups each time."""
    groups = [{listing} for listing in range(listings)]
    for (a, b), weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        one = next(group for group in groups if a in group)
        other = next(group for group in groups if b in group)
        if weight < threshold or one is other:
            continue
        ratios = [2.0 ** weights[pair] if (pair := (min(x, y), max(x, y))) in weights else 0.0
                  for x, y in itertools.product(one, other)]  # fmt: skip
        if sum(ratios) / len(ratios) >= 2.0**threshold:
            groups.remove(other)
            one |= other
    return [min(next(group for group in groups if listing in group)) for listing in range(listings)]


def test_a_listing_joins_through_another() -> None:
    assert _groups({(0, 1): 30.0, (0, 2): 6.0}, 4) == [0, 0, 0, 3]


def test_one_likely_pair_does_not_join_two_people() -> None:
    five = dict.fromkeys(itertools.combinations(range(5), 2), 20.0)
    assert _groups(five | {(4, 5): 4.2}, 6) == [0, 0, 0, 0, 0, 5]
    assert _groups(five | {(4, 5): 8.0}, 6) == [0] * 6


@pytest.mark.parametrize("seed", range(20))
def test_groups_are_those_of_the_slow_way(seed: int) -> None:
    random = np.random.default_rng(seed)
    chosen = [pair for pair in itertools.combinations(range(12), 2) if random.random() < 0.3]
    weights = {pair: float(random.choice([-2.0, 1.0, 3.0, 4.0, 5.0, 7.0, 12.0])) for pair in chosen}
    assert _groups(weights, 12) == _slowly(weights, 12, 3.0)


def test_pairs_of_groups() -> None:
    group: IntArray = np.array([0, 1, 0, 3, 1, 0])
    assert sorted(zip(*(side.tolist() for side in pairs_of(group)), strict=True)) == [(0, 2), (0, 5), (1, 4), (2, 5)]


def test_decisions_on_pairs() -> None:
    weights = {(0, 1): 10.0, (0, 2): 9.0, (3, 4): 2.0, (5, 6): -3.0, (3, 6): -6.0}
    pairs, resolved = resolve_duplicates(
        _pairs(weights, frozenset({(5, 6)})), 8, MODEL, LinkageSettings(bar_probability=0.01)
    )
    told = {
        (int(a), int(b)): int(status)
        for a, b, status in zip(pairs.person, pairs.identity, resolved.status, strict=True)
    }
    assert told == {(0, 1): LINKED, (0, 2): LINKED, (1, 2): LINKED, (3, 4): AMBIGUOUS, (3, 6): 0, (5, 6): LINKED}
    through = [bool(value) for value in np.isnan(pairs.weight)]
    assert [pair for pair, missing in zip(told, through, strict=True) if missing] == [(1, 2)]
    assert np.array_equal(np.isnan(resolved.probability), np.isnan(pairs.weight))
    assert resolved.probability[0] == pytest.approx(1 / (1 + 2.0**-10))


def test_nobody_is_listed_twice() -> None:
    pairs, resolved = resolve_duplicates(_pairs({}), 3, MODEL, LinkageSettings())
    assert len(pairs) == len(resolved.status) == 0
