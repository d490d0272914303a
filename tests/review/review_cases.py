"""Made-up cases for the tests of clerical review."""

from __future__ import annotations

from typing import Any

from jdl_spark.review.page import Candidate, Heading, ReviewCase
from jdl_spark.review.people import FIELDS

HEADING = Heading("BRIDGE-2010", "0123456789abcdef", "2011", 3)
_LEVELS = [
    ("forename", "jaro_winkler 0.92", 4.1, 0.0), ("surname", "exact", 7.9, 2.3), ("middle", "missing", 0.0, 0.0),
    ("birth", "one_digit_off", 6.4, 0.0), ("sex", "exact", 1.0, 0.0), ("postcode", "else", -1.2, 0.0),
    ("pnc", "missing", 0.0, 0.0),
]  # fmt: skip


def explanation(
    prior: float = -18.0, levels: list[tuple[str, str, float, float]] | None = None, version: int = 0
) -> dict[str, Any]:
    """Return what `explain` tells of a pair."""
    fields = [
        {"name": name, "level": level, "bits": bits, "frequency_bits": rare, "version": version}
        for name, level, bits, rare in levels or _LEVELS
    ]
    total = prior + sum(field["bits"] + field["frequency_bits"] for field in fields)
    return {"prior": prior, "fields": fields, "total": total, "probability": 1 / (1 + 2**-total), "version": version}


def texts(*values: str) -> dict[str, str]:
    """Return a person's seven fields."""
    return dict(zip(FIELDS, (*values, *[""] * len(FIELDS)), strict=False))


def candidate(code: str, *versions: dict[str, str], probability: float = 0.48, **more: Any) -> Candidate:
    """Return one identity of BRIDGE-2010."""
    told = more.get("explanation") or explanation()
    return Candidate(f"BRIDGE-2010.0123456789abcdef.{code}", versions, told, probability,
                     more.get("earlier", ""))  # fmt: skip


def case(person_ref: str, submitted: dict[str, str], *candidates: Candidate, kind: str = "ambiguous") -> ReviewCase:
    """Return one person with identities to decide on."""
    return ReviewCase(person_ref, kind, 1.2, submitted, candidates, 0)
