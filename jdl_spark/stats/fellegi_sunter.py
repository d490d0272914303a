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
_MOST_BITS = 500.0
SUM_TOLERANCE = 0.05
"""How far from 1 the probabilities of a field may add up: Splink takes each level's median over its sessions."""
PSEUDO_BEARERS = 100.0
"""Identities for which the average frequency counts in that of a value."""


@dataclass(frozen=True)
class Field:
    """One compared field: its levels from 0 (disagree) up, and how likely each is.

    Attributes
    ----------
    m, u : probability of each level between records of the same person, and of different people,
        given that the field is known on both sides. Each adds up to 1, or nearly (SUM_TOLERANCE).
    """

    name: str
    levels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.levels) == len(self.m) == len(self.u):
            raise ValueError(f"field {self.name}: m and u must give one probability per level")
        for kind, values in (("m", self.m), ("u", self.u)):
            if min(values) <= 0 or abs(sum(values) - 1) > SUM_TOLERANCE:
                raise ValueError(f"field {self.name}: {kind} must be positive and add up to 1")


@dataclass(frozen=True)
class Relatives:
    """A kind of people who agree on much without being the same: family at one address, namesakes.

    Attributes
    ----------
    share : expected number of such relatives of a left person in the index.
    probabilities : per field of the model, the probability of each level between two such people.
    inherited : fields that they share because they are related. The rarity of a value on which they
        agree speaks for kinship as much as for identity.
    """

    name: str
    share: float
    probabilities: tuple[tuple[float, ...], ...]
    inherited: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """A trained linkage model.

    Attributes
    ----------
    fields : in the order of the comparison vector
    present : probability that a person of the left side has an identity on the right
    identities : number of identities on the right
    relatives : kinds of people, other than strangers, with whom a person can be confused
    calibration : knots (stated, observed) of the monotone map from the model's log2 odds of a
        person's best identity to the odds found with labels; none where there were no labels
    link_probability : posterior from which a person is linked: the operating point
    birth_of_namesakes : u of the levels of `birth` between strangers who have one forename (forenames go
        with generations); empty where it is not known to differ
    frequencies : fields whose exact agreement says the more, the fewer people share the value
    training : how it was trained: sessions, iterations, convergence, counts
    frequency_pseudo : identities for which the average frequency counts in that of a value
    """

    fields: tuple[Field, ...]
    present: float
    identities: int
    relatives: tuple[Relatives, ...] = ()
    calibration: tuple[tuple[float, float], ...] = ()
    link_probability: float = 0.9
    birth_of_namesakes: tuple[float, ...] = ()
    frequencies: tuple[str, ...] = ("forename", "surname", "birth")
    training: Mapping[str, Any] = field(default_factory=dict)
    frequency_pseudo: float = PSEUDO_BEARERS

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
            relatives = tuple(
                Relatives(r["name"], r["share"], tuple(map(tuple, r["probabilities"])), tuple(r["inherited"]))
                for r in content.pop("relatives")
            )
            calibration = tuple((float(stated), float(observed)) for stated, observed in content.pop("calibration"))
            frequencies = tuple(content.pop("frequencies"))
            born = tuple(map(float, content.pop("birth_of_namesakes")))
            return cls(
                fields,
                relatives=relatives,
                calibration=calibration,
                birth_of_namesakes=born,
                frequencies=frequencies,
                **content,
            )
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


def match_weights(model: Model, levels: Levels, rarity: Mapping[str, FloatArray]) -> FloatArray:
    """Return how much comparison vectors speak for one person, against strangers and relatives together.

    Parameters
    ----------
    levels : int8, shape (n, number of fields)
    rarity : field name -> float64, shape (n,). Bits that the frequency of the value adds to its
        level; 0 where it adds none.

    Returns
    -------
    float64, shape (n,). log2 of P(vector | same) / P(vector | not the same), where who is not the same is one of the
        relatives with probability share / identities, else a stranger; before the prior.
    """
    total = field_weights(model.fields, levels)
    for bits in rarity.values():
        total = total + bits
    lift = generation_bits(model, levels)
    others = rivalry(model.fields, model.relatives, model.identities, levels, rarity, lift)
    return np.asarray(total - lift - np.log2(others))


def generation_bits(model: Model, levels: Levels) -> FloatArray:
    """Return how much likelier, in bits, strangers agree on the date of birth as they do because of one forename.

    Returns
    -------
    float64, shape (n,). log2 of u(birth | same forename) / u(birth); 0 where the forename is not the same.
    """
    at = {f.name: column for column, f in enumerate(model.fields)}
    if not model.birth_of_namesakes or not {"forename", "birth"} <= set(at):
        return np.zeros(len(levels))
    forename, birth = model.fields[at["forename"]], model.fields[at["birth"]]
    bits = np.append(np.log2(np.array(model.birth_of_namesakes) / np.array(birth.u)), 0.0)
    same = levels[:, at["forename"]] == forename.levels.index("exact")
    return np.where(same, bits[levels[:, at["birth"]]], 0.0)


def rivalry(
    fields: Sequence[Field],
    relatives: Sequence[Relatives],
    identities: int,
    levels: Levels,
    rarity: Mapping[str, FloatArray],
    lift: FloatArray | float = 0.0,
) -> FloatArray:
    """Return how much likelier a comparison vector is among all who are not the same than among strangers.

    Parameters
    ----------
    lift : bits by which strangers agree more often than u says (`generation_bits`)

    Returns
    -------
    float64, shape (n,). 1 + sum over the relatives of share / identities x P(vector | relative) / P(vector | stranger).
    """
    others = np.ones(len(levels))
    for kind in relatives:
        bits = np.full(len(levels), np.log2(kind.share / identities))
        for column, (f, probabilities) in enumerate(zip(fields, kind.probabilities, strict=True)):
            bits += np.append(np.log2(np.array(probabilities) / np.array(f.u)), 0.0)[levels[:, column]]
        for name in kind.inherited:
            bits += rarity.get(name, 0.0)
        bits -= lift
        others += np.exp2(np.minimum(bits, _MOST_BITS))
    return others


def frequency_bits(u_exact: float, people: IntArray, identities: int, pseudo: float = PSEUDO_BEARERS) -> FloatArray:
    """Return what the rarity of an agreeing name adds to its exact level's weight, in bits.

    Parameters
    ----------
    u_exact : chance that two different people agree exactly, over all names
    people : int64, shape (n,). Identities that bear the name; 0 counts as 1.
    identities : int. All identities.
    pseudo : float. Identities by which the share is drawn towards u_exact: one bearer of two is no common name.

    Returns
    -------
    float64, shape (n,). log2(u_exact / share of the name): positive for a rare name.

    References
    ----------
    Winkler (2000), Frequency-based matching in the Fellegi-Sunter model of record linkage.
    """
    share = (np.clip(people, 1, None) + pseudo * u_exact) / (max(identities, 1) + pseudo)
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
