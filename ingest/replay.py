"""Quarantine once more: a case through today's decoder and registry, stored and taken out in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from city.contract import Decoder
from city.db import statement
from city.metrics import Catalogue
from city.reading import Reading, Refusal
from city.settings import Settings
from ingest.announce import COMMIT_CHANNEL
from ingest.batch import Batch
from ingest.fold import Outcome
from ingest.message import Delivery, Judge, Message
from ingest.registry import Locator, Registry
from ingest.tally import Tally
from ingest.writer import Marks, Writer, rules_of

#: Name in the ledger: a replay counts when it happens, under this.
WRITER = "replay"
#: Name of imports: their cases are rows of files, not messages.
IMPORT = "import"
#: Nobody waits for an acknowledgement.
_NO_DELIVERY = Delivery(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Case:
    """A row of quarantine, whole."""

    quarantine_id: int
    arrived_at: datetime
    last_at: datetime
    repeats: int
    outcome: str
    writer: str
    topic: str
    serial: str | None
    decoder: str
    #: place in its array; None where the whole message was refused
    element: int | None
    code: str
    reason: str
    #: None where nothing was kept
    payload: bytes | None
    payload_bytes: int
    replays: int
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a replay."""

    #: outcomes of its readings; empty where it stays in quarantine
    outcomes: Counter[str]
    #: why it stays, "" where it does not
    reason: str = ""


class _RefusedAgain(Exception):  # noqa: N818 a finding, not a failure
    """Nothing of the case can be taken today, either."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.text)


class _Gone(Exception):  # noqa: N818 a finding, not a failure
    """Somebody else took the case out meanwhile."""


def read_case(conn: psycopg.Connection[Any], number: int) -> Case | None:
    """A case by its number, None where there is none."""
    row = conn.execute(statement("read_quarantine"), [number]).fetchone()
    return Case(*row) if row else None


class Replayer:
    """Replays cases one by one, each in a transaction of its own: twice changes nothing.

    A reading without a time gets the instant of its first arrival, to the microsecond where that is free. A case
    that came several times is replayed once. Wants the owner's connection: ingest itself may not take cases out.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        settings: Settings,
        catalogue: Catalogue,
        locator: Locator,
        zone: ZoneInfo,
    ) -> None:
        self._conn = conn
        self._judge = Judge(settings.topic_prefix, Decoder(catalogue))
        rules, registry = rules_of(settings), Registry(locator)
        self._writer = Writer(WRITER, catalogue, registry, rules, lambda: Tally(zone))
        self._writer.prepare(conn)

    def replay(self, number: int) -> Result:
        """Send a case through; it leaves quarantine where at least one of its readings is taken."""
        case = read_case(self._conn, number)
        if case is None:
            return Result(Counter(), "it is not in quarantine any more")
        message = self._message(case)
        if isinstance(message, str):
            return Result(Counter(), message)
        self._writer.look_first()
        try:
            report = self._writer.write(self._conn, [message], Marks((), self._takes_out(case)))
        except _Gone:
            return Result(Counter(), "it is not in quarantine any more")
        except _RefusedAgain as again:
            told = [again.refusal.code, again.refusal.text, number]
            self._conn.execute(statement("refuse_again"), told)
            return Result(Counter(), again.refusal.text)
        return Result(Counter(Outcome(v.counted[1]).label for v in report.batches[0].verdicts[0]))

    def _message(self, case: Case) -> Message | str:
        """The case as a message that arrives now, or why it cannot be one."""
        if case.payload is None:
            return "its body was not kept, since it names a person's device"
        if case.writer == IMPORT:
            return "it is a row of a file; mend the row, or its map, and import the file again"
        if case.code == "too_large":
            return "only its beginning was kept"
        retained = case.code == "retained"
        message = self._judge.judge(
            case.topic, case.payload, case.arrived_at, _NO_DELIVERY, retained=retained
        )
        if not message.items:
            return "there is no reading in it"
        free = case.arrived_at
        for item in message.items:
            if isinstance(item, Reading) and item.time is None:
                item.time = self._instant(item.sensor or message.serial, free)
                free = item.time + timedelta(microseconds=1)
        message.at = datetime.now(UTC)
        return message

    def _instant(self, serial: str | None, at: datetime) -> datetime:
        row = self._conn.execute(statement("free_instant"), {"at": at, "serial": serial}).fetchone()
        return row[0] if row else at

    def _takes_out(self, case: Case) -> Any:
        def announce(conn: psycopg.Connection[Any], batch: Batch, _watched: frozenset[str]) -> None:
            refused = batch.refused()
            if len(refused) == sum(map(len, batch.verdicts)):
                raise _RefusedAgain(refused[0][1])
            row = conn.execute(statement("leave_quarantine"), [[case.quarantine_id], "replayed"]).fetchone()
            if not row or not row[0]:
                raise _Gone
            conn.execute(statement("notify"), [COMMIT_CHANNEL, ""])

        return announce
