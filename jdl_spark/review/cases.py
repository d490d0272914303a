"""Which people are put before a reviewer, in which order, and with which identities.

Why by entropy: an hour of a reviewer's time tells most where the model knows least, be that between
two identities or between one and none at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Which = Literal["ambiguous", "linked", "near", "all"]
WHICH: tuple[str, ...] = get_args(Which)
MOST_CANDIDATES = 5
"""Identities shown with a person: as many as there are keys to choose them by."""


@dataclass(frozen=True)
class Link:
    """One identity that a person could be: a row of schemas.LINKS."""

    offender_id: int
    weight: float
    probability: float
    status: str


@dataclass(frozen=True)
class Case:
    """One submitted person with the identities to decide on: the linked one, then the likeliest first."""

    person_ref: str
    kind: str
    """ambiguous, linked or near (neither, but there are candidates)."""
    uncertainty: float
    """Entropy in bits of the posterior over the person's identities and "none of them"."""
    links: tuple[Link, ...]
    further: int
    """Identities that are not shown."""


@dataclass(frozen=True)
class Choice:
    """The cases of one export, and how many people more there were."""

    cases: tuple[Case, ...] = field(repr=False)
    left_out: int


def choose(rows: Iterable[Mapping[str, Any]], which: str, limit: int | None = None) -> Choice:
    """Choose the people to review from one request's links.

    Parameters
    ----------
    rows : iterable of mappings
        Rows of schemas.LINKS of one run and request.
    which : str
        ambiguous: people with more than one good identity; linked: people with a link; near: people
        without either who have candidates; all: all of these.
    limit : int, optional
        Most people.

    Returns
    -------
    Choice
        Ambiguous people first, since they are lost to the analysis while nobody decides; then the most
        uncertain; ties by person_ref.
    """
    people: dict[str, list[Link]] = {}
    for row in rows:
        link = Link(row["offender_id"], row["match_weight"], row["match_probability"], row["status"])
        people.setdefault(row["person_ref"], []).append(link)
    cases = [_case(person, links) for person, links in people.items()]
    wanted = [case for case in cases if which in (case.kind, "all")]
    wanted.sort(key=lambda case: (case.kind != "ambiguous", -case.uncertainty, case.person_ref))
    chosen = wanted[:limit]
    return Choice(tuple(chosen), len(wanted) - len(chosen))


def entropy(probabilities: Sequence[float]) -> float:
    """Return the entropy in bits of "which of these, or none", given the probability of each.

    Examples
    --------
    >>> entropy([0.5]), entropy([1.0]), entropy([])
    (1.0, 0.0, 0.0)
    """
    shares = [*probabilities, max(0.0, 1.0 - sum(probabilities))]
    return max(0.0, -sum(p * math.log2(p) for p in shares if p > 0))


def _case(person_ref: str, links: Sequence[Link]) -> Case:
    ranked = sorted(
        links, key=lambda link: (link.status != "linked", -link.probability, -link.weight, link.offender_id)
    )
    statuses = {link.status for link in links}
    kind = next((status for status in ("ambiguous", "linked") if status in statuses), "near")
    uncertainty = entropy([link.probability for link in ranked])
    shown = tuple(ranked[:MOST_CANDIDATES])
    return Case(person_ref, kind, uncertainty, shown, len(ranked) - len(shown))
