"""Where the files that travel with the package lie: in a checkout beside it, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / "data" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def conf(name: str) -> Path:
    """Return the path of a settings file of `conf/`."""
    return _folder("conf") / name


def job(name: str) -> Path:
    """Return the path of a spark-submit entry point of `jobs/`, by its name without `.py`."""
    return _folder("jobs") / f"{name}.py"
