"""`sdot up` as a person runs it: a process of its own, on a data folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import psycopg

from tests.servers.process import MYSELF, ROOT, Identity, Process, children
from tests.waiting import until

#: A first start with history, on a machine busy with other tests.
START_S = 120.0


class Up:
    """One run of `sdot up`; `clean` environment: no setting of the caller's gets in."""

    def __init__(
        self,
        data: Path,
        *options: str,
        environment: Mapping[str, str] | None = None,
        identity: Identity = MYSELF,
        python: str = sys.executable,
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SDOT_")}
        path = os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")]).strip(os.pathsep)
        self.environment = kept | {"PYTHONPATH": path, "HOME": "/nonexistent"} | dict(environment or {})
        self.data, self.python = data, python
        run = len(list(data.parent.glob(f"{data.name}-*.log")))
        self.process = Process(
            [python, "-m", "sdot", "up", "--data", str(data), *options],
            data.parent / f"{data.name}-{run}.log",
            env=self.environment,
            cwd=data.parent,
            identity=identity,
        )

    @property
    def said(self) -> str:
        """All it has printed."""
        return self.process.log_text()

    def ready(self) -> Up:
        """Wait until it has printed a URL whose `/readyz` is 200."""

        def answered() -> bool:
            assert self.process.alive, self.said
            return self.url is not None and httpx.get(self.url + "/readyz").status_code == httpx.codes.OK

        until(answered, f"a ready URL; it said {self.said}", START_S)
        return self

    @property
    def url(self) -> str | None:
        """The last URL it printed."""
        found = re.findall(r"http://[\w.\[\]]+:\d+", self.said)
        return found[-1] if found else None

    def sdot(self, *command: str) -> str:
        """What another command prints that only knows the data folder."""
        environment = self.environment | {"SDOT_DATA": str(self.data)}
        done = subprocess.run(
            [self.python, "-m", "sdot", *command], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def settings(self) -> dict[str, str]:
        """What `sdot env --secrets` prints."""
        return dict(line.split("=", 1) for line in self.sdot("env", "--secrets").splitlines())

    def value(self, query: str) -> object:
        """The first value of a query, asked as ingest's role."""
        with psycopg.connect(self.settings()["SDOT_DATABASE_URL"]) as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None

    def pids(self) -> list[int]:
        """All processes below it."""
        return children(self.process.pid)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        return self.process.stop(number, 60)
