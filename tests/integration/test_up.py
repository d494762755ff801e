"""`sdot up`: started, found, stopped, killed, started again; with mosquitto on PATH and without."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sdot.process import identify
from tests.servers.process import Identity
from tests.servers.readable import readable_python
from tests.servers.up import Up
from tests.waiting import until

NOBODY = 65534
SHORT = ("--history-days", "0.2")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that every account can enter, with room for a socket's path."""
    made = Path(f"/tmp/sdot-{os.getpid()}-{tmp_path_factory.mktemp('u').name}")
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


class Starter:
    """Starts stacks and never leaves one behind."""

    def __init__(self) -> None:
        self.started: list[Up] = []

    def __call__(self, *arguments, **options) -> Up:
        self.started.append(Up(*arguments, **options))
        return self.started[-1]


@pytest.fixture
def up() -> Iterator[Starter]:
    made = Starter()
    yield made
    for one in made.started:
        one.stop()


def gone(pids: list[int]) -> bool:
    return not any(identify(pid) for pid in pids)


def test_a_first_start_a_stop_and_a_second_start(place, up, stack_path):
    first = up(place / "data", *SHORT, environment={"PATH": stack_path}).ready()
    broker = "mosquitto" if "no mosquitto" not in os.environ.get("PYTEST_CURRENT_TEST", "") else "iotcore"
    assert f"Broker: {broker}" in first.said
    assert ("for trying and developing" in first.said) == (broker == "iotcore")
    found = first.settings()
    assert found["SDOT_MQTT_SHARED"] == ("false" if broker == "iotcore" else "true")
    assert (found["SDOT_INFLIGHT"] == "100") == (broker == "iotcore")
    assert first.value("SELECT count(*) FROM district") == 25
    assert first.value("SELECT count(*) FROM latest WHERE time > now() - interval '5 minutes'") == 1100
    assert b"<html" in httpx.get(first.url).content.lower()
    readings = first.value("SELECT count(*) FROM reading")
    children = first.pids()
    assert first.stop() == 0
    assert gone(children)
    assert {path.name for path in place.iterdir()} == {"data", "data-0.log"}
    assert not (place / "data" / "running.json").exists()

    second = up(place / "data", *SHORT, environment={"PATH": stack_path}).ready()
    assert second.value("SELECT count(*) FROM reading") >= readings
    assert "days of history: 100 %" in first.said
    assert "days of history" not in second.said


def test_a_killed_stack_takes_all_along_and_the_next_start_works(place, up, stack_path):
    first = up(place / "data", "--no-simulator", environment={"PATH": stack_path}).ready()
    children = first.pids()
    assert len(children) > 4
    first.process.kill()
    until(lambda: gone(children), "the end of all children")
    assert (place / "data" / "running.json").exists()
    second = up(place / "data", "--no-simulator", environment={"PATH": stack_path}).ready()
    assert second.value("SELECT count(*) FROM district") == 25
    assert second.settings()["SDOT_MQTT_URL"] == first_broker(first.said)
    children = second.pids()
    assert second.stop(signal.SIGINT) == 0
    assert gone(children)


def first_broker(said: str) -> str:
    found = re.search(r"Broker: \w+ (?:[\d.]+ )?on ([\d.]+:\d+)", said)
    assert found is not None
    return f"mqtt://{found[1]}"


def test_what_it_prints_without_a_simulator_makes_a_first_sensor(place, up):
    stack = up(place / "data", "--no-simulator").ready()
    printed = re.search(r"^  sdot (publish .*)$", stack.said, re.MULTILINE)
    assert printed is not None
    subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m sdot {printed[1]}'], env=stack.environment, check=True
    )
    found = (
        "SELECT state FROM sensor JOIN reading USING (sensor_id) WHERE serial = 'my-first' AND pm25 = 12.5"
    )
    until(lambda: stack.value(found) == "unverified", "the reading of the first sensor")


def test_a_dead_program_is_told_and_comes_back(place, up):
    stack = up(place / "data", "--no-simulator").ready()
    for name in ("ingest", "dashboard"):
        (pid,) = [pid for pid in stack.pids() if f" {name}" in command(pid)]
        os.kill(pid, signal.SIGKILL)
        until(lambda name=name: f"{name} ended (killed by SIGKILL)" in stack.said, f"word of {name}")
    until(lambda: ready(stack.url), "the dashboard's return")


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def ready(url: str | None) -> bool:
    try:
        return url is not None and httpx.get(url + "/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def test_taken_ports_are_passed_over_and_all_listen_on_loopback(place, up):
    with socket.socket() as http, socket.socket() as mqtt:
        for taken in (http, mqtt):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        ports = http.getsockname()[1], mqtt.getsockname()[1]
        options = ["--no-simulator", "--http-port", str(ports[0]), "--mqtt-port", str(ports[1])]
        stack = up(place / "data", *options).ready()
        for port in ports:
            assert f"Port {port} is taken" in stack.said
        assert stack.settings()["SDOT_HTTP_PORT"] != str(ports[0])
    assert {address for pid in stack.pids() for address in listening(pid)} == {"0100007F"}


def listening(pid: int) -> set[str]:
    """Addresses, in the kernel's notation, on which a process listens."""
    links = (link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())
    inodes = {name[8:-1] for name in links if name.startswith("socket:")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def test_a_folder_in_use_is_refused(place, up):
    stack = up(place / "data", "--no-simulator").ready()
    second = up(place / "data", "--no-simulator")
    assert second.process.wait() == 1
    assert f"another `sdot up` (process {stack.process.pid}) uses {place}/data" in second.said
    assert ready(stack.url)


def test_a_persons_own_settings_win_and_reach_a_second_terminal(place, up):
    own = {"SDOT_REGISTER": "open", "SDOT_RETENTION_RAW": "forever", "SDOT_TOPIC_PREFIX": "city/air"}
    stack = up(place / "data", "--no-simulator", environment=own).ready()
    stack.environment = {name: value for name, value in stack.environment.items() if name not in own}
    assert own.items() <= stack.settings().items()
    assert "PostgreSQL 18" in stack.sdot("db", "status")
    assert "up to date" in stack.sdot("db", "migrate")


def test_another_database_is_used_and_no_cluster_made(place, up, embedded_database):
    stack = up(
        place / "data", "--no-simulator", environment={"SDOT_DATABASE_URL": embedded_database.url}
    ).ready()
    assert "Database: the one of SDOT_DATABASE_URL" in stack.said
    assert stack.settings()["SDOT_DATABASE_URL"] == embedded_database.url
    assert not (place / "data" / "postgres").exists()


def test_more_workers_need_mosquitto(place, up):
    stack = up(place / "data", "--no-simulator", "--broker", "iotcore", "--workers", "2")
    assert stack.process.wait(60) == 1
    assert "sdot: --workers 2 needs mosquitto" in stack.said


def test_a_program_that_cannot_start_is_told_in_words(place, up):
    stack = up(place / "data", "--no-simulator", environment={"SDOT_CITY": "atlantis"})
    assert stack.process.wait(60) == 1
    assert "sdot: " in stack.said
    assert "atlantis" in stack.said
    assert "Traceback" not in stack.said


@pytest.mark.skipif(os.geteuid() != 0, reason="already an ordinary user: every other test ran as one")
def test_an_ordinary_user_runs_it_too(place, up):
    (place / "home").mkdir()
    os.chown(place / "home", NOBODY, NOBODY)
    (place / "home").chmod(0o700)
    python, path = readable_python(place / "source")
    environment = {"PYTHONPATH": path, "HOME": str(place / "home")}
    stack = up(
        place / "home" / "data",
        *SHORT,
        environment=environment,
        identity=Identity(NOBODY, NOBODY),
        python=python,
    ).ready()
    assert stack.value("SELECT count(*) FROM latest") == 1100
    alive = [Path(f"/proc/{pid}") for pid in stack.pids()]
    owners = set()
    for process in alive:
        with contextlib.suppress(FileNotFoundError):  # a server's short-lived child may have ended
            owners.add(process.stat().st_uid)
    assert owners == {NOBODY}
    assert stack.stop() == 0
    assert {path.name for path in (place / "home").iterdir()} == {"data", "data-0.log"}
