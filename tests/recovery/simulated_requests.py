"""A packed nation with many independent requests whose effects are known.

Each request has two exact strata of its own, so that no two requests share a comparison person and
their errors are independent: what a binomial bound needs. Within a request:

- the treated differ from the pool by a shift of normal covariates and a tilt of a yes/no one, so the
  logistic model of being treated is exactly right, and whoever compares without matching is wrong;
- people of the pool have one to three events whose covariates and outcomes are correlated;
- some treated have a second event that looks like the first and ends badly: its own best match,
  unless the person is barred;
- a share EARLY of all people reoffends within DELAY days. Where a request has landmarks, half its
  treated begin after DELAY days and are by definition not among those;
- an effect is added to each treated person's expectation, the same for everybody: the effect on the
  matched treated is then that number, whoever is matched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from covariate_frames import ddl
from scipy.special import expit
from scipy.stats import norm

from jdl_spark import schemas
from jdl_spark.stats.shard import NEVER, CovariateShard

COLUMNS = ("age", "history", "employed", "programmes")
EARLY, DELAY = 0.2, 60
EFFECTS = {"reoffended": -0.10, "placebo": 0.0, "reoffences": -0.4, "days_to_first": 20.0}
KINDS = {"reoffended": "binary", "placebo": "binary", "reoffences": "count", "days_to_first": "conditional"}
SHARDS = 6


@dataclass(frozen=True)
class Simulation:
    """Event by event arrays, shape (n,); `outcomes` by name; `landmark` is 0 for everybody not treated."""

    request: np.ndarray
    event_id: np.ndarray
    offender_id: np.ndarray
    stratum: np.ndarray
    treated: np.ndarray
    barred: np.ndarray
    landmark: np.ndarray
    first_reoffence: np.ndarray
    matrix: np.ndarray
    outcomes: dict[str, np.ndarray]


def simulate(rng, requests, effects=None, treated=120, pool=900, landmarks="half of the requests"):
    """Draw requests with `treated` people against `pool` people each."""
    effects = EFFECTS if effects is None else effects
    parts = [_request(rng, i, effects, treated, pool, landmarks != "all" and i % 2 == 0) for i in range(requests)]
    start = np.cumsum([0] + [part["offender_id"].max() + 1 for part in parts])
    for part, first in zip(parts, start, strict=False):
        part["offender_id"] = part["offender_id"] + first
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    event_id = rng.permutation(len(whole["request"])).astype(np.int64)
    return Simulation(event_id=event_id, outcomes={name: whole.pop(name) for name in KINDS}, **whole)


def _request(rng, number, effects, n_treated, n_pool, begins_at_once):
    """Return one request's events: the treated, their second events, the pool."""
    events = rng.choice([1, 2, 3], n_pool, p=[0.5, 0.35, 0.15])
    twins = rng.random(n_treated) < 0.5
    person = np.concatenate(
        [np.arange(n_treated), np.flatnonzero(twins), n_treated + np.repeat(np.arange(n_pool), events)]
    )
    n, people = len(person), n_treated + n_pool
    treated = np.arange(n) < n_treated
    second = (np.arange(n) >= n_treated) & (person < n_treated)

    def normal(share):
        """Standard normal per event, correlated within the person."""
        return np.sqrt(share) * rng.normal(size=people)[person] + np.sqrt(1 - share) * rng.normal(size=n)

    cohort = person < n_treated
    age = normal(0.7) + 0.7 * cohort
    history = normal(0.5) - 0.3 * cohort
    employed = (normal(0.6) < norm.ppf(np.where(cohort, expit(np.log(0.4 / 0.6) + 0.5), 0.4))).astype(float)
    programmes = rng.poisson(2.0, n).astype(float)
    matrix = np.column_stack([age, history, employed, programmes])
    matrix[second] = matrix[person[second]]
    age, history, employed = matrix[:, 0], matrix[:, 1], matrix[:, 2]

    risk = 0.15 + 0.65 * expit(1.2 * age - 0.8 * history - 0.4 * employed)
    landmark = np.where(treated & (np.arange(n) % 2 == 0) & (not begins_at_once), DELAY, 0)
    early = (norm.cdf(normal(0.5)) < EARLY) & (landmark == 0)
    effect = np.where(landmark > 0, effects["reoffended"], effects["reoffended"] / (1 - EARLY)) * treated
    late = norm.cdf(normal(0.5)) < risk + effect
    first = np.where(early, rng.integers(1, DELAY + 1, n), np.where(late, rng.integers(DELAY + 1, 366, n), NEVER))
    placebo = norm.cdf(normal(0.5)) < risk
    count = rng.poisson(
        (risk * 2 * np.exp(normal(0.5) * 0.5 - 0.125)) + np.where(treated, 0.5 + effects["reoffences"], 0.5)
    )
    days = 150 + 30 * age + 20 * normal(0.3) + effects["days_to_first"] * treated
    days[norm.cdf(normal(0.5)) > risk] = np.nan  # who has a value depends on the covariates, not on the treatment
    first[second], placebo[second], count[second], days[second] = 200, True, 9, 10.0
    return {
        "request": np.full(n, number), "offender_id": person.astype(np.int64),
        "stratum": np.where(person % 2 == 0, 10 * number + 1, 10 * number + 2).astype(np.int64),
        "treated": treated, "barred": cohort, "landmark": landmark.astype(np.int32),
        "first_reoffence": first.astype(np.int32), "matrix": matrix,
        "reoffended": (first < NEVER).astype(float), "placebo": placebo.astype(float),
        "reoffences": count.astype(float), "days_to_first": days,
    }  # fmt: skip


def name_of(request):
    return f"SIM-{request:04d}"


def covariates(spark, made, partitions=2):
    """Return schemas.COVARIATES."""
    rows = []
    shard_of = made.offender_id % SHARDS
    for shard in range(SHARDS):
        some = np.flatnonzero(shard_of == shard)
        some = some[np.lexsort((made.event_id[some], made.stratum[some]))]
        packed = CovariateShard(
            COLUMNS, made.event_id[some], made.offender_id[some], made.stratum[some], made.first_reoffence[some],
            np.arange(len(some)), np.ones(len(some), bool), made.matrix[some],
        )  # fmt: skip
        rows.append((shard, len(some), list(COLUMNS), bytearray(packed.to_bytes())))
    return spark.createDataFrame(rows, ddl(schemas.COVARIATES)).repartition(partitions)


def members(spark, made, without_landmark=False):
    """Return schemas.MEMBERS: the treated events."""
    some = np.flatnonzero(made.treated)
    content = {
        "request_id": [name_of(i) for i in made.request[some]],
        "person_ref": [f"{i:07d}" for i in some],
        "offender_id": made.offender_id[some],
        "index_event_id": made.event_id[some],
        "stratum": made.stratum[some],
        "landmark_days": np.zeros(len(some), np.int32) if without_landmark else made.landmark[some],
        "reason": pa.nulls(len(some), pa.string()),
    }
    return spark.createDataFrame(pa.table(content), ddl(schemas.MEMBERS))


def links(spark, made):
    """Return schemas.LINKS: the treated people, each found without doubt."""
    some = np.flatnonzero(made.treated)
    n = len(some)
    content = {
        "request_id": [name_of(i) for i in made.request[some]],
        "person_ref": [f"{i:07d}" for i in some],
        "offender_id": made.offender_id[some],
        "match_weight": np.full(n, 20.0),
        "match_probability": np.ones(n),
        "status": ["linked"] * n,
        "route": ["pnc"] * n,
    }
    return spark.createDataFrame(pa.table(content), ddl(schemas.LINKS))


def outcomes(spark, made):
    """Return the outcomes of every event of the nation; NULL where there is no value."""
    content = {"index_event_id": made.event_id, "offender_id": made.offender_id}
    content |= {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in made.outcomes.items()}
    columns = ["index_event_id bigint", "offender_id bigint", *(f"`{name}` double" for name in KINDS)]
    return spark.createDataFrame(pa.table(content), ", ".join(columns))
