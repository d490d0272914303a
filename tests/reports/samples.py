"""Result rows of invented requests, as the stages would leave them, and documents made from them."""

from __future__ import annotations

import json
from typing import Any

from jdl_spark.publication import compose
from jdl_spark.results import ResultDocument
from jdl_spark.settings import Methodology

SETTINGS = Methodology(version="2026-11")
RUN = {
    "run_id": "5f0c2a9be1d47c36",
    "release_id": "2011",
    "methodology": "2026-11 0f3be7a1c2d4",
    "code_version": "0.1.0+4be19a0c77d2",
    "linkage_models": {"cohort": "9c1f" * 16},
    "started_at": "2026-11-20T09:30:00+00:00",
    "outcomes_to": "2013-06-30",
    "synthetic": True,
}
LABELS = {
    "age": "Age at the index date (years)",
    "sex_f": "Women",
    "copas_rate": "Copas rate (speed of past sanctions)",
    "previous_custody": "Previous custodial sentences",
    "previous_offences": "Previous offences",
    "employed_before": "In employment in the year before",
    "benefits_before": "On out-of-work benefits in the year before",
    "ethnicity_black": "Black",
    "programme": "Attended an accredited programme before",
    "nationality_foreign": "Foreign national",
}


def request(**changes: Any) -> dict[str, Any]:
    """Return a row of schemas.REQUESTS; `changes` go into its metadata's service or replace columns."""
    metadata = {
        "request": {"id": "BRIDGE-2010"},
        "organisation": {"name": "Bridge Trust", "contact": "data@example.org"},
        "service": {
            "name": "Bridge mentoring",
            "description": "Trained volunteers met men in the last three months of a sentence and for a year after "
            "release. They helped with housing, work and family ties.",
            "kind": "mentoring",
            "setting": "custody",
            "target_group": "men leaving prison",
            "delivery_years": [2009, 2010],
            "sites": ["Leeds", "Hull"],
        },
        "lawful_basis": {"basis": "consent", "evidence": "Signed forms."},
        "cohort": {"file": "cohort.csv", "everybody": True},
        "analyses": {"wanted": ["national"]},
    }
    for name in ("organisation", "service", "cohort"):
        metadata[name] = {**metadata[name], **changes.pop(name, {})}
    row = {
        "request_id": "BRIDGE-2010",
        "admission": "accepted",
        "rules": "[]",
        "metadata": json.dumps(metadata),
        "intake": json.dumps({"rows": 412, "start_is_end": 0}),
        "content_digest": "ab12" * 16,
    }
    return {**row, **changes}


def item(status: str = "published", reason: str = "ok", message: str = "the result is published") -> dict[str, Any]:
    return {"request_id": "BRIDGE-2010", "status": status, "reason": reason, "message": message}


def attrition(**people: int) -> list[dict[str, Any]]:
    """Return rows of schemas.ATTRITION in the order given."""
    return [
        {"request_id": "BRIDGE-2010", "step": step, "reason": reason, "people": count}
        for step, (reason, count) in enumerate(people.items())
    ]


CHAIN = {
    "incomplete_row": 23,
    "duplicate_row": 4,
    "not_found": 96,
    "ambiguous": 18,
    "no_index_event": 31,
    "dates_do_not_align": 27,
    "reoffended_before_start": 12,
    "terrorist_offence": 2,
    "no_match_in_caliper": 5,
    "analysed": 194,
}


def estimate(
    outcome: str, treated: float, comparison: float, half: float, p_value: float, **changes: Any
) -> dict[str, Any]:
    """Return a row of schemas.ESTIMATES with a symmetric interval."""
    att = treated - comparison
    row = {
        "request_id": "BRIDGE-2010",
        "outcome": outcome,
        "kind": "binary",
        "n_treated": 194,
        "n_comparison": 903,
        "mean_treated": treated,
        "mean_comparison": comparison,
        "att": att,
        "ci_low": att - half,
        "ci_high": att + half,
        "p_value": p_value,
        "se_multiplier": half / 1.96,
        "replicates": 9999,
        "reason": "ok",
    }
    return {**row, **changes}


REDUCTION = [
    estimate("reoffended", 61 / 194, 0.4382, 0.071, 0.0008),
    estimate("reoffences", 0.876, 1.412, 0.31, 0.0014),
    estimate("days_to_first", 148.2, 131.7, 21.0, 0.1213, n_treated=61, n_comparison=391),
    estimate("days_free", 298.4, 263.1, 24.6, 0.0051),
]
NULL = [
    estimate("reoffended", 22 / 58, 0.4233, 0.131, 0.5121, n_treated=58, n_comparison=271),
    estimate("reoffences", 1.121, 1.302, 0.52, 0.4933, n_treated=58, n_comparison=271),
    estimate("days_to_first", 129.0, 133.0, 30.0, 0.8, n_treated=22, n_comparison=110),
    estimate("days_free", 275.2, 267.9, 39.0, 0.7031, n_treated=58, n_comparison=271),
]
INCREASE = [
    estimate("reoffended", 88 / 194, 0.3512, 0.08, 0.0131),
    estimate("reoffences", 1.61, 1.18, 0.44, 0.0551),
    estimate("days_to_first", 118.2, 131.7, 12.0, 0.0291, n_treated=88, n_comparison=340),
    estimate("days_free", 259.4, 283.1, 22.9, 0.0425),
]


def quality(**changes: Any) -> dict[str, Any]:
    """Return a row of schemas.LINK_QUALITY."""
    row = {
        "request_id": "BRIDGE-2010",
        "people": 385,
        "linked": 271,
        "ambiguous": 18,
        "expected_present": 298.4,
        "expected_false": 0.9,
        "expected_missed": 26.2,
        "false_link_rate": 0.9 / 271,
        "missed_link_rate": 26.2 / 298.4,
        "agree": 182,
        "disagree": 11,
        "only_direct": 27,
        "only_through_offender": 34,
        "neither": 131,
        "disagreement_rate": 11 / 193,
        "disagreement_low": 0.0321,
        "disagreement_high": 0.0992,
    }
    return {**row, **changes}


def model(**changes: Any) -> dict[str, Any]:
    row = {
        "request_id": "BRIDGE-2010",
        "status": "converged",
        "reason": "ok",
        "iterations": 7,
        "n_treated": 199,
        "n_pool": 41_873,
        "columns": ["(intercept)", *LABELS],
        "coefficients": [0.0] * (len(LABELS) + 1),
        "dropped": ["sex_f: constant"],
    }
    return {**row, **changes}


def balance(worst: float = 0.04) -> list[dict[str, Any]]:
    """Return rows of schemas.BALANCE; the last covariate has the worst difference after matching."""
    rows = []
    names = [*LABELS, "index_quarter"]
    for number, name in enumerate(names):
        yes_or_no = name not in ("age", "copas_rate", "previous_custody", "previous_offences")
        mean = {"sex_f": 0.0, "age": 31.4, "programme": 0.03}.get(name, 0.2 + 0.05 * number)
        for when, smd in (
            ("before", 0.0 if name == "sex_f" else 0.31 - 0.09 * number),
            ("after", 0.004 * (number - 3)),
        ):
            last = name == names[-1] and when == "after"
            gap = 0.0 if name == "sex_f" else smd * 0.4
            rows.append(
                {
                    "request_id": "BRIDGE-2010",
                    "covariate": name,
                    "when": when,
                    "mean_treated": mean,
                    "mean_comparison": mean - gap,
                    "smd": worst if last else (0.0 if name == "sex_f" else smd),
                    "variance_ratio": None if yes_or_no else 1.1,
                    "ecdf_mean": 0.01,
                    "ecdf_max": 0.02,
                }
            )
    return rows


PROFILE = {
    "Sex": {"Men": 194},
    "Age": {"18 to 20": 22, "21 to 24": 48, "25 to 34": 71, "35 to 49": 46, "50 and over": 7},
    "Index offence": {"Theft": 64, "Violence": 51, "Burglary": 38, "Drugs": 29, "Other": 12},
}


def published(estimates: list[dict[str, Any]] | None = None, **changes: Any) -> ResultDocument:
    """Return the document of a request that went all the way."""
    given: dict[str, Any] = {
        "request": request(),
        "item": item(),
        "attrition": attrition(**CHAIN),
        "quality": quality(),
        "model": model(),
        "balance": balance(),
        "estimates": REDUCTION if estimates is None else estimates,
        "profile": PROFILE,
        "run": RUN,
        "settings": SETTINGS,
        "labels": LABELS,
    }
    return compose(**{**given, **changes})


def unpublished(
    status: str, reason: str, message: str, rules: list[dict[str, str]] | None = None, **changes: Any
) -> ResultDocument:
    """Return the document of a request without a result."""
    changes = {"attrition": [], "quality": None, "request": request(rules=json.dumps(rules or [])), **changes}
    return published([], item=item(status, reason, message), model=None, balance=[], profile=None, **changes)


def all_kinds() -> dict[str, ResultDocument]:
    """Return one document of every kind."""
    small = {**CHAIN, "not_found": 196, "analysed": 21}
    null = {"not_found": 41, "dates_do_not_align": 20, "no_match_in_caliper": 1, "analysed": 58}
    return {
        "reduction": published(),
        "null": published(
            NULL,
            attrition=attrition(**null),
            quality=quality(ambiguous=0, false_link_rate=0.0003, agree=61, disagree=2, disagreement_rate=2 / 63),
            profile=None,
            request=request(
                request_id="HARBOUR-WOMEN",
                organisation={"name": "Harbour Women’s Centre"},
                service={"name": "The Harbour programme", "kind": "women", "setting": "community",
                         "target_group": "women on community sentences", "delivery_years": [2010],
                         "sites": ["Bristol"]},
                cohort={"everybody": False, "exclusions": [
                    {"reason": "Women who moved away before the end", "systematic": True}]},
            ),
        ),
        "increase": published(
            INCREASE,
            balance=balance(0.14),
            request=request(request_id="ANVIL-2011", organisation={"name": "Anvil Works"},
                            service={"name": "Anvil workshops", "target_group": "adults on probation"}),
        ),
        "too_few": unpublished(
            "too_few", "too_few_analysed", "fewer than 30 people could be analysed", attrition=attrition(**small),
            quality=quality(linked=98, agree=0, disagree=0, only_direct=0, only_through_offender=0,
                            disagreement_rate=None, disagreement_low=None, disagreement_high=None),
        ),
        "waiting": unpublished("waiting", "follow_up_not_complete", "people were served from 2012 on"),
        "refused": unpublished(
            "refused", "minimum_cohort", "x",
            [{"code": "minimum_cohort", "outcome": "refused",
              "words": "at least 60 different people with all fields are needed; this request has 41 people."}],
        ),
        "undecided": unpublished(
            "undecided", "drugs_alcohol", "x",
            [{"code": "drugs_alcohol", "outcome": "needs_decision",
              "words": "services for drugs or alcohol needs are decided case by case."}],
        ),
        "failed": unpublished("failed", "separation", "no propensity model could be fitted to this group"),
    }  # fmt: skip
