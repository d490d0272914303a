"""Hand a job of `jobs/` to spark-submit: the one way in which the command line starts Spark.

Why a process of its own: the command line stays quick, the same job runs embedded and on a cluster,
and BLAS is told to use one thread before NumPy is loaded.

Why the answer is a file: spark-submit pours a Python program's two outputs into one, so everything it
says goes to standard error, and the answer (JSON, perhaps) alone to standard output.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from jdl_spark import environment, resources
from jdl_spark.errors import JdlError, UsageError

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""BLAS in driver and workers: two threads on a busy two-core machine ran 18 times slower than one."""

KERNEL_FAMILY = {"OPENBLAS_CORETYPE": "Haswell"}
"""One BLAS kernel family everywhere: another one gives other last bits."""


_NOISE = b"WARNING: Using incubator modules"
"""Java's own line at every start of Spark; there is no option against it."""


def job_environment(local: bool) -> dict[str, str]:
    """Return the environment of a job's process."""
    settings = {**os.environ, **ONE_THREAD, **KERNEL_FAMILY, "SPARK_HOME": str(environment.spark_home())}
    settings["JAVA_HOME"] = str(environment.find_java().home)
    settings.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers start whatever python3 is on PATH
    settings["PYSPARK_DRIVER_PYTHON"] = sys.executable
    settings["JDL_LOCAL"] = "1" if local else "0"
    if local:
        settings["SPARK_LOCAL_IP"] = "127.0.0.1"  # exposes no port, silences hostname warnings
    return settings


def submit_command(job: str, arguments: Sequence[str], master: str | None) -> list[str]:
    """Return the spark-submit command line of a job.

    Parameters
    ----------
    job : str
        Name of a file of `jobs/`, without `.py`.
    arguments : sequence of str
        The job's own arguments. No secret travels here.
    master : str, optional
        Master URL; embedded where left out.

    Raises
    ------
    UsageError
        If there is no such job.
    EnvironmentProblem
        If the Delta jars are missing.
    """
    script = resources.job(job)
    if not script.is_file() or job.startswith("_"):
        jobs = sorted(file.stem for file in script.parent.glob("[!_]*.py"))
        raise UsageError(f"there is no job {job!r}; there are: {', '.join(jobs)}")
    log_settings = f"-Dlog4j2.configurationFile={resources.conf('log4j2.properties').as_uri()}"
    local = master is None or master.startswith("local")
    command = [str(environment.spark_home() / "bin" / "spark-submit"), "--master", master or "local[*]"]
    command += ["--jars", ",".join(str(jar) for jar in environment.delta_jars())]
    command += ["--driver-java-options", log_settings]
    if local:
        command += ["--driver-memory", environment.driver_memory()]
    for name, value in {**ONE_THREAD, **KERNEL_FAMILY}.items():
        command += ["--conf", f"spark.executorEnv.{name}={value}"]
    return [*command, str(script), *arguments]


def run(job: str, arguments: Sequence[str], master: str | None = None) -> int:
    """Run a job to its end; return its exit code.

    Its answer goes to standard output; what it is doing, and errors, to standard error meanwhile.
    """
    local = master is None or master.startswith("local")
    with tempfile.TemporaryDirectory(prefix="jdl-") as folder:
        answer = Path(folder) / "answer"
        variables = {**job_environment(local), "JDL_ANSWER": str(answer), **_terminal()}
        if not local:
            variables["JDL_PACKAGE"] = str(zip_package(Path(folder) / "jdl_spark.zip"))
        code = _follow(submit_command(job, arguments, master), variables)
        if answer.is_file():
            sys.stdout.write(answer.read_text(encoding="utf-8"))
            sys.stdout.flush()
        return code


def _follow(command: Sequence[str], variables: Mapping[str, str]) -> int:
    process = subprocess.Popen(command, env=variables, stdout=2, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if not line.startswith(_NOISE):
                sys.stderr.write(line.decode(errors="replace"))
                sys.stderr.flush()
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)  # a terminal has told the job already, a program may not have
        process.wait()
        return 130


def _terminal() -> dict[str, str]:
    """Return how the job finds our terminal, which spark-submit hides from it: for progress in place."""
    try:
        return {"JDL_TERMINAL": os.ttyname(2)}
    except OSError:  # no terminal, or one without a name here
        return {}


def zip_package(target: Path) -> Path:
    """Write the package's source as a zip that Python can import from, for executors that do not have it.

    The session hands it to them (session.py). Not `--py-files`: the driver would then import from the zip
    too, where neither its settings files nor its own source, which names a run, can be read.
    """
    package = Path(__file__).resolve().parent
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(package.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, Path("jdl_spark") / file.relative_to(package))
    return target


if __name__ == "__main__":  # cluster/submit: a job and its arguments, to the master that JDL_MASTER names
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:], os.environ.get("JDL_MASTER")))
    except JdlError as error:
        sys.stderr.write(f"jdl: {error}\n")
        sys.exit(error.exit_code)
