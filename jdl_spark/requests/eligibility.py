"""The rules of admission, each with a code, its words, its source and what to do next.

Why a table of rules: each can be read aloud, tested by itself and quoted in a refusal. A rule refuses,
asks for an analyst's decision, or notes a caveat. Rules about a single person (a terrorist offence,
under 14 at the index date) are not here: they are reasons of attrition, and refuse nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from jdl_spark.requests.request import Request
from jdl_spark.settings import MINIMUM_AGE, MINIMUM_COHORT

Outcome = Literal["refused", "needs_decision", "note"]
Admission = Literal["accepted", "refused", "needs_decision"]

FAQ = "Justice Data Lab FAQ (Clinks and Ministry of Justice, 2013)"
PRACTICE = "practice of the published Justice Data Lab reports"
ENLARGE = (
    "Include everybody who was registered with the service, not only those who completed it. Add further years in "
    "which it was delivered, and further sites of the same service. Never add people of another organisation."
)
_ANALYST = "An analyst of the Justice Data Lab will read the request and may ask for details."
_ELSEWHERE = "The Justice Data Lab cannot help with this service. Another kind of evaluation may suit it."

_TERRORISM = re.compile(r"\b(terroris|extremis)", re.IGNORECASE)
_CHILDREN = re.compile(
    r"\b(under|below|younger than)[ -](the age of )?(14|fourteen|1[0-3]|ten|eleven|twelve|thirteen)\b"
    r"|\baged? (10|11|12|ten|eleven|twelve) (to|and|or|-) (1[0-3]|eleven|twelve|thirteen)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(not|no|nor|never|except|excluding|excludes?|without|other than)\b", re.IGNORECASE)
_EXCLUDED_WORDS = re.compile(
    r"\b(domestic (violence|abuse)|violen\w+ (towards|against) (a|their|his|her) partner|sex(ual)?[ -]offen"
    r"|sexual violence|mental (health|illness)|learning (difficult|disabilit)|personality disorder)",
    re.IGNORECASE,
)
_NEED_WORDS = re.compile(r"\b(drugs?|alcohol|substance misuse|addict\w*)\b", re.IGNORECASE)


@dataclass(frozen=True)
class CohortFacts:
    """What the rules need to know about a cohort file that could be read."""

    rows: int
    """Rows with anything in them."""
    people: int
    """Distinct people with all required fields."""
    incomplete: int
    """Rows without a required field."""
    end_for_start: int
    """People whose end date stands in for a start."""
    outside_years: int
    """People served outside the declared delivery years."""


@dataclass(frozen=True)
class Ruling:
    """A rule that spoke."""

    code: str
    outcome: Outcome
    words: str
    source: str
    next_step: str

    def as_json(self) -> dict[str, str]:
        """Return the ruling as it is stored in `requests.rules`."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """A rule. `words` may name {people}; `applies` is asked without facts where the cohort cannot be read."""

    code: str
    outcome: Outcome
    words: str
    next_step: str
    applies: Callable[[Request, CohortFacts | None], bool]
    source: str = FAQ


def judge(request: Request, facts: CohortFacts | None) -> tuple[Ruling, ...]:
    """Return every rule that speaks: refusals first, then decisions, then notes.

    Parameters
    ----------
    request : Request
    facts : CohortFacts or None
        None where the cohort file cannot be read; rules about it are then silent.
    """
    people = facts.people if facts else 0
    return tuple(
        Ruling(rule.code, rule.outcome, rule.words.format(people=f"{people:,}"), rule.source, rule.next_step)
        for outcome in ("refused", "needs_decision", "note")
        for rule in RULES
        if rule.outcome == outcome and rule.applies(request, facts)
    )


def admission(rulings: tuple[Ruling, ...]) -> Admission:
    """Return what the rules lead to; notes never hold a request up."""
    outcomes = {ruling.outcome for ruling in rulings}
    if "refused" in outcomes:
        return "refused"
    return "needs_decision" if "needs_decision" in outcomes else "accepted"


def _kind(*kinds: str) -> Callable[[Request, CohortFacts | None], bool]:
    return lambda request, _: request.service.kind in kinds


def _wants(word: str) -> Callable[[Request, CohortFacts | None], bool]:
    return lambda request, _: word in request.analyses.wanted


def _aimed_at(pattern: re.Pattern[str], request: Request) -> bool:
    """The target group names it and does not say "not" or "except"."""
    group = request.service.target_group
    return bool(pattern.search(group)) and not _DENIED.search(group)


def _mentions(pattern: re.Pattern[str], request: Request) -> bool:
    service = request.service
    return bool(pattern.search(f"{service.name} . {service.target_group} . {service.description}"))


def _mentions_excluded(request: Request, _: CohortFacts | None) -> bool:
    if request.service.kind in _REFUSED_KINDS:
        return False
    aimed = _aimed_at(_TERRORISM, request) or _aimed_at(_CHILDREN, request)
    return _mentions(_EXCLUDED_WORDS, request) or (
        not aimed and (_mentions(_TERRORISM, request) or _mentions(_CHILDREN, request))
    )


def _mentions_need(request: Request, _: CohortFacts | None) -> bool:
    if request.service.kind in ("drugs_alcohol", "health", *_REFUSED_KINDS):
        return False
    return bool(_NEED_WORDS.search(f"{request.service.name} . {request.service.target_group}"))


def _sentences(text: str) -> int:
    return len([part for part in re.split(r"[.!?]+(?:\s|$)", text) if part.strip()])


_REFUSED_KINDS = (
    "domestic_violence", "sexual_offending", "mental_health", "learning_disability", "personality_disorder",
)  # fmt: skip
_OFFERED = ("national", "regional")
_OTHER_OUTCOMES = ("employment", "benefits", "education", "health", "housing", "costs")

RULES: tuple[Rule, ...] = (
    Rule(
        "minimum_cohort",
        "refused",
        f"At least {MINIMUM_COHORT} different people with a name, a date of birth, a gender and a start or end date "
        "are needed. In this file {people} people have all of them.",
        ENLARGE,
        lambda _, facts: facts is not None and facts.people < MINIMUM_COHORT,
    ),
    Rule(
        "lawful_basis",
        "refused",
        "The request does not say what lawful basis there is for sharing these people's details.",
        'Under [lawful_basis] write basis = "consent" if the people agreed, or basis = "public_function" if the '
        "conditions named in the Act are met.",
        lambda request, _: not request.lawful_basis.basis,
    ),
    Rule(
        "service_violence_in_relationships",
        "refused",
        "Services aimed at sexual or domestic violence offences cannot be analysed.",
        _ELSEWHERE,
        _kind("domestic_violence", "sexual_offending"),
    ),
    Rule(
        "service_vulnerable_people",
        "refused",
        "Services for vulnerable people, such as people with mental health needs or learning difficulties, cannot be "
        "analysed.",
        _ELSEWHERE,
        _kind("mental_health", "learning_disability"),
    ),
    Rule(
        "service_personality_disorder",
        "refused",
        "The Personality Disorder Programme cannot be analysed.",
        _ELSEWHERE,
        _kind("personality_disorder"),
    ),
    Rule(
        "target_terrorism",
        "refused",
        "Terrorist offences cannot be analysed, and the service is aimed at people who committed them.",
        _ELSEWHERE,
        lambda request, _: _aimed_at(_TERRORISM, request),
    ),
    Rule(
        "target_under_14",
        "refused",
        f"People under {MINIMUM_AGE} cannot be analysed, and the service is aimed at them.",
        f"Ask about the people who were {MINIMUM_AGE} or older, if the service worked with them too.",
        lambda request, _: _aimed_at(_CHILDREN, request),
    ),
    Rule(
        "one_service",
        "refused",
        "A request is about one service. These people come from several.",
        "Hand in one request for each service. Several years and several sites of one service are fine.",
        lambda request, _: not request.cohort.one_service,
    ),
    Rule(
        "own_people",
        "refused",
        "A request may only hold people whom the organisation served itself. Requests about other organisations are "
        "not taken.",
        "Take the other organisations' people out. Each organisation can hand in a request of its own.",
        lambda request, facts: not request.cohort.own_people or _wants("other_organisations")(request, facts),
    ),
    Rule(
        "individuals",
        "refused",
        "Questions about individual people are never answered. Results describe groups only.",
        'Take "individuals" out of [analyses] wanted.',
        _wants("individuals"),
    ),
    Rule(
        "reoffending_only",
        "refused",
        "The Justice Data Lab analyses reoffending only, and none of the analyses wanted is about reoffending.",
        'Write wanted = ["national"] under [analyses] if a result on reoffending would help you.',
        lambda request, _: set(request.analyses.wanted) <= set(_OTHER_OUTCOMES),
    ),
    Rule(
        "specific_need",
        "needs_decision",
        "Services for a specific need, including drugs or alcohol and health, are considered case by case: national "
        "records may not show who else has the need.",
        _ANALYST,
        _kind("drugs_alcohol", "health"),
    ),
    Rule(
        "specific_need_mentioned",
        "needs_decision",
        "The service's name or target group mentions drugs, alcohol or addiction. Services for a specific need are "
        "considered case by case.",
        _ANALYST,
        _mentions_need,
    ),
    Rule(
        "excluded_service_mentioned",
        "needs_decision",
        "The service's name, target group or description mentions something that the Justice Data Lab cannot analyse.",
        _ANALYST,
        _mentions_excluded,
    ),
    Rule(
        "systematic_exclusion",
        "needs_decision",
        "People were left out for a systematic reason. If the request is accepted, the report says so, and the result "
        "does not describe everyone who used the service.",
        f"Add these people if you can. {_ANALYST}",
        lambda request, _: any(entry.systematic for entry in request.cohort.exclusions),
    ),
    Rule(
        "exclusions_not_declared",
        "needs_decision",
        "Not everybody is in the file, and the request does not say who was left out and why.",
        f"Add a [[cohort.exclusions]] section for each reason, and say whether it was systematic. {_ANALYST}",
        lambda request, _: not request.cohort.everybody and not request.cohort.exclusions,
    ),
    Rule(
        "incomplete_submission",
        "note",
        "Some people were left out, for reasons that are not systematic. The report says so.",
        "",
        lambda request, _: (
            bool(request.cohort.exclusions) and not any(entry.systematic for entry in request.cohort.exclusions)
        ),
    ),
    Rule(
        "incomplete_rows",
        "note",
        "Rows without a name, a date of birth, a gender or a date of the service cannot be analysed. They are counted, "
        "and the report says how many.",
        "Fill in what is missing, if you can.",
        lambda _, facts: facts is not None and facts.incomplete > 0,
    ),
    Rule(
        "end_for_start",
        "note",
        "For some people only the end of the service is given. It stands in for the start, and the report says so.",
        "Add the start dates, if you can.",
        lambda _, facts: facts is not None and facts.end_for_start > 0,
    ),
    Rule(
        "outside_declared_years",
        "note",
        "Some people were served outside the years that the request declares. They stay in.",
        "Check delivery_years in request.toml, and the dates in these rows.",
        lambda _, facts: facts is not None and facts.outside_years > 0,
        PRACTICE,
    ),
    Rule(
        "other_outcomes",
        "note",
        "Only reoffending is analysed. The other analyses wanted are not made.",
        "",
        lambda request, _: (
            bool(set(request.analyses.wanted) & set(_OTHER_OUTCOMES))
            and bool(set(request.analyses.wanted) & set(_OFFERED))
        ),
    ),
    Rule(
        "regional",
        "note",
        "The comparison is made with people from the whole of England and Wales. A comparison within the region is "
        "not made.",
        "",
        _wants("regional"),
        PRACTICE,
    ),
    Rule(
        "evidence_of_basis",
        "note",
        "The request does not say where the evidence for the lawful basis is kept.",
        "Under [lawful_basis] write evidence, for instance where the signed forms are kept.",
        lambda request, _: bool(request.lawful_basis.basis) and not request.lawful_basis.evidence,
    ),
    Rule(
        "short_description",
        "note",
        "The description of the service is short. The report is public, and readers learn from it what was done.",
        "Describe in at least two sentences what was done, and with whom.",
        lambda request, _: _sentences(request.service.description) < 2,
        PRACTICE,
    ),
)
"""Every rule, in the order in which they are reported within an outcome."""
