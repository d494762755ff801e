"""The past of the simulated city: what its sensors would have sent before the stack first started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from city import db
from city.pack import CityPack, load_pack
from city.settings import Settings, require
from ingest.bulk import Block, BulkWriter, make_partitions
from ingest.registry import NewSensor, register_many
from simulator.city import SimCity
from simulator.episode import milliseconds
from simulator.faultfile import load_faults
from simulator.past import Faulty, FaultyPast, Met, milliseconds_of
from simulator.truth import Truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

WRITER, REGISTERED_BY = "backfill", "simulator"
#: Rows of one transaction, under a second of a lock that `sdot sensor` waits for: an interrupted back-fill goes on behind the last; each costs a row a minute in the ledger.
CHUNK_ROWS = 250_000
#: A file gets a line for each of these steps, a terminal a bar.
STEPS = 4

Progress = Callable[[float], None]


def register(settings: Settings, pack: CityPack, city: SimCity) -> NDArray[np.datetime64]:
    """Make the simulated sensors known, as verified; the time of each one's newest reading, NaT where it has none."""
    with _connect(settings) as connection:
        ids = _register(connection, pack, city)
        return _newest(connection, [ids[sensor.serial] for sensor in city.sensors])


def _connect(settings: Settings) -> Any:
    return db.connect(require(settings.admin_url, "SDOT_ADMIN_DATABASE_URL"), "sdot simulate", bounded=False)


def _register(connection: Any, pack: CityPack, city: SimCity) -> dict[str, int]:
    new = [
        NewSensor(one.serial, one.model, one.kind, one.latitude, one.longitude, one.district)
        for one in city.sensors
    ]
    return register_many(connection, pack, new, state="verified", by=REGISTERED_BY)


def backfill(
    settings: Settings,
    days: float,
    sensors: int = 1100,
    *,
    faults: str | None = None,
    truth: Path | None = None,
) -> int:
    """Write the history of the simulated sensors, where one of them has none; returns the rows written.

    What a sensor has stays: only what is newer than its newest reading is written, so an interrupted back-fill
    goes on, and nothing is written twice. What falls due meanwhile is for `sdot simulate live` to catch up with.
    `faults` is a file or a rate; those of what was written go to the file `truth`, a transaction's after its commit.
    """
    pack = load_pack(settings.city)
    city = SimCity(pack, sensors)
    end = datetime.now(UTC)
    start = end - timedelta(days=days)
    plan = load_faults(faults, city.sensors, milliseconds_of(start))
    units = {metric.key: metric.unit for metric in pack.catalogue}
    known = Truth(truth, city.sensors, units, milliseconds_of(start))
    with _connect(settings) as connection:
        ids = _register(connection, pack, city)
        serials = [sensor.serial for sensor in city.sensors]
        newest = _newest(connection, [ids[serial] for serial in serials])
        if not np.isnat(newest).any():
            return 0
        past = _Past(connection, pack, np.array([ids[serial] for serial in serials], np.int32), known)
        with _progress(f"Writing {days:g} days of history") as progress:
            return past.write(FaultyPast(city, plan), newest, (start, end), progress)


def _newest(connection: Any, ids: Sequence[int]) -> NDArray[np.datetime64]:
    """Time of each sensor's newest reading, datetime64[us][n] (UTC), NaT where it has none."""
    rows = connection.execute(db.statement("newest_readings"), [list(ids)]).fetchall()
    known = {row[0]: np.datetime64(row[1].astimezone(UTC).replace(tzinfo=None), "us") for row in rows}
    return np.array([known.get(one, np.datetime64("NaT")) for one in ids], "datetime64[us]")


class _Past:
    """The back-fill of one city through one connection."""

    def __init__(self, connection: Any, pack: CityPack, ids: NDArray[np.int32], truth: Truth) -> None:
        self._connection, self._pack, self._ids, self._truth = connection, pack, ids, truth

    def write(
        self,
        past: FaultyPast,
        newest: NDArray[np.datetime64],
        span: tuple[datetime, datetime],
        progress: Progress,
    ) -> int:
        """All of the span that is newer than `newest` (datetime64[us] a sensor)."""
        start, end = span
        # Ahead, each in a transaction of its own: nobody waits for a partition's lock while rows are written.
        days = np.arange(np.datetime64(start.date()), np.datetime64(end.date()) + 2)
        make_partitions(self._connection, days, set())
        rows = sum(self._write(chunk, newest, progress) for chunk in _chunks(past.history(start, end)))
        self._connection.execute(db.statement("analyze_readings"))
        return rows

    def _write(self, chunk: Sequence[Faulty], newest: NDArray[np.datetime64], progress: Progress) -> int:
        rows = 0
        with self._connection.transaction():
            writer = BulkWriter(self._connection, self._pack.catalogue, writer=WRITER)
            for (sensor, times, values), _ in chunk:
                new = ~(times <= newest[sensor])  # true for NaT, too
                columns = {metric: column[new] for metric, column in values.items()}
                rows += writer.write(Block(self._ids[sensor[new]], times[new], columns))
                if len(sensor):
                    progress((int(sensor[-1]) + 1) / len(self._ids))
            writer.finish()
        for met in (one for _, all_met in chunk for one in all_met):
            self._note(met, newest)
        self._truth.write()
        return rows

    def _note(self, met: Met, newest: NDArray[np.datetime64]) -> None:
        """Tell the truth of what was written now, or kept from it."""
        times = met.times[~(met.times <= newest[met.stored])]
        if len(times):
            self._truth.note(met.episode, int(milliseconds(times).max()), len(times))


def _chunks(blocks: Iterator[Faulty]) -> Iterator[list[Faulty]]:
    """Blocks in lists of about CHUNK_ROWS rows."""
    held: list[Faulty] = []
    for block in blocks:
        held.append(block)
        if sum(len(rows[0]) for rows, _ in held) >= CHUNK_ROWS:
            yield held
            held = []
    if held:
        yield held


@contextmanager
def _progress(title: str) -> Iterator[Progress]:
    """Tells how far it is, 0 to 1: a bar on a terminal, a few lines elsewhere."""
    if not sys.stdout.isatty():
        yield _Lines(title).tell
        return
    from rich import progress

    bar = progress.Progress(
        progress.TextColumn(title),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
    )
    with bar:
        task = bar.add_task(title, total=1.0)
        yield lambda part: bar.update(task, completed=part)


class _Lines:
    """Progress for a file or a pipe."""

    def __init__(self, title: str) -> None:
        self._title, self._told = title, -1

    def tell(self, part: float) -> None:
        """A line when another step is reached."""
        step = int(part * STEPS)
        if step > self._told:
            self._told = step
            print(f"{self._title}: {100 * step // STEPS} %", flush=True)
