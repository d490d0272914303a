"""How alike two names or two identifiers are, computed once per distinct pair of values.

Why distinct pairs: candidate pairs repeat the same few names over and over, and a Jaro-Winkler
costs hundreds of times what a lookup costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein
from rapidfuzz.process import cpdist

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def distinct_pairs(left: IntArray, right: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the distinct pairs of two columns of non-negative codes, and which one each row is.

    Parameters
    ----------
    left, right : int64, shape (n,), non-negative

    Returns
    -------
    distinct_left, distinct_right : int64, shape (k,)
    which : int64, shape (n,). Row of the distinct pairs.
    """
    width = int(right.max(initial=0)) + 1
    distinct, which = np.unique(left * width + right, return_inverse=True)
    return distinct // width, distinct % width, which.astype(np.int64)


def jaro_winkler(left: NDArray[np.object_], right: NDArray[np.object_]) -> FloatArray:
    """Return the Jaro-Winkler similarity of each pair of texts (prefix weight 0.1), in [0, 1].

    Reference: Winkler (1990), String comparator metrics and enhanced decision rules in the
    Fellegi-Sunter model of record linkage.
    """
    if not len(left):
        return np.empty(0)
    return np.asarray(cpdist(left, right, scorer=JaroWinkler.normalized_similarity, dtype=np.float64), np.float64)


def levenshtein(left: NDArray[np.object_], right: NDArray[np.object_]) -> FloatArray:
    """Return the number of inserted, deleted and replaced characters between each pair of texts, float64."""
    return _distance(left, right, Levenshtein.distance)


def damerau(left: NDArray[np.object_], right: NDArray[np.object_]) -> FloatArray:
    """Return the edit distance that counts exchanged neighbours as one (Damerau 1964), float64."""
    return _distance(left, right, DamerauLevenshtein.distance)


def _distance(left: NDArray[np.object_], right: NDArray[np.object_], scorer: Any) -> FloatArray:
    if not len(left):
        return np.empty(0)
    return np.asarray(cpdist(left, right, scorer=scorer, dtype=np.float64), np.float64)


def shares_part(left: str, right: str) -> bool:
    """Return whether two names have a word in common, of at least two letters.

    Examples
    --------
    >>> shares_part("SMITH JONES", "JONES"), shares_part("SMITH", "SMITHSON")
    (True, False)
    """
    return any(len(word) > 1 for word in set(left.split(" ")) & set(right.split(" ")))


def one_character_off(left: NDArray[np.bytes_], right: NDArray[np.bytes_]) -> BoolArray:
    """Return which pairs of codes differ in one place, or in two neighbouring places that are exchanged.

    Parameters
    ----------
    left, right : fixed-width bytes of the same width, shape (n,)

    Returns
    -------
    bool, shape (n,). False where both are equal.
    """
    width = left.dtype.itemsize
    if not len(left):
        return np.zeros(0, bool)
    a = np.ascontiguousarray(left).view(np.uint8).reshape(-1, width)
    b = np.ascontiguousarray(right).view(np.uint8).reshape(-1, width)
    differs = a != b
    places = differs.sum(axis=1)
    exchanged = (a[:, :-1] == b[:, 1:]) & (a[:, 1:] == b[:, :-1]) & differs[:, :-1] & differs[:, 1:]
    return np.asarray((places == 1) | ((places == 2) & exchanged.any(axis=1)))
