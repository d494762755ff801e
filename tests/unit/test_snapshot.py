"""The tick that every viewer gets and the list of a district, from rows to JSON, without a server."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from city.grades import load_standard
from city.pack import load_pack
from dashboard.board import Board
from dashboard.config import page_config
from dashboard.figures import STALE_S
from dashboard.geometry import geometry_of
from dashboard.health import Health, Part
from dashboard.memory import MemoryStore
from dashboard.picture import Picture
from dashboard.reader import Reader
from dashboard.store import SensorRow
from dashboard.text import LANGUAGES

NOW = datetime(2026, 11, 24, 5, 32, 7, tzinfo=UTC)
MS = round(NOW.timestamp() * 1000)
PACK = load_pack("seoul")
STANDARD = load_standard("korea")


class Town:
    """A store, and the board that a reader fills from it at NOW."""

    def __init__(self, pack=PACK) -> None:
        self.store = MemoryStore(pack)
        self.store.beat()
        picture = Picture(pack)
        self.board = Board(pack, STANDARD, geometry_of(pack), picture.view(NOW))
        self._reader = Reader(self.store, picture, self.board, clock=lambda: NOW)

    def sensor(self, district="gangnam-gu", state="verified", place=(37.5, 127.05), **values) -> int:
        """A sensor, and a reading of 30 s ago if there are values."""
        number = len(self.store._sensors) + 1
        self.store.put_sensor(
            SensorRow(number, f"s{number}", "parks", state, district, *place, NOW - timedelta(days=number))
        )
        if values:
            self.store.put(number, NOW - timedelta(seconds=30), values)
        return number

    def tick(self) -> dict:
        asyncio.run(self._reader.look())
        return orjson.loads(self.board.tick(self.board.view, self.board.health))

    def listed(self, metric="pm25", district="gangnam-gu") -> dict:
        self.tick()
        return {one["serial"]: one for one in self.board.sensors(district, metric)["sensors"]}


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_figure_comes_with_its_sensors_its_age_and_its_grade(town):
    for value in (30, 40, 37):
        town.sensor(pm25=value, temperature=-3.25)
    tick = town.tick()
    at = MS - 30_000
    assert tick["districts"]["gangnam-gu"]["pm25"] == {
        "v": 35.6667, "n": 3, "N": 3, "at": at, "g": 2, "s": "ok", "lo": 30, "hi": 40, "last": None,
    }  # fmt: skip
    assert tick["city"]["temperature"]["v"] == -3.25
    assert tick["city"]["temperature"]["g"] is None
    assert (tick["now"], tick["data_at"], tick["window_s"]) == (MS, at, 3600)
    assert tick["districts"]["jongno-gu"]["pm25"]["s"] == "none"


def test_what_is_graded_is_the_number_that_is_shown(town):
    """35.49996 is sent as 35.5, which the page rounds to 36: its grade has to be that of 36."""
    for value in (35.49992, 35.5, 35.49996):
        town.sensor(pm25=value)
    figure = town.tick()["city"]["pm25"]
    assert (figure["v"], figure["g"]) == (35.5, 2)


def test_metrics_that_nobody_ever_sent_are_not_in_the_tick_but_in_the_sums(town):
    town.sensor(pm25=1)
    tick = town.tick()
    assert list(tick["city"]) == ["pm25"]
    assert set(tick["left_out"]) == set(PACK.live)


def test_too_few_sensors_get_no_grade_and_an_old_figure_no_value(town):
    town.sensor(pm25=99)
    old = town.sensor("jongno-gu", pm25=50)
    town.store.age(old, timedelta(seconds=STALE_S))
    districts = town.tick()["districts"]
    few, stale = districts["gangnam-gu"]["pm25"], districts["jongno-gu"]["pm25"]
    assert (few["s"], few["v"], few["g"]) == ("few", 99, None)
    assert (stale["s"], stale["v"], stale["g"], stale["last"]) == ("stale", None, None, 50)


def test_sensors_are_counted_by_state_and_those_heard_within_the_hour_as_live(town):
    town.sensor(pm25=1)
    town.sensor(state="unverified", pm25=1)
    town.sensor(state="retired", pm25=1)
    town.store.age(town.sensor(pm25=1), timedelta(hours=2))
    counts = town.tick()["sensors"]
    assert counts == {"total": 3, "live": 2, "verified": 2, "unverified": 1, "retired": 1}


def test_an_unverified_sensor_waits_with_its_values_and_enters_no_figure(town):
    town.sensor(state="unverified", pm25=12.5, temperature=20.1)
    town.sensor(district=None, place=(None, None), state="unverified")
    tick = town.tick()
    first, second = tick["attention"]
    assert (first["serial"], first["kind"], first["district"], first["messages"]) == (
        "s1", "unverified", "gangnam-gu", 1,
    )  # fmt: skip
    assert first["values"] == {"pm25": [12.5, MS - 30_000, False], "temperature": [20.1, MS - 30_000, False]}
    assert (second["x"], second["y"], second["last_at"], second["values"]) == (None, None, None, {})
    assert tick["city"] == {}
    assert tick["left_out"]["pm25"]["unverified"] == 1


def test_the_list_says_of_each_sensor_whether_it_counts_and_why_not(town):
    town.sensor(pm25=10)
    flagged = town.sensor()
    town.store.put(flagged, NOW, {"pm25": 3000.0}, ["pm25"])
    town.store.age(town.sensor(pm25=20), timedelta(seconds=STALE_S))
    town.store.age(town.sensor(pm25=30), timedelta(hours=3))
    town.sensor(temperature=5)
    town.sensor(state="unverified", pm25=40)
    town.sensor(state="retired", pm25=50)
    listed = town.listed()
    assert {serial: one["status"] for serial, one in listed.items()} == {
        "s1": "ok", "s2": "flagged", "s3": "stale", "s4": "silent", "s5": "none", "s6": "unverified",
    }  # fmt: skip
    assert listed["s1"]["why"] is None
    assert all(set(one["why"]) == set(LANGUAGES) for one in listed.values() if one["why"])
    assert "3000" in listed["s2"]["why"]["es"]
    assert "sdot sensor verify s6" in listed["s6"]["why"]["en"]
    assert (listed["s2"]["v"], listed["s2"]["shown"]) == (None, 3000)
    assert (listed["s4"]["v"], listed["s4"]["shown"]) == (None, 30)


def test_the_list_shows_the_mean_that_counts_beside_the_newest_value(town):
    number = town.sensor(pm25=10)
    town.store.put(number, NOW, {"pm25": 20, "visitors": 7})
    one = town.listed()["s1"]
    assert (one["v"], one["shown"], one["at"]) == (15, 20, MS)
    assert town.listed("visitors")["s1"]["v"] == 7


def test_unknown_names_are_no_list(town):
    assert town.board.sensors("gangnam-gu", "nothing") is None
    assert town.board.sensors("atlantis", "pm25") is None
    assert town.board.sensors(None, "pm25")["sensors"] == []


def test_dots_are_all_places_but_those_of_retired_sensors(town):
    town.sensor("jongno-gu")
    town.sensor(state="retired")
    town.sensor(place=(None, None))
    tick, dots = town.tick(), town.board.dots()
    [[x, y, serial, district]] = dots["dots"]
    assert (serial, PACK.districts[district].code, dots["version"]) == (
        "s1",
        "jongno-gu",
        tick["dots_version"],
    )
    left, top, width, height = town.board.geometry()["viewBox"]
    assert left < x < width
    assert top < y < height


def test_a_sensor_that_is_verified_retired_or_moved_is_seen_so_at_the_next_tick(town):
    number = town.sensor(state="unverified", pm25=10)
    before = town.tick()
    town.store.set_state(number, "verified")
    after = town.tick()
    assert (len(before["attention"]), len(after["attention"])) == (1, 0)
    assert after["city"]["pm25"]["v"] == 10
    assert after["dots_version"] > before["dots_version"]


def test_another_database_is_read_from_its_beginning(town):
    for value in (10, 20):
        town.sensor(pm25=value)
    town.tick()
    fresh = MemoryStore(PACK)
    fresh.put_sensor(SensorRow(2, "other", "", "verified", "jongno-gu", None, None, NOW))
    fresh.put(2, NOW, {"pm25": 70})
    town.store._sensors, town.store._readings = fresh._sensors, fresh._readings
    town.store._versions, town.store._registry_version = fresh._versions, fresh._registry_version
    tick = town.tick()
    assert (tick["sensors"]["total"], tick["city"]["pm25"]["v"]) == (1, 70)


def test_it_is_ready_when_the_database_answers_and_ingest_lives(town):
    assert town.board.ready()[0] is False
    town.tick()
    assert town.board.ready()[0] is True
    town.board.health = Health({"broker": Part(ok=False, since=None)}, heard=True)
    ready, told = town.board.ready()
    assert (ready, told["away"]) == (False, ["broker"])


def test_the_page_knows_each_metric_and_grade_that_a_tick_may_hold(town):
    config = page_config(PACK, STANDARD, "en", NOW.date())
    assert [metric["key"] for metric in config["metrics"]] == list(PACK.live)
    bands = {metric["key"]: metric["bands"] for metric in config["metrics"]}
    assert bands["pm25"] == [[0, 15], [16, 35], [36, 75], [76, None]]
    assert bands["temperature"] is None
    assert [band["bars"] for band in config["standard"]["bands"]] == [1, 2, 3, 4]
    assert [one["code"] for one in config["districts"]] == list(town.tick()["districts"])
    orjson.dumps(config)


def test_a_town_with_another_zone_and_a_metric_of_its_own_needs_no_other_code():
    pack = load_pack(Path(__file__).parents[1] / "packs" / "tiny")
    town = Town(pack)
    for value in (20, 40, 60):
        town.sensor(pack.districts[0].code, place=pack.districts[0].label[::-1], radon=value, pm25=10)
    tick = town.tick()
    assert tick["city"]["radon"]["v"] == 40
    assert tick["city"]["pm25"]["g"] == 0
    assert set(tick["districts"]) == {one.code for one in pack.districts}
    config = page_config(pack, load_standard(pack.standard), "fr", NOW.date())
    assert (config["zone"], config["metrics"][0]["key"]) == (pack.timezone, "radon")


def test_a_clock_set_back_shows_the_city_as_it_was(town):
    """What came later is in the database already, and is in no figure."""
    number = town.sensor(pm25=10)
    town.store.put(number, NOW + timedelta(hours=3), {"pm25": 500})
    figure = town.tick()["city"]["pm25"]
    assert (figure["v"], figure["hi"], figure["at"]) == (10, 10, MS - 30_000)
