"""Who takes part: how each is started, where it writes, and how it is made ready to be measured."""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks import load
from benchmarks.peers.peer import CREATE, TABLE, Peer, Where, cache
from benchmarks.rig import Rig, now
from sdot.supervisor import Child

#: Nothing more came for so long, seconds: it is over. The slowest of them takes 4 to start, 40 on a machine of load 20.
QUIET_S = 60.0
#: What was published before is stored when nothing comes for so long.
SETTLED_S = 2.0


class Contender(ABC):
    """One way of bringing the messages into a table."""

    #: which broker it has
    broker = "shipped"
    #: whether the body names the sensor
    named = False
    #: its rows, and how many different ones
    rows = "SELECT count(*), count(*) FROM reading"
    #: of its session
    client_id: str

    @abstractmethod
    def start(self, rig: Rig) -> Child:
        """Run it."""

    def ready(self, rig: Rig, child: Child) -> None:
        """Return once it has a session: a reading of now arrives."""
        port = rig.ports[self.broker]
        sensor = load.SENSORS - 1
        before = self.stored(rig)[0]
        publisher = load.Publisher(port)

        def arrived() -> bool:
            at = now().astimezone(load.SEOUL)
            more = {"serial": load.serial(sensor)} if self.named else {}
            publisher.publish([(load.topic(sensor), load.body(at, load.values(sensor, 0), **more))])
            publisher.settle(0)
            time.sleep(0.4)
            return self.stored(rig)[0] > before

        rig.until(arrived, "its first reading", child)
        publisher.close()
        found = None
        while found != (found := self.stored(rig)):
            time.sleep(SETTLED_S)

    def stored(self, rig: Rig) -> tuple[int, int]:
        """Rows, and how many different ones."""
        every, different = rig.row(self.rows)
        return int(every), int(different)

    def settled(self, rig: Rig, all_of_them: int) -> tuple[int, int]:
        """Rows and different ones when all are there, or when nothing has come for a while."""
        found, since = self.stored(rig), time.monotonic()
        while found[1] < all_of_them and time.monotonic() - since < QUIET_S:
            time.sleep(0.5)
            if (now_found := self.stored(rig)) != found:
                found, since = now_found, time.monotonic()
        return found

    def empty(self, rig: Rig) -> None:
        """Forget what it stored."""
        rig.empty()

    def leave(self, rig: Rig, child: Child) -> None:
        """Stop it and forget its session."""
        rig.stop(child)
        load.forget(rig.ports[self.broker], self.client_id)


class Ours(Contender):
    """`sdot ingest` with one worker."""

    client_id = "bench1-0"

    def start(self, rig: Rig) -> Child:
        return rig.ingest(1)


class Naive(Contender):
    """INSERT and COMMIT a message, then the acknowledgement."""

    broker = "plain"
    client_id = "naive"

    def start(self, rig: Rig) -> Child:
        words = ["--port", str(rig.ports[self.broker]), "--dsn", rig.ingest_dsn, "--count", "1000000000"]
        return rig.python("naive", "benchmarks.naive", *words)


@dataclass
class Other(Contender):
    """A peer."""

    peer: Peer
    named: bool = field(default=True, init=False)
    rows: str = field(default=f"SELECT count(*), count(DISTINCT (serial, at)) FROM {TABLE}", init=False)
    _folder: Path | None = field(default=None, init=False)

    @property
    def client_id(self) -> str:  # type: ignore[override]
        return self.peer.client_id

    def start(self, rig: Rig) -> Child:
        if self._folder is None:
            self._folder = rig.folder.path / self.client_id
        self._folder.mkdir(exist_ok=True)
        where = Where(rig.ports[self.broker], rig.dsn, self._folder)
        argv = self.peer.command(self.peer.install(cache()), where)
        return rig.program(self.client_id, argv)

    def leave(self, rig: Rig, child: Child) -> None:
        super().leave(rig, child)
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def empty(self, rig: Rig) -> None:
        with psycopg.connect(rig.dsn, autocommit=True) as conn:
            conn.execute(CREATE)
            conn.execute(f"TRUNCATE {TABLE}")
