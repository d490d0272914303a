"""Run the demonstration's requests embedded, on a cluster, and there while a worker is killed; compare the results.

Prints three lines, `embedded SHA256`, `cluster SHA256` and `cluster-worker-killed SHA256`, and ends with
0 if the three result hashes are the same and the killed worker was busy, else with 1.

The three runs start from copies of one lake: nation, release and requests are loaded once. What a run
prepares of the nation (identity index, linkage models, covariates) is therefore compared as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("linkage", "propensity", "matching")
"""The stages that stream the nation past the requests."""

EMBEDDED, CLUSTER, KILLED = "embedded", "cluster", "cluster-worker-killed"
PATIENCE = 3600  # seconds until the heavy stage must have come


class Failure(Exception):
    """The comparison could not be made; the message says why."""


def main() -> int:
    """Make the comparison; return the exit code."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--identities", type=int, default=20_000, help="offender identities of the nation")
    arguments.add_argument("--stage", choices=HEAVY, default="propensity", help="when the worker is killed")
    arguments.add_argument("--memory", default="2g", help="heap of each worker")
    told = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="jdl-same-hash-") as name:
        try:
            hashes = compare(Path(name), told.identities, told.stage, told.memory)
        except Failure as failure:
            say(str(failure))
            return 1
    for where, found in hashes.items():
        print(where, found["sha256"], flush=True)
    differ = {where: different_tables(hashes[EMBEDDED], hashes[where]) for where in (CLUSTER, KILLED)}
    for where, tables in differ.items():
        if tables:
            say(f"{where} found something else than {EMBEDDED} in: {', '.join(tables)}")
    return int(any(differ.values()))


def compare(folder: Path, identities: int, stage: str, memory: str) -> dict[str, dict[str, Any]]:
    """Run the requests three times; return what `hash_run` says of each.

    Raises
    ------
    Failure
        If a job fails, or a worker had nothing to do where it should have had.
    """
    say(f"a lake with {identities:,} identities and the demonstration's requests")
    embedded("demo", "--folder", str(folder / "base"), "--identities", str(identities), "--load-only")
    for name in (EMBEDDED, CLUSTER, KILLED):
        shutil.copytree(folder / "base" / "lake", folder / name)
    say("run embedded")
    embedded("run_requests", "--lake", str(folder / EMBEDDED))
    submit = str(ROOT / "cluster" / "submit")
    with two_workers(folder, memory) as variables:
        say("run on the cluster")
        job([submit, "run_requests", "--lake", str(folder / CLUSTER)], variables)
        if executors_at_work(folder / "events") < 2:
            raise Failure("the run used one of the two workers only, so nothing was shown; try again")
        say(f"run on the cluster, and kill a worker during {stage}")
        run = subprocess.Popen([submit, "run_requests", "--lake", str(folder / KILLED)], env=variables, stdout=2)
        try:
            kill_busy_worker(Path(variables["JDL_CLUSTER"]), folder / KILLED, stage, run)
            if run.wait():
                raise Failure(f"the run whose worker was killed ended with {run.returncode}")
        finally:
            if run.poll() is None:
                run.terminate()
                run.wait()
        lost = lost_tasks(folder / "events")
    say(f"tasks that were lost with the worker, and done again: {lost}")
    if not lost:
        raise Failure("the worker was idle when it was killed, so nothing was shown; try again")
    return {
        name: json.loads(embedded("hash_run", "--json", "--lake", str(folder / name)))
        for name in (EMBEDDED, CLUSTER, KILLED)
    }


def different_tables(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return the names of the tables whose hashes differ."""
    return [name for name, table in ours["tables"].items() if theirs["tables"][name] != table]


def say(text: str) -> None:
    """Tell what is being done; standard output is for the hashes."""
    print(f"same-hash: {text}", file=sys.stderr, flush=True)


def embedded(name: str, *words: str) -> str:
    """Run a job on this machine without a cluster; return its answer."""
    variables = {key: value for key, value in os.environ.items() if key != "JDL_MASTER"}
    return job([sys.executable, "-m", "jdl_spark.launch", name, *words], variables)


def job(command: list[str], variables: Mapping[str, str]) -> str:
    """Run a job to its end; return its answer."""
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode:
        raise Failure(f"{' '.join(map(os.path.basename, command[:4]))} ended with {done.returncode}")
    return done.stdout


@contextlib.contextmanager
def two_workers(folder: Path, memory: str) -> Iterator[dict[str, str]]:
    """Start a cluster of two workers that writes down what happens to its tasks; stop it afterwards."""
    variables = {
        **os.environ,
        "JDL_CLUSTER": str(folder / "cluster"),
        "JDL_CLUSTER_PORT": os.environ.get("JDL_CLUSTER_PORT", "17177"),
        "JDL_CLUSTER_PAGE": os.environ.get("JDL_CLUSTER_PAGE", "18180"),
    }
    variables.pop("JDL_MASTER", None)
    standalone = ROOT / "cluster" / "standalone"
    subprocess.run([standalone / "up", "2", "1", memory], env=variables, check=True, stdout=2)
    try:
        (folder / "events").mkdir()
        events = f"""
spark.eventLog.enabled           true
spark.eventLog.dir               {(folder / "events").as_uri()}
spark.eventLog.compress          false
spark.eventLog.rolling.enabled   false
"""
        with (folder / "cluster" / "conf" / "spark-defaults.conf").open("a", encoding="utf-8") as settings:
            settings.write(events)
        yield variables
    finally:
        subprocess.run([standalone / "down"], env=variables, check=True, stdout=2)


# --- the kill -----------------------------------------------------------------------------


def kill_busy_worker(cluster: Path, lake: Path, stage: str, run: subprocess.Popen[bytes]) -> None:
    """Wait until the second worker's executor computes for a heavy stage, then kill both with SIGKILL.

    Raises
    ------
    Failure
        If the run ends before.
    """
    worker = int((cluster / "pids" / "worker-2").read_text())
    until = time.monotonic() + PATIENCE
    while run.poll() is None and time.monotonic() < until:
        if stage_now(lake) == stage:
            children = descendants(worker)
            executors = [pid for pid in children if b"CoarseGrainedExecutorBackend" in command_of(pid)]
            if executors and any(stat_of(pid)[0] == "R" for pid in children if b"pyspark" in command_of(pid)[:400]):
                for pid in (worker, *executors):  # the worker first: it would start another executor
                    os.kill(pid, signal.SIGKILL)
                say(f"killed a worker and its executor during {stage}")
                return
        time.sleep(0.02)
    raise Failure(f"the run never came to the stage {stage} with the second worker computing")


def stage_now(lake: Path) -> str | None:
    """Return the stage that the lake's only run is in."""
    for path in lake.glob("documents/_runs/*/progress.jsonl"):
        events = [json.loads(line) for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
        if events and events[-1]["event"] == "begin":
            return str(events[-1]["stage"])
    return None


def descendants(ancestor: int) -> list[int]:
    """Return the processes below a process."""
    parents = {pid: stat_of(pid)[1] for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*"))}
    found, frontier = [], {ancestor}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found += sorted(frontier)
    return found


def stat_of(pid: int) -> tuple[str, int]:
    """Return a process's state, R while it computes, and its parent; nothing and -1 where it is gone."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "", -1
    return state, int(parent)


def command_of(pid: int) -> bytes:
    """Return a process's command line; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# --- what the cluster wrote down ----------------------------------------------------------


def tasks(events: Path) -> list[dict[str, Any]]:
    """Return the ends of all tasks of the newest application."""
    newest = max(events.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    lines = newest.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if '"Event":"SparkListenerTaskEnd"' in line]


def executors_at_work(events: Path) -> int:
    """Return how many executors ended a task well."""
    ended = [task for task in tasks(events) if task["Task End Reason"]["Reason"] == "Success"]
    return len({task["Task Info"]["Executor ID"] for task in ended})


def lost_tasks(events: Path) -> int:
    """Return how many tasks ended because their executor was lost."""
    return sum(task["Task End Reason"]["Reason"] == "ExecutorLostFailure" for task in tasks(events))


if __name__ == "__main__":
    sys.exit(main())
