"""Pair kernels against their slow, obvious forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import JaroWinkler

from jdl_spark.stats import name_similarity


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=40))
def test_distinct_pairs_rebuild_the_columns(pairs: list[tuple[int, int]]) -> None:
    left, right = (np.array([p[side] for p in pairs], np.int64) for side in (0, 1))
    a, b, which = name_similarity.distinct_pairs(left, right)
    assert (a[which] == left).all()
    assert (b[which] == right).all()
    assert len(a) == len(set(pairs))


def test_jaro_winkler_of_known_pairs() -> None:
    left, right = (np.array(texts, object) for texts in (["MARTHA", "DWAYNE", "A"], ["MARHTA", "DUANE", "B"]))
    assert name_similarity.jaro_winkler(left, right) == pytest.approx([0.961111, 0.84, 0.0], abs=1e-6)
    assert JaroWinkler.similarity("MARTHA", "MARHTA") == name_similarity.jaro_winkler(left, right)[0]
    assert name_similarity.jaro_winkler(left[:0], right[:0]).shape == (0,)


def _obvious(a: str, b: str) -> bool:
    differing = [at for at in range(8) if a[at] != b[at]]
    if len(differing) == 1:
        return True
    return len(differing) == 2 and differing[1] == differing[0] + 1 and (
        a[differing[0]] == b[differing[1]] and a[differing[1]] == b[differing[0]]
    )  # fmt: skip


@given(st.lists(st.tuples(st.text("01", min_size=8, max_size=8), st.text("01", min_size=8, max_size=8)), max_size=30))
def test_one_character_off(pairs: list[tuple[str, str]]) -> None:
    left, right = (np.array([p[side].encode() for p in pairs], "S8") for side in (0, 1))
    found = name_similarity.one_character_off(left, right)
    assert found.tolist() == [_obvious(a, b) for a, b in pairs]
