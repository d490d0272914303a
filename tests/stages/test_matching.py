"""Literal tables in and out, for each way of matching."""

from __future__ import annotations

import math
import statistics

import pytest
from covariate_frames import Event, covariates, ddl, links, members

from jdl_spark import matching, schemas
from jdl_spark.errors import UsageError
from jdl_spark.settings import MatchingSettings

# Treated 1, 2, 3; the score is the covariate `score` itself.
EVENTS = [
    Event(1, (0.50,), data_order=3),
    Event(2, (0.90,), data_order=1),
    Event(3, (0.10,), data_order=2),
    Event(10, (0.52,)),
    Event(11, (0.48,)),  # as far from event 1 as event 10: the lower score comes first
    Event(12, (0.88,)),
    Event(13, (0.60,)),
    Event(14, (0.50,), stratum=2),  # another stratum
    Event(15, (0.50,), eligible=False),
    Event(16, (0.50,), offender_id=99),  # barred
    Event(17, (0.90,), first_reoffence=30),  # reoffended before event 2's intervention began
]
TREATED = {"A": [(1, 1, 1, 0), (2, 2, 1, 30), (3, 3, 1, 0)]}
MODEL = ("converged", "ok", 5, 3, 6, ["(intercept)", "score"], [0.0, 1.0], [], 0.25, 0.5, 0.02, 0.03, -1.0, 0.0)


def matched(spark, models=(("A", *MODEL),), treated=None, **settings):
    treated = treated or TREATED
    frame = matching.match(
        members(spark, treated),
        links(spark, {name: [p[1] for p in people] + [99] for name, people in treated.items()}),
        spark.createDataFrame(list(models), ddl(schemas.PROPENSITY_MODELS)),
        covariates(spark, EVENTS, columns=("score",)),
        MatchingSettings(**settings),
    )
    expected = ",".join(f"{c.name}:{c.type}" for c in schemas.MATCHED_PAIRS.columns if c.name != "run_id")
    assert frame.schema.simpleString() == f"struct<{expected}>"
    return sorted(frame.collect(), key=lambda r: (r.request_id, r.treated_event_id, r["rank"]))


def triples(rows):
    return [(r.treated_event_id, r.comparison_event_id, r["rank"]) for r in rows]


def test_with_replacement_two_nearest_in_a_caliper(spark):
    rows = matched(spark, ratio=2, replace=True, caliper=0.4, caliper_sd="pooled")  # 0.1 of a logit
    assert triples(rows) == [(1, 11, 1), (1, 10, 2), (2, 12, 1)]
    assert [r.pair_weight for r in rows] == [0.5, 0.5, 1.0]
    assert rows[2].distance == abs(0.90 - 0.88)
    assert (rows[2].treated_score, rows[2].comparison_score) == (0.9, 0.88)
    assert rows[2].comparison_offender_id == 12


def test_without_replacement_in_rounds(spark):
    rows = matched(spark, ratio=2, replace=False, caliper=None, candidates=1)
    # round 1, largest first: 2-12, 1-11, 3-10; round 2: 2-13, 1-17, and nothing is left for 3
    assert triples(rows) == [(1, 11, 1), (1, 17, 2), (2, 12, 1), (2, 13, 2), (3, 10, 1)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("largest", [(1, 11, 1), (2, 12, 1), (3, 10, 1)]),
        ("smallest", [(1, 10, 1), (2, 12, 1), (3, 11, 1)]),
        ("data", [(1, 10, 1), (2, 12, 1), (3, 11, 1)]),  # by data_order: 2, 3, 1
        ("closest", [(1, 11, 1), (2, 12, 1), (3, 10, 1)]),
    ],
)
def test_orders_without_replacement(spark, order, expected):
    assert triples(matched(spark, ratio=1, replace=False, caliper=None, order=order)) == expected


def test_radius_takes_all_inside_the_caliper(spark):
    rows = matched(spark, method="radius", caliper=0.2, caliper_sd="all")  # 0.1 of a logit
    assert triples(rows) == [(1, 11, 1), (1, 10, 2), (1, 13, 3), (2, 12, 1)]
    assert [r.pair_weight for r in rows] == [1 / 3, 1 / 3, 1 / 3, 1.0]


def test_a_request_without_a_model_has_no_pairs(spark):
    failed = ("B", "failed", "separation", 3, 3, 6, [], [], [], *[None] * 6)
    both = {"A": TREATED["A"], "B": TREATED["A"]}
    rows = matched(spark, models=(("A", *MODEL), failed), treated=both, ratio=1)
    assert {r.request_id for r in rows} == {"A"}
    assert matched(spark, models=(failed,), treated={"B": TREATED["A"]}) == []


def test_a_covariate_caliper_of_none_of_the_matrix_is_named(spark):
    with pytest.raises(UsageError, match="no covariate 'height'"):
        matched(spark, covariate_calipers={"height": 1.0})


def test_covariate_caliper_narrower_than_the_caliper(spark):
    rows = matched(spark, ratio=5, caliper=None, covariate_calipers={"score": 0.03})
    assert triples(rows) == [(1, 11, 1), (1, 10, 2), (2, 12, 1)]


def test_limited_reuse_is_the_greedy_algorithm(spark):
    rows = matched(spark, ratio=1, caliper=None, max_reuse=1, candidates=1)
    assert triples(rows) == triples(matched(spark, ratio=1, caliper=None, replace=False))


def test_distance_on_the_probability_scale(spark):
    rows = matched(spark, ratio=1, caliper=1.0, caliper_sd="pooled", scale="probability")  # 0.02 of a probability
    assert triples(rows) == [(1, 10, 1), (2, 12, 1)]  # above 0 the probability flattens, so 0.52 is nearer than 0.48
    assert rows[0].distance == pytest.approx(1 / (1 + math.exp(-0.52)) - 1 / (1 + math.exp(-0.50)))


def test_mahalanobis_distance_of_one_column_is_its_difference_in_standard_deviations(spark):
    rows = matched(spark, ratio=2, caliper=0.4, mahalanobis=("score",))  # order as by the score: there is one column
    assert triples(rows) == [(1, 11, 1), (1, 10, 2), (2, 12, 1)]
    treated, pool = [0.50, 0.90, 0.10], [0.52, 0.48, 0.88, 0.60, 0.90]
    spread = sum(statistics.variance(group) * (len(group) - 1) for group in (treated, pool)) / (3 + 5 - 2)
    assert rows[2].distance == pytest.approx(0.02 / math.sqrt(spread))
