"""Everything between a crowd of sensors and the database, to be hurt, and the account that has to balance afterwards."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.faults.rig_crowd import SENSORS, VALUES
from tests.faults.rig_figures import Figures
from tests.faults.rig_memory import KIB, Memory
from tests.faults.rig_scale import Scale
from tests.servers.process import ROOT, Process, children, free_port
from tests.servers.product import Ingest, Product
from tests.servers.publisher import Publisher
from tests.waiting import until

#: No process of ingest may hold more, MiB: what it starts with, and a bounded number of open batches.
MEMORY_MIB = 150
#: The longest a test waits for service to be back, seconds: the longest back-off, a time-out, a slow machine.
BACK_S = 120
#: The longest a test waits for a backlog, seconds, beside the time in which it grew.
BACKLOG_S = 120
#: Behind the broker by so many readings at most, ingest keeps up.
NEARLY = 500
OUTCOMES = ("stored", "revised", "duplicate", "quarantined", "rejected")


class Crowd:
    """The running publisher."""

    def __init__(self, product: Product, scale: Scale, *words: str) -> None:
        folder = product.folder
        self._progress, self._record = folder / "crowd.progress", folder / "crowd.record"
        self.base = datetime.now(UTC) - timedelta(hours=1)
        self.rate, self._most_s = scale.rate, scale.away_s + 15
        self.opposite = "--opposite" in words
        given = {
            "port": product.broker.port,
            "prefix": product.prefix,
            "rate": scale.rate,
            "most": int(scale.rate * self._most_s),
            "base": self.base.isoformat(),
            "progress": self._progress,
            "record": self._record,
        }
        pairs = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "tests.faults.rig_crowd", *pairs, *words]
        self.process = Process(command, folder / "crowd.log", cwd=ROOT)
        until(lambda: self.published > 0, "the crowd to publish", BACK_S)

    def _now(self) -> dict[str, int]:
        assert self.process.code in (None, 0), self.process.log_text()[-3000:]
        found: dict[str, int] = json.loads(self._progress.read_text()) if self._progress.exists() else {}
        return found

    @property
    def published(self) -> int:
        """Numbers that were due."""
        return self._now().get("published", 0)

    @property
    def acknowledged(self) -> int:
        """About how many of them the broker has taken."""
        now = self._now()
        return now["published"] - now["owed"]

    def finish(self) -> dict[str, Any]:
        """Stop, once the broker has acknowledged everything; the record."""
        self.process.send(signal.SIGTERM)
        assert self.process.wait(BACK_S + 2 * self._most_s) == 0, self.process.log_text()[-3000:]
        found: dict[str, Any] = json.loads(self._record.read_text())
        return found


@dataclass
class Rig:
    """Product, crowd and figures of one test."""

    product: Product
    scale: Scale
    figures: Figures
    crowd: Crowd | None = None
    record: dict[str, Any] = field(default_factory=dict)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.memory = Memory(lambda: [process.pid for process in list(self.product.started)])

    # Programs

    def publish(self, *words: str) -> Crowd:
        """Start the crowd."""
        self.crowd = Crowd(self.product, self.scale, *words)
        return self.crowd

    def worker(self, **more: str) -> Ingest:
        """One worker that is ready."""
        return self.product.ingest(**more)

    def crew(self, workers: int) -> Process:
        """`sdot ingest` with so many workers, all of them at the broker."""
        process = self.product.run("ingest", SDOT_METRICS_PORT=str(free_port()), SDOT_WORKERS=str(workers))
        self.until_at_the_broker(workers)
        return process

    def until_at_the_broker(self, workers: int) -> None:
        """So many workers have a session."""
        query = "SELECT count(*) FROM worker WHERE broker_ok AND seen_at > now() - interval '10 seconds'"
        until(
            lambda: self.product.database.value(query) == workers, f"{workers} workers at the broker", BACK_S
        )

    def dismiss(self, process: Process) -> None:
        """Stop a program in order."""
        self.memory.look()
        assert process.stop() == 0, process.log_text()[-3000:]
        self.product.started.remove(process)

    def pids(self) -> list[int]:
        """The processes that are workers: no parents of a crew."""
        return [pid for process in self.product.started for pid in (children(process.pid) or [process.pid])]

    def kill(self, pid: int) -> None:
        """SIGKILL one worker of ours."""
        assert pid in self.pids()
        self.memory.look()
        os.kill(pid, signal.SIGKILL)

    # What is in the database

    def stored(self) -> int:
        """Readings stored, by the ledger."""
        return self.product.ledger()["stored"]

    def flow(self, seconds: float | None = None) -> None:
        """Wait until as much as the crowd publishes in so long went into the database."""
        more = max(int((seconds or self.scale.steady_s) * self.scale.rate), 1)
        aim = self.stored() + more
        until(lambda: self.stored() >= aim, f"{more} more readings", self._backlog_s, 0.1)

    def keep_up(self) -> None:
        """Wait until ingest has nearly all that the broker has acknowledged: on a busy machine a queue grows."""
        query = "SELECT max(l.time) >= %s FROM latest AS l JOIN sensor USING (sensor_id) WHERE serial LIKE 'r____'"
        database = self.product.database
        until(
            lambda: database.value(query, self._at(self._crowd.acknowledged - NEARLY)),
            "ingest to keep up",
            self._backlog_s,
            0.02,
        )

    def newest(self) -> int:
        """The number that is stored and was measured last."""
        query = "SELECT max(l.time) FROM latest AS l JOIN sensor USING (sensor_id) WHERE serial LIKE 'r____'"
        at = self.product.database.value(query)
        assert isinstance(at, datetime)
        return round((at - self._crowd.base).total_seconds() * self._crowd.rate)

    @property
    def _crowd(self) -> Crowd:
        assert self.crowd is not None
        return self.crowd

    def _at(self, number: int) -> datetime:
        """When a number of the crowd was measured."""
        return self._crowd.base + timedelta(seconds=number / self._crowd.rate)

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Around an outage: afterwards readings flow again, without a hand; how soon is noted."""
        yield
        ended, stored, now = time.monotonic(), self.stored(), self._at(self._crowd.published)
        until(lambda: self.stored() > stored, "readings to flow again", self._backlog_s, 0.1)
        self._note("recovery_s", time.monotonic() - ended)
        until(lambda: self._has(now), "what was measured after the outage", self._backlog_s, 0.1)
        self._note("caught_up_s", time.monotonic() - ended)

    @property
    def _backlog_s(self) -> float:
        """A busy machine works a backlog off more slowly than it grew."""
        return BACK_S + BACKLOG_S + 4 * self.scale.away_s

    def _has(self, time: datetime) -> bool:
        """Whether each of the crowd's sensors has a reading of that time or later; so what came before is there."""
        query = "SELECT min(l.time) >= %s FROM latest AS l JOIN sensor USING (sensor_id) WHERE serial LIKE 'r____'"
        return bool(self.product.database.value(query, time))

    def _note(self, name: str, seconds: float) -> None:
        setattr(self.figures, name, max(getattr(self.figures, name), seconds))

    # The account

    def finish(self) -> int:
        """The crowd stops; how many readings it published, every one acknowledged by the broker."""
        assert self.crowd is not None
        self.record = self.crowd.finish()
        published = int(self.record["published"])
        self.figures.published = published
        self.figures.rate = published / self.record["seconds"]
        assert all(self.record["acknowledged"])
        return published

    def settle(self) -> None:
        """Every published reading is stored once, the ledger balances, and memory was bounded."""
        published = self.finish()
        until(lambda: self.stored() >= published, f"{published} readings stored", self._backlog_s, 0.1)
        until(lambda: not self.missing(), "every number to be there", BACK_S, 0.5)
        self.check()

    def settle_with_losses(self) -> list[int]:
        """The same where the broker lost something: the numbers that it had acknowledged and that never came."""
        self.finish()
        self.until_empty()
        lost = self.missing()
        self.figures.lost = len(lost)
        self.check()
        return lost

    def until_empty(self) -> None:
        """Last messages of a sensor of its own are stored; each worker gets some, after all that came before."""
        now, count = datetime.now(UTC), 20
        times = [(now + timedelta(milliseconds=number)).isoformat() for number in range(count)]
        topic = f"{self.product.prefix}/last/reading"
        with Publisher(self.product.broker.port) as device:
            device.publish([(topic, json.dumps({"time": time, "noise": 50})) for time in times])
        query = "SELECT count(*) FROM reading JOIN sensor USING (sensor_id) WHERE serial = 'last'"
        until(lambda: self.product.database.value(query) == count, "the last messages", self._backlog_s, 0.2)

    def missing(self) -> list[int]:
        """Numbers that were published and are not there."""
        assert self.crowd is not None
        rows = self.product.database.rows(
            "SELECT n FROM generate_series(0, %s - 1) AS n EXCEPT " + NUMBERS,
            self.figures.published,
            self.crowd.base,
            self.crowd.rate,
        )
        return sorted(int(str(row[0])) for row in rows)

    def check(self) -> None:
        """What is there is right, counted, and was held in bounded memory."""
        self._check_rows()
        self._check_ledger()
        self.memory.look()
        self.figures.memory_mib = self.memory.most_kib / KIB
        assert self.figures.memory_mib < MEMORY_MIB
        for process in self.product.started:
            assert process.alive, process.log_text()[-3000:]
            assert "Traceback" not in process.log_text()

    def _check_rows(self) -> None:
        assert self.crowd is not None
        wrong = WRONG_OPPOSITE if self.crowd.opposite else WRONG
        given = (self.crowd.base, self.crowd.rate, SENSORS, VALUES)
        assert self.product.database.rows(wrong, *given) == []

    def _check_ledger(self) -> None:
        ledger, database = self.product.ledger(), self.product.database
        assert ledger["messages"] == sum(ledger[name] for name in OUTCOMES), "one reading a message here"
        assert ledger["stored"] == database.value("SELECT count(*) FROM reading")
        sums = ", ".join(f"sum({name})::bigint" for name in ("messages", *OUTCOMES))
        by_day = database.rows(f"SELECT {sums} FROM ledger_sensor_day")
        assert by_day == [tuple(ledger.values())]
        assert ledger["revised"] == 0
        self.figures.duplicates = ledger["duplicate"]

    def close(self) -> None:
        """Stop everything that was started here."""
        if self.crowd is not None:
            self.crowd.process.kill()
        self.memory.close()
        self.product.stop()

    @property
    def folder(self) -> Path:
        """Where logs go."""
        return self.product.folder


#: The number of each reading of the crowd, by its time.
NUMBERS = """
SELECT round(extract(epoch FROM r.time - %s::timestamptz) * %s)::integer
FROM reading AS r JOIN sensor AS s USING (sensor_id) WHERE s.serial LIKE 'r____'
"""
_WRONG = """
SELECT n, serial, pm25 FROM (
    SELECT round(extract(epoch FROM r.time - %s::timestamptz) * %s)::integer AS n, s.serial, r.pm25
    FROM reading AS r JOIN sensor AS s USING (sensor_id) WHERE s.serial LIKE 'r____'
) AS found
CROSS JOIN (SELECT %s::integer AS sensors, %s::integer AS values) AS given
WHERE serial <> 'r' || lpad((PLACE)::text, 4, '0') OR pm25 <> n %% values
"""
#: Rows of the crowd that are not what was published.
WRONG = _WRONG.replace("PLACE", "n %% sensors")
WRONG_OPPOSITE = _WRONG.replace(
    "PLACE",
    "CASE n %% 2 WHEN 0 THEN (n / 2) %% sensors ELSE sensors - 1 - (n / 2) %% sensors END",
)
