"""The books' twin in memory, for tests and for trying the page without servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

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
    Kind,
    LagRow,
    MinuteRow,
    ReasonRow,
    SlotRow,
    Spans,
    Standing,
)
from dashboard.store import StoreError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_BUCKET = 37


@dataclass(frozen=True, slots=True)
class CountsOf:
    """What one writer counted in one minute."""

    writer: str
    minute: datetime
    messages_by: tuple[int, ...]
    readings_by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LagOf:
    """A bucket of a writer's lag in a minute; bounds as `lag_bound` in the schema."""

    writer: str
    minute: datetime
    kind: Kind
    bucket: int
    n: int


class MemoryLedger:
    """Holds what PostgreSQL would; the caller puts counts, lags, slots, gaps and refused messages in."""

    def __init__(self) -> None:
        self.counted: list[CountsOf] = []
        self.lagged: list[LagOf] = []
        #: (minute, code, outcome, readings)
        self.refused: list[tuple[datetime, str, str, int]] = []
        self.slots: list[SlotRow] = []
        self.gaps: list[GapRow] = []
        self.broker: BrokerRow | None = None
        #: one row a case: `cases` is 1
        self.cases: list[CaseRow] = []
        #: the book by sensor, where it shall differ from that by minute
        self.sensor_readings_by: tuple[int, ...] | None = None
        #: what each query raises, while the database is meant to be away
        self.trouble: StoreError | None = None

    async def minutes(self, since: datetime) -> Sequence[MinuteRow]:
        """See LedgerStore."""
        self._answer()
        found: dict[datetime, list[CountsOf]] = defaultdict(list)
        for counts in self.counted:
            if counts.minute >= since:
                found[counts.minute].append(counts)
        return [_minute(minute, found[minute]) for minute in sorted(found)]

    async def lags(self, since: datetime, step: timedelta) -> Sequence[LagRow]:
        """See LedgerStore."""
        self._answer()
        found: dict[tuple[datetime, Kind], list[LagOf]] = defaultdict(list)
        for lag in self.lagged:
            if lag.minute >= since:
                found[lag.minute - (lag.minute - _EPOCH) % step, lag.kind].append(lag)
        return [_lag(start, kind, found[start, kind]) for start, kind in sorted(found)]

    async def standing(self, spans: Spans) -> Standing:
        """See LedgerStore."""
        self._answer()
        within = [lag for lag in self.lagged if spans.slot_from <= lag.minute < spans.slot_until]
        kinds = sorted({lag.kind for lag in within})
        gaps = [gap for gap in self.gaps if gap.ended_at is None or gap.ended_at >= spans.day]
        gaps.sort(key=lambda gap: (gap.ended_at is not None, -gap.began_at.timestamp()))
        return Standing(
            slots=[self._slot(slot, spans, within) for slot in self.slots],
            broker=self.broker,
            gaps=gaps[:GAPS_MOST],
            reasons=self._reasons(spans),
            cases=self._groups(),
            held=min(len(self.cases), HELD_MOST + 1),
            lags=[_lag(spans.slot_from, kind, [lag for lag in within if lag.kind == kind]) for kind in kinds],
        )

    async def audit(self, midnight: datetime, day: date) -> AuditRow:  # noqa: ARG002 it holds no other day by sensor
        """See LedgerStore."""
        self._answer()
        today = _minute(midnight, [counts for counts in self.counted if counts.minute >= midnight])
        refused = [
            sum(n for at, _, what, n in self.refused if at >= midnight and what == outcome)
            for outcome in OUTCOMES[3:]
        ]
        return AuditRow(
            today.messages,
            today.messages_by,
            today.readings_by,
            today.messages,
            self.sensor_readings_by or today.readings_by,
            (refused[0], refused[1]),
        )

    async def close(self) -> None:
        """See LedgerStore."""

    def _answer(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def _slot(self, slot: SlotRow, spans: Spans, within: Iterable[LagOf]) -> SlotRow:
        mine = [lag for lag in within if lag.writer == slot.writer and lag.kind == "arrival"]
        readings = sum(
            sum(counts.readings_by)
            for counts in self.counted
            if counts.writer == slot.writer and spans.slot_from <= counts.minute < spans.slot_until
        )
        return replace(slot, readings=readings, p95=quantile(mine, 0.95) if mine else None)

    def _reasons(self, spans: Spans) -> list[ReasonRow]:
        found: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
        for minute, code, outcome, n in self.refused:
            if minute >= spans.day:
                found[code, outcome].append((minute, n))
        rows = [
            ReasonRow(
                *key,
                sum(n for minute, n in times if minute >= spans.hour),
                sum(n for _, n in times),
                max(times)[0],
            )
            for key, times in found.items()
        ]
        return sorted(rows, key=lambda row: (-row.day, row.code, row.outcome))

    def _groups(self) -> list[CaseRow]:
        newest = sorted(self.cases, key=lambda case: (case.last_at, case.quarantine_id), reverse=True)
        groups: dict[tuple[str, str, str], list[CaseRow]] = defaultdict(list)
        for case in newest[:CASES_LOOKED_AT]:
            groups[case.serial or case.topic, case.code, case.outcome].append(case)
        return [_group(cases) for cases in groups.values()][:GROUPS_MOST]


def _group(cases: Sequence[CaseRow]) -> CaseRow:
    first = cases[0]
    return replace(
        first,
        cases=len(cases),
        repeats=sum(case.repeats for case in cases),
        payload=None if first.payload is None else first.payload[:PAYLOAD_MOST],
    )


def _minute(minute: datetime, counts: Iterable[CountsOf]) -> MinuteRow:
    by: list[tuple[int, ...]] = [(0,) * len(OUTCOMES)] * 2
    for one in counts:
        by = [
            tuple(map(sum, zip(old, new, strict=True)))
            for old, new in zip(by, (one.messages_by, one.readings_by), strict=True)
        ]
    return MinuteRow(minute, sum(by[0]), by[0], by[1])


def _lag(start: datetime, kind: Kind, lags: Sequence[LagOf]) -> LagRow:
    return LagRow(start, kind, quantile(lags, 0.5), quantile(lags, 0.95), sum(lag.n for lag in lags))


def bound(bucket: int) -> float:
    """The upper end of a bucket, seconds: `lag_bound` of the schema."""
    return 0.01 * float(2 ** (min(bucket, _LAST_BUCKET) / 2))


def quantile(lags: Iterable[LagOf], share: float) -> float:
    """`lag_quantile` of the schema."""
    counts: dict[int, int] = defaultdict(int)
    for lag in lags:
        counts[lag.bucket] += lag.n
    wanted, upto = share * sum(counts.values()), 0
    for bucket in sorted(counts):
        upto += counts[bucket]
        if upto >= wanted:
            low = bound(bucket - 1) if bucket else 0.0
            return low + (bound(bucket) - low) * (wanted - (upto - counts[bucket])) / counts[bucket]
    raise ValueError("no lag was counted")
