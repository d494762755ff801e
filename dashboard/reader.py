"""The reader: keeps the city in memory, and gives every viewer one snapshot a tick.

One loop looks at the database when ingest's NOTIFY wakes it, or a second passed. What it read is added up in
a thread, so that the event loop stays free for viewers. No error ends the loop: it is told, and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from dashboard.board import Board
from dashboard.health import Health, judge
from dashboard.picture import Changes, Picture, View
from dashboard.snapshot import ATTENTION_MOST
from dashboard.store import CountsRow, StatusRow, Store, StoreError, WorkerRow
from dashboard.stream import BEAT_S

logger = logging.getLogger(__name__)

#: Seconds after which the reader looks without being called; ingest calls at most once a second.
POLL_S = 1.0
#: Seconds between two looks however often it is called: a value waits here for so long at the most.
PAUSE_S = 0.5
#: Most sensors asked for in one query: some 15 ms of the database's time (an hour of each is 30 readings).
SENSORS_A_QUERY = 200


#: Seconds that a look in flight is given to end when we stop.
END_S = 0.5


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


class Reader:
    """Looks at `store`, keeps `picture` up to date and shows it on `board`."""

    def __init__(
        self, store: Store, picture: Picture, board: Board, clock: Callable[[], datetime] = wall_clock
    ) -> None:
        self._store, self._picture, self._board, self._clock = store, picture, board, clock
        self._registry_version = -1
        self._trouble: StoreError | None = None
        #: since when the database answers, or does not
        self._since = clock()
        #: sensors asked for in one query
        self._batch = SENSORS_A_QUERY
        self._asked = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reads while the block runs; ends all streams and connections behind it."""
        tasks = [asyncio.create_task(self._look_on()), asyncio.create_task(self._beat_on())]
        try:
            yield
        finally:
            self._board.hub.close()
            for _ in range(
                2
            ):  # psycopg answers the first by asking the server to cancel, the second by hanging up
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=END_S)
            await self._store.close()

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(PAUSE_S)
            await self._store.committed(POLL_S - PAUSE_S)

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(max(0.1, BEAT_S - self._board.quiet_s))
            if self._board.quiet_s >= BEAT_S:
                self._board.beat(self._clock())

    async def look(self) -> None:
        """One look at the database, and a tick if anything changed or the last one is old."""
        try:
            await self._look()
        except Exception as error:  # a bug, or rows that we cannot add up: told, forgotten, read anew
            logger.exception("the snapshot could not be made", extra={"event": "snapshot_failed"})
            self._forget()
            self._turn(StoreError("failed", repr(error)))
            self._board.health = judge(None, self._trouble, self._since, self._clock())
            self._board.beat(self._clock())

    async def _look(self) -> None:
        """One look at the database, and a tick if anything changed or the last one is old."""
        workers: Sequence[WorkerRow] | None = None
        news = False
        try:
            status = await self._store.status()
            news = await self._enrol(status)
            news |= await self._read(status)
            news |= self._picture.count(await self._counts())
        except StoreError as trouble:
            self._turn(trouble)
        else:
            workers = status.workers
            self._turn(None)
        await self._tick(workers, news=news)
        if workers is not None:
            self._board.answered()

    def _turn(self, trouble: StoreError | None) -> None:
        """Note whether the database answers, and since when."""
        if not self._asked or (trouble is None) != (self._trouble is None):
            self._since, self._asked = self._clock(), True
            if trouble is None:
                logger.info("the database answers", extra={"event": "database_back"})
            else:
                logger.warning("the database is away: %s", trouble, extra={"event": "database_away"})
        self._trouble = trouble

    def _forget(self) -> None:
        self._picture.clear()
        self._registry_version = -1

    async def _enrol(self, status: StatusRow) -> bool:
        """Take in what changed in the registry; whether anything did."""
        if status.registry_version < self._registry_version:
            self._forget()  # another database, or one that was restored
        if status.registry_version == self._registry_version:
            return False
        self._picture.enrol(await self._store.sensors(self._registry_version))
        self._registry_version = status.registry_version
        return True

    async def _read(self, status: StatusRow) -> bool:
        """Take in what sensors said, some of them at a time; whether any did.

        A database that is too slow for so many is asked for fewer the next time.
        """
        moved = self._picture.moved(status.versions)
        for ids in _batches(list(moved), self._batch):
            try:
                changes = await self._changes({sensor_id: moved[sensor_id] for sensor_id in ids})
            except StoreError as trouble:
                if trouble.trouble == "silent":
                    self._batch = max(1, self._batch // 4)
                raise
            await asyncio.to_thread(self._picture.apply, changes, self._clock())
            self._batch = min(SENSORS_A_QUERY, 2 * self._batch)
        return bool(moved)

    async def _changes(self, versions: Mapping[int, int]) -> Changes:
        latest = await self._store.latest(list(versions))
        since = self._picture.since(latest, self._clock())
        readings = await self._store.readings(list(since), list(since.values()))
        return Changes(versions, latest, since, readings)

    async def _counts(self) -> Sequence[CountsRow]:
        """Message counts of sensors that wait for a person."""
        ids = [sensor.sensor_id for sensor in self._picture.roster.waiting[:ATTENTION_MOST]]
        return await self._store.counts(ids) if ids else ()

    async def _tick(self, workers: Sequence[WorkerRow] | None, *, news: bool) -> None:
        now, board = self._clock(), self._board
        health = judge(workers, self._trouble, self._since, now)
        if news or health.as_json() != board.health.as_json() or board.tick_age_s >= BEAT_S:
            view, tick = await asyncio.to_thread(self._make, now, health)
            board.show(view, health, tick)

    def _make(self, now: datetime, health: Health) -> tuple[View, bytes]:
        view = self._picture.view(now)
        return view, self._board.tick(view, health)


def _batches(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
