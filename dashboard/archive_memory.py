"""The archive's twin in memory, for tests and for trying the page without servers.

It holds readings of sensors, or ready figures of districts, and makes every coarser level of them at each question:
the rules are those of `docs/rollups.md`, in their plainest form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from city.metrics import Metric
from city.pack import CityPack
from dashboard.archive import (
    Era,
    Exceeded,
    Kept,
    KnownGap,
    LeftOut,
    Level,
    Question,
    SensorName,
    Series,
    bucket_start,
)
from dashboard.history_limits import instant
from dashboard.store import StoreError

_ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cell:
    """Values of one bucket; `value` as the metric aggregates."""

    value: float
    low: float
    high: float
    n: int
    sensors: int
    #: mean unit vector of directions
    east: float = 0.0
    north: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one sensor."""

    district: str | None
    value: float
    flagged: bool


class MemoryArchive:
    """Holds what PostgreSQL would; the caller puts sensors, readings and figures in."""

    def __init__(self, pack: CityPack) -> None:
        self._pack = pack
        self._sensors: dict[str, SensorName] = {}
        #: (serial, metric) → time → reading
        self._readings: dict[tuple[str, str], dict[datetime, Reading]] = defaultdict(dict)
        #: (district, metric) → its ready figures
        self._figures: dict[tuple[str, str], tuple[Level, Series]] = {}
        self.known_gaps: list[KnownGap] = []
        self.kept_since = Kept(_ALWAYS, _ALWAYS)
        #: raised by every question while it is set
        self.trouble: StoreError | None = None

    def put_sensor(self, serial: str, district: str | None, state: str = "verified") -> None:
        """Register a sensor, or change it; its readings keep the district they came from."""
        self._sensors[serial] = SensorName(serial, district, state)

    def put(
        self, serial: str, time: datetime, values: Mapping[str, float], flagged: Sequence[str] = ()
    ) -> None:
        """A reading, committed; one of the same time takes its place."""
        sensor = self._sensors[serial]
        district = sensor.district if sensor.state == "verified" else None
        for key, value in values.items():
            self._readings[serial, key][time] = Reading(district, value, key in flagged)

    def put_figures(self, metric: str, level: Level, series: Series) -> None:
        """Ready figures of a district (10 minutes, hours or days) instead of readings; coarser ones follow from them."""
        self._figures[series.place, metric] = level, series

    async def kept(self) -> Kept:
        """See Archive."""
        self._answer()
        return self.kept_since

    async def ask(self, question: Question) -> Sequence[Series]:
        """See Archive."""
        self._answer()
        start = bucket_start(question.level, question.start, self._pack.zone)
        found = (self._series(place, replace(question, start=start)) for place in question.places)
        return [series for series in found if len(series)]

    async def exceeded(self, question: Question, eras: Sequence[Era]) -> Mapping[str, Exceeded]:
        """See Archive."""
        self._answer()
        found: dict[str, Exceeded] = {}
        for era in eras:
            span = max(era.start, question.start), min(era.end, question.end)
            for series in await self.ask(replace(question, level=Level.HOUR, start=span[0], end=span[1])):
                there = series.value[np.isfinite(series.value)]
                old = found.get(series.place, Exceeded(0, 0))
                over = int((there >= np.float32(era.least)).sum())
                if len(there):
                    found[series.place] = Exceeded(old.over + over, old.of + len(there))
        return found

    async def left_out(self, question: Question) -> Mapping[str, LeftOut]:
        """See Archive."""
        self._answer()
        counts = {}
        for place in question.places:
            own = [one for one in self._sensors.values() if place in (one.district, one.serial)]
            if question.unit == "sensor":
                own = [replace(one, state="verified") for one in own]
            flagged, unverified = 0, 0
            for one in own:
                for time, reading in self._readings[one.serial, question.metric].items():
                    if question.start <= time < question.end:
                        flagged += reading.flagged and one.state == "verified"
                        unverified += not reading.flagged and one.state == "unverified"
            if own:
                counts[place] = LeftOut(flagged, unverified)
        return counts

    async def in_service(self, metric: str) -> Mapping[str, int]:
        """See Archive."""
        self._answer()
        counts: dict[str, int] = defaultdict(int)
        for one in self._sensors.values():
            if one.state == "verified" and one.district and self._readings.get((one.serial, metric)):
                counts[one.district] += 1
        return dict(counts)

    async def gaps(self, start: datetime, end: datetime) -> Sequence[KnownGap]:
        """See Archive."""
        self._answer()
        reaching = (
            one for one in self.known_gaps if one.start < end and (one.end is None or one.end > start)
        )
        return sorted(reaching, key=lambda one: one.start)

    async def find(self, text: str, most: int) -> Sequence[SensorName]:
        """See Archive."""
        self._answer()
        holding = [one for one in self._sensors.values() if text.lower() in one.serial.lower()]
        order = sorted(holding, key=lambda one: (not one.serial.lower().startswith(text.lower()), one.serial))
        return order[:most]

    async def known(self, serials: Sequence[str]) -> Sequence[SensorName]:
        """See Archive."""
        self._answer()
        return [self._sensors[serial] for serial in serials if serial in self._sensors]

    async def close(self) -> None:
        """See Archive."""

    def _answer(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def _series(self, place: str, question: Question) -> Series:
        metric = self._pack.catalogue[question.metric]
        if question.level is Level.RAW:
            return self._raw(place, question)
        if question.unit == "sensor":
            cells = self._of_sensor(place, metric, question)
        elif (place, metric.key) in self._figures:
            cells = self._of_figures(place, metric, question)
        else:
            cells = self._of_district(place, metric, question)
        inside = {time: cell for time, cell in cells.items() if question.start <= time < question.end}
        return _series(place, inside)

    def _raw(self, serial: str, question: Question) -> Series:
        readings = sorted(self._readings.get((serial, question.metric), {}).items())
        chosen = [(time, one) for time, one in readings if question.start <= time < question.end]
        cells = {time: Cell(one.value, one.value, one.value, 1, 1) for time, one in chosen}
        flagged = np.array([one.flagged for _, one in chosen], bool)
        return replace(_series(serial, cells), flagged=flagged)

    def _of_sensor(self, serial: str, metric: Metric, question: Question) -> dict[datetime, Cell]:
        groups: dict[datetime, list[float]] = defaultdict(list)
        for time, one in self._readings.get((serial, metric.key), {}).items():
            values = groups[bucket_start(question.level, time, self._pack.zone)]
            values += [] if one.flagged else [one.value]
        return {bucket: _cell(values, metric) for bucket, values in groups.items()}

    def _of_district(self, code: str, metric: Metric, question: Question) -> dict[datetime, Cell]:
        """Each sensor once: the mean of its sensors' means, the sum of their sums."""
        groups: dict[datetime, list[Cell]] = defaultdict(list)
        for (_serial, key), readings in self._readings.items():
            if key != metric.key:
                continue
            own: dict[datetime, list[float]] = defaultdict(list)
            for time, one in readings.items():
                if one.district == code:
                    values = own[bucket_start(question.level, time, self._pack.zone)]
                    values += [] if one.flagged else [one.value]
            for bucket, values in own.items():
                groups[bucket].append(_cell(values, metric))
        return {bucket: _combined(cells, metric) for bucket, cells in groups.items()}

    def _of_figures(self, code: str, metric: Metric, question: Question) -> dict[datetime, Cell]:
        level, series = self._figures[code, metric.key]
        if level.step > question.level.step:
            return {}
        wanted = (series.times >= instant(question.start)) & (series.times < instant(question.end))
        groups: dict[datetime, list[Cell]] = defaultdict(list)
        for at in np.flatnonzero(wanted):
            time = series.times[at].astype("datetime64[us]").item().replace(tzinfo=UTC)
            cell = Cell(
                float(series.value[at]), float(series.low[at]), float(series.high[at]), int(series.n[at]),
                int(series.sensors[at]),
            )  # fmt: skip
            groups[_bucket(level, question.level, time, self._pack.zone)].append(cell)
        return {bucket: _merged(cells, metric) for bucket, cells in groups.items()}


def _bucket(have: Level, want: Level, time: datetime, zone: ZoneInfo) -> datetime:
    return time if have is want else bucket_start(want, time, zone)


def _cell(values: Sequence[float], metric: Metric) -> Cell:
    """The bucket of one sensor, out of its unflagged values."""
    if not values:
        return Cell(np.nan, np.nan, np.nan, 0, 1)
    if metric.aggregation == "vector":
        angles = np.radians(values)
        east, north = float(np.sin(angles).mean()), float(np.cos(angles).mean())
        return Cell(_angle(east, north), np.nan, np.nan, len(values), 1, east, north)
    value = sum(values) if metric.aggregation == "sum" else sum(values) / len(values)
    return Cell(value, min(values), max(values), len(values), 1)


def _combined(cells: Sequence[Cell], metric: Metric) -> Cell:
    """The bucket of a district, out of its sensors'."""
    there = [cell for cell in cells if cell.n]
    if not there:
        return Cell(np.nan, np.nan, np.nan, 0, 0)
    n, sensors = sum(cell.n for cell in there), len(there)
    if metric.aggregation == "vector":
        east, north = (sum(getattr(one, name) for one in there) / sensors for name in ("east", "north"))
        return Cell(_angle(east, north), np.nan, np.nan, n, sensors, east, north)
    value = sum(cell.value for cell in there)
    value /= 1 if metric.aggregation == "sum" else sensors
    return Cell(value, min(cell.low for cell in there), max(cell.high for cell in there), n, sensors)


def _merged(cells: Sequence[Cell], metric: Metric) -> Cell:
    """A coarser bucket out of ready figures: their mean, or their sum."""
    if len(cells) == 1:
        return cells[0]
    merged = _combined([cell for cell in cells if np.isfinite(cell.value)], metric)
    return replace(merged, sensors=max(cell.sensors for cell in cells))


def _angle(east: float, north: float) -> float:
    calm = abs(east) + abs(north) <= 1e-9  # noqa: PLR2004 — `direction()` of the schema
    return float("nan") if calm else float(np.degrees(np.arctan2(east, north)) % 360)


def _series(place: str, cells: Mapping[datetime, Cell]) -> Series:
    order = sorted(cells.items(), key=lambda item: item[0].timestamp())
    times = np.array([instant(time) for time, _ in order], "datetime64[us]")

    def floats(values: Iterable[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.array([*values], np.float32)

    rows = [cell for _, cell in order]
    return Series(
        place, times, floats(cell.value for cell in rows), floats(cell.low for cell in rows),
        floats(cell.high for cell in rows), np.array([cell.n for cell in rows], np.int32),
        np.array([cell.sensors for cell in rows], np.int32), np.zeros(len(rows), bool),
    )  # fmt: skip
