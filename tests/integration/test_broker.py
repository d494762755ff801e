"""The broker of `sdot up`, each kind: started with the shipped settings, judged by a round trip."""

import os
import shutil
import signal
import socket
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from city.errors import BrokerError
from city.settings import mqtt_address
from sdot import broker as module
from sdot.folder import DataFolder
from sdot.probe import Probe
from sdot.supervisor import Supervisor
from tests.servers.missing import Missing
from tests.servers.mosquitto import mosquitto_program
from tests.waiting import until


@pytest.fixture
def folder(tmp_path_factory):
    """A data folder that mosquitto's account can enter."""
    path = Path(f"/tmp/sdot-{os.getpid()}-{tmp_path_factory.mktemp('b').name}")
    path.mkdir(mode=0o755)
    made = DataFolder(path)
    made.prepare()
    yield made
    made.release()
    shutil.rmtree(path)


@pytest.fixture
def supervisor():
    made = Supervisor(print)
    yield made
    made.stop()


@pytest.fixture(params=["mosquitto", "iotcore"])
def kind(request):
    if request.param == "mosquitto":
        try:
            mosquitto_program()
        except Missing as missing:
            pytest.skip(str(missing))
    return request.param


class Running:
    def __init__(self, kind: str, folder: DataFolder, supervisor: Supervisor) -> None:
        self.broker = module.choose(kind)
        self.child = supervisor.start(self.broker.program(folder))
        self.probe = Probe(self.broker.url)
        module.wait_ready(self.child, self.probe)

    def client(self, name: str, clean: bool = True) -> mqtt.Client:
        made = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)
        address = mqtt_address(self.broker.url)
        made.connect(address.host, address.port)
        until(lambda: made.loop(0.01) == 0 and made.is_connected(), "CONNACK")
        return made

    def close(self) -> None:
        self.probe.reset()


@pytest.fixture
def running(kind, folder, supervisor):
    made = Running(kind, folder, supervisor)
    yield made
    made.close()


def test_listens_on_loopback_only(running):
    listening = {
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{running.broker.port:04X}")
    }
    assert listening == {f"0100007F:{running.broker.port:04X}"}


def test_carries_a_message_that_ingest_will_refuse_as_too_large(running):
    listener, sender = running.client("listener"), running.client("sender")
    got: list[int] = []
    listener.on_message = lambda _client, _data, message: got.append(len(message.payload))
    listener.subscribe("big/#", qos=1)
    until(lambda: listener.loop(0.01) == 0 and not listener.want_write(), "the subscription")
    sender.publish("big/one", b"x" * 1024 * 1024, qos=1)
    until(lambda: (sender.loop(0.01), listener.loop(0.01)) and got, "a megabyte")
    assert got == [1024 * 1024]
    for client in (listener, sender):
        client.disconnect()


def test_a_hung_broker_is_noticed_by_the_round_trip_and_a_new_one_is_found(running, supervisor):
    pid = running.child.process.pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", "it to stop")
    start = running.probe._clock()
    for second in range(int(module.SILENCE_S) + 2):
        running.probe._clock = lambda second=second: start + second
        running.probe.step()
    assert running.probe.silent_s > module.SILENCE_S
    supervisor.end(running.child)
    until(supervisor.tick, "the restart")
    running.probe = Probe(running.broker.url)
    module.wait_ready(running.child, running.probe)


def test_a_broker_that_cannot_start_is_told_in_its_own_words(kind, folder, supervisor):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = module.Broker(kind, module.choose(kind).path, "127.0.0.1", other.getsockname()[1])
        child = supervisor.start(taken.program(folder))
        with pytest.raises(BrokerError, match=rf"the broker does not start: {kind} ended .*in use"):
            module.wait_ready(child, Probe("mqtt://127.0.0.1:9"))


def test_mosquitto_keeps_an_absent_sessions_messages_over_a_restart(folder, supervisor):
    try:
        mosquitto_program()
    except Missing as missing:
        pytest.skip(str(missing))
    first = Running("mosquitto", folder, supervisor)
    absent = first.client("absent", clean=False)
    absent.subscribe("kept/#", qos=1)
    until(lambda: absent.loop(0.01) == 0 and not absent.want_write(), "the subscription")
    until(lambda: absent.loop(0.05) == 0, "SUBACK")
    absent.disconnect()
    sender = first.client("sender")
    info = sender.publish("kept/one", b"here", qos=1)
    until(lambda: sender.loop(0.01) == 0 and info.is_published(), "PUBACK")
    sender.disconnect()
    first.close()
    supervisor.stop()
    second = Running("mosquitto", folder, supervisor)
    got: list[bytes] = []
    again = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="absent", clean_session=False)
    again.on_message = lambda _client, _data, message: got.append(message.payload)
    again.connect("127.0.0.1", second.broker.port)
    until(lambda: again.loop(0.01) == 0 and got, "the kept message")
    assert got == [b"here"]
    again.disconnect()
    second.close()


def test_path_decides_and_a_taken_port_is_passed_over(stack_path, monkeypatch):
    monkeypatch.setenv("PATH", stack_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        chosen = module.choose(port=taken)
    assert chosen.kind == ("mosquitto" if shutil.which("mosquitto") else "iotcore")
    assert chosen.port > taken
    assert ("for trying and developing" in module.described(chosen)) == (chosen.kind == "iotcore")


def test_beyond_this_machine_needs_mosquitto():
    with pytest.raises(BrokerError, match=r"--listen 0\.0\.0\.0 needs mosquitto"):
        module.choose("iotcore", "0.0.0.0")
