"""New readings as columns with their sensors: every key once, none of it stored, of no sensor that others write to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from city.rfc3339 import MINUTE_US
from ingest.block import Column
from ingest.columns import Columns, micros
from ingest.plausible import Plausible
from ingest.registry import Registry, Sensor

_START = datetime(2000, 1, 1, tzinfo=UTC)
#: A mark of `touched` names the bucket of 10 minutes around it; local buckets begin at whole 5 minutes of UTC in every
#: zone, so one mark in 5 minutes is enough.
TOUCHED_US = 5 * 60 * 1_000_000


def instant(micro: int) -> datetime:
    """An instant from its microseconds since 2000."""
    return _START + timedelta(microseconds=micro)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest values of sensors, one each, as columns of one length."""

    sensor_ids: Column
    #: int64 microseconds since 2000: newest measurement, and newest arrival
    times: Column
    changed: Column
    #: metric → (float64 with NaN for none, its int64 microseconds, whether it is flagged)
    values: Mapping[str, tuple[Column, Column, Column]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns whose sensors are known."""

    columns: Columns
    #: of each serial
    sensors: Sequence[Sensor]
    #: of each reading, int64
    sensor_ids: Column
    #: places of the readings by sensor and time
    order: Column
    #: metric → mask of the readings whose value lies outside its plausible range, where there is one
    flagged: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def districts(self) -> Column:
        """Of each reading, −1 where it enters no figure."""
        districts = (sensor.figure_district for sensor in self.sensors)
        found = np.array([-1 if district is None else district for district in districts])
        return found[self.columns.who][self.columns.of]

    @property
    def received(self) -> Column:
        """When each reading arrived, int64 microseconds since 2000."""
        return self.columns.arrived[self.columns.of]

    def counts(self) -> Iterator[tuple[datetime, int, int, int]]:
        """(minute of arrival, sensor, messages, readings), in the order of the minutes."""
        columns, size = self.columns, len(self.sensors)
        carried = np.bincount(columns.of, minlength=len(columns.messages))
        minutes = columns.arrived // MINUTE_US
        for minute in np.unique(minutes).tolist():
            now = minutes == minute
            messages = np.bincount(columns.who[now], minlength=size).tolist()
            readings = np.bincount(columns.who[now], carried[now], size).astype(np.int64).tolist()
            at = instant(minute * MINUTE_US)
            for sensor, told, each in zip(self.sensors, messages, readings, strict=True):
                if told:
                    yield at, sensor.sensor_id, told, each

    def sample(self, step: int) -> list[datetime]:
        """Times of one reading in `step`."""
        return [instant(micro) for micro in self.columns.times[::step].tolist()]

    def sorted_keys(self) -> list[tuple[int, datetime]]:
        """(sensor, time) of each reading, in order."""
        sensors, times = self.sensor_ids[self.order].tolist(), self.columns.times[self.order].tolist()
        return list(zip(sensors, map(instant, times), strict=True))

    def marks(self, open_from: datetime) -> tuple[Column, Column]:
        """(sensor, number of the 5 minutes since 2000) of the closed buckets that have to be computed again, in order."""
        closed = self.columns.times < micros([open_from])[0]
        pairs = np.unique(self.sensor_ids[closed] << 32 | self.columns.times[closed] // TOUCHED_US)
        return pairs >> 32, pairs & 0xFFFFFFFF  # ten thousand years are 2^30 times 5 minutes

    def spans(self) -> tuple[Column, Column, Column]:
        """(sensor, first time, last time) of each message."""
        times = self.columns.times
        starts = np.flatnonzero(np.diff(self.columns.of, prepend=-1))
        return self.sensor_ids[starts], np.minimum.reduceat(times, starts), np.maximum.reduceat(times, starts)

    def latest(self) -> Latest:
        """What it means for `latest`."""
        order = self.order
        sensor_ids, times = self.sensor_ids[order], self.columns.times[order]
        starts = np.flatnonzero(np.diff(sensor_ids, prepend=-1))
        last = np.append(starts[1:], len(order)) - 1
        changed = np.maximum.reduceat(self.received[order], starts)
        values, rows = {}, np.arange(len(order))
        for key, column in self.columns.values.items():
            ordered = column[order]
            newest = np.maximum.reduceat(np.where(np.isnan(ordered), -1, rows), starts)
            there = np.where(newest < 0, np.nan, ordered[newest])
            outside = self.flagged[key][order][newest] if key in self.flagged else np.zeros(len(starts), bool)
            values[key] = (there, times[newest], outside)
        return Latest(sensor_ids[starts], times[last], changed, values)


def sheet_of(
    columns: Columns, registry: Registry, floor: datetime, aside: Collection[int], plausible: Plausible
) -> tuple[Sheet | None, Column]:
    """The sheet of these messages, or None and a mask of those that have to be read the long way before.

    Those are messages of sensors that are unknown, retired or `aside`, and those of which a reading is older than
    `floor` or shares its key with another.
    """
    sensors = [registry.get(serial) for serial in columns.serials]
    not_here = [s is None or s.state == "retired" or s.sensor_id in aside for s in sensors]
    out = np.array(not_here, dtype=bool)[columns.who]
    out |= columns.any_of(columns.times < micros([floor])[0])
    known = [sensor for sensor in sensors if sensor is not None]
    if out.any():
        return None, out
    ids = np.array([sensor.sensor_id for sensor in known], dtype=np.int64)[columns.who][columns.of]
    order = np.lexsort((columns.times, ids))
    same = (np.diff(ids[order]) == 0) & (np.diff(columns.times[order]) == 0)
    twice = np.zeros(len(order), dtype=bool)
    twice[order[1:][same]] = twice[order[:-1][same]] = True
    out = columns.any_of(twice)
    return (None if out.any() else Sheet(columns, known, ids, order, _flagged(columns, plausible))), out


def _flagged(columns: Columns, plausible: Plausible) -> dict[str, Column]:
    found = {}
    for key, column in columns.values.items():
        low, high, _ = plausible.limits[key]
        outside = (column < low) | (column > high)
        if outside.any():
            found[key] = outside
    return found
