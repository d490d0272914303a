"""What every job does around its one verb: arguments, session, store, and errors in plain English."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jdl_spark import methodology, session
from jdl_spark.errors import JdlError
from jdl_spark.progress import Progress, spark_tasks
from jdl_spark.settings import Methodology
from jdl_spark.store import Store


class Job:
    """A job's arguments, session and store; the last two are built when first asked for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        signal.signal(signal.SIGINT, _interrupted)
        self.spark = session.build(f"jdl {arguments.job}")
        signal.signal(signal.SIGINT, _interrupted)  # Spark has put its own handler there
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
    """Run the verb, give its answer, and end the program with the right exit code.

    An answer with `lines()` and `as_json()` is given as either; a dict or list as lines or JSON.
    """
    parsed = arguments.parse_args(argv)
    if "JDL_TERMINAL" in os.environ:  # spark-submit stands between us and it
        sys.stderr = Path(os.environ["JDL_TERMINAL"]).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115
    try:
        job = Job(parsed)
        answer = verb(job)
        if answer is not None:
            _give(_text(answer, parsed.json))
    except JdlError as error:
        _stop(str(error), error.exit_code)
    except Exception as error:
        _stop(f"the program broke: {_where(error)}; jdl --debug shows more, perhaps values of rows", 1)
    code = int(getattr(answer, "exit_code", 0))
    job.spark.stop()
    sys.exit(code)


def _interrupted(signum: int, frame: object) -> None:
    """End at once: a stage's rows become visible in one commit, so nothing can be left half written."""
    print("\njdl: interrupted; nothing is half written, so start the same command again", file=sys.stderr, flush=True)
    os._exit(130)


def _give(text: str) -> None:
    if "JDL_ANSWER" in os.environ:
        Path(os.environ["JDL_ANSWER"]).write_text(text + "\n", encoding="utf-8")
    else:
        print(text, flush=True)


def _stop(message: str, code: int) -> NoReturn:
    """End the program with one sentence; the exception itself, whose text may quote a row, only if asked for."""
    if os.environ.get("JDL_DEBUG"):
        raise
    print(f"jdl: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def _where(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "jdl_spark" in Path(f.filename).parts]
    return (
        f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].lineno}"
        if frames
        else type(error).__name__
    )


def _text(answer: Any, as_json: bool) -> str:
    if hasattr(answer, "lines") and not as_json:
        return "\n".join(answer.lines())
    content = answer.as_json() if hasattr(answer, "as_json") else answer
    if isinstance(content, str):
        return content
    return json.dumps(content, indent=2, default=str) if as_json else "\n".join(_lines(content))


def _lines(content: Any) -> list[str]:
    """Return a plain answer for people: a line an entry, or a line a row."""
    if isinstance(content, Mapping):
        return [f"{key}: {_words(value)}" for key, value in content.items()]
    return [_words(row) for row in content]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
