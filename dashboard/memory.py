"""The store's twin in memory, for tests and for trying the page without servers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from city.pack import CityPack
from dashboard.day_memory import Heard, MemoryDays, floor
from dashboard.ledger_memory import MemoryLedger
from dashboard.packed import NEVER, VERSIONS, latest_type, micros, readings_type
from dashboard.store import CountsRow, ReadingsRow, SensorRow, StatusRow, WorkerRow


class MemoryStore(MemoryLedger, MemoryDays):
    """Holds what PostgreSQL would; the caller puts sensors, readings and hearts in."""

    def __init__(self, pack: CityPack) -> None:
        MemoryLedger.__init__(self)
        MemoryDays.__init__(self, pack)
        self._keys, self._live = pack.catalogue.keys, pack.live
        self._bits = {metric.key: metric.bit for metric in pack.catalogue}
        self._sensors: dict[int, tuple[int, SensorRow]] = {}
        self._readings: dict[int, dict[datetime, tuple[Mapping[str, float | None], int]]] = {}
        self._versions: dict[int, int] = {}
        self._counts: dict[int, CountsRow] = {}
        self._registry_version = 0
        self._called = asyncio.Event()
        self.workers: dict[int, WorkerRow] = {}

    def put_sensor(self, sensor: SensorRow) -> None:
        """Register a sensor, or change it."""
        self._registry_version += 1
        self._sensors[sensor.sensor_id] = (self._registry_version, sensor)

    def set_state(self, sensor_id: int, state: str) -> None:
        """Verify or retire a sensor."""
        self.put_sensor(replace(self._sensors[sensor_id][1], state=state))

    def put(
        self, sensor_id: int, time: datetime, values: Mapping[str, float | None], flagged: Sequence[str] = ()
    ) -> None:
        """A reading, committed."""
        flags = sum(1 << self._bits[key] for key in flagged)
        self._readings.setdefault(sensor_id, {})[time] = (dict(values), flags)
        self._versions[sensor_id] = self._versions.get(sensor_id, 0) + 1
        old = self._counts.get(sensor_id, CountsRow(sensor_id, 0, 0))
        self._counts[sensor_id] = replace(old, messages=old.messages + 1)
        self._called.set()

    def sensor(self, sensor_id: int) -> SensorRow:
        """A registered sensor."""
        return self._sensors[sensor_id][1]

    def age(self, sensor_id: int, by: timedelta) -> None:
        """Move all of a sensor's readings back in time."""
        self._readings[sensor_id] = {
            time - by: reading for time, reading in self._readings[sensor_id].items()
        }
        self._versions[sensor_id] += 1

    def beat(
        self, slot: int = 0, *, silent_s: float = 0.5, broker_ok: bool = True, released: bool = False
    ) -> None:
        """Ingest's heart."""
        now = datetime.now(UTC)
        old = self.workers.get(slot)
        since = old.broker_since if old and old.broker_ok == broker_ok else now
        self.workers[slot] = WorkerRow(slot, silent_s, now, released, broker_ok, since, "")

    async def status(self) -> StatusRow:
        """See Store."""
        self._answer()
        versions = (
            np.array(list(self._versions.items()), VERSIONS) if self._versions else np.empty(0, VERSIONS)
        )
        return StatusRow(self._registry_version, versions.tobytes(), tuple(self.workers.values()))

    async def sensors(self, after_version: int) -> Sequence[SensorRow]:
        """See Store."""
        self._answer()
        return [sensor for version, sensor in self._sensors.values() if version > after_version]

    async def latest(self, sensor_ids: Sequence[int]) -> NDArray[np.void]:
        """See Store."""
        self._answer()
        rows = np.zeros(len(sensor_ids), latest_type(len(self._keys)))
        for row, sensor_id in zip(rows, sensor_ids, strict=True):
            row["sensor_id"], row["time"] = sensor_id, micros(max(self._readings[sensor_id]))
            self._put_latest(row["metrics"], sensor_id)
        return rows

    async def readings(self, sensor_ids: Sequence[int], since: Sequence[datetime]) -> Sequence[ReadingsRow]:
        """See Store."""
        self._answer()
        pairs = zip(sensor_ids, since, strict=True)
        return [ReadingsRow(sensor_id, self._packed(sensor_id, start)) for sensor_id, start in pairs]

    async def counts(self, sensor_ids: Sequence[int]) -> Sequence[CountsRow]:
        """See Store."""
        self._answer()
        return [self._counts[sensor_id] for sensor_id in sensor_ids if sensor_id in self._counts]

    async def committed(self, timeout_s: float) -> bool:
        """See Store."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._called.wait()
        except TimeoutError:
            return False
        self._called.clear()
        return True

    def _heard(self) -> Iterator[tuple[SensorRow, Heard]]:
        for sensor_id, readings in self._readings.items():
            found: dict[datetime, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
            for time, (values, flags) in readings.items():
                bucket = found[floor(time)]
                for key, value in values.items():
                    if value is not None and not flags >> self._bits[key] & 1:
                        bucket[key].append(value)
            yield self._sensors[sensor_id][1], found

    def _put_latest(self, metrics: NDArray[np.void], sensor_id: int) -> None:
        metrics["time"], metrics["value"] = NEVER, np.nan
        for time, (values, flags) in sorted(self._readings[sensor_id].items()):
            for key, value in values.items():
                cell = metrics[self._keys.index(key)]
                cell["time"], cell["value"] = micros(time), np.nan if value is None else value
                cell["flagged"] = bool(flags >> self._bits[key] & 1)

    def _packed(self, sensor_id: int, since: datetime) -> bytes:
        chosen = [(time, *rest) for time, rest in sorted(self._readings[sensor_id].items()) if time > since]
        rows = np.zeros(len(chosen), readings_type(len(self._live)))
        for row, (time, values, flags) in zip(rows, chosen, strict=True):
            row["time"], row["flags"] = micros(time), flags
            row["values"] = np.array([values.get(key) for key in self._live], np.float64)  # None is NaN
        return rows.tobytes()
