"""Say where the match weight of a person and an identity comes from, part by part.

Why not from the fields alone: an identity is weighed by all its name versions, and against relatives
as well as strangers. What these add or take has a line of its own, so that the parts add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jdl_spark.linkage.comparison import Levels, Pairs, compare, exact_level, parsed
from jdl_spark.linkage.index import Counted
from jdl_spark.linkage.records import IntArray, Records, version_pairs
from jdl_spark.linkage.resolution import calibrated, posteriors
from jdl_spark.linkage.scoring import LeftSide, with_any_address
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Field, FloatArray, Model

MISSING = "missing"
"""Level of a field that is not known on both sides."""
WITH_FORENAME = "with_forename"
"""Level of a surname that has spoken with the forename: the two are swapped."""
RELATIVES, VERSIONS = "relatives", "versions"
"""Parts that are no field: what relatives who would agree as well take, and what the other name versions take."""


def explain(
    left: Records,
    right: Records,
    person: IntArray,
    identity: IntArray,
    model: Model,
    frequencies: Mapping[str, Counted],
) -> list[dict[str, Any]]:
    """Return the parts of the match weight of pairs of people.

    Parameters
    ----------
    left, right : Records
    person, identity : int64, shape (n,). Places in `left.people` and `right.people`; distinct pairs.
    model : Model
    frequencies : mapping
        As for `LeftSide.build`.

    Returns
    -------
    list of dict, one per pair
        - prior : bits
        - fields : list of name, level, bits (of the level), frequency_bits (what the rarity of an agreeing
          value adds) and version: position among the identity's versions of the one the value is from. That is
          the version that fits best; of the postcode, the one with the best address. The fields `relatives`
          and `versions` are no columns; they are there where they take or add anything.
        - total : bits, the sum of all
        - probability : of the pair by itself, calibrated, as if the person had no other candidate
        - version : position of the version that fits best
    """
    if not len(person):
        return []
    side = LeftSide.build(left, frequencies, {}, model, 0.0)
    draw, rows, other = version_pairs(left, right, person, identity)
    starts = np.flatnonzero(np.append(True, draw[1:] != draw[:-1]))
    own = compare(Pairs(left, right, rows, other, side.common_postcodes), model.fields)
    levels = with_any_address(model.fields, own, draw, starts)
    weight, position = side.weigh(levels, rows), other - right.first_row[identity[draw]]
    told = []
    for first, end in zip(starts, np.append(starts[1:], len(draw)), strict=True):
        best = int(first + np.argmax(weight[first:end]))
        source = [
            _source(own[first:end, at], int(levels[best, at]), best - int(first)) for at in range(len(model.fields))
        ]
        fields = _of_fields(side, levels[best], int(rows[best]), position[first:end][source])
        compared, chosen = int(position[best]), float(weight[best])
        total = float(np.log2(np.exp2(weight[first:end] - chosen).sum() / (end - first))) + chosen
        if model.relatives:
            rest = chosen - model.prior_bits - sum(part["bits"] + part["frequency_bits"] for part in fields)
            fields.append(_part(RELATIVES, RELATIVES, rest, 0.0, compared))
        if end - first > 1:
            fields.append(_part(VERSIONS, f"{VERSIONS} {end - first}", total - chosen, 0.0, compared))
        told.append({"prior": model.prior_bits, "fields": fields, "total": total, "version": compared})
    alone = _alone(model, np.array([one["total"] for one in told]))
    return [one | {"probability": float(chance)} for one, chance in zip(told, alone, strict=True)]


def _source(reached: Levels, level: int, best: int) -> int:
    """Return which version a field's level is from: the best one where it reaches it itself, else the first."""
    return best if reached[best] == level else int(np.argmax(reached == level))


def _of_fields(side: LeftSide, reached: Levels, row: int, versions: IntArray) -> list[dict[str, Any]]:
    """Return the part of each field, given the levels of the version that fits best."""
    parts = []
    weights = fellegi_sunter.level_weights(side.model.fields)
    for column, (field, level) in enumerate(zip(side.model.fields, reached, strict=True)):
        agree = field.name in side.rarity and level == exact_level(field)
        rare = float(side.rarity[field.name][row]) if agree else 0.0
        name = _level(side.model.fields, reached, column)
        parts.append(_part(field.name, name, float(weights[column][level]), rare, int(versions[column])))
    return parts


def _part(name: str, level: str, bits: float, rare: float, version: int) -> dict[str, Any]:
    return {"name": name, "level": level, "bits": bits, "frequency_bits": rare, "version": version}


def _level(fields: Sequence[Field], reached: Levels, column: int) -> str:
    """Return the name of the level that a field reached."""
    if reached[column] >= 0:
        return str(fields[column].levels[reached[column]])
    forename = next((at for at, field in enumerate(fields) if field.name == "forename"), None)
    if fields[column].name == "surname" and forename is not None and reached[forename] >= 0:
        swapped = parsed(fields[forename].levels[reached[forename]])[0] == "swapped"
        return WITH_FORENAME if swapped else MISSING
    return MISSING


def _alone(model: Model, weight: FloatArray) -> FloatArray:
    each = np.arange(len(weight), dtype=np.int64)
    return calibrated(model, each, posteriors(each, weight))
