"""Fields, agreement levels and numbers of a linkage as its page and charts write them."""

from __future__ import annotations

import math

_FIELDS = {
    "forename": "Forename",
    "surname": "Surname",
    "middle": "Middle names",
    "birth": "Date of birth",
    "sex": "Sex",
    "postcode": "Postcode",
    "pnc": "PNC number",
    "relatives": "Relatives, namesakes",
    "versions": "Other name versions",
}
_LEVELS = {
    "else": "Different",
    "exact": "Same",
    "initial": "Only an initial",
    "same_initial": "Same first letter",
    "part": "Part of a double name",
    "nickname": "Short form, spelling",
    "swapped": "Names swapped",
    "reversed": "Names swapped",
    "with_forename": "See forename",
    "transposed": "Day, month swapped",
    "one_digit_off": "One digit differs",
    "one_part_off": "One part differs",
    "same_year": "Same year only",
    "outward": "Same first half",
    "one_character_off": "One character differs",
    "common": "Same, shared by many",
    "missing": "Not known",
    "relatives": "May agree as well",
}
LEAST = 1e-6
"""Probabilities nearer than this to 0 or 1 have too many digits alike to be counted, or told apart."""
NUMBERED = {
    "jaro_winkler": "Similar, {} or more",
    "levenshtein": "Edits, {} or fewer",
    "damerau": "Slips, {} or fewer",
    "date_difference": "Days apart, up to {}",
    "swapped": "Names swapped",
    "versions": "One of {} versions",
}
"""Kinds of level that carry a number."""


def named(name: str) -> str:
    """Return what a rule or a session is called, as a reader would write it.

    Examples
    --------
    >>> named("date_nickname"), named("pnc")
    ('Date nickname', 'PNC')
    """
    text = " ".join("PNC" if word == "pnc" else word for word in name.replace("_", " ").split())
    return text[:1].upper() + text[1:]


def field(name: str) -> str:
    """Return a field's name in words.

    Examples
    --------
    >>> field("birth"), field("home_town")
    ('Date of birth', 'Home town')
    """
    return _FIELDS.get(name) or named(name)


def level(name: str) -> str:
    """Return an agreement level in a few words.

    Examples
    --------
    >>> level("else"), level("jaro_winkler 0.92"), level("same_street")
    ('Different', 'Similar, 0.92 or more', 'Same street')
    """
    kind, _, number = name.partition(" ")
    if number and kind in NUMBERED:
        return NUMBERED[kind].format(number)
    return _LEVELS.get(kind) or named(name)


def bits(value: float) -> str:
    """Return a weight with its sign and one decimal.

    Examples
    --------
    >>> bits(3.14159), bits(-12.0), bits(-0.04)
    ('+3.1', '−12.0', '0.0')
    """
    text = f"{abs(value):.1f}"
    return text if float(text) == 0 else f"{'+' if value > 0 else '−'}{text}"


def count(value: float) -> str:
    """Return a whole number with its thousands marked.

    Examples
    --------
    >>> count(1234567.2)
    '1,234,567'
    """
    return f"{value:,.0f}"


def short_count(value: float) -> str:
    """Return a count as an axis or a bar writes it.

    Examples
    --------
    >>> short_count(950), short_count(12_400), short_count(6_745_880)
    ('950', '12.4k', '6.7m')
    """
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + letter
    return f"{value:.0f}"


def per_cent(share: float, decimals: int = 1) -> str:
    """Return a share in per cent; what is not quite none or all is not written as 0 or 100.

    Examples
    --------
    >>> per_cent(0.25), per_cent(0.99996), per_cent(0.00001), per_cent(1.0)
    ('25.0%', 'over 99.9%', 'under 0.1%', '100.0%')
    """
    text, step = f"{100 * share:.{decimals}f}", 10.0**-decimals
    if share > 0 and float(text) == 0:
        return f"under {step:.{decimals}f}%"
    if share < 1 and float(text) == 100:
        return f"over {100 - step:.{decimals}f}%"
    return f"{text}%"


def probability(value: float) -> str:
    """Return a probability to two significant digits, counted from the end it is nearest to.

    Examples
    --------
    >>> probability(0.94812), probability(0.000052), probability(0.99962), probability(1.0)
    ('0.948', '0.000052', '0.99962', '1')
    >>> probability(1.24e-8), probability(0.9999999998)
    ('1.2e−8', 'over 0.999999')
    """
    near = min(value, 1 - value)
    if near <= 0:
        return f"{value:.0f}"
    if near < LEAST:
        return f"over {1 - LEAST:.6f}" if value > 0.5 else f"{value:.1e}".replace("e-0", "e-").replace("-", "−")
    return f"{value:.{1 - math.floor(math.log10(near))}f}".rstrip("0")
