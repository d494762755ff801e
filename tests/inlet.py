"""Ingest's writer on a database, and messages as they arrive, without a broker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from types import TracebackType
from typing import Any, Self

import psycopg

from city.contract import Decoder
from city.db import connect
from city.pack import CityPack, load_pack
from city.plain import PlainDecoder
from city.reading import Refusal
from ingest.message import Delivery, Judge, Message
from ingest.registry import Registry, State
from ingest.tally import Tally
from ingest.writer import Marks, Report, Rules, Writer
from tests.servers.postgres import Database

PREFIX = "sdot/v1"
#: Messages arrive then, unless a test says otherwise.
AT = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=1)
DELIVERY = Delivery(0, 1, 1, 1)


@cache
def seoul() -> CityPack:
    """The shipped pack."""
    return load_pack("seoul")


@cache
def judge() -> Judge:
    """Judges by the shipped catalogue."""
    return Judge(PREFIX, Decoder(seoul().catalogue), plain=PlainDecoder(seoul().catalogue))


def body(content: Any) -> bytes:
    """The bytes of a message: those given, or JSON."""
    if isinstance(content, bytes):
        return content
    return json.dumps(content, default=lambda value: value.isoformat()).encode()


def message(
    serial: str, content: Any, at: datetime = AT, *, leaf: str = "reading", retained: bool = False
) -> Message:
    """A message that arrived `at` on the serial's topic."""
    return judge().judge(f"{PREFIX}/{serial}/{leaf}", body(content), at, DELIVERY, retained=retained)


class Inlet:
    """One worker's writer with its connection."""

    def __init__(
        self,
        database: Database,
        *,
        register: State | None = "verified",
        per_hour: int = 10_000,
        retention: timedelta | None = None,
        name: str = "ingest/0",
        writer: type[Writer] = Writer,
    ) -> None:
        pack = seoul()
        self.registry = Registry(pack)
        rules = Rules(register, per_hour, retention)
        self.writer = writer(name, pack.catalogue, self.registry, rules, lambda: Tally(pack.zone))
        self.database = database
        self.conn: psycopg.Connection[Any] = connect(database.url_as("sdot_ingest"), "test of ingest")
        self.writer.prepare(self.conn)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(psycopg.Error):
            self.conn.close()

    def owner(self) -> psycopg.Connection[Any]:
        """A person's connection to the same database."""
        return self.database.connect()

    def write(self, *messages: Message, timeless: Sequence[tuple[int, bytes]] = ()) -> Report:
        """Commit these as one batch."""
        return self.writer.write(self.conn, messages, Marks(timeless))

    def send(self, serial: str, *contents: Any, at: datetime = AT, **how: Any) -> list[str]:
        """Write messages of one serial as one batch; the outcomes of their readings, in order."""
        return outcomes(self.write(*(message(serial, content, at, **how) for content in contents)))

    def refusals(self, serial: str, content: Any, at: datetime = AT, **how: Any) -> list[Refusal]:
        """Write one message; why its readings were refused."""
        (batch,) = self.write(message(serial, content, at, **how)).batches
        return [case.refusal for case in batch.cases()]


def outcomes(report: Report) -> list[str]:
    """Outcomes of all readings of a commit, in order of arrival."""
    return [outcome.label for batch in report.batches for outcome in batch.outcomes()]
