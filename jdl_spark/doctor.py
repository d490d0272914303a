"""What `jdl doctor` says: each need of the programs, whether this machine meets it, and what to do."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from jdl_spark import environment
from jdl_spark.errors import EnvironmentProblem

PYTHON_FLOOR = (3, 11)
MEMORY_FLOOR_GIB = 4
DISK_FLOOR_GIB = 2
PACKAGES = ("jdl_spark", "pyspark", "delta-spark", "pandas", "pyarrow", "numpy", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Finding:
    """One line of `jdl doctor`: what was looked at, whether it is right, and in which words."""

    what: str
    right: bool
    words: str


def examine(lake: str | None = None) -> list[Finding]:
    """Return what `jdl doctor` says: each need, whether it is met, and in words what to do.

    Parameters
    ----------
    lake : str, optional
        A lake to look at as well.
    """
    findings = [_python(), _packages(), _java(), _jars(), _machine(), _disk(Path(lake or "."))]
    return findings if lake is None else [*findings, _lake(lake)]


def _python() -> Finding:
    right = sys.version_info >= PYTHON_FLOOR
    words = f"Python {sys.version.split()[0]} at {sys.executable}"
    return Finding("Python", right, words if right else f"{words}; 3.11 or later is needed")


def _java() -> Finding:
    try:
        java = environment.find_java()
    except EnvironmentProblem as error:
        return Finding("Java", False, str(error))
    return Finding("Java", True, f"Java {java.version} at {java.home}")


def _jars() -> Finding:
    try:
        jars = environment.delta_jars()
    except EnvironmentProblem as error:
        return Finding("Delta jars", False, str(error))
    return Finding("Delta jars", True, f"{len(jars)} jars with the known SHA-256 in {environment.jars_folder()}")


def _machine() -> Finding:
    gib = environment.memory_bytes() / environment.GIB
    right = gib >= MEMORY_FLOOR_GIB
    heap = environment.driver_memory().removesuffix("g")
    words = f"{gib:.0f} GiB of memory, {environment.cores()} cores; embedded jobs give Spark {heap} GiB"
    return Finding("Machine", right, words if right else f"{words}; {MEMORY_FLOOR_GIB} GiB are needed")


def _disk(folder: Path) -> Finding:
    folder = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    gib = shutil.disk_usage(folder).free / environment.GIB
    words = f"{gib:.0f} GiB free in {folder}"
    right = gib >= DISK_FLOOR_GIB
    return Finding("Disk", right, words if right else f"{words}; {DISK_FLOOR_GIB} GiB are needed")


def _lake(lake: str) -> Finding:
    if "://" in lake:
        return Finding("Lake", True, f"{lake} is not on this machine; jobs will say whether they reach it")
    folder = Path(lake.removeprefix("file:"))
    if not (folder / "restricted" / "keys" / "pseudonym.key").is_file():
        return Finding("Lake", False, f"there is no lake at {folder.absolute()}; make one with: jdl init --lake {lake}")
    if not os.access(folder, os.W_OK):
        return Finding("Lake", False, f"the lake at {folder.absolute()} cannot be written to by this user")
    return Finding("Lake", True, f"a lake at {folder.absolute()}")


def _packages() -> Finding:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    words = ", ".join(found)
    return Finding("Packages", not missing, words if not missing else f"not installed: {', '.join(missing)}")
