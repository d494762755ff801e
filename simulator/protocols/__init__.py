"""Wire formats of simulated devices, one module each: `--protocol NAME` finds `simulator/protocols/NAME.py`.

A module holds one subclass of Protocol under the name `Wire`. Nothing else has to know it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from zoneinfo import ZoneInfo

from city.errors import SettingsError

DEFAULT = "json_v1"

#: milliseconds of the epoch, metric → value
Reading = tuple[int, Mapping[str, int | float]]


class Protocol(ABC):
    """What a device of this kind says on which topic."""

    #: readings that one message takes at most
    together: int
    #: what the device says of its connection, and what the broker says once it is gone
    online: bytes
    offline: bytes

    def __init__(self, prefix: str, zone: ZoneInfo) -> None:
        self.prefix, self.zone = prefix, zone

    @abstractmethod
    def reading_topic(self, serial: str) -> str:
        """Where the device of that serial publishes what it measured."""

    @abstractmethod
    def status_topic(self, serial: str) -> str:
        """Where it, or the broker on its behalf, retains whether it is connected."""

    @abstractmethod
    def body(self, readings: Sequence[Reading], about: Mapping[str, str | float]) -> bytes:
        """One message of one reading or several, the oldest first; `about` describes the device, empty: not again."""


def available() -> list[str]:
    """Names of the wire formats there are."""
    return sorted(found.name for found in iter_modules(__path__))


def load(name: str) -> type[Protocol]:
    """The wire format of that name; SettingsError naming those there are."""
    if name not in available():
        raise SettingsError(f"there is no protocol `{name}`; there is {', '.join(available())}")
    wire: type[Protocol] = import_module(f"{__name__}.{name}").Wire
    return wire
