"""Pair treated events with comparison events on the logit of the propensity score.

Why two passes and a driver: the treated lie in many shards, so their scores are fetched first; then
each shard returns, per treated event, its nearest admissible candidates only, and the lists are
merged. Matching without replacement is a sequential algorithm over the whole pool: it runs on the
driver on the merged lists, and where a list turns out too short the shards are asked again for a
longer one, so that the answer is that of the sequential algorithm on any number of partitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jdl_spark import passes, schemas
from jdl_spark.stats import nearest
from jdl_spark.stats.logistic import linear_predictor
from jdl_spark.stats.nearest import Candidates, Pool, Treated
from jdl_spark.stats.pool import RequestGroup, pool_rows, treated_rows
from jdl_spark.stats.shard import CovariateShard, FloatArray

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from jdl_spark.settings import MatchingSettings

LONGER = 4  # times, when a candidate list was used up
_SCORED = "request int, event_id bigint, stratum bigint, score double, landmark int, data_order bigint"
_CANDIDATES = (
    "request int, shard int, treated bigint, event_id bigint, offender_id bigint, score double, distance double"
)


@dataclass(frozen=True)
class _Request:
    """One request on its way through matching: its group, model, caliper, and what is asked of the shards."""

    group: RequestGroup
    columns: tuple[str, ...]
    coefficients: FloatArray
    caliper: float


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
    fitted = {row["request_id"]: row for row in models.where("status = 'converged'").collect()}
    requests = [
        _Request(g, tuple(row["columns"][1:]), np.array(row["coefficients"]), _caliper(row, settings))
        for g in passes.collect_groups(members, links)
        if (row := fitted.get(g.request_id)) is not None
    ]
    treated = _score_treated(covariates, requests)
    if settings.method == "radius":
        chosen = {i: (c, c.rank + 1) for i, (c, _) in _ask(covariates, requests, treated, None).items()}
    elif settings.replace:
        found = _ask(covariates, requests, treated, dict.fromkeys(treated, settings.ratio))
        best = {i: c.take(c.rank < settings.ratio) for i, (c, _) in found.items()}
        chosen = {i: (c, c.rank + 1) for i, c in best.items()}
    else:
        chosen = _without_replacement(covariates, requests, treated, settings)
    tables = [_pairs(requests[i].group.request_id, treated[i], *chosen[i]) for i in sorted(chosen)]
    return _frame(covariates, tables)


def _caliper(model: Row, settings: MatchingSettings) -> float:
    if settings.caliper is None:
        return float("inf")
    yardstick = {"pooled": "logit_sd_pooled", "all": "logit_sd_all"}.get(settings.caliper_sd)
    return settings.caliper * (model[yardstick] if yardstick else 1.0)


def _without_replacement(
    covariates: DataFrame, requests: list[_Request], treated: dict[int, Treated], settings: MatchingSettings
) -> dict[int, tuple[Candidates, np.ndarray]]:
    """Run the greedy algorithm per request, asking for longer lists until none was used up."""
    lists: dict[int, tuple[Candidates, np.ndarray]] = {}
    chosen: dict[int, tuple[Candidates, np.ndarray]] = {}
    limit = max(settings.candidates, settings.ratio)
    asked = treated
    while asked:
        found = _ask(covariates, requests, asked, dict.fromkeys(asked, limit))
        short: dict[int, Treated] = {}
        for i in asked:
            lists[i] = _replace_lists(lists.get(i), found[i], asked[i], treated[i])
            candidates, cut = lists[i]
            names = ("matching", settings.seed, requests[i].group.request_id)
            order = nearest.processing_order(treated[i], settings.order, names)
            rows, rank, used_up = nearest.assign(
                candidates, order, settings.ratio, cut, closest=settings.order == "closest"
            )
            if len(used_up):
                short[i] = treated[i].subset(used_up)
            else:
                chosen[i] = (candidates.take(rows), rank)
        asked, limit = short, LONGER * limit
    return chosen


def _replace_lists(
    old: tuple[Candidates, np.ndarray] | None, new: tuple[Candidates, np.ndarray], asked: Treated, everyone: Treated
) -> tuple[Candidates, np.ndarray]:
    """Put the longer lists of some treated events in the place of their shorter ones."""
    place = np.searchsorted(everyone.event_id, asked.event_id)
    candidates, cut = new
    moved = Candidates(
        place[candidates.treated], candidates.event_id, candidates.offender_id, candidates.score, candidates.distance
    )
    if old is None:
        return moved, cut
    whole_cut = old[1].copy()
    whole_cut[place] = cut
    return Candidates.join([old[0].take(~np.isin(old[0].treated, place)), moved]), whole_cut


def _score_treated(covariates: DataFrame, requests: list[_Request]) -> dict[int, Treated]:
    """Return the treated of every request, sorted by event id; those without covariates are missing."""

    def kernel(_: int, shard: CovariateShard) -> Iterator[pa.RecordBatch]:
        for i, request in enumerate(requests):
            rows, landmark = treated_rows(shard, request.group)
            columns = [
                np.full(len(rows), i, np.int32), shard.event_id[rows], shard.stratum[rows],
                _scores(shard, request, rows), landmark.astype(np.int32), shard.data_order[rows],
            ]  # fmt: skip
            yield pa.record_batch(columns, names=_names(_SCORED))

    table = passes.over_shards(covariates, kernel, _SCORED).toArrow().to_pandas()
    table = table.sort_values(["request", "event_id"], kind="stable")
    return {
        int(i): Treated(
            rows["event_id"].to_numpy(np.int64), rows["score"].to_numpy(np.float64),
            rows["stratum"].to_numpy(np.int64), rows["landmark"].to_numpy(np.int32),
            rows["data_order"].to_numpy(np.int64),
        )
        for i, rows in table.groupby("request")
    }  # fmt: skip


def _ask(
    covariates: DataFrame, requests: list[_Request], treated: dict[int, Treated], limits: dict[int, int] | None
) -> dict[int, tuple[Candidates, np.ndarray]]:
    """Return each request's merged candidate lists, and which treated's list was cut at the limit.

    Without limits: everything inside the caliper.
    """

    def kernel(number: int, shard: CovariateShard) -> Iterator[pa.RecordBatch]:
        for i, some in treated.items():
            request = requests[i]
            rows, _ = pool_rows(shard, request.group)
            pool = Pool(
                shard.event_id[rows], shard.offender_id[rows], _scores(shard, request, rows), shard.stratum[rows],
                shard.first_reoffence[rows],
            )  # fmt: skip
            if limits is None:
                found = nearest.within(some, pool, request.caliper)
            else:
                found = nearest.nearest(some, pool, limits[i], request.caliper)
            head = [np.full(len(found), i, np.int32), np.full(len(found), number, np.int32)]
            body = [found.treated, found.event_id, found.offender_id, found.score, found.distance]
            yield pa.record_batch(head + body, names=_names(_CANDIDATES))

    table = passes.over_shards(covariates, kernel, _CANDIDATES).toArrow().to_pandas()
    by_request = dict(iter(table.groupby("request")))
    merged = {}
    for i, some in treated.items():
        rows = by_request.get(i, table.iloc[:0])
        fields = (rows[name].to_numpy() for name in Candidates.__dataclass_fields__)
        whole, limit = Candidates.join([Candidates(*fields)]), limits[i] if limits else len(rows) + 1
        per_shard = rows.groupby(["treated", "shard"]).size()
        cut = np.zeros(len(some), dtype=bool)
        cut[per_shard[per_shard >= limit].index.get_level_values("treated").unique().to_numpy(np.intp)] = True
        merged[i] = (whole.take((whole.rank < limit) | ~cut[whole.treated]), cut)  # beyond a cut nothing is certain
    return merged


def _scores(shard: CovariateShard, request: _Request, rows: np.ndarray) -> FloatArray:
    columns = [shard.columns.index(name) for name in request.columns]
    if not len(rows):
        return np.zeros(0)
    low, high = int(rows.min()), int(rows.max()) + 1
    scores = linear_predictor(shard.by_column[:, low:high].T, columns, request.coefficients)
    return np.asarray(scores[rows - low])


def _names(ddl: str) -> list[str]:
    return [part.split()[0] for part in ddl.split(", ")]


def _pairs(request_id: str, treated: Treated, pairs: Candidates, rank: np.ndarray) -> pa.Table:
    per_treated = np.bincount(pairs.treated, minlength=len(treated))
    return pa.table(
        {
            "request_id": pa.array([request_id] * len(pairs), pa.string()),
            "treated_event_id": treated.event_id[pairs.treated],
            "comparison_event_id": pairs.event_id,
            "comparison_offender_id": pairs.offender_id,
            "rank": pa.array(rank, pa.int32()),
            "pair_weight": 1.0 / per_treated[pairs.treated],
            "distance": pairs.distance,
            "treated_score": treated.score[pairs.treated],
            "comparison_score": pairs.score,
        }
    )


def _frame(covariates: DataFrame, tables: list[pa.Table]) -> DataFrame:
    columns = [c for c in schemas.MATCHED_PAIRS.columns if c.name != "run_id"]
    ddl = ", ".join(f"`{c.name}` {c.type}" for c in columns)
    spark = covariates.sparkSession
    if not tables:
        return spark.createDataFrame([], ddl)
    whole = pa.concat_tables(tables).select([c.name for c in columns])
    return spark.createDataFrame(whole, ddl)
