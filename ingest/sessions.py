"""The sessions a worker has open at the broker: its slot's, one that fetches what is retained, one it drains."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator

from city.settings import Settings, mqtt_address
from ingest.subscriber import News, Receive, Role, Session
from ingest.timeless import Timeless

#: number of the session that fetches retained messages; the others have their slot's
RETAINED = -1
#: A session to be drained, or the retained messages, are through after so long a silence.
QUIET_S = 2.0
#: How long to wait for nothing.
IDLE_S = 0.05


class Sessions:
    """Opens, reads and closes sessions; knows what each was sent without a time of its own."""

    def __init__(
        self, settings: Settings, receive: Receive, open_since: Callable[[], float], news: News
    ) -> None:
        self._settings, self._receive, self._news = settings, receive, news
        #: seconds spent waiting for something to read
        self.idle_s = 0.0
        #: since when (monotonic seconds) the oldest message waits for its commit
        self.open_since = open_since
        self._open: dict[int, Session] = {}
        self._epochs: dict[int, int] = {}
        self.timeless: dict[int, Timeless] = {}

    def __contains__(self, number: object) -> bool:
        return number in self._open

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._open.values()))

    def get(self, number: int | None) -> Session | None:
        """The session of that number, if it is open."""
        return self._open.get(number) if number is not None else None

    def topic(self, *, alone: bool) -> str:
        """What a slot's session subscribes to: a share, or everything where it is the only one.

        Of both, a broker that restarts has to remember the subscription until ingest is back: mosquitto 2.0 writes
        down plain subscriptions only (measured: a share is gone, and what devices publish meanwhile is lost).
        """
        plain = f"{self._settings.topic_prefix}/#"
        share = self._settings.mqtt_shared and not alone
        return f"$share/{self._settings.mqtt_group}/{plain}" if share else plain

    def is_whole(self, number: int | None) -> bool:
        """Whether that session is subscribed to everything, or may still be."""
        session = self.get(number)
        plain = self.topic(alone=True)
        return session is not None and (
            session.topic == plain or (session.former == plain and not session.unsubscribed)
        )

    def open(self, number: int, role: Role, *, alone: bool = False) -> None:
        """Begin a session: the slot's own, another slot's to drain, or one for what is retained.

        `alone`: no other slot has a session.
        """
        name, topic = f"{self._settings.mqtt_group}-{number}", self.topic(alone=alone)
        former: str | None = self.topic(alone=not alone)
        if role == "retained":
            name, topic, former = f"{self._settings.mqtt_group}-retained", self.topic(alone=True), None
        self.timeless.setdefault(number, Timeless(self._settings.inflight))
        self._epochs[number] = 0
        address = mqtt_address(self._settings.mqtt_url)
        window = self._settings.inflight
        session = Session(address, name, topic, self._receive, number=number, role=role, window=window)
        if role == "live" and self._settings.mqtt_shared:  # iotcore tells nothing
            session.news = self._news
        session.former = former if former != topic else None
        self._open[number] = session

    def remember(self, number: int, digests: bytes) -> None:
        """What the last holder of a slot committed without knowing that the broker heard of it."""
        timeless = self.timeless[number] = Timeless(self._settings.inflight)
        timeless.load(digests)

    def close(self, number: int) -> None:
        """End a session; the broker keeps it."""
        self._open.pop(number).close()

    def forget(self, number: int) -> bool:
        """End a session for good; whether the broker heard of it."""
        return self._open.pop(number).forget()

    def close_all(self) -> bool:
        """End all sessions; the broker keeps them. Whether all that was due went out."""
        sent = [self._open.pop(number).close() for number in list(self._open)]
        return all(sent)

    def tend(self, now: float) -> list[Session]:
        """Reconnect and keep alive; the sessions that were connected anew since."""
        for session in self:
            session.tend(now)
        return [session for session in self if self.is_new(session)]

    def is_new(self, session: Session) -> bool:
        """Whether this is the first that is heard of a new connection; its expectations are set up then."""
        if self._epochs.get(session.number) == session.epoch:
            return False
        self._epochs[session.number] = session.epoch
        if session.resumed:
            self.timeless[session.number].resumed(self.open_since())
        return True

    def read(self, patience_s: float, full: Callable[[], bool], *, held: bool) -> bool:
        """Wait for the sockets, read a turn, send what is due; whether more is waiting.

        `held`: nothing is read for now, so that TCP and the window hold the broker back.
        """
        sessions = [session for session in self if session.fileno() >= 0]
        if not sessions:
            time.sleep(IDLE_S)
            self.idle_s += IDLE_S
            return False
        for session in sessions:
            session.paused = held and session.connected
        reading = [session for session in sessions if not session.paused]
        waiting = [session for session in sessions if session.wants_write()]
        owing = [session for session in sessions if session.has_acks]
        read = [session for session in reading if session.has_read]
        due_s = min((session.acks_due_in_s for session in owing), default=patience_s)
        before = time.monotonic()
        found, writable, _ = select.select(reading, waiting, [], 0.0 if read else min(due_s, patience_s))
        self.idle_s += time.monotonic() - before
        ready = read + [session for session in found if session not in read]
        for session in owing:
            if session not in ready and session.acks_due_in_s == 0.0:
                session.flush()
        for session in sessions:
            session.note_silence(read=session in ready)
        for session in sessions if owing else writable:
            session.write()
        more = [session.turn(full) for session in ready]
        return any(more) and not full()


def is_drained(session: Session) -> bool:
    """Whether the broker had nothing more to send for long enough, though it had room to."""
    silent = session.silent_since
    return session.unsubscribed and silent is not None and time.monotonic() - silent > QUIET_S


def is_quiet(session: Session) -> bool:
    """Whether nothing that was retained has come for long enough; live traffic never ends."""
    return session.subscribed and time.monotonic() - session.last_message > QUIET_S
