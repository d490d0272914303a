"""Small words of the pages: dates, kinds and settings as a reader would say them."""

from __future__ import annotations

from datetime import date

SETTINGS = {"custody": "in custody", "community": "in the community", "both": "in custody and in the community"}
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
KINDS = {
    "thinking": "Thinking skills",
    "women": "Women’s service",
    "drugs_alcohol": "Drugs or alcohol",
    "restorative": "Restorative justice",
    "mental_health": "Mental health",
    "learning_disability": "Learning disability",
    "personality_disorder": "Personality disorder",
    "sexual_offending": "Sexual offending",
    "domestic_violence": "Domestic violence",
}


def day(text: str) -> str:
    """Return an ISO date or time as a day in words.

    Examples
    --------
    >>> day("2026-11-22"), day("2026-11-02T09:30:00+00:00")
    ('22 November 2026', '2 November 2026')
    """
    moment = date.fromisoformat(text[:10])
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def setting(code: str) -> str:
    """Return where a service was delivered, in words."""
    return SETTINGS.get(code, code)


def kind(code: str) -> str:
    """Return the kind of a service, in words.

    Examples
    --------
    >>> kind("mentoring"), kind("drugs_alcohol")
    ('Mentoring', 'Drugs or alcohol')
    """
    return KINDS.get(code, code.replace("_", " ").capitalize())


def listed(words: tuple[str | int, ...]) -> str:
    """Return words as a list in a sentence.

    Examples
    --------
    >>> listed((2009, 2010)), listed(("Leeds",)), listed(("Hull", "Leeds", "York"))
    ('2009 and 2010', 'Leeds', 'Hull, Leeds and York')
    """
    texts = [str(word) for word in words]
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)
