"""One spelling for the many ways in which sources write the same name, postcode or identifier.

Why codes are hashes of the standardised text and never ranks: an index to which people are added
keeps every code it had, and two sides standardised apart agree on them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

import jellyfish

LONGEST_NAME = 64
"""Characters of a standardised name that are kept: a name field of 200 characters is a slip of the source."""

PLACEHOLDERS = frozenset(
    {
        "ANON", "BABY", "BABY BOY", "BABY GIRL", "FNU", "INFANT", "LNU", "NFA", "NK", "NO FIXED ABODE", "NO NAME",
        "NONE", "NOT GIVEN", "NOT KNOWN", "NOT STATED", "NULL", "REFUSED", "TWIN", "UNK", "UNKNOWN", "UNNAMED",
    }
)  # fmt: skip
"""What clerks write where they have no name."""

_TITLES = frozenset({"MR", "MRS", "MISS", "MS", "MX", "DR", "SIR", "REV", "PROF", "MASTER"})
_SUFFIXES = frozenset({"JR", "JNR", "JUNIOR", "SR", "SNR", "SENIOR", "II", "III", "ESQ"})
_PARTICLES = frozenset(
    {
        "AL", "BIN", "DA", "DE", "DEL", "DEN", "DER", "DI", "DU", "EL", "FITZ", "LA", "LE", "MAC", "MC", "O", "ST",
        "VAN", "VON",
    }
)  # fmt: skip
"""Words that belong to the word after them: VAN DER BERG is VANDERBERG in half of the sources."""
_LETTERS = str.maketrans(
    {
        "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ß": "SS", "ẞ": "SS", "ı": "I",
        "ħ": "H", "Ħ": "H",
    }
)  # fmt: skip
_DROPPED = re.compile(r"['’‘ʼ`´ʹ.]")
_UK_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
_UK_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
_NO_ABODE = "ZZ99"  # Office for National Statistics: no fixed abode, or abode not known
_PNC = re.compile(r"([0-9]{4}|[0-9]{2})/0*([0-9]{1,7})([A-Z])")
LONGEST_POSTCODE, LONGEST_OUTWARD, LONGEST_PNC = 8, 4, 16


def name_words(text: str | None) -> list[str]:
    """Return the words of a name in capitals without diacritics, apostrophes, full stops or digits.

    Hyphens part words. Letters of other scripts stay as they are.
    """
    if not text:
        return []
    capitals = unicodedata.normalize("NFKD", text).upper().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", _DROPPED.sub("", capitals))
    kept = (c if c.isalpha() else "" if unicodedata.category(c)[0] in "MN" else " " for c in plain)
    return unicodedata.normalize("NFC", "".join(kept)).split()


def _finish(words: list[str]) -> str:
    name = " ".join(words)[:LONGEST_NAME].rstrip()
    meaningless = name in PLACEHOLDERS or (len(name) > 2 and set(name) == {"X"})
    return "" if meaningless else name


@lru_cache(maxsize=200_000)
def forename(text: str | None) -> str:
    """Return a standardised forename (or middle names), "" where there is none.

    Examples
    --------
    >>> forename("  Dr. Zoë-Louise "), forename("Baby"), forename(None)
    ('ZOE LOUISE', '', '')
    """
    words = name_words(text)
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    return _finish(words)


@lru_cache(maxsize=200_000)
def surname(text: str | None) -> str:
    """Return a standardised surname, the parts of a double-barrelled one separated by a space.

    Examples
    --------
    >>> surname("O’Brien-MacDonald"), surname("van der Berg"), surname("Smith Jr."), surname("N.F.A.")
    ('OBRIEN MCDONALD', 'VANDERBERG', 'SMITH', '')
    """
    words = name_words(text)
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    if " ".join(words) in PLACEHOLDERS:
        return ""
    joined: list[str] = []
    prefix = ""
    for at, word in enumerate(words):
        if word in _PARTICLES and at < len(words) - 1:
            prefix += word
            continue
        joined.append(_one_mac(prefix + word))
        prefix = ""
    return _finish(joined)


def _one_mac(word: str) -> str:
    """Write MAC as MC where a name follows it; MACE and MACK stay."""
    return "MC" + word[3:] if len(word) > 5 and word.startswith("MAC") else word


def postcode(text: str | None) -> tuple[str, str]:
    """Return the whole postcode without its space, and its outward part.

    A code that is not British stands whole and has no outward part; an outward part alone has no
    whole. "" means missing.

    Examples
    --------
    >>> postcode("ls1 4ab"), postcode("LS1"), postcode("4223"), postcode("ZZ99 3VZ")
    (('LS14AB', 'LS1'), ('', 'LS1'), ('4223', ''), ('', ''))
    """
    code = "".join(c for c in (text or "").upper() if c.isascii() and c.isalnum())
    if not code or not any(c.isdigit() for c in code) or code.startswith(_NO_ABODE) or set(code) == {"0"}:
        return "", ""
    if len(code) >= 5 and code[-3] == "O":  # letter O for the digit that leads the inward part
        code = code[:-3] + "0" + code[-2:]
    if whole := _UK_POSTCODE.fullmatch(code):
        return code, whole.group(1)
    if _UK_OUTWARD.fullmatch(code):
        return "", code
    return code[:LONGEST_POSTCODE], ""


def pnc_id(text: str | None) -> str:
    """Return a Police National Computer identifier as YYYY/NNNNNNNL; another identifier without its punctuation.

    Two digits of the year from 40 on are of the 1900s, others of the 2000s. "" means missing.

    Examples
    --------
    >>> pnc_id("02/73319z"), pnc_id("1999/0012345A"), pnc_id("530 4218"), pnc_id("unknown")
    ('2002/0073319Z', '1999/0012345A', '5304218', '')
    """
    compact = "".join((text or "").upper().split())
    if parts := _PNC.fullmatch(compact):
        year, number, letter = parts.groups()
        century = "" if len(year) == 4 else "19" if int(year) >= 40 else "20"
        return f"{century}{year}/{number:0>7}{letter}"
    code = "".join(c for c in compact if c.isascii() and c.isalnum())[:LONGEST_PNC]
    return code if any(c.isdigit() and c != "0" for c in code) else ""


def sex(text: str | None) -> int:
    """Return 1 for female, 2 for male, 0 where it is not known."""
    word = (text or "").strip().upper()
    return 1 if word in {"F", "FEMALE", "W", "WOMAN", "GIRL"} else 2 if word in {"M", "MALE", "MAN", "BOY"} else 0


def code(text: str) -> int:
    """Return a stable signed 64-bit hash of a standardised text; 0 for a missing one."""
    if not text:
        return 0
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)
    return value or 1


def sound(word: str) -> str:
    """Return how a single word of a name sounds (Metaphone), or the word where the key says nothing."""
    return jellyfish.metaphone(word) or word


@lru_cache(maxsize=200_000)
def sound_code(word: str) -> int:
    """Return the 64-bit code of how a word sounds."""
    return code(sound(word))
