"""What the machine must have, and what is said when it is missing."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jdl_spark import doctor, environment, launch
from jdl_spark.errors import EnvironmentProblem, UsageError

OPENJDK_17 = 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)\n'


def fake_java(home: Path, version: str) -> Path:
    """Write a `java` that tells a version, as Java does, on standard error."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return home


@pytest.fixture
def only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java: JAVA_HOME, PATH and the usual folders lead to an empty one."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    monkeypatch.setattr(environment, "_JVM_FOLDERS", (str(tmp_path / "jvm"),))
    return tmp_path / "jvm"


# --- Java ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (OPENJDK_17, ("17.0.15", 17)),
        ('openjdk version "21" 2023-09-19 LTS', ("21", 21)),
        ('java version "1.8.0_292"', ("1.8.0_292", 8)),
        ('openjdk version "25-ea" 2025-09-16', ("25-ea", 25)),
        ("Picked up JAVA_TOOL_OPTIONS: -Dx=1\n" + OPENJDK_17, ("17.0.15", 17)),
        ("", None),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_java_tells_its_version(told: str, version: tuple[str, int] | None) -> None:
    assert environment.read_java_version(told) == version


def test_a_java_under_the_usual_folder_is_found(only_here: Path) -> None:
    fake_java(only_here / "a-25", "25.0.1")
    home = fake_java(only_here / "b-21", "21.0.2")
    assert environment.find_java() == environment.Java(home, "21.0.2", 21)


def test_java_home_comes_first(only_here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(only_here / "a-17", "17.0.1")
    home = fake_java(only_here.parent / "mine", "21.0.2")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert environment.find_java().home == home


def test_a_java_home_that_does_not_fit_is_passed_over(only_here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = fake_java(only_here / "a-17", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(only_here.parent / "gone"))
    assert environment.find_java().home == home


def test_without_java_the_message_says_what_to_install(only_here: Path) -> None:
    fake_java(only_here / "a-11", "11.0.2")
    with pytest.raises(EnvironmentProblem, match=r"there is 11\.0\.2 in .*apt-get install openjdk-17-jre-headless"):
        environment.find_java()


# --- the Delta jars -----------------------------------------------------------------------


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two small files that pass for the Delta jars."""
    known = {}
    for name in environment.DELTA_JARS:
        (tmp_path / name).write_bytes(name.encode())
        known[name] = hashlib.sha256(name.encode()).hexdigest()
    monkeypatch.setattr(environment, "DELTA_JARS", known)
    monkeypatch.setenv("JDL_JARS", str(tmp_path))
    return tmp_path


def test_jars_with_the_known_sum_are_used(jars: Path) -> None:
    assert environment.delta_jars() == [jars / name for name in environment.DELTA_JARS]


def test_jars_that_are_there_are_not_fetched_again(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_fetch", None)
    assert environment.fetch_delta_jars() == environment.delta_jars()


def test_a_missing_jar_is_named_with_what_to_do(jars: Path) -> None:
    name = next(iter(environment.DELTA_JARS))
    (jars / name).unlink()
    with pytest.raises(EnvironmentProblem, match=f"{name} is not in .*run: jdl setup"):
        environment.delta_jars()


def test_a_jar_of_another_sum_is_never_used(jars: Path) -> None:
    (jars / next(iter(environment.DELTA_JARS))).write_bytes(b"other")
    with pytest.raises(EnvironmentProblem, match="SHA-256 differs"):
        environment.delta_jars()


def test_what_is_fetched_wrong_is_not_kept(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(environment.DELTA_JARS)
    for name in names:
        (jars / name).unlink()

    def fetch(name: str, scratch: Path) -> Path:
        (scratch / name).write_bytes(name.encode() if name == names[0] else b"other")
        return scratch / name

    monkeypatch.setattr(environment, "_fetch", fetch)
    with pytest.raises(EnvironmentProblem, match="SHA-256 differs"):
        environment.fetch_delta_jars()
    assert list(jars.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (jars / "file").touch()
    monkeypatch.setenv("JDL_JARS", str(jars / "file" / "below"))
    with pytest.raises(EnvironmentProblem, match="name a folder with JDL_JARS"):
        environment.fetch_delta_jars()


# --- doctor -------------------------------------------------------------------------------


def test_the_doctor_looks_at_a_lake(tmp_path: Path) -> None:
    def lake(where: str) -> doctor.Finding:
        return doctor.examine(where)[-1]

    assert not lake(str(tmp_path)).right
    assert f"jdl init --lake {tmp_path}" in lake(str(tmp_path)).words
    (tmp_path / "restricted" / "keys").mkdir(parents=True)
    (tmp_path / "restricted" / "keys" / "pseudonym.key").touch()
    assert lake(str(tmp_path)).right
    assert lake("s3a://bucket/lab").right


def test_the_machine_has_some_memory_and_cores() -> None:
    assert environment.memory_bytes() > 2**28
    assert 1 <= environment.cores() <= (os.cpu_count() or 1)
    assert 1 <= int(environment.driver_memory().removesuffix("g")) <= 8


# --- spark-submit -------------------------------------------------------------------------


def test_the_command_of_an_embedded_job(jars: Path) -> None:
    command = launch.submit_command("run_requests", ["A-1", "--lake", "l"], None)
    assert command[0].endswith("/bin/spark-submit")
    assert command[command.index("--master") + 1] == "local[*]"
    assert command[command.index("--jars") + 1] == ",".join(str(jars / name) for name in environment.DELTA_JARS)
    assert command[-4].endswith("run_requests.py")
    assert command[-3:] == ["A-1", "--lake", "l"]


def test_a_cluster_gets_no_memory_of_ours(jars: Path) -> None:
    command = launch.submit_command("init", [], "yarn")
    assert "--py-files" not in command  # the driver would import from it as well
    assert "--driver-memory" not in command
    assert "spark.executorEnv.OPENBLAS_NUM_THREADS=1" in command


@pytest.mark.parametrize("job", ["nothing", "_job"])
def test_an_unknown_job_is_answered_with_the_known_ones(job: str) -> None:
    with pytest.raises(UsageError, match="there are: analyse, create_release"):
        launch.submit_command(job, [], None)


def test_a_job_knows_one_blas_thread_and_the_running_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    variables = launch.job_environment(local=True)
    assert variables["OPENBLAS_NUM_THREADS"] == "1"
    assert variables["OPENBLAS_CORETYPE"] == "Haswell"
    assert variables["PYSPARK_PYTHON"] == sys.executable
    assert variables["SPARK_LOCAL_IP"] == "127.0.0.1"


def test_the_package_travels_as_a_zip(tmp_path: Path) -> None:
    archive = launch.zip_package(tmp_path / "package.zip")
    code = "import jdl_spark, jdl_spark.stats.shard; print(jdl_spark.__file__)"
    told = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(archive)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert told.stdout.strip() == f"{archive}/jdl_spark/__init__.py"


def test_answer_and_progress_keep_apart(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import os, sys; print('working'); open(os.environ['JDL_ANSWER'], 'w').write('42\\n'); sys.exit(3)"
    monkeypatch.setattr(launch, "submit_command", lambda *arguments: [sys.executable, "-c", program])
    assert launch.run("init", []) == 3
    told = capfd.readouterr()
    assert told.out == "42\n"
    assert told.err == "working\n"


def test_javas_own_line_is_not_shown(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import sys; print('WARNING: Using incubator modules: x', file=sys.stderr); print('seen', file=sys.stderr)"
    )
    monkeypatch.setattr(launch, "submit_command", lambda *arguments: [sys.executable, "-c", program])
    assert launch.run("init", []) == 0
    assert capfd.readouterr().err == "seen\n"
