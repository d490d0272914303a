"""Pair treated events with comparison events on the propensity score.

Why two passes: the treated lie in many shards, so their scores are fetched first; then each worker walks over its
shards with all requests and returns, per treated event, its nearest admissible candidates only. Lists of several
workers are merged request by request, again in parallel. Matching without replacement is a sequential algorithm over
the whole pool: it runs on the merged lists, and where a list turns out too short the workers are asked again for a
longer one, so that the answer is that of the sequential algorithm on any number of partitions.
"""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from jdl_spark import passes, schemas
from jdl_spark.errors import UsageError
from jdl_spark.stats import greedy
from jdl_spark.stats.logistic import Moments, moments
from jdl_spark.stats.nearest import EMPTY, Candidates, Nearest, Search, Treated, within
from jdl_spark.stats.pool import RequestGroup, pool_rows, treated_rows
from jdl_spark.stats.pool_batch import batches
from jdl_spark.stats.scores import BLOCK, TILE, scores, with_intercept
from jdl_spark.stats.shard import CovariateShard, FloatArray, IntArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from jdl_spark.settings import MatchingSettings

LONGER = 4  # times, when a candidate list was used up
_LISTS = "request int, payload binary"
_PAIR_COLUMNS = [c for c in schemas.MATCHED_PAIRS.columns if c.name != "run_id"]
_PAIRS = ", ".join(f"`{c.name}` {c.type}" for c in _PAIR_COLUMNS)


@dataclass(frozen=True)
class _Request:
    """One request on its way through matching.

    Attributes
    ----------
    coefficients : float64, shape (1 + p,). Of all columns of the matrix; 0 outside the model.
    looked_at : places of the columns that `search` looks at.
    treated : those with covariates, by event id.
    limits : int64, shape (n1,). Longest candidate list asked for.
    """

    group: RequestGroup
    coefficients: FloatArray
    looked_at: tuple[int, ...]
    search: Search
    treated: Treated
    limits: IntArray


def match(
    members: DataFrame, links: DataFrame, models: DataFrame, covariates: DataFrame, settings: MatchingSettings
) -> DataFrame:
    """Pair each treated index event with its nearest comparison events inside the caliper.

    Parameters
    ----------
    members : DataFrame of schemas.MEMBERS
        Rows without reason are the treatment groups.
    links : DataFrame of schemas.LINKS
        Every identity that a submitted row could be; none of them is compared in that request.
    models : DataFrame of schemas.PROPENSITY_MODELS
        Coefficients in log-odds per unit of the covariate, and the yardsticks of the caliper.
    covariates : DataFrame of schemas.COVARIATES
        One row per shard.
    settings : MatchingSettings
        order = data takes the treated by CovariateShard.data_order: the row number of the file in
        `jdl analyse`, nationally a fixed order without meaning.

    Returns
    -------
    DataFrame of schemas.MATCHED_PAIRS
        One row per (request_id, treated_event_id, comparison_event_id). A treated event with no
        neighbour inside the caliper, or whose request has no model, has no row here.
    """
    requests = _requests(members, links, models, covariates, settings)
    if not requests:
        return covariates.sparkSession.createDataFrame([], _PAIRS)
    lists = _ask(covariates, requests, settings)
    if settings.method == "radius" or (settings.replace and settings.max_reuse is None):
        return lists.groupBy("request").applyInArrow(_take_all(requests, settings), _PAIRS)
    return _take_in_turn(covariates, requests, lists, settings)


# --- before the pool: models and the treated ---------------------------------------------------


def _requests(
    members: DataFrame, links: DataFrame, models: DataFrame, covariates: DataFrame, settings: MatchingSettings
) -> list[_Request]:
    first = covariates.select("columns").head(1)
    names = tuple(first[0]["columns"]) if first else ()
    fitted = {row["request_id"]: row for row in models.where("status = 'converged'").collect()}
    groups = [g for g in passes.collect_groups(members, links) if g.request_id in fitted]
    if not groups:
        return []
    coefficients = np.zeros((len(groups), 1 + len(names)))
    for row, group in zip(coefficients, groups, strict=True):
        model = fitted[group.request_id]
        row[0] = model["coefficients"][0]
        row[[1 + names.index(name) for name in model["columns"][1:]]] = model["coefficients"][1:]
    calipers = settings.covariate_calipers
    wanted = tuple(dict.fromkeys([*settings.mahalanobis, *calipers]))
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise UsageError(f"matching: there is no covariate {unknown[0]!r}; there are {', '.join(names)}")
    looked_at = tuple(names.index(name) for name in wanted)
    widths = tuple(calipers.get(name, np.inf) for name in wanted)
    whitenings: Sequence[FloatArray | None] = [None] * len(groups)
    if settings.mahalanobis:
        whitenings = _whitenings(covariates, groups, looked_at, len(settings.mahalanobis))
    everybody = _score_treated(covariates, groups, coefficients, looked_at, settings.scale)
    found = []
    for group, slopes, treated, whitening in zip(groups, coefficients, everybody, whitenings, strict=True):
        own = Search(_caliper(fitted[group.request_id], settings), widths, whitening)
        limits = np.full(len(treated), _first_limit(settings), dtype=np.int64)
        found.append(_Request(group, slopes, looked_at, own, treated, limits))
    return [request for request in found if len(request.treated)]


def _caliper(model: Row, settings: MatchingSettings) -> float:
    if settings.caliper is None:
        return float("inf")
    if settings.caliper_sd == "none":
        return settings.caliper
    return settings.caliper * float(model[f"{settings.scale}_sd_{settings.caliper_sd}"])


def _first_limit(settings: MatchingSettings) -> int:
    if settings.replace and settings.max_reuse is None:
        return settings.ratio
    return max(settings.candidates, settings.ratio)


def _score_treated(
    covariates: DataFrame, groups: Sequence[RequestGroup], models: FloatArray, looked_at: Sequence[int], scale: str
) -> list[Treated]:
    """Return the treated of every request, sorted by event id; those without covariates are missing."""

    def kernel(shard: CovariateShard) -> list[tuple[Any, ...]]:
        rows = [treated_rows(shard, group) for group in groups]
        own = _own_scores(shard, [some for some, _ in rows], models, scale)
        return [
            (shard.event_id[some], score, shard.stratum[some], landmark, shard.data_order[some],
             shard.matrix[some][:, list(looked_at)])
            for (some, landmark), score in zip(rows, own, strict=True)
        ]  # fmt: skip

    found = []
    for parts in zip(*passes.ask(covariates, kernel), strict=True):
        arrays = [np.concatenate(some) for some in zip(*parts, strict=True)]
        order = np.argsort(arrays[0], kind="stable")
        found.append(Treated(*(array[order] for array in arrays)))
    return found


def _own_scores(shard: CovariateShard, rows: list[Any], models: FloatArray, scale: str) -> Iterator[FloatArray]:
    """Yield the scores of each request's rows under its own model, many requests in one product."""
    first = 0
    while first < len(rows):
        last, events = first, 0
        while last < len(rows) and last - first < TILE and (last == first or events + len(rows[last]) <= BLOCK):
            events += len(rows[last])
            last += 1
        found = scores(with_intercept(shard.matrix[np.concatenate(rows[first:last])]), models[first:last], scale)
        ends = np.cumsum([0, *map(len, rows[first:last])])
        for place, (start, stop) in enumerate(itertools.pairwise(ends)):
            yield found[place, start:stop]
        first = last


def _whitenings(
    covariates: DataFrame, groups: Sequence[RequestGroup], looked_at: Sequence[int], ranked: int
) -> list[FloatArray]:
    """Return, per request, what makes the first `ranked` columns uncorrelated, of variance 1 within the groups.

    Its square is the inverse of the pooled within-group covariance of treated and pool, unweighted, as in MatchIt's
    documentation of mahalanobis_dist; a covariance that has no inverse gets the pseudo-inverse, as there.
    """
    columns = list(looked_at[:ranked])

    def kernel(shard: CovariateShard) -> list[tuple[Any, ...]]:
        found = []
        for group in groups:
            rows = treated_rows(shard, group)[0], pool_rows(shard, group)[0]
            found.append(tuple(_moments(shard.matrix[some][:, columns]) for some in rows))
        return found

    whitenings = []
    for parts in zip(*passes.ask(covariates, kernel), strict=True):
        within_groups, freedom = np.zeros((ranked, ranked)), 0
        for side in zip(*parts, strict=True):
            whole = reduce(add, side)
            within_groups, freedom = within_groups + whole.cross, freedom + int(whole.weight.sum()) - 1
        values, vectors = np.linalg.eigh(within_groups / max(freedom, 1))
        scale = np.where(values > 1e-12 * values.max(initial=0.0), 1 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
        whitening = np.zeros((len(looked_at), ranked))
        whitening[:ranked] = vectors * scale
        whitenings.append(whitening)
    return whitenings


def _moments(rows: FloatArray) -> Moments:
    return moments(rows, np.zeros(len(rows), dtype=bool), np.ones(len(rows)), np.array([len(rows), 0]))


# --- the pool ----------------------------------------------------------------------------------


def _ask(covariates: DataFrame, requests: Mapping[int, _Request] | Sequence[_Request], settings: Any) -> DataFrame:
    """Return the candidates that each worker found, a row per worker and request."""
    by_place = dict(requests) if isinstance(requests, Mapping) else dict(enumerate(requests))
    radius, scale = settings.method == "radius", settings.scale

    def kernel(shards: Iterator[CovariateShard]) -> Iterator[pa.RecordBatch]:
        places, asked = list(by_place), list(by_place.values())
        models = np.array([request.coefficients for request in asked])
        lists = [Nearest(request.treated, int(request.limits.max()), request.search) for request in asked]
        inside: list[list[Candidates]] = [[EMPTY] for _ in asked]
        for batch in batches(shards):
            for i, score in batch.scored(models, scale):
                pool = batch.pool(asked[i].group, score, asked[i].looked_at)
                if radius:
                    inside[i].append(within(asked[i].treated, pool, asked[i].search))
                else:
                    lists[i].meet(pool)
        for i, place in enumerate(places):
            found = Candidates.join(inside[i]) if radius else lists[i].candidates()
            if len(found):
                payload = pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
                yield pa.record_batch([pa.array([place], pa.int32()), pa.array([payload], pa.binary())],
                                      names=["request", "payload"])  # fmt: skip

    return passes.over_shards(covariates, kernel, _LISTS)


def _merged(table: pa.Table, request: _Request, whole: bool) -> tuple[Candidates, Any]:
    """Return a request's merged lists, and for whom more candidates might exist."""
    parts = [pickle.loads(payload) for payload in table.column("payload").to_pylist()]
    joined = Candidates.join([EMPTY, *parts])
    cut = np.zeros(len(request.treated), dtype=bool)
    if whole:
        return joined, cut
    for part in parts:
        cut |= np.bincount(part.treated, minlength=len(cut)) >= request.limits
    return joined.take((joined.rank < request.limits[joined.treated]) | ~cut[joined.treated]), cut


# --- pairs -------------------------------------------------------------------------------------


def _take_all(requests: Sequence[_Request], settings: MatchingSettings) -> Callable[[pa.Table], pa.Table]:
    """Everybody keeps the whole list: with replacement, and radius matching."""

    def pairs(table: pa.Table) -> pa.Table:
        with threadpool_limits(limits=1):
            request = requests[table.column("request")[0].as_py()]
            found, _ = _merged(table, request, whole=True)
            if settings.method == "nearest":
                found = found.take(found.rank < settings.ratio)
            return _pairs(request, found, found.rank + 1)

    return pairs


def _take_in_turn(
    covariates: DataFrame, requests: Sequence[_Request], lists: DataFrame, settings: MatchingSettings
) -> DataFrame:
    """Run the greedy algorithm per request, asking for longer lists until none was used up."""
    asked = dict(enumerate(requests))
    tables: dict[int, pa.Table] = {}
    while asked:
        rows = lists.groupBy("request").applyInArrow(_in_turn(asked, settings), _LISTS).toArrow()
        left = {}
        for place, payload in zip(rows.column("request").to_pylist(), rows.column("payload").to_pylist(), strict=True):
            found, rank, short = pickle.loads(payload)
            if len(short):
                limits = asked[place].limits.copy()
                limits[short] *= LONGER
                left[place] = replace(asked[place], limits=limits)
            else:
                tables[place] = _pairs(asked[place], found, rank)
        asked = left
        lists = _ask(covariates, asked, settings)
    spark = covariates.sparkSession
    if not tables:
        return spark.createDataFrame([], _PAIRS)
    return spark.createDataFrame(pa.concat_tables(tables[place] for place in sorted(tables)), _PAIRS)


def _in_turn(asked: Mapping[int, _Request], settings: MatchingSettings) -> Callable[[pa.Table], pa.Table]:
    def choose(table: pa.Table) -> pa.Table:
        place = table.column("request")[0].as_py()
        request = asked[place]
        candidates, cut = _merged(table, request, whole=False)
        names = ("matching", settings.seed, request.group.request_id)
        order = greedy.processing_order(request.treated, settings.order, names)
        chosen, rank, short = greedy.assign(
            candidates, order, settings.ratio, cut, settings.order == "closest", settings.max_reuse or 1
        )
        payload = pickle.dumps((candidates.take(chosen), rank, short), protocol=pickle.HIGHEST_PROTOCOL)
        return pa.table({"request": pa.array([place], pa.int32()), "payload": pa.array([payload], pa.binary())})

    return choose


def _pairs(request: _Request, pairs: Candidates, rank: IntArray) -> pa.Table:
    per_treated = np.bincount(pairs.treated, minlength=len(request.treated))
    return pa.table(
        {
            "request_id": pa.array([request.group.request_id] * len(pairs), pa.string()),
            "treated_event_id": request.treated.event_id[pairs.treated],
            "comparison_event_id": pairs.event_id,
            "comparison_offender_id": pairs.offender_id,
            "rank": pa.array(rank, pa.int32()),
            "pair_weight": 1.0 / per_treated[pairs.treated],
            "distance": pairs.distance,
            "treated_score": request.treated.score[pairs.treated],
            "comparison_score": pairs.score,
        }
    ).select([c.name for c in _PAIR_COLUMNS])
