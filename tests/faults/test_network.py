"""The network between ingest and broker, and between ingest and database: cut, silent, and half-open."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.rig import BACK_S, Rig
from tests.servers.product import Ingest
from tests.servers.proxy import Proxy
from tests.waiting import until

#: Called with the proxy and the seconds: the network hurts and heals.
Hurt = Callable[[Proxy, float], None]


def cut(proxy: Proxy, seconds: float) -> None:
    """Connections end, new ones are hung up on."""
    proxy.refuse()
    time.sleep(seconds)
    proxy.serve()


def silent(proxy: Proxy, seconds: float) -> None:
    """Nothing arrives, nothing is refused; then what was sent meanwhile does arrive."""
    proxy.pause()
    time.sleep(seconds)
    proxy.go_on()


def lossy(proxy: Proxy, seconds: float) -> None:
    """Nothing arrives; then the connections end, and what was sent meanwhile is gone."""
    proxy.pause()
    time.sleep(seconds)
    proxy.cut()
    proxy.go_on()


@pytest.mark.parametrize("hurt", [cut, silent, lossy])
def test_between_ingest_and_broker(rig: Rig, broker_proxy: Proxy, hurt: Hurt) -> None:
    _hurt(rig, broker_proxy, hurt)


@pytest.mark.parametrize("hurt", [cut, silent, lossy])
def test_between_ingest_and_database(rig: Rig, database_proxy: Proxy, hurt: Hurt) -> None:
    _hurt(rig, database_proxy, hurt)


def _hurt(rig: Rig, proxy: Proxy, hurt: Hurt) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        hurt(proxy, rig.scale.cut_s)
    worker.until_ready()
    rig.settle()


def test_half_open_to_the_broker(rig: Rig, broker_proxy: Proxy) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        broker_proxy.strand()
    assert _slot(worker) == 0
    rig.settle()


def test_half_open_to_the_database(rig: Rig, database_proxy: Proxy) -> None:
    """The server goes on holding the lost connection, and with it the slot and perhaps rows of a batch."""
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        database_proxy.strand()
    assert _slot(worker) == 0, "the same slot: nobody else would fetch what its session holds"
    rig.settle()


def _slot(worker: Ingest) -> int:
    until(lambda: worker.standing()["ready"], "ingest to be ready", BACK_S)
    return int(worker.standing()["slot"])
