"""Many devices on few connections."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence

from city.settings import MqttAddress
from simulator.device import OFFLINE, ONLINE, Device, Numbers
from simulator.publisher import Connection, wait

log = logging.getLogger(__name__)

#: Devices that share a connection. A last will belongs to a connection, so devices that share one have none.
SHARED_BY = 300
#: A device's first message of a session goes with its status.
_WITH_STATUS = 2


class Group:
    """Devices of one connection, and who of them is waiting to send."""

    def __init__(self, connection: Connection, devices: Sequence[Device]) -> None:
        self.connection = connection
        self._devices = devices
        self._waiting: deque[Device] = deque()

    def measure(self, device: Device, time_ms: int, values: Numbers) -> None:
        """Give a reading to a device of this group."""
        if not len(device):
            self._waiting.append(device)
        device.measure(time_ms, values)

    def send(self) -> int:
        """Send what waits, in turn, as far as there is room; how many messages went."""
        sent = 0
        while self._waiting and self.connection.room >= _WITH_STATUS:
            device = self._waiting.popleft()
            self._greet(device)
            self.connection.publish(device.reading_topic, device.message())
            sent += 1
            if len(device):
                self._waiting.append(device)
        return sent

    def farewell(self, until: float) -> None:
        """Retain `offline` for whoever is online, while there is time (monotonic clock), and leave."""
        leaving = deque(device for device in self._devices if device.session)
        while self.connection.open and time.monotonic() < until and (leaving or not self.connection.idle):
            while leaving and self.connection.room:
                self.connection.publish(leaving.popleft().status_topic, OFFLINE, retain=True)
            wait([self.connection], min(0.05, until - time.monotonic()))
            self.connection.service()
        self.connection.close()

    def _greet(self, device: Device) -> None:
        # a broker that was restarted may have forgotten what it retained, so each session says it again
        if device.session != self.connection.session:
            self.connection.publish(device.status_topic, ONLINE, retain=True)
            device.session = self.connection.session


class Fleet:
    """All devices of a city."""

    def __init__(
        self, address: MqttAddress, devices: Sequence[Device], client_id: str = "sdot-simulator"
    ) -> None:
        self._devices = devices
        self._groups = [
            Group(
                Connection(address, f"{client_id}-{first // SHARED_BY}"), devices[first : first + SHARED_BY]
            )
            for first in range(0, len(devices), SHARED_BY)
        ]
        self._connections = [group.connection for group in self._groups]

    def measure(self, index: int, time_ms: int, values: Numbers) -> None:
        """Give a reading to device `index`, which sends it as soon as it can."""
        self._groups[index // SHARED_BY].measure(self._devices[index], time_ms, values)

    def serve(self, seconds: float) -> int:
        """Send what waits and look after the connections until `seconds` have passed; how many messages went."""
        end = time.monotonic() + seconds
        sent = 0
        while True:
            self._look_after()
            sent += sum(group.send() for group in self._groups)
            left = end - time.monotonic()
            if left <= 0:
                return sent
            wait(self._connections, left)

    def farewell(self, seconds: float) -> None:
        """Tell the broker that the devices are offline and leave, within about `seconds`."""
        until = time.monotonic() + seconds
        for group in self._groups:
            group.farewell(until)
        lost = sum(device.dropped for device in self._devices)
        if lost:
            log.warning(
                "%d readings were lost while the broker was away", lost, extra={"event": "readings_lost"}
            )

    def _look_after(self) -> None:
        failed: Connection | None = None
        for connection in self._connections:
            if failed is not None and not connection.open:
                connection.postpone(failed)
            elif not connection.service():
                failed = connection
