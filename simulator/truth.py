"""The truth: what was injected into which sensor, from when to when, written while it happens.

The file is written anew and put in the old one's place at most once a second, so it is whole at any time: a run that
is killed leaves what it did up to its last second. An existing file is continued.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from city.errors import SettingsError
from simulator.city import SimSensor
from simulator.episode import Episode
from simulator.faults import BY_KEY, WRONG_UNITS

#: Between two writings of the file, s.
EVERY_S = 1.0
#: Last letters of a file's name → how it is written.
SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Injected:
    """One line of the truth; the names are the file's columns, but for `start` and `end` (`from` and `to`)."""

    #: serial, "" for what happens to the city
    sensor: str
    #: key of the fault, or `event`
    kind: str
    #: key of the metric, "" where the whole device has the fault
    metric: str
    #: RFC 3339, UTC; the end is not in it: the first instant without the fault, or that of the run's end
    start: str
    end: str
    #: as `sdot simulate faults --list` explains it
    size: float
    #: of the size; for a unit mixed up, the one that the values are in
    unit: str
    #: what else there is to know: the serial that it changed with, the place of an event
    other: str
    #: readings that it changed, kept back, sent otherwise, or kept from being
    readings: int


_NAMES = {"start": "from", "end": "to"}
COLUMNS = tuple(_NAMES.get(field.name, field.name) for field in fields(Injected))


class Truth:
    """Collects what is injected and writes it to a file; without a path it collects only."""

    def __init__(
        self,
        path: Path | None,
        sensors: Sequence[SimSensor],
        units: Mapping[str, str],
        begin_ms: int = 0,
    ) -> None:
        """`units` is metric → unit; the run begins at `begin_ms`, and what began before is told from there.

        SettingsError where the file is no truth of ours, or of no kind that we write.
        """
        self._path = path
        self._sensors, self._units, self.begin_ms = sensors, units, begin_ms
        if path is not None:
            check_path(path)
        self._before = read(path) if path is not None and path.exists() else []
        #: episode → end so far in milliseconds, and readings
        self._met: dict[Episode, tuple[int, int]] = {}
        self._events: dict[tuple[str, ...], Injected] = {}
        self._changed, self._written_at = False, 0.0
        self.write()

    @property
    def lines(self) -> list[Injected]:
        """All that is known, the file's earlier lines first, then by time and sensor."""
        new = [*self._events.values(), *(self._line(*one) for one in self._met.items())]
        return [*self._before, *sorted(new, key=lambda one: (one.start, one.sensor, one.kind, one.metric))]

    def note(self, episode: Episode, time_ms: int, readings: int = 1) -> None:
        """The episode has met `readings` readings, the last at `time_ms`."""
        end_ms, before = self._met.get(episode, (0, 0))
        # what has not ended yet lasts until just after the last reading that it met
        self._met[episode] = max(end_ms, min(episode.end_ms, time_ms + 1)), before + readings
        self._changed = True

    def happened(self, line: Injected) -> None:
        """Something that is no sensor's fault; the same start, kind, metric and place again only moves its end."""
        self._events[line.start, line.kind, line.metric, line.other] = line
        self._changed = True

    def close_at(self, time_ms: int) -> None:
        """The run ends: what goes on until now, ends now."""
        for episode, (end_ms, readings) in self._met.items():
            self._met[episode] = max(end_ms, min(episode.end_ms, time_ms)), readings
        self.write()

    def tick(self) -> None:
        """Write if there is something new and a second has passed."""
        if self._changed and time.monotonic() - self._written_at >= EVERY_S:
            self.write()

    def write(self) -> None:
        """Write all lines now."""
        self._changed, self._written_at = False, time.monotonic()
        if self._path is None:
            return
        part = self._path.with_name(self._path.name + ".part")
        try:
            part.write_bytes(_parquet(self.lines) if self._path.suffix == ".parquet" else _csv(self.lines))
            part.replace(self._path)
        except OSError as error:
            raise SettingsError(f"the truth cannot be written to {self._path}: {error.strerror}") from None

    def _line(self, episode: Episode, met: tuple[int, int]) -> Injected:
        end_ms, readings = met
        drifts = episode.kind == "drift"  # is told from where it was nothing, with what it has come to
        reached = (end_ms - episode.start_ms) / (episode.end_ms - episode.start_ms) if drifts else 1.0
        return Injected(
            sensor=self._sensors[episode.sensor].serial,
            kind=episode.kind,
            metric=episode.metric,
            start=stamp(episode.start_ms if drifts else max(episode.start_ms, self.begin_ms)),
            end=stamp(end_ms),
            size=episode.size * reached,
            unit=self._unit(episode),
            other=self._sensors[episode.other].serial if episode.other >= 0 else "",
            readings=readings,
        )

    def _unit(self, episode: Episode) -> str:
        if episode.kind == "unit":
            return WRONG_UNITS[episode.metric].unit
        return self._units.get(episode.metric, "") if BY_KEY[episode.kind].share else ""


def stamp(time_ms: int) -> str:
    """RFC 3339, UTC, to the millisecond."""
    seconds, rest = divmod(time_ms, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(path: Path) -> list[Injected]:
    """The lines of a truth file; SettingsError where it is none."""
    check_path(path)
    try:
        rows = _parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path)
        return [_parsed(row) for row in rows]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise SettingsError(f"{path} is no truth file of ours ({error}); give another --truth") from None


def _parsed(row: Mapping[str, Any]) -> Injected:
    """A line of a file, its columns by name."""
    values = {field.name: row[_NAMES.get(field.name, field.name)] for field in fields(Injected)}
    return Injected(**values | {"size": float(values["size"]), "readings": int(values["readings"])})


def check_path(path: Path) -> None:
    """SettingsError where no truth can be written to this path."""
    if path.suffix not in SUFFIXES:
        raise SettingsError(f"--truth {path}: the name has to end in .csv or .parquet")
    if not path.parent.is_dir():
        raise SettingsError(f"--truth {path}: there is no folder {path.parent}; make it")


def _csv(lines: Sequence[Injected]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(line) for line in lines)
    return text.getvalue().encode()


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, restval="")
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"its columns are {', '.join(reader.fieldnames or ()) or 'none'}")
    return rows


def _parquet(lines: Sequence[Injected]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    types = {"size": pa.float64(), "readings": pa.int64()}
    columns = list(zip(*map(astuple, lines), strict=True)) or [()] * len(COLUMNS)
    arrays = {
        name: pa.array(column, types.get(name, pa.string()))
        for name, column in zip(COLUMNS, columns, strict=True)
    }
    buffer = io.BytesIO()
    parquet.write_table(pa.table(arrays), buffer)
    return buffer.getvalue()


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet

    table = parquet.read_table(path)
    if tuple(table.column_names) != COLUMNS:
        raise ValueError(f"its columns are {', '.join(table.column_names)}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
