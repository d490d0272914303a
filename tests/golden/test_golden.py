"""Rendered reports of fixed documents.

After a wanted change: JDL_REWRITE_GOLDEN=1 pytest tests/golden, and read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from reports import samples

from jdl_spark.reports import csv, html

GOLDEN = Path(__file__).parent
KINDS = ("reduction", "null", "increase", "too_few", "refused")


def shorten(page: str) -> str:
    """Leave out what is tested elsewhere and tells a reader of the diff nothing: style sheet and chart bytes."""
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    return re.sub(r"data:image/svg\+xml;base64,[A-Za-z0-9+/=]+", "data:chart", page)


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("JDL_REWRITE_GOLDEN"):
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text


@pytest.mark.parametrize("kind", KINDS)
def test_page(kind: str) -> None:
    compare(f"{kind}.html", shorten(html.report(samples.all_kinds()[kind])))


def test_document_and_table() -> None:
    document = samples.all_kinds()["reduction"]
    compare("reduction.json", document.to_json())
    compare("reduction.csv", csv.table(document))
