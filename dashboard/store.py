"""What the dashboard reads, as typed rows; `postgres.PgStore` reads them, `memory.MemoryStore` is its twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from city.errors import DatabaseError
from dashboard.day_store import DayStore
from dashboard.ledger import LedgerStore

#: Why the database gave no answer.
Trouble = Literal["silent", "refused", "schema", "failed"]


class StoreError(DatabaseError):
    """The database gave no answer, or an error; the reader says so and tries again."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        self.trouble, self.detail = trouble, detail
        super().__init__(f"{trouble}: {detail}" if detail else trouble)


@dataclass(frozen=True, slots=True)
class SensorRow:
    """One registered sensor."""

    sensor_id: int
    serial: str
    #: kind of its site, "" where nobody said
    kind: str
    #: unverified, verified or retired
    state: str
    #: code of its district, None outside all or where nobody said
    district: str | None
    #: degrees; None where nobody said
    latitude: float | None
    longitude: float | None
    #: when it was first heard or added
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class ReadingsRow:
    """Readings of one sensor by time; `packed` as `packed.readings_type` says."""

    sensor_id: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One slot of ingest."""

    slot: int
    #: seconds since its holder's heart last beat, by the database's clock
    silent_s: float
    #: when it last beat
    seen_at: datetime
    #: its holder ended in good order
    released: bool
    broker_ok: bool
    broker_since: datetime
    broker_detail: str


@dataclass(frozen=True, slots=True)
class StatusRow:
    """What is asked at each tick before anything else."""

    #: moves with each change of the registry
    registry_version: int
    #: (sensor, version of its `latest` row) of all sensors, as `packed.VERSIONS` says
    versions: bytes
    workers: tuple[WorkerRow, ...]


@dataclass(frozen=True, slots=True)
class CountsRow:
    """A sensor's messages and its refused readings, from the ledger."""

    sensor_id: int
    messages: int
    quarantined: int


class Store(Protocol):
    """The reads of the live page. Each raises StoreError where the database does not answer in time."""

    async def status(self) -> StatusRow:
        """The registry's version, which sensors' newest values moved, and ingest's slots."""

    async def sensors(self, after_version: int) -> Sequence[SensorRow]:
        """Sensors whose entry changed after that version of the registry; −1: all."""

    async def latest(self, sensor_ids: Sequence[int]) -> NDArray[np.void]:
        """Newest values of these sensors, in no order; rows as `packed.latest_type` says."""

    async def readings(self, sensor_ids: Sequence[int], since: Sequence[datetime]) -> Sequence[ReadingsRow]:
        """Of each sensor its readings later than its `since`, the newest 4,000 of them at most."""

    async def counts(self, sensor_ids: Sequence[int]) -> Sequence[CountsRow]:
        """Messages of these sensors since they are known."""

    async def committed(self, timeout_s: float) -> bool:
        """Waits until ingest says that it committed, at most so many seconds; whether it did."""

    async def close(self) -> None:
        """Give up all connections."""


class WholeStore(Store, LedgerStore, DayStore, Protocol):
    """The reads of all pages."""
