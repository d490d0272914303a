"""Estimates from literal pairs and outcomes, and a reason wherever there is none."""

from __future__ import annotations

import dataclasses

import pytest
from covariate_frames import ddl

from jdl_spark import inference, schemas
from jdl_spark.settings import InferenceSettings

SETTINGS = InferenceSettings(replicates=199, minimum_analysed=2, minimum_reoffenders=2)
KINDS = {"reoffended": "binary", "reoffences": "count", "days_to_first": "conditional", "days_free": "time"}
BIG = 2**62  # identifiers are 64-bit: a detour over floating point would lose them
NUMBERS = ("mean_treated", "mean_comparison", "att", "ci_low", "ci_high", "p_value", "se_multiplier",
           "se_abadie_imbens", "se_matched_set", "se_person", "se_two_way")  # fmt: skip


def pairs(spark, rows):
    """MATCHED_PAIRS from (request, treated, comparison, rank, weight); scores are the ids' last digits."""
    whole = [(r, BIG + t, BIG + c, BIG + c, k, w, 0.0, t / 10, c % 10 / 10) for r, t, c, k, w in rows]
    return spark.createDataFrame(whole, ddl(schemas.MATCHED_PAIRS))


def outcomes(spark, rows):
    """Outcomes from {event: (reoffended, reoffences, days_to_first)}, one event a person."""
    whole = [(BIG + e, BIG + e, *v, None if v[0] is None else v[2] or 365) for e, v in rows.items()]
    columns = "index_event_id bigint, offender_id bigint, reoffended boolean, reoffences int, days_to_first int"
    return spark.createDataFrame(whole, f"{columns}, days_free int")


TREATED = {1: (True, 2, 100), 2: (False, 0, None), 3: (True, 1, 200)}
COMPARISON = {11: (True, 1, 50), 12: (False, 0, None), 13: (True, 4, 30), 14: (True, 1, 90)}
OTHERS = {50: (None, None, None)}  # the nation has people whose follow-up is not complete
SETS = [("A", 1, 11, 1, 0.5), ("A", 1, 12, 2, 0.5), ("A", 2, 12, 1, 1.0), ("A", 3, 13, 1, 0.5), ("A", 3, 14, 2, 0.5)]


def estimated(spark, rows=SETS, values=None, kinds=KINDS, **settings):
    frame = inference.estimate(
        pairs(spark, rows), outcomes(spark, values or {**TREATED, **COMPARISON, **OTHERS}), kinds,
        dataclasses.replace(SETTINGS, **settings), "v",
    )  # fmt: skip
    expected = ",".join(f"{c.name}:{c.type}" for c in schemas.ESTIMATES.columns if c.name != "run_id")
    assert frame.schema.simpleString() == f"struct<{expected}>"
    return {(r.request_id, r.outcome): r for r in frame.collect()}


def test_means_sizes_and_kinds(spark):
    found = estimated(spark)
    assert {name for _, name in found} == set(KINDS)
    rate = found["A", "reoffended"]
    assert (rate.kind, rate.reason, rate.replicates, rate.n_treated, rate.n_comparison) == ("binary", "ok", 199, 3, 4)
    assert rate.mean_treated == pytest.approx(2 / 3)
    assert rate.mean_comparison == pytest.approx((0.5 + 0 + 0.5 + 0.5) / 3)
    assert rate.att == pytest.approx(2 / 3 - 0.5)
    assert rate.ci_low < rate.att < rate.ci_high
    assert rate.se_matched_set is None  # event 12 stands in two sets
    assert min(rate.se_abadie_imbens, rate.se_person, rate.se_two_way, rate.se_multiplier) > 0
    assert found["A", "reoffences"].mean_comparison == pytest.approx((0.5 + 0 + 2 + 0.5) / 3)
    assert found["A", "days_free"].mean_treated == pytest.approx((100 + 365 + 200) / 3)
    days = found["A", "days_to_first"]
    assert (days.n_treated, days.n_comparison, days.mean_treated) == (2, 3, 150.0)
    assert days.mean_comparison == pytest.approx((0.5 * 50 + 0.5 * 30 + 0.5 * 90) / 1.5)
    assert days.reason == "ok"


def test_without_reuse_the_matched_set_is_the_unit(spark):
    row = estimated(spark, [(r, t, c, 1, 1.0) for r, t, c, k, _ in SETS if k == 1])["A", "reoffences"]
    assert row.se_matched_set == row.se_multiplier > 0


def without_estimate(row):
    assert all(row[name] is None for name in NUMBERS)
    return row.reason


def test_too_few_analysed(spark):
    found = estimated(spark, minimum_analysed=4)
    assert {without_estimate(row) for row in found.values()} == {"too_few_analysed"}
    assert found["A", "reoffended"].n_treated == 3


def test_too_few_reoffenders_leave_the_other_outcomes_alone(spark):
    found = estimated(spark, minimum_reoffenders=3)
    assert without_estimate(found["A", "days_to_first"]) == "too_few_reoffenders"
    assert (found["A", "days_to_first"].n_treated, found["A", "days_to_first"].n_comparison) == (2, 3)
    assert found["A", "reoffended"].reason == "ok"


def test_outcomes_that_are_missing(spark):
    """Each request has events of its own; one outcome of each is not as it should be."""
    unknown, nobody, everybody = (None, None, None), (False, 0, None), {**TREATED, **COMPARISON}
    cases = {
        "C": {**everybody, 13: unknown},
        "D": {**everybody, 2: unknown},
        "E": {event: value for event, value in everybody.items() if event != 1},
        "F": {**TREATED, **dict.fromkeys(COMPARISON, nobody)},
    }
    rows, values = [], {}
    for k, (name, outcome) in enumerate(cases.items(), 1):
        rows += [(name, 100 * k + t, 100 * k + c, rank, weight) for _, t, c, rank, weight in SETS]
        values |= {100 * k + event: value for event, value in outcome.items()}
    found = estimated(spark, [*rows, *SETS], {**everybody, **values})
    assert without_estimate(found["C", "reoffences"]) == "missing_outcome"
    assert found["C", "days_to_first"].reason == "ok"  # unknown and never are the same there
    assert without_estimate(found["D", "days_free"]) == "missing_outcome"
    assert {without_estimate(found["E", name]) for name in KINDS} == {"missing_outcome"}  # no row at all
    assert without_estimate(found["F", "days_to_first"]) == "too_few_reoffenders"
    assert found["F", "days_to_first"].n_comparison == 0
    assert found["F", "reoffended"].reason == found["A", "reoffended"].reason == "ok"


def test_nothing_varies(spark):
    row = estimated(spark, values=dict.fromkeys([*TREATED, *COMPARISON], (True, 1, 7)))["A", "reoffended"]
    assert (row.reason, row.att, row.p_value, row.ci_low) == ("no_variation", 0.0, None, None)


def test_one_treated_person(spark):
    row = estimated(spark, SETS[:2], minimum_analysed=1)["A", "reoffended"]
    assert (row.n_treated, row.att, row.reason, row.p_value) == (1, 0.5, "no_variation", None)


def test_no_pairs_and_an_unknown_kind(spark):
    assert estimated(spark, []) == {}
    with pytest.raises(ValueError, match="unknown kind"):
        estimated(spark, kinds={"reoffended": "share"})
