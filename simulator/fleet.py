"""Many devices: on few connections that they share, or on one each."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from city.settings import MqttAddress
from simulator.descriptors import allow
from simulator.device import Device, Kept, Numbers
from simulator.network import Network
from simulator.publisher import Connection, Identity

log = logging.getLogger(__name__)

#: Devices that share a connection. A last will belongs to a connection, so devices that share one have none.
SHARED_BY = 300
#: A device's first message of a session goes with its status.
_WITH_STATUS = 2
#: Unacknowledged messages of a device with a connection of its own, and its keep-alive, s: a small one on a radio link.
OWN_WINDOW, OWN_KEEPALIVE_S = 4, 60


class Group:
    """Devices of one connection, and who of them is waiting to send."""

    def __init__(self, devices: Sequence[Device], *, own: bool) -> None:
        self.devices = devices
        #: whether the connection is its only device's own
        self.own = own
        self.connection: Connection
        self._waiting: deque[Device] = deque()
        self._statuses: deque[Device] = deque()

    def queue(self, device: Device) -> None:
        """Put a device in line, where it has something to send and is not in it."""
        if device.ready and not device.queued:
            device.queued = True
            self._waiting.append(device)

    def tell_status(self, device: Device) -> None:
        """Say of a device what it now is, once there is room."""
        self._statuses.append(device)

    def send(self) -> int:
        """Send what waits, in turn, as far as there is room; how many messages went, statuses not counted."""
        if self.own:
            self._greet(self.devices[0])
        while self._statuses and self.connection.room:
            self._tell(self._statuses.popleft())
        sent = 0
        while self._waiting and self.connection.room >= _WITH_STATUS:
            device = self._waiting.popleft()
            device.queued = False
            if device.ready:
                self._greet(device)
                self.connection.publish(*device.message())
                sent += 1
                self.queue(device)
        return sent

    def leave(self) -> bool:
        """Retain `offline` for whoever is online, as far as there is room; whether that is done."""
        if not self.connection.open:
            return True
        online = [device for device in self.devices if device.session]
        for device in online[: self.connection.room]:
            device.session, device.silent = 0, True
            self._tell(device)
        return len(online) == 0 and self.connection.idle

    def _greet(self, device: Device) -> None:
        # a broker that was restarted may have forgotten what it retained, so each session says it again
        if device.session != self.connection.session and self.connection.room and not device.silent:
            device.session = self.connection.session
            self._tell(device)

    def _tell(self, device: Device) -> None:
        self.connection.publish(device.status_topic, device.status, retain=True)


class Fleet:
    """All devices of a city.

    `passwords` (serial → password) gives each device a connection of its own, on which it logs in as its serial; with
    an empty one they use the address's user. None: the devices share connections.
    """

    def __init__(
        self,
        address: MqttAddress,
        devices: Sequence[Device],
        client_id: str = "sdot-simulator",
        passwords: Mapping[str, str] | None = None,
    ) -> None:
        self.devices = devices
        self._together = SHARED_BY if passwords is None else 1
        starts = range(0, len(devices), self._together)
        allow(len(starts))
        self._groups = [
            Group(devices[first : first + self._together], own=passwords is not None) for first in starts
        ]
        self._by_connection: dict[Connection, Group] = {}
        self._ready: dict[Group, None] = {}
        self._network = Network(address, lambda connection: self._rouse(self._by_connection[connection]))
        for number, group in enumerate(self._groups):
            shared = Identity(f"{client_id}-{number}", address.username, address.password)
            who = shared if passwords is None else _own(group.devices[0], address, passwords)
            group.connection = self._network.add(who)
            self._by_connection[group.connection] = group

    def measure(self, index: int, time_ms: int, values: Numbers) -> None:
        """Give a reading to device `index`, which sends it as soon as it can."""
        self.devices[index].measure(time_ms, values)
        self._queue(index)

    def serve(self, seconds: float) -> int:
        """Send what waits and look after the connections until `seconds` have passed; how many messages went."""
        end = time.monotonic() + seconds
        sent = self._send()
        while (left := end - time.monotonic()) > 0:
            self._network.serve(left)
            sent += self._send()
        return sent

    def farewell(self, seconds: float) -> None:
        """Tell the broker that the devices are offline and leave, within about `seconds`."""
        until = time.monotonic() + seconds
        leaving = self._groups
        while (leaving := [one for one in leaving if not one.leave()]) and time.monotonic() < until:
            self._network.serve(min(0.05, until - time.monotonic()))
        for group in leaving:
            if group.own:  # too late for words: the last will says it
                group.connection.drop()
        self._network.close()
        if lost := sum(device.dropped for device in self.devices):
            log.warning(
                "%d readings were lost while they could not be sent", lost, extra={"event": "readings_lost"}
            )

    # For who makes faults: each is of one device, by its index

    def silence(self, index: int) -> None:
        """Take a device off the network; it goes on measuring. Its own connection breaks off, and the last will tells."""
        device, group = self.devices[index], self._group(index)
        if device.silent:
            return
        device.silent = True
        if group.own:
            self._network.park(group.connection)
        elif device.session:
            group.tell_status(device)
            self._rouse(group)
        device.session = 0

    def resume(self, index: int) -> None:
        """Bring a silent device back; what it measured meanwhile goes together."""
        device, group = self.devices[index], self._group(index)
        if not device.silent:
            return
        device.silent = False
        if group.own:
            self._network.unpark(group.connection)
        self._queue(index)

    def hold(self, index: int) -> None:
        """Let a device keep its readings, though it is online."""
        self.devices[index].held = True

    def release(self, index: int, change: Callable[[list[Kept]], Iterable[Kept]] | None = None) -> None:
        """Let it send them: as they are, or what `change` makes of them (another order, some twice)."""
        device = self.devices[index]
        device.held = False
        if change:
            device.rearrange(change)
        self._queue(index)

    def send_raw(self, index: int, body: bytes, topic: str | None = None) -> bool:
        """Publish bytes on the device's reading topic, or on another; False where too many wait already."""
        taken = self.devices[index].add_raw(body, topic)
        self._queue(index)
        return taken

    def _group(self, index: int) -> Group:
        return self._groups[index // self._together]

    def _queue(self, index: int) -> None:
        group = self._group(index)
        group.queue(self.devices[index])
        self._rouse(group)

    def _rouse(self, group: Group) -> None:
        self._ready[group] = None

    def _send(self) -> int:
        ready, self._ready = self._ready, {}
        return sum(group.send() for group in ready)


def _own(device: Device, address: MqttAddress, passwords: Mapping[str, str]) -> Identity:
    serial = device.serial
    username, password = (serial, passwords[serial]) if passwords else (address.username, address.password)
    return Identity(serial, username, password, device.will, OWN_WINDOW, OWN_KEEPALIVE_S)
