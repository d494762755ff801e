"""The product's own programs, run as an operator runs them: from settings in the environment alone."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.broker import Broker
from tests.servers.postgres import Database
from tests.servers.process import ROOT, Process, free_port
from tests.waiting import PATIENCE_S, until

#: Outside our own prefix in the environment of whoever runs the tests.
OURS = "SDOT_"


@dataclass
class Product:
    """One database, one broker and the topics below one prefix; programs are started on them and stopped with it."""

    database: Database
    broker: Broker
    prefix: str
    #: Where logs go.
    folder: Path
    #: Settings beside those that say where things are.
    settings: dict[str, str] = field(default_factory=dict)
    #: Ports of proxies in front of broker and database.
    broker_port: int | None = None
    database_port: int | None = None
    #: Everything started here, in order.
    started: list[Process] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a program."""
        url = self.database.url_as
        mine = {
            "SDOT_DATABASE_URL": url("sdot_ingest", self.database_port),
            "SDOT_ADMIN_DATABASE_URL": url("postgres", self.database_port),
            "SDOT_READ_DATABASE_URL": url("sdot_dashboard", self.database_port),
            "SDOT_MQTT_URL": self.broker.url_through(self.broker_port or self.broker.port),
            "SDOT_MQTT_SHARED": str(self.broker.shared).lower(),
            "SDOT_MQTT_GROUP": self.prefix.split("/")[0],
            "SDOT_TOPIC_PREFIX": self.prefix,
            "SDOT_REGISTER_PER_HOUR": "100000",
            "SDOT_DATA": str(self.folder / "data"),
        }
        foreign = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return foreign | mine | self.settings | more

    def run(self, *words: str, **more: str) -> Process:
        """Start `sdot` with these words."""
        log = self.folder / f"{words[0]}-{len(self.started)}.log"
        process = Process([sys.executable, "-m", "sdot", *words], log, env=self.environment(**more), cwd=ROOT)
        self.started.append(process)
        return process

    def ingest(self, **more: str) -> Ingest:
        """A running worker that is ready."""
        port = free_port()
        worker = Ingest(self.run("ingest", SDOT_METRICS_PORT=str(port), **more), port)
        worker.until_ready()
        return worker

    def dashboard(self, **more: str) -> Dashboard:
        """A running dashboard that is ready."""
        port = free_port()
        server = Dashboard(self.run("dashboard", SDOT_HTTP_PORT=str(port), **more), port)
        until(server.ready, f"the dashboard to be ready ({server.process.log})")
        return server

    def ledger(self) -> dict[str, int]:
        """Sums of the ledger: messages and readings by outcome."""
        names = ("messages", "stored", "revised", "duplicate", "quarantined", "rejected")
        sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in names)
        (row,) = self.database.rows(f"SELECT {sums} FROM ledger_minute")
        return dict(zip(names, (int(str(count)) for count in row), strict=True))

    def until_counted(self, messages: int, seconds: float = PATIENCE_S) -> dict[str, int]:
        """The ledger once it has so many messages."""
        until(lambda: self._counted(messages), f"{messages} messages in the ledger", seconds, 0.1)
        return self.ledger()

    def _counted(self, messages: int) -> bool:
        for process in self.started:
            assert process.alive, f"{process} ended with {process.code}: {process.log_text()[-1500:]}"
        return self.ledger()["messages"] >= messages

    def stop(self) -> None:
        """Stop all that was started."""
        for process in reversed(self.started):
            process.stop()


@dataclass(frozen=True)
class Ingest:
    """A worker."""

    process: Process
    port: int

    def until_ready(self) -> None:
        """Return once it says that it is."""
        try:
            until(self._ready, "ingest to be ready")
        except AssertionError as error:
            raise AssertionError(f"{error}; /readyz: {self._page()}; its log:\n{self._said}") from None

    def _page(self) -> tuple[int, bytes]:
        return get(f"http://127.0.0.1:{self.port}/readyz")

    @property
    def _said(self) -> str:
        return self.process.log_text()[-3000:]

    def _ready(self) -> bool:
        assert self.process.alive, self._said
        return self._page()[0] == 200

    def standing(self) -> dict[str, Any]:
        """What /readyz says."""
        found: dict[str, Any] = json.loads(self._page()[1])
        return found


@dataclass(frozen=True)
class Dashboard:
    """The server of the pages."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it says that it is."""
        assert self.process.alive, self.process.log_text()[-3000:]
        return get(f"{self.url}/readyz")[0] == 200


def get(url: str, seconds: float = 5) -> tuple[int, bytes]:
    """Status and body of a page; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()
