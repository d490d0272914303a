"""The page that lists every request, with or without a result: alphabetical, never a ranking."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jdl_spark.errors import InputError
from jdl_spark.reports import files, html
from jdl_spark.results import ResultDocument

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Report:
    """A document and where its page lies, relative to the index."""

    document: ResultDocument
    folder: str


@dataclass(frozen=True)
class Entry:
    """One request: its newest report, and those on earlier data releases, newest first."""

    newest: Report
    earlier: tuple[Report, ...]


def render_index(documents: Path, out: Path) -> list[Path]:
    """Write a page that lists every request, and every request's reports below it.

    Parameters
    ----------
    documents : folder of `<request>/<run>/result.json`. Of several runs on one data release the one
        that started last counts.
    out : folder for `index.html` and one folder a request; reports on earlier releases lie below
        their request's folder.

    Returns
    -------
    list of Path
        The files written, the list first.

    Raises
    ------
    InputError
        If there is no document, or one cannot be read.
    """
    found = [files.read(path) for path in sorted(documents.glob("*/*/result.json"))]
    if not found:
        raise InputError(f"there are no documents in {documents}; run a request first")
    entries = [_entry(group) for group in _by_request(found)]
    entries.sort(key=lambda entry: _alphabet(entry.newest.document))
    out.mkdir(parents=True, exist_ok=True)
    page = out / "index.html"
    page.write_bytes(html.index(entries).encode())
    written = [page]
    for entry in entries:
        for report in (entry.newest, *entry.earlier):
            written += files.write(report.document, out / report.folder)
    return written


def _by_request(documents: list[ResultDocument]) -> list[list[ResultDocument]]:
    groups: dict[str, list[ResultDocument]] = {}
    for document in documents:
        groups.setdefault(_name(document.request.request_id), []).append(document)
    return list(groups.values())


def _entry(documents: list[ResultDocument]) -> Entry:
    latest: dict[str, ResultDocument] = {}
    for document in sorted(documents, key=_age):
        latest.pop(document.provenance.release_id, None)
        latest[document.provenance.release_id] = document
    newest, *earlier = sorted(latest.values(), key=_age, reverse=True)
    folder = newest.request.request_id
    return Entry(
        Report(newest, folder),
        tuple(Report(document, f"{folder}/{_name(document.provenance.release_id)}") for document in earlier),
    )


def _age(document: ResultDocument) -> tuple[str, str, str, str]:
    origin = document.provenance
    return (origin.outcomes_to or "", origin.release_id, origin.produced_at or "", origin.run_id)


def _alphabet(document: ResultDocument) -> tuple[str, str, str]:
    return (document.organisation.name.casefold(), document.service.name.casefold(), document.request.request_id)


def _name(text: str) -> str:
    """Return an identifier that may name a folder."""
    if not _NAME.fullmatch(text):
        raise InputError("a document's request or release id cannot name a folder: letters, digits, '.', '_', '-' only")
    return text
