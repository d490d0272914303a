"""The files for Kubernetes and YARN, which no cluster has run: what one would refuse or would leak fails here."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_objects import check_pod, parse
from pydantic import ValidationError

from jdl_spark import environment, launch, session

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "cluster" / "kubernetes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SPARK_VERSION = next(need for need in PROJECT["dependencies"] if need.startswith("pyspark==")).partition("==")[2]
IMAGE = f"registry.example.org/jdl-spark:{PROJECT['version']}"
PROTECTION = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.network.crypto.cipher": "AES/GCM/NoPadding",
    "spark.io.encryption.enabled": "true",
    "spark.ui.enabled": "false",
}


SETTING_OF_FIELD = {
    "cores": "spark.{}.cores",
    "coreLimit": "spark.kubernetes.{}.limit.cores",
    "memory": "spark.{}.memory",
    "memoryOverhead": "spark.{}.memoryOverhead",
    "serviceAccount": "spark.kubernetes.authenticate.{}.serviceAccountName",
    "javaOptions": "spark.{}.extraJavaOptions",
    "instances": "spark.{}.instances",
}


DOCUMENTS = [
    (file.name, document)
    for file in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
OBJECTS = {
    f"{file} {document['kind']} {document['metadata'].get('name', '')}": document for file, document in DOCUMENTS
}
APPLICATIONS = [file for file, document in DOCUMENTS if document["kind"] == "SparkApplication"]


def text(name: str) -> str:
    return (ROOT / "cluster" / name).read_text(encoding="utf-8")


def manifest(name: str) -> Any:
    (document,) = (document for file, document in DOCUMENTS if file == name)
    return document


def named(kind: str, name: str) -> Any:
    (document,) = (d for _, d in DOCUMENTS if d["kind"] == kind and d["metadata"].get("name") == name)
    return document


def properties(lines: str) -> dict[str, str]:
    pairs = [line.split(None, 1) for line in lines.splitlines() if line and not line.startswith("#")]
    assert len({key for key, _ in pairs}) == len(pairs)
    return {key: value.strip() for key, value in pairs}


SETTINGS = properties(text("kubernetes/spark.conf"))
YARN_SETTINGS = properties(text("yarn.md").partition("```properties\n")[2].partition("```")[0])


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Walk through every mapping of a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(inner)


@pytest.mark.parametrize("document", OBJECTS.values(), ids=OBJECTS)
def test_every_object_is_one_the_api_knows(document: dict[str, Any]) -> None:
    parse(document)
    assert document["kind"] in {"Namespace", "Pod"} or document["metadata"]["namespace"] == "jdl"


@pytest.mark.parametrize("document", OBJECTS.values(), ids=OBJECTS)
def test_a_field_too_many_is_seen_at_every_depth(document: dict[str, Any]) -> None:
    free = {"labels", "matchLabels", "sparkConf", "requests"}  # maps whose keys are ours
    places = list(mappings(copy.deepcopy(document)))
    inside = [m[key] for m in places for key in free & m.keys()]
    for place in places:
        if any(place is other for other in inside):
            continue
        place["field_too_many"] = "x"
        with pytest.raises(ValidationError):
            parse(places[0])
        del place["field_too_many"]
    parse(places[0])


@pytest.mark.parametrize("file", APPLICATIONS)
def test_an_application_says_what_submit_says(file: str) -> None:
    application = manifest(file)
    spec = application["spec"]
    settings = spec["sparkConf"] | {
        "spark.kubernetes.namespace": application["metadata"]["namespace"],
        "spark.kubernetes.container.image": spec["image"],
    }
    for side in ("driver", "executor"):
        pod = manifest(f"{side}.yaml")
        assert spec[side]["template"] == {"metadata": pod["metadata"], "spec": pod["spec"]}
        fields = spec[side].keys() - {"template"}
        settings |= {SETTING_OF_FIELD[field].format(side): str(spec[side][field]) for field in fields}
    assert settings == SETTINGS
    job = Path(file).stem
    assert (ROOT / "jobs" / f"{job}.py").is_file()
    assert spec["mainApplicationFile"] == f"local:///opt/jdl/jobs/{job}.py"
    assert spec["arguments"][:2] == ["--lake", "/lake"]
    assert spec["sparkVersion"] == SPARK_VERSION


def test_there_is_an_application_for_both_jobs() -> None:
    assert APPLICATIONS == ["reprocess_all.yaml", "run_requests.yaml"]


@pytest.mark.parametrize("side", ["driver", "executor"])
def test_pods_have_no_more_rights_than_they_need(side: str) -> None:
    pod = parse(manifest(f"{side}.yaml"))
    check_pod(pod.spec, side)
    assert SETTINGS["spark.authenticate.secret.file"] == "/etc/jdl/secret"
    assert pod.spec.containers[0].env is None
    account = named("ServiceAccount", SETTINGS[f"spark.kubernetes.authenticate.{side}.serviceAccountName"])
    assert account["automountServiceAccountToken"] is False


def test_the_driver_makes_pods_and_nothing_else() -> None:
    pods = {"apiGroups": [""], "resources": ["pods"]}
    verbs = ["create", "get", "list", "watch", "delete", "deletecollection"]
    assert named("Role", "jdl-driver")["rules"] == [pods | {"verbs": verbs}]
    (binding,) = (document for _, document in DOCUMENTS if document["kind"] == "RoleBinding")
    assert binding["roleRef"]["name"] == "jdl-driver"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "jdl-driver", "namespace": "jdl"}]
    rules = [rule for _, document in DOCUMENTS if document["kind"] == "Role" for rule in document["rules"]]
    assert not any("*" in rule["resources"] + rule["verbs"] + rule["apiGroups"] for rule in rules)
    assert not any("secrets" in rule["resources"] for rule in rules)


def ways(rules: list[Any], end: str) -> set[tuple[str, int]]:
    """Return who is at the other end of a policy's rules, and on which ports."""
    return {(peer, port["port"]) for rule in rules for port in rule["ports"] for peer in peers(rule.get(end))}


def peers(selectors: list[Any] | None) -> set[str]:
    """Return the roles of the pods, or the namespaces, that selectors let in; without selectors it is everybody."""
    found = set()
    for selector in selectors or [{}]:
        labels = selector.get("podSelector", {}).get("matchLabels", {})
        wanted = selector.get("podSelector", {}).get("matchExpressions", [])
        roles = [f"{test['operator']} {role}".removeprefix("In ") for test in wanted for role in test["values"]]
        spaces = selector.get("namespaceSelector", {}).get("matchLabels", {})
        found |= {*labels.values(), *roles, *spaces.values()} or {"any of these" if selector else "everybody"}
    return found


def test_the_network_lets_through_what_is_named_and_nothing_else() -> None:
    rpc, blocks = int(SETTINGS["spark.driver.port"]), int(SETTINGS["spark.blockManager.port"])
    policies = {d["metadata"]["name"]: d["spec"] for _, d in DOCUMENTS if d["kind"] == "NetworkPolicy"}
    assert policies.pop("deny-all") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert {name: policy["podSelector"] for name, policy in policies.items()} == {
        "names": {},
        "driver": {"matchLabels": {"spark-role": "driver"}},
        "executor": {"matchLabels": {"spark-role": "executor"}},
    }
    assert {name: ways(policy.get("ingress", []), "from") for name, policy in policies.items()} == {
        "names": set(),
        "driver": {("executor", rpc), ("executor", blocks)},
        "executor": {("driver", blocks), ("executor", blocks)},
    }
    assert {name: ways(policy["egress"], "to") for name, policy in policies.items()} == {
        "names": {("kube-system", 53)},
        "driver": {("executor", blocks), ("everybody", 443), ("everybody", 6443)},
        "executor": {("driver", rpc), ("driver", blocks), ("executor", blocks)},
    }


def test_sizes_and_protection_are_set() -> None:
    for side in ("driver", "executor"):
        assert {f"spark.{side}.cores", f"spark.{side}.memory", f"spark.{side}.memoryOverhead"} <= SETTINGS.keys()
        assert f"spark.kubernetes.{side}.limit.cores" in SETTINGS
    assert PROTECTION.items() <= SETTINGS.items()
    assert PROTECTION.items() <= YARN_SETTINGS.items()
    assert named("Namespace", "jdl")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_secret_stands_anywhere() -> None:
    references = {"secretName", "spark.authenticate.secret.file"}
    telling = re.compile(r"secret|password|token|credential|accesskey", re.IGNORECASE)
    for _, document in DOCUMENTS:
        assert document["kind"] != "Secret"
        found = {
            key
            for m in mappings(document)
            for key, value in m.items()
            if telling.search(key) and isinstance(value, str)
        }
        assert found <= references
    assert {key for key in SETTINGS | YARN_SETTINGS if telling.search(key)} <= references
    for file in [*FOLDER.iterdir(), ROOT / "cluster" / "yarn.md"]:
        known = re.sub("|".join(environment.DELTA_JARS.values()) + "|@sha256:[0-9a-f]{64}", "", file.read_text())
        assert not re.search(r"(?<![\w/.-])(?:[0-9a-f]{32,}|[A-Za-z0-9+]{40,}={0,2})(?![\w/.-])", known), file.name


def test_images_jars_and_versions_are_the_projects() -> None:
    texts = {str(f): f.read_text() for f in [*FOLDER.iterdir(), ROOT / "cluster" / "yarn.md"]}
    for file, words in texts.items():
        assert {*re.findall(r"[\w./-]*jdl-spark:[\w.]+", words)} <= {IMAGE}, file
        assert {*re.findall(r"[\w.-]+\.jar\b", words)} <= environment.DELTA_JARS.keys(), file
        assert {*re.findall(r"jdl-(\d[\d.]*\d)\.tar", words)} <= {PROJECT["version"]}, file
        assert {*re.findall(r"(?:pyspark==|\bSpark )(\d[\d.]*\d)", words)} <= {SPARK_VERSION}, file
    assert SETTINGS["spark.kubernetes.container.image"] == IMAGE
    assert all(jar in text("yarn.md") for jar in environment.DELTA_JARS)
    assert f"pyspark=={SPARK_VERSION} " in (ROOT / "requirements.lock").read_text()


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, each on one line."""
    lines = re.sub(r"^#.*\n", "", text("kubernetes/Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(line.split(None, 1)[0], " ".join(line.split()[1:])) for line in lines if line.strip()]


def test_the_image_is_pinned_checked_and_not_roots() -> None:
    steps = instructions()
    bases = dict(words.split("=", 1) for word, words in steps if word == "ARG" and "=" in words)
    assert all(re.fullmatch(r"[\w-]+:[\w.-]+@sha256:[0-9a-f]{64}", base) for base in bases.values())
    assert {words.split()[0] for word, words in steps if word == "FROM"} == {f"${{{name}}}" for name in bases}
    assert int(bases["JAVA"].partition(":")[2].split(".")[0]) in environment.JAVA_VERSIONS
    assert any(c.endswith(bases["PYTHON"].partition(":")[2][:4]) for c in PROJECT["classifiers"])
    run = " ; ".join(words for word, words in steps if word == "RUN")
    checked = {jar: digest for digest, jar in re.findall(r"\b([0-9a-f]{64}) (\S+\.jar)", run)}
    assert checked == environment.DELTA_JARS
    assert "| sha256sum --check --strict" in run
    installs = re.findall(r"pip install ([^;]*)", run)
    assert len(installs) == 3
    assert all("--require-hashes" in words or words.startswith("--no-deps dist/") for words in installs)
    assert ("ARG", "SOURCE_DATE_EPOCH") in steps
    assert "PIP_NO_CACHE_DIR=1" in " ".join(words for word, words in steps if word == "ENV")
    last = steps[max(i for i, (word, _) in enumerate(steps) if word == "FROM") :]
    assert [words for word, words in last if word == "USER"] == ["10001:10001"]
    assert [word for word, _ in last].index("USER") > max(i for i, (word, _) in enumerate(last) if word == "RUN")
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in dict(last)["LABEL"]
    variables = dict(pair.split("=", 1) for pair in dict(last)["ENV"].split())
    assert (launch.ONE_THREAD | launch.KERNEL_FAMILY).items() <= variables.items()
    assert variables["PYSPARK_PYTHON"] == SETTINGS["spark.pyspark.python"] == SETTINGS["spark.pyspark.driver.python"]


def test_the_image_is_built_from_the_package_alone() -> None:
    kept = {line[1:] for line in text("kubernetes/Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    copied = {
        f for word, words in instructions() if word == "COPY" and "--from" not in words for f in words.split()[:-1]
    }
    assert {file for file in copied if not file.startswith("--")} == kept
    assert all((ROOT / file).exists() for file in kept)


@pytest.mark.parametrize("script", ["submit", "entrypoint"])
def test_scripts_are_sound(script: str) -> None:
    assert os.access(FOLDER / script, os.X_OK)
    assert "set -euo pipefail" in text(f"kubernetes/{script}")
    for command in (["bash", "-n"], ["shellcheck"]):
        told = subprocess.run([*command, FOLDER / script], capture_output=True, text=True, env=with_our_programs())
        assert told.returncode == 0, told.stdout + told.stderr


def with_our_programs() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_the_pages_name_jobs_and_files_that_exist() -> None:
    pages = text("kubernetes/README.md") + text("yarn.md")
    named_jobs = {*re.findall(r"kubernetes/submit (\w+)", pages), *re.findall(r"jobs/(\w+)\.py", pages)}
    assert {"init", "run_requests", "reprocess_all"} <= named_jobs
    assert all((ROOT / "jobs" / f"{job}.py").is_file() for job in named_jobs)
    assert all((ROOT / file).exists() for file in re.findall(r"(?:cluster|tests|conf)/[\w./]+\w", pages))
    for page in ("kubernetes/README.md", "yarn.md"):
        assert re.search(r"^\*\*[^*]*\bnever run\b|^\*\*[^*]*\bwere ever run\b", text(page), re.MULTILINE)


def test_yarn_is_told_what_the_session_says() -> None:
    delta = {key: value for key, value in session._EVERYWHERE.items() if "delta" in value}
    assert len(delta) == 2
    threads = launch.ONE_THREAD | launch.KERNEL_FAMILY
    assert (delta | {f"spark.yarn.appMasterEnv.{k}": v for k, v in threads.items()}).items() <= YARN_SETTINGS.items()
    (log,) = {YARN_SETTINGS[f"spark.{side}.extraJavaOptions"].rpartition("/")[2] for side in ("driver", "executor")}
    assert (ROOT / "conf" / log).is_file()
