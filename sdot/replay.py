"""`sdot simulate replay`: files of readings published as their sensors would have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from city import db
from city.errors import SettingsError
from city.pack import CityPack, load_pack
from city.reading import About
from city.readings import Readings, Refused
from city.settings import Settings, mqtt_address
from ingest.block import moment
from ingest.registry import NewSensor, State, register_many
from ingest.writer import OLDEST, floor_of
from sdot.files import File, known, opened, state_of
from sdot.progress import progress
from simulator.replay import Pace, Recording, Replay, recording

#: Who registered a sensor that a replay brought.
BY = "replay"
NOW, ORIGINAL, MAX = "now", "original", "max"
#: So many rows that were not sent are told of.
TOLD = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """How files are to be replayed."""

    #: when the last reading falls: now, original, or a time
    at: str = NOW
    #: times the recorded pace; None: as fast as the broker takes it
    speed: float | None = None
    #: new sensors are verified
    verified: bool = False


@dataclass
class Replayed:
    """What became of the files."""

    published: int = 0
    readings: int = 0
    #: (file, row) that is no reading and was not sent
    refused: list[tuple[str, Refused]] = field(default_factory=list)
    #: serials that were registered before
    registered: int = 0
    #: readings older than what is kept: ingest refuses them
    too_old: int = 0


def run(
    settings: Settings,
    paths: Sequence[Path],
    columns: Path | None = None,
    wish: Wish | None = None,
    stop: Event | None = None,
) -> Replayed:
    """Publish files over MQTT; TableError, SettingsError or BrokerError where that cannot begin."""
    wish, pack = wish or Wish(), load_pack(settings.city)
    now = datetime.now(UTC)
    last = end_of(wish.at, pack, now)
    done = Replayed()
    what = _recorded(pack, known(settings, pack, paths, columns), done).ending(last)
    done.readings = len(what)
    done.too_old = int((what.times < moment(floor_of(OLDEST, settings.retention, now))).sum())
    done.registered = _register(settings, pack, what, state_of(settings, verified=wish.verified))
    pace = Pace(wish.speed, settings.readings_per_minute)
    with progress("Publishing") as tell:
        replay = Replay(mqtt_address(settings.mqtt_url), what, settings.topic_prefix, pace)
        done.published = replay.run(stop or Event(), tell)
    return done


def end_of(at: str, pack: CityPack, now: datetime) -> datetime | None:
    """When the last reading falls, None for its own time; SettingsError where it is no time, or not yet."""
    if at == ORIGINAL:
        return None
    if at == NOW:
        return now
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        raise SettingsError(
            f"--at is {at!r}; write {NOW}, {ORIGINAL}, or a time such as 2026-11-24T14:00"
        ) from None
    time = time.replace(tzinfo=pack.zone) if time.tzinfo is None else time
    if time > now:
        raise SettingsError(
            f"--at {at} is in the future, from which no reading is taken; write a time before now"
        )
    return time


def speed_of(text: str) -> float | None:
    """Times the recorded pace, None for `max`; SettingsError where it is neither."""
    if text == MAX:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise SettingsError(f"--speed is {text!r}; write a number above 0 (1 is the recorded pace), or {MAX}")
    return speed


def told(done: Replayed) -> Iterator[str]:
    """What became of the files, in lines."""
    yield f"{done.published:,} of {done.readings:,} readings published, {done.registered:,} sensors were new"
    if done.too_old:
        yield f"{done.too_old:,} of them are older than SDOT_RETENTION_RAW: ingest refuses them"
    for file, one in done.refused[:TOLD]:
        yield f"not sent: {file} line {one.line:,}: {one.text}"
    if len(done.refused) > TOLD:
        yield f"and {len(done.refused) - TOLD:,} more rows were not sent; `sdot import --dry-run` counts them by reason"


def _recorded(pack: CityPack, files: Sequence[File], done: Replayed) -> Recording:
    parts: list[Readings] = []
    with progress("Reading") as tell:
        for number, file in enumerate(files):
            with opened(file, pack) as source:
                for part in source.readings:
                    parts.append(part)
                    done.refused += [(file.path.name, one) for one in part.refused]
                    tell((number + source.done()) / len(files), 0)
        tell(1.0, 0)
    return recording(parts)


def _register(settings: Settings, pack: CityPack, what: Recording, state: State | None) -> int:
    """Make the serials known outside the hourly limit, where the registry is at hand; how many were new."""
    if state is None or not settings.admin_url:
        return 0
    sensors = [_sensor(serial, what.about.get(serial) or About()) for serial in what.serials]
    with (
        db.connect(settings.admin_url, "sdot simulate", bounded=False) as conn,
        db.told("no sensor is registered"),
    ):
        there = conn.execute(db.statement("read_sensors_by_serial"), [list(what.serials)]).fetchall()
        register_many(conn, pack, sensors, state=state, by=BY)
    return len(sensors) - len(there)


def _sensor(serial: str, about: About) -> NewSensor:
    return NewSensor(serial, about.model, about.kind, about.latitude, about.longitude, about.district)
