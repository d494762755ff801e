"""The keeper of the Ingest page: reads the books while somebody looks at them, and gives all viewers one tick.

Each look reads how ingest stands and the last minutes; now and then it reads the whole day anew, since what
arrived earlier may be committed later. With nobody watching, the database is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from dashboard.board import Board
from dashboard.books import DAY_STEP, HOUR_STEP, Books, books_json, floor, midnight_at, spans_at
from dashboard.health import epoch_ms
from dashboard.ledger import AuditRow, LagRow, LedgerStore, MinuteRow, Spans
from dashboard.reader import END_S
from dashboard.snapshot import beat_json
from dashboard.store import StoreError

logger = logging.getLogger(__name__)

#: Seconds between two looks, between two audits, and after which the whole day is read anew.
LOOK_S, AUDIT_S, WHOLE_S = 2.0, 10.0, 60.0
#: How far back each look reads minutes: beyond any back-off of ingest but an outage's.
RECENT = timedelta(minutes=15)

Lags = dict[tuple[datetime, str], LagRow]


class Bookkeeper:
    """Keeps the day's minutes in memory, and shows them on `hub`."""

    def __init__(
        self, store: LedgerStore, board: Board, zone: ZoneInfo, clock: Callable[[], datetime]
    ) -> None:
        self.hub = board.books
        self._store, self._board, self._zone, self._clock = store, board, zone, clock
        self._minutes: dict[datetime, MinuteRow] = {}
        self._hour_lags: Lags = {}
        self._day_lags: Lags = {}
        self._audit: tuple[AuditRow, datetime] | None = None
        #: monotonic seconds of the last whole read and of the last audit; None: never
        self._whole_at: float | None = None
        self._audited_at: float | None = None
        self._seq = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks while the block runs; ends all streams behind it."""
        task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self.hub.close()
            for _ in range(2):  # as the reader: psycopg answers the first by asking the server to cancel
                task.cancel()
                await asyncio.wait([task], timeout=END_S)
            await self._store.close()

    async def _look_on(self) -> None:
        while True:
            await self.hub.watched()
            await self.look()
            await asyncio.sleep(LOOK_S)
            if not self.hub.followers:
                self.hub.forget()
                self._whole_at = None

    async def look(self) -> None:
        """One look at the books, and a tick; a beat with what is wrong where the database does not answer."""
        now = self._clock()
        try:
            tick = await self._tick(now)
        except StoreError as trouble:
            logger.debug("the books cannot be read: %s", trouble, extra={"event": "books_away"})
            self._whole_at = None
            self.hub.beat(beat_json(epoch_ms(now) or 0, self._board.boot, self._board.health))
        except Exception:  # a bug: told, forgotten, read anew
            logger.exception("the books could not be shown", extra={"event": "books_failed"})
            self._whole_at = None
            self.hub.beat(beat_json(epoch_ms(now) or 0, self._board.boot, self._board.health))
        else:
            self.hub.tick(tick)

    async def _tick(self, now: datetime) -> bytes:
        spans = spans_at(now)
        await self._read(spans, now)
        standing = await self._store.standing(spans)
        audit, audited_at = await self._audited(now)
        books = Books(now, self._minutes, self._hour_lags, self._day_lags, standing, audit, audited_at)
        self._seq += 1
        head = {"boot": self._board.boot, "seq": self._seq, "health": self._board.health.as_json()}
        return await asyncio.to_thread(_encoded, books, head)

    async def _read(self, spans: Spans, now: datetime) -> None:
        """Bring minutes and lags up to date: the last of them, or all."""
        whole = _due(self._whole_at, WHOLE_S)
        recent = floor(now - RECENT, DAY_STEP)
        day, hour = (spans.day, spans.hour) if whole else (recent, max(recent, spans.hour))
        minutes = await self._store.minutes(day)
        hour_lags = await self._store.lags(hour, HOUR_STEP)
        day_lags = await self._store.lags(day, DAY_STEP)
        if whole:
            self._minutes, self._hour_lags, self._day_lags = {}, {}, {}
            self._whole_at = time.monotonic()
        self._minutes |= {row.minute: row for row in minutes}
        self._hour_lags |= {(row.start, row.kind): row for row in hour_lags}
        self._day_lags |= {(row.start, row.kind): row for row in day_lags}

    async def _audited(self, now: datetime) -> tuple[AuditRow, datetime]:
        if self._audit is None or _due(self._audited_at, AUDIT_S):
            self._audit = await self._store.audit(*midnight_at(now, self._zone)), now
            self._audited_at = time.monotonic()
        return self._audit


def _due(last: float | None, every_s: float) -> bool:
    return last is None or time.monotonic() - last >= every_s


def _encoded(books: Books, head: dict[str, Any]) -> bytes:
    return orjson.dumps(books_json(books, head))
