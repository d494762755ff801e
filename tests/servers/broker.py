"""What the tests ask of any broker."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tests.servers.place import Place
from tests.servers.process import Process, free_port


class Broker(ABC):
    """A running MQTT broker on a free port of 127.0.0.1, in a place of its own."""

    #: What a test's id shows.
    name: str
    #: Whether ingest subscribes to a share of it (`SDOT_MQTT_SHARED`).
    shared: bool

    def __init__(self, place: Place) -> None:
        self.place = place
        self.port = free_port()
        self.process = self._started()

    @abstractmethod
    def _launch(self) -> Process: ...

    def _started(self) -> Process:
        process = self._launch()
        process.until_listening(self.port)
        return process

    @property
    def url(self) -> str:
        """As `SDOT_MQTT_URL` wants it."""
        return self.url_through(self.port)

    @staticmethod
    def url_through(port: int) -> str:
        """The same by way of a proxy's port."""
        return f"mqtt://127.0.0.1:{port}"

    def restart(self) -> None:
        """Start it again on its port, after `process.kill()` or `process.stop()`."""
        self.process = self._started()

    def stop(self) -> None:
        """Stop it and remove what it kept."""
        self.process.stop()
        self.place.remove()
