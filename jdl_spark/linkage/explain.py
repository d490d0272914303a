"""Say where the match weight of a pair of records comes from, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jdl_spark.linkage import comparison
from jdl_spark.linkage.records import IntArray, Records
from jdl_spark.linkage.scoring import LeftSide
from jdl_spark.stats import fellegi_sunter
from jdl_spark.stats.fellegi_sunter import Model

MISSING = "missing"
"""Level of a field that is not known on both sides."""


def explain(
    left: Records,
    right: Records,
    left_rows: IntArray,
    right_rows: IntArray,
    model: Model,
    frequencies: Mapping[str, tuple[IntArray, IntArray]],
) -> list[dict[str, Any]]:
    """Return the parts of each pair's match weight.

    Parameters
    ----------
    left, right : Records
    left_rows, right_rows : int64, shape (n,). The pairs.
    model : Model
    frequencies : mapping
        As for `LeftSide.build`.

    Returns
    -------
    list of dict, one per pair
        prior (bits), fields (list of name, level, bits, frequency_bits: what the rarity of an agreeing name
        adds), total (bits, the sum of all) and probability (of the pair by itself, as if the person had no
        other candidate).
    """
    side = LeftSide.build(left, frequencies, model, 0.0)
    levels = comparison.compare(left, right, left_rows, right_rows, model.thresholds, side.common_postcodes)
    weights = fellegi_sunter.level_weights(model.fields)
    pairs = []
    for row, vector in zip(left_rows, levels, strict=True):
        fields = []
        total = model.prior_bits
        for field, level, by_level in zip(model.fields, vector, weights, strict=True):
            rare = 0.0
            if field.name in ("forename", "surname") and level == comparison.EXACT[field.name]:
                rare = float(side.rarity[row, ("forename", "surname").index(field.name)])
            name = field.levels[level] if level >= 0 else MISSING
            fields.append({"name": field.name, "level": name, "bits": float(by_level[level]), "frequency_bits": rare})
            total += float(by_level[level]) + rare
        probability = 1 / (1 + float(np.exp2(-min(max(total, -500.0), 500.0))))
        told = {"prior": model.prior_bits, "fields": fields, "total": total, "probability": probability}
        pairs.append(told)
    return pairs
