"""The servers of the benchmark, as the product starts them, in a temporary folder, and what they cost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psycopg

from benchmarks.load import EVERY, PREFIX, SENSORS, serial
from city.errors import SdotError, StackError
from city.pack import load_pack
from city.settings import load_settings
from ingest.registry import NewSensor, register_many
from sdot import broker, migration
from sdot.folder import DataFolder, write_private
from sdot.ports import free_port
from sdot.postgres import OWNER, SUPERUSER, Postgres
from sdot.probe import Probe
from sdot.supervisor import Child, Program

ROOT = Path(__file__).parents[1]
#: Shipped: with the product's settings file. Plain: as mosquitto is without any.
BROKERS = ("shipped", "plain")
#: How long anything may take that is waited for.
PATIENCE_S = 300.0
#: Tables that hold what a measurement leaves behind.
EMPTIED = (
    "reading, latest, reading_revision, flag, quarantine, touched, timeless, worker, gap, lag_minute,"
    "ledger_minute_writer, ledger_sensor_day_writer, ledger_reason"
)

#: Rows by the database's own time of their commit (track_commit_timestamp).
COMMITS = """
WITH row AS (SELECT pg_xact_commit_timestamp(xmin) AS at FROM {table}),
ends AS (SELECT count(*) AS n, min(at) AS first, max(at) AS last FROM row)
SELECT n, (SELECT count(*) FROM row, ends WHERE row.at = ends.first),
    extract(epoch FROM last - first)::float8
FROM ends
"""
LAGS = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
    ORDER BY extract(epoch FROM pg_xact_commit_timestamp(xmin) - time))
FROM reading WHERE time >= %s
"""
COMMITTED = "SELECT count(*) FROM reading WHERE pg_xact_commit_timestamp(xmin) BETWEEN %s AND %s"


class Rig:
    """A database, two brokers, and programs on them; all is stopped and removed at the end."""

    def __init__(self, dsn: str | None) -> None:
        self.dsn = self.ingest_dsn = dsn or ""
        self.postgres: Child | None = None
        self.brokers: dict[str, Child] = {}
        self.ports: dict[str, int] = {}
        self._exit = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        with ExitStack() as guard:
            guard.push(self._exit)
            self._start()
            self._exit = guard.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self) -> None:
        path = Path(tempfile.mkdtemp(prefix="sdot-bench-"))
        self._exit.callback(shutil.rmtree, path, ignore_errors=True)
        if os.geteuid() == 0:
            path.chmod(0o711)  # the servers run as another account then
        self.folder = DataFolder(path)
        self.folder.prepare()
        self._exit.callback(self.folder.release)
        if not self.dsn:
            self._start_postgres()
        self._fill()
        for name in BROKERS:
            self._start_broker(name)

    def start(self, program: Program) -> Child:
        """Run a program until `stop`, at the latest until the end."""
        child = Child(program)
        child.start()
        self._exit.callback(self.stop, child)
        return child

    def stop(self, child: Child) -> None:
        """Ask it to end and wait for it; kill it where it does not."""
        child.signal(child.program.stop_signal)
        deadline = time.monotonic() + 30
        while child.running:
            if time.monotonic() > deadline:
                child.signal(child.program.kill_signal)
            time.sleep(0.02)

    def kill(self, child: Child) -> None:
        """SIGKILL it and all below it, at once, and wait until it is gone."""
        for pid in tree(child.process.pid) if child.process else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while child.running:
            time.sleep(0.01)

    def _start_postgres(self) -> None:
        server = Postgres(self.folder)
        program = server.program()
        own = "track_commit_timestamp = on  # when a row was committed is what we measure\n"
        write_private(self.folder.cluster / "local.conf", own, server.account)
        self.postgres = self.start(program)
        server.wait_ready(self.postgres)
        server.make_roles()
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as conn:
            conn.execute(f"GRANT pg_checkpoint TO {OWNER}")
        self.dsn, self.ingest_dsn = server.url(OWNER), server.url("sdot_ingest")

    def _fill(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            if conn.execute("SELECT to_regclass('reading')").fetchone() != (None,):
                raise StackError(
                    "this database has a table `reading`; give an empty one, it is emptied again and again"
                )
            if conn.execute("SHOW track_commit_timestamp").fetchone() != ("on",):
                raise StackError(
                    "set track_commit_timestamp = on at that server: it is the clock of the benchmark"
                )
        migration.migrate(load_settings({"SDOT_DATABASE_URL": self.dsn}), lambda _: None)
        pack = load_pack("seoul")
        districts = [district.code for district in pack.districts]
        sensors = [NewSensor(serial(n), district=districts[n % len(districts)]) for n in range(SENSORS)]
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            register_many(conn, pack, sensors, state="verified", by="benchmark")

    def _start_broker(self, name: str) -> None:
        port = free_port(21883)
        chosen = broker.choose("mosquitto", port=port)
        program = chosen.program(self.folder)
        if name == "plain":
            settings = self.folder.broker / "plain.conf"
            write_private(
                settings,
                f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n",
                program.account,
            )
            program = replace(
                program, argv=[program.argv[0], "-c", str(settings)], log=self.folder.logs / "plain.log"
            )
        child = self.start(program)
        broker.wait_ready(child, Probe(chosen.url))
        self.brokers[name], self.ports[name] = child, chosen.port

    # Programs

    def python(self, name: str, *words: str, **settings: str) -> Child:
        """A Python program of the product or of the benchmark."""
        return self.program(name, [sys.executable, "-m", *words], **settings)

    def program(self, name: str, argv: Sequence[str], **settings: str) -> Child:
        """Any program, its output kept."""
        self._count += 1
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SDOT_")}
        return self.start(
            Program(
                name=name,
                argv=argv,
                cwd=ROOT,
                log=self.folder.logs / f"{self._count}-{name}.log",
                rank=2,
                environment=kept | settings,
            )
        )

    def ingest(self, workers: int, **settings: str) -> Child:
        """`sdot ingest`, from settings alone."""
        return self.python(
            "ingest", "sdot", "ingest", "--workers", str(workers),
            SDOT_DATABASE_URL=self.ingest_dsn,
            SDOT_MQTT_URL=f"mqtt://127.0.0.1:{self.ports['shipped']}",
            SDOT_TOPIC_PREFIX=PREFIX,
            SDOT_MQTT_GROUP=f"bench{workers}",
            SDOT_METRICS_PORT=str(free_port(29464, count=workers)),
            SDOT_LOG_FORMAT="text",
            **settings,
        )  # fmt: skip

    # What it left

    def empty(self) -> None:
        """Forget all readings; nothing of the last measurement's writing is left to do."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            conn.execute(f"TRUNCATE {EMPTIED}")
            with suppress(psycopg.errors.InsufficientPrivilege):
                conn.execute("CHECKPOINT")

    def make_partitions(self, count: int) -> None:
        """The weeks of a backlog of so many, as ingest makes them by itself."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            for when in (now(), now() - EVERY * (count // SENSORS + 1)):
                conn.execute("SELECT ensure_partition(%s)", [when])

    def value(self, query: str, *values: object) -> object:
        """The first column of the first row."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            row = conn.execute(query, values or None).fetchone()
        return row[0] if row else None

    def row(self, query: str, *values: object) -> tuple:
        """The first row."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            return conn.execute(query, values or None).fetchone()

    def seats(self) -> int:
        """How many workers have a session at the broker."""
        return int(str(self.value("SELECT count(*) FROM worker WHERE broker_ok AND released_at IS NULL")))

    def until(self, done: Callable[[], bool], what: str, child: Child) -> None:
        """Wait for something that a program is to do."""
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            if not child.running:
                raise SdotError(f"{what}: {child.ending()}")
            if time.monotonic() > deadline:
                raise SdotError(f"{what}: not within {PATIENCE_S:g} s")
            time.sleep(0.1)

    def rate(self, table: str = "reading") -> float:
        """Rows a second from the first commit to the last; those of the first are not counted. NaN of one commit."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            n, first, seconds = conn.execute(COMMITS.format(table=table)).fetchone()
        return (n - first) / seconds if seconds else float("nan")

    def lags(self, since: datetime) -> tuple[float, float]:
        """Median and 95th percentile of the seconds from a reading's own time to its commit."""
        median, high = self.value(LAGS, since)
        return float(median), float(high)

    # What it cost

    def cpu(self, *children: Child | None) -> list[float]:
        """Seconds of processor time that each has used, its children included; NaN where it is not ours."""
        return [_cpu_s(child.process.pid) if child and child.process else float("nan") for child in children]

    def versions(self) -> str:
        """What was measured on what."""
        server = self.value("SHOW server_version")
        path = self.brokers["plain"].program.argv[0]
        said = subprocess.run([path, "-h"], capture_output=True, text=True, check=False).stdout.split()
        python = ".".join(map(str, sys.version_info[:3]))
        return f"Python {python}, PostgreSQL {server}, mosquitto {said[2] if len(said) > 2 else '?'}"


def _cpu_s(pid: int) -> float:
    """Of a process and all below it, those that ended included."""
    return sum(tree(pid).values()) / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> dict[int, int]:
    """A process and all below it: their ids, and what each and its ended children have used, ticks."""
    below: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue  # ended between the listing and the look
            below.setdefault(int(fields[1]), []).append(int(folder.name))
            ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    found: dict[int, int] = {}
    todo = [pid]
    while todo:
        one = todo.pop()
        found[one] = ticks.get(one, 0)
        todo += below.get(one, [])
    return found


def now() -> datetime:
    """The clock of readings."""
    return datetime.now(UTC)


def wait(children: Sequence[Child]) -> None:
    """Until all have ended."""
    while any(child.running for child in children):
        time.sleep(0.02)
