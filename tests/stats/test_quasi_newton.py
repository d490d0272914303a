"""Many propensity models in the same passes: sums against plain ones, fits against Newton's, alone and in company."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest

from jdl_spark.stats import pool_sums as kernel
from jdl_spark.stats import survey
from jdl_spark.stats.logistic import Apart, linear_predictor, moments, partial, per_unit
from jdl_spark.stats.newton import LogisticFit
from jdl_spark.stats.pool import RequestGroup, pool_rows, treated_rows
from jdl_spark.stats.pool_sums import Question, pool_sums
from jdl_spark.stats.quasi_newton import QuasiNewtonFit
from jdl_spark.stats.shard import NEVER, CovariateShard

NAMES = ("age", "age2", "priors", "days", "rare", "flag", "never", "copy")


def nation(n: int, shards: int, seed: int = 1) -> list[CovariateShard]:
    """Return a nation with a rare column, one that no treated event has, and one that repeats another."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 70, n).astype(float)
    flag = (random.random(n) < 0.3).astype(float)
    columns = [age, age**2 / 50, random.poisson(np.exp(1 - age / 60)), np.floor(random.gamma(0.6, 90, n)),
               random.random(n) < 0.01, flag, random.random(n) < 0.03, 2 * flag + 1]  # fmt: skip
    matrix = np.column_stack(columns).astype(float)
    person = random.integers(0, n * 3 // 4, n)
    event = random.permutation(4 * n)[:n].astype(np.int64)
    stratum = 100 * random.integers(2009, 2012, n) + 11
    first = np.where(random.random(n) < 0.3, random.integers(1, 366, n), NEVER).astype(np.int32)
    eligible = random.random(n) < 0.97
    made = []
    for number in range(shards):
        rows = np.flatnonzero(person % shards == number)
        rows = rows[np.lexsort((event[rows], stratum[rows]))]
        made.append(CovariateShard(NAMES, event[rows], person[rows], stratum[rows], first[rows], rows, eligible[rows],
                                   matrix[rows]))  # fmt: skip
    return made


def requests(shards: list[CovariateShard], count: int, people: int, seed: int = 2) -> list[RequestGroup]:
    """Return requests that served the young and those with priors, nobody of them with `never`, some after a delay."""
    random = np.random.default_rng(seed)
    whole = {name: np.concatenate([getattr(s, name) for s in shards])
             for name in ("event_id", "offender_id", "stratum", "first_reoffence", "eligible", "matrix")}  # fmt: skip
    made = []
    for number in range(count):
        years = random.choice(np.unique(whole["stratum"]), 2, replace=False)
        able = whole["eligible"] & np.isin(whole["stratum"], years) & (whole["matrix"][:, 6] == 0)
        likely = np.exp(-whole["matrix"][:, 0] / 20 + 0.2 * whole["matrix"][:, 2] + whole["matrix"][:, 5]) * able
        rows = random.choice(len(likely), people, replace=False, p=likely / likely.sum())
        delay = np.where(random.random(people) < 0.5, 0, random.integers(1, 100, people)).astype(np.int32)
        rows, delay = rows[whole["first_reoffence"][rows] > delay], delay[whole["first_reoffence"][rows] > delay]
        order = np.argsort(whole["event_id"][rows])
        made.append(RequestGroup(f"R{number}", whole["event_id"][rows[order]], delay[order],
                                 np.unique(whole["stratum"][rows]), np.unique(whole["offender_id"][rows])))  # fmt: skip
    return made


def everything(shards: list[CovariateShard]) -> dict[int, survey.Stratum]:
    found: dict[int, survey.Stratum] = {}
    for shard in shards:
        for code, stratum in survey.strata(shard, len(shards)).items():
            found[code] = found[code] + stratum if code in found else stratum
    return found


def scale(strata: dict[int, survey.Stratum]) -> tuple[np.ndarray, np.ndarray]:
    whole = reduce(add, (strata[code].moments for code in sorted(strata)))
    return whole.mean, np.sqrt(np.diag(whole.cross) / whole.weight.sum())


def begin(shards, group, strata, mean, sd, most=8_000):
    parts = [survey.treated_of(shard, [group]).get(0) for shard in shards]
    ids, rows = (np.concatenate([part[i] for part in parts if part]) for i in range(2))
    treated = rows[np.argsort(ids)]
    own = moments(treated, np.ones(len(treated), bool), np.ones(len(treated)), np.array([0, len(treated)]))
    total = reduce(add, (strata[code].moments for code in group.strata.tolist()), own)
    return QuasiNewtonFit(NAMES, group, treated, total, survey.sample_of(strata, group, most), mean, sd)


def in_company(shards, groups, **options):
    strata = everything(shards)
    mean, sd = scale(strata)
    fits = [begin(shards, group, strata, mean, sd, **options) for group in groups]
    while asked := [one for one in fits if one.question]:
        answers = [pool_sums(shard, [one.question for one in asked], mean, sd) for shard in shards]
        for place, one in enumerate(asked):
            one.take([answer[place] for answer in answers])
    return fits


def by_newton(shards, group):
    fit = LogisticFit(NAMES, 30, 1e-18, 5)
    while fit.result is None:
        parts = []
        for shard in shards:
            treated, _ = treated_rows(shard, group)
            pool, weight = pool_rows(shard, group)
            rows = np.concatenate([treated, pool])
            is_treated = np.arange(len(rows)) < len(treated)
            parts.append(
                partial(shard.matrix[rows], is_treated, np.concatenate([np.ones(len(treated)), weight]), fit.task)
            )
        fit.take(parts)
    return fit.result


@pytest.fixture(scope="module")
def shards() -> list[CovariateShard]:
    return nation(30_000, 3)


def test_sums_are_those_of_the_pool_row_by_row(shards: list[CovariateShard]) -> None:
    group, (mean, sd) = requests(shards, 1, 300)[0], scale(everything(shards))
    coefficients = np.concatenate([[-4.0], np.random.default_rng(3).normal(0, 0.3, 7), [0.0]])
    apart = (Apart(6, 0.0, -1),)
    for shard in shards:
        rows, weight = pool_rows(shard, group)
        far = shard.matrix[rows, 6] != 0
        x = np.column_stack([np.ones(len(rows)), (shard.matrix[rows] - mean) / sd])
        logit = x @ coefficients
        chance = 1 / (1 + np.exp(-logit))
        mass = np.where(far, 0.0, weight * chance)
        (found,) = pool_sums(shard, [Question(group, coefficients, apart, draw=1e9, final=True)], mean, sd)
        assert found.n == len(rows)
        assert found.gradient == pytest.approx(x.T @ mass, rel=1e-10)
        whole = x.T @ (x * (mass * (1 - chance))[:, None])
        assert found.information == pytest.approx(whole, abs=1e-6 * np.abs(whole).max())  # float32: it only steers
        assert found.log_likelihood == pytest.approx(float(np.sum(weight * np.log1p(-chance) * ~far)), rel=1e-10)
        assert found.scores[0] == np.sum(~far)
        assert found.scores[1] == pytest.approx(logit[~far].mean(), rel=1e-10)
        assert found.gap.tolist() == [1.0]
        plain = linear_predictor(shard.matrix[rows], range(8), per_unit(coefficients, mean, sd))
        assert plain == pytest.approx(logit, abs=1e-9)


def test_the_same_bits_at_every_place_of_the_tile(shards: list[CovariateShard]) -> None:
    groups, (mean, sd) = requests(shards, 40, 60), scale(everything(shards))
    strata = np.unique(np.concatenate([shard.stratum for shard in shards]))
    questions = [
        Question(replace(group, strata=strata), np.random.default_rng(i).normal(-1, 0.3, 9), draw=3.0)
        for i, group in enumerate(groups)
    ]
    alone = [pool_sums(shards[0], [question], mean, sd)[0] for question in questions[:3]]
    for first in range(0, len(questions), 3):
        turned = [*questions[first:], *questions[:first]]
        found = pool_sums(shards[0], turned, mean, sd)
        for own, expected in enumerate(alone):
            here = found[(own - first) % len(questions)]
            assert here.gradient.tobytes() == expected.gradient.tobytes()
            assert here.information.tobytes() == expected.information.tobytes()


def test_drawn_rows_stand_for_all(shards: list[CovariateShard]) -> None:
    group, (mean, sd) = requests(shards, 1, 300)[0], scale(everything(shards))
    coefficients = np.concatenate([[-4.0, -1.0], np.zeros(7)])
    whole, drawn = (reduce(add, (pool_sums(s, [Question(group, coefficients, draw=draw)], mean, sd)[0] for s in shards))
                    for draw in (1e9, 8.0))  # fmt: skip
    root = np.linalg.inv(np.linalg.cholesky(whole.information[:8, :8]))  # the last column repeats another
    seen = np.linalg.eigvalsh(root @ drawn.information[:8, :8] @ root.T)
    assert 0.7 < seen.min() < seen.max() < 1.3
    assert not np.array_equal(whole.information, drawn.information)


def test_fits_are_newtons_fits(shards: list[CovariateShard]) -> None:
    groups = requests(shards, 6, 250) + requests(shards, 2, 40, seed=9)
    for group, fit in zip(groups, in_company(shards, groups), strict=True):
        expected = by_newton(shards, group)
        assert expected.status == "converged"
        assert fit.result is not None
        assert (fit.result.columns, fit.result.dropped) == (expected.columns, expected.dropped)
        assert any("never: separation, set apart" in cause for cause in fit.result.dropped)
        assert any("copy: linear combination of flag" in cause for cause in fit.result.dropped)
        assert (fit.result.n_treated, fit.result.n_pool) == (expected.n_treated, expected.n_pool)
        assert fit.result.coefficients == pytest.approx(expected.coefficients, rel=1e-7, abs=1e-8)
        assert fit.result.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
        assert fit.result.logit_sd_pooled == pytest.approx(expected.logit_sd_pooled, rel=1e-8)
        assert fit.result.logit_sd_all == pytest.approx(expected.logit_sd_all, rel=1e-8)
        assert fit.passes < 15


def test_alone_and_in_company_are_the_same_bits(shards: list[CovariateShard], monkeypatch: pytest.MonkeyPatch) -> None:
    groups = requests(shards, 35, 60)
    together = [fit.result for fit in in_company(shards, groups)]
    turned = [fit.result for fit in in_company(shards, groups[::-1])][::-1]
    alone = [in_company(shards, [group])[0].result for group in groups[:5]]
    assert together == turned
    assert together[:5] == alone
    monkeypatch.setattr(kernel, "BLOCK", 1_000)
    assert in_company(shards, groups[:1])[0].result != alone[0]  # a block's length does change the bits


def test_what_has_no_estimate_is_given_up(shards: list[CovariateShard]) -> None:
    group = requests(shards, 1, 300)[0]
    young = np.concatenate([s.event_id[(s.matrix[:, 0] + 0.3 * s.matrix[:, 2] < 20) & s.eligible] for s in shards])
    chosen = RequestGroup("Y", np.sort(young), np.zeros(len(young), np.int32), np.array([200_911, 201_011, 201_111]),
                          np.zeros(0, np.int64))  # fmt: skip
    everyone = np.concatenate([s.offender_id[np.isin(s.event_id, young)] for s in shards])
    separated = RequestGroup("Y", chosen.treated, chosen.landmark, chosen.strata, np.unique(everyone))
    fits = in_company(shards, [separated, group])
    assert fits[0].result is None
    assert fits[1].result is not None
    assert by_newton(shards, separated).reason == "separation"


def test_a_start_whose_rows_are_all_set_apart_is_given_up(shards: list[CovariateShard]) -> None:
    group, strata = requests(shards, 1, 300)[0], everything(shards)
    mean, sd = scale(strata)
    start = survey.sample_of(strata, group, 8_000)
    never = survey.Start(start.rows[start.rows[:, 6] == 1], start.weight[start.rows[:, 6] == 1])
    treated = np.concatenate([part[1] for s in shards if (part := survey.treated_of(s, [group]).get(0))])
    own = moments(treated, np.ones(len(treated), bool), np.ones(len(treated)), np.array([0, len(treated)]))
    total = reduce(add, (strata[code].moments for code in group.strata.tolist()), own)
    assert len(never.rows) > 50
    fit = QuasiNewtonFit(NAMES, group, treated, total, never, mean, sd)
    assert (fit.question, fit.result) == (None, None)


def test_a_stratum_of_shards_is_the_stratum_of_the_whole() -> None:
    whole, parts = everything(nation(20_000, 1)), everything(nation(20_000, 7))
    assert whole.keys() == parts.keys()
    for code, expected in whole.items():
        found = parts[code]
        assert found.draw.tolist() == expected.draw.tolist()
        assert np.array_equal(found.rows, expected.rows)
        assert len(found.draw) == survey.SAMPLED
        assert found.below == expected.below
        assert found.moments.mean == pytest.approx(expected.moments.mean, rel=1e-12)
        assert found.moments.cross == pytest.approx(expected.moments.cross, rel=1e-9)


def test_draws_are_uniform_and_depend_on_the_id_alone() -> None:
    ids = np.arange(200_000)
    draws = survey.uniform(ids)
    assert np.abs(np.sort(draws) - (np.arange(len(ids)) + 0.5) / len(ids)).max() < 1.63 / np.sqrt(len(ids))  # 1 % point
    assert 0 <= draws.min() < draws.max() < 1
    assert survey.uniform(ids[::-1]).tolist() == draws[::-1].tolist()
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.01


def test_the_start_stands_for_the_pool(shards: list[CovariateShard]) -> None:
    group, strata = requests(shards, 1, 300)[0], everything(shards)
    pool = [pool_rows(shard, group) for shard in shards]
    weight = sum(float(weights.sum()) for _, weights in pool)
    means = sum(shard.matrix[rows].T @ weights for shard, (rows, weights) in zip(shards, pool, strict=True)) / weight
    start = survey.sample_of(strata, group, 2_000)
    assert 1_500 < len(start.rows) <= 2_002
    assert start.weight.sum() == pytest.approx(weight, rel=0.03)
    sd = scale(strata)[1]
    assert np.abs(start.weight @ start.rows / start.weight.sum() - means).max() / sd.max() < 0.1
