"""Processes as Linux shows them in /proc: who they are, and their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
#: Position of a process's state and start time in /proc/<pid>/stat, counted after its name (proc(5)).
STATE, START_TIME = 0, 19
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    #: Clock ticks after boot at which it started.
    started: int

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return identify(self.pid) == self

    def send(self, signum: int) -> None:
        """Send a signal if it still runs."""
        if self.alive:
            os.kill(self.pid, signum)


def identify(pid: int) -> Process | None:
    """The running process with this number, or None."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[STATE] == "Z" else Process(pid, int(fields[START_TIME]))


def working_in(folder: Path, program: str) -> list[Process]:
    """Processes named `program` whose working directory is `folder` (as PostgreSQL's all have)."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit() and _works_in(entry, folder, program):
            process = identify(int(entry.name))
            found += [process] if process else []
    return found


def _works_in(entry: Path, folder: Path, program: str) -> bool:
    try:
        return (entry / "comm").read_text().strip() == program and (entry / "cwd").readlink() == folder
    except OSError:  # gone, or another user's
        return False


def wait_gone(processes: Iterable[Process], seconds: float) -> bool:
    """Whether all have ended within `seconds`."""
    end = time.monotonic() + seconds
    left = list(processes)
    while left := [process for process in left if process.alive]:
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def end(processes: Sequence[Process], steps: Sequence[tuple[signal.Signals | None, float]]) -> bool:
    """Send each signal in turn (None: only wait) until all are gone; whether they are."""
    for signum, patience_s in steps:
        for process in processes:
            if signum is not None:
                process.send(signum)
        if wait_gone(processes, patience_s):
            return True
    return not any(process.alive for process in processes)
