"""The sensors as the dashboard knows them: a row each, in the order it met them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dashboard.store import SensorRow


@dataclass(frozen=True)
class Roster:
    """An immutable list of sensors; rows keep their places when it grows."""

    #: codes of the city's districts, in the pack's order
    districts: tuple[str, ...]
    sensors: tuple[SensorRow, ...] = ()
    #: moves when a sensor comes, moves or retires
    version: int = 0
    #: sensor id → row
    rows: Mapping[int, int] = field(default_factory=dict)

    def with_rows(self, changed: Iterable[SensorRow]) -> Roster:
        """The roster with these sensors in place of, or behind, those it has."""
        sensors, rows = list(self.sensors), dict(self.rows)
        for sensor in changed:
            place = rows.setdefault(sensor.sensor_id, len(sensors))
            sensors[place : place + 1] = [sensor]
        return Roster(self.districts, tuple(sensors), self.version + 1, rows)

    @cached_property
    def district(self) -> npt.NDArray[np.int64]:
        """Index of each sensor's district; −1 where it has none, or none of this city's."""
        index = {code: place for place, code in enumerate(self.districts)}
        return np.array([index.get(sensor.district or "", -1) for sensor in self.sensors], np.int64)

    def in_state(self, state: str) -> npt.NDArray[np.bool_]:
        """Which sensors are in that state."""
        return np.array([sensor.state == state for sensor in self.sensors], bool)

    @cached_property
    def verified(self) -> npt.NDArray[np.bool_]:
        """Which sensors enter figures."""
        return self.in_state("verified")

    @cached_property
    def unverified(self) -> npt.NDArray[np.bool_]:
        """Which sensors wait for a person."""
        return self.in_state("unverified")

    @cached_property
    def waiting(self) -> Sequence[SensorRow]:
        """Unverified sensors, the newest first."""
        found = [sensor for sensor in self.sensors if sensor.state == "unverified"]
        return sorted(found, key=lambda sensor: sensor.registered_at, reverse=True)
