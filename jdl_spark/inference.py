"""Test the difference: effect, interval and p-value of every outcome of every request.

Outcomes of the nation are joined to the few matched events only; then each request is a group of rows
that one worker turns into estimates (stats/effects.py, stats/bootstrap.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from jdl_spark import schemas
from jdl_spark.stats.bootstrap import interval
from jdl_spark.stats.effects import Effect, MatchedSets, estimate_effect

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from jdl_spark.settings import InferenceSettings

KINDS = ("binary", "count", "continuous", "time", "conditional")
_COLUMNS = [column for column in schemas.ESTIMATES.columns if column.name != "run_id"]
_DDL = ", ".join(f"`{column.name}` {column.type}" for column in _COLUMNS)
_ARROW = {"string": pa.string(), "int": pa.int32(), "double": pa.float64()}


def estimate(
    pairs: DataFrame,
    outcomes: DataFrame,
    kinds: Mapping[str, str],
    settings: InferenceSettings,
    methodology_version: str,
) -> DataFrame:
    """Compare the matched groups on every outcome.

    Parameters
    ----------
    pairs : DataFrame of schemas.MATCHED_PAIRS
    outcomes : DataFrame
        One row per index event: index_event_id, offender_id and a column per outcome.
    kinds : mapping
        Outcome column to binary, count, continuous, time (mean of a time up to a horizon) or conditional
        (only among people whose value is not NULL).
    settings : InferenceSettings
    methodology_version : str
        Part of the key of the random streams.

    Returns
    -------
    DataFrame of schemas.ESTIMATES
        One row per (request with pairs, outcome). `reason` is ok, or too_few_analysed, too_few_reoffenders,
        missing_outcome (a NULL where the kind allows none, or an event without a row) or no_variation; the
        numbers are then NULL, but for no_variation, where the difference itself stands.
    """
    from pyspark.sql import functions as F

    unknown = sorted(set(kinds.values()) - set(KINDS))
    if unknown:
        raise ValueError(f"unknown kind of outcome: {unknown[0]}")
    names = list(kinds)
    events = pairs.select(F.explode(F.array("treated_event_id", "comparison_event_id")).alias("index_event_id"))
    few = outcomes.select(
        "index_event_id", "offender_id", *(F.col(name).cast("double").alias(name) for name in names)
    ).join(F.broadcast(events.distinct()), "index_event_id", "left_semi")
    rows = pairs
    for side in ("treated", "comparison"):
        named = [F.col(name).alias(f"{side}_{name}") for name in names]
        person = F.col("offender_id").alias(f"{side}_person")
        one_side = few.select(F.col("index_event_id").alias(f"{side}_event_id"), person, *named)
        rows = rows.join(F.broadcast(one_side), f"{side}_event_id", "left")
    return rows.groupBy("request_id").applyInArrow(_estimator(dict(kinds), settings, methodology_version), _DDL)


def _estimator(kinds: Mapping[str, str], settings: InferenceSettings, version: str) -> Callable[[pa.Table], pa.Table]:
    def estimate_request(table: pa.Table) -> pa.Table:
        rows = table.to_pandas().sort_values(["treated_event_id", "rank", "comparison_event_id"], kind="stable")
        with threadpool_limits(limits=1):
            found = list(_estimate_request(rows, kinds, settings, version))
        return pa.table({c.name: pa.array([row.get(c.name) for row in found], _ARROW[c.type]) for c in _COLUMNS})

    return estimate_request


def _estimate_request(
    rows: pd.DataFrame, kinds: Mapping[str, str], settings: InferenceSettings, version: str
) -> Iterator[dict[str, Any]]:
    treated = rows.drop_duplicates("treated_event_id").reset_index(drop=True)
    comparison = rows.drop_duplicates("comparison_event_id").sort_values("comparison_event_id").reset_index(drop=True)
    request_id = str(rows["request_id"].iloc[0])
    base = {"n_treated": len(treated), "n_comparison": len(comparison), "replicates": settings.replicates}
    if rows[["treated_person", "comparison_person"]].isna().any(axis=None):  # an event that has no outcomes at all
        for name, kind in kinds.items():
            yield {"request_id": request_id, "outcome": name, "kind": kind, **base, "reason": "missing_outcome"}
        return
    sets = MatchedSets(
        treated_person=treated["treated_person"].to_numpy(np.int64),
        treated_score=treated["treated_score"].to_numpy(np.float64),
        comparison_person=comparison["comparison_person"].to_numpy(np.int64),
        comparison_score=comparison["comparison_score"].to_numpy(np.float64),
        pair_set=np.searchsorted(treated["treated_event_id"].to_numpy(), rows["treated_event_id"].to_numpy()),
        pair_comparison=np.searchsorted(
            comparison["comparison_event_id"].to_numpy(), rows["comparison_event_id"].to_numpy()
        ),
        pair_weight=rows["pair_weight"].to_numpy(np.float64),
    )
    for name, kind in kinds.items():
        y_t = treated[f"treated_{name}"].to_numpy(np.float64)
        y_c = comparison[f"comparison_{name}"].to_numpy(np.float64)
        answer = _one_outcome(sets, y_t, y_c, kind, settings, (version, request_id, name))
        yield {"request_id": request_id, "outcome": name, "kind": kind, **base, **answer}


def _one_outcome(
    sets: MatchedSets,
    treated: np.ndarray,
    comparison: np.ndarray,
    kind: str,
    settings: InferenceSettings,
    names: tuple[str, ...],
) -> dict[str, Any]:
    if len(treated) < settings.minimum_analysed:
        return {"reason": "too_few_analysed"}
    if kind != "conditional" and (np.isnan(treated).any() or np.isnan(comparison).any()):
        return {"reason": "missing_outcome"}
    inside = int((~np.isnan(treated)).sum())
    if kind == "conditional" and inside < settings.minimum_reoffenders:
        return {
            "reason": "too_few_reoffenders",
            "n_treated": inside,
            "n_comparison": int((~np.isnan(comparison)).sum()),
        }
    effect = estimate_effect(sets, treated, comparison)
    if effect is None:
        return {"reason": "too_few_reoffenders", "n_treated": inside, "n_comparison": 0}
    tested = interval(effect.att, effect.terms, effect.n_treated, settings.replicates, settings.confidence, *names)
    return {
        **_numbers(effect),
        "ci_low": _known(tested.low),
        "ci_high": _known(tested.high),
        "p_value": _known(tested.p_value),
        "se_multiplier": _known(tested.se),
        "reason": "ok" if np.isfinite(tested.p_value) else "no_variation",
    }


def _numbers(effect: Effect) -> dict[str, Any]:
    return {
        "n_treated": effect.n_treated,
        "n_comparison": effect.n_comparison,
        "mean_treated": effect.mean_treated,
        "mean_comparison": effect.mean_comparison,
        "att": effect.att,
        "se_abadie_imbens": _known(effect.se_abadie_imbens),
        "se_matched_set": _known(effect.se_matched_set),
        "se_person": _known(effect.se_person),
        "se_two_way": _known(effect.se_two_way),
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
