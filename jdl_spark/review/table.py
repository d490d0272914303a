"""The same cases as a CSV file, for whoever would rather decide in a spreadsheet.

Why request and run are part of the pair's reference and not columns: a spreadsheet takes an
identifier of digits with an "e" in it for a number, and saves something else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import chain

from jdl_spark.reports.csv import safe_text
from jdl_spark.review.page import ReviewCase
from jdl_spark.review.people import FIELDS

ANSWERS = ("decision", "reviewer", "note")
"""Columns that a reviewer fills in."""
COLUMNS = (
    "pair", "case", "candidate", *ANSWERS, "match_weight", "match_probability",
    *chain.from_iterable((f"submitted_{name}", f"national_{name}") for name in FIELDS), "other_name_versions",
)  # fmt: skip
MARK = "\ufeff"
"""Without it a spreadsheet reads the file's accents wrongly."""


def write(cases: Sequence[ReviewCase]) -> str:
    """Return the cases as CSV text: a row per person and identity, nothing decided.

    `match_weight` is in bits, `match_probability` the posterior of the identity; the national values are
    those of the name version that fits best, the others stand in `other_name_versions`.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, case in enumerate(cases, 1):
        for place, candidate in enumerate(case.candidates, 1):
            best = candidate.versions[candidate.compared]
            values = [text for name in FIELDS for text in (case.submitted[name], best[name])]
            others = [
                " / ".join(text for text in version.values() if text)
                for at, version in enumerate(candidate.versions)
                if at != candidate.compared
            ]
            told = [f"{candidate.explanation['total']:.2f}", f"{candidate.probability:.4f}"]
            row = [candidate.pair, str(number), str(place), *[""] * len(ANSWERS), *told, *values, "; ".join(others)]
            writer.writerow([safe_text(text) for text in row])
    return MARK + target.getvalue()
