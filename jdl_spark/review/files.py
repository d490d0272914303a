"""Write files that hold people: only where the user says, never into the open part of a lake, for one reader."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from jdl_spark.errors import InputError, UsageError

_OWNER_ONLY, _OWNER_FOLDER = 0o600, 0o700


def check_place(folder: Path, names: Sequence[str], lake: str, replace: bool = False) -> None:
    """Make sure that files which hold people may be written to a folder.

    Parameters
    ----------
    folder : Path
    names : sequence of str
        The files' names.
    lake : str
        Folder or URI of the lake. Of a lake's own folders only the restricted root may hold such files.
    replace : bool
        Whether files of these names may be replaced.

    Raises
    ------
    UsageError
        If the folder lies in the open part of the lake, or a file is there already.
    """
    _check_outside(folder, lake)
    there = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if there and not replace:
        raise UsageError(f"{folder} holds {there[0]} already; name another folder, or say --force to replace it")


def write_restricted(folder: Path, contents: Mapping[str, str]) -> list[Path]:
    """Write files that only their owner can read, over those that are there.

    Parameters
    ----------
    folder : Path
        Made, for its owner alone, if it is not there.
    contents : mapping of file name to text

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    try:
        folder.mkdir(mode=_OWNER_FOLDER, parents=True, exist_ok=True)
        for name, text in contents.items():
            _write(folder / name, text)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror}") from error
    return [folder / name for name in contents]


def _check_outside(folder: Path, lake: str) -> None:
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
