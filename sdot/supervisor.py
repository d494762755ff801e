"""Programs that run under us: started, watched, started again when they end, stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from sdot.account import Account
from sdot.process import POLL_S, Process, identify

LAUNCH = Path(__file__).with_name("launch.py")
#: Pause before the first restart and the longest; each failure in a row doubles it.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
#: A program that ran this long has recovered: its next end is a first one again.
STEADY_S = 10.0
#: How long one that seems to hang has to end by itself.
HUNG_PATIENCE_S = 0.5
#: So many failures in a row are told one by one.
TOLD_FAILURES = 3
#: A log is kept to twice this: the current one and the one before.
LOG_BYTES = 4 * 1024 * 1024
#: How much of a log's end is read for the sentence that caused an end, and how much of that is shown.
TAIL_BYTES, SENTENCE = 4096, 400


def pause_s(failures: int) -> float:
    """Seconds to wait before the restart that follows this many failures in a row."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30))


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, as whom, and how it is stopped."""

    name: str
    argv: Sequence[str]
    cwd: Path
    #: Where its output goes; None: where ours goes.
    log: Path | None
    #: Programs of a higher rank start later and stop earlier.
    rank: int
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    #: Asks for a clean end; also what it gets when we die.
    stop_signal: signal.Signals = signal.SIGTERM
    #: Ends it at once.
    kill_signal: signal.Signals = signal.SIGKILL
    #: How long a clean end may take.
    patience_s: float = 8.0
    #: Called before each start.
    before: Callable[[], None] = _nothing

    def command(self) -> list[str]:
        """The whole command line, tied to this process's life."""
        account = f"{self.account.uid}:{self.account.gid}" if self.account else "-"
        launch = [
            sys.executable,
            "-I",
            "-S",
            str(LAUNCH),
            str(int(self.stop_signal)),
            str(os.getpid()),
            account,
        ]
        return [*launch, *self.argv]


class Child:
    """A program and the process that runs it now, if one does.

    Start it from the main thread only: the death signal is tied to the thread that forked (prctl(2)).
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.failures = 0
        self.due: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        """Run the program; its output goes to its log."""
        program = self.program
        program.before()
        with program.log.open("ab") if program.log else nullcontext() as log:
            self._process = subprocess.Popen(
                program.command(),
                cwd=program.cwd,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the others in their order
                umask=0o077,
            )
        self._started, self.due = time.monotonic(), None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """With which status it ended (negative: by that signal); None while it runs."""
        return self._process.poll() if self._process is not None else None

    @property
    def process(self) -> Process | None:
        """The process that runs it, identified beyond its number."""
        return identify(self._process.pid) if self._process is not None and self.running else None

    def ending(self) -> str:
        """How it ended, in words, with the last sentence of its log."""
        code = self.status
        how = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"status {code}"
        ordered = code in (-signal.SIGKILL, -signal.SIGTERM)  # its last words have nothing to do with it
        said = "" if ordered else last_sentence(self.program.log)
        return f"{self.program.name} ended ({how})" + (f": {said} (log: {self.program.log})" if said else "")

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal if it runs."""
        if self._process is not None and self.running:
            self._process.send_signal(signum)

    def failed(self, now: float) -> None:
        """Note an end that nobody asked for, and when to start again."""
        self.failures = 1 if now - self._started > STEADY_S else self.failures + 1
        self.due = now + pause_s(self.failures)

    def trim_log(self) -> None:
        """Keep the log small: what is too long becomes the one before."""
        log = self.program.log
        if log is not None and log.exists() and log.stat().st_size > LOG_BYTES:
            log.with_suffix(".log.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)  # its process goes on appending to the same file


def last_sentence(log: Path | None) -> str:
    """The last line of a log that holds anything, shortened."""
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:SENTENCE] for line in reversed(lines) if line.strip()), "")


class Supervisor:
    """The children, in the order of their ranks."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.children: list[Child] = []
        self._say = say

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from now on."""
        child = Child(program)
        self.children.append(child)
        child.start()
        return child

    def run(self, program: Program, meanwhile: Callable[[], None]) -> int:
        """Run a program once to its end and return its status; `meanwhile` may raise to end it early."""
        child = Child(program)
        child.start()
        try:
            while child.running:
                meanwhile()
                time.sleep(POLL_S)
        finally:
            self._end([child], bool)
        return child.status or 0

    def end(self, child: Child) -> None:
        """Stop one that hangs, with little patience; the next tick starts it again."""
        until = time.monotonic() + HUNG_PATIENCE_S
        self._end([child], lambda: time.monotonic() > until)

    def tick(self, now: float | None = None) -> bool:
        """Start again what has ended; whether any process is another than before."""
        now = time.monotonic() if now is None else now
        changed = [self._look_after(child, now) for child in self.children]
        return any(changed)

    def _look_after(self, child: Child, now: float) -> bool:
        if child.running:
            child.trim_log()
            return False
        if child.due is None:
            child.failed(now)
            self._tell(child)
        if child.due is None or now < child.due:
            return False
        child.start()
        return True

    def _tell(self, child: Child) -> None:
        """Each end is told at first; of one that goes on failing, every twelfth (a minute, at the longest pause)."""
        if child.failures <= TOLD_FAILURES or child.failures % 12 == 0:
            self._say(f"{child.ending()}; starting it again")

    def stop(self, hurry: Callable[[], bool] = bool) -> None:
        """Stop all, the highest rank first; no longer patient once `hurry()` is true."""
        for rank in sorted({child.program.rank for child in self.children}, reverse=True):
            self._end([child for child in self.children if child.program.rank == rank], hurry)
        self.children.clear()

    def _end(self, group: Sequence[Child], hurry: Callable[[], bool]) -> None:
        start = time.monotonic()
        for child in group:
            child.signal(child.program.stop_signal)
        for child in group:
            until = start + child.program.patience_s
            _wait(child, lambda until=until: time.monotonic() > until or hurry())  # type: ignore[misc]
            child.signal(child.program.kill_signal)
            _wait(child, lambda until=until: time.monotonic() > until + 2)  # type: ignore[misc]
            child.signal(signal.SIGKILL)
            _wait(child, bool)


def _wait(child: Child, enough: Callable[[], bool]) -> None:
    while child.running and not enough():
        time.sleep(POLL_S)
