"""docker-compose.yml without an engine: each service's command, as its user and in its environment, on servers here."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.test_guarded import Client
from tests.servers import compose
from tests.servers.guarded import Guarded, identity_of
from tests.servers.missing import Missing
from tests.servers.place import Place
from tests.servers.pool import Pool
from tests.servers.postgres import Database, Server
from tests.servers.process import Process, free_port
from tests.servers.product import get
from tests.servers.readable import readable_python
from tests.servers.timescale import timescale
from tests.waiting import until

#: The ports that services listen on, as the healthchecks ask for them, and the settings that change them.
PORTS = {
    "ingest": (9464, "SDOT_METRICS_PORT"),
    "maintain": (9563, "SDOT_MAINTAIN_PORT"),
    "dashboard": (8050, "SDOT_HTTP_PORT"),
}


class Natively:
    """The services of the file, started in the order in which they depend on each other."""

    def __init__(self, server: Server, place: Path, broker: Guarded, variables: dict[str, str]) -> None:
        self.database = Database(server, "sdot")
        self.broker, self.variables, self.place = broker, variables, place
        self.python, self.path = readable_python(place / "source")
        self.ports = {name: free_port() for name in PORTS}
        self.running: dict[str, Process] = {}

    def environment(self, name: str) -> dict[str, str]:
        """A service's environment; addresses are those of this machine."""
        given = compose.service(name, self.variables).environment
        there = f"@127.0.0.1:{self.database.server.port}/sdot"
        here = {
            key: self.broker.native(value.replace("@database/sdot", there)) for key, value in given.items()
        }
        if name in PORTS:
            here[PORTS[name][1]] = str(self.ports[name])
        return here | {"PATH": "/usr/sbin:/usr/bin:/bin", "PYTHONPATH": self.path, "HOME": "/nonexistent"}

    def start(self, name: str, *words: str) -> Process:
        """The service's command, or another of its image's."""
        service = compose.service(name, self.variables)
        command = [self.broker.native(word) for word in words or service.command]
        log = self.place / f"{name}.log"
        identity = identity_of(service)
        process = Process(
            [self.python, "-m", "sdot", *command],
            log,
            env=self.environment(name),
            cwd=Path("/"),
            identity=identity,
        )
        self.running[name] = process
        return process

    def run(self, name: str, *words: str) -> str:
        """What `docker compose run --rm NAME WORDS` prints."""
        done = subprocess.run(
            [self.python, "-m", "sdot", *words],
            env=self.environment(name),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def healthy(self, name: str) -> bool:
        """Whether the service's own health check passes."""
        command = [self.broker.native(word) for word in compose.service(name, self.variables).healthcheck]
        if name in PORTS:
            command = [word.replace(f":{PORTS[name][0]}/", f":{self.ports[name]}/") for word in command]
        if name == "database":
            command += ["-p", str(self.database.server.port)]
        environment = self.environment(name)
        if command[0] == "python":
            command[0] = self.python
        return (
            subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode
            == 0
        )

    def until_healthy(self, name: str) -> None:
        """Return once it is."""

        def passes() -> bool:
            process = self.running.get(name)
            assert process is None or process.alive, process.log_text()[-3000:]
            return self.healthy(name)

        until(passes, f"the health check of {name}", 60, 0.5)

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.stop()


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the documented command makes."""
    return compose.secrets(tmp_path_factory.mktemp("env"))


def _with_settings_of_the_file(pool: Pool, variables: dict[str, str], trixie: Path) -> Server:
    """A TimescaleDB started with the service's own options."""
    engine = timescale(trixie)
    command = compose.service("database", variables).command
    assert command[0] == "postgres"
    options = [
        word.split("=", 1) for flag, word in zip(command[1::2], command[2::2], strict=True) if flag == "-c"
    ]
    engine.settings.update(options)
    return Server(engine)


def _as_its_image_does(server: Server, environment: dict[str, str]) -> None:
    """Superuser, database and the demand for passwords, as the entry point of PostgreSQL's image makes them."""
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{server.port}/postgres", autocommit=True) as conn:
        user, name = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
        conn.execute(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{environment['POSTGRES_PASSWORD']}'")
        conn.execute(f"CREATE DATABASE {name} OWNER {user} TEMPLATE template0")
        rows = conn.execute("SELECT current_setting('hba_file')").fetchone()
        assert rows is not None
        root = server.engine.identity.root or Path("/")
        rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (root / str(rows[0]).removeprefix("/")).write_text(rules)
        conn.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="module")
def stack(pool: Pool, variables: dict[str, str], test_cache: Path) -> Iterator[Natively]:
    """All services of the file but the simulator."""
    place = Place(pool.place.path)
    try:
        server = _with_settings_of_the_file(
            pool, variables, Path(os.environ.get("SDOT_TEST_TRIXIE") or test_cache / "trixie")
        )
        broker = Guarded(Place(pool.place.path), variables)  # waits for its passwords
        stack = Natively(server, place.path, broker, variables)
    except Missing as missing:
        pytest.skip(str(missing))
    server.process.stop()
    migrate = stack.start("migrate")  # waits for the database
    until(lambda: "Waiting for the database" in migrate.log_text(), "migrate to wait")
    server.restart()
    _as_its_image_does(server, compose.service("database", variables).environment)
    try:
        assert migrate.wait(120) == 0, migrate.log_text()
        for name in ("passwords", "mosquitto", "ingest", "maintain", "dashboard"):
            if name != "mosquitto":
                stack.start(name)
            stack.until_healthy(name)
        yield stack
    finally:
        stack.stop()
        broker.stop()
        server.stop()
        place.remove()


def test_the_database_is_healthy_and_asks_for_passwords(stack: Natively) -> None:
    assert stack.healthy("database")
    for role in ("sdot", "sdot_ingest", "sdot_dashboard", "sdot_broker"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://{role}:wrong@127.0.0.1:{stack.database.server.port}/sdot")


def test_a_device_with_credentials_is_stored_and_shown(stack: Natively) -> None:
    stack.run("migrate", "sensor", "add", "S-1", "--district", "gangnam-gu")
    printed = stack.run("migrate", "sensor", "credentials", "S-1")
    (row,) = csv.DictReader(io.StringIO(printed))
    assert row["serial"] == "S-1"
    device = _let_in(stack, "S-1", row["password"])
    answer = device.publish(
        "sdot/v1/S-1/reading", json.dumps({"time": datetime.now(UTC).isoformat(), "pm25": 12.5})
    )
    assert not answer.is_failure
    until(lambda: stack.database.rows("SELECT pm25 FROM reading") == [(12.5,)], "the reading")
    device.close()
    until(
        lambda: get(f"http://127.0.0.1:{stack.ports['dashboard']}/readyz")[0] == 200,
        "the dashboard to be ready",
    )


def _let_in(stack: Natively, serial: str, password: str) -> Client:
    """Its connection: the broker knows a new login within some seconds."""

    def attempt() -> Client | None:
        client = Client(stack.broker.port, serial, password)
        if client.let_in:
            return client
        client.close()
        return None

    found = until(attempt, f"{serial} to be let in", 30, 0.5)
    assert found is not None
    return found


def test_a_new_password_ends_the_old_one_and_retirement_ends_both(stack: Natively) -> None:
    stack.run("migrate", "sensor", "add", "S-2", "--district", "gangnam-gu")
    old = stack.run("migrate", "sensor", "credentials", "S-2").split(",")[-1].strip()
    device = _let_in(stack, "S-2", old)
    new = stack.run("migrate", "sensor", "credentials", "S-2").split(",")[-1].strip()
    until(lambda: device.ended, "the old password's connection to end")
    second = _let_in(stack, "S-2", new)
    stack.run("migrate", "sensor", "retire", "S-2")
    until(lambda: second.ended, "the retired device's connection to end")
    for client in (device, second):
        client.close()


def test_a_serial_that_nobody_registered_has_no_way_in(stack: Natively) -> None:
    simulator: dict[str, Any] = stack.environment("simulator")
    user, password = simulator["SDOT_MQTT_URL"].removeprefix("mqtt://").split("@")[0].split(":")
    client = Client(stack.broker.inside, user, password)
    client.publish("sdot/v1/unheard-of/reading", '{"pm25": 1}')
    until(lambda: stack.database.rows("SELECT serial, reason FROM quarantine"), "the quarantine")
    assert stack.database.value("SELECT count(*) FROM sensor WHERE serial = 'unheard-of'") == 0
    client.close()


def test_the_simulator_publishes_through_the_same_broker(stack: Natively) -> None:
    simulator = stack.start("simulator")
    query = "SELECT count(*) FROM reading JOIN sensor USING (sensor_id) WHERE registered_by = 'simulator'"
    until(lambda: stack.database.value(query), "a simulated reading", 90, 0.5)
    assert simulator.stop() == 0


def test_what_was_not_asked_for_is_not_logged(stack: Natively) -> None:
    secrets = set(stack.variables.values())
    for name, process in stack.running.items():
        assert not any(secret in process.log_text() for secret in secrets), name
