"""A simulated city: its sensors, and what each of them reads at any instant."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Whole, key, keys
from simulator.field import KNOT_S, CityField, Curves, Field, Influence
from simulator.fitted import Fitted, fit
from simulator.instrument import Instruments, Values, moments
from simulator.kinds import KINDS
from simulator.sites import Sites, place

if TYPE_CHECKING:
    from city.pack import CityPack

#: A sensor measures and sends every 2 minutes (S-DoT, as its owner tells).
INTERVAL_MS = 120_000
#: Any number does; this one is the day of the first public record of all sensors.
SEED = 20200501
#: Rows that a block of history has at most, about: large enough for numpy, small enough for the processor's cache.
_BLOCK_ROWS = 150_000
_KNOT_MS = KNOT_S * 1000
_MILLISECOND = timedelta(milliseconds=1)

Times = NDArray[np.datetime64]
#: sensor's index int32[n], time datetime64[us][n] (UTC), metric → float32[n] with NaN where the sensor has none
Block = tuple[NDArray[np.int32], Times, dict[str, Values]]


@dataclass(frozen=True, slots=True)
class SimSensor:
    """One simulated device as it registers."""

    #: `SIM-0001` and so on: no maker's serial begins so
    serial: str
    model: str
    #: key of its kind of site
    kind: str
    #: degrees, WGS 84
    latitude: float
    longitude: float
    #: the pack's code
    district: str
    #: seconds after the start of each 2 minutes, to the millisecond, at which it sends
    phase_s: float
    #: keys of what it measures
    metrics: tuple[str, ...]
    #: of those, what it sends as 0 for want of an instrument
    absent: tuple[str, ...] = ()


class City(Protocol):
    """Sensors, and what they read at any instant; as SimCity explains each."""

    sensors: tuple[SimSensor, ...]

    def instants(self, cycles: Whole, interval_ms: int = INTERVAL_MS) -> Whole:
        """When each sensor sends in these cycles."""
        ...

    def values(self, index: Whole, times: Times, interval_s: float = INTERVAL_MS / 1000) -> dict[str, Values]:
        """What sensors read at these times."""
        ...

    def history(self, start: datetime, end: datetime) -> Iterator[Block]:
        """All readings of a span."""
        ...


class SimCity:
    """Sensors over the districts of a pack; the same pack, number and seed give the same city to the bit."""

    def __init__(
        self, pack: CityPack, sensors: int = 1100, seed: int = SEED, *, influence: Influence | None = None
    ) -> None:
        sites = place(pack, sensors, seed)
        fitted = fit(seed, sites.counts)
        #: milliseconds after the start of a cycle, int64[sensors]
        self.phase_ms = _phases(sensors, seed)
        self.sensors = _sensors(pack, sites, fitted, self.phase_ms)
        self._field = Field(seed, sites, pack.zone, pack.country, influence=influence)
        self._instruments = Instruments(seed, fitted)

    def under(self, influence: Influence) -> SimCity:
        """The same city with something happening in it."""
        other = copy(self)
        other._field = self._field.under(influence)  # noqa: SLF001 of our own kind
        return other

    def instants(self, cycles: Whole, interval_ms: int = INTERVAL_MS) -> Whole:
        """When each sensor sends in these cycles, milliseconds of the epoch, int64[sensors, cycles].

        Cycle k begins k intervals after the epoch; a shorter or longer interval scales the sensors' phases with it.
        """
        return _instants(self.phase_ms, cycles, interval_ms)

    def values(self, index: Whole, times: Times, interval_s: float = INTERVAL_MS / 1000) -> dict[str, Values]:
        """What the sensors `index` (int[n]) read at `times` (datetime64[n], UTC), metric → float32[n].

        Visitors are those of the `interval_s` up to the time. 0 where a pole lacks an instrument of its packet, NaN
        where its model has no such value. Takes memory for each sensor times each ten minutes named, so ask for many
        scattered instants in portions.
        """
        time_us = times.astype("datetime64[us]").astype(np.int64)
        first = np.unique(time_us // (_KNOT_MS * 1000))
        shared = self._field.city(np.union1d(first, first + 1))
        rows, row = np.unique(np.asarray(index, np.int64), return_inverse=True)
        return self._read(rows, row, time_us, shared, interval_s)

    def curves(self, index: Whole, knots: Whole) -> Curves:
        """What is true where the sensors `index` (int64[m]) stand, before any instrument looks at it.

        `knots` (int64[n], rising, none twice) are ten minutes each, counted from the epoch.
        """
        return self._field.at(np.asarray(index, np.int64), self._field.city(np.asarray(knots, np.int64)))

    def history(self, start: datetime, end: datetime, step_s: int = INTERVAL_MS // 1000) -> Iterator[Block]:
        """All readings of start ≤ time < end, in blocks, sorted by sensor and then time.

        The instants are those of live sensors (for `step_s` = 120), so what ends here goes on there.
        """
        begin_ms, end_ms = _milliseconds(start), _milliseconds(end)
        if begin_ms >= end_ms:
            return
        shared = self._field.city(np.arange(begin_ms // _KNOT_MS, end_ms // _KNOT_MS + 2))
        cycles = np.arange(begin_ms // (step_s * 1000), end_ms // (step_s * 1000) + 1)
        together = max(1, _BLOCK_ROWS // len(cycles))
        for first in range(0, len(self.sensors), together):
            rows = np.arange(first, min(first + together, len(self.sensors)))
            time_ms = _instants(self.phase_ms[rows], cycles, step_s * 1000)
            yield from _pieces(*self._block(rows, time_ms, (begin_ms, end_ms), shared, step_s))

    def _block(
        self, rows: Whole, time_ms: Whole, span_ms: tuple[int, int], shared: CityField, step_s: int
    ) -> Block:
        row, cycle = np.nonzero((time_ms >= span_ms[0]) & (time_ms < span_ms[1]))
        time_us = time_ms[row, cycle] * 1000
        values = self._read(rows, row, time_us, shared, step_s)
        return rows[row].astype(np.int32), time_us.astype("datetime64[us]"), values

    def _read(
        self, rows: Whole, row: Whole, time_us: Whole, shared: CityField, interval_s: float
    ) -> dict[str, Values]:
        """Read sensors `rows` where reading i is of sensor rows[row[i]] at time_us[i]."""
        curves = self._field.at(rows, shared)
        return self._instruments.read(moments(rows[row], row, time_us, shared.knots), curves, interval_s)


def _instants(phase_ms: Whole, cycles: Whole, interval_ms: int) -> Whole:
    return cycles * interval_ms + (phase_ms * interval_ms // INTERVAL_MS)[:, None]


def _phases(count: int, seed: int) -> Whole:
    """Milliseconds spread evenly over the interval, in no order of place, so that the broker sees no wave."""
    order = np.argsort(keys(key(seed, "phase"), np.arange(count)), kind="stable")
    phases = np.empty(count, np.int64)
    phases[order] = np.arange(count) * INTERVAL_MS // max(count, 1)
    return phases


def _sensors(pack: CityPack, sites: Sites, fitted: Fitted, phase_ms: Whole) -> tuple[SimSensor, ...]:
    return tuple(
        SimSensor(
            serial=f"SIM-{number + 1:04d}",
            model=fitted.model(number),
            kind=KINDS[sites.kind[number]].key,
            latitude=float(sites.latitude[number]),
            longitude=float(sites.longitude[number]),
            district=pack.districts[sites.district[number]].code,
            phase_s=int(phase_ms[number]) / 1000,
            metrics=fitted.metrics(number),
            absent=fitted.absent(number),
        )
        for number in range(len(sites))
    )


def _milliseconds(when: datetime) -> int:
    if when.tzinfo is None:
        raise ValueError("history needs times with a zone")
    # readings fall on whole milliseconds: the next one for a bound between two
    return -((datetime(1970, 1, 1, tzinfo=UTC) - when) // _MILLISECOND)


def _pieces(sensor: NDArray[np.int32], times: Times, values: dict[str, Values]) -> Iterator[Block]:
    for first in range(0, len(sensor), 2 * _BLOCK_ROWS):
        cut = slice(first, first + 2 * _BLOCK_ROWS)
        yield sensor[cut], times[cut], {metric: column[cut] for metric, column in values.items()}
