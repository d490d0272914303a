"""A person as a reviewer sees one: seven fields of text, and how two texts differ.

Why a digest: a decision is about the person as submitted. When the submission changes, the decision
must not follow in silence.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from rapidfuzz.distance import Levenshtein

FIELDS: dict[str, str] = {
    "forename": "Forename",
    "middle_names": "Middle names",
    "surname": "Surname",
    "date_of_birth": "Date of birth",
    "sex": "Sex",
    "postcode": "Postcode",
    "pnc_id": "PNC number",
}
"""Column to its heading: all that a reviewer compares, and all that a decision rests on."""

Marked = tuple[tuple[str, bool], ...]
"""A text in runs; true where the run is not in the other text."""

ALIKE = 0.5
"""Share of letters in common (Levenshtein) below which two texts are marked as a whole: letters that two different
names share by chance would only distract."""


def digest(person: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a submitted person's fields: another spelling is another person to decide on.

    Parameters
    ----------
    person : mapping
        Row of schemas.COHORT_MEMBERS; dates of the intervention do not count.
    """
    values = [person.get(name) for name in FIELDS]
    text = json.dumps(values, default=date.isoformat, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shown(value: Any) -> str:
    """Return a value as text to be read; "" where it is not known.

    Invisible characters, which can make a name read as another, are shown as a replacement character.

    Examples
    --------
    >>> shown(date(1980, 3, 5)), shown(None), shown("Ann\\u202eA")
    ('05/03/1980', '', 'Ann\ufffdA')
    """
    if value is None:
        return ""
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    text = unicodedata.normalize("NFC", str(value)).strip()
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def texts(person: Mapping[str, Any]) -> dict[str, str]:
    """Return a person's seven fields as texts."""
    return {name: shown(person.get(name)) for name in FIELDS}


def differences(submitted: str, national: str) -> tuple[Marked, Marked]:
    """Mark in two texts the letters that the other does not have in their place; case does not count.

    Nothing is marked where one of them is empty.

    Examples
    --------
    >>> differences("Jon", "JOHN")
    ((('Jon', False),), (('JO', False), ('H', True), ('N', False)))
    """
    left, right = _letters(submitted), _letters(national)
    a, b = [letter.casefold() for letter in left], [letter.casefold() for letter in right]
    if not a or not b:
        return _runs(left, set()), _runs(right, set())
    if Levenshtein.normalized_similarity(a, b) < ALIKE:
        return _runs(left, set(range(len(a)))), _runs(right, set(range(len(b))))
    changed = [step for step in Levenshtein.opcodes(a, b) if step.tag != "equal"]
    mine = {at for step in changed for at in range(step.src_start, step.src_end)}
    theirs = {at for step in changed for at in range(step.dest_start, step.dest_end)}
    return _runs(left, mine), _runs(right, theirs)


def _letters(text: str) -> list[str]:
    """Return the text letter by letter, an accent with the letter it stands on."""
    letters: list[str] = []
    for character in text:
        if letters and unicodedata.combining(character):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _runs(letters: list[str], marked: set[int]) -> Marked:
    runs: list[tuple[str, bool]] = []
    for at, letter in enumerate(letters):
        if runs and runs[-1][1] == (at in marked):
            runs[-1] = (runs[-1][0] + letter, at in marked)
        else:
            runs.append((letter, at in marked))
    return tuple(runs)
