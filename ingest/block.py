"""Readings as columns: what a back-fill or an import writes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
        )

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
        for row, sensor in enumerate(self.sensor_ids.tolist()):
            values = {
                key: None if column[row] != column[row] else column[row]
                for key, column in columns.items()
                if says[key][row]
            }
            time = times[row].replace(tzinfo=UTC)
            yield Fact(sensor, time, values, revisions[row], None, districts.get(sensor), received_at)


def instants(times: Column) -> list[datetime]:
    """A column of datetime64 as datetimes in UTC."""
    return [time.replace(tzinfo=UTC) for time in times.astype("datetime64[us]").tolist()]


def instant(time: Any) -> datetime:
    """A datetime64 as a datetime in UTC."""
    return _START + timedelta(microseconds=int(time.astype("datetime64[us]").astype("int64")))


def moment(time: datetime) -> np.datetime64:
    """A datetime as datetime64[us] in UTC."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
