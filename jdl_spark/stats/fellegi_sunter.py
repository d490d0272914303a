"""The model of Fellegi and Sunter (1969): how much each agreement level speaks for one person.

Why NumPy on counts: all that the model needs of millions of pairs is how often each agreement
pattern occurs, and there are a few thousand patterns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Levels = NDArray[np.int8]


@dataclass(frozen=True)
class Field:
    """One compared field: its levels from 0 (disagree) up, and how likely each is.

    Attributes
    ----------
    m, u : probability of each level between records of the same person, and of different people,
        given that the field is known on both sides. Each adds up to 1.
    """

    name: str
    levels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.levels) == len(self.m) == len(self.u):
            raise ValueError(f"field {self.name}: m and u must give one probability per level")
        for kind, values in (("m", self.m), ("u", self.u)):
            if min(values) <= 0 or abs(sum(values) - 1) > 1e-6:
                raise ValueError(f"field {self.name}: {kind} must be positive and add up to 1")


@dataclass(frozen=True)
class Model:
    """A trained linkage model.

    Attributes
    ----------
    fields : in the order of the comparison vector
    present : probability that a person of the left side has an identity on the right
    identities : number of identities on the right
    left_out : blocking key name -> keys of blocks too large to compare, each with its size
    thresholds : Jaro-Winkler thresholds under which the levels were formed
    training : how it was trained: sessions, iterations, convergence, counts
    """

    fields: tuple[Field, ...]
    present: float
    identities: int
    left_out: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    thresholds: tuple[float, ...] = (0.92, 0.8)
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prior_bits(self) -> float:
        """Log2 odds, before anything is compared, of one given identity against none of them."""
        return float(np.log2(self.present / max(self.identities, 1) / (1 - self.present)))

    def to_json(self) -> str:
        """Return the model as JSON, keys sorted, floats in full."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Rebuild what `to_json` wrote.

        Raises
        ------
        ValueError
            If the text is not such a model.
        """
        try:
            content = json.loads(text)
            fields = tuple(
                Field(f["name"], tuple(f["levels"]), tuple(f["m"]), tuple(f["u"])) for f in content.pop("fields")
            )
            left_out = {
                name: {int(key): int(size) for key, size in keys.items()}
                for name, keys in content.pop("left_out").items()
            }
            return cls(fields, left_out=left_out, thresholds=tuple(content.pop("thresholds")), **content)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError("this is not a linkage model") from error


def level_weights(fields: Sequence[Field]) -> list[FloatArray]:
    """Return each field's weight by level, log2(m/u) in bits; the last entry, for level -1 (missing), is 0."""
    return [np.append(np.log2(np.array(f.m) / np.array(f.u)), 0.0) for f in fields]


def field_weights(fields: Sequence[Field], levels: Levels) -> FloatArray:
    """Return the weight of comparison vectors in bits, before the prior and term frequencies.

    Parameters
    ----------
    levels : int8, shape (n, number of fields). -1 where missing: no weight either way.

    Returns
    -------
    float64, shape (n,). Fields are added in order, so a pair's bits do not depend on its company.
    """
    total = np.zeros(len(levels))
    for column, weights in enumerate(level_weights(fields)):
        total += weights[levels[:, column]]
    return total


def frequency_bits(u_exact: float, people: IntArray, identities: int) -> FloatArray:
    """Return what the rarity of an agreeing name adds to its exact level's weight, in bits.

    Parameters
    ----------
    u_exact : chance that two different people agree exactly, over all names
    people : int64, shape (n,). Identities that bear the name; 0 counts as 1.
    identities : int. All identities.

    Returns
    -------
    float64, shape (n,). log2(u_exact / share of the name): positive for a rare name.

    References
    ----------
    Winkler (2000), Frequency-based matching in the Fellegi-Sunter model of record linkage.
    """
    share = np.clip(people, 1, None) / max(identities, 1)
    return np.asarray(np.log2(u_exact / np.minimum(share, 1.0)))


def count_patterns(levels: Levels, sizes: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Return the distinct agreement patterns, as numbers, and how often each occurs.

    Parameters
    ----------
    levels : int8, shape (n, number of fields)
    sizes : number of levels of each field
    """
    number = np.zeros(len(levels), np.int64)
    for column, size in enumerate(sizes):
        number = number * (size + 1) + (levels[:, column] + 1)
    return np.unique(number, return_counts=True)


def pattern_levels(patterns: IntArray, sizes: Sequence[int]) -> Levels:
    """Return the comparison vectors behind the numbers of `count_patterns`, int8, shape (k, fields)."""
    levels = np.empty((len(patterns), len(sizes)), np.int8)
    rest = patterns.copy()
    for column in reversed(range(len(sizes))):
        rest, level = np.divmod(rest, sizes[column] + 1)
        levels[:, column] = level - 1
    return levels


@dataclass(frozen=True)
class Fit:
    """What EM found in one session.

    Attributes
    ----------
    fields : with the new m; fields left out of the session are as they were
    matches : expected number of pairs that are the same person
    share : matches over pairs
    known : per field, expected matches on which the field is known
    iterations, converged : how it ended
    """

    fields: tuple[Field, ...]
    matches: float
    share: float
    known: tuple[float, ...]
    iterations: int
    converged: bool


PSEUDO_MATCHES = 10.0
"""Expected matches that the starting m counts for: training on a handful of pairs stays near it."""


def fit_m(
    fields: Sequence[Field],
    levels: Levels,
    counts: IntArray,
    trained: Sequence[bool],
    tolerance: float,
    iterations: int,
    pseudo_matches: float = PSEUDO_MATCHES,
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

    References
    ----------
    Dempster, Laird & Rubin (1977); Winkler (1988), Using the EM algorithm for weight computation in
    the Fellegi-Sunter model of record linkage; sessions as in Splink (Linacre et al. 2022).
    """
    start = [np.array(f.m) for f in fields]
    u = [np.array(f.u) for f in fields]
    used = [column for column, wanted in enumerate(trained) if wanted]
    m = [values.copy() for values in start]
    pairs = float(counts.sum())
    share, step, change = 0.5, 0, np.inf
    posterior = np.zeros(len(counts))
    while step < iterations and change > tolerance:
        step += 1
        bits = np.zeros(len(counts))
        for column in used:
            bits += np.append(np.log2(m[column] / u[column]), 0.0)[levels[:, column]]
        posterior = 1 / (1 + (1 - share) / share * np.exp2(-bits))
        matched = posterior * counts
        new_share = (matched.sum() + 1) / (pairs + 2)
        change = abs(new_share - share)
        share = new_share
        for column in used:
            estimate = _share_of_levels(levels[:, column], matched, start[column], pseudo_matches)
            change = max(change, float(np.abs(estimate - m[column]).max()))
            m[column] = estimate
    matched = posterior * counts
    known = tuple(float(matched[levels[:, column] >= 0].sum()) for column in range(len(fields)))
    found = tuple(Field(f.name, f.levels, tuple(map(float, values)), f.u) for f, values in zip(fields, m, strict=True))
    return Fit(found, float(matched.sum()), float(share), known, step, bool(change <= tolerance))


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
