"""Write one document's files: page, data, description of the data, and the document itself."""

from __future__ import annotations

from pathlib import Path

from jdl_spark.errors import InputError
from jdl_spark.reports import csv, html
from jdl_spark.results import ResultDocument


def read(result_json: Path) -> ResultDocument:
    """Return the document in a file.

    Raises
    ------
    InputError
        If there is no such file, or it is no result document. The message names the file.
    """
    try:
        return ResultDocument.from_json(result_json.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"there is no result document at {result_json}") from error
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{result_json}: {error}") from error


def render(result_json: Path, out: Path) -> list[Path]:
    """Write a report: `index.html`, `results.csv`, `csv-metadata.json` and a copy of `result.json`.

    Parameters
    ----------
    result_json : a published document.
    out : folder for the files; made if it is not there. Files of an earlier report are replaced.

    Returns
    -------
    list of Path
        The files written, the page first.

    Raises
    ------
    InputError
        If the document is missing or cannot be read.
    """
    return write(read(result_json), out)


def write(document: ResultDocument, out: Path) -> list[Path]:
    """Write a report's files into a folder; the same document gives the same bytes."""
    contents = {
        "index.html": html.report(document),
        csv.FILE: csv.table(document),
        "csv-metadata.json": csv.metadata(document),
        "result.json": document.to_json(),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (out / name).write_bytes(text.encode())
    return [out / name for name in contents]
