"""People who are not the same and still agree on much: family at one address, and namesakes there.

Why classes of their own: brothers share a surname and a home, twins a birthday as well, father and
son both names. Strangers never agree on so much, so a model that knows strangers only takes any of
them for the person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jdl_spark.linkage.comparison import exact_level
from jdl_spark.stats.fellegi_sunter import Field, FloatArray, IntArray, Levels, Relatives

TWINS = 0.05
"""Family members at one address who share the date of birth, before any are seen: judged."""
STARTING_SHARE = {"family": 0.05, "namesake": 0.005}
"""Relatives of a person among the identities, before any are seen: judged, of the order of households with two known
offenders."""
PSEUDO_PEOPLE = 100.0
"""Left people for whom the starting shares count."""
_SAME_NAME = 0.01
"""Of relatives who are no namesakes: how often chance gives two the same forename, against strangers."""
_INHERITED = {"family": ("surname",), "namesake": ("forename", "surname")}


def starting(
    fields: Sequence[Field], twins: float = TWINS, shares: Mapping[str, float] = STARTING_SHARE
) -> tuple[Relatives, ...]:
    """Return the two kinds of relatives as they follow from the model's m and u.

    Family: surname, postcode as for the person himself; a forename that is not his; sex and date of
    birth as of a stranger, but for twins. Namesakes: names, sex and postcode as for the person
    himself, another date of birth.
    """
    family = [_of_family(f, twins) for f in fields]
    namesake = [_of_namesake(f) for f in fields]
    return tuple(
        Relatives(name, shares[name], tuple(tuple(map(float, row)) for row in rows), _INHERITED[name])
        for name, rows in (("family", family), ("namesake", namesake))
    )


def _of_family(field: Field, twins: float) -> FloatArray:
    u, exact = np.array(field.u), exact_level(field)
    if field.name in ("surname", "postcode"):
        return np.array(field.m)
    if field.name == "forename":
        return _scaled(u, exact, _SAME_NAME)
    if field.name == "birth" and exact >= 0:
        u = u * (1 - twins)
        u[exact] += twins
    return u


def _of_namesake(field: Field) -> FloatArray:
    if field.name in ("forename", "surname", "postcode", "sex"):
        return np.array(field.m)
    u = np.array(field.u)
    return _scaled(u, exact_level(field), _SAME_NAME) if field.name == "birth" else u


def _scaled(u: FloatArray, level: int, by: float) -> FloatArray:
    """Make one level rarer, the others in proportion likelier."""
    if level < 0:
        return u
    out = u / (1 - u[level] * (1 - by))
    out[level] *= by
    return np.asarray(out)


def fit(
    fields: Sequence[Field],
    found: Sequence[Relatives],
    levels: Levels,
    counts: IntArray,
    exposed: float,
    identities: int,
    iterations: int = 100,
) -> tuple[Relatives, ...]:
    """Estimate the shares of relatives, and of twins among them, from pairs with equal surname and postcode.

    Parameters
    ----------
    found : the relatives as they stand
    levels, counts : agreement patterns of all pairs that agree on surname and postcode
    exposed : left people whose relatives could be among the pairs: known on both sides, surveyed, and
        agreeing on both fields as relatives do
    identities : people of the index
    """
    columns = [c for c, f in enumerate(fields) if f.name not in ("surname", "postcode")]
    birth = next((c for c, f in enumerate(fields) if f.name == "birth"), None)
    same_day = np.zeros(len(counts), bool)
    if birth is not None:
        same_day = levels[:, birth] == exact_level(fields[birth])
    twins = _twins_of(found, fields, birth)
    sizes = np.array([counts.sum() * 0.5, counts.sum() * 0.4, 1.0, 1.0]) + 1.0
    expected = np.zeros((4, len(counts)))
    for _ in range(iterations if len(counts) else 0):
        tables = [f.m for f in fields], [f.u for f in fields], *(kind.probabilities for kind in starting(fields, twins))
        density = np.array([_likelihood(levels, table, columns) for table in tables])
        expected = sizes[:, None] * density
        expected = expected / expected.sum(axis=0) * counts
        sizes = expected.sum(axis=1) + 1e-3
        twins = float((expected[2][same_day].sum() + TWINS * 10) / (expected[2].sum() + 10))
    shares = {
        name: float((expected[2 + at].sum() + PSEUDO_PEOPLE * start) / (exposed + PSEUDO_PEOPLE))
        for at, (name, start) in enumerate(STARTING_SHARE.items())
    }
    return starting(fields, twins, shares)


def _twins_of(found: Sequence[Relatives], fields: Sequence[Field], birth: int | None) -> float:
    if birth is None:
        return TWINS
    exact = exact_level(fields[birth])
    family = next(kind for kind in found if kind.name == "family")
    return float(np.clip(family.probabilities[birth][exact] - fields[birth].u[exact], 1e-4, 0.9))


def _likelihood(levels: Levels, table: Sequence[Sequence[float]], columns: Sequence[int]) -> FloatArray:
    bits = np.zeros(len(levels))
    for column in columns:
        bits += np.append(np.log2(np.array(table[column])), 0.0)[levels[:, column]]
    return np.asarray(np.exp2(bits))
