"""Readings as columns: what a back-fill or an import writes at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.fold import Fact

Column = npt.NDArray[Any]
_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Block:
    """Readings as columns of one length."""

    #: int32
    sensor_ids: Column
    #: datetime64[us], UTC
    times: Column
    #: metric → float32; NaN where the sensor did not measure
    values: Mapping[str, Column]
    #: int32; None: 0 everywhere
    revisions: Column | None = None
    #: metric → whether a reading says something of it, if only that there is no value; where None, a NaN says nothing
    carried: Mapping[str, Column] | None = None
    #: numbers of the districts whose figures they enter, int16, −1 for none; None: of their sensors as they stand now
    districts: Column | None = None
    #: JSON as bytes, or None; None: none has any
    extra: Column | None = None
    #: a row's NaN stands for a null as well as for what its sensor has not: of a new row it is no news
    quiet: bool = False

    def __len__(self) -> int:
        return len(self.times)

    def only(self, rows: Column) -> Block:
        """Some of the rows, by a mask or by their places."""
        return Block(
            self.sensor_ids[rows],
            self.times[rows],
            {key: column[rows] for key, column in self.values.items()},
            None if self.revisions is None else self.revisions[rows],
            None if self.carried is None else {key: column[rows] for key, column in self.carried.items()},
            None if self.districts is None else self.districts[rows],
            None if self.extra is None else self.extra[rows],
            self.quiet,
        )

    def differing(self, rows: Column, known: Mapping[str, Column]) -> Block:
        """Rows at these places, and what is there of them (NaN for null); what neither has is not carried."""
        block = self.only(rows)
        if not self.quiet:
            return block
        nothing = {key: np.isnan(column) & np.isnan(known[key]) for key, column in block.values.items()}
        return replace(block, carried={key: block.says(key) & ~none for key, none in nothing.items()})

    def news(self, key: str) -> Column:
        """Which readings of new rows tell something of a metric that its newest value follows."""
        return self.says(key) & ~np.isnan(self.values[key]) if self.quiet else self.says(key)

    def says(self, key: str) -> Column:
        """Which readings say something of a metric."""
        return ~np.isnan(self.values[key]) if self.carried is None else self.carried[key]

    def revision_column(self) -> Column:
        """int32."""
        return np.zeros(len(self), dtype=np.int32) if self.revisions is None else self.revisions

    def order(self) -> Column:
        """Places of the rows by sensor and time, equal ones as they came."""
        return np.lexsort((self.times, self.sensor_ids))

    def facts(self, districts: Mapping[int, int | None], received_at: datetime) -> Iterator[Fact]:
        """The readings one by one, in order."""
        says = {key: self.says(key).tolist() for key in self.values}
        columns = {key: column.tolist() for key, column in self.values.items()}
        revisions, times = self.revision_column().tolist(), self.times.tolist()
        homes = None if self.districts is None else self.districts.tolist()
        for row, sensor in enumerate(self.sensor_ids.tolist()):
            values = {
                key: None if column[row] != column[row] else column[row]
                for key, column in columns.items()
                if says[key][row]
            }
            time = times[row].replace(tzinfo=UTC)
            home = districts.get(sensor) if homes is None else homes[row] if homes[row] >= 0 else None
            yield Fact(sensor, time, values, revisions[row], self._extra(row), home, received_at)

    def _extra(self, row: int) -> dict[str, Any] | None:
        text = None if self.extra is None else self.extra[row]
        return json.loads(text) if text else None


def instants(times: Column) -> list[datetime]:
    """A column of datetime64 as datetimes in UTC."""
    return [time.replace(tzinfo=UTC) for time in times.astype("datetime64[us]").tolist()]


def instant(time: Any) -> datetime:
    """A datetime64 as a datetime in UTC."""
    return _START + timedelta(microseconds=int(time.astype("datetime64[us]").astype("int64")))


def moment(time: datetime) -> np.datetime64:
    """A datetime as datetime64[us] in UTC."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
