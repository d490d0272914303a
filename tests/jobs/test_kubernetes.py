"""The scripts for Kubernetes at work, without one: what Spark is told to start, and the pod it makes of our files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes_objects import check_pod, parse

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "cluster" / "kubernetes"
WAIT_NOT = "--conf spark.kubernetes.submission.waitAppCompletion=false"


def stub(path: Path) -> None:
    """Put a program there that says its arguments, a line each."""
    path.parent.mkdir(parents=True)
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
    path.chmod(0o755)


def test_the_entrypoint_starts_what_spark_asks_for(tmp_path: Path) -> None:
    stub(tmp_path / "java" / "bin" / "java")
    stub(tmp_path / "spark" / "bin" / "spark-submit")
    names = ("DRIVER_URL", "EXECUTOR_ID", "EXECUTOR_CORES", "APPLICATION_ID", "EXECUTOR_POD_IP", "RESOURCE_PROFILE_ID")
    variables = {"PATH": os.environ["PATH"], "JAVA_HOME": str(tmp_path / "java"), "SPARK_HOME": str(tmp_path / "spark")}
    variables |= {f"SPARK_{name}": name.lower() for name in names}
    variables |= {"SPARK_EXECUTOR_MEMORY": "1g", "SPARK_EXECUTOR_POD_NAME": "pod", "SPARK_DRIVER_BIND_ADDRESS": "::1"}
    variables |= {f"SPARK_JAVA_OPT_{number}": f"-Dx={number} y" for number in range(12)}

    def said(*words: str) -> list[str]:
        command = [FOLDER / "entrypoint", *words]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.splitlines()

    executor = said("executor")
    assert executor[1:13] == [f"-Dx={number} y" for number in range(12)]
    assert {"-Xmx1g", "-Dspark.master=k8s://"} <= set(executor)  # without a master Spark reads no secret's file
    options = dict(zip(executor[-14::2], executor[-13::2], strict=True))
    assert options["--hostname"] == "executor_pod_ip"
    assert options["--podName"] == "pod"
    assert "spark.driver.bindAddress=::1" in said("driver", "a b")
    assert said("driver", "a b")[-1] == "a b"
    assert said("echo", "hello") == ["hello"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with `submit`, the jobs, and our Python as its own."""
    shutil.copytree(FOLDER, tmp_path / "cluster" / "kubernetes")
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


def submit(checkout: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [checkout / "cluster" / "kubernetes" / "submit", *words]
    fixed = {"PYTHONPATH": str(ROOT), "KUBECONFIG": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return subprocess.run(command, env={**os.environ, **fixed, **variables}, capture_output=True, text=True)


@pytest.mark.parametrize("words", [[], ["no_such_job"], ["_job"], ["../jobs/init"]])
def test_submit_knows_its_jobs(checkout: Path, words: list[str]) -> None:
    told = submit(checkout, *words, JDL_MASTER="k8s://https://example.org:6443")
    assert (told.returncode, told.stderr[:6]) == (2, "usage:")


def test_submit_wants_an_api_server(checkout: Path) -> None:
    assert submit(checkout, "init", JDL_MASTER="spark://127.0.0.1:7077").returncode == 2


@pytest.fixture
def api_server() -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of a stand-in for the API server, and what was made there, by kind."""
    made: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
            if body.get("kind"):
                made[body["kind"]] = json.loads(json.dumps(body))
                body["metadata"] |= {"uid": "1", "resourceVersion": "1"}
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"k8s://http://127.0.0.1:{server.server_port}", made
        server.shutdown()


def test_spark_makes_of_it_the_driver_we_mean(checkout: Path, api_server: tuple[str, dict[str, Any]]) -> None:
    master, made = api_server
    told = submit(checkout, "run_requests", "--release", "2011", JDL_MASTER=master, JDL_SPARK_OPTIONS=WAIT_NOT)
    assert told.returncode == 0, told.stderr
    pod = parse(made["Pod"])
    check_pod(pod.spec, "driver")
    (container,) = pod.spec.containers
    assert container.image.partition(":")[0] == "registry.example.org/jdl-spark"
    assert container.args[-5:] == ["local:///opt/jdl/jobs/run_requests.py", "--lake", "/lake", "--release", "2011"]
    assert container.resources.limits == {"cpu": "2", "memory": "6144Mi"}
    assert container.resources.requests == {"cpu": "1", "memory": "6144Mi"}
    assert pod.metadata.labels["spark-role"] == "driver"
    assert pod.spec.service_account_name == "jdl-driver"
    assert not any("SECRET" in variable.name for variable in container.env)
