"""Replay: what files recorded, published again as the sensors' own messages (wire contract v1)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from city.errors import BrokerError
from city.reading import About
from city.readings import Readings
from city.settings import MqttAddress
from simulator.network import Network
from simulator.publisher import Identity

Column = npt.NDArray[Any]
#: Called with the part that is done, 0 to 1, and the messages published by now.
Tell = Callable[[float, int], None]

#: A broker that does not take us within this time is told of, s.
CONNECT_S = 15.0
#: Longest sleep, s: a stop is heard so soon.
_NAP_S = 0.2
#: What a sensor that was offline may send at once (docs/contract.md), and how much of it we leave to others.
_BURST_MINUTES, _SPARE = 60, 100
#: Progress is told after so many messages.
_TOLD = 100
#: Messages are made in portions of so many.
_PORTION = 10_000


@dataclass(frozen=True)
class Recording:
    """All readings of some files, in the order of their times; equal ones in the order of the files."""

    serials: tuple[str, ...]
    #: place in `serials`
    who: Column
    #: datetime64[us], UTC
    times: Column
    revisions: Column
    #: metric → float32
    values: Mapping[str, Column]
    #: metric → whether a reading says something of it
    carried: Mapping[str, Column]
    about: Mapping[str, About]

    def __len__(self) -> int:
        return len(self.times)

    def ending(self, last: datetime | None) -> Recording:
        """The same with its last reading at `last`; None: as it was."""
        if last is None or not len(self):
            return self
        shift = np.datetime64(last.astimezone(UTC).replace(tzinfo=None), "us") - self.times[-1]
        return Recording(
            self.serials, self.who, self.times + shift, self.revisions, self.values, self.carried, self.about
        )


def recording(parts: Sequence[Readings]) -> Recording:
    """Readings of all files and chunks as one recording."""
    serials = tuple(dict.fromkeys(serial for part in parts for serial in part.serials))
    place = {serial: index for index, serial in enumerate(serials)}
    who = [np.array([place[serial] for serial in part.serials], dtype=np.int64)[part.who] for part in parts]
    times = _joined([part.times for part in parts], "datetime64[us]")
    order = np.argsort(times, kind="stable")
    keys = tuple(dict.fromkeys(key for part in parts for key in part.values))
    values = {key: _joined([_values(part, key) for part in parts], "float32")[order] for key in keys}
    carried = {key: _joined([_carried(part, key) for part in parts], "bool")[order] for key in keys}
    about: dict[str, About] = {}
    for part in parts:
        about = {**part.about, **about}  # the first description holds
    revisions = _joined([part.revisions for part in parts], "int32")[order]
    return Recording(serials, _joined(who, "int64")[order], times[order], revisions, values, carried, about)


def _joined(columns: Sequence[Column], kind: str) -> Column:
    return np.concatenate(columns) if columns else np.zeros(0, dtype=kind)


def _values(part: Readings, key: str) -> Column:
    return part.values[key] if key in part.values else np.full(len(part), np.nan, dtype=np.float32)


def _carried(part: Readings, key: str) -> Column:
    if key not in part.values:
        return np.zeros(len(part), dtype=bool)
    return np.ones(len(part), dtype=bool) if part.carried is None else part.carried[key]


def messages(what: Recording, prefix: str) -> Iterator[tuple[str, bytes]]:
    """(topic, body) of each reading; the first of a sensor also tells what the files told of it."""
    told: set[int] = set()
    for start in range(0, len(what), _PORTION):
        rows = slice(start, start + _PORTION)
        columns = {key: _numbers(column[rows]) for key, column in what.values.items()}
        carried = {key: column[rows].tolist() for key, column in what.carried.items()}
        times = np.datetime_as_string(what.times[rows], timezone="UTC").tolist()
        revisions = what.revisions[rows].tolist()
        for row, who in enumerate(what.who[rows].tolist()):
            body: dict[str, Any] = {"time": times[row]}
            body |= {key: column[row] for key, column in columns.items() if carried[key][row]}
            if revisions[row]:
                body["revision"] = revisions[row]
            serial = what.serials[who]
            if who not in told:
                told.add(who)
                body |= _description(what.about.get(serial))
            yield f"{prefix}/{serial}/reading", orjson.dumps(body)


def _numbers(column: Column) -> list[float | None]:
    """float32 with its fewest digits: what is sent as 12.133333 is stored as the number that was read."""
    short = column.astype("U32").astype(np.float64).tolist()
    return [None if math.isnan(number) else number for number in short]


def _description(about: About | None) -> dict[str, str | float]:
    if about is None:
        return {}
    told = {
        "district": about.district, "lat": about.latitude, "lon": about.longitude, "model": about.model, "kind": about.kind,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a recording is published."""

    #: times the pace at which it was recorded; None: as fast as the broker takes it
    speed: float | None
    #: what ingest takes of one sensor for long; an hour's worth may come at once (ingest's allowance for a backlog)
    readings_per_minute: int

    def due(self, what: Recording) -> Column:
        """Seconds after the start at which each reading falls due."""
        allowed = (
            (_rank(what.who) - (_BURST_MINUTES * self.readings_per_minute - _SPARE))
            * 60
            / self.readings_per_minute
        )
        seconds = np.maximum(allowed, 0.0)
        if self.speed is not None and len(what):
            seconds = np.maximum(seconds, (what.times - what.times[0]).astype(np.int64) / 1e6 / self.speed)
        due: Column = np.maximum.accumulate(seconds) if len(seconds) else seconds
        return due


def _rank(who: Column) -> Column:
    """How many readings of its sensor come before each."""
    order = np.argsort(who, kind="stable")
    count = np.arange(len(who))
    begins = np.ones(len(who), dtype=bool)
    begins[1:] = who[order][1:] != who[order][:-1]
    rank = np.empty(len(who), dtype=np.int64)
    rank[order] = count - np.maximum.accumulate(np.where(begins, count, 0))
    return rank


class Replay:
    """Publishes a recording over one connection, QoS 1."""

    def __init__(self, address: MqttAddress, what: Recording, prefix: str, pace: Pace) -> None:
        self._network = Network(address, lambda _: None)
        self._connection = self._network.add(Identity(f"sdot-replay-{time.time_ns():x}"))
        self._place = f"{address.host}:{address.port}"
        self._what, self._prefix, self._pace = what, prefix, pace

    def run(self, stop: Event, tell: Tell) -> int:
        """Publish until all is acknowledged or `stop` is set; how many messages were published.

        BrokerError where no broker takes us at first; one that goes later is waited for.
        """
        try:
            self._connect(stop)
            return self._publish(stop, tell)
        finally:
            self._network.close()

    def _connect(self, stop: Event) -> None:
        end = time.monotonic() + CONNECT_S
        while not self._connection.open and not stop.is_set():
            if time.monotonic() > end:
                raise BrokerError(f"no broker takes us at {self._place}; is `sdot up` running?")
            self._network.serve(_NAP_S)

    def _publish(self, stop: Event, tell: Tell) -> int:
        due, began, sent = self._pace.due(self._what), time.monotonic(), 0
        for topic, body in messages(self._what, self._prefix):
            if not self._turn(began + due[sent], stop):
                break
            self._connection.publish(topic, body)
            sent += 1
            if sent % _TOLD == 0:
                tell(sent / len(self._what), sent)
        while not self._connection.idle and not stop.is_set():
            self._network.serve(_NAP_S)
        tell(sent / max(len(self._what), 1), sent)
        return sent

    def _turn(self, due: float, stop: Event) -> bool:
        """Wait for a reading's time and for room; False where we are to stop."""
        while not stop.is_set():
            early = due - time.monotonic()
            if early <= 0 and self._connection.room:
                return True
            self._network.serve(min(_NAP_S, early) if early > 0 else _NAP_S)
        return False
