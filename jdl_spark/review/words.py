"""Agreement levels and decisions in the words of the review page."""

from __future__ import annotations

from collections.abc import Callable

DECISIONS: dict[str, str] = {"same": "Same person", "different": "Not the same", "unsure": "Cannot say"}
"""What is stored -> what the page and the file say."""

_SPOKEN = {
    "same": ("same", "same person", "yes"),
    "different": ("different", "not the same", "not the same person", "no"),
    "unsure": ("unsure", "cannot say", "can not say"),
}
_BY_WORD = {word: decision for decision, words in _SPOKEN.items() for word in words}

FIELD_OF: dict[str, str] = {"middle": "middle_names", "birth": "date_of_birth", "pnc": "pnc_id"}
"""Compared field -> column of the person, where the two are not called alike."""

PARTS: dict[str, str] = {"relatives": "Relatives and namesakes", "versions": "Other name versions"}
"""Part of a weight that is no field -> how it is called."""

_PLAIN = {
    "else": "different",
    "exact": "the same",
    "initial": "one is the initial of the other",
    "same_initial": "the initial is the same",
    "part": "they share one word of a double name",
    "nickname": "one is a familiar form of the other",
    "swapped": "forename and surname are swapped",
    "reversed": "forename and surname are swapped",
    "with_forename": "counted with the forename",
    "transposed": "day and month are swapped",
    "one_digit_off": "one digit differs",
    "one_part_off": "day, month or year differs, the rest is the same",
    "same_year": "only the year is the same",
    "outward": "the first half is the same",
    "one_character_off": "one character differs",
    "common": "the same, but many people share it",
    "missing": "missing on a side",
    "relatives": "some of them would agree as well",
}
_WITH_NUMBER: dict[str, Callable[[str], str]] = {
    "jaro_winkler": lambda least: f"alike (Jaro-Winkler similarity of {least} or more)",
    "levenshtein": lambda most: f"alike (at most {_many(most, 'letter')} changed, added or left out)",
    "damerau": lambda most: f"alike (at most {_many(most, 'letter')} changed, added, left out or swapped)",
    "versions": lambda many: f"nobody knows which of {many} was used",
    "date_difference": lambda most: f"at most {_many(most, 'day')} apart",
}


def decision_of(word: str) -> str | None:
    """Return the stored decision behind a reviewer's word, None where it is not known.

    Examples
    --------
    >>> decision_of(" Not the SAME "), decision_of("cannot_say"), decision_of("perhaps")
    ('different', 'unsure', None)
    """
    return _BY_WORD.get(" ".join(word.replace("_", " ").lower().split()))


def level(name: str) -> str:
    """Return an agreement level in words; one that is not known as it stands.

    Examples
    --------
    >>> level("exact"), level("jaro_winkler 0.92"), level("date_difference 31")
    ('the same', 'alike (Jaro-Winkler similarity of 0.92 or more)', 'at most 31 days apart')
    """
    kind, _, number = name.partition(" ")
    if number and kind in _WITH_NUMBER:
        return _WITH_NUMBER[kind](number)
    return _PLAIN.get(kind, name.replace("_", " "))


def _many(number: str, what: str) -> str:
    return f"{number} {what}{'' if number == '1' else 's'}"
