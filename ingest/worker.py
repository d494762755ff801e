"""A worker: one thread that reads the broker, closes batches, commits and acknowledges."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from city.contract import Decoder
from city.metrics import Catalogue
from city.plain import PlainDecoder
from city.settings import Settings
from ingest import lag
from ingest.announce import Feedback, Wake, Watchers
from ingest.batch import Batch
from ingest.counters import Counters
from ingest.drain import Drain, load_timeless
from ingest.gate import Gate
from ingest.message import Delivery, Judge
from ingest.opened import Open
from ingest.pulse import Beat, Pulse
from ingest.registry import Locator, Registry
from ingest.seat import CALL_LIMIT_S, Seat
from ingest.sessions import RETAINED, Sessions
from ingest.share import Share
from ingest.subscriber import Session
from ingest.tally import Tally
from ingest.writer import Marks, Writer, rules_of

log = logging.getLogger("ingest.worker")

#: How often the heart beats, and how often slots are looked after.
BEAT_EVERY_S, SLOTS_EVERY_S = 2.0, 5.0
#: Beyond so many batches' worth of open readings nothing more is read: TCP and the window hold the broker back.
OPEN_BATCHES = 2
#: A slot is given up after half the time after which others take it.
GIVE_UP_S = 30.0
#: Between two questions whether a session may be opened, or a change of it is through.
JOIN_EVERY_S = 0.1
#: The longest wait for the sockets: what is due by the clock is seen to in between.
PATIENCE_S = 0.2
#: Why there is no session, by whether there is a database connection.
_NO_SESSION = {False: "waiting for the database", True: "waiting for the workers of lower slots"}


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
        self.settings, self._parent = settings, parent
        self.counters = Counters()
        self.seat = Seat(settings)
        self.last_commit: datetime | None = None
        self._last_message: datetime | None = None
        self.pulse = Pulse(settings)
        self.counters.watch(self.pulse)
        decoder, registry = Decoder(catalogue), Registry(locator)
        self._gate = Gate(settings.readings_per_minute, registry.is_gateway)
        self._judge = Judge(settings.topic_prefix, decoder, self._gate, PlainDecoder(catalogue))
        self._watchers, self._wake, self._feedback = Watchers(catalogue, decoder, locator), Wake(), Feedback()
        self._make_writer: Callable[[], Writer] = lambda: Writer(
            self.seat.writer, catalogue, registry, rules_of(settings), lambda: Tally(zone)
        )
        self._writer = self._make_writer()
        self._sessions = Sessions(settings, self._receive, self._open_since, self.pulse.news.take)
        self._drain = Drain(settings, self._sessions)
        self._share = Share(settings, self._sessions)
        self._open = Open()
        self._next_beat = self._next_slots = self._next_join = 0.0
        #: readings that are opened before no more is read for now
        self._most = settings.batch_readings
        self._stopping = False
        self._retries = 0

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
        if self.seat.conn is None:
            self._take_seat()
            self._give_up_if_late()
        self._join_if_due(now)
        for session in self._sessions.tend(now):
            self._connected(session)
        held = self._open.weight >= OPEN_BATCHES * self.settings.batch_readings
        # While the database takes batches one is enough; while it does not, more are kept, to a bound.
        taking = self.seat.conn is not None and not self.seat.retry_in_s
        self._most = self.settings.batch_readings * (1 if taking else OPEN_BATCHES)
        more = self._sessions.read(self._patience(), self._is_full, held=held)
        self.pulse.observe(self._unacknowledged())
        self._commit_if_due(more)
        self._chores(time.monotonic())

    def _is_full(self) -> bool:
        return self._open.weight >= self._most

    def _open_since(self) -> float:
        return self._open.since if self._open.messages else time.monotonic()

    def _patience(self) -> float:
        return min(self.seat.retry_in_s, PATIENCE_S) if self._open.messages else PATIENCE_S

    def _take_seat(self) -> None:
        before = self.seat.slot
        self.seat.take(self._prepare)
        if self.seat.slot is None and before is not None:
            self._let_go()

    def _join_if_due(self, now: float) -> None:
        """A seat that has no session yet gets one, in its turn."""
        slot = self.seat.slot
        if self.seat.conn is None or slot is None or slot in self._sessions or now < self._next_join:
            return
        self._next_join = now + JOIN_EVERY_S
        try:
            with self.seat.call() as conn:
                self._share.join(conn, slot)
        except psycopg.Error as error:
            self._failed(error)

    def _give_up_if_late(self) -> None:
        """Another worker takes an abandoned slot after a minute: before that its session is left to it."""
        if self.settings.mqtt_shared and self.seat.slot is not None and self.seat.away_s > GIVE_UP_S:
            self.seat.give_up()
            self._let_go()

    def _let_go(self) -> None:
        """What is open was sent to sessions that are another's now: their holder gets it again."""
        self._drain.drop()
        self._sessions.close_all()
        self._open = Open()

    def _prepare(self, conn: psycopg.Connection[Any], slot: int, is_new: bool) -> None:
        if is_new:
            self._writer = self._make_writer()
            load_timeless(conn, self._sessions, slot)
        self.pulse.sit(conn, slot, is_new=is_new)
        self._writer.prepare(conn)
        self._next_beat = 0.0  # who looks at the slots is to see at once how this one stands

    # Messages

    def _receive(self, topic: str, payload: bytes, at: datetime, delivery: Delivery, retained: bool) -> None:
        session = self._sessions.get(delivery.link)
        if session is None:
            return
        if self._sessions.is_new(session):
            self._connected(session)
        if session.role == "retained" and not retained:
            self._pass_over(session, delivery)
            return
        message = self._judge.judge(topic, payload, at, delivery, retained=retained)
        timeless = self._sessions.timeless[delivery.link]
        timeless.passed()
        if message.leaf == "error":
            self._pass_over(session, delivery)
            return
        if message.digest is not None and delivery.qos:  # without QoS nothing is sent again
            message.repeated = timeless.is_repeat(message.digest)
        self._open.add(message)
        self._last_message = at

    def _pass_over(self, session: Session, delivery: Delivery) -> None:
        """Nothing to store; acknowledged in its turn all the same (MQTT-4.6.0-2; iotcore hangs up on one before)."""
        if self._open.messages:
            self._open.deliveries.append(delivery)
        else:
            session.acknowledge(delivery)

    def _connected(self, session: Session) -> None:
        if session.resumed:
            self._writer.expect_again(self.settings.inflight)
            self._gate.spare(self.settings.inflight)
        elif since := self._kept_until(session):
            self.pulse.lost_session(session.number, since)
        if session.number == self.seat.slot and session.is_share:
            self._drain.retained_due = True

    def _kept_until(self, session: Session) -> datetime | None:
        """When a session that the broker has no more was known to be there last; None where none was expected."""
        if session.role == "retained":
            return None
        before = self.seat.seen_before if session.role == "live" else self._drain.seen_before
        return session.lost_since if session.epoch > 1 else before

    def _unacknowledged(self) -> int:
        """Messages of the slot's window that the broker waits for."""
        session = self._sessions.get(self.seat.slot)
        return len(self._open.deliveries) + (session.owed if session else 0)

    # Batches

    def _commit_if_due(self, more: bool) -> None:
        batch = self._open
        if not batch.messages or self.seat.conn is None or self.seat.retry_in_s:
            return
        full = batch.weight >= self.settings.batch_readings
        old = time.monotonic() - batch.since >= self.settings.batch_ms / 1000
        if full or old or not more:
            self._commit()

    def _commit(self) -> None:
        batch, rest = self._open.split(max(int(len(self._open.messages) * self.seat.share), 1))
        full, began = self._open.weight >= self.settings.batch_readings, time.monotonic()
        try:
            with self.seat.call() as conn:
                report = self._writer.write(conn, batch.messages, self._marks(batch, rest))
        except psycopg.Error as error:
            self._failed(error)
            return
        finally:
            self.pulse.database_full_s += full * (time.monotonic() - began)
        written = sum(len(part.messages) for part in report.batches)
        done, self._open = self._open.split(written)
        for delivery in done.deliveries:
            session = self._sessions.get(delivery.link)
            if session is not None:
                session.acknowledge(delivery)
        self.last_commit = datetime.now(UTC)
        self.counters.add(report, self.last_commit)
        for part in report.batches:
            times, step = part.sample(lag.SAMPLE)
            self.pulse.lag.note(part.messages, times, self.last_commit, step)
            self._tell_devices(part)
        if report.error is not None:
            self._failed(report.error)
        else:
            self.seat.committed()

    def _failed(self, error: psycopg.Error) -> None:
        self.counters.retries.inc()
        self._retries += 1
        if self.seat.failed(error):
            self._share.drop()
            self._open = self._open.without(self._drain.drop())

    def _marks(self, batch: Open, rest: Open) -> Marks:
        links = {message.delivery.link for message in batch.messages if message.digest is not None}
        kept = [
            (link, self._sessions.timeless[link].kept(batch.since, rest.timeless(link)))
            for link in sorted(links - {RETAINED})
        ]
        return Marks(kept, self._announce)

    def _announce(self, conn: psycopg.Connection[Any], batch: Batch, watched: frozenset[str]) -> None:
        self._wake.at_commit(conn)
        if watched:
            self._watchers.tell(conn, batch, watched)

    def _tell_devices(self, batch: Batch) -> None:
        session = self._sessions.get(self.seat.slot)
        if session is not None:
            for serial, line in self._feedback.lines(batch):
                session.publish(f"{self.settings.topic_prefix}/{serial}/error", line)

    # Chores

    def _chores(self, now: float) -> None:
        """Heart beat, wake-ups and slots, each when due."""
        if self._parent is not None and os.getppid() != self._parent:
            log.warning("the process that started this worker is gone; stopping")
            self.stop()
        if self.pulse.looks_due:
            self._look()
        if self.seat.conn is None or now < min(self._next_beat, self._next_slots, self._wake.due_at):
            return
        try:
            with self.seat.call() as conn:
                self._wake.if_due(conn)
                if now >= self._next_beat:
                    self._next_beat = now + BEAT_EVERY_S
                    self._beat(conn)
                if now >= self._next_slots:
                    self._next_slots = now + SLOTS_EVERY_S
                    self.seat.find_orphans(conn)
                    self.pulse.serve(conn, self.seat.slot or 0, self.seat.writer, self.seat.orphans)
                    self._drain.mind(conn, self.seat.slot or 0, self._open.links)
        except psycopg.Error as error:
            self._failed(error)

    def _look(self) -> None:
        session = self._sessions.get(self.seat.slot)
        self.pulse.idle_s = self._sessions.idle_s
        self._gate.refill(self.pulse.since_look_s)
        broker, database = bool(session and session.healthy), self.seat.conn is not None
        # A session begins once there is a slot: without a database nobody knows how the broker is.
        self.pulse.look(self.seat.slot, broker=broker or session is None, database=database)

    def _beat(self, conn: psycopg.Connection[Any]) -> None:
        session = self._sessions.get(self.seat.slot)
        healthy = bool(session and session.healthy)
        since = session.since if session else datetime.now(UTC)
        detail = session.detail if session else "no slot"
        beat = Beat(healthy, since, detail, self._last_message, self.last_commit, self._unacknowledged())
        self.pulse.beat(conn, self.seat.slot or 0, self.seat.writer, beat, self._retries)
        if self._share.mind(conn, self.seat.slot or 0):
            self._next_beat = time.monotonic() + JOIN_EVERY_S
        if self._drain.retained_due and healthy:
            self._drain.fetch_retained(conn, self.seat.slot or 0)
        self._drain.end_retained(self._open.links)

    def _finish(self) -> None:
        """Commit what is open, acknowledge it, leave the session and the slot to whoever comes."""
        deadline = time.monotonic() + CALL_LIMIT_S
        while self._open.messages and self.seat.conn is not None and time.monotonic() < deadline:
            time.sleep(self.seat.retry_in_s)
            self._commit()
        acknowledged = self._sessions.close_all()
        self.seat.leave(self._wake.flush, acknowledged=acknowledged)
        log.info("stopped; %s messages left to the broker", len(self._open.messages))

    def standing(self) -> dict[str, Any]:
        """What /readyz tells: which of broker and database is away, the last commit, orphaned slots."""
        session = self._sessions.get(self.seat.slot)
        broker, database = bool(session and session.healthy), self.seat.conn is not None
        age = (datetime.now(UTC) - self.last_commit).total_seconds() if self.last_commit else None
        counters = self.counters
        counters.broker_up.set(broker)
        counters.database_up.set(database)
        counters.open_messages.set(len(self._open.messages))
        counters.orphans.set(len(self.seat.orphans))
        return {
            "ready": broker and database,
            "broker": {"ok": broker, "detail": session.detail if session else _NO_SESSION[database]},
            "database": {"ok": database, "detail": self.seat.detail},
            "slot": self.seat.slot,
            "last_commit_age_s": age,
            "open_messages": len(self._open.messages),
            "orphaned_slots": self.seat.orphans,
            "gaps": self.pulse.open_gaps(),
        }
