"""A request folder to fill in: request.toml that teaches, a cohort file with headings, and a read-me."""

from __future__ import annotations

from pathlib import Path

from jdl_spark import resources
from jdl_spark.errors import InputError, UsageError
from jdl_spark.requests.request import REQUEST_ID

FILES = ("request.toml", "cohort.csv", "cohort.schema.json", "README.txt")


def write_template(path: Path, request_id: str | None = None) -> list[Path]:
    """Write a request folder to fill in.

    Parameters
    ----------
    path : Path
        New folder, or an existing one in which none of the files exists.
    request_id : str, optional
        Filled into request.toml.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UsageError
        If the id does not look like one.
    InputError
        If a file exists already: what somebody filled in is never overwritten. Also if the folder
        cannot be made.
    """
    if request_id is not None and not REQUEST_ID.fullmatch(request_id):
        raise UsageError(
            "a request id has 3 to 32 capital letters, digits and hyphens, and starts with a letter or digit, "
            "for instance BRIDGE-2010"
        )
    there = [name for name in FILES if (path / name).exists()]
    if there:
        raise InputError(f"{path} holds {there[0]} already, and nothing is overwritten; choose another folder")
    source = resources.conf("template")
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            text = (source / name).read_text(encoding="utf-8")
            if name == "request.toml" and request_id is not None:
                text = text.replace('id = ""', f'id = "{request_id}"', 1)
            with (path / name).open("x", encoding="utf-8", newline="") as file:
                file.write(text)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{path} cannot be written to: choose another folder") from error
    return [path / name for name in FILES]
