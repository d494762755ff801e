"""An arrived message judged: whose it is, what it says, and what of it can be kept. Pure; the clock is handed in."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from city.contract import BadMessage, Decoder, check_size
from city.plain import PlainDecoder, PlainReading
from city.reading import SERIAL, Reading, Refusal
from ingest.gate import Gate

log = logging.getLogger("ingest.message")

Leaf = Literal["reading", "status", "error", ""]
#: A reading further ahead of the receiver's clock is quarantined (wire contract v1).
MAX_AHEAD = timedelta(minutes=5)
#: A longer topic cannot be one of ours, and is not remembered.
MAX_TOPIC = 300
#: bytes of a timeless message's digest: 8 give a chance of 1e-16 for two of 2,000 to agree
DIGEST_BYTES = 8
RETAINED = Refusal(
    "retained",
    'a retained reading without "time": nobody can tell when it was measured; publish without retain',
)


class Delivery(msgspec.Struct, gc=False):
    """How a message came, which is what an acknowledgement needs."""

    #: which connection of which session; acknowledgements of an older epoch are dropped
    link: int
    epoch: int
    mid: int
    qos: int


class Message(msgspec.Struct):
    """A message that arrived, and what was read from it."""

    # One of these, and a Delivery, a message: msgspec makes them faster than a dataclass is made.

    topic: str
    payload: bytes
    at: datetime
    delivery: Delivery
    leaf: Leaf
    #: serial in the topic, None where the topic has none that can be
    serial: str | None
    decoder: str
    #: readings in order, a Refusal in the place of each that is quarantined or rejected
    items: list[Reading | Refusal] = msgspec.field(default_factory=list)
    #: the broker sent it before: every reading of it is a duplicate
    repeated: bool = False
    #: set where a reading has no time of its own
    digest: bytes | None = None
    #: its readings where all are plain and of its own sensor: then `items` is empty until it is unfolded
    plain: Sequence[PlainReading] | None = None

    def __len__(self) -> int:
        return len(self.items) if self.plain is None else len(self.plain)


class Judge:
    """Turns topic and payload into a Message."""

    def __init__(
        self, prefix: str, decoder: Decoder, gate: Gate | None = None, plain: PlainDecoder | None = None
    ) -> None:
        """Without `plain`, every message is read the long way."""
        self._prefix = prefix + "/"
        self._decoder, self._gate = decoder, gate
        self._readings = None if plain is None else plain.readings
        self._name = decoder.name
        self._topics: dict[str, tuple[Leaf, str | None]] = {}

    def judge(
        self, topic: str, payload: bytes, at: datetime, delivery: Delivery, *, retained: bool
    ) -> Message:
        """What a message says; faults become Refusals among its items, nothing is raised."""
        leaf, serial = self._topics.get(topic) or self._remember(topic)
        message = Message(topic, payload, at, delivery, leaf, serial, self._name)
        if leaf == "error":
            return message
        if self._gate is not None and (flood := self._gate.check(serial or "")):
            message.items = [flood]
            return message
        too_large = check_size(payload)
        if self._readings is not None and leaf == "reading" and serial is not None and not too_large:
            plain = self._readings(payload)
            if plain is not None:
                message.plain = plain
                if self._gate is not None:
                    self._gate.take(serial, len(plain))
                return message
        message.items = [too_large] if too_large else self._items(message)
        if self._gate is not None:
            self._gate.charge(serial or "", message.items)
        if leaf == "reading" and not too_large:
            self._check_times(message, retained=retained)
        return message

    def _remember(self, topic: str) -> tuple[Leaf, str | None]:
        if len(topic) > MAX_TOPIC:
            return self._parse(topic)
        if len(self._topics) > 200_000:  # noqa: PLR2004 four times the sensors one process serves; a flood of topics ends here
            self._topics.clear()
        return self._topics.setdefault(topic, self._parse(topic))

    def _parse(self, topic: str) -> tuple[Leaf, str | None]:
        serial, slash, leaf = topic.removeprefix(self._prefix).partition("/")
        if not topic.startswith(self._prefix) or not slash or leaf not in ("reading", "status", "error"):
            return "", None
        return leaf, serial if SERIAL.fullmatch(serial) else None  # type: ignore[return-value]

    def _items(self, message: Message) -> list[Reading | Refusal]:
        if not message.leaf:
            text = f"wrong topic; readings go to {self._prefix}<serial>/reading"
            return [Refusal("wrong_topic", text)]
        if message.serial is None:
            text = "the serial in the topic is not letters, digits and ._:- (at most 64); rename the sensor"
            return [Refusal("serial", text)]
        if message.leaf == "status":
            return _status(message.payload)
        return _decoded(self._decoder, message)

    def _check_times(self, message: Message, *, retained: bool) -> None:
        for place, item in enumerate(message.items):
            if isinstance(item, Reading) and item.time is None:
                if retained:
                    message.items[place] = RETAINED
                elif message.digest is None:
                    message.digest = digest_of(message)
        _refuse_early(message)


def unfold(message: Message, decoder: Decoder) -> None:
    """Read a plain message the long way, which has the last word on each of its readings."""
    if message.plain is not None:
        message.plain, message.items = None, _decoded(decoder, message)
        _refuse_early(message)


def _decoded(decoder: Decoder, message: Message) -> list[Reading | Refusal]:
    try:
        return decoder.decode(message.payload)
    except BadMessage as bad:
        return [bad.refusal]
    except Exception:
        # A message that we cannot cope with must not come back for ever: it is kept, and we hear of it.
        log.exception("a message on %s cannot be read", message.topic)
        return [Refusal("decoder", "it cannot be read, which is our fault; please report it")]


def _refuse_early(message: Message) -> None:
    """Put a Refusal in the place of each reading that is from the future."""
    for place, item in enumerate(message.items):
        if isinstance(item, Reading) and item.time is not None and item.time > message.at + MAX_AHEAD:
            early = too_early(item.time, message.at)
            index = item.index if len(message.items) > 1 else None
            message.items[place] = Refusal(early.code, early.text, index)


def _status(payload: bytes) -> list[Reading | Refusal]:
    if payload in (b"online", b"offline", b""):  # an empty retained message clears the topic
        return []
    return [Refusal("status", "a status is the text online or offline, without quotation marks")]


def digest_of(message: Message) -> bytes:
    """Tells a timeless message sent again from a new one."""
    return hashlib.blake2b(
        message.topic.encode() + b"\0" + message.payload, digest_size=DIGEST_BYTES
    ).digest()


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def too_early(time: datetime, at: datetime) -> Refusal:
    """The refusal of a reading that is from the future at `at`."""
    text = (
        f'"time" is {_span(time - at)} ahead of our clock; set the sensor\'s clock (NTP), or leave "time" out'
    )
    return Refusal("future", text)


def below_floor(time: datetime, floor: datetime) -> Refusal | None:
    """The refusal of a reading that is too old to be kept, or None."""
    if time >= floor:
        return None
    text = f'"time" is {time:%Y-%m-%d %H:%M} UTC, before {floor:%Y-%m-%d}, from which readings are kept'
    if time.year == 1970:  # noqa: PLR2004 what a clock says that was never set
        text += "; the sensor's clock was never set (NTP)"
    return Refusal("too_old", text)
