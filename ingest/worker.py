"""A worker: one thread that reads the broker, closes batches, commits and acknowledges."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from city.contract import Decoder
from city.db import Watchdog, connect, one_line, statement
from city.errors import DatabaseError
from city.metrics import Catalogue
from city.settings import Settings, mqtt_address
from ingest import slots
from ingest.announce import Feedback, Wake, Watchers, lag_seconds
from ingest.batch import Batch
from ingest.counters import Counters
from ingest.fold import Outcome
from ingest.message import Delivery, Judge, Message
from ingest.registry import Locator, Registry
from ingest.subscriber import Session
from ingest.tally import Tally
from ingest.timeless import Timeless
from ingest.writer import Marks, Report, Rules, Writer

log = logging.getLogger("ingest.worker")

#: A heart beat, the registry of slots, and the whole call to the database end within these.
BEAT_EVERY_S, SLOTS_EVERY_S, CALL_LIMIT_S = 2.0, 5.0, 9.0
#: A database that fails is tried again after 0.1 s, doubled up to this.
MAX_BACKOFF_S = 5.0
#: A session to be drained, or the retained messages, are through after so long a silence.
QUIET_S = 2.0
#: Beyond so many batches' worth of open readings nothing more is read: TCP and the window hold the broker back.
OPEN_BATCHES = 4
#: number of the session that fetches retained messages; it is no slot
RETAINED = -1


@dataclass(slots=True)
class Open:
    """The open batch."""

    messages: list[Message] = field(default_factory=list)
    #: to be acknowledged after the commit, in the order in which they came
    deliveries: list[Delivery] = field(default_factory=list)
    readings: int = 0
    since: float = 0.0

    def add(self, message: Message) -> None:
        """Take a message in."""
        if not self.messages:
            self.since = time.monotonic()
        self.messages.append(message)
        self.deliveries.append(message.delivery)
        self.readings += len(message)


class Worker:
    """Holds one slot, and drains those of others that went."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        locator: Locator,
        zone: ZoneInfo,
        parent: int | None = None,
    ) -> None:
        self.settings, self.catalogue, self._parent = settings, catalogue, parent
        self.counters = Counters()
        self.slot: int | None = None
        self.metrics_port: int | None = None
        self.database_detail = "not connected yet"
        self.last_commit: datetime | None = None
        self.orphans: list[int] = []
        self._decoder = Decoder(catalogue)
        self._judge = Judge(settings.topic_prefix, self._decoder)
        self._registry = Registry(locator)
        state = None if settings.register_mode == "closed" else settings.register_mode
        rules = Rules(
            "verified" if state == "open" else state, settings.register_per_hour, settings.retention
        )
        self._make_writer: Callable[[int], Writer] = lambda slot: Writer(
            f"ingest/{slot}", catalogue, self._registry, rules, lambda: Tally(zone)
        )
        self._writer = self._make_writer(0)
        self._watchdog = Watchdog()
        self._conn: psycopg.Connection[Any] | None = None
        self._sessions: dict[int, Session] = {}
        self._timeless: dict[int, Timeless] = {}
        self._epochs: dict[int, int] = {}
        self._draining: int | None = None
        self._open = Open()
        self._wake, self._feedback = Wake(), Feedback()
        self._watchers = Watchers(catalogue, self._decoder)
        self._retry_at, self._backoff = 0.0, 0.1
        self._next_beat = self._next_slots = 0.0
        self._stopping = self._retained_due = False

    # Life

    def stop(self) -> None:
        """Commit the open batch, acknowledge it and end; safe from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Until stopped. Broker and database are waited for, whichever is away, at the start as later."""
        while not self._stopping:
            self._step()
        self._finish()

    def _step(self) -> None:
        now = time.monotonic()
        if self._conn is None:
            self._open_database(now)
        for session in list(self._sessions.values()):
            session.tend(now)
            self._note_epoch(session)
        more = self._read()
        self._commit_if_due(more)
        self._chores(time.monotonic())

    def _read(self) -> bool:
        """Wait for the sockets and read a turn; whether more is waiting."""
        sessions = [session for session in self._sessions.values() if session.fileno() >= 0]
        if not sessions:
            time.sleep(0.05)
            return False
        self._pause(sessions)
        reading = [session for session in sessions if not session.paused]
        waiting = [session for session in sessions if session.wants_write()]
        owing = [session for session in sessions if session.has_acks]
        ready, writable, _ = select.select(reading, waiting, [], 0.0 if owing else self._patience())
        for session in () if ready else owing:  # acknowledgements go out once nothing more comes in
            session.flush()
        for session in sessions if owing else writable:
            session.write()
        more = [session.turn(self._is_full) for session in ready]
        return any(more) and not self._is_full()

    def _is_full(self) -> bool:
        return self._open.readings >= self.settings.batch_readings and self._conn is not None

    def _pause(self, sessions: list[Session]) -> None:
        held = self._open.readings >= OPEN_BATCHES * self.settings.batch_readings
        for session in sessions:
            session.paused = held and session.connected

    def _patience(self) -> float:
        if not self._open.messages:
            return 0.2
        due = self._retry_at if self._conn is None or self._backoff > 0.1 else 0.0  # noqa: PLR2004 the first back-off
        return min(max(due - time.monotonic(), 0.0), 0.2)

    # Messages

    def _receive(self, topic: str, payload: bytes, at: datetime, delivery: Delivery, retained: bool) -> None:
        session = self._sessions[delivery.link]
        self._note_epoch(session)
        if session.role == "retained" and not retained:
            self._pass_over(session, delivery)
            return
        message = self._judge.judge(topic, payload, at, delivery, retained=retained)
        timeless = self._timeless[delivery.link]
        timeless.passed()
        if message.leaf == "error":
            self._pass_over(session, delivery)
            return
        if message.digest is not None:
            message.repeated = timeless.is_repeat(message.digest)
        self._open.add(message)

    def _pass_over(self, session: Session, delivery: Delivery) -> None:
        """Nothing to store; acknowledged in its turn all the same (MQTT-4.6.0-2; iotcore hangs up on one before)."""
        if self._open.messages:
            self._open.deliveries.append(delivery)
        else:
            session.acknowledge(delivery)

    def _note_epoch(self, session: Session) -> None:
        if self._epochs.get(session.number) != session.epoch:
            self._epochs[session.number] = session.epoch
            if session.resumed:
                self._timeless[session.number].resumed()
                self._writer.look_first()
            self._retained_due = self._retained_due or (
                session.number == self.slot and self.settings.mqtt_shared
            )

    # Database

    def _open_database(self, now: float) -> None:
        if now < self._retry_at:
            return
        try:
            conn = connect(
                self.settings.database_url, f"sdot ingest {self.slot if self.slot is not None else ''}"
            )
            with self._watchdog.limit(conn, CALL_LIMIT_S):
                self._take_slot(conn)
                self._writer.prepare(conn)
        except (DatabaseError, psycopg.Error) as error:
            self._database_away(one_line(error))
            return
        self._conn, self._backoff, self._retry_at = conn, 0.1, 0.0
        self.database_detail = "connected"
        log.info("connected to the database, slot %s", self.slot)
        self._subscribe()

    def _take_slot(self, conn: psycopg.Connection[Any]) -> None:
        """The same slot again, or a new one; with another slot the old session is left to be drained."""
        slot = slots.take_slot(conn, self.slot)
        if slot is None:
            log.warning("slot %s was taken over while the database was away; taking another", self.slot)
            self._leave_slot()
            slot = slots.take_slot(conn)
        if slot != self.slot and slot is not None:
            self.slot = slot
            self._writer = self._make_writer(slot)
            self._timeless[slot] = self._load_timeless(conn, slot)
        slots.introduce(conn, slot or 0, self._writer.name, self.metrics_port)

    def _load_timeless(self, conn: psycopg.Connection[Any], slot: int) -> Timeless:
        timeless = Timeless(self.settings.inflight)
        row = conn.execute(statement("read_timeless"), [slot]).fetchone()
        if row:
            timeless.load(bytes(row[0]))
        return timeless

    def _leave_slot(self) -> None:
        """What is open was sent to a session that is not ours any longer: its new holder gets it again."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._open = Open()
        self.slot, self._draining = None, None

    def _subscribe(self) -> None:
        if self.slot is None or self.slot in self._sessions:
            return
        self._add_session(self.slot, f"{self.settings.mqtt_group}-{self.slot}", self._topic, "live")

    @property
    def _topic(self) -> str:
        plain = f"{self.settings.topic_prefix}/#"
        return f"$share/{self.settings.mqtt_group}/{plain}" if self.settings.mqtt_shared else plain

    def _add_session(self, number: int, client_id: str, topic: str, role: Any) -> None:
        address = mqtt_address(self.settings.mqtt_url)
        self._timeless.setdefault(number, Timeless(self.settings.inflight))
        self._epochs[number] = 0
        self._sessions[number] = Session(address, client_id, topic, self._receive, number=number, role=role)

    def _database_away(self, why: str) -> None:
        if self.database_detail == "connected" or self.database_detail != why:
            log.warning("the database is away: %s; keeping %s messages", why, len(self._open.messages))
        self.database_detail = why
        if self._conn is not None:
            self._conn.close()
            self._conn = None
        self._draining = None
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_S)
        self._retry_at = time.monotonic() + self._backoff

    # Batches

    def _commit_if_due(self, more: bool) -> None:
        batch = self._open
        if not batch.messages or self._conn is None or time.monotonic() < self._retry_at:
            return
        full = batch.readings >= self.settings.batch_readings
        old = time.monotonic() - batch.since >= self.settings.batch_ms / 1000
        if full or old or not more:
            self._commit(self._conn)

    def _commit(self, conn: psycopg.Connection[Any]) -> None:
        messages, deliveries = self._open.messages, self._open.deliveries
        try:
            with self._watchdog.limit(conn, CALL_LIMIT_S):
                report = self._writer.write(conn, messages, self._marks(messages))
        except psycopg.Error as error:
            self.counters.retries.inc()
            self._failed(conn, error)
            return
        self._open = Open()
        self._backoff = 0.1
        for delivery in deliveries:
            session = self._sessions.get(delivery.link)
            if session is not None:
                session.acknowledge(delivery)
        self._count(report)
        for batch in report.batches:
            self._tell_devices(batch)

    def _failed(self, conn: psycopg.Connection[Any], error: psycopg.Error) -> None:
        if conn.broken or conn.closed or (isinstance(error, psycopg.OperationalError) and not error.sqlstate):
            self._database_away(one_line(error))
            return
        # Deadlocks, serialization failures, locks, a full disk, a schema on its way: the same batch again.
        log.warning("a batch of %s waits: %s", len(self._open.messages), one_line(error))
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_S)
        self._retry_at = time.monotonic() + self._backoff

    def _marks(self, messages: list[Message]) -> Marks:
        links = {message.delivery.link for message in messages if message.digest is not None}
        timeless = [(link, self._timeless[link].kept()) for link in sorted(links) if link != RETAINED]
        return Marks(timeless, self._announce)

    def _announce(self, conn: psycopg.Connection[Any], batch: Batch, watched: frozenset[str]) -> None:
        self._wake.at_commit(conn)
        if watched:
            self._watchers.tell(conn, batch, watched)

    def _count(self, report: Report) -> None:
        counters, now = self.counters, datetime.now(UTC)
        self.last_commit = now
        messages, readings = report.tally.totals()
        for outcome in Outcome:
            counters.messages.labels(outcome.label).inc(messages[outcome])
            counters.readings.labels(outcome.label).inc(readings[outcome])
        counters.batch_seconds.observe(report.seconds)
        counters.last_commit.set(now.timestamp())
        for batch in report.batches:
            for case in batch.cases():
                counters.refusals.labels(case.refusal.code).inc()
            counters.extra.inc(sum(batch.extra_keys()[0].values()))
            for lag in lag_seconds(batch, now)[-1:]:
                counters.lag_seconds.observe(lag)

    def _tell_devices(self, batch: Batch) -> None:
        session = self._sessions.get(self.slot) if self.slot is not None else None
        if session is not None:
            for serial, line in self._feedback.lines(batch):
                session.publish(f"{self.settings.topic_prefix}/{serial}/error", line)

    # Chores

    def _chores(self, now: float) -> None:
        """Heart beat, wake-ups and slots, each when due."""
        session = self._sessions.get(self.slot) if self.slot is not None else None
        self.counters.broker_up.set(bool(session and session.healthy))
        self.counters.database_up.set(self._conn is not None)
        self.counters.open_messages.set(len(self._open.messages))
        if self._parent is not None and os.getppid() != self._parent:
            log.warning("the process that started this worker is gone; stopping")
            self.stop()
        if self._conn is None or now < min(self._next_beat, self._next_slots, self._wake.due_at):
            return
        try:
            with self._watchdog.limit(self._conn, CALL_LIMIT_S):
                self._wake.if_due(self._conn)
                if now >= self._next_beat:
                    self._next_beat = now + BEAT_EVERY_S
                    self._beat(self._conn, session)
                if now >= self._next_slots:
                    self._next_slots = now + SLOTS_EVERY_S
                    self._mind_slots(self._conn)
        except psycopg.Error as error:
            self._failed(self._conn, error)

    def _beat(self, conn: psycopg.Connection[Any], session: Session | None) -> None:
        last = self._open.messages[-1].at if self._open.messages else None
        healthy = bool(session and session.healthy)
        since = session.since if session else datetime.now(UTC)
        detail = session.detail if session else "no slot"
        conn.execute(statement("beat"), [healthy, since, detail, last, self.last_commit, self.slot])
        if self._retained_due and healthy:
            self._fetch_retained(conn)
        self._end_retained()

    def _fetch_retained(self, conn: psycopg.Connection[Any]) -> None:
        """The lowest slot reads once what the broker retained: a shared subscription is not given it."""
        self._retained_due = False
        held = [row[0] for row in conn.execute(statement("live_slots"))]
        if self.slot == min(held, default=self.slot):
            name = f"{self.settings.mqtt_group}-{self.slot}-retained"
            self._add_session(RETAINED, name, f"{self.settings.topic_prefix}/#", "retained")

    def _end_retained(self) -> None:
        session = self._sessions.get(RETAINED)
        if session and session.subscribed and self._is_quiet(session):
            session.close()
            del self._sessions[RETAINED]

    def _is_quiet(self, session: Session) -> bool:
        open_links = {message.delivery.link for message in self._open.messages}
        return session.number not in open_links and time.monotonic() - session.last_message > QUIET_S

    def _mind_slots(self, conn: psycopg.Connection[Any]) -> None:
        """Look for slots that nobody holds, and drain one at a time."""
        if not self.settings.mqtt_shared or self.slot is None:
            return
        self.orphans = slots.orphans(conn, datetime.now(UTC), 3 * SLOTS_EVERY_S)
        self.counters.orphans.set(len(self.orphans))
        if self._draining is not None:
            self._end_drain(conn, self._draining)
            return
        self._draining = slots.abandoned(conn, self.slot, self.settings.workers)
        if self._draining is not None:
            log.warning("slot %s has no holder; fetching what its session still has", self._draining)
            self._timeless[self._draining] = self._load_timeless(conn, self._draining)
            name = f"{self.settings.mqtt_group}-{self._draining}"
            self._add_session(self._draining, name, self._topic, "drain")

    def _end_drain(self, conn: psycopg.Connection[Any], slot: int) -> None:
        session = self._sessions[slot]
        if session.connected and not session.subscribed and self._is_quiet(session):
            session.forget()
            del self._sessions[slot]
            slots.bury(conn, slot)
            self._draining = None
            log.info("slot %s is drained and gone", slot)

    def _finish(self) -> None:
        """Commit what is open, acknowledge it, leave the session and the slot to whoever comes."""
        deadline = time.monotonic() + CALL_LIMIT_S
        while self._open.messages and self._conn is not None and time.monotonic() < deadline:
            self._retry_at = 0.0
            self._commit(self._conn)
        for session in self._sessions.values():
            session.close()
        if self._conn is not None and self.slot is not None:
            with contextlib.suppress(psycopg.Error), self._watchdog.limit(self._conn, CALL_LIMIT_S):
                self._wake.flush(self._conn)
                self._conn.execute(statement("delete_timeless"), [self.slot])
                self._conn.execute(statement("release_slot"), [self.slot])
            self._conn.close()
        log.info("stopped; %s messages left to the broker", len(self._open.messages))

    def standing(self) -> dict[str, Any]:
        """What /readyz tells: which of broker and database is away, the last commit, orphaned slots."""
        session = self._sessions.get(self.slot) if self.slot is not None else None
        broker, database = bool(session and session.healthy), self._conn is not None
        age = (datetime.now(UTC) - self.last_commit).total_seconds() if self.last_commit else None
        return {
            "ready": broker and database,
            "broker": {"ok": broker, "detail": session.detail if session else "waiting for the database"},
            "database": {"ok": database, "detail": self.database_detail},
            "slot": self.slot,
            "last_commit_age_s": age,
            "open_messages": len(self._open.messages),
            "orphaned_slots": self.orphans,
        }
