"""How much memory the processes of ingest ever held."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.servers.process import children

EVERY_S = 0.25
KIB = 1024


def peak_kib(pid: int) -> int:
    """The most a process ever held resident (VmHWM); 0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


class Memory:
    """Looks at processes and their children, until closed."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self.most_kib = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """Once."""
        for pid in self._pids():
            self.most_kib = max([self.most_kib, *(peak_kib(each) for each in (pid, *children(pid)))])

    def close(self) -> None:
        self._closing.set()
        self._thread.join(10)
