"""Rollups on every engine against a plain computation with pandas, whatever became of the readings meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg
import pytest

from ingest import roster
from maintain import levels
from maintain.rollup import Refresher, lead
from tests.inlet import Inlet, message, seoul
from tests.servers.postgres import Database

#: Of each zone a day that is awkward there: clocks change in Santiago, buckets begin off the hour elsewhere.
ZONES = {
    "Asia/Seoul": "2026-05-01",
    "America/Sao_Paulo": "2026-05-01",
    "America/Santiago": "2026-04-04",
    "Asia/Kolkata": "2026-05-01",
    "Asia/Kathmandu": "2026-05-01",
}
METRICS = ("pm25", "temperature", "visitors", "wind_direction")
DISTRICTS = ("jongno-gu", "mapo-gu")
SENSORS = 5
DAYS = 2.2
SENSOR, DISTRICT = ("sensor_id", "district_id"), ("district_id",)
LEVELS = {
    "sensor_10min": ("10min", SENSOR),
    "sensor_hour": ("h", SENSOR),
    "district_10min": ("10min", DISTRICT),
    "district_hour": ("h", DISTRICT),
    "district_day": ("D", DISTRICT),
}


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def small_portions(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In some zones an hour of few sensors at a time, as in a city of tens of thousands: the figures are the same."""
    if zone in ("America/Santiago", "Asia/Kathmandu"):
        monkeypatch.setattr(levels, "PORTION", 12)


@pytest.fixture
def inlet(database: Database, zone: str) -> Iterator[Inlet]:
    with database.connect() as owner:
        owner.execute("UPDATE checkpoint SET time_zone = %s", [zone])
    with Inlet(database) as inlet:
        yield inlet


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as conn:
        conn.execute("SET timezone = 'UTC'")
        yield conn


def refresher(owner: psycopg.Connection[Any]) -> Refresher:
    return Refresher(owner, seoul().catalogue)


def settle(refresh: Refresher, now: datetime) -> None:
    """A portion a round: what stops between two goes on with the next."""
    while refresh.refresh(now, patience_s=0).more:
        pass


def reading(rng: random.Random, sensor: int, at: datetime) -> dict[str, Any]:
    """One message, with gaps, a flagged value now and then, and directions about north."""
    values = {
        "pm25": round(rng.uniform(1, 90), 1) if rng.random() > 0.03 else 1600.0,
        "temperature": round(rng.gauss(12, 8), 1) if rng.random() > 0.2 else None,
        "visitors": rng.randrange(40) if sensor % 2 else None,
        "wind_direction": rng.choice([350, 5, 20, 340]),
    }
    kept = {key: value for key, value in values.items() if value is not None and rng.random() > 0.05}
    return {"time": at.isoformat(), **(kept or {"pm25": 3.5})}


def readings(rng: random.Random, start: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Every seven minutes or so of each sensor, some missing."""
    made = []
    for sensor in range(SENSORS):
        at = start + timedelta(minutes=rng.uniform(0, 7))
        while at < start + timedelta(days=DAYS):
            if rng.random() > 0.1:
                described = {"district": DISTRICTS[sensor % 2]}
                made.append((f"s{sensor}", reading(rng, sensor, at) | described))
            at += timedelta(minutes=rng.uniform(4, 10))
    return made


def send(inlet: Inlet, given: list[tuple[str, dict[str, Any]]]) -> None:
    for first in range(0, len(given), 500):
        inlet.write(*(message(serial, body) for serial, body in given[first : first + 500]))


def starts(times: pd.Series, rule: str, zone: str) -> pd.Series:
    """The start of each time's local bucket, in UTC."""
    if rule == "D":
        days = times.dt.tz_convert(zone).dt.normalize()
        return days.dt.tz_convert("UTC")
    # 10 minutes and hours of the city's clock; an offset is a whole number of minutes
    offsets = times.map(lambda time: time.tz_convert(zone).utcoffset())
    return (times + offsets).dt.floor(rule) - offsets


def raw(owner: psycopg.Connection[Any]) -> pd.DataFrame:
    """One row a value that counts: sensor, district (0: none), time, metric, value."""
    bits = {metric: seoul().catalogue[metric].bit for metric in METRICS}
    columns = ["sensor_id", "district_id", "time", "flags", *METRICS]
    rows = owner.execute(f"SELECT {', '.join(columns)} FROM reading", binary=True).fetchall()
    frame = pd.DataFrame(rows, columns=columns)
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    frame["district_id"] = frame["district_id"].fillna(0).astype(int)
    for metric, bit in bits.items():
        frame[metric] = frame[metric].astype(float).where((frame["flags"].to_numpy() >> bit) & 1 == 0)
    long = frame.melt(["sensor_id", "district_id", "time"], list(METRICS), "metric", "value")
    return long.dropna(subset=["value"])


def expected(values: pd.DataFrame, level: str, zone: str) -> pd.DataFrame:
    """Index: keys, bucket, metric; columns mean, min, max, n, sensors, sum."""
    rule, keys = LEVELS[level]
    values = values.assign(bucket=starts(values["time"], rule, zone))
    angle = np.radians(values["value"])
    values = values.assign(east=np.sin(angle), north=np.cos(angle))
    by_sensor = values.groupby([*SENSOR, "bucket", "metric"]).agg(
        mean=("value", "mean"), min=("value", "min"), max=("value", "max"), n=("value", "size"),
        sum=("value", "sum"), east=("east", "mean"), north=("north", "mean"),
    )  # fmt: skip
    if keys == DISTRICT:
        by_sensor = by_sensor.reset_index()
        by_sensor = by_sensor[by_sensor["district_id"] > 0]
        by_sensor = by_sensor.groupby([*keys, "bucket", "metric"]).agg(
            mean=("mean", "mean"), min=("min", "min"), max=("max", "max"), n=("n", "sum"), sum=("sum", "sum"),
            east=("east", "mean"), north=("north", "mean"), sensors=("n", "size"),
        )  # fmt: skip
    result = by_sensor.reset_index()
    vector = result["metric"] == "wind_direction"
    angle = np.degrees(np.arctan2(result["east"], result["north"])) % 360
    result["mean"] = result["mean"].where(~vector, angle)
    result[["min", "max"]] = result[["min", "max"]].where(~vector)
    result["sum"] = result["sum"].where(result["metric"] == "visitors")
    return result.drop(columns=["east", "north"]).set_index([*keys, "bucket", "metric"]).sort_index()


def found(owner: psycopg.Connection[Any], level: str) -> pd.DataFrame:
    """What the database has, in the same shape."""
    _, keys = LEVELS[level]
    parts = []
    for metric in METRICS:
        columns = {name: f"{metric}_{name}" for name in ("mean", "min", "max", "n")}
        if keys == DISTRICT:
            columns["sensors"] = f"{metric}_sensors"
        if metric == "visitors":
            columns["sum"] = f"{metric}_sum"
        query = f"SELECT {', '.join(keys)}, bucket, {', '.join(columns.values())} FROM {level} WHERE {metric}_n > 0"
        frame = pd.DataFrame(
            owner.execute(query, binary=True).fetchall(), columns=[*keys, "bucket", *columns]
        )
        parts.append(frame.assign(metric=metric))
    result = pd.concat([part for part in parts if len(part)], ignore_index=True)
    result["bucket"] = pd.to_datetime(result["bucket"], utc=True)
    return result.set_index([*keys, "bucket", "metric"]).sort_index()


def assert_agrees(owner: psycopg.Connection[Any], zone: str) -> None:
    values = raw(owner)
    for level in LEVELS:
        want, got = expected(values, level, zone), found(owner, level)
        pd.testing.assert_frame_equal(
            got[want.columns].astype(float), want.astype(float), check_exact=False, rtol=1e-6, atol=1e-6,
            check_index_type=False, obj=level,
        )  # fmt: skip


def test_every_level_agrees_whatever_happens_to_the_readings(
    inlet: Inlet, owner: psycopg.Connection[Any], zone: str
) -> None:
    rng = random.Random(7)
    start = datetime.fromisoformat(ZONES[zone]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    given = readings(rng, start - timedelta(hours=3))
    rng.shuffle(given)
    late, given = given[:150], given[150:]
    now = start + timedelta(days=DAYS)
    refresh = refresher(owner)
    send(inlet, given)
    settle(refresh, now)
    assert_agrees(owner, zone)

    send(inlet, late)  # by days, out of order
    again = rng.sample(given, 60)
    send(inlet, again[:30])  # twice
    send(inlet, [(serial, body | {"pm25": 11.0, "revision": 1}) for serial, body in again[30:]])
    send(
        inlet, [(serial, body | {"pm25": 5000.0, "revision": 2}) for serial, body in again[40:50]]
    )  # flagged
    roster.move(
        owner, seoul(), "s1", roster.Place(district="gangnam-gu"), start + timedelta(hours=20, minutes=25)
    )
    send(inlet, [("s9", {"time": (start + timedelta(hours=5)).isoformat(), "pm25": 30.0})])
    settle(refresh, now + timedelta(minutes=1))
    assert_agrees(owner, zone)
    assert owner.execute("SELECT count(*) FROM touched").fetchone() == (0,)


def test_one_leads(owner: psycopg.Connection[Any], database: Database) -> None:
    assert lead(owner)
    with database.connect() as other:
        assert not lead(other)
