"""Plain readings of many messages as columns, in order of arrival: what a batch is made of, mostly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter

import numpy as np

from city.contract import Decoder
from city.metrics import Catalogue
from city.plain import ABSENT, PlainDecoder, PlainReading
from city.rfc3339 import DAY_US, NO_TIME, since_2000
from ingest.block import Column
from ingest.message import MAX_AHEAD, Message, unfold

#: Seconds of 1970 at which PostgreSQL's clock begins
_OF_2000_S = 946_684_800
_START = datetime(2000, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_TIME = attrgetter("time")


def micros(times: Sequence[datetime]) -> Column:
    """int64 microseconds since 2000 of instants (exact to 2255, where a float's second has them no more)."""
    seconds = np.array([time.timestamp() for time in times], dtype=np.float64)
    whole = np.floor(seconds)
    part = np.rint((seconds - whole) * 1e6).astype(np.int64)
    return (whole.astype(np.int64) - _OF_2000_S) * 1_000_000 + part


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings as columns of one length, and the messages that they came in."""

    messages: Sequence[Message]
    #: serials that they came from, each once, and of each message the place of its own
    serials: Sequence[str]
    who: Column
    #: int64 microseconds since 2000 at which each message arrived
    arrived: Column
    #: place of each reading's message
    of: Column
    #: int64 microseconds since 2000
    times: Column
    #: metric → float64, rounded to float32; NaN where a reading does not carry it
    values: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.times)

    def without(self, left_out: Column) -> Columns:
        """The same without some of the messages (a mask)."""
        if not left_out.any():
            return self
        rows, kept = ~left_out[self.of], ~left_out
        messages = [message for message, keep in zip(self.messages, kept.tolist(), strict=True) if keep]
        places, who = np.unique(self.who[kept], return_inverse=True)
        serials = [self.serials[place] for place in places.tolist()]
        of = (np.cumsum(kept) - 1)[self.of[rows]]
        values = {key: column[rows] for key, column in self.values.items()}
        return Columns(messages, serials, who, self.arrived[kept], of, self.times[rows], values)

    def days(self, serials: Column, floor: datetime) -> list[datetime]:
        """Midnights (UTC) of the days of readings that are not before `floor`, of some serials (a mask)."""
        rows = serials[self.who][self.of] & (self.times >= micros([floor])[0])
        return [_START + timedelta(days=day) for day in np.unique(self.times[rows] // DAY_US).tolist()]

    def any_of(self, rows: Column) -> Column:
        """Mask of the messages of which a reading is in `rows` (a mask)."""
        found = np.zeros(len(self.messages), dtype=bool)
        found[self.of[rows]] = True
        return found


class Reader:
    """Reads the plain messages of a batch; one that turns out to be none is unfolded."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._decoder = Decoder(catalogue)
        attributes = PlainDecoder(catalogue).attributes
        self._cells: dict[str, tuple[Callable[[PlainReading], float], float, float]] = {
            metric.key: (attrgetter(attributes[metric.key]), *metric.possible) for metric in catalogue
        }

    def unfold(self, columns: Columns, which: Column) -> Columns:
        """Read some messages (a mask) the long way; the columns without them."""
        for place in np.flatnonzero(which).tolist():
            unfold(columns.messages[place], self._decoder)
        return columns.without(which)

    def read(self, messages: Sequence[Message]) -> Columns:
        """The columns of all messages that are plain and can be stored."""
        plain = [message for message in messages if message.plain is not None]
        parts = [message.plain or () for message in plain]
        readings, counts = list(chain.from_iterable(parts)), list(map(len, parts))
        serials: dict[str, int] = {}
        who = [serials.setdefault(message.serial or "", len(serials)) for message in plain]
        times = since_2000(list(map(_TIME, readings)))
        values = dict(self._values(readings))
        arrived = micros([message.at for message in plain])
        of = np.repeat(np.arange(len(plain)), counts)
        columns = Columns(plain, list(serials), np.array(who, dtype=np.int64), arrived, of, times, values)
        return self.unfold(columns, columns.any_of(self._strange(columns)))

    def _values(self, readings: Sequence[PlainReading]) -> Iterator[tuple[str, Column]]:
        for key, (cell, _, _) in self._cells.items():
            cells = list(map(cell, readings))
            if cells.count(ABSENT) < len(cells):  # by identity: a comparison of pointers each
                yield key, np.array(cells, dtype=np.float64)

    def _strange(self, columns: Columns) -> Column:
        """Mask of the readings that the decoder has to look at; rounds the values of the others to float32."""
        times, arrived = columns.times, columns.arrived[columns.of]
        strange = (times == NO_TIME) | (times > arrived + MAX_AHEAD // _MICRO)
        empty = np.ones(len(times), dtype=bool)
        for key, column in columns.values.items():
            _, low, high = self._cells[key]
            absent = np.isnan(column)
            empty &= absent
            strange |= ~absent & ~((low <= column) & (column <= high))
            with np.errstate(over="ignore"):  # what float32 cannot hold is strange
                column[:] = column.astype(np.float32)
        mask: Column = strange | empty
        return mask
