"""Balance of literal groups, against sums over the people of each group."""

from __future__ import annotations

import math

import numpy as np
import pytest
from covariate_frames import Event, covariates, ddl, links, members

from jdl_spark import balance, schemas

COLUMNS = ("age", "flag", "constant")
EVENTS = [
    Event(1, (30.0, 1.0, 2.0)),
    Event(2, (40.0, 0.0, 2.0)),
    Event(3, (50.0, 1.0, 2.0)),  # treated, not matched
    Event(10, (31.0, 1.0, 2.0)),
    Event(11, (35.0, 0.0, 2.0)),
    Event(12, (41.0, 0.0, 2.0)),
    Event(13, (20.0, 0.0, 2.0)),
    Event(14, (90.0, 1.0, 2.0), stratum=2),  # another stratum
    Event(15, (91.0, 1.0, 2.0), eligible=False),
    Event(16, (92.0, 1.0, 2.0), offender_id=99),  # barred
]
TREATED = {"A": [(1, 1, 1, 0), (2, 2, 1, 0), (3, 3, 1, 0)]}
PAIRS = [("A", 1, 10, 1, 0.5), ("A", 1, 11, 2, 0.5), ("A", 2, 11, 1, 0.5), ("A", 2, 12, 2, 0.5)]


def pairs(spark, rows):
    whole = [(r, t, c, c, k, w, 0.0, 0.0, 0.0) for r, t, c, k, w in rows]
    return spark.createDataFrame(whole, ddl(schemas.MATCHED_PAIRS))


def measured(spark, treated=None, rows=PAIRS, events=EVENTS, **frames):
    treated = TREATED if treated is None else treated
    barred = {name: [p[1] for p in people] + [99] for name, people in treated.items()}
    frame = balance.measure(
        members(spark, treated), links(spark, barred), pairs(spark, rows), covariates(spark, events, COLUMNS, **frames)
    )
    expected = ",".join(f"{c.name}:{c.type}" for c in schemas.BALANCE.columns if c.name != "run_id")
    assert frame.schema.simpleString() == f"struct<{expected}>"
    return {(r.request_id, r.covariate, r.when): r for r in frame.collect()}


def test_before_all_treated_against_the_whole_pool_after_the_matched_by_weight(spark):
    found = measured(spark)
    assert set(found) == {("A", c, w) for c in COLUMNS for w in ("before", "after")}
    before, after = found["A", "age", "before"], found["A", "age", "after"]
    assert (before.mean_treated, before.mean_comparison) == (40.0, (31 + 35 + 41 + 20) / 4)
    assert (after.mean_treated, after.mean_comparison) == (35.0, (0.5 * 31 + 1.0 * 35 + 0.5 * 41) / 2)
    yardstick = np.std([30, 40, 50], ddof=1)  # the treated before matching, both times
    assert before.smd == pytest.approx((40 - 31.75) / yardstick)
    assert after.smd == pytest.approx((35 - 35.5) / yardstick)
    assert before.variance_ratio == pytest.approx(100 / np.var([31, 35, 41, 20], ddof=1))
    weighted = (0.5 * 4.5**2 + 1.0 * 0.5**2 + 0.5 * 5.5**2) * 2 / (4 - 1.5)
    assert after.variance_ratio == pytest.approx(50 / weighted)
    # all values: 20 30 31 35 40 41 50; treated reach 1/2 at 30 and 1 at 40; comparison 1/4, 3/4, 1 at 31, 35, 41
    gaps = [0, 0.5, 0.25, 0.25, 0.25, 0, 0]
    assert (after.ecdf_mean, after.ecdf_max) == pytest.approx((sum(gaps) / 7, 0.5))


def test_yes_no_and_constant_covariates(spark):
    found = measured(spark)
    before, after = found["A", "flag", "before"], found["A", "flag", "after"]
    assert (before.mean_treated, before.mean_comparison) == pytest.approx((2 / 3, 1 / 4))
    assert before.smd == pytest.approx((2 / 3 - 1 / 4) / math.sqrt(2 / 3 * 1 / 3))
    assert before.variance_ratio is None
    assert (before.ecdf_mean, before.ecdf_max) == pytest.approx((5 / 12, 5 / 12))
    assert (after.mean_treated, after.mean_comparison) == (0.5, 0.25)
    constant = found["A", "constant", "after"]
    assert (constant.smd, constant.variance_ratio, constant.ecdf_max) == (0.0, None, 0.0)


def test_a_request_without_pairs_is_measured_before_only(spark):
    found = measured(spark, {"A": TREATED["A"], "B": [(1, 1, 1, 0)]})
    assert found["B", "age", "before"].mean_comparison == pytest.approx(217 / 6)  # all but the one treated
    assert found["B", "age", "before"].smd is None  # one treated person has no spread
    assert found["B", "age", "after"].mean_treated is None
    assert found["B", "age", "after"].smd is None


def test_no_requests_no_pool_no_columns(spark):
    assert measured(spark, {}, []) == {}
    lonely = measured(spark, {"A": TREATED["A"]}, [], EVENTS[:3])
    assert lonely["A", "age", "before"].mean_treated == 40.0
    assert lonely["A", "age", "before"].mean_comparison is None
    assert lonely["A", "age", "before"].ecdf_max is None
