"""What is kept of a message that cannot be stored: whole, with its reason, and nothing of a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from city.db import statement
from city.personal import holds_personal, names_person, nulled
from city.reading import Refusal
from ingest.fold import Outcome
from ingest.message import MAX_TOPIC, Message

#: Of a message over the size limit only the head is kept.
REJECTED_SAMPLE_BYTES = 1024
#: Of one statement: rows, and bytes of payload (PostgreSQL's messages end at 1 GB).
STATEMENT_ROWS, STATEMENT_BYTES = 1000, 8_000_000
#: place of the payload in a row
PAYLOAD = 13
#: Reasons that a change of the registry heals: the same body without a time, again, is another reading then.
TAKEN_LATER = frozenset({"unknown_sensor", "registration_limit", "retired", "not_a_gateway"})


@dataclass(frozen=True, slots=True)
class Case:
    """A refused message or element, ready to be kept."""

    message: Message
    refusal: Refusal
    outcome: Outcome
    sensor_id: int | None


def keep(conn: psycopg.Connection[Any], cases: Iterable[Case], writer: str) -> None:
    """Write cases in the order of their digests; the same case again raises its count."""
    rows: dict[bytes, list[Any]] = {}
    bodies = _Bodies()
    for case in cases:
        row = _row(case, bodies.kept(case), writer)
        known = rows.setdefault(row[0], row)
        if known is not row:
            known[2], known[3] = max(known[2], row[2]), known[3] + 1
    for part in _parts([rows[digest] for digest in sorted(rows)]):
        conn.execute(statement("insert_quarantine"), [list(column) for column in zip(*part, strict=True)])


def _parts(rows: list[list[Any]]) -> Iterator[list[list[Any]]]:
    """Rows by many, but not more than a few megabytes of payload a statement."""
    part, size = [], 0
    for row in rows:
        part.append(row)
        size += len(row[PAYLOAD] or b"")
        if len(part) == STATEMENT_ROWS or size > STATEMENT_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


class _Bodies:
    """What is kept of cases: the whole message, or the one element that is refused. Reads each message once."""

    def __init__(self) -> None:
        self._message: Message | None = None
        self._elements: list[Any] | None = None

    def kept(self, case: Case) -> bytes | None:
        """The bytes to keep of a case."""
        if case.refusal.index is None:
            return kept_payload(case.message, case.refusal)
        if case.message is not self._message:
            self._message, self._elements = case.message, _elements(case.message.payload)
        if self._elements is None:
            return kept_payload(case.message, case.refusal)
        return msgspec.json.encode(nulled(self._elements[case.refusal.index])[0])


def _elements(payload: bytes) -> list[Any] | None:
    """The elements of an array, None where the body is something else."""
    try:
        body = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return body if isinstance(body, list) else None


def _row(case: Case, kept: bytes | None, writer: str) -> list[Any]:
    message, refusal = case.message, case.refusal
    parts = [message.topic, refusal.code, str(refusal.index)]
    if message.digest is not None and refusal.code in TAKEN_LATER:
        parts.append(message.at.isoformat())
    body = message.payload if refusal.index is None or kept is None else kept
    digest = hashlib.blake2b("\0".join(parts).encode() + b"\0" + body, digest_size=16).digest()
    topic = message.topic[:MAX_TOPIC].replace("\x00", "\\0")
    told = [message.serial, case.sensor_id, message.decoder, refusal.index, refusal.code, refusal.text]
    head = [digest, message.at, message.at, 1, case.outcome.label, writer, topic]
    return [*head, *told, kept, len(body)]


def kept_payload(message: Message, refusal: Refusal) -> bytes | None:
    """The bytes to keep: personal values nulled; None for a body that is no JSON and names a person's device."""
    payload = message.payload
    if refusal.code == "too_large":
        payload = payload[:REJECTED_SAMPLE_BYTES]
    try:
        body = msgspec.json.decode(payload)
        return msgspec.json.encode(nulled(body)[0]) if holds_personal(payload) else payload
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        return None if names_person(payload) else payload
