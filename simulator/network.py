"""Connections of many devices, driven by one thread: who is ready, whose time it is to connect, who keeps silent.

After a loss nobody storms the broker: while it is away one connection asks for all, with back-off; once it answers,
the others follow, spread over a time that grows with their number.
"""

from __future__ import annotations

import heapq
import logging
import select
import time
from collections.abc import Callable
from itertools import count

from city.settings import MqttAddress
from simulator.jitter import share
from simulator.publisher import Connection, Identity

log = logging.getLogger(__name__)

#: Connections that are made in a second at most; two cores carry it beside the rest of the stack.
CONNECTS_PER_S = 500.0
#: Back-off while the broker is away, s: the first is quick, the last still finds it soon after it is back; each ± 25 %.
_FIRST_S, _LAST_S, _ABOUT = 0.5, 5.0, 0.25
#: A broker that refuses one of us, as with a wrong password, is asked again after so long, s.
_REFUSED_S = 30.0
#: Longest wait for the broker's answer to CONNECT, s.
_ANSWER_S = 5.0
#: Each connection is looked at so often, s: for keep-alive and for answers that do not come.
_LOOK_S = 1.0


class Away:
    """Back-off while the broker does not answer."""

    def __init__(self) -> None:
        self.failures = 0
        self._answered = False

    def next_s(self, name: str) -> float:
        """Seconds until the next attempt, after one more in vain by `name`."""
        wait_s: float = min(_FIRST_S * 2**self.failures, _LAST_S)
        self.failures = min(self.failures + 1, 10)
        return wait_s * (1 + _ABOUT * (2 * share(name, self.failures) - 1))

    def over(self) -> bool:
        """The broker has answered; whether that is news."""
        news = bool(self.failures) or not self._answered
        self.failures, self._answered = 0, True
        return news


class Network:
    """All connections to one broker; `ready` is called with each that may send again."""

    def __init__(self, address: MqttAddress, ready: Callable[[Connection], None]) -> None:
        self._address, self._ready = address, ready
        self._epoll = select.epoll()
        self._by_descriptor: dict[int, Connection] = {}
        self._connections: list[Connection] = []
        self._due: list[tuple[float, int, Connection]] = []
        self._order = count()
        self._answer_by: dict[Connection, float] = {}
        self._away = Away()
        self._asking: Connection | None = None
        self._next_at = 0.0
        self._looked_at, self._look = time.monotonic(), 0
        self._parked: set[Connection] = set()
        self._refused: set[Connection] = set()
        self._told_refusal = False

    def add(self, identity: Identity) -> Connection:
        """One more connection; it is made when its time comes."""
        connection = Connection(self._address, identity, self)
        self._connections.append(connection)
        self._schedule(connection, self._spread(connection))
        return connection

    def serve(self, seconds: float) -> None:
        """Wait up to `seconds` for something to happen, and see to it."""
        self._connect_due()
        self._look_after()
        timeout = max(0.0, min(seconds, self._next_s()))
        for descriptor, events in self._epoll.poll(timeout):
            connection = self._by_descriptor.get(descriptor)
            if connection is None:
                continue
            if events & select.EPOLLOUT and connection.writable():
                self._watch(descriptor, select.EPOLLIN)
            if events & ~select.EPOLLOUT and descriptor in self._by_descriptor:
                connection.readable()

    def park(self, connection: Connection) -> None:
        """Break a connection off and leave it so until `unpark`."""
        self._parked.add(connection)
        connection.drop()

    def unpark(self, connection: Connection) -> None:
        """Connect again."""
        if connection in self._parked:
            self._parked.discard(connection)
            self._schedule(connection, 0.0)

    def close(self) -> None:
        """Leave the broker, all of us."""
        for connection in self._connections:
            connection.close()
        self._epoll.close()

    # What connections tell (publisher.Watcher)

    def opened(self, connection: Connection, descriptor: int) -> None:
        """Wait for it, too."""
        self._by_descriptor[descriptor] = connection
        self._epoll.register(descriptor, select.EPOLLIN)

    def closing(self, connection: Connection, descriptor: int) -> None:  # noqa: ARG002 the watcher's signature
        """Wait for it no longer."""
        if self._by_descriptor.pop(descriptor, None) is not None and not self._epoll.closed:
            self._epoll.unregister(descriptor)

    def blocked(self, connection: Connection, descriptor: int) -> None:  # noqa: ARG002 the watcher's signature
        """Wait until it takes more."""
        self._watch(descriptor, select.EPOLLIN | select.EPOLLOUT)

    def accepted(self, connection: Connection) -> None:
        """One is in; if the broker was away, the others follow."""
        self._answered(connection)
        if self._away.over():
            log.info("connected to the broker at %s", self._place, extra={"event": "connected"})
            self._restagger()
        self._ready(connection)

    def refused(self, connection: Connection, why: str) -> None:
        """Told once; tried again much later."""
        self._answered(connection)
        self._refused.add(connection)
        level, self._told_refusal = logging.DEBUG if self._told_refusal else logging.ERROR, True
        log.log(level, "%s: the broker at %s refuses: %s (more of them are not told)",
                connection.identity.client_id, self._place, why, extra={"event": "broker_refuses"})  # fmt: skip

    def lost(self, connection: Connection, why: str) -> None:
        """Another attempt, when its time comes."""
        unanswered = connection in self._answer_by
        self._answered(connection)
        if connection in self._parked:
            return
        if connection in self._refused:
            self._refused.discard(connection)
            self._schedule(connection, _REFUSED_S + self._spread(connection))
        elif unanswered:
            self._fail(connection, why)
        else:
            self._schedule(connection, self._spread(connection))

    def acknowledged(self, connection: Connection) -> None:
        """It may send more."""
        self._ready(connection)

    def _watch(self, descriptor: int, events: int) -> None:
        self._epoll.modify(descriptor, events)

    # Whose time it is

    def _fail(self, connection: Connection, why: str) -> None:
        if not self._away.failures:
            among = f"{sum(one.open for one in self._connections)} of {len(self._connections)}"
            log.warning("the broker at %s does not answer (%s); %s connections are open; trying again",
                        self._place, why, among, extra={"event": "broker_away"})  # fmt: skip
        self._next_at = time.monotonic() + self._away.next_s(connection.identity.client_id)
        self._schedule(connection, 0.0)

    @property
    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def _answered(self, connection: Connection) -> None:
        self._answer_by.pop(connection, None)
        if self._asking is connection:
            self._asking = None

    def _spread(self, connection: Connection) -> float:
        """Seconds until this one's turn, among all of them."""
        together = max(1, len(self._connections)) / CONNECTS_PER_S
        return share(connection.identity.client_id, connection.session) * together

    def _schedule(self, connection: Connection, seconds: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), connection))

    def _restagger(self) -> None:
        """Who waited while the broker was away has its turn in a new order."""
        waiting, self._due = self._due, []
        for _, _, connection in waiting:
            self._schedule(connection, self._spread(connection))

    def _connect_due(self) -> None:
        now = time.monotonic()
        if not self._due or self._due[0][0] > now or self._next_at > now or self._asking:
            return
        _, _, connection = heapq.heappop(self._due)
        if connection.connected or connection in self._parked:
            return
        self._answer_by[connection] = now + _ANSWER_S
        if self._away.failures:
            self._asking = connection
        self._next_at = now + 1 / CONNECTS_PER_S
        connection.connect()

    def _next_s(self) -> float:
        """Seconds until somebody's turn to connect."""
        if not self._due or self._asking:
            return _LOOK_S
        return max(self._due[0][0], self._next_at) - time.monotonic()

    def _look_after(self) -> None:
        now = time.monotonic()
        number = int(len(self._connections) * min(1.0, (now - self._looked_at) / _LOOK_S))
        if not number:
            return
        self._looked_at = now
        for _ in range(number):
            self._look = (self._look + 1) % len(self._connections)
            connection = self._connections[self._look]
            if self._answer_by.get(connection, now) < now:
                connection.give_up("no answer to CONNECT")
            elif connection.open:
                connection.keep_alive()
