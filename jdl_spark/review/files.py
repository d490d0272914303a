"""Write files that hold people: only where the user says, never into the open part of a lake, for one reader."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from jdl_spark.errors import InputError, UsageError

_OWNER_ONLY, _OWNER_FOLDER = 0o600, 0o700


def write_restricted(folder: Path, contents: Mapping[str, str], lake: str, replace: bool = False) -> list[Path]:
    """Write files that only their owner can read.

    Parameters
    ----------
    folder : Path
        Made, for its owner alone, if it is not there.
    contents : mapping of file name to text
    lake : str
        Folder or URI of the lake. Of a lake's own folders only the restricted root may hold such files.
    replace : bool
        Whether files of these names may be replaced.

    Returns
    -------
    list of Path

    Raises
    ------
    UsageError
        If the folder lies in the open part of the lake, or a file is there already.
    InputError
        If the folder cannot be written to.
    """
    _check_place(folder, lake)
    targets = {folder / name: text for name, text in contents.items()}
    there = [path.name for path in targets if path.exists() or path.is_symlink()]
    if there and not replace:
        raise UsageError(f"{folder} holds {there[0]} already; name another folder, or say --force to replace it")
    try:
        folder.mkdir(mode=_OWNER_FOLDER, parents=True, exist_ok=True)
        for path, text in targets.items():
            _write(path, text)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror}") from error
    return list(targets)


def _check_place(folder: Path, lake: str) -> None:
    local = lake.removeprefix("file://").removeprefix("file:")
    if "://" in local:
        return  # a remote lake has no folder on this machine
    root = Path(local).resolve()
    place = folder.resolve()
    if place.is_relative_to(root) and not place.is_relative_to(root / "restricted"):
        raise UsageError(
            f"{folder} lies in the part of the lake that holds no names; review files do, so name a folder elsewhere"
        )


def _write(path: Path, text: str) -> None:
    """Write beside and rename: a file that was there, with whatever rights, is never opened."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    part.replace(path)
