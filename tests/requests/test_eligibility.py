"""Every rule of admission, literally: what it says to whom."""

from __future__ import annotations

import pytest
from request_folders import TODAY, check, csv_text, people, toml

from jdl_spark.requests.eligibility import RULES, CohortFacts, admission, judge
from jdl_spark.requests.request import read_request

FACTS = CohortFacts(rows=60, people=60, incomplete=0, end_for_start=0, outside_years=0)
SYSTEMATIC = [{"reason": "Records before 2009 were lost", "systematic": True}]
BY_CHANCE = [{"reason": "A few forms were lost", "systematic": False}]


def request(tmp_path, **changes):
    path = tmp_path / "request.toml"
    path.write_text(toml(**changes), encoding="utf-8")
    found, problems = read_request(path, TODAY)
    assert problems == ()
    return found


CASES = [
    ("lawful_basis", "refused", {"lawful_basis": {"basis": ""}}),
    ("service_violence_in_relationships", "refused", {"service": {"kind": "domestic_violence"}}),
    ("service_violence_in_relationships", "refused", {"service": {"kind": "sexual_offending"}}),
    ("service_vulnerable_people", "refused", {"service": {"kind": "mental_health"}}),
    ("service_vulnerable_people", "refused", {"service": {"kind": "learning_disability"}}),
    ("service_personality_disorder", "refused", {"service": {"kind": "personality_disorder"}}),
    ("target_terrorism", "refused", {"service": {"target_group": "people convicted of terrorism"}}),
    ("target_terrorism", "refused", {"service": {"target_group": "terrorist offenders"}}),
    ("target_under_14", "refused", {"service": {"target_group": "children under 14"}}),
    ("target_under_14", "refused", {"service": {"target_group": "boys aged 10 to 13"}}),
    ("one_service", "refused", {"cohort": {"one_service": False}}),
    ("own_people", "refused", {"cohort": {"own_people": False}}),
    ("own_people", "refused", {"analyses": {"wanted": ["national", "other_organisations"]}}),
    ("individuals", "refused", {"analyses": {"wanted": ["national", "individuals"]}}),
    ("reoffending_only", "refused", {"analyses": {"wanted": ["employment", "housing"]}}),
    ("specific_need", "needs_decision", {"service": {"kind": "drugs_alcohol"}}),
    ("specific_need", "needs_decision", {"service": {"kind": "health"}}),
    ("specific_need_mentioned", "needs_decision", {"service": {"target_group": "people with alcohol problems"}}),
    ("excluded_service_mentioned", "needs_decision", {"service": {"description": "For domestic abuse. Twice."}}),
    (
        "excluded_service_mentioned",
        "needs_decision",
        {"service": {"target_group": "everybody except terrorist offenders"}},
    ),
    ("systematic_exclusion", "needs_decision", {"cohort": {"everybody": False, "exclusions": SYSTEMATIC}}),
    ("exclusions_not_declared", "needs_decision", {"cohort": {"everybody": False}}),
    ("incomplete_submission", "note", {"cohort": {"everybody": False, "exclusions": BY_CHANCE}}),
    ("other_outcomes", "note", {"analyses": {"wanted": ["national", "employment"]}}),
    ("regional", "note", {"analyses": {"wanted": ["regional"]}}),
    ("evidence_of_basis", "note", {"lawful_basis": {"evidence": ""}}),
    ("short_description", "note", {"service": {"description": "Mentoring."}}),
]
ABOUT_THE_COHORT = [
    ("minimum_cohort", "refused", {"people": 59}),
    ("incomplete_rows", "note", {"incomplete": 1}),
    ("end_for_start", "note", {"end_for_start": 1}),
    ("outside_declared_years", "note", {"outside_years": 1}),
]


@pytest.mark.parametrize(("code", "outcome", "changes"), CASES)
def test_a_rule_about_the_request_speaks_alone_and_decides(tmp_path, code, outcome, changes):
    spoke = judge(request(tmp_path, **changes), FACTS)
    assert [(ruling.code, ruling.outcome) for ruling in spoke] == [(code, outcome)]
    assert admission(spoke) == {"note": "accepted"}.get(outcome, outcome)


@pytest.mark.parametrize(("code", "outcome", "changes"), ABOUT_THE_COHORT)
def test_a_rule_about_the_cohort_speaks_alone_and_decides(tmp_path, code, outcome, changes):
    spoke = judge(request(tmp_path), CohortFacts(**{**vars(FACTS), **changes}))
    assert [(ruling.code, ruling.outcome) for ruling in spoke] == [(code, outcome)]
    assert judge(request(tmp_path), None) == ()


def test_every_rule_is_tested_and_says_what_it_must():
    assert {rule.code for rule in RULES} == {case[0] for case in (*CASES, *ABOUT_THE_COHORT)}
    assert len({rule.code for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.words.endswith(".")
        assert rule.source
        assert rule.next_step or rule.outcome == "note"


def test_a_request_without_fault_hears_nothing(tmp_path):
    assert judge(request(tmp_path), FACTS) == ()
    assert admission(()) == "accepted"


def test_refusals_come_before_decisions_before_notes(tmp_path):
    spoke = judge(
        request(
            tmp_path,
            lawful_basis={"basis": ""},
            service={"kind": "health", "description": "Short."},
            cohort={"everybody": False},
        ),
        FACTS,
    )
    assert [ruling.code for ruling in spoke] == [
        "lawful_basis", "specific_need", "exclusions_not_declared", "short_description",
    ]  # fmt: skip
    assert admission(spoke) == "refused"
    assert admission(spoke[1:]) == "needs_decision"


def test_the_refusal_of_a_small_cohort_says_how_to_enlarge_it(tmp_path):
    (ruling,) = judge(request(tmp_path), CohortFacts(44, 44, 0, 0, 0))
    assert "60" in ruling.words
    assert "44 people" in ruling.words  # in a form that publication can withhold
    for words in ("registered", "years", "sites", "another organisation"):
        assert words in ruling.next_step


def test_sixty_people_are_enough_and_a_duplicate_is_not_one_of_them(tmp_path):
    assert check(tmp_path / "sixty").verdict == "accepted"
    twice = [*people(59), people(1)[0]]
    assert check(tmp_path / "twice", csv_text(twice)).verdict == "refused"


@pytest.mark.parametrize("group", ["women aged 18 and over", "young adults under 25", "people aged 14 to 17"])
def test_ordinary_target_groups_pass(tmp_path, group):
    assert judge(request(tmp_path, service={"target_group": group}), FACTS) == ()
