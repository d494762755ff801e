"""Faults one after the other, chosen by chance from a seed: SDOT_TEST_FAULTS_SEED has the same again."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from tests.faults.rig import Rig
from tests.servers.broker import Broker
from tests.servers.postgres import Server
from tests.servers.product import Ingest
from tests.servers.proxy import Proxy


class Chaos:
    """One worker, to which something happens; whoever runs it starts it again when it ends."""

    def __init__(self, rig: Rig, server: Server, broker: Broker, proxies: tuple[Proxy, Proxy]) -> None:
        self._rig, self._server, self._broker, self._proxies = rig, server, broker, proxies
        self._chance = random.Random(rig.scale.seed)
        self._worker: Ingest = rig.worker()
        self.done: list[str] = []
        self._faults: list[Callable[[], None]] = [
            self.kill_ingest,
            self.restart_ingest,
            self.pause_ingest,
            self.end_connections,
            self.lock,
            self.restart_database,
            self.kill_database,
            self.restart_broker,
            self.cut,
            self.silence,
        ]

    def run(self, seconds: float) -> None:
        """Until so much time has passed; each fault once before any comes again."""
        end, left = time.monotonic() + seconds, list[Callable[[], None]]()
        while time.monotonic() < end:
            if not left:
                left = self._chance.sample(self._faults, len(self._faults))
            fault = left.pop()
            self.done.append(fault.__name__)
            fault()
            time.sleep(self._chance.uniform(0.1, 1.5))

    def _pause_s(self) -> float:
        return self._chance.uniform(0.2, 3.0)

    def kill_ingest(self) -> None:
        self._rig.memory.look()
        self._worker.process.kill()
        self._start()

    def restart_ingest(self) -> None:
        self._worker.process.stop()
        self._start()

    def _start(self) -> None:
        self._rig.product.started.remove(self._worker.process)
        self._worker = self._rig.worker()

    def pause_ingest(self) -> None:
        self._worker.process.pause()
        time.sleep(self._pause_s())
        self._worker.process.go_on()

    def end_connections(self) -> None:
        query = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'sdot ingest'"
        )
        self._rig.product.database.value(query)

    def lock(self) -> None:
        table = self._chance.choice(["reading", "latest", "ledger_minute_writer", "sensor"])
        with self._rig.product.database.connect() as person, person.transaction():
            person.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            time.sleep(2 * self._pause_s())

    def restart_database(self) -> None:
        self._server.process.stop(signal.SIGINT)
        time.sleep(self._pause_s())
        self._server.restart()

    def kill_database(self) -> None:
        self._server.process.kill()
        self._server.restart()

    def restart_broker(self) -> None:
        self._broker.process.stop()
        time.sleep(self._pause_s())
        self._broker.restart()

    def cut(self) -> None:
        proxy = self._chance.choice(self._proxies)
        proxy.refuse()
        time.sleep(self._pause_s())
        proxy.serve()

    def silence(self) -> None:
        proxy = self._chance.choice(self._proxies)
        proxy.pause()
        time.sleep(2 * self._pause_s())
        if self._chance.random() < 0.5:  # what was sent meanwhile is gone, or arrives
            proxy.cut()
        proxy.go_on()


def test_mixed_chaos(
    rig: Rig, server: Server, broker: Broker, broker_proxy: Proxy, database_proxy: Proxy
) -> None:
    chaos = Chaos(rig, server, broker, (broker_proxy, database_proxy))
    rig.publish()
    rig.flow()
    with rig.fault():
        chaos.run(rig.scale.chaos_s)
    rig.settle()
    rig.figures.notes |= {"faults": len(chaos.done), "seed": rig.scale.seed}
    print(*chaos.done)
