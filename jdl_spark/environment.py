"""What the programs need of the machine: Python, Java, the two Delta jars, memory."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jdl_spark import resources
from jdl_spark.errors import EnvironmentProblem

DELTA_JARS = {
    "delta-spark_4.2_2.13-4.4.0.jar": "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    "delta-storage-4.4.0.jar": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
}
"""File name to SHA-256. These two are all that Delta needs; both must be loaded the same way."""

JAVA_VERSIONS = (17, 21)
PYTHON_FLOOR = (3, 11)
MEMORY_FLOOR_GIB = 4
GIB = 2**30


@dataclass(frozen=True)
class Java:
    """A Java that was found: its home folder and major version."""

    home: Path
    version: int


@dataclass(frozen=True)
class Finding:
    """One line of `jdl doctor`: what was looked at, whether it is right, and in which words."""

    what: str
    right: bool
    words: str


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
    for name in DELTA_JARS:
        _check_jar(folder / name)
    return [folder / name for name in DELTA_JARS]


def _check_jar(jar: Path) -> None:
    if not jar.is_file():
        raise EnvironmentProblem(f"the Delta jar {jar.name} is not in {jar.parent}; run: jdl setup")
    if hashlib.sha256(jar.read_bytes()).hexdigest() != DELTA_JARS[jar.name]:
        raise EnvironmentProblem(f"{jar} is not the file we know (SHA-256 differs); delete it and run: jdl setup")


def fetch_delta_jars() -> list[Path]:
    """Fetch the Delta jars once, from Maven Central through Spark's own Ivy, and check them.

    Returns
    -------
    list of Path
        The jars. Where they are right already nothing is fetched.

    Raises
    ------
    EnvironmentProblem
        If Maven Central cannot be reached, or gave another file.
    """
    try:
        return delta_jars()
    except EnvironmentProblem:
        pass
    folder = jars_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jdl-ivy-", dir=folder) as scratch:
        for name in DELTA_JARS:
            fetched = _fetch(name, Path(scratch))
            _check_jar(fetched)
            fetched.replace(folder / name)
    return delta_jars()


def _fetch(name: str, scratch: Path) -> Path:
    artifact, version = name.removesuffix(".jar").rsplit("-", 1)
    spec = importlib.util.find_spec("pyspark")
    jars = Path(str(spec.origin)).parent / "jars" if spec else Path()
    ivy = next(iter(sorted(jars.glob("ivy-*.jar"))), None)
    if ivy is None:
        raise EnvironmentProblem("pyspark's own Ivy was not found; install the package again with: pip install .")
    command = [
        str(find_java().home / "bin" / "java"), "-jar", str(ivy),
        "-settings", str(resources.conf("ivysettings.xml")), "-cache", str(scratch / "cache"), "-notransitive",
        "-confs", "default", "-dependency", "io.delta", artifact, version, "-types", "jar",
        "-retrieve", str(scratch / "[artifact]-[revision].[ext]"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (scratch / name).is_file():
        raise EnvironmentProblem(
            f"{name} could not be fetched from Maven Central; if this machine has no way there, put the file into "
            f"{jars_folder()} (or the folder that JDL_JARS names) by hand"
        )
    return scratch / name


def find_java() -> Java:
    """Return a Java that Spark runs on: JAVA_HOME, then the one on PATH, then /usr/lib/jvm.

    Raises
    ------
    EnvironmentProblem
        If there is none of a version that we know to work.
    """
    for home in _java_homes():
        version = java_version(home)
        if version in JAVA_VERSIONS:
            return Java(home, version)
    raise EnvironmentProblem(
        "Java 17 or 21 was not found; install it, for instance: apt-get install openjdk-17-jre-headless"
    )


def _java_homes() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


def java_version(home: Path) -> int | None:
    """Return the major version of the Java at a home folder, or None where there is none."""
    java = home / "bin" / "java"
    if not java.is_file():
        return None
    told = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found.group(1)) if found else None


def memory_bytes() -> int:
    """Return the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def driver_memory() -> str:
    """Return the driver's heap for embedded runs: a third of the machine, 1 to 8 GiB."""
    return f"{min(max(memory_bytes() // 3 // GIB, 1), 8)}g"


def examine() -> list[Finding]:
    """Return what `jdl doctor` says: each need, whether it is met, and in words what to do."""
    return [_python(), _java(), _jars(), _memory(), _packages()]


def _python() -> Finding:
    right = sys.version_info >= PYTHON_FLOOR
    words = f"Python {sys.version.split()[0]} at {sys.executable}"
    return Finding("Python", right, words if right else f"{words}; 3.11 or later is needed")


def _java() -> Finding:
    try:
        java = find_java()
    except EnvironmentProblem as error:
        return Finding("Java", False, str(error))
    return Finding("Java", True, f"Java {java.version} at {java.home}")


def _jars() -> Finding:
    try:
        jars = delta_jars()
    except EnvironmentProblem as error:
        return Finding("Delta jars", False, str(error))
    return Finding("Delta jars", True, f"{len(jars)} jars with the known SHA-256 in {jars_folder()}")


def _memory() -> Finding:
    gib, cores = memory_bytes() / GIB, os.cpu_count() or 1
    right = gib >= MEMORY_FLOOR_GIB
    words = f"{gib:.0f} GiB of memory, {cores} cores; embedded jobs take {driver_memory()}"
    return Finding("Machine", right, words if right else f"{words}; {MEMORY_FLOOR_GIB} GiB are needed")


def _packages() -> Finding:
    found, missing = [], []
    for name in ("jdl_spark", "pyspark", "delta-spark", "pandas", "pyarrow", "numpy", "scipy", "scikit-learn"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    words = ", ".join(found)
    return Finding("Packages", not missing, words if not missing else f"not installed: {', '.join(missing)}")
