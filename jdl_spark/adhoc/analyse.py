"""Analyse one table that is already linked, through the same stages and kernels as a request.

Why packed into a nation of one request: matching, balance and inference are then the lab's own, and
comparing this road with other software checks the engine itself. An event is a row of the table,
its event id the place of the row's id in sorted order (so ties are broken by id), and its
`data_order` the row number (so order = "data" is the order of the file). The model is fitted on all
rows; exact strata bind matching only.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from jdl_spark import balance, inference, matching, propensity, schemas
from jdl_spark.adhoc import frames, table
from jdl_spark.adhoc import spec as specification
from jdl_spark.adhoc.spec import AnalysisSpec
from jdl_spark.adhoc.table import Analysis
from jdl_spark.errors import InputError
from jdl_spark.settings import InferenceSettings, PropensitySettings
from jdl_spark.stats.scores import scores, with_intercept
from jdl_spark.stats.shard import FloatArray, IntArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

METHODOLOGY = "analyse"  # keys the random numbers: the answer depends on the data and the specification only
INFERENCE = InferenceSettings(minimum_analysed=1, minimum_reoffenders=1)
SPARK_SAFE = str.maketrans(".`", "··")  # Spark reads these two inside a column's name
ESTIMATE_COLUMNS = (
    "outcome", "kind", "att", "mean_treated", "mean_comparison", "ci_low", "ci_high", "p_value", "se_multiplier",
    "se_abadie_imbens", "se_matched_set", "se_person", "se_two_way", "n_treated", "n_comparison", "replicates",
    "reason",
)  # fmt: skip
WHY_NO_MODEL = {
    "separation": "the covariates tell the treated from the others perfectly, so there is no model and nobody "
    "comparable; leave out the columns that do so",
    "not_converged": "the propensity model did not converge; leave out covariates that hardly vary",
}


def analyse_table(spark: SparkSession, data: str, spec: Path, out: Path) -> dict[str, Any]:
    """Match, compare and estimate on one table, and write the results.

    Parameters
    ----------
    data : str. A CSV or Parquet file, a folder of Parquet, or a Hadoop URI of these.
    spec : Path. The TOML specification (adhoc/spec.py gives the defaults).
    out : Path
        Folder for propensity.parquet (one row per row of the table; NULL with a supplied distance),
        pairs.parquet, weights.parquet (one row per row of the table, 0 for the unmatched; weight is
        1 for matched treated and the sum of 1/k for comparison people, weight_mean1 the same with
        the comparison people's rescaled to mean 1), balance.parquet and result.json.

    Returns
    -------
    dict. What result.json holds.

    Raises
    ------
    UsageError, InputError
        If the specification or the table cannot be used, no model can be fitted, or nobody is matched.
    """
    asked = specification.read(spec)
    rows = table.read(spark, data, asked)
    plain, members = _all_in_one_stratum(spark, rows)
    links = frames.links(spark, rows)
    models = _model(spark, data, rows, asked, members, links, plain)
    pairs = matching.match(
        frames.members(spark, rows, rows.stratum), links, models,
        frames.covariates(spark, rows, rows.stratum), asked.matching,
    )  # fmt: skip
    found = pairs.toArrow().to_pandas()
    if found.empty:
        raise InputError(f"{data}: nobody could be matched; widen the caliper or the exact strata")
    balanced = _balance(rows, balance.measure(members, links, pairs, plain).toArrow().to_pandas())
    estimates = _estimates(spark, rows, asked, pairs)
    model = models.collect()[0].asDict()
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "propensity.parquet", _propensity(rows, model, asked))
    _write(out / "pairs.parquet", _pairs(rows, found))
    _write(out / "weights.parquet", _weights(rows, found))
    _write(out / "balance.parquet", pa.Table.from_pandas(balanced, preserve_index=False))
    result = json.dumps(_result(rows, asked, model, found, balanced, estimates), indent=2, ensure_ascii=False)
    (out / "result.json").write_text(result + "\n", encoding="utf-8")
    return dict(json.loads(result))


def _all_in_one_stratum(spark: SparkSession, rows: Analysis) -> tuple[DataFrame, DataFrame]:
    """Return covariates and members for the model and for balance, which look at everybody."""
    one = np.zeros(len(rows), dtype=np.int64)
    return frames.covariates(spark, rows, one), frames.members(spark, rows, one)


def _model(
    spark: SparkSession, data: str, rows: Analysis, asked: AnalysisSpec,
    members: DataFrame, links: DataFrame, covariates: DataFrame,
) -> DataFrame:  # fmt: skip
    if asked.distance_column is not None:
        return frames.supplied_distance(spark, rows, asked.distance_column)
    models = propensity.fit(members, links, covariates, PropensitySettings(minimum_treated=1))
    model = models.collect()[0]
    if model["status"] != "converged":
        named = ", ".join(sorted({entry.split(": ")[0] for entry in model["dropped"] if "separation" in entry}))
        raise InputError(f"{data}: {WHY_NO_MODEL[model['reason']]}{f' ({named})' if named else ''}")
    return models


def _estimates(spark: SparkSession, rows: Analysis, asked: AnalysisSpec, pairs: DataFrame) -> list[dict[str, Any]]:
    if not asked.outcomes:
        return []
    safe = {outcome.name: outcome.name.translate(SPARK_SAFE) for outcome in asked.outcomes}
    values = {safe[name]: column for name, column in rows.outcomes.items()}
    content = pa.table({"index_event_id": rows.number, "offender_id": rows.number, **values})
    ddl = ", ".join(["index_event_id bigint", "offender_id bigint", *(f"`{name}` double" for name in values)])
    kinds = {safe[outcome.name]: outcome.kind for outcome in asked.outcomes}
    frame = inference.estimate(pairs, spark.createDataFrame(content, ddl), kinds, INFERENCE, METHODOLOGY)
    found = {row["outcome"]: row.asDict() for row in frame.collect()}
    return [
        {column: _json(found[safe[o.name]][column]) for column in ESTIMATE_COLUMNS} | {"outcome": o.name}
        for o in asked.outcomes
    ]


# --- out: the results as files ----------------------------------------------------------------------


def _propensity(rows: Analysis, model: dict[str, Any], asked: AnalysisSpec) -> pa.Table:
    if asked.distance_column is not None:
        nothing = pa.nulls(len(rows), pa.float64())
        return pa.table({"id": rows.ids, "propensity": nothing, "logit_propensity": nothing})
    coefficients = np.zeros((1, 1 + len(rows.names)))
    coefficients[0, [0, *(1 + rows.names.index(name) for name in model["columns"][1:])]] = model["coefficients"]
    x = with_intercept(rows.matrix)
    logit, probability = scores(x, coefficients)[0], scores(x, coefficients, "probability")[0]
    return pa.table({"id": rows.ids, "propensity": probability, "logit_propensity": logit})


def _row_of(rows: Analysis, events: pd.Series[int]) -> IntArray:
    return np.asarray(np.argsort(rows.number)[events.to_numpy(np.int64)], dtype=np.int64)


def _pairs(rows: Analysis, pairs: pd.DataFrame) -> pa.Table:
    pairs = pairs.sort_values(["treated_event_id", "rank"])
    return pa.table(
        {
            "treated_id": rows.ids.take(pa.array(_row_of(rows, pairs["treated_event_id"]))),
            "comparison_id": rows.ids.take(pa.array(_row_of(rows, pairs["comparison_event_id"]))),
            "rank": pa.array(pairs["rank"], pa.int32()),
            "pair_weight": pa.array(pairs["pair_weight"], pa.float64()),
            "distance": pa.array(pairs["distance"], pa.float64()),
        }
    )


def _weights(rows: Analysis, pairs: pd.DataFrame) -> pa.Table:
    weight = np.zeros(len(rows))
    pairs = pairs.sort_values(["comparison_event_id", "treated_event_id"])
    np.add.at(weight, _row_of(rows, pairs["comparison_event_id"]), pairs["pair_weight"].to_numpy())
    rescaled = weight / weight[weight > 0].mean()
    for column in (weight, rescaled):
        column[_row_of(rows, pairs["treated_event_id"])] = 1.0
    return pa.table({"id": rows.ids, "weight": weight, "weight_mean1": rescaled})


def _balance(rows: Analysis, measured: pd.DataFrame) -> pd.DataFrame:
    """Return the balance table in the order of the specification, before and after, without the distance."""
    measured = measured[measured["covariate"].isin(rows.shown)]
    place = measured["covariate"].map({name: i for i, name in enumerate(rows.shown)})
    after = measured["when"].eq("after")
    order = np.lexsort((after.to_numpy(), place.to_numpy()))
    columns = [c.name for c in schemas.BALANCE.columns if c.name not in ("run_id", "request_id")]
    return measured.iloc[order][columns].reset_index(drop=True)


def _result(
    rows: Analysis,
    asked: AnalysisSpec,
    model: dict[str, Any],
    pairs: pd.DataFrame,
    shown: pd.DataFrame,
    estimates: list[dict[str, Any]],
) -> dict[str, Any]:
    treated = int(rows.treated.sum())
    references = {f"{column}_{level}" for column, level in rows.references.items()}
    after = shown[shown["when"].eq("after")]["smd"].abs()
    return {
        "n": {
            "treated": treated,
            "comparison": len(rows) - treated,
            "treated_matched": int(pairs["treated_event_id"].nunique()),
            "comparison_matched": int(pairs["comparison_event_id"].nunique()),
            "pairs": len(pairs),
        },
        "model": None
        if asked.distance_column is not None
        else {
            "coefficients": dict(zip(model["columns"], model["coefficients"], strict=True)),
            "dropped": [
                entry
                for entry in model["dropped"]
                if entry.split(": linear combination")[0] not in references  # that a reference is left out is no news
            ],
            "reference_levels": rows.references,
            "iterations": model["iterations"],
            "log_likelihood": model["log_likelihood"],
        },
        "distance_sd": {"pooled": model["logit_sd_pooled"], "all": model["logit_sd_all"]},
        "settings": _settings(asked),
        "balance": {"largest_absolute_smd": _json(float(after.max())) if len(after) else None},
        "estimates": estimates,
        "naive": [_naive(name, rows.treated, values) for name, values in rows.outcomes.items()],
    }


def _settings(asked: AnalysisSpec) -> dict[str, Any]:
    settings = dataclasses.asdict(asked)
    settings["inference"] = {"replicates": INFERENCE.replicates, "confidence": INFERENCE.confidence}
    return settings


def _naive(name: str, treated: np.ndarray, values: FloatArray) -> dict[str, Any]:
    """Return the plain difference of everybody treated and everybody else, for comparison."""
    ours, others = float(values[treated].mean()), float(values[~treated].mean())
    return {"outcome": name, "difference": ours - others, "mean_treated": ours, "mean_comparison": others}


def _json(value: Any) -> Any:
    """Return None for what JSON cannot say (not a number, infinite)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, content: pa.Table) -> None:
    pa.parquet.write_table(content, path)
