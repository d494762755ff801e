"""A process that a test started: paused, killed and stopped by its id, and never left behind.

Start one from the thread that lives as long as the run (pytest's main thread): the kernel ends it with that thread.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import PATIENCE_S, until

CHILD = Path(__file__).with_name("child.py")
#: The checkout, from which its packages import.
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Identity:
    """As whom, and inside which root folder, a process runs; nothing set: as the test run itself."""

    #: Numeric user and group; None keeps the caller's.
    uid: int | None = None
    gid: int | None = None
    #: The folder that becomes `/`; needs root.
    root: Path | None = None

    def arguments(self) -> list[str]:
        """Options of child.py."""
        pairs = {"--root": self.root, "--uid": self.uid, "--gid": self.gid}
        return [text for name, value in pairs.items() if value is not None for text in (name, str(value))]


MYSELF = Identity()


#: Ports of servers. The kernel gives those from 32,768 on to whoever connects or wants any (ip_local_port_range), so one
#: of them may be gone again before its server has started.
FIRST_PORT, PORTS = 20_000, 12_000
#: Processes of one parallel run that may start servers at once: each has ports of its own.
SHARES = 8


def _own_ports() -> Iterator[int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    size = PORTS // SHARES
    first, start = (
        FIRST_PORT + int(worker) % SHARES * size,
        random.randrange(size),
    )  # another run has the same ports
    return (first + (start + number) % size for number in itertools.count())


_PORTS = _own_ports()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago, and that no other process of this run looks at."""
    for port in itertools.islice(_PORTS, PORTS):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port from {FIRST_PORT} on is free")


def listening(port: int) -> bool:
    """Whether something accepts connections on that port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Process:
    """One running command; its output goes to `log`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        identity: Identity = MYSELF,
        orphan_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.log = log
        tie = ["--parent", str(os.getpid()), "--signal", str(int(orphan_signal)), *identity.arguments()]
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-S", CHILD, *tie, "--", *map(str, command)],
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # Ctrl-C is for pytest, which then stops us in order
            )
        self.pid = self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._popen.poll()

    def log_text(self) -> str:
        """All it has said so far."""
        return self.log.read_text(errors="replace")

    def pause(self) -> None:
        """SIGSTOP it and its children, as a machine that hangs."""
        for pid in [self.pid, *children(self.pid)]:
            _signal(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT it and its children."""
        for pid in [*children(self.pid), self.pid]:
            _signal(pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL it and wait until it is gone."""
        self._popen.kill()
        self._popen.wait(30)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Its exit code; AssertionError with its log when it does not end in `seconds`."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end in {seconds:g} s:\n{self.log_text()[-3000:]}") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """Ask it to end and return its exit code; killed when it does not listen."""
        if self.alive:
            self.go_on()
            self.send(number)
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._popen.wait()

    def until_listening(self, port: int, seconds: float = PATIENCE_S) -> None:
        """Return once it accepts connections; AssertionError with its log when it ended or never does."""

        def answer() -> bool:
            if not self.alive:
                raise AssertionError(f"{self} ended with {self.code}:\n{self.log_text()[-3000:]}")
            return listening(port)

        until(answer, f"{self} to listen on port {port}", seconds)

    def __str__(self) -> str:
        args = self._popen.args
        assert isinstance(args, list)
        return " ".join(str(word) for word in args[args.index("--") + 1 :][:4])


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # ended meanwhile, which is as good


def children(pid: int) -> list[int]:
    """Ids of all processes below `pid`, parents first."""
    found: list[int] = []
    below = _parents()
    todo = [pid]
    while todo:
        parent = todo.pop(0)
        mine = [child for child, its in below.items() if its == parent]
        found += mine
        todo += mine
    return found


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # ended between the listing and the look
            parents[int(folder.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    return parents
