"""What every job does around its one verb: arguments, session, store, and errors in plain English."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jdl_spark import methodology, session
from jdl_spark.errors import JdlError
from jdl_spark.progress import Progress, spark_tasks
from jdl_spark.settings import Methodology
from jdl_spark.store import Store


class Job:
    """A job's arguments, session and store; the last two are built when first asked for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.spark = session.build(f"jdl {arguments.job}")
        self.progress = Progress(tasks=spark_tasks(self.spark))

    @property
    def store(self) -> Store:
        return Store(self.spark, self.arguments.lake)

    @property
    def methodology(self) -> Methodology:
        return methodology.load(self.arguments.methodology)


Verb = Callable[[Job], Any]


def parser(job: str, description: str) -> argparse.ArgumentParser:
    """Return the arguments that every job has."""
    arguments = argparse.ArgumentParser(prog=f"{job}.py", description=description)
    arguments.set_defaults(job=job)
    arguments.add_argument("--lake", default="lake", help="folder or URI of the lake")
    arguments.add_argument("--methodology", type=Path, help="settings file; the shipped one by default")
    arguments.add_argument("--json", action="store_true", help="answer as JSON")
    return arguments


def run(arguments: argparse.ArgumentParser, verb: Verb, argv: Sequence[str] | None = None) -> None:
    """Run the verb, print its answer, and end the program with the right exit code.

    An answer with `lines()` and `as_json()` is printed as either; a dict or list as JSON.
    """
    parsed = arguments.parse_args(argv)
    try:
        job = Job(parsed)
        answer = verb(job)
    except JdlError as error:
        print(f"jdl: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    if answer is not None:
        print(_text(answer, parsed.json), flush=True)
    code = int(getattr(answer, "exit_code", 0))
    job.spark.stop()
    sys.exit(code)


def _text(answer: Any, as_json: bool) -> str:
    if hasattr(answer, "lines") and not as_json:
        return "\n".join(answer.lines())
    content = answer.as_json() if hasattr(answer, "as_json") else answer
    return json.dumps(content, indent=2, default=str)
