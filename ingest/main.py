"""`sdot ingest`: one worker in this process, or several as processes of their own."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from city import endpoint, logs
from city.errors import SettingsError
from city.pack import load_pack
from city.settings import Settings, environment, require
from ingest.worker import Worker

log = logging.getLogger("ingest.main")

#: A worker that ended is started again after this, doubled up to the limit.
RESTART_S, MAX_RESTART_S = 0.2, 5.0
#: How long workers may take to commit and leave.
STOP_S = 15.0
#: A batch makes some 80,000 objects without a cycle among them. With Python's thresholds of (700, 10, 10) looking
#: for cycles took a fifth of a worker's time (measured).
GC_THRESHOLDS = (500_000, 20, 50)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; `settings.workers` of them."""
    logs.set_up(settings.log_format)
    require(settings.database_url, "SDOT_DATABASE_URL")
    if settings.workers == 1:
        run_worker(settings)
        return
    if not settings.mqtt_shared:
        raise SettingsError(
            "--workers above 1 needs a shared subscription, which iotcore cannot keep; use mosquitto"
        )
    run_parent(settings)


def run_worker(settings: Settings, number: int | None = None) -> None:
    """One worker in this process; a numbered one is a crew's, and ends when its parent is gone."""
    logs.set_up(settings.log_format)
    pack = load_pack(settings.city)
    parent = os.getppid() if number is not None else None
    worker = Worker(settings, pack.catalogue, pack, pack.zone, parent)
    _on_stop(worker.stop)
    port = settings.metrics_port + (number or 0)
    worker.seat.metrics_port = endpoint.serve(
        settings.metrics_host, port, worker.counters.registry, worker.standing
    )
    _spare_the_collector()
    worker.run()


def _spare_the_collector() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _on_stop(stop: Callable[[], None]) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop())


class Crew:
    """Workers as processes of their own, each started again when it ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = False
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._due: dict[int, tuple[float, float]] = dict.fromkeys(range(settings.workers), (0.0, RESTART_S))

    def stop(self) -> None:
        """End all; safe from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Until stopped."""
        while not self._stopping:
            for number in range(self._settings.workers):
                self._mind(number)
            time.sleep(0.1)
        self._end()

    def _mind(self, number: int) -> None:
        child = self._children.get(number)
        if child is not None and child.poll() is None:
            return
        due, pause = self._due[number]
        if child is not None:
            log.warning("worker %s ended with status %s; starting it again", number, child.returncode)
            del self._children[number]
            self._due[number] = (time.monotonic() + pause, min(pause * 2, MAX_RESTART_S))
        elif time.monotonic() >= due:
            # Where this process does not look for modules in the working folder, its workers do not either.
            safe = ["-P"] if sys.flags.safe_path else []
            command = [sys.executable, *safe, "-m", "sdot", "ingest", "--worker", str(number)]
            env = environment() | {"SDOT_WORKERS": str(self._settings.workers)}
            self._children[number] = subprocess.Popen(command, env=env)

    def _end(self) -> None:
        for child in self._children.values():
            child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for child in self._children.values():
            try:
                child.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()


def run_parent(settings: Settings) -> None:
    """Several workers, each a process."""
    crew = Crew(settings)
    _on_stop(crew.stop)
    crew.run()
