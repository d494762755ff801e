"""The embedded stack of `sdot up`: servers, programs, their settings, their order, and one loop that watches."""

from __future__ import annotations

import http.client
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from city import pack
from city.db import connect
from city.errors import BrokerError
from city.settings import Settings, environment, environment_name, mqtt_address
from sdot import broker, migration, process, running
from sdot.folder import DataFolder
from sdot.ports import LOOPBACK, free_port
from sdot.postgres import OWNER, Postgres
from sdot.probe import Probe
from sdot.supervisor import Child, Program, Supervisor
from simulator import descriptors

#: Days of raw readings that `sdot up` keeps unless told otherwise (a day of 1,100 sensors is about 146 MB).
RETENTION = "30d"
TICK_S = 0.1
#: After this long without a ready dashboard its reason is told; the wait goes on.
SLOW_START_S = 30.0
#: How much of what a program says is missing is shown.
SAID_BYTES = 300
#: What a killed run left is already ending (death signal): wait, ask, insist.
LEFTOVER = ((None, 2.0), (signal.SIGTERM, 8.0), (signal.SIGKILL, 2.0))
#: Ranks: postgres 0, broker 1, these; stopped from the highest down.
SERVING, SENDING = 2, 3


class Stopped(Exception):  # noqa: N818 it is no error
    """Somebody asked us to end."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who calls `sdot up` asks for; None: as the settings say."""

    data: Path | None = None
    simulator: bool = True
    workers: int | None = None
    listen: str = LOOPBACK
    broker: str = "auto"
    mqtt_port: int = 1883
    http_port: int | None = None
    #: Days of simulated history that a first start writes.
    history_days: float = 7.0
    #: How much faster than life the simulator runs.
    speed: float = 1.0
    #: Simulated sensors, and whether they share connections or have one each (`shared`, `per-device`).
    sensors: int = 1100
    connections: str = "shared"
    #: What goes wrong with them: `--faults`, `--truth`, `--scenario`, `--district` of `sdot simulate live`.
    faults: str | None = None
    truth: Path | None = None
    scenario: str | None = None
    district: str | None = None


def say(sentence: str) -> None:
    """Tell the person at the terminal, now; a terminal that was closed is no reason to fail."""
    with suppress(OSError):
        print(sentence, flush=True)


class Stack:
    """One run of `sdot up`."""

    def __init__(self, wishes: Wishes, settings: Settings) -> None:
        self.wishes, self.given = wishes, settings
        self.folder = DataFolder(wishes.data or settings.data)
        self.supervisor = Supervisor(say)
        self.settings = settings
        self.probe: Probe | None = None
        self.broker: Child | None = None
        self._asked = 0

    def run(self) -> None:
        """Start all, watch until asked to end, stop all. SdotError where something cannot start."""
        with self._signals():
            self.folder.prepare()
            try:
                self._start()
                self._watch()
            except Stopped:
                pass
            finally:
                self._stop()

    def _start(self) -> None:
        self._end_leftovers()
        chosen = self._choose_broker()
        self._check_given()
        say(f"Data folder: {self.folder.path}")
        known = {"data": self.folder.path, "city": _absolute(self.given.city), "workers": self.workers}
        known |= self._modest() | self._database() | self._start_broker(chosen) | self._ports()
        self.settings = self.given.model_copy(update=known)
        self._describe()
        steps: list[str] = []
        if migration.migrate(self.settings, steps.append):
            say(f"Schema: {len(steps)} steps of migration done")
        self._history()
        self._serve()
        self._simulate()
        self._announce()

    def _check_given(self) -> None:
        """SdotError where the city or the database that we were given cannot be used, before anything starts."""
        city = pack.load_pack(self.given.city)
        if self.wishes.faults or self.wishes.scenario or self.wishes.truth:
            self._check_trouble(city)
        if self.given.database_url:
            connect(self.given.admin_url, "sdot up").close()

    def _check_trouble(self, city: pack.CityPack) -> None:
        """SdotError where faults or a scenario cannot be."""
        from sdot import simulation  # numpy and all, which this process has no other use for

        wishes = self.wishes
        wanted = simulation.Wanted(
            sensors=wishes.sensors,
            faults=wishes.faults,
            truth=wishes.truth,
            scenario=wishes.scenario,
            district=wishes.district,
        )
        simulation.check(wanted, city)

    def _end_leftovers(self) -> None:
        """What a killed run left has the death signal already; PostgreSQL is looked after by its own start."""
        before = running.last(self.folder)
        left = [child for name, child in before.children.items() if name != "postgres"] if before else []
        process.end(left, LEFTOVER)

    def _modest(self) -> dict[str, object]:
        """Defaults that differ from production's."""
        own = {"retention_raw": RETENTION, "log_format": "text"}
        return {name: value for name, value in own.items() if name not in self.given.model_fields_set}

    def _database(self) -> dict[str, object]:
        if self.given.database_url:
            say("Database: the one of SDOT_DATABASE_URL")
            return {}
        postgres = Postgres(self.folder)
        child = self.supervisor.start(postgres.program())
        postgres.wait_ready(child, self._check)
        postgres.make_roles()
        say(f"Database: PostgreSQL {postgres.server}{_as_whom(child.program)}, {postgres.place()}")
        return {
            "database_url": postgres.url("sdot_ingest"),
            "admin_database_url": postgres.url(OWNER),
            "read_database_url": postgres.url("sdot_dashboard"),
        }

    @property
    def workers(self) -> int:
        """Ingest processes."""
        return self.wishes.workers or self.given.workers

    def _choose_broker(self) -> broker.Broker | None:
        """The broker to start, None where SDOT_MQTT_URL names another; BrokerError before anything runs."""
        if "mqtt_url" in self.given.model_fields_set:
            return None
        chosen = broker.choose(self.wishes.broker, self.wishes.listen, self.wishes.mqtt_port)
        if self.workers > 1 and not chosen.shared:
            raise BrokerError(
                f"--workers {self.workers} needs mosquitto: iotcore carries one ingest process only"
            )
        return chosen

    def _start_broker(self, chosen: broker.Broker | None) -> dict[str, object]:
        if chosen is None:
            say(f"Broker: {mqtt_address(self.given.mqtt_url).host}, the one of SDOT_MQTT_URL")
            return {}
        if self.wishes.connections == "per-device":
            descriptors.allow_most()  # the broker inherits it
        self.broker = self.supervisor.start(chosen.program(self.folder))
        self.probe = Probe(chosen.url)
        broker.wait_ready(self.broker, self.probe, self._check)
        say(_moved("MQTT", self.wishes.mqtt_port, chosen.port) + broker.described(chosen))
        window = {} if chosen.shared else {"inflight": broker.IOTCORE_WINDOW}
        return {"mqtt_url": chosen.url, "mqtt_shared": chosen.shared, **window}

    def _ports(self) -> dict[str, object]:
        given = self.given
        wanted = self.wishes.http_port or given.http_port
        http = free_port(wanted, given.http_host)
        metrics = free_port(given.metrics_port, given.metrics_host, self.workers)
        maintain = free_port(given.maintain_port, given.metrics_host)
        found = {"dashboard": (wanted, http), "metrics": (given.metrics_port, metrics)}
        for name, (first, port) in (found | {"maintain": (given.maintain_port, maintain)}).items():
            if first != port:
                say(_moved(name, first, port).strip())
        return {"http_port": http, "metrics_port": metrics, "maintain_port": maintain}

    def environment(self) -> dict[str, str]:
        """NAME → value of all settings of this stack."""
        values = {environment_name(name): getattr(self.settings, name) for name in Settings.model_fields}
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items()
            if value is not None
        }

    def _describe(self) -> None:
        found = {child.program.name: child.process for child in self.supervisor.children}
        children = {name: known for name, known in found.items() if known}
        running.describe(self.folder, self.environment(), children)

    def _program(self, name: str, rank: int, *command: str, log: bool = True) -> Program:
        return Program(
            name=name,
            argv=[sys.executable, "-P", "-m", "sdot", *command],
            cwd=Path.cwd(),
            log=self.folder.logs / f"{name}.log" if log else None,
            rank=rank,
            environment=environment() | self.environment(),
        )

    def _history(self) -> None:
        if not self.wishes.simulator or not migration.lacks_history(self.settings):
            return
        days = str(self.wishes.history_days)
        words = ["simulate", "backfill", "--days", days, "--sensors", str(self.wishes.sensors)]
        words += given(self.wishes, ("faults", "truth")) if is_rate(self.wishes.faults) else []
        task = self._program("history", SENDING, *words, log=False)
        if status := self.supervisor.run(task, self._tend):
            say(f"The history could not be written (status {status}); the next start goes on with it.")

    def _serve(self) -> None:
        """Ingest and the dashboard, until both are ready; ingest first has to subscribe, or messages are lost."""
        settings = self.settings
        self.supervisor.start(self._program("ingest", SERVING, "ingest"))
        self.supervisor.start(self._program("dashboard", SERVING, "dashboard"))
        self.supervisor.start(self._program("maintain", SERVING, "maintain"))
        self._describe()
        self._wait_ready("Ingest", settings.metrics_host, settings.metrics_port)
        self._wait_ready("The dashboard", settings.http_host, settings.http_port)

    def _simulate(self) -> None:
        if self.wishes.simulator:
            words = ["simulate", "live", "--speed", str(self.wishes.speed)]
            words += ["--sensors", str(self.wishes.sensors), "--connections", self.wishes.connections]
            words += given(self.wishes, ("faults", "truth", "scenario", "district"))
            if (
                self.wishes.scenario or self.wishes.faults
            ):  # a simulator that is started again goes on with it
                words += ["--start", datetime.now(UTC).isoformat()]
            self.supervisor.start(self._program("simulator", SENDING, *words))
            self._describe()

    def _wait_ready(self, name: str, host: str, port: int) -> None:
        start, told = time.monotonic(), False
        while (missing := _not_ready(_shown(host).strip("[]"), port)) is not None:
            self._tend()
            if not told and time.monotonic() - start > SLOW_START_S:
                told = True
                say(f"{name} is not ready yet: {missing} (logs: {self.folder.logs})")
            time.sleep(TICK_S)

    def _announce(self) -> None:
        if not self.wishes.simulator:
            say(first_sensor(self.settings, self.wishes.data))
        say(f"Ready: http://{_shown(self.settings.http_host)}:{self.settings.http_port}  (Ctrl-C stops it)")

    def _watch(self) -> None:
        while True:
            self._tend()
            time.sleep(TICK_S)

    def _tend(self) -> None:
        """One look at everything."""
        self._check()
        if self.supervisor.tick():
            self._describe()
        if self.probe is not None and self.broker is not None:
            self.probe.step()
            if self.probe.silent_s > broker.SILENCE_S:
                say(f"The broker hands no message on for {broker.SILENCE_S:.0f} s; it is started again")
                self.supervisor.end(self.broker)
                self.probe.forgive()

    def _check(self) -> None:
        if self._asked:
            raise Stopped

    @contextmanager
    def _signals(self) -> Iterator[None]:
        names = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup's wish is respected
            names.append(signal.SIGHUP)
        before = {name: signal.signal(name, self._ask) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)

    def _ask(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 a handler's signature
        self._asked += 1

    def _stop(self) -> None:
        if self._asked and self.supervisor.children:
            say("Stopping …")
        self.supervisor.stop(lambda: self._asked > 1)
        running.forget(self.folder)
        self.folder.release()


def given(wishes: Wishes, names: Sequence[str]) -> list[str]:
    """Those options as words of a command, of which something is wished."""
    wished = {name: getattr(wishes, name) for name in names}
    return [word for name, value in wished.items() if value is not None for word in (f"--{name}", str(value))]


def is_rate(faults: str | None) -> bool:
    """Whether these are faults of every day, which history has, too; the times of a file count from now."""
    try:
        return faults is not None and float(faults) >= 0
    except ValueError:
        return False


def _as_whom(program: Program) -> str:
    return f" as {program.account.name}" if program.account else ""


def _absolute(city: str) -> str:
    """A pack's path as seen from every folder; a name stays."""
    return str(Path(city).resolve()) if Path(city).is_dir() else city


def _moved(what: str, wanted: int, port: int) -> str:
    return "" if wanted == port else f"Port {wanted} is taken; {what} takes {port}. "


def _shown(host: str) -> str:
    host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 a comparison
    return f"[{host}]" if ":" in host else host


def _not_ready(host: str, port: int) -> str | None:
    """What `/readyz` says while it is not 200; None once it is."""
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(SAID_BYTES).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
    return None if answer.status == http.client.OK else said


def first_sensor(settings: Settings, data: Path | None) -> str:
    """The line that makes a first sensor appear, for who has mosquitto_pub and for who has not."""
    district = pack.load_pack(settings.city).districts[0].code
    body = f'{{"pm25": 12.5, "temperature": 20.1, "district": "{district}"}}'
    address = mqtt_address(settings.mqtt_url)
    where = f" --data {shlex.quote(str(data))}" if data else ""
    return (
        "Waiting for sensors. This makes the first one appear:\n"
        f"  mosquitto_pub -h {address.host} -p {address.port} -q 1 "
        f"-t {settings.topic_prefix}/my-first/reading -m '{body}'\n"
        "or, without mosquitto_pub:\n"
        f"  sdot publish{where} my-first '{body}'"
    )
