"""The servers of one test run: each started when a test first wants it, and stopped at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.servers.broker import Broker
from tests.servers.iotcore import Iotcore
from tests.servers.missing import Missing
from tests.servers.mosquitto import Mosquitto
from tests.servers.place import Place
from tests.servers.postgres import Engine, Server, debian_15, embedded
from tests.servers.timescale import timescale

T = TypeVar("T")

#: Engines of the contract tests of storage, in the order of their cost.
ENGINES = ("embedded", "postgres15", "timescale")
BROKERS: dict[str, type[Broker]] = {"mosquitto": Mosquitto, "iotcore": Iotcore}

#: In memory a copy of a database takes 20 ms, on a disk 300 (measured).
MEMORY = Path("/dev/shm")
#: Less is a container's default of 64 MB, or a machine that needs its memory.
MEMORY_BYTES = 4 * 1024**3


def memory() -> Path | None:
    """The folder in memory where there is room for databases, else None."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK | os.X_OK)
    return MEMORY if usable and shutil.disk_usage(MEMORY).free > MEMORY_BYTES else None


class Pool:
    """Servers by name."""

    def __init__(self, trixie: Path) -> None:
        self.place = Place(Path(tempfile.gettempdir()))
        base = self.place.path
        self._engines: dict[str, Callable[[], Engine]] = {
            "embedded": lambda: embedded(memory() or base, copies=base),
            "postgres15": lambda: debian_15(memory() or base),
            "timescale": lambda: timescale(trixie),
        }
        self._servers: dict[str, Server | Missing] = {}
        self._brokers: dict[str, Broker | Missing] = {}

    def server(self, name: str) -> Server:
        """The running server of that engine; Missing where it is not on this machine."""
        if name not in self._servers:
            try:
                self._servers[name] = Server(self._engines[name]())
            except Missing as missing:
                self._servers[name] = missing
        return _there(self._servers[name])

    def broker(self, name: str) -> Broker:
        """The running broker of that name, shared by all tests; Missing where it is not on this machine."""
        if name not in self._brokers:
            try:
                self._brokers[name] = self.new_broker(name)
            except Missing as missing:
                self._brokers[name] = missing
        return _there(self._brokers[name])

    def new_broker(self, name: str) -> Broker:
        """One of a test's own, to stop and start."""
        return BROKERS[name](Place(self.place.path))

    def stop(self) -> None:
        """Stop all and remove what they kept."""
        for each in [*self._brokers.values(), *self._servers.values()]:
            if not isinstance(each, Missing):
                each.stop()
        self.place.remove()


def _there(found: T | Missing) -> T:
    if isinstance(found, Missing):
        raise found
    return found
