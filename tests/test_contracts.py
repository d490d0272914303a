"""What holds for the repository as a whole."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = {
    ".py", ".toml", ".md", ".sh", ".xml", ".properties", ".css", ".html", ".json", ".cfg", ".lock", ".yaml", ".conf",
    ".dockerignore", "",
}  # fmt: skip
MACHINE = re.compile(r"(?:/home/|/root/|/Users/|/work/)\w|\b(?:localhost|[\w.-]+\.(?:internal|local)):\d")
"""A path or host of somebody's own machine."""


def files() -> list[Path]:
    """Return the files that belong to the project: git's list, or in an unpacked archive all but what it makes."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]
    made = {line.strip("/\n") for line in (ROOT / ".gitignore").read_text().splitlines()} | {".git"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not made & set(path.relative_to(ROOT).parts)]


def texts() -> dict[str, str]:
    """Return the project's text files by name, less this one."""
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8", errors="replace")
        for path in files()
        if path.suffix in TEXT and path != Path(__file__).resolve()
    }


def test_no_file_names_a_machine() -> None:
    found = [f"{name}: {hit[0]}" for name, text in texts().items() for hit in [MACHINE.search(text)] if hit]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    assert [name for name, text in texts().items() if later.search(text)] == []


def test_every_job_is_short_and_calls_one_verb() -> None:
    for path in (ROOT / "jobs").glob("[!_]*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 60, path.name
        assert text.count("_job.run(") == 1, path.name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_locks_pin_every_package_with_a_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())
    assert all(re.match(r"[\w.-]+==\S+", block) and "--hash=sha256:" in block for block in blocks)


def test_locks_hold_what_the_project_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for lock, needs in (
        ("requirements.lock", project["dependencies"] + extras["checkout"]),
        ("requirements-test.lock", project["dependencies"] + extras["checkout"] + extras["test"]),
    ):
        pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        assert {re.split(r"[><=]", need)[0].strip() for need in needs} <= pinned, lock
