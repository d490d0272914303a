"""What the programs need of the machine: Java, the two Delta jars, memory.

Why the jars are fetched apart: Delta needs two of the 33 that Spark's own resolver would bring, and a
job must never download. `fetch_jars` is the one place that does, and it checks what it got.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from jdl_spark.errors import EnvironmentProblem

DELTA_JARS = {
    "delta-spark_4.2_2.13-4.4.0.jar": "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    "delta-storage-4.4.0.jar": "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
}
"""File name to SHA-256. These two are all that Delta needs; both must be loaded the same way."""

JAVA_VERSIONS = (17, 21)
"""Major versions that Spark 4.2 runs on."""

INSTALL_JAVA = "install one, on Debian or Ubuntu with: sudo apt-get install openjdk-17-jre-headless"

_JVM_FOLDERS = ("/usr/lib/jvm", "/usr/java", "/opt/java")
_CENTRAL = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""


# --- Java ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Java:
    """A Java installation: its home folder, its version as it says it ("17.0.15"), and the first number of that."""

    home: Path
    version: str
    major: int


def find_java() -> Java:
    """Return the first fitting Java of JAVA_HOME, PATH and the usual folders.

    Raises
    ------
    EnvironmentProblem
        If there is none; the message says what was found instead, and what to install.
    """
    others = []
    for home in _java_homes():
        java = _ask(home)
        if java is not None and java.major in JAVA_VERSIONS:
            return java
        if java is not None:
            others.append(f"{java.version} in {home}")
    found = f"; found {', '.join(others)}" if others else ""
    raise EnvironmentProblem(
        f"Java 17 or 21 is needed, and JAVA_HOME, PATH and /usr/lib/jvm have none{found}; {INSTALL_JAVA}"
    )


def _java_homes() -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parents[1])
    for folder in map(Path, _JVM_FOLDERS):
        homes += sorted(home for home in folder.glob("*") if (home / "bin" / "java").is_file())
    return list(dict.fromkeys(homes))


def _ask(home: Path) -> Java | None:
    try:
        told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_java_version(told.stderr, home)


def parse_java_version(told: str, home: Path) -> Java | None:
    """Return what `java -version` told, or None where that is no version; "1.8.0_292" is Java 8."""
    found = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', told)
    return Java(home, found[1], int(found[2])) if found else None


# --- the Delta jars -----------------------------------------------------------------------


def jars_folder() -> Path:
    """Return where the Delta jars are kept: JDL_JARS, else in the virtual environment, else with the user's data."""
    override = os.environ.get("JDL_JARS")
    if override:
        return Path(override)
    if sys.prefix != sys.base_prefix:  # the environment is whole, whoever uses it
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
    jars = [folder / name for name in DELTA_JARS]
    for jar in jars:
        if not jar.is_file():
            raise EnvironmentProblem(f"the Delta jar {jar.name} is not in {folder}; run: jdl setup")
        if not _is_known(jar):
            raise EnvironmentProblem(f"{jar} is not the file we know (SHA-256 differs); delete it and run: jdl setup")
    return jars


def _is_known(jar: Path) -> bool:
    return hashlib.sha256(jar.read_bytes()).hexdigest() == DELTA_JARS[jar.name]


def fetch_jars(java: Java) -> list[Path]:
    """Fetch the jars that are not there yet from Maven Central, check them, and put them in their folder.

    Spark's own Ivy does it, without dependencies and without the user's settings.

    Returns
    -------
    list of Path
        The jars that were fetched; empty where all were there.

    Raises
    ------
    EnvironmentProblem
        If Central cannot be reached, or sends something else; nothing is kept then.
    """
    folder = jars_folder()
    wanted = [name for name in DELTA_JARS if not ((folder / name).is_file() and _is_known(folder / name))]
    if not wanted:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
            for name in wanted:
                _fetch(java, name, Path(work))
                if not _is_known(Path(work) / name):
                    raise EnvironmentProblem(f"what Maven Central sent for {name} has another SHA-256; nothing is kept")
            for name in wanted:
                (Path(work) / name).replace(folder / name)
    except OSError as error:
        raise EnvironmentProblem(f"the jars cannot be kept in {folder}: {error.strerror}; set JDL_JARS") from error
    return [folder / name for name in wanted]


def _fetch(java: Java, name: str, work: Path) -> None:
    artifact, version = name.removesuffix(".jar").rsplit("-", 1)
    settings = work / "settings.xml"
    settings.write_text(_CENTRAL)
    ivy = next((spark_home() / "jars").glob("ivy-*.jar"))
    command = [
        str(java.home / "bin" / "java"), "-jar", str(ivy), "-settings", str(settings), "-cache", str(work / "cache"),
        "-dependency", "io.delta", artifact, version, "-notransitive", "-types", "jar",
        "-retrieve", f"{work}/[artifact]-[revision].[ext]",
    ]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode or not (work / name).is_file():
        raise EnvironmentProblem(
            f"{name} could not be fetched from Maven Central. Behind a proxy set "
            "JAVA_TOOL_OPTIONS='-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT'; without a network put the file "
            f"into {jars_folder()} yourself"
        )


def spark_home() -> Path:
    """Return the folder of the installed pyspark, which is a whole Spark; imports nothing of it."""
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise EnvironmentProblem("pyspark is not installed in this Python; install jdl_spark with its dependencies")
    return Path(found.submodule_search_locations[0])


# --- the machine --------------------------------------------------------------------------


def memory() -> int:
    """Return the bytes of memory that this process may use: the machine's, or its container's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no container, or "max"
        return machine


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def driver_memory() -> str:
    """Return the driver's heap for embedded runs: a third of the memory, 1 to 8 GiB."""
    return f"{min(max(memory() // 3 // 2**30, 1), 8)}g"
