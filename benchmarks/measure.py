"""CPU time and memory of a process with all its descendants, from /proc.

Why the whole tree: a peer's work happens in a JVM and in Python workers as well as in the process
that asked for it. Children that have ended count once their parent has waited for them.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)  # in what follows the command's name: state, parent, ...; user, system, both waited


def tree_cpu(root: int) -> float:
    """Return the CPU seconds, user and system, that a process and its descendants have used so far.

    Parameters
    ----------
    root : process id
    """
    processes = _processes()
    return sum(sum(processes[pid][1]) for pid in _tree(processes, root)) / _TICKS


def tree_memory(root: int) -> float:
    """Return the proportional set size of a process and its descendants in MiB: shared pages count once."""
    kilobytes = 0
    for pid in _tree(_processes(), root):
        try:
            text = (_PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        kilobytes += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return kilobytes / 1024


def _processes() -> dict[int, tuple[int, list[int]]]:
    """Return parent and the four times (own and waited-for children's, user and system) of every process."""
    found = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        found[int(entry.name)] = int(fields[_PARENT]), [int(value) for value in fields[_TIMES]]
    return found


def _tree(processes: dict[int, tuple[int, list[int]]], root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [root] if root in processes else []
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


@dataclass
class Watch:
    """Times the phases of the present process and its descendants.

    Attributes
    ----------
    phases : name, wall and CPU seconds, and the time of day at which it began and ended, of each phase so far.
    """

    phases: list[dict[str, float | str]] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        cpu, began = tree_cpu(os.getpid()), time.time()
        yield
        ended = time.time()
        used = tree_cpu(os.getpid()) - cpu
        self.phases.append(
            {"phase": name, "wall": round(ended - began, 3), "cpu": round(used, 3), "began": began, "ended": ended}
        )


def run(command: Sequence[str], every: float = 0.25) -> list[tuple[float, float]]:
    """Run a command to its end, and sample the memory of its process tree.

    The sampling costs CPU time in the process that calls this, not in what is measured.

    Returns
    -------
    list of (time of day, MiB)

    Raises
    ------
    subprocess.CalledProcessError
        If the command fails.
    """
    samples: list[tuple[float, float]] = []
    process = subprocess.Popen(command)
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(every):
            samples.append((time.time(), tree_memory(process.pid)))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        status = process.wait()
    finally:
        ended.set()
        thread.join()
        if process.poll() is None:
            process.terminate()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return samples


def peak(samples: list[tuple[float, float]], began: float, ended: float) -> float:
    """Return the largest sample between two times of day, in MiB; 0 without one."""
    return max((size for at, size in samples if began <= at <= ended), default=0.0)
