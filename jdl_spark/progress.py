"""What a long job is doing: said in the terminal, and as JSON lines for `jdl status`.

Counts and names of stages only; nothing of a person has a way in.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TICK_SECONDS = 2.0
TasksDone = Callable[[], tuple[int, int] | None]


class Progress:
    """Tells the stages of a run as they begin and end.

    Parameters
    ----------
    path : Path, optional
        JSON-lines file that is appended to: one object an event, with `event`, `stage`, `seconds`.
    terminal : bool
        Also write to standard error; on a terminal a running stage shows its seconds and tasks.
    tasks : callable, optional
        Gives (done, all) tasks of what Spark is doing now, or None when it is idle.
    """

    def __init__(self, path: Path | None = None, terminal: bool = True, tasks: TasksDone | None = None) -> None:
        self._path = path
        self._terminal = terminal
        self._live = terminal and sys.stderr.isatty()
        self._tasks = tasks
        self._begun = time.monotonic()

    def follow(self, path: Path) -> None:
        """Write the events that follow to this file."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Tell that a stage begins and how it ended.

        Yields
        ------
        dict
            Counts that the caller may fill in; they are told at the end of the stage.
        """
        counts: dict[str, Any] = {}
        begun = time.monotonic()
        self._event("begin", name, 0.0, {})
        stop = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(name, begun, stop), daemon=True)
        ticker.start()
        try:
            yield counts
        except BaseException:
            self._end(stop, ticker, name, begun, "failed", counts)
            raise
        self._end(stop, ticker, name, begun, "end", counts)

    def say(self, text: str) -> None:
        """Tell one line that is not a stage."""
        if self._terminal:
            print(f"{self._clock()}  {text}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal is this module's business
        self._write({"event": "say", "text": text})

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._begun)
        return f"{seconds // 60:3d}:{seconds % 60:02d}"

    def _tick(self, name: str, begun: float, stop: threading.Event) -> None:
        quiet = 0.0
        while not stop.wait(TICK_SECONDS):
            quiet += TICK_SECONDS
            done = self._tasks() if self._tasks else None
            told = f"{done[0]} of {done[1]} tasks" if done else "working"
            if self._live:
                line = f"\r{self._clock()}  {name}: {told}, {time.monotonic() - begun:.0f} s\x1b[K"
                print(line, end="", file=sys.stderr, flush=True)  # noqa: T201
            elif self._terminal and quiet >= 10:
                quiet = 0.0
                print(f"{self._clock()}  ... {name}: {told}", file=sys.stderr, flush=True)  # noqa: T201

    def _end(
        self,
        stop: threading.Event,
        ticker: threading.Thread,
        name: str,
        begun: float,
        event: str,
        counts: dict[str, Any],
    ) -> None:
        stop.set()
        ticker.join()
        self._event(event, name, time.monotonic() - begun, counts)

    def _event(self, event: str, name: str, seconds: float, counts: dict[str, Any]) -> None:
        self._write({"event": event, "stage": name, "seconds": round(seconds, 2), "counts": counts})
        if not self._terminal or event == "begin":
            return
        told = ", ".join(
            f"{value:,} {key}" if isinstance(value, int) else f"{key} {value}" for key, value in counts.items()
        )
        erase = "\r\x1b[K" if self._live else ""
        word = "FAILED" if event == "failed" else "done"
        line = f"{erase}{self._clock()}  {name}: {word} in {seconds:.1f} s{' - ' + told if told else ''}"
        print(line, file=sys.stderr, flush=True)  # noqa: T201

    def _write(self, record: dict[str, Any]) -> None:
        if self._path is None:
            return
        record = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **record}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def spark_tasks(spark: Any) -> TasksDone:
    """Return what counts the tasks of the Spark stages that are running."""
    tracker = spark.sparkContext.statusTracker()

    def count() -> tuple[int, int] | None:
        stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
        known = [stage for stage in stages if stage is not None]
        if not known:
            return None
        return sum(stage.numCompletedTasks for stage in known), sum(stage.numTasks for stage in known)

    return count
