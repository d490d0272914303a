"""A real standalone cluster on this machine: `make test-cluster`."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jdl_spark import launch

ROOT = Path(__file__).resolve().parents[2]
SPEC = "".join(
    f'[{side}]\nid = "id"\nforename = "forename"\nsurname = "surname"\ndate_of_birth = "born"\n'
    for side in ("left", "right")
)
NAMES = ("anna", "bella", "clara", "dora", "emma", "flora", "greta", "hanna", "irma", "jule")

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a cluster of two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    variables = {
        **os.environ,
        "JDL_CLUSTER": str(folder),
        "JDL_CLUSTER_PORT": "17077",
        "JDL_CLUSTER_PAGE": "18080",
    }
    subprocess.run([ROOT / "cluster" / "standalone" / "up", "2", "1", "1g"], env=variables, check=True)
    yield variables
    subprocess.run([ROOT / "cluster" / "standalone" / "down"], env=variables, check=True)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables of people, the one a part of the other with misspellings."""
    folder = tmp_path_factory.mktemp("tables")
    people = [
        (number, NAMES[number % 10], f"sur{chr(97 + number % 23)}{chr(97 + number % 19)}ey", f"19{50 + number % 40}")
        for number in range(400)
    ]
    right = [f"{i},{first},{last},{year}-0{1 + i % 9}-{10 + i % 17}" for i, first, last, year in people]
    left = [line.replace("a,", "e,", 1) if i % 7 == 0 else line for i, line in enumerate(right[:200])]
    for name, lines in (("left", left), ("right", right)):
        (folder / f"{name}.csv").write_text("\n".join(["id,forename,surname,born", *lines]) + "\n")
    (folder / "link.toml").write_text(SPEC)
    return folder


def words(tables: Path, out: str) -> list[str]:
    """Return the arguments of the job `link`."""
    files = [str(tables / name) for name in ("left.csv", "right.csv")]
    return [*files, "--spec", str(tables / "link.toml"), "--out", str(tables / out)]


def test_the_cluster_gives_the_embedded_answer(cluster: Mapping[str, str], tables: Path) -> None:
    command = [ROOT / "cluster" / "submit", "link", *words(tables, "cluster.parquet")]
    subprocess.run(command, env=cluster, check=True)
    assert list(Path(cluster["JDL_CLUSTER"]).glob("work/*/app-*"))  # the executors were the workers'
    assert launch.run("link", words(tables, "embedded.parquet")) == 0
    ours, theirs = (pq.read_table(tables / f"{where}.parquet") for where in ("embedded", "cluster"))
    assert ours.num_rows > 100
    assert theirs.equals(ours)


def test_the_secret_is_in_one_private_file(cluster: Mapping[str, str]) -> None:
    settings = Path(cluster["JDL_CLUSTER"]) / "conf" / "spark-defaults.conf"
    assert settings.stat().st_mode & 0o777 == 0o600
    found = re.search(r"spark\.authenticate\.secret\s+(\w{64})", settings.read_text())
    assert found is not None
    secret = found[1].encode()
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    logs = [path.read_bytes() for path in Path(cluster["JDL_CLUSTER"]).glob("logs/*")]
    assert len(logs) == 3
    assert not any(secret in text for text in [*commands, *logs])


def test_another_secret_is_refused(cluster: Mapping[str, str], tables: Path, tmp_path: Path) -> None:
    right = (Path(cluster["JDL_CLUSTER"]) / "conf" / "spark-defaults.conf").read_text()
    (tmp_path / "spark-defaults.conf").write_text(re.sub(r"(authenticate\.secret\s+)\w+", r"\1wrong", right))
    variables = {
        **cluster, "JDL_MASTER": "spark://127.0.0.1:17077", "SPARK_CONF_DIR": str(tmp_path),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }  # fmt: skip
    command = [ROOT / "cluster" / "submit", "link", *words(tables, "never.parquet")]
    told = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert told.returncode == 4
    assert "Spark did not start" in told.stderr
    assert not (tables / "never.parquet").exists()
