"""Where simulated sensors stand."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import shapely
import shapely.geometry

from city.errors import PackError
from city.pack import CityPack, load_pack
from city.reading import SERIAL
from simulator.city import SimCity
from simulator.kinds import KINDS
from simulator.sites import inside, place, shares
from tests.unit.sim_town import HOOK, ISLETS, LAKE, town


@pytest.fixture(scope="module")
def shipped() -> CityPack:
    return load_pack("seoul")


@pytest.mark.parametrize("pack", [load_pack("seoul"), town()], ids=["shipped", "made up"])
def test_every_sensor_stands_in_its_district_and_in_no_other(pack: CityPack) -> None:
    sensors = SimCity(pack, 1100).sensors
    points = shapely.points([(one.longitude, one.latitude) for one in sensors])
    for district in pack.districts:
        shape = shapely.geometry.shape(district.geometry)
        mine = np.array([one.district == district.code for one in sensors])
        assert mine.any()
        assert np.array_equal(shapely.contains(shape, points), mine)


def test_the_registry_will_find_the_same_districts(shipped: CityPack) -> None:
    for sensor in SimCity(shipped, 200).sensors:
        assert shipped.district_at(sensor.latitude, sensor.longitude) == sensor.district


@pytest.mark.parametrize("geometry", [HOOK, LAKE, ISLETS])
def test_inside_agrees_with_shapely(geometry: dict[str, Any]) -> None:
    points = np.random.default_rng(1).uniform(-0.1, 0.7, (4000, 2))
    expected = shapely.contains_xy(shapely.geometry.shape(geometry), points[:, 0], points[:, 1])
    assert expected.any()
    assert np.array_equal(inside(geometry, points), expected)


def test_shares_go_by_area_with_a_floor_and_add_up() -> None:
    assert shares([10.0, 47.0, 24.2], 100) == [20, 49, 31]
    for count in (0, 1, 2, 7, 1100):
        assert sum(shares([1.0, 2.0, 3.7], count)) == count


def test_the_first_citys_districts_get_about_what_they_have(shipped: CityPack) -> None:
    numbers = Counter(one.district for one in SimCity(shipped).sensors).values()
    assert (len(numbers), sum(numbers)) == (25, 1100)
    assert min(numbers) >= 25
    assert max(numbers) <= 85


def test_sensors_of_a_district_keep_apart(shipped: CityPack) -> None:
    sites = place(shipped, 1100, 1)
    east, north = sites.km()
    gaps = np.hypot(east[:, None] - east, north[:, None] - north) + np.eye(1100) * 1e9
    # 1.8 sensors a km²: a random scatter has half of its nearest neighbours within 0.35 km
    assert np.median(gaps.min(axis=1)) > 0.42


def test_a_shape_without_an_inside_is_refused() -> None:
    line = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]]}
    district = SimpleNamespace(code="thread", geometry=line, area_km2=1.0)
    with pytest.raises(PackError, match=r"thread: .*hardly any inside"):
        place(cast(CityPack, SimpleNamespace(districts=(district,))), 3, 1)


def test_serials_are_ours_unique_and_allowed(shipped: CityPack) -> None:
    sensors = SimCity(shipped).sensors
    assert sensors[0].serial == "SIM-0001"
    assert len({one.serial for one in sensors}) == 1100
    assert all(SERIAL.fullmatch(one.serial) for one in sensors)


def test_twelve_in_a_hundred_count_people_and_mostly_where_people_are() -> None:
    sensors = SimCity(town(), 1000).sensors
    counting = [one for one in sensors if "visitors" in one.metrics]
    assert len(counting) == 120
    share = {
        kind.key: sum(one.kind == kind.key for one in counting) / sum(one.kind == kind.key for one in sensors)
        for kind in KINDS
    }
    assert share["traditional_markets"] > 3 * share["main_street"] > 3 * share["residential_area"]
    assert {one.model for one in counting}.isdisjoint(one.model for one in sensors if one not in counting)


def test_phases_fill_the_two_minutes_evenly() -> None:
    phases = sorted(one.phase_s for one in SimCity(town(), 600).sensors)
    assert phases == pytest.approx([number * 0.2 for number in range(600)])


def test_the_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    assert SimCity(town(), 50).sensors == SimCity(town(), 50).sensors
    assert SimCity(town(), 50).sensors != SimCity(town(), 50, seed=7).sensors


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_handful_of_sensors_is_a_city_too(count: int) -> None:
    city = SimCity(town(), count)
    values = city.values(np.arange(count), np.full(count, np.datetime64("2026-11-24T05:00:00", "us")))
    assert np.isfinite(values["pm25"]).all()
