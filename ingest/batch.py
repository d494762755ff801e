"""A batch on its way into the database: its sensors, its facts, its outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from city.reading import Reading, Refusal
from ingest.fold import Fact, Outcome
from ingest.gate import Strangers
from ingest.message import Message, below_floor
from ingest.quarantine import Case
from ingest.registry import LIMIT, RETIRED, UNKNOWN, Registry, Sensor
from ingest.sheet import Sheet
from ingest.tally import NO_SENSOR, Tally

#: Reasons that turn a reading away for its size or its pace: counted, a sample kept.
REJECTING = frozenset({"too_large", "flood", "flood_unknown"})
NOT_A_GATEWAY = Refusal(
    "not_a_gateway", 'this sensor is not registered as a gateway, so it cannot carry "sensor"; leave it out'
)


@dataclass(slots=True)
class Verdict:
    """What becomes of one reading of a message."""

    message: Message
    item: Reading | Refusal
    outcome: Outcome | None = None
    refusal: Refusal | None = None
    sensor: Sensor | None = None
    fact: Fact | None = None

    @property
    def sensor_id(self) -> int:
        """Its sensor, or 0."""
        return self.sensor.sensor_id if self.sensor else NO_SENSOR

    @property
    def counted(self) -> tuple[int, Outcome]:
        """What the ledger counts."""
        outcome = self.outcome if self.outcome is not None else Outcome.QUARANTINED
        return (self.sensor.sensor_id if self.sensor else NO_SENSOR), outcome

    def refuse(self, refusal: Refusal, place: int | None = None) -> None:
        """It goes to quarantine, or is turned away."""
        self.refusal = refusal if place is None else replace(refusal, index=place)
        self.outcome = Outcome.REJECTED if refusal.code in REJECTING else Outcome.QUARANTINED


class Clock:
    """Times of arrival as times of measurement: rising by a microsecond a sensor at least."""

    def __init__(self) -> None:
        self._last: dict[int, datetime] = {}

    def stamp(self, sensor_id: int, at: datetime) -> datetime:
        """The time of a timeless reading that arrived `at`."""
        last = self._last.get(sensor_id)
        if last is not None and at <= last:
            at = last + timedelta(microseconds=1)
        self._last[sensor_id] = at
        return at


@dataclass(slots=True)
class Batch:
    """Messages judged against one state of the registry."""

    messages: Sequence[Message]
    #: readings of plain messages; they have no verdicts, all of them are stored
    sheet: Sheet | None = None
    verdicts: list[list[Verdict]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    #: what was counted, once it is
    tally: Tally | None = None
    #: the messages that have verdicts
    _judged: list[Message] = field(default_factory=list)
    #: sensor on whose topic each of them came, 0 where it is none
    _carriers: list[int] = field(default_factory=list)
    #: verdict of each fact, in order
    _owners: list[Verdict] = field(default_factory=list)
    #: verdicts of what is refused, in order
    _refused: list[Verdict] = field(default_factory=list)

    def judge(self, registry: Registry, clock: Clock, floor: datetime) -> None:
        """Find the sensor of each reading that is not on the sheet and make facts of those that can be stored."""
        self.verdicts, self.facts, self._carriers, self._owners, self._refused = [], [], [], [], []
        self._judged = [message for message in self.messages if message.plain is None]
        for message in self._judged:
            carrier = registry.get(message.serial) if message.serial else None
            verdicts = [self._one(message, item, carrier, registry, floor) for item in message.items]
            self.verdicts.append(verdicts)
            self._carriers.append(carrier.sensor_id if carrier else NO_SENSOR)
            for verdict in verdicts:
                if verdict.outcome is None:
                    self._add_fact(verdict, clock)
                elif verdict.refusal is not None:
                    self._refused.append(verdict)

    def _one(
        self,
        message: Message,
        item: Reading | Refusal,
        carrier: Sensor | None,
        registry: Registry,
        floor: datetime,
    ) -> Verdict:
        verdict = Verdict(message, item, sensor=carrier)
        if isinstance(item, Refusal):
            verdict.refuse(item)
            return verdict
        place = item.index if len(message.items) > 1 else None
        if item.sensor is not None and item.sensor != message.serial:
            if carrier is not None and carrier.state == "retired":
                verdict.refuse(RETIRED, place)
                return verdict
            if carrier is not None and not carrier.gateway:
                verdict.refuse(NOT_A_GATEWAY, place)
                return verdict
            if carrier is not None:
                verdict.sensor = registry.get(item.sensor)
        refusal = _refusal(verdict.sensor, item, floor)
        if refusal:
            verdict.refuse(refusal, place)
        elif message.repeated:
            verdict.outcome = Outcome.DUPLICATE
        return verdict

    def _add_fact(self, verdict: Verdict, clock: Clock) -> None:
        reading, sensor, message = verdict.item, verdict.sensor, verdict.message
        if sensor is None or isinstance(reading, Refusal):
            return
        # A reading keeps the instant it was first given, also where its batch is tried again.
        if reading.time is None:
            reading.time = clock.stamp(sensor.sensor_id, message.at)
        district, revision, extra = sensor.figure_district, reading.revision, reading.extra
        at = message.at
        fact = Fact(sensor.sensor_id, reading.time, reading.values, revision, extra, district, at)
        verdict.fact = fact
        self.facts.append(fact)
        self._owners.append(verdict)

    def sensor_ids(self, registry: Registry) -> set[int]:
        """The sensors that messages read the long way are of, or may carry readings of."""
        long = [message for message in self.messages if message.plain is None]
        serials = {message.serial for message in long}
        for message in long:
            serials.update(item.sensor for item in message.items if isinstance(item, Reading))
        return {sensor.sensor_id for serial in serials if serial and (sensor := registry.get(serial))}

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of the facts, in their order."""
        for verdict, outcome in zip(self._owners, outcomes, strict=True):
            verdict.outcome = outcome

    def outcomes(self) -> Iterator[Outcome]:
        """What became of each reading, in order of arrival."""
        judged = iter(self.verdicts)
        for message in self.messages:
            if message.plain is not None:
                yield from [Outcome.STORED] * len(message)
            else:
                yield from (verdict.counted[1] for verdict in next(judged))

    def count(self, tally: Tally) -> Tally:
        """Count every message of the batch in a fresh tally."""
        self.tally = tally
        for counted in self.sheet.counts() if self.sheet else ():
            tally.add_stored(*counted)
        for verdicts, carrier in zip(self.verdicts, self._carriers, strict=True):
            if verdicts:
                tally.add_message(verdicts[0].message.at, [verdict.counted for verdict in verdicts], carrier)
        for verdict, refusal in self.refused():
            tally.add_reason(verdict.message.at, refusal.code, verdict.counted[1])
        return tally

    def sample(self, limit: int) -> tuple[list[datetime], int]:
        """Times of the readings that could be stored, or of one in so many: at most about `limit` of them."""
        step = max((len(self.facts) + (len(self.sheet) if self.sheet else 0)) // limit, 1)
        return [f.time for f in self.facts[::step]] + (self.sheet.sample(step) if self.sheet else []), step

    def refused(self) -> list[tuple[Verdict, Refusal]]:
        """What was refused, and why."""
        return [(verdict, verdict.refusal) for verdict in self._refused if verdict.refusal is not None]

    def unknown(self) -> set[str | None]:
        """Serials that are no sensor's."""
        return {_serial(v) for v, refusal in self.refused() if refusal.code == UNKNOWN.code}

    def cases(self) -> list[Case]:
        """What goes to quarantine."""
        return [
            Case(v.message, refusal, v.counted[1], v.sensor_id or None)
            for v, refusal in self.refused()
            if refusal.kept
        ]

    def statuses(self) -> list[tuple[str, bool, datetime]]:
        """(serial, online, when) of each sensor whose status came, the last one, in the order of the serials."""
        found = {
            message.serial: (message.serial, message.payload == b"online", message.at)
            for message in self._judged
            if message.leaf == "status" and message.serial and message.payload and not message.items
        }
        return sorted(found.values())

    def extra_keys(self) -> tuple[Counter[str], Counter[str]]:
        """Unknown keys by name: how many were kept, and how many the limits dropped."""
        seen: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        for message in self._judged:
            for item in message.items:
                if isinstance(item, Reading) and (item.extra or item.extra_dropped):
                    seen.update((item.extra or {}).keys())
                    dropped.update(item.extra_dropped)
        return seen, dropped


def _refusal(sensor: Sensor | None, reading: Reading, floor: datetime) -> Refusal | None:
    if sensor is None:
        return UNKNOWN
    if sensor.state == "retired":
        return RETIRED
    return below_floor(reading.time, floor) if reading.time is not None else None


def with_limit(batch: Batch, limited: frozenset[str], strangers: Strangers) -> None:
    """Serials beyond the hourly limit are refused as such, not as unknown; a flood of strangers is turned away."""
    strangers.begin()
    for verdict, refusal in batch.refused():
        if refusal.code == UNKNOWN.code:
            limit = LIMIT if _serial(verdict) in limited else refusal
            verdict.refuse(strangers.check() or limit, refusal.index)


def _serial(verdict: Verdict) -> str | None:
    item = verdict.item
    return (item.sensor if isinstance(item, Reading) else None) or verdict.message.serial
