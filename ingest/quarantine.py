"""What is kept of a message that cannot be stored: whole, with its reason, and nothing of a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from city.db import statement
from city.personal import holds_personal, names_person, nulled
from city.reading import Refusal
from ingest.fold import Outcome
from ingest.message import Message

#: Of a message over the size limit only the head is kept.
REJECTED_SAMPLE_BYTES = 1024


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
    for case in cases:
        row = _row(case, writer)
        known = rows.setdefault(row[0], row)
        if known is not row:
            known[2], known[3] = max(known[2], row[2]), known[3] + 1
    text = statement("insert_quarantine")
    for digest in sorted(rows):
        conn.execute(text, rows[digest])


def _row(case: Case, writer: str) -> list[Any]:
    message, refusal = case.message, case.refusal
    parts = (message.topic, refusal.code, str(refusal.index))
    digest = hashlib.blake2b("\0".join(parts).encode() + b"\0" + message.payload, digest_size=16).digest()
    topic = message.topic.replace("\x00", "\\0")
    outcome, decoder, kept = case.outcome.label, message.decoder, kept_payload(message, refusal)
    head = [
        digest,
        message.at,
        message.at,
        1,
        outcome,
        writer,
        topic,
        message.serial,
        case.sensor_id,
        decoder,
    ]
    return [*head, refusal.index, refusal.code, refusal.text, kept, len(message.payload)]


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
