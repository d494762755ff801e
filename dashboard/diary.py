"""The keeper of the last 24 hours: reads them once, then only the newest buckets, and keeps the document ready.

Nothing of it happens when a page asks: the document is made and compressed ahead, in a thread, and its version goes
out with the ticks, so that a page asks again only for what is new. With nobody watching, the database is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from city.grades import Standard
from dashboard.board import Board
from dashboard.changes import left_out, silent
from dashboard.day import BUCKETS, SPAN, STEP_S, STEP_US, Buckets
from dashboard.day_document import day_json
from dashboard.day_store import DayStore, ReturnRow
from dashboard.packed import NEVER, instant, micros
from dashboard.picture import View
from dashboard.reader import END_S
from dashboard.static import StaticFile, pack
from dashboard.store import StoreError
from dashboard.window import Ints

logger = logging.getLogger(__name__)

#: Seconds between two looks, and until a failed one is tried again.
LOOK_S = 15.0
#: Seconds after which the whole span is read anew: what came late may have changed any of it, and is seen within a minute.
WHOLE_S = 30.0
#: So much longer than it took, until silences are looked for again: in a large city that takes seconds.
RETURNS_SHARE = 30.0
#: With less than this behind what a back-fill left to roll up, there is no day to show yet.
LEAST = timedelta(hours=2)
#: How far back each look reads: the open buckets and those that close about now.
RECENT = timedelta(minutes=30)
#: Changes of sensors need nothing older, but a silence may have begun before.
CHANGES = timedelta(hours=25)
#: Most sensors with left-out values that are looked up.
LEFT_OUT_MOST = 200


class Diary:
    """Keeps the buckets in memory, and the document on the board."""

    def __init__(
        self, store: DayStore, board: Board, standard: Standard, zone: ZoneInfo, clock: Callable[[], datetime]
    ) -> None:
        self._store, self._board, self._standard, self._zone, self._clock = (
            store,
            board,
            standard,
            zone,
            clock,
        )
        self._buckets: Buckets | None = None
        self._returns: Sequence[ReturnRow] = ()
        self._good: Mapping[int, Ints] = {}
        #: sensors and metrics that were looked up for `_good`
        self._left_out: list[tuple[int, int]] = []
        #: what the last document was made of
        self._shown: tuple[tuple[object, ...], Buckets] | None = None
        #: monotonic seconds of the last whole read, and from when on silences are looked for again
        self._whole_at, self._returns_due = 0.0, 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks while the block runs."""
        task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            for _ in range(2):  # as the reader: psycopg answers the first by asking the server to cancel
                task.cancel()
                await asyncio.wait([task], timeout=END_S)
            await self._store.close()

    async def _look_on(self) -> None:
        while True:
            await self._board.seen.wait()  # the changes of sensors need the reader's picture of them
            await self.look()
            await asyncio.sleep(LOOK_S)
            await self._board.hub.watched()

    async def look(self) -> None:
        """One look at the rollups; the document anew where it says something else."""
        try:
            file = await self._document(self._clock())
        except StoreError as trouble:
            logger.debug("the last 24 hours cannot be read: %s", trouble, extra={"event": "day_away"})
            self._whole_at = 0.0
        except Exception:  # a bug: told, forgotten, read anew
            logger.exception("the last 24 hours could not be shown", extra={"event": "day_failed"})
            self._buckets, self._shown, self._whole_at = None, None, 0.0
        else:
            if file is not None:
                self._board.show_day(file)

    async def _document(self, now: datetime) -> StaticFile | None:
        """The document; None where it says what the last one says."""
        reach = await self._store.day_reach(now - SPAN)
        if reach.since is not None and now - reach.since < LEAST:
            return None
        view = self._board.view
        buckets = await self._read(now, waits=reach.since is not None)
        await self._lookup(view, now)
        known = micros(reach.since) if reach.since else NEVER, micros(reach.to)
        return await asyncio.to_thread(self._packed, view, buckets, known)

    async def _read(self, now: datetime, *, waits: bool) -> Buckets:
        """The buckets up to the last that is over, the newest read again, or all; a back-fill that waits may change all."""
        end_us = micros(now) // STEP_US * STEP_US
        view, start_us = self._board.view, end_us - BUCKETS * STEP_US
        shape = len(view.roster.districts), len(view.metrics)
        whole = self._buckets is None or not self._whole_at or time.monotonic() - self._whole_at >= WHOLE_S
        old = self._buckets or Buckets.empty(start_us, *shape)
        since = now - SPAN - timedelta(seconds=STEP_S) if whole else now - RECENT
        since_us = max(start_us, micros(since) // STEP_US * STEP_US)
        rows = await self._store.day_buckets(instant(since_us), instant(end_us))
        packed = {row.district: row.packed for row in rows}
        codes, metrics = view.roster.districts, view.metrics
        buckets = await asyncio.to_thread(old.moved(start_us).with_rows, packed, codes, metrics, since_us)
        if whole:
            await self._look_for_returns(now, waits=waits)
            self._whole_at = 0.0 if waits else time.monotonic()
        self._buckets = buckets
        return buckets

    async def _look_for_returns(self, now: datetime, *, waits: bool) -> None:
        """Of a day that is not all there, everybody would seem to have come back."""
        started = time.monotonic()
        if waits:
            self._returns, self._returns_due = (), 0.0
        elif started >= self._returns_due:
            self._returns = await self._store.day_returns(now - CHANGES, now)
            self._returns_due = started + RETURNS_SHARE * (time.monotonic() - started)

    async def _lookup(self, view: View, now: datetime) -> None:
        """Since when values are left out, where other ones are than before."""
        found = await asyncio.to_thread(left_out, view)
        if found == self._left_out:
            return
        ids = list(dict.fromkeys(view.roster.sensors[row].sensor_id for row, _ in found))[:LEFT_OUT_MOST]
        rows = await self._store.day_good(ids, now - CHANGES)
        self._good = {row.sensor_id: np.frombuffer(row.packed, ">i8").astype(np.int64) for row in rows}
        self._left_out = found

    def _packed(self, view: View, buckets: Buckets, reach: tuple[int, int]) -> StaticFile | None:
        totals = tuple(figure.N for row in view.figures for figure in row)
        quiet = tuple((one.at_us, one.count) for one in silent(view))
        parts = (view.roster.version, reach, totals, quiet, tuple(self._left_out), tuple(self._returns))
        if self._shown is not None and self._shown[0] == parts and self._shown[1].same(buckets):
            return None
        document = day_json(view, buckets, reach, self._standard, self._zone, self._returns, self._good)
        self._shown = parts, buckets
        return pack(document, "application/json")
