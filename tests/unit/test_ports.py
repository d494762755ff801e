"""Ports: the next free one, and the sentence where none is."""

import socket

import pytest

from city.errors import StackError
from sdot import ports


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_passed_over(taken):
    assert not ports.is_free(taken)
    found = ports.free_port(taken)
    assert found > taken
    assert ports.is_free(found)


def test_several_in_a_row_are_wanted_together(taken):
    assert ports.free_port(taken - 1, count=2) > taken


def test_none_left_is_told(taken, monkeypatch):
    monkeypatch.setattr(ports, "ATTEMPTS", 0)
    with pytest.raises(StackError, match=f"no port from {taken} to {taken} is free on 127.0.0.1"):
        ports.free_port(taken)
