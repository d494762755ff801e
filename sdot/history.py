"""The past of the simulated city: what its sensors would have sent while nobody listened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from city import db
from city.errors import SettingsError
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from ingest.block import Block
from ingest.bulk import BulkWriter, make_partitions
from ingest.registry import NewSensor, register_many
from sdot.progress import Tell, progress
from simulator.city import INTERVAL_MS, SimCity
from simulator.episode import milliseconds
from simulator.faultfile import load_faults
from simulator.past import GONE, FaultyPast, Met, milliseconds_of
from simulator.truth import Truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

WRITER, REGISTERED_BY = "backfill", "simulator"
#: Rows of one transaction, about a second of a lock that `sdot sensor` waits for: what an interruption loses at most.
CHUNK_ROWS = 250_000
#: Windows written side by side: one is computed and encoded while the server stores the other, and two cores are busy.
WRITERS = 2
#: The step of live sensors, s.
STEP_S = INTERVAL_MS // 1000
#: Sensors that have sent within ALIVE are live: the last MARGIN is theirs, since what they have just measured may
#: still be on its way.
ALIVE, MARGIN = timedelta(minutes=10), timedelta(minutes=5)
#: Bits of a millisecond of the epoch, up to the year 2039, beside a sensor's number in one whole number.
_MS_BITS = 41
_EVERY, _DAY_S = re.compile(r"(\d{1,4})([mh])"), 86_400
_MILLISECOND = timedelta(milliseconds=1)
_NONE = np.empty(0, np.int64)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which past is to be written."""

    #: how far back it begins
    days: float
    sensors: int = 1100
    #: seconds between two readings of a sensor
    step_s: int = STEP_S
    #: a file of faults, or their rate; and the file for those of what was written
    faults: str | None = None
    truth: Path | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One transaction's part of the past."""

    low: datetime
    high: datetime
    #: readings of all sensors in it
    readings: int


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a window."""

    rows: int
    #: episodes of faults that its readings met
    met: Sequence[Met]
    #: keys of what was there before
    known: NDArray[np.int64]


def seconds_of(every: str) -> int:
    """`2m`, `10m`, `1h` in seconds; SettingsError where it is none that days are made of."""
    found = _EVERY.fullmatch(every)
    seconds = int(found[1]) * (3600 if found[2] == "h" else 60) if found else 0
    if seconds < STEP_S or _DAY_S % seconds:
        raise SettingsError(
            f"--every {every} is no step; give minutes or hours that divide a day, from 2m on, as 10m"
        )
    return seconds


def register(settings: Settings, pack: CityPack, city: SimCity) -> NDArray[np.datetime64]:
    """Make the simulated sensors known, as verified; the time of each one's newest reading, NaT where it has none."""
    with _connect(settings) as connection:
        ids = _register(connection, pack, city)
        return _newest(connection, ids.tolist())


def _connect(settings: Settings) -> Any:
    return db.connect(require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL"), "sdot simulate", bounded=False)


def _register(connection: Any, pack: CityPack, city: SimCity) -> NDArray[np.int32]:
    """Numbers of the sensors in the registry, in the city's order."""
    new = [
        NewSensor(one.serial, one.model, one.kind, one.latitude, one.longitude, one.district)
        for one in city.sensors
    ]
    ids = register_many(connection, pack, new, state="verified", by=REGISTERED_BY)
    return np.array([ids[one.serial] for one in city.sensors], np.int32)


def _newest(connection: Any, ids: Sequence[int]) -> NDArray[np.datetime64]:
    """Time of each sensor's newest reading, datetime64[us][n] (UTC), NaT where it has none."""
    rows = connection.execute(db.statement("newest_readings"), [list(ids)]).fetchall()
    known = {row[0]: np.datetime64(row[1].astimezone(UTC).replace(tzinfo=None), "us") for row in rows}
    return np.array([known.get(one, np.datetime64("NaT")) for one in ids], "datetime64[us]")


def backfill(settings: Settings, wanted: Wanted) -> int:
    """Write what is missing of the simulated sensors' last days, up to now; returns the rows written.

    What is there stays and is not offered again, so it may be stopped and continued, run twice, and run beside live
    sensors. Faults of what was written go to the file `truth`, a transaction's after its commit. SettingsError for
    more days than raw readings are kept, or for faults at a step that is not that of live sensors.
    """
    _check(settings, wanted)
    pack = load_pack(settings.city)
    city = SimCity(pack, wanted.sensors)
    with ExitStack() as opened:
        connections = [opened.enter_context(_connect(settings)) for _ in range(WRITERS)]
        connection = connections[0]
        ids = _register(connection, pack, city)
        start, end = _span(connection, wanted, _newest(connection, ids.tolist()))
        plan = load_faults(wanted.faults, city.sensors, milliseconds_of(start))
        units = {metric.key: metric.unit for metric in pack.catalogue}
        truth = Truth(wanted.truth, city.sensors, units, milliseconds_of(start))
        past = _Past(connections, pack, ids, truth)
        with progress(f"Writing {wanted.days:g} days of history") as tell:
            blocks = FaultyPast(city, plan, step_s=wanted.step_s)
            return past.write(blocks, windows(city, start, end, wanted.step_s), tell)


def _check(settings: Settings, wanted: Wanted) -> None:
    kept = settings.retention
    if kept is not None and timedelta(days=wanted.days) > kept:
        raise SettingsError(
            f"{wanted.days:g} days of history are more than is kept (SDOT_RETENTION_RAW={settings.retention_raw}); "
            "ask for fewer days, or keep more"
        )
    check_faults(wanted)


def check_faults(wanted: Wanted) -> None:
    """SettingsError where faults are asked for at a step that is not that of live sensors."""
    if wanted.faults is not None and wanted.step_s != STEP_S:
        raise SettingsError(f"faults are of sensors that send every {STEP_S} s; leave --every out")


def _span(connection: Any, wanted: Wanted, newest: NDArray[np.datetime64]) -> tuple[datetime, datetime]:
    """From when until when; an interrupted back-fill that began earlier is gone on with."""
    end = datetime.now(UTC)
    start = end - timedelta(days=wanted.days)
    ((unfinished,),) = connection.execute(db.statement("unfinished_backfill")).fetchall()
    if unfinished is not None:
        start = min(start, unfinished)
    known = newest[~np.isnat(newest)]
    if len(known) and known.max() > np.datetime64((end - ALIVE).replace(tzinfo=None), "us"):
        end -= MARGIN
    return start, end


def windows(city: SimCity, start: datetime, end: datetime, step_s: int) -> list[Window]:
    """The span in parts of about CHUNK_ROWS readings, the oldest first; cut at the same instants for every span."""
    step_ms = step_s * 1000
    length_ms = step_ms * max(1, CHUNK_ROWS // len(city.sensors))
    span_ms = milliseconds_of(start), milliseconds_of(end)
    found = []
    for begin in range(span_ms[0] // length_ms * length_ms, span_ms[1], length_ms):
        low, high = max(begin, span_ms[0]), min(begin + length_ms, span_ms[1])
        times = city.instants(np.arange(low // step_ms, high // step_ms + 1), step_ms)
        number = int(((times >= low) & (times < high)).sum())
        found.append(Window(_EPOCH + low * _MILLISECOND, _EPOCH + high * _MILLISECOND, number))
    return found


class _Past:
    """The back-fill of one city, through as many connections as there are writers."""

    def __init__(
        self, connections: Sequence[Any], pack: CityPack, ids: NDArray[np.int32], truth: Truth
    ) -> None:
        self._connections, self._pack, self._ids, self._truth = connections, pack, ids, truth
        self._free: SimpleQueue[Any] = SimpleQueue()
        for connection in connections:
            self._free.put(connection)

    def write(self, past: FaultyPast, parts: Sequence[Window], tell: Tell) -> int:
        """What is missing of these windows, each in a transaction of its own; the oldest first."""
        if not parts:
            return 0
        first = self._connections[0]
        # Ahead, each in a transaction of its own: nobody waits for a partition's lock while rows are written.
        days = np.arange(np.datetime64(parts[0].low.date()), np.datetime64(parts[-1].high.date()) + 2)
        make_partitions(first, days, set())
        first.execute(db.statement("begin_backfill"), [parts[0].low])
        rows = self._write_all(past, parts, tell)
        first.execute(db.statement("end_backfill"))
        if rows:
            first.execute(db.statement("analyze_readings"))
        return rows

    def _write_all(self, past: FaultyPast, parts: Sequence[Window], tell: Tell) -> int:
        rows, done, total = 0, 0, sum(part.readings for part in parts)
        with ThreadPoolExecutor(len(self._connections)) as pool:
            try:
                for part, written in zip(
                    parts, pool.map(lambda each: self._write(past, each), parts), strict=True
                ):
                    rows, done = rows + written.rows, done + part.readings
                    self._note_all(written)
                    tell(done / total if total else 1.0, rows)
            except BaseException:  # Ctrl-C, too: what has not begun is left to the next run
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return rows

    def _write(self, past: FaultyPast, part: Window) -> Written:
        """One window, by whichever connection is free."""
        connection = self._free.get()
        try:
            number = _number(connection, self._ids, part)
            if number >= part.readings:
                return Written(0, [], _NONE)
            blocks = list(past.history(part.low, part.high))
            known = self._known(connection, part) if number else _NONE
            with connection.transaction():
                writer = BulkWriter(connection, self._pack.catalogue, WRITER, spans=True)
                rows = 0
                for (sensor, times, values), _ in blocks:
                    whole = Block(self._ids[sensor], times, values)
                    rows += writer.write(_new(whole, known) if len(known) else whole)
                writer.finish()
            return Written(rows, [met for _, all_met in blocks for met in all_met], known)
        finally:
            self._free.put(connection)

    def _note_all(self, written: Written) -> None:
        if written.rows:
            for met in written.met:
                self._note(met, written.known)
            self._truth.write()

    def _known(self, connection: Any, part: Window) -> NDArray[np.int64]:
        """Keys of what is there."""
        given = [self._ids.tolist(), part.low, part.high]
        rows = connection.execute(db.statement("read_instants"), given).fetchall()
        pairs = np.array(rows, np.int64).reshape(-1, 2)
        return np.asarray((pairs[:, 0] << _MS_BITS) | pairs[:, 1])

    def _note(self, met: Met, known: NDArray[np.int64]) -> None:
        """Tell the truth of what was written now, or kept from it."""
        times = met.times
        if met.episode.kind not in GONE:
            stored = np.full(len(times), self._ids[met.stored])
            times = times[~np.isin(_keys(stored, times), known)]
        if len(times):
            self._truth.note(met.episode, int(milliseconds(times).max()), len(times))


def _new(block: Block, known: NDArray[np.int64]) -> Block:
    """The rows whose keys are not among the known."""
    new = ~np.isin(_keys(block.sensor_ids, block.times), known)
    columns = {metric: column[new] for metric, column in block.values.items()}
    return Block(block.sensor_ids[new], block.times[new], columns)


def _keys(sensor_ids: NDArray[Any], times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """One whole number for each pair of sensor and instant."""
    return np.asarray((sensor_ids.astype(np.int64) << _MS_BITS) | milliseconds(times))


def _number(connection: Any, ids: NDArray[np.int32], part: Window) -> int:
    ((number,),) = connection.execute(
        db.statement("count_instants"), [ids.tolist(), part.low, part.high]
    ).fetchall()
    return int(number)
