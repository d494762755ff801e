"""The reader: keeps the city in memory, and gives every viewer one snapshot a tick.

One loop looks at the database when ingest's NOTIFY wakes it, or a second passed. What it read is added up in
a thread, so that the event loop stays free for viewers. No error ends the loop: it is told, and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from dashboard.board import Board
from dashboard.health import Health, judge
from dashboard.picture import Changes, Picture, View
from dashboard.snapshot import ATTENTION_MOST
from dashboard.store import CountsRow, LatestRow, ReadingsRow, StatusRow, Store, StoreAway, WorkerRow
from dashboard.stream import BEAT_S
from dashboard.window import WINDOW_S

logger = logging.getLogger(__name__)

#: Seconds after which the reader looks without being called; ingest calls at most once a second.
POLL_S = 1.0
#: Seconds between two looks however often it is called: a value waits here for so long at the most.
PAUSE_S = 0.5
#: Sensors asked for in one query: some 30 ms of the database's time (an hour of each is 30 readings).
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
        self._trouble: StoreAway | None = None
        #: since when the database answers, or does not
        self._since = clock()
        self._asked = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reads while the block runs; ends all streams and connections behind it."""
        tasks = [asyncio.create_task(self._look_on()), asyncio.create_task(self._beat_on())]
        try:
            yield
        finally:
            self._board.hub.close()
            for _ in range(2):  # psycopg answers the first by asking the server to cancel, the second by hanging up
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
            self._turn(StoreAway("failed", repr(error)))
            self._board.health = judge(None, self._trouble, self._since, self._clock())
            self._board.beat(self._clock())

    async def _look(self) -> None:
        try:
            status = await self._store.status()
            changes = await self._gather(status)
        except StoreAway as trouble:
            self._turn(trouble)
            await self._tick(Changes(), None)
            return
        self._turn(None)
        await self._tick(changes, status.workers)
        self._board.answered()

    def _turn(self, trouble: StoreAway | None) -> None:
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

    async def _gather(self, status: StatusRow) -> Changes:
        """Everything that moved since the last look."""
        if status.registry_version < self._registry_version:
            self._forget()  # another database, or one that was restored
        if status.registry_version != self._registry_version:
            self._picture.enrol(await self._store.sensors(self._registry_version))
            self._registry_version = status.registry_version
        latest: list[LatestRow] = []
        readings: list[ReadingsRow] = []
        for ids in _batches(self._picture.moved(status.versions)):
            newest = await self._store.latest(ids)
            latest += newest
            readings += await self._store.readings([row.sensor_id for row in newest], self._sinces(newest))
        return Changes(latest, readings, await self._counts(), status.versions)

    def _sinces(self, newest: Sequence[LatestRow]) -> list[datetime]:
        """From when on each sensor's readings matter: its own last hour, if it fell silent before ours."""
        now = self._clock()
        return [min(now, row.time) - timedelta(seconds=WINDOW_S) for row in newest]

    async def _counts(self) -> list[CountsRow]:
        """Message counts of sensors that wait for a person, where they changed."""
        ids = [sensor.sensor_id for sensor in self._picture.roster.waiting[:ATTENTION_MOST]]
        found = await self._store.counts(ids) if ids else ()
        return [row for row in found if self._picture.counts.get(row.sensor_id) != row]

    async def _tick(self, changes: Changes, workers: Sequence[WorkerRow] | None) -> None:
        now, board = self._clock(), self._board
        health = judge(workers, self._trouble, self._since, now)
        news = changes.latest or changes.counts or self._picture.roster is not board.view.roster
        if not news and health.as_json() == board.health.as_json() and board.tick_age_s < BEAT_S:
            return
        view, tick = await asyncio.to_thread(self._make, changes, now, health)
        board.show(view, health, tick)

    def _make(self, changes: Changes, now: datetime, health: Health) -> tuple[View, bytes]:
        self._picture.apply(changes, now)
        view = self._picture.view(now)
        return view, self._board.tick(view, health)


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), SENSORS_A_QUERY):
        yield ids[start : start + SENSORS_A_QUERY]
