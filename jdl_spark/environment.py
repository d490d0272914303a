"""What the programs need of the machine: Java, the two Delta jars, memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from jdl_spark.errors import EnvironmentProblem

DELTA_JARS = {
    "delta-spark_4.2_2.13-4.4.0.jar": "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    "delta-storage-4.4.0.jar": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
}
"""File name to SHA-256. These two are all that Delta needs; both must be loaded the same way."""


def jars_folder() -> Path:
    """Return where the Delta jars are kept: JDL_JARS, else a per-user data folder."""
    override = os.environ.get("JDL_JARS")
    if override:
        return Path(override)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "jdl_spark" / "jars"


def delta_jars() -> list[Path]:
    """Return the checked jars.

    Raises
    ------
    EnvironmentProblem
        If one is missing or is not the file we know.
    """
    folder = jars_folder()
    jars = [folder / name for name in DELTA_JARS]
    for jar in jars:
        if not jar.is_file():
            raise EnvironmentProblem(f"the Delta jar {jar.name} is not in {folder}; run: jdl setup")
        if hashlib.sha256(jar.read_bytes()).hexdigest() != DELTA_JARS[jar.name]:
            raise EnvironmentProblem(f"{jar} is not the file we know (SHA-256 differs); delete it and run: jdl setup")
    return jars


def driver_memory() -> str:
    """Return the driver's heap for embedded runs: a third of the machine, 1 to 8 GiB."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(max(pages // 3 // 2**30, 1), 8)}g"
