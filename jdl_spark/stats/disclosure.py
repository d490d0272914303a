"""Withholding of small counts: what may be said about a group without saying it about a person.

Primary suppression: counts from 1 to one below the threshold are withheld, with their complements
and whatever rests on them. In a list that adds up, one withheld number could be worked out from the
others, so small parts are merged until the merged part is large enough to show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of a whole: one or several labels, and the people in them together (None: withheld)."""

    labels: tuple[str, ...]
    people: int | None


def is_small(count: int, threshold: int) -> bool:
    """Say whether a count of people is withheld: 1 to one below the threshold."""
    return 0 < count < threshold


def share_is_safe(share: float, people: int, threshold: int) -> bool:
    """Say whether a group's share may be shown: enough people have the property, and enough do not.

    A share of 0 or 1 is not safe: it says something about everybody in the group.

    Parameters
    ----------
    share : in [0, 1]; times `people` it is the count (not whole for a weighted share).
    people : size of the group.
    threshold : smallest count that may be shown.

    Examples
    --------
    >>> share_is_safe(0.25, 40, 10), share_is_safe(9 / 40, 40, 10), share_is_safe(0.8, 40, 10), share_is_safe(0, 40, 10)
    (True, False, False, False)
    """
    count = round(share * people, 6)
    return max(threshold, 1) <= count <= people - max(threshold, 1)


def merge_small(parts: Sequence[tuple[str, int]], threshold: int) -> list[Part]:
    """Return the parts of a whole with no small one left to see or to work out.

    Small parts are merged with each other, and, while they are still small together (one alone always
    is), with the smallest of the others (ties: the earlier one). Empty parts are left out.

    Parameters
    ----------
    parts : (label, people), in the order of print.
    threshold : smallest count that may be shown.

    Returns
    -------
    list of Part
        Parts that stand alone in their order, then the merged part. Its count is None if everything
        together is still small: then the whole must be withheld too.
    """
    filled = [(label, people) for label, people in parts if people > 0]
    merged = [position for position, (_, people) in enumerate(filled) if is_small(people, threshold)]
    if not merged:
        return [Part((label,), people) for label, people in filled]
    others = sorted((p for p in range(len(filled)) if p not in merged), key=lambda p: (filled[p][1], p))
    while others and sum(filled[p][1] for p in merged) < threshold:
        merged.append(others.pop(0))
    merged.sort()
    together = sum(filled[p][1] for p in merged)
    alone = [Part((label,), people) for p, (label, people) in enumerate(filled) if p not in merged]
    return [*alone, Part(tuple(filled[p][0] for p in merged), None if together < threshold else together)]


_COUNT = re.compile(
    r"\b([Oo]nly )?(\d+)(?= (?:distinct )?(?:people|persons?|rows?|offenders?|men|women|of the|were|was|could)\b)"
)


def withhold_in_text(text: str, threshold: int) -> str:
    """Replace small counts of people in a sentence that another stage wrote.

    Examples
    --------
    >>> withhold_in_text("Only 4 people were found; 60 people are needed within 6 months.", 10)
    'Fewer than 10 people were found; 60 people are needed within 6 months.'
    """

    def shown(found: re.Match[str]) -> str:
        if not is_small(int(found[2]), threshold):
            return found[0]
        return f"{'Fewer' if found[0].startswith('O') or found.start() == 0 else 'fewer'} than {threshold}"

    return _COUNT.sub(shown, text)
