"""Model who was treated: one logistic regression per request, all requests in the same passes.

Why passes: the nation is read once per step whatever the number of requests. Each shard gives back a
few numbers per request, which are added in shard order; a request that is done is frozen and asks for
nothing more, so its numbers do not depend on its company. The steps are those of a quasi-Newton method
(stats/quasi_newton.py), whose passes cost each request a few milliseconds; what it cannot fit is fitted
by Newton's method (stats/newton.py), which finds and names the cause.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from jdl_spark import passes, schemas
from jdl_spark.stats import survey
from jdl_spark.stats.logistic import moments, partial
from jdl_spark.stats.newton import Fitted, LogisticFit
from jdl_spark.stats.pool import RequestGroup, pool_rows, treated_rows
from jdl_spark.stats.pool_sums import PoolSums, Question, pool_sums
from jdl_spark.stats.quasi_newton import QuasiNewtonFit
from jdl_spark.stats.shard import CovariateShard, FloatArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jdl_spark.settings import PropensitySettings

START_ROWS = 8_000
"""Rows of a request's pool that its starting values are fitted on."""


def fit(members: DataFrame, links: DataFrame, covariates: DataFrame, settings: PropensitySettings) -> DataFrame:
    """Fit the propensity models of all requests.

    Parameters
    ----------
    members : DataFrame of schemas.MEMBERS
        Rows without reason are the treatment groups.
    links : DataFrame of schemas.LINKS
        Every identity that a submitted row could be; none of them stands in that request's pool.
    covariates : DataFrame of schemas.COVARIATES
        One row per shard. Read once per step.
    settings : PropensitySettings

    Returns
    -------
    DataFrame of schemas.PROPENSITY_MODELS
        One row per request with a treatment group, sorted by request. A model that cannot be fitted
        is a row with status failed and a reason: too_few_treated, empty_pool, separation or
        not_converged. n_treated counts the treated events that have covariates.
    """
    groups = passes.collect_groups(members, links)
    first = covariates.select("columns").head(1)
    names = tuple(first[0]["columns"]) if first else ()
    found: dict[int, Fitted] = _in_company(covariates, groups, names, settings) if names and groups else {}
    for place, fitted in _one_by_one(covariates, groups, names, settings, found).items():
        found[place] = fitted
    return _frame(covariates, [(group.request_id, found[place]) for place, group in enumerate(groups)])


# --- the quick way ----------------------------------------------------------------------------


def _in_company(
    covariates: DataFrame, groups: Sequence[RequestGroup], names: tuple[str, ...], settings: PropensitySettings
) -> dict[int, Fitted]:
    """Return the models that the quasi-Newton passes bring to their end, by the request's place."""
    strata, treated = _survey(covariates, groups)
    if not strata:
        return {}
    nation = reduce(add, (strata[code].moments for code in sorted(strata)))
    spread = np.sqrt(np.diag(nation.cross) / nation.weight.sum())
    mean, sd = nation.mean, np.where(spread > 0, spread, 1.0)
    fits = {}
    with threadpool_limits(limits=1):
        for place, rows in treated.items():
            if len(rows) >= max(settings.minimum_treated, 1):
                fits[place] = _begin(groups[place], names, rows, strata, mean, sd)
        while asked := {place: one.question for place, one in fits.items() if one.question is not None}:
            order, questions = list(asked), list(asked.values())

            def kernel(shard: CovariateShard, questions: Sequence[Question] = questions) -> list[PoolSums]:
                return pool_sums(shard, questions, mean, sd)

            answers = passes.ask(covariates, kernel)
            for column, place in enumerate(order):
                fits[place].take([answer[column] for answer in answers])
    return {place: one.result for place, one in fits.items() if one.result is not None}


def _survey(
    covariates: DataFrame, groups: Sequence[RequestGroup]
) -> tuple[dict[int, survey.Stratum], dict[int, FloatArray]]:
    """Return the strata of the nation, and each request's treated covariates in the order of their ids."""
    strata: dict[int, survey.Stratum] = {}
    parts: dict[int, list[tuple[Any, Any]]] = {}
    shards = covariates.count()
    for found, treated in passes.ask(
        covariates, lambda shard: (survey.strata(shard, shards), survey.treated_of(shard, groups))
    ):
        for code, stratum in found.items():
            strata[code] = strata[code] + stratum if code in strata else stratum
        for place, rows in treated.items():
            parts.setdefault(place, []).append(rows)
    by_place = {}
    for place, some in parts.items():
        order = np.argsort(np.concatenate([ids for ids, _ in some]), kind="stable")
        by_place[place] = np.concatenate([matrix for _, matrix in some])[order]
    return strata, by_place


def _begin(
    group: RequestGroup,
    names: tuple[str, ...],
    treated: FloatArray,
    strata: Mapping[int, survey.Stratum],
    mean: FloatArray,
    sd: FloatArray,
) -> QuasiNewtonFit:
    n = len(treated)
    own = moments(treated, np.ones(n, dtype=bool), np.ones(n), np.array([0, n]))
    total = reduce(add, (strata[code].moments for code in group.strata.tolist() if code in strata), own)
    return QuasiNewtonFit(names, group, treated, total, survey.sample_of(strata, group, START_ROWS), mean, sd)


# --- Newton's way -----------------------------------------------------------------------------


def _one_by_one(
    covariates: DataFrame,
    groups: Sequence[RequestGroup],
    names: tuple[str, ...],
    settings: PropensitySettings,
    done: Mapping[int, Fitted],
) -> dict[int, Fitted]:
    """Fit the remaining requests by Newton's method: the model, or the reason why there is none."""
    fits = {
        place: LogisticFit(names, settings.iterations, settings.tolerance, settings.minimum_treated)
        for place in range(len(groups))
        if place not in done
    }
    while tasks := {place: one.task for place, one in fits.items() if one.result is None}:

        def kernel(shard: CovariateShard, tasks: Mapping[int, Any] = tasks) -> list[Any]:
            return [_partial(shard, groups[place], task) for place, task in tasks.items()]

        answers = passes.ask(covariates, kernel)
        for column, place in enumerate(tasks):
            fits[place].take([answer[column] for answer in answers])
    return {place: one.result for place, one in fits.items() if one.result is not None}


def _partial(shard: CovariateShard, group: RequestGroup, task: Any) -> Any:
    treated, _ = treated_rows(shard, group)
    pool, weight = pool_rows(shard, group)
    rows = np.concatenate([treated, pool])
    is_treated = np.arange(len(rows)) < len(treated)
    return partial(shard.matrix[rows], is_treated, np.concatenate([np.ones(len(treated)), weight]), task)


# --- Spark ------------------------------------------------------------------------------------


def _frame(covariates: DataFrame, rows: list[tuple[str, Fitted]]) -> DataFrame:
    columns = [c for c in schemas.PROPENSITY_MODELS.columns if c.name != "run_id"]
    records = [{"request_id": request_id, **dataclasses.asdict(model)} for request_id, model in rows]
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in columns)
    values = [tuple(_plain(record[c.name]) for c in columns) for record in records]
    return covariates.sparkSession.createDataFrame(values, ddl)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
