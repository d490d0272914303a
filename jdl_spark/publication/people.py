"""Who was analysed and who was lost: tables of people that add up and name nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jdl_spark.publication.measures import people, share, withheld
from jdl_spark.results import Attrition, AttritionRow, Figure, ProfileRow
from jdl_spark.stats.disclosure import Part, is_small, merge_small

ANALYSED = "analysed"
REASONS = {
    "incomplete_row": "Name, date of birth, gender or intervention date was missing or not readable",
    "duplicate_row": "The same person was submitted more than once",
    "not_found": "Not found in the national offending records",
    "ambiguous": "More than one national record could be this person",
    "same_person_twice": "Two submitted rows were found to be the same person",
    "no_index_event": "No release from custody or start of a probation sentence in the data years",
    "dates_do_not_align": "The intervention does not fit the dates of a prison or probation sentence",
    "follow_up_not_complete": "The follow-up period is not yet complete in the data",
    "under_14": "Under 14 years old, which the Justice Data Lab cannot analyse",
    "terrorist_offence": "Convicted of an offence that the Justice Data Lab cannot analyse",
    "reoffended_before_start": "Reoffended after release or sentence, but before the intervention started",
    "not_in_model": "Could not be included in the statistical model",
    "no_match_in_caliper": "No similar enough person was found for comparison",
}
"""Words for every reason of the road."""


def label_of(reason: str) -> str:
    """Return a reason code in words; an unknown one reads as its own words."""
    return REASONS.get(reason, reason.replace("_", " ").capitalize())


def compose_attrition(rows: Sequence[Mapping[str, Any]], threshold: int) -> Attrition | None:
    """Return the chain from everyone submitted to everyone analysed.

    Reasons with few people are merged into one row, so that every shown number adds up and none of
    the small ones can be worked out. Where all losses together, or the people analysed, are few, the
    total is withheld instead.

    Parameters
    ----------
    rows : rows of schemas.ATTRITION of one request; the last step is `analysed`.
    threshold : smallest count of people that may be shown.

    Returns
    -------
    Attrition, or None where there are no rows.
    """
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: (row["step"], row["reason"]))
    analysed = sum(row["people"] for row in ordered if row["reason"] == ANALYSED)
    parts = merge_small([(row["reason"], row["people"]) for row in ordered if row["reason"] != ANALYSED], threshold)
    submitted = sum(row["people"] for row in ordered)
    known = not is_small(analysed, threshold) and not is_small(submitted, threshold)
    total = submitted if known and all(part.people is not None for part in parts) else None
    chain, left = [], total
    for part in parts:
        if left is not None and part.people is not None:
            left -= part.people
        chain.append(
            AttritionRow(
                reasons=part.labels,
                label=_label(part),
                people=_count(part.people),
                share=_share(part.people, total),
                left=_count(left),
            )
        )
    shown = None if is_small(analysed, threshold) else analysed
    return Attrition(
        submitted=_count(total),
        analysed=_count(shown),
        rows=tuple(chain),
        sentence=_sentence(total, shown, threshold),
    )


def compose_profile(profile: Mapping[str, Mapping[str, int]] | None, threshold: int) -> tuple[ProfileRow, ...]:
    """Return the make-up of the treatment group, a characteristic at a time.

    Parameters
    ----------
    profile : mapping of characteristic to category to people, for instance {"Sex": {"Men": 80, "Women": 22}}.
        The categories of a characteristic add up to the group.
    threshold : smallest count of people that may be shown. Categories below are merged; a
        characteristic that everybody shares is left out: it would speak of every single person.
    """
    rows: list[ProfileRow] = []
    for characteristic, categories in (profile or {}).items():
        parts = merge_small(list(categories.items()), threshold)
        if len(parts) < 2:
            continue
        total = sum(categories.values())
        rows += [
            ProfileRow(characteristic, ", ".join(part.labels), _count(part.people), _share(part.people, total))
            for part in parts
        ]
    return tuple(rows)


def _label(part: Part) -> str:
    if len(part.labels) == 1:
        return label_of(part.labels[0])
    words = "; ".join(label_of(reason) for reason in part.labels)
    return f"Several reasons with small numbers, shown together: {words}"


def _count(count: int | None) -> Figure:
    return withheld() if count is None else people(count)


def _share(count: int | None, total: int | None) -> Figure:
    return withheld() if count is None or not total else share(count / total)


def _sentence(submitted: int | None, analysed: int | None, threshold: int) -> str:
    if analysed is None:
        return f"Fewer than {threshold} of the people submitted could be analysed."
    if submitted is None:
        return f"Nearly everyone submitted could be analysed: {analysed:,} people."
    part = _share(analysed, submitted).text
    return f"Of {submitted:,} people whose details were submitted, {analysed:,} ({part}) could be analysed."
