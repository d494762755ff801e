"""The city in memory: who is there, what each said last, and the last hour; changed by rows, seen as a View."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from city.metrics import Metric
from city.pack import CityPack
from dashboard.figures import Figure, LeftOut, Members, figures_of, left_out_of
from dashboard.packed import NEVER, VERSIONS, instant, micros
from dashboard.roster import Roster
from dashboard.store import CountsRow, ReadingsRow, SensorRow
from dashboard.window import AHEAD_US, Floats, Ints, Sums, Window


@dataclass(frozen=True, slots=True)
class Changes:
    """What some sensors said since the last look."""

    #: sensor id → version of its row of `latest`, read before the rows below
    versions: Mapping[int, int]
    #: rows of `packed.latest_type`
    latest: NDArray[np.void]
    #: sensor id → after which time its readings were asked for, and the answers
    since: Mapping[int, datetime]
    readings: Sequence[ReadingsRow]


@dataclass(frozen=True)
class Latest:
    """Newest value of each sensor and metric of the catalogue."""

    #: µs; NEVER where the sensor never sent it
    time: Ints
    #: NaN where its newest word was null
    value: Floats
    flagged: NDArray[np.bool_]

    @classmethod
    def empty(cls, sensors: int, metrics: int) -> Latest:
        """Nothing said yet."""
        shape = (sensors, metrics)
        return cls(np.full(shape, NEVER, np.int64), np.full(shape, np.nan), np.zeros(shape, bool))

    def grown(self, sensors: int) -> Latest:
        """The same rows and empty ones behind them, `sensors` in all."""
        more = Latest.empty(sensors - len(self.time), self.time.shape[1])
        return Latest(
            np.concatenate([self.time, more.time]),
            np.concatenate([self.value, more.value]),
            np.concatenate([self.flagged, more.flagged]),
        )

    def copy(self) -> Latest:
        """An independent copy."""
        return Latest(self.time.copy(), self.value.copy(), self.flagged.copy())


@dataclass(frozen=True)
class View:
    """The city at one instant; nothing in it changes."""

    #: when, µs (see `packed`)
    now_us: int
    roster: Roster
    #: all metrics of the catalogue, and those of the live page
    catalogue: tuple[Metric, ...]
    metrics: tuple[Metric, ...]
    #: place of each live metric in the catalogue
    columns: tuple[int, ...]
    latest: Latest
    sums: Sums
    #: by district and then the city, and live metric
    figures: Sequence[Sequence[Figure]]
    #: by live metric
    left_out: Sequence[LeftOut]
    #: by sensor id
    counts: Mapping[int, CountsRow] = field(default_factory=dict)


class Picture:
    """Takes rows in, gives Views out; not for two threads at once."""

    def __init__(self, pack: CityPack) -> None:
        self._catalogue = tuple(pack.catalogue)
        self._metrics = tuple(pack.catalogue[key] for key in pack.live)
        #: columns of `latest` that the live page shows
        self._live = np.array([pack.catalogue.keys.index(key) for key in pack.live])
        self._codes = tuple(district.code for district in pack.districts)
        self.clear()

    def clear(self) -> None:
        """Forget everything: another database answers."""
        self.roster = Roster(self._codes)
        self._latest = Latest.empty(0, len(self._catalogue))
        self._window = Window(self._metrics)
        self._versions: dict[int, int] = {}
        self._counts: dict[int, CountsRow] = {}

    def moved(self, versions: bytes) -> dict[int, int]:
        """Sensor id → version, of sensors whose row of `latest` is not the one we have."""
        found = np.frombuffer(versions, VERSIONS)
        pairs = zip(found["sensor_id"].tolist(), found["version"].tolist(), strict=True)
        return {
            sensor_id: version
            for sensor_id, version in pairs
            if self._versions.get(sensor_id) != version and sensor_id in self.roster.rows
        }

    def enrol(self, sensors: Sequence[SensorRow]) -> None:
        """Take in new and changed sensors."""
        if sensors:
            self.roster = self.roster.with_rows(sensors)
            self._latest = self._latest.grown(max(len(self.roster.sensors), len(self._latest.time)))

    def count(self, counts: Sequence[CountsRow]) -> bool:
        """Take in message counts; whether any is new."""
        news = {row.sensor_id: row for row in counts if self._counts.get(row.sensor_id) != row}
        self._counts |= news
        return bool(news)

    def since(self, latest: NDArray[np.void], now: datetime) -> dict[int, datetime]:
        """Sensor id → after which time its readings have to be read."""
        rows, window = self.roster.rows, self._window
        return {
            sensor_id: instant(window.since(rows[sensor_id], time, micros(now)))
            for sensor_id, time in zip(latest["sensor_id"].tolist(), latest["time"].tolist(), strict=True)
        }

    def apply(self, changes: Changes, now: datetime) -> None:
        """Take in what enrolled sensors said."""
        self._put_latest(changes.latest)
        for row in changes.readings:
            since = micros(changes.since[row.sensor_id])
            self._window.put(self.roster.rows[row.sensor_id], since, row.packed, micros(now))
        self._versions.update(changes.versions)

    def view(self, now: datetime) -> View:
        """The city at `now`."""
        roster, now_us = self.roster, micros(now)
        self._window.roll(now_us)
        sums = self._with_latest(self._window.sums(len(roster.sensors)), now_us)
        latest = self._latest.copy()
        sent = (latest.time[:, self._live] != NEVER) | (sums.heard > 0)
        members = Members(roster.district, roster.verified, roster.unverified, sent)
        figures = figures_of(sums, members, self._metrics, len(roster.districts), now_us)
        left_out = left_out_of(sums, members, figures)
        return View(
            now_us,
            roster,
            self._catalogue,
            self._metrics,
            tuple(self._live.tolist()),
            latest,
            sums,
            figures,
            left_out,
            dict(self._counts),
        )

    def _put_latest(self, latest: NDArray[np.void]) -> None:
        places = [self.roster.rows[sensor_id] for sensor_id in latest["sensor_id"].tolist()]
        self._latest.time[places] = latest["metrics"]["time"]
        self._latest.value[places] = latest["metrics"]["value"]
        self._latest.flagged[places] = latest["metrics"]["flagged"]

    def _with_latest(self, sums: Sums, now_us: int) -> Sums:
        """A metric that a sensor has not sent for longer than its last hour is as new as `latest` says."""
        good = (
            ~self._latest.flagged & ~np.isnan(self._latest.value) & (self._latest.time <= now_us + AHEAD_US)
        )
        known = np.where(good, self._latest.time, NEVER)[:, self._live]
        return replace(sums, newest=np.maximum(sums.newest, known))
