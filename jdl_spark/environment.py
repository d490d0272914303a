"""What the programs need of the machine: Java, Spark, the two Delta jars, memory."""

from __future__ import annotations

import hashlib
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
GIB = 2**30
_JVM_FOLDERS = ("/usr/lib/jvm", "/usr/java", "/opt/java")


@dataclass(frozen=True)
class Java:
    """A Java that was found: its home folder, its version in its own words, for instance 17.0.15, and major 17."""

    home: Path
    version: str
    major: int


def jars_folder() -> Path:
    """Return where the Delta jars are kept: JDL_JARS, else in the virtual environment, else with the user's data."""
    override = os.environ.get("JDL_JARS")
    if override:
        return Path(override)
    if sys.prefix != sys.base_prefix:  # whole for everybody who uses the environment, and gone with it
        return Path(sys.prefix) / "share" / "jdl_spark" / "jars"
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
            fetched = [_fetch(name, Path(scratch)) for name in DELTA_JARS]
            for jar in fetched:
                _check_jar(jar)
            for jar in fetched:  # both are right, or neither is kept
                jar.replace(folder / jar.name)
    except OSError as error:
        raise EnvironmentProblem(
            f"the Delta jars cannot be kept in {folder} ({error.strerror}); name a folder with JDL_JARS"
        ) from error
    return delta_jars()


def _fetch(name: str, scratch: Path) -> Path:
    artifact, version = name.removesuffix(".jar").rsplit("-", 1)
    ivy = next(iter(sorted((spark_home() / "jars").glob("ivy-*.jar"))), None)
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
            f"{name} could not be fetched from Maven Central; behind a proxy set "
            "JAVA_TOOL_OPTIONS='-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT', or put the file into "
            f"{jars_folder()} by hand (JDL_JARS names another folder)"
        )
    return scratch / name


def spark_home() -> Path:
    """Return the Spark that came with the pip-installed pyspark; imports nothing of it.

    Raises
    ------
    EnvironmentProblem
        If pyspark is not installed.
    """
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise EnvironmentProblem("pyspark is not installed; install the package with: pip install .")
    return Path(spec.origin).parent


def find_java() -> Java:
    """Return a Java that Spark runs on: JAVA_HOME, then the one on PATH, then the usual folders.

    Raises
    ------
    EnvironmentProblem
        If there is none of a version that we know to work; says what there is instead.
    """
    others = []
    for home in dict.fromkeys(_java_homes()):
        java = ask_java(home)
        if java is not None and java.major in JAVA_VERSIONS:
            return java
        if java is not None:
            others.append(f"; there is {java.version} in {home}")
    raise EnvironmentProblem(
        f"Java 17 or 21 was not found{''.join(others)}; "
        "install it, for instance: apt-get install openjdk-17-jre-headless"
    )


def _java_homes() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for folder in _JVM_FOLDERS:
        yield from sorted(Path(folder).glob("*"))


def ask_java(home: Path) -> Java | None:
    """Return the Java at a home folder, or None where there is none that runs."""
    try:
        told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = read_java_version(told.stderr)
    return None if version is None else Java(home, *version)


def read_java_version(told: str) -> tuple[str, int] | None:
    """Return version and its first number out of what `java -version` says; "1.8.0_292" is Java 8."""
    found = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', told)
    return (found[1], int(found[2])) if found else None


def memory_bytes() -> int:
    """Return the memory that a process may use: the machine's, or its container's if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such limit, or "max"
        return machine


def cores() -> int:
    """Return the cores that a process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def driver_memory() -> str:
    """Return the driver's heap for embedded runs: a third of the memory, 1 to 8 GiB."""
    return f"{min(max(memory_bytes() // 3 // GIB, 1), 8)}g"
