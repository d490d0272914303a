"""The model against a per-pair oracle, and against planted probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdl_spark.stats import em, fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Field, Model, Relatives
from jdl_spark.stats.randomness import generator

FIELDS = (
    Field("name", ("disagree", "close", "exact"), (0.1, 0.2, 0.7), (0.9, 0.08, 0.02)),
    Field("birth", ("disagree", "exact"), (0.05, 0.95), (0.99, 0.01)),
    Field("place", ("disagree", "near", "exact"), (0.3, 0.2, 0.5), (0.8, 0.15, 0.05)),
)
SIZES = (3, 2, 3)


def _draw(pairs: int, share: float, missing: float = 0.1) -> np.ndarray:
    random = generator("planted")
    match = random.random(pairs) < share
    levels = np.empty((pairs, len(FIELDS)), np.int8)
    for column, field in enumerate(FIELDS):
        same, other = (random.choice(len(p), pairs, p=p) for p in (field.m, field.u))
        levels[:, column] = np.where(match, same, other)
        levels[random.random(pairs) < missing, column] = -1
    return levels


def _start() -> tuple[Field, ...]:
    flat = {3: (0.2, 0.3, 0.5), 2: (0.3, 0.7)}
    return tuple(Field(f.name, f.levels, flat[len(f.levels)], f.u) for f in FIELDS)


def _slow_em(
    levels: np.ndarray, rivals: list[float], steps: int, pseudo: float, strangers: float
) -> tuple[float, list[list[float]]]:
    """EM pair by pair in plain Python."""
    start, start_u = [list(f.m) for f in _start()], [list(f.u) for f in _start()]
    m, u, share = [list(values) for values in start], [list(values) for values in start_u], 0.5
    for _ in range(steps):
        posteriors = []
        for pair, rival in zip(levels.tolist(), rivals, strict=True):
            same, different = share, (1 - share) * rival
            for column, level in enumerate(pair):
                if level >= 0:
                    same *= m[column][level]
                    different *= u[column][level]
            posteriors.append(same / (same + different))
        share = (sum(posteriors) + 1) / (len(posteriors) + 2)
        for column in range(len(FIELDS)):
            sums = [pseudo * p for p in start[column]]
            for pair, posterior in zip(levels.tolist(), posteriors, strict=True):
                if pair[column] >= 0:
                    sums[pair[column]] += posterior
            m[column] = [value / sum(sums) for value in sums]
            sums = [strangers * p for p in start_u[column]]
            for pair, posterior, rival in zip(levels.tolist(), posteriors, rivals, strict=True):
                if pair[column] >= 0:
                    sums[pair[column]] += (1 - posterior) / rival
            u[column] = [value / sum(sums) for value in sums]
    return share, m


def test_em_on_counts_equals_em_pair_by_pair() -> None:
    levels = _draw(400, 0.3)
    patterns, counts = fellegi_sunter.count_patterns(levels, SIZES)
    distinct = fellegi_sunter.pattern_levels(patterns, SIZES)
    rivals = 1 + 3.0 * (distinct[:, 0] == 2)
    fit = em.fit_m(
        _start(), distinct, counts, [True] * 3, 0.0, 25, pseudo_matches=5, pseudo_strangers=50, rivals=rivals
    )
    share, m = _slow_em(levels, (1 + 3.0 * (levels[:, 0] == 2)).tolist(), 25, 5, 50)
    assert fit.share == pytest.approx(share, abs=1e-12)
    for field, expected in zip(fit.fields, m, strict=True):
        assert field.m == pytest.approx(expected, abs=1e-12)
    assert not fit.converged


def test_em_recovers_planted_m_and_share() -> None:
    patterns, counts = fellegi_sunter.count_patterns(_draw(200_000, 0.2), SIZES)
    fit = em.fit_m(_start(), fellegi_sunter.pattern_levels(patterns, SIZES), counts, [True] * 3, 1e-8, 500)
    assert fit.converged
    assert fit.share == pytest.approx(0.2, abs=0.005)
    for found, planted in zip(fit.fields, FIELDS, strict=True):
        assert found.m == pytest.approx(planted.m, abs=0.01)


def test_u_of_random_pairs_is_not_spoilt_by_matches_among_them() -> None:
    patterns, counts = fellegi_sunter.count_patterns(_draw(200_000, 0.02, missing=0.0), SIZES)
    levels = fellegi_sunter.pattern_levels(patterns, SIZES)
    raw = em.fit_u(FIELDS, levels, counts, 0.0, 1.0)
    cleaned = em.fit_u(FIELDS, levels, counts, 0.02, 1.0)
    assert raw[1].u[1] > 0.02  # planted 0.01
    assert cleaned[1].u[1] == pytest.approx(0.01, abs=0.001)
    assert cleaned[0].u == pytest.approx(FIELDS[0].u, abs=0.003)


def test_a_session_leaves_its_blocked_field_alone() -> None:
    patterns, counts = fellegi_sunter.count_patterns(_draw(2_000, 0.3), SIZES)
    levels = fellegi_sunter.pattern_levels(patterns, SIZES)
    fit = em.fit_m(_start(), levels, counts, [True, False, True], 1e-6, 100)
    assert fit.fields[1] == _start()[1]
    assert fit.fields[0] != _start()[0]


def test_no_pairs_keep_the_starting_values() -> None:
    empty = np.empty((0, 3), np.int8), np.empty(0, np.int64)
    fit = em.fit_m(_start(), *empty, [True] * 3, 1e-6, 100)
    for found, start in zip(fit.fields, _start(), strict=True):
        assert found.m == pytest.approx(start.m)
    assert fit.matches == 0.0


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1), st.integers(-1, 2)), max_size=30))
def test_patterns_carry_their_levels(vectors: list[tuple[int, int, int]]) -> None:
    levels = np.array(vectors, np.int8).reshape(-1, 3)
    patterns, counts = fellegi_sunter.count_patterns(levels, SIZES)
    back = [tuple(row) for row in fellegi_sunter.pattern_levels(patterns, SIZES).tolist()]
    assert dict(zip(back, counts.tolist(), strict=True)) == {v: vectors.count(v) for v in set(vectors)}


def test_weights_are_bits_and_missing_says_nothing() -> None:
    levels = np.array([[2, 1, 2], [-1, -1, -1], [0, -1, 1]], np.int8)
    expected = [np.log2(35) + np.log2(95) + np.log2(10), 0.0, np.log2(1 / 9) + np.log2(0.2 / 0.15)]
    assert fellegi_sunter.field_weights(FIELDS, levels) == pytest.approx(expected)


def test_rare_names_weigh_more() -> None:
    bits = fellegi_sunter.frequency_bits(0.01, np.array([0, 1, 100, 10_000]), 10_000)
    assert bits == pytest.approx(np.log2(0.01 * 10_100 / np.array([2, 2, 101, 10_001])))
    assert fellegi_sunter.frequency_bits(0.01, np.array([1]), 2) == pytest.approx([np.log2(1.02 / 2)])


def test_a_model_survives_json() -> None:
    kin = Relatives("family", 0.1, tuple(f.m for f in FIELDS), ("name",))
    model = Model(FIELDS, 0.9, 1_000, (kin,), ((0.0, -1.0), (4.0, 3.5)), 0.95, (0.9, 0.1), ("name",), {"people": 3})
    assert Model.from_json(model.to_json()) == model
    assert model.prior_bits == pytest.approx(np.log2(0.9 / 1_000 / 0.1))
    for text in ("", "{}", "[]", '{"fields": 3}'):
        with pytest.raises(ValueError, match="not a linkage model"):
            Model.from_json(text)


def test_strangers_of_one_forename_are_born_in_the_same_years() -> None:
    """u(birth | same forename) takes the place of u(birth) where the forename agrees, against relatives too."""
    fields = (
        Field("forename", ("else", "exact"), (0.1, 0.9), (0.99, 0.01)),
        Field("birth", ("else", "exact"), (0.05, 0.95), (0.999, 0.001)),
    )
    kin = Relatives("family", 2.0, ((0.9, 0.1), (0.5, 0.5)), ())
    model = Model(fields, 0.5, 100, (kin,), birth_of_namesakes=(0.996, 0.004))
    found = fellegi_sunter.match_weights(model, np.array([[1, 1], [0, 1], [1, -1]], np.int8), {})
    expected = [
        0.9 * 0.95 / (0.01 * 0.004 + 2 / 100 * 0.1 * 0.5),
        0.1 * 0.95 / (0.99 * 0.001 + 2 / 100 * 0.9 * 0.5),
        0.9 / (0.01 + 2 / 100 * 0.1),
    ]
    assert 2**found == pytest.approx(expected)


def test_impossible_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="one probability per level"):
        Field("x", ("a", "b"), (1.0,), (0.5, 0.5))
    with pytest.raises(ValueError, match="add up to 1"):
        Field("x", ("a", "b"), (0.5, 0.6), (0.5, 0.5))


def test_relatives_explain_what_strangers_cannot() -> None:
    """Against Bayes' rule over the three kinds of people, written out."""
    kin = Relatives("family", 5.0, ((0.2, 0.1, 0.7), (0.9, 0.1), (0.1, 0.1, 0.8)), ("place",))
    model = Model(FIELDS, 0.5, 1_000, (kin,))
    levels = np.array([[0, 1, 2], [2, 1, 2], [2, -1, 0]], np.int8)
    rare = np.array([2.0, 0.0, 0.0])
    found = fellegi_sunter.match_weights(model, levels, {"place": rare})
    for row, bits, weight in zip(levels.tolist(), rare, found, strict=True):
        same = strange = related = 1.0
        for column, level in enumerate(row):
            if level >= 0:
                same *= FIELDS[column].m[level]
                strange *= FIELDS[column].u[level]
                related *= kin.probabilities[column][level]
        strange /= 2**bits  # two people share a rare value more rarely; those who inherited it, no more rarely
        assert 2**weight == pytest.approx(same / (strange + 5 / 1_000 * related))
