"""The broker of `sdot up`: mosquitto where it is installed, else iotcore (rumqttd in a wheel)."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files

from city.errors import BrokerError
from city.settings import MQTT_PORT, environment
from sdot.account import Account, service_account
from sdot.folder import DataFolder, write_private
from sdot.ports import LOOPBACK, free_port
from sdot.probe import Probe
from sdot.process import POLL_S
from sdot.supervisor import Child, Program, last_sentence

#: Where Debian and others put servers; not on an ordinary user's PATH.
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
START_S = 15.0
#: A broker that hands nothing on for this long is started again.
SILENCE_S = 20.0
#: Unacknowledged messages that iotcore has out to one client (rumqttd's own figure).
IOTCORE_WINDOW = 100
#: Largest packet iotcore takes; its default of 20 kB cuts the connection (ingest refuses over 256 KiB itself).
IOTCORE_PAYLOAD_BYTES = 2 * 1024 * 1024
IOTCORE_SETTINGS = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
# the backlog is memory: 10 segments of 100 MB; beyond it the oldest messages are gone
max_segment_size = 104857600
max_segment_count = 10

[v4.1]
name = "v4-1"
# the default is every address of the machine
listen = "{address}:{port}"
next_connection_delay_ms = 1

    [v4.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = {payload}
    max_inflight_count = {window}
    dynamic_filters = true
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that can be started here."""

    #: `mosquitto` or `iotcore`.
    kind: str
    path: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """Where our own programs reach it."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.address, self.address)  # noqa: S104 a comparison
        return f"mqtt://{_bracketed(host)}:{self.port}"

    @property
    def shared(self) -> bool:
        """Whether ingest may use a shared subscription: with unacknowledged messages iotcore's router panics."""
        return self.kind == "mosquitto"

    def program(self, folder: DataFolder) -> Program:
        """What to run; its settings are written anew."""
        if self.kind == "mosquitto":
            return _mosquitto(self, folder, service_account(folder.cluster))
        return _iotcore(self, folder)


def find_mosquitto() -> str | None:
    """The `mosquitto` on PATH."""
    return shutil.which("mosquitto")


def off_path() -> str | None:
    """A mosquitto that is installed, but not on PATH."""
    return shutil.which("mosquitto", path=os.pathsep.join(SERVER_FOLDERS))


def is_loopback(address: str) -> bool:
    """Whether an address to listen on is this machine's own."""
    return address in ("localhost", "::1") or address.startswith("127.")


def choose(wanted: str = "auto", address: str = LOOPBACK, port: int = MQTT_PORT) -> Broker:
    """The broker to start: `wanted` is auto, mosquitto or iotcore; `port` the first to try.

    BrokerError where it is not there, or cannot listen beyond this machine.
    """
    path = None if wanted == "iotcore" else find_mosquitto()
    if wanted == "mosquitto":
        path = path or off_path()
        if path is None:
            raise BrokerError("mosquitto is not installed (Debian, Ubuntu: apt install mosquitto)")
    if path is None and not is_loopback(address):
        raise BrokerError(
            f"--listen {address} needs mosquitto, which is not on PATH (Debian, Ubuntu: apt install mosquitto); "
            "iotcore knows no passwords and stays on this machine"
        )
    return Broker(
        "mosquitto" if path else "iotcore", path or sys.executable, address, free_port(port, address)
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _program(broker: Broker, folder: DataFolder, argv: list[str], account: Account | None) -> Program:
    return Program(
        name=broker.kind,
        argv=argv,
        cwd=folder.broker,
        log=folder.logs / f"{broker.kind}.log",
        rank=1,
        environment=environment() if broker.kind == "iotcore" else {"PATH": "/usr/bin:/bin"},
        account=account,
        patience_s=5.0,
    )


def _mosquitto(broker: Broker, folder: DataFolder, account: Account | None) -> Program:
    folder.admit(account)
    folder.make(folder.broker, account)
    shipped = files("sdot").joinpath("mosquitto.conf").read_text(encoding="utf-8")
    place = (
        f"\nlistener {broker.port} {broker.address}\n"
        # no accounts yet: whoever reaches the address may publish
        "allow_anonymous true\n"
        f"persistence_location {folder.broker}/\n"
    )
    write_private(folder.broker / "mosquitto.conf", shipped + place, account)
    # started as `account`, never as root: mosquitto would change to a user of its own and lose its folder
    return _program(broker, folder, [broker.path, "-c", str(folder.broker / "mosquitto.conf")], account)


def iotcore_settings(address: str, port: int) -> str:
    """The text of iotcore's settings file."""
    return IOTCORE_SETTINGS.format(
        address=_bracketed(address), port=port, payload=IOTCORE_PAYLOAD_BYTES, window=IOTCORE_WINDOW
    )


def _iotcore(broker: Broker, folder: DataFolder) -> Program:
    folder.make(folder.broker, None)
    settings = folder.broker / "rumqttd.toml"
    write_private(settings, iotcore_settings(broker.address, broker.port))
    return _program(broker, folder, [broker.path, "-P", "-m", "sdot.rumqttd", str(settings)], None)


def described(broker: Broker) -> str:
    """One line about it for the person who starts it."""
    where = f"{broker.address}:{broker.port}"
    if broker.kind == "mosquitto":
        open_to_all = (
            "" if is_loopback(broker.address) else "; it asks for no password: who reaches it may publish"
        )
        return f"Broker: mosquitto on {where}{open_to_all}"
    hint = f" ({off_path()} exists, but is not on PATH)" if off_path() else ""
    return (
        f"Broker: iotcore {version('iotcore')} on {where}. It is for trying and developing: what it holds dies "
        f"with it, and it knows no passwords. With mosquitto installed, sdot uses that{hint}."
    )


def wait_ready(child: Child, probe: Probe, alive: Callable[[], None] = lambda: None) -> None:
    """Return when a message went through it; BrokerError, in its log's words, where none does."""
    end = time.monotonic() + START_S
    while probe.answered is None:
        alive()
        probe.step()
        if not child.running:
            raise BrokerError(f"the broker does not start: {child.ending()}")
        if time.monotonic() > end:
            raise BrokerError(f"the broker hands on no message: {last_sentence(child.program.log)}")
        time.sleep(POLL_S)
