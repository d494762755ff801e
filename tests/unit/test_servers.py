"""The tests' own servers keep their word: nothing outlives the run, and a held direction holds."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.path import without
from tests.servers.place import Place
from tests.servers.process import ROOT, Process, children
from tests.servers.proxy import Proxy
from tests.waiting import until


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that answers each connection with what it says."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(listener,), daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            while data := connection.recv(1000):
                connection.sendall(data)


def test_proxy_passes_both_ways_and_ends_with_either_side(echo: int) -> None:
    with Proxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def test_proxy_keeps_what_is_held_and_passes_it_on_in_order(echo: int) -> None:
    with Proxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        proxy.hold("up")
        client.sendall(b"one")
        until(lambda: proxy.kept("up") == [b"one"], "the proxy to keep what was sent")
        client.sendall(b"two")
        until(lambda: proxy.kept("up") == [b"onetwo"], "the proxy to keep the rest")
        proxy.release("up")
        client.sendall(b"three")
        got = b""
        while got != b"onetwothree":
            got += client.recv(100)


def test_proxy_throws_away_what_is_held_when_it_cuts(echo: int) -> None:
    with Proxy(echo) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            proxy.hold("up")
            client.sendall(b"lost")
            until(lambda: proxy.kept("up") == [b"lost"], "the proxy to keep what was sent")
            proxy.cut()
            assert client.recv(100) == b""
        proxy.release("up")
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            client.sendall(b"new")
            assert client.recv(100) == b"new"


def test_proxy_refuses_while_its_target_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with Proxy(port) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert client.recv(100) == b""


def test_processes_die_with_a_killed_run(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tests.servers.process import Process\n"
        "print(Process(['sleep', '600'], Path(sys.argv[1])).pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, tmp_path / "log"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        until(lambda: _name(pid) == "sleep", "the child to become its command")
        run.kill()
    until(lambda: _name(pid) == "", "the child to die with its parent")


def _name(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat")
    try:
        name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
    except OSError:
        return ""
    return "" if rest.split()[0] == "Z" else name


def test_process_pauses_with_its_children_and_goes_on(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "sleep 600 & wait"], tmp_path / "log")
    until(lambda: len(children(process.pid)) == 1, "the shell to start its child")
    family = [process.pid, *children(process.pid)]
    process.pause()
    until(lambda: [_state(pid) for pid in family] == ["T", "T"], "both to stop")
    process.go_on()
    until(lambda: "T" not in [_state(pid) for pid in family], "both to go on")
    process.kill()
    assert process.code == -signal.SIGKILL
    os.kill(family[1], signal.SIGKILL)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_place_sweeps_what_a_killed_run_left(tmp_path: Path) -> None:
    code = "import sys, os; from pathlib import Path; from tests.servers.place import Place\nPlace(Path(sys.argv[1])); os._exit(1)"
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, check=False)
    (left,) = tmp_path.glob("sdot-test-*/")
    mine = Place(tmp_path)
    assert not left.exists()
    other = Place(tmp_path)
    assert mine.path.exists()
    for place in (mine, other):
        place.remove()
    assert not list(tmp_path.glob("sdot-test-*/"))


def test_path_without_a_program_keeps_the_others(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("mosquitto", "mosquitto_pub"):
        (programs / name).touch()
    path = without("mosquitto", f"{programs}{os.pathsep}{tmp_path}", tmp_path / "shadows")
    shadow, rest = path.split(os.pathsep)
    assert [entry.name for entry in Path(shadow).iterdir()] == ["mosquitto_pub"]
    assert rest == str(tmp_path)
