"""What everybody sees between two ticks: the newest view and health, as the routes hand them out."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from city.grades import Standard
from city.pack import CityPack
from dashboard.geometry import Geometry
from dashboard.health import Health, epoch_ms
from dashboard.listing import sensors_json
from dashboard.picture import View
from dashboard.snapshot import beat_json, place_of, snapshot_json
from dashboard.static import StaticFile
from dashboard.stream import Hub

#: Seconds after which a snapshot is no longer called fresh: several looks at the database failed.
FRESH_S = 10.0


class Board:
    """Filled by the reader, read by the routes; all on the event loop, but for `tick`, which is pure."""

    def __init__(self, pack: CityPack, standard: Standard, geometry: Geometry, view: View) -> None:
        #: who follows the Live page, and the Ingest page
        self.hub, self.books = Hub(), Hub()
        self.boot = secrets.token_hex(8)
        self.health = Health({})
        self.view = view
        #: set with the first view that a reader made
        self.seen = asyncio.Event()
        #: the document of `/api/day`, and how often it changed; none before the rollups were read
        self.day: StaticFile | None = None
        self.day_version = 0
        self._zone: ZoneInfo = pack.zone
        self._standard, self._geometry = standard, geometry
        self._seq = 0
        #: monotonic seconds: when the database last answered, when a tick or beat last went out
        self._answered: float | None = None
        self._ticked = self._sent = time.monotonic()

    def tick(self, view: View, health: Health) -> bytes:
        """The snapshot of `view`, encoded."""
        head = {
            "boot": self.boot,
            "seq": self._seq + 1,
            "dots_version": view.roster.version,
            "day_version": self.day_version,
            "health": health.as_json(),
        }
        return snapshot_json(view, self._standard, self._zone, self._geometry.projection, head)

    def show(self, view: View, health: Health, tick: bytes) -> None:
        """Make `view` the one that all see, and send its tick."""
        self.view, self.health = view, health
        self._seq += 1
        self.hub.tick(tick)
        self._ticked = self._sent = time.monotonic()
        self.seen.set()

    def show_day(self, day: StaticFile) -> None:
        """Make `day` the one that all get; its version goes out with the next tick."""
        if self.day is None or self.day.etag != day.etag:
            self.day = day
            self.day_version += 1

    def beat(self, now: datetime) -> None:
        """Tell the viewers that we live."""
        self.hub.beat(beat_json(epoch_ms(now) or 0, self.boot, self.health))
        self._sent = time.monotonic()

    def answered(self) -> None:
        """The database gave a whole answer just now."""
        self._answered = time.monotonic()

    @property
    def hubs(self) -> tuple[Hub, ...]:
        """All that send streams."""
        return self.hub, self.books

    @property
    def quiet_s(self) -> float:
        """Seconds since anything went out."""
        return time.monotonic() - self._sent

    @property
    def tick_age_s(self) -> float:
        """Seconds since the last tick."""
        return time.monotonic() - self._ticked

    def geometry(self) -> dict[str, Any]:
        """The document of `/api/geometry`."""
        return self._geometry.document

    def sensors(self, district: str | None, metric: str) -> dict[str, Any] | None:
        """The document of `/api/sensors`; None where district or metric is unknown."""
        found = sensors_json(self.view, district, metric, self._geometry.projection)
        return None if found is None else {"seq": self._seq, "sensors": found}

    @property
    def dots_version(self) -> int:
        """Moves when a sensor comes, moves or goes."""
        return self.view.roster.version

    def dots(self) -> dict[str, Any]:
        """The document of `/api/dots`: all sensors with a place, but for retired ones."""
        roster = self.view.roster  # once: the next tick may come between two looks at it
        dots = [
            [*place_of(sensor, self._geometry.projection), sensor.serial, district]
            for sensor, district in zip(roster.sensors, roster.district.tolist(), strict=True)
            if sensor.state != "retired" and sensor.latitude is not None
        ]
        return {"version": roster.version, "dots": dots}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether live values are on the page; the document of `/readyz` names what is away."""
        age = None if self._answered is None else round(time.monotonic() - self._answered, 1)
        fresh = age is not None and age < FRESH_S
        ready = fresh and self.health.ok and self.health.heard
        away = [*self.health.away] or ["snapshot"] * (not fresh) or ["ingest"] * (not self.health.heard)
        return ready, {"ready": ready, "away": away, "snapshot_age_s": age, "health": self.health.as_json()}
