"""The books on PostgreSQL: the Ingest page's queries, over whatever asks them (`postgres.PgStore`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

from city.db import statement
from dashboard.ledger import (
    CASES_LOOKED_AT,
    GAPS_MOST,
    GROUPS_MOST,
    HELD_MOST,
    OUTCOMES,
    PAYLOAD_MOST,
    AuditRow,
    BrokerRow,
    CaseRow,
    GapRow,
    LagRow,
    MinuteRow,
    ReasonRow,
    SlotRow,
    Spans,
    Standing,
)

_N = len(OUTCOMES)


class PgLedger:
    """See LedgerStore."""

    @abstractmethod
    async def _rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    async def minutes(self, since: datetime) -> Sequence[MinuteRow]:
        """See LedgerStore."""
        rows = await self._rows(statement("ingest_minutes"), since)
        return [MinuteRow(row[0], row[1], row[2 : 2 + _N], row[2 + _N :]) for row in rows]

    async def lags(self, since: datetime, step: timedelta) -> Sequence[LagRow]:
        """See LedgerStore."""
        return [LagRow(*row) for row in await self._rows(statement("ingest_lags"), step, since)]

    async def standing(self, spans: Spans) -> Standing:
        """See LedgerStore."""
        during = (spans.slot_from, spans.slot_until)
        slots = await self._rows(statement("ingest_slots"), *during)
        broker = await self._rows(statement("ingest_broker"))
        gaps = await self._rows(statement("ingest_gaps"), spans.day, GAPS_MOST)
        reasons = await self._rows(statement("ingest_reasons"), spans.hour, spans.day)
        cases = await self._rows(statement("ingest_cases"), PAYLOAD_MOST, CASES_LOOKED_AT, GROUPS_MOST)
        [(held,)] = await self._rows(statement("ingest_held"), HELD_MOST + 1)
        lags = await self._rows(statement("ingest_lag_now"), *during)
        return Standing(
            slots=[SlotRow(*row) for row in slots],
            broker=BrokerRow(*broker[0]) if broker else None,
            gaps=[GapRow(*row) for row in gaps],
            reasons=[ReasonRow(*row) for row in reasons],
            cases=[CaseRow(*row) for row in cases],
            held=held,
            lags=[LagRow(spans.slot_from, *row) for row in lags],
        )

    async def audit(self, midnight: datetime, day: date) -> AuditRow:
        """See LedgerStore."""
        [row] = await self._rows(statement("ingest_audit"), midnight, day, midnight)
        by_minute, by_sensor, reasons = row[: 1 + 2 * _N], row[1 + 2 * _N : 2 + 3 * _N], row[2 + 3 * _N :]
        return AuditRow(
            by_minute[0], by_minute[1 : 1 + _N], by_minute[1 + _N :], by_sensor[0], by_sensor[1:], reasons
        )
