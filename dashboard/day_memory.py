"""The last 24 hours' twin in memory: rollups made of readings when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from city.metrics import Metric
from city.pack import CityPack
from dashboard.day import STEP_S, bucket_type, packed_order
from dashboard.day_store import RETURNS_MOST, SILENCE, DayRow, GoodRow, Reach, ReturnRow
from dashboard.packed import EPOCH, NEVER, micros
from dashboard.store import SensorRow

_STEP = timedelta(seconds=STEP_S)
#: Values of one metric that one sensor sent in one bucket, unflagged.
Heard = Mapping[datetime, Mapping[str, list[float]]]


class MemoryDays:
    """See DayStore."""

    def __init__(self, pack: CityPack) -> None:
        self._metrics: list[Metric] = [pack.catalogue[key] for key in pack.live]

    @abstractmethod
    def _answer(self) -> None:
        """Raise StoreError where the database is meant to be away."""

    @abstractmethod
    def _heard(self) -> Iterator[tuple[SensorRow, Heard]]:
        """Each sensor and what it sent, by bucket and metric."""

    async def day_reach(self, since: datetime) -> Reach:  # noqa: ARG002 nothing waits here
        """See DayStore."""
        self._answer()
        return Reach(floor(datetime.now(UTC)))

    async def day_buckets(self, since: datetime, until: datetime) -> Sequence[DayRow]:
        """See DayStore."""
        self._answer()
        found: dict[str, dict[datetime, list[Mapping[str, list[float]]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for sensor, heard in self._heard():
            if sensor.state == "verified" and sensor.district:
                for bucket, values in heard.items():
                    if since <= bucket < until:
                        found[sensor.district][bucket].append(values)
        return [
            DayRow(district, self._packed_day(by_bucket)) for district, by_bucket in sorted(found.items())
        ]

    async def day_returns(self, since: datetime, until: datetime) -> Sequence[ReturnRow]:
        """See DayStore."""
        self._answer()
        rows = []
        for sensor, heard in self._heard():
            times = sorted(bucket for bucket in heard if since <= bucket < until)
            for before, bucket in zip([None, *times], times, strict=False):
                if bucket - (before or since - _STEP) > SILENCE:
                    rows.append(ReturnRow(sensor.sensor_id, before, bucket))
        rows.sort(key=lambda row: (-row.bucket.timestamp(), row.sensor_id))
        return rows[:RETURNS_MOST]

    async def day_good(self, sensor_ids: Sequence[int], since: datetime) -> Sequence[GoodRow]:
        """See DayStore."""
        self._answer()
        heard = {sensor.sensor_id: buckets for sensor, buckets in self._heard()}
        return [GoodRow(one, self._good(heard.get(one, {}), since)) for one in sensor_ids]

    def _good(self, heard: Heard, since: datetime) -> bytes:
        def newest(key: str) -> int:
            times = [
                micros(bucket) for bucket, values in heard.items() if bucket >= since and values.get(key)
            ]
            return max(times, default=NEVER)

        return np.array([newest(metric.key) for metric in self._metrics], ">i8").tobytes()

    def _packed_day(self, by_bucket: Mapping[datetime, Sequence[Mapping[str, list[float]]]]) -> bytes:
        rows = np.zeros(len(by_bucket), bucket_type(len(self._metrics)))
        for row, (bucket, sensors) in zip(rows, sorted(by_bucket.items()), strict=True):
            row["time"] = micros(bucket)
            for column, at in enumerate(packed_order(self._metrics)):
                metric = self._metrics[at]
                values = [one[metric.key] for one in sensors if one.get(metric.key)]
                a, b = _figure(metric, values)
                row["cells"][column] = (a, b, len(values))
        return rows.tobytes()


def _figure(metric: Metric, sensors: Sequence[Sequence[float]]) -> tuple[float, float]:
    """What `day_buckets` sends of the sensors' values in one bucket."""
    if not sensors:
        return np.nan, np.nan if metric.aggregation == "vector" else 0.0
    if metric.aggregation == "sum":
        return float(sum(map(sum, sensors))), 0.0
    if metric.aggregation == "mean":
        return float(np.mean([np.mean(values) for values in sensors])), 0.0
    means = [np.exp(1j * np.radians(values)).mean() for values in sensors]
    vector = np.mean(means)
    return float(vector.imag), float(vector.real)


def floor(instant: datetime) -> datetime:
    """The start of the instant's 10 minutes."""
    return instant - (instant - EPOCH) % _STEP
