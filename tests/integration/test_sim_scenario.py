"""Scenarios played for real: simulated devices, broker, ingest and database; and one simulator at a time."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from city.pack import load_pack
from simulator.city import INTERVAL_MS, SimCity
from simulator.past import milliseconds_of
from simulator.scenario import load_scenario
from simulator.stage import Stage
from simulator.truth import read
from tests.servers.broker import Broker
from tests.servers.postgres import Database
from tests.servers.product import Product
from tests.waiting import until

pytestmark = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
#: A cycle of a second.
SENSORS, SPEED = 60, 120.0
CYCLE_S = INTERVAL_MS / 1000 / SPEED
CITY = SimCity(load_pack("seoul"), SENSORS)
DISTRICT = "gangnam-gu"
OPTIONS = ("--sensors", str(SENSORS), "--speed", str(SPEED), "--district", DISTRICT)


@pytest.fixture
def product(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path
) -> Iterator[Product]:
    product = Product(embedded_database, broker, unique_prefix, tmp_path)
    yield product
    product.stop()


def stage(name: str, start: datetime) -> Stage:
    return Stage(load_scenario(name), load_pack("seoul"), CITY.sensors, milliseconds_of(start), DISTRICT)


def stored(database: Database, *columns: str) -> list[tuple[object, ...]]:
    query = (
        f"SELECT serial, time, {', '.join(columns)} FROM reading JOIN sensor USING (sensor_id) ORDER BY 1, 2"
    )
    return database.rows(query)


def test_a_festival_is_stored_as_it_was_played(product: Product, tmp_path: Path) -> None:
    product.ingest()
    start = datetime.now(UTC) - timedelta(hours=3)
    paths = ("--start", start.isoformat(), "--truth", str(tmp_path / "truth.parquet"))
    simulator = product.run("simulate", "scenario", "festival-crowd", *OPTIONS, *paths)
    product.until_counted(3 * SENSORS)
    assert simulator.stop(signal.SIGINT) == 0
    rows = stored(product.database, "noise")
    index = np.array([int(str(row[0])[4:]) - 1 for row in rows])
    times = np.array([row[1].replace(tzinfo=None) for row in rows], "datetime64[us]")  # type: ignore[attr-defined]
    noise = np.array([row[2] for row in rows], np.float32)
    played = stage("festival-crowd", start)
    assert np.array_equal(noise, CITY.under(played).values(index, times, CYCLE_S)["noise"])
    louder = noise - CITY.values(index, times, CYCLE_S)["noise"]
    weight = played.acts[0].weight[index]
    assert louder[weight == 0].max() == 0
    assert louder.max() >= 2
    assert louder == pytest.approx(15 * weight, abs=1.1)  # at its height; whole decibels
    lines = {line.metric: line for line in read(tmp_path / "truth.parquet")}
    assert set(lines) == {"visitors", "noise", "pm25", "pm10"}
    assert lines["noise"].size == 15
    assert lines["noise"].readings == (weight > 0).sum()
    assert "Crowds gather for the festival" in simulator.log_text()


def test_a_power_cut_takes_a_district_away_and_its_batteries_catch_up(
    product: Product, tmp_path: Path
) -> None:
    product.ingest()
    words = ("--start=-51m52s", "--truth", str(tmp_path / "truth.csv"))  # power is back after 8 s
    simulator = product.run("simulate", "scenario", "power-cut", *OPTIONS, *words)
    played = stage("power-cut", datetime.now(UTC))
    dark, battery = (
        sorted(CITY.sensors[e.sensor].serial for e in played.episodes if e.kind == kind)
        for kind in ("silence", "burst")
    )
    assert dark
    assert battery
    end = until(lambda: over(tmp_path / "truth.csv"), "the power to be back", 120)
    back = "SELECT count(*) FROM sensor JOIN latest USING (sensor_id) WHERE online AND latest.time > %s"
    until(lambda: product.database.value(back, end) == SENSORS, "all to be back", 120)
    second = product.run("simulate", "live", *OPTIONS)
    assert second.wait(90) == 1
    assert "another simulator sends as these sensors" in second.log_text()
    assert simulator.stop(signal.SIGINT) == 0
    product.started.remove(second)
    rows = stored(product.database, "received_at")
    during = [row for row in rows if row[1] < end]  # type: ignore[operator]
    assert not {row[0] for row in during} & set(dark)
    kept = [row for row in during if row[0] in battery]
    assert {row[0] for row in kept} == set(battery)
    assert all(row[2] >= end for row in kept)  # type: ignore[operator]
    lines = [line for line in read(tmp_path / "truth.csv") if line.kind != "event"]
    assert {line.sensor for line in lines if line.kind == "silence"} == set(dark)
    assert sum(line.readings for line in lines if line.kind == "burst") == len(kept)


def over(truth: Path) -> datetime | None:
    """When the silence was over, which is in the truth as soon as it is."""
    lines = [line for line in read(truth) if line.kind == "silence"] if truth.exists() else []
    ends = {datetime.fromisoformat(line.end) for line in lines}
    return max(ends) if ends and max(ends) + timedelta(seconds=3) < datetime.now(UTC) else None


def test_a_scenario_ends_the_run_when_it_is_over(product: Product, tmp_path: Path) -> None:
    product.ingest()
    path = tmp_path / "short.toml"
    event = (
        '[[event]]\nsay = "A short silence"\nat = "+2s"\nfor = "6s"\ndistrict = "chosen"\nfault = "silence"\n'
    )
    path.write_text(f'title = "Short"\nwhat = "Some seconds of silence."\n{event}')
    simulator = product.run("simulate", "scenario", str(path), *OPTIONS, "--truth", str(tmp_path / "t.csv"))
    assert simulator.wait(120) == 0, simulator.log_text()
    told = simulator.log_text()
    assert told.index("A short silence (silence of ") < told.index("Over: A short silence")
    there = {one.serial for one in CITY.sensors if one.district == DISTRICT}
    assert {line.sensor for line in read(tmp_path / "t.csv")} == there
    assert all(
        timedelta(seconds=4) < span(line.start, line.end) < timedelta(seconds=6.1)
        for line in read(tmp_path / "t.csv")
    )


def span(start: str, end: str) -> timedelta:
    return datetime.fromisoformat(end) - datetime.fromisoformat(start)
