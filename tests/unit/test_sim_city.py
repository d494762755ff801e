"""What the simulated city reads: the same by every way of asking, and shaped as the city it stands for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from city.metrics import load_catalogue
from city.pack import load_pack
from simulator.city import SimCity, Times
from simulator.field import Curves
from simulator.fitted import DIGITS
from tests.unit.sim_town import town

#: A Monday, 00:00 in Seoul.
MONDAY = datetime(2026, 10, 4, 15, tzinfo=UTC)
DAY = timedelta(days=1)


@cache
def shipped() -> SimCity:
    return SimCity(load_pack("seoul"))


def history(
    city: SimCity, start: datetime, end: datetime, step_s: int = 120
) -> tuple[np.ndarray, Times, dict[str, np.ndarray]]:
    blocks = list(city.history(start, end, step_s))
    values = {metric: np.concatenate([block[2][metric] for block in blocks]) for metric in DIGITS}
    return (
        np.concatenate([block[0] for block in blocks]),
        np.concatenate([block[1] for block in blocks]),
        values,
    )


@cache
def month() -> dict[str, np.ndarray]:
    """Four weeks of hours from the Monday on, metric → float32[1100, 672]."""
    index, _, values = history(shipped(), MONDAY, MONDAY + 28 * DAY, 3600)
    assert len(index) == 1100 * 672
    return {metric: column.reshape(1100, 672) for metric, column in values.items()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(one[metric].tobytes() == other[metric].tobytes() for metric in DIGITS)


# ---- determinism


def test_history_and_single_instants_agree_to_the_bit() -> None:
    index, times, values = history(shipped(), MONDAY, MONDAY + timedelta(hours=3))
    some = np.random.default_rng(1).choice(len(index), 500, replace=False)
    asked = shipped().values(index[some], times[some])
    assert same(asked, {metric: column[some] for metric, column in values.items()})


def test_one_reading_alone_is_the_one_among_many() -> None:
    index, times, values = history(SimCity(town(), 30), MONDAY, MONDAY + timedelta(hours=1))
    for place in (0, 1, 400, len(index) - 1):
        alone = SimCity(town(), 30).values(index[place : place + 1], times[place : place + 1])
        assert same(alone, {metric: column[place : place + 1] for metric, column in values.items()})


def test_two_halves_of_a_history_are_the_whole() -> None:
    city, middle, end = (
        SimCity(town(), 40),
        MONDAY + timedelta(minutes=71, seconds=13),
        MONDAY + timedelta(hours=2),
    )
    whole, parts = history(city, MONDAY, end), [history(city, MONDAY, middle), history(city, middle, end)]
    index = np.concatenate([part[0] for part in parts])
    times = np.concatenate([part[1] for part in parts])
    order = np.lexsort((times, index))
    assert np.array_equal(index[order], whole[0])
    assert np.array_equal(times[order], whole[1])
    joined = {metric: np.concatenate([part[2][metric] for part in parts])[order] for metric in DIGITS}
    assert same(joined, whole[2])


def test_history_is_sorted_complete_and_within_its_bounds() -> None:
    end = MONDAY + timedelta(hours=1, seconds=7)
    index, times, _ = history(shipped(), MONDAY, end)
    seconds = times.astype(np.int64) / 1e6
    assert np.array_equal(np.lexsort((times, index)), np.arange(len(index)))
    assert seconds.min() >= MONDAY.timestamp()
    assert seconds.max() < end.timestamp()
    assert set(np.bincount(index)) == {30, 31}
    assert set(np.diff(times.astype(np.int64))[np.diff(index) == 0]) == {120_000_000}


def test_history_falls_on_the_instants_of_live_sensors() -> None:
    index, times, _ = history(shipped(), MONDAY, MONDAY + timedelta(minutes=10))
    cycles = np.arange(int(MONDAY.timestamp()) // 120, int(MONDAY.timestamp()) // 120 + 5)
    live = shipped().instants(cycles)
    assert np.array_equal(times.astype(np.int64), live.ravel() * 1000)
    assert np.array_equal(index, np.repeat(np.arange(1100), 5))
    phases = np.array([one.phase_s for one in shipped().sensors])
    assert (live[:, 0] / 1000 - cycles[0] * 120) == pytest.approx(phases, abs=1e-6)


def test_a_bound_between_two_milliseconds_doubles_and_loses_nothing() -> None:
    city, bound = SimCity(town(), 1), MONDAY + timedelta(microseconds=1)
    assert int(city.phase_ms[0]) == 0  # so a reading lies at MONDAY itself
    before, after = (
        list(city.history(MONDAY, bound)),
        list(city.history(bound, MONDAY + timedelta(seconds=241))),
    )
    assert [len(block[0]) for block in before] == [1]
    assert [len(block[0]) for block in after] == [2]


def test_an_empty_span_has_no_history_and_a_time_without_zone_no_meaning() -> None:
    assert list(SimCity(town(), 3).history(MONDAY, MONDAY)) == []
    with pytest.raises(ValueError, match="zone"):
        list(SimCity(town(), 3).history(datetime(2026, 10, 4), MONDAY))


def test_a_long_history_comes_in_pieces() -> None:
    sizes = [len(block[0]) for block in SimCity(town(), 2).history(MONDAY, MONDAY + 600 * DAY)]
    assert sum(sizes) == 2 * 600 * 720
    assert max(sizes) <= 300_000


def test_the_curve_is_smooth_across_any_instant() -> None:
    city = shipped()
    noon = np.datetime64("2026-10-05T03:00:00", "us")
    near = noon + np.arange(-30, 31) * np.timedelta64(1, "s")
    for metric in ("temperature", "noise"):
        means = np.array([city.values(np.arange(1100), np.full(1100, one))[metric].mean() for one in near])
        assert np.abs(np.diff(means)).max() < 0.3


class Haze:
    """Twice the PM2.5 at one site in one hour."""

    def bend(self, rows: np.ndarray, seconds: np.ndarray, curves: Curves) -> Curves:
        hour = (seconds >= MONDAY.timestamp()) & (seconds < MONDAY.timestamp() + 3600)
        more = np.log(2) * ((rows == 3)[:, None] & hour)
        return replace(curves, log_pm25=(curves.log_pm25 + more).astype(np.float32))


def test_an_influence_bends_what_happens_where_and_when_it_says() -> None:
    end = MONDAY + timedelta(hours=2)
    index, times, usual = history(SimCity(town(), 5), MONDAY, end)
    _, _, bent = history(SimCity(town(), 5, influence=Haze()), MONDAY, end)
    there = (index == 3) & (times < np.datetime64("2026-10-04T15:50:00"))
    assert bent["pm25"][there].mean() / usual["pm25"][there].mean() == pytest.approx(2, rel=0.1)
    assert np.array_equal(bent["temperature"], usual["temperature"])
    assert np.array_equal(bent["pm25"][index != 3], usual["pm25"][index != 3])


# ---- instruments


def test_values_have_the_packets_digits_and_lie_in_the_plausible_range() -> None:
    catalogue = load_catalogue()
    for metric, column in month().items():
        sent = column[~np.isnan(column)]
        low, high = catalogue[metric].plausible
        assert sent.min() >= (-30 if metric.endswith("_corrected") else low)
        assert sent.max() <= high
        scale = 10 ** DIGITS[metric]
        assert np.array_equal(sent, (np.rint(sent.astype(float) * scale) / scale).astype(np.float32))


def test_pm25_is_a_part_of_pm10() -> None:
    assert (month()["pm25"] <= month()["pm10"]).all()
    dusty = month()["pm10_corrected"] >= 10
    ratio = (month()["pm25_corrected"][dusty] / month()["pm10_corrected"][dusty]).astype(float)
    assert 0.45 < np.median(ratio) < 0.75


def test_counters_read_high_in_humid_air_and_corrected_values_do_not() -> None:
    raw, corrected = month()["pm25"].astype(float), month()["pm25_corrected"].astype(float)
    damp, dry = month()["humidity"] > 85, month()["humidity"] < 45
    assert damp.sum() > 10_000
    assert raw[damp].mean() > 1.4 * corrected[damp].mean()
    assert raw[dry].mean() == pytest.approx(corrected[dry].mean(), rel=0.1)


def test_counters_miss_part_of_what_is_coarse() -> None:
    dry = (month()["humidity"] > 40) & (month()["humidity"] < 60)
    raw, corrected = (
        month()[f"pm10{end}"][dry].mean() - month()[f"pm25{end}"][dry].mean() for end in ("", "_corrected")
    )
    assert raw / corrected == pytest.approx(0.5, abs=0.1)  # 8 of 18 µg/m³ on 2020-05-01


def test_a_corrected_value_is_sometimes_negative_in_clean_air() -> None:
    negative = (month()["pm25_corrected"] < 0).mean()
    assert 0 < negative < 0.02
    assert month()["pm25_corrected"].min() > -15


def test_what_is_not_fitted_reads_zero_on_a_pole_and_nothing_elsewhere() -> None:
    calm = (month()["wind_speed"] == 0).all(axis=1)
    assert 0.85 < calm.mean() < 0.97
    for metric in ("wind_direction", "gust_speed", "gust_direction"):
        assert np.array_equal((month()[metric] == 0).all(axis=1), calm)
    assert (month()["gust_speed"] >= month()["wind_speed"]).all()
    assert 0.85 < (month()["black_globe"] == 0).all(axis=1).mean() < 0.97
    cells = np.array(["no2" in one.metrics for one in shipped().sensors])
    assert 0.1 < cells.mean() < 0.2
    for gas in ("no2", "co", "so2", "nh3", "h2s", "o3"):
        assert np.array_equal(~np.isnan(month()[gas]).any(axis=1), cells)
    for metric in ("pm25", "pm10", "temperature", "humidity", "noise"):
        assert (month()[metric] != 0).any(axis=1).all()


def test_visitors_come_from_who_counts_and_from_nobody_else() -> None:
    counting = np.array(["visitors" in one.metrics for one in shipped().sensors])
    assert np.array_equal(~np.isnan(month()["visitors"]).any(axis=1), counting)
    assert np.isnan(month()["visitors"][~counting]).all()
    for metric in ("pm25", "pm10", "temperature", "humidity", "noise"):
        assert np.isfinite(month()[metric]).all()


def test_people_are_those_of_the_interval() -> None:
    city = shipped()
    counting = np.array([place for place, one in enumerate(city.sensors) if "visitors" in one.metrics])
    times = np.full(len(counting), np.datetime64("2026-10-05T09:00:00", "us"))
    short, long = (city.values(counting, times, seconds)["visitors"].sum() for seconds in (12.0, 120.0))
    assert long / short == pytest.approx(10, rel=0.25)


# ---- the city


def by_hour(column: np.ndarray, days: slice) -> np.ndarray:
    return np.nanmean(column.reshape(len(column), 4, 7, 24)[:, :, days], axis=(0, 1, 2))


def of_kind(metric: str, kind: str) -> np.ndarray:
    rows = [place for place, one in enumerate(shipped().sensors) if one.kind == kind]
    column = month()[metric][rows]
    return column[~np.isnan(column).any(axis=1)]


def test_neighbours_agree_more_than_sensors_far_apart() -> None:
    logs = np.log(month()["pm25"][::4].clip(1)).astype(float)
    deviation = logs - logs.mean(axis=0)
    likeness = np.corrcoef(deviation)
    places = np.array([(one.longitude * 88.2, one.latitude * 111.2) for one in shipped().sensors[::4]])
    gap = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    near, far = likeness[(gap > 0) & (gap < 2)].mean(), likeness[gap > 12].mean()
    assert near > 0.5
    assert far < 0.2
    assert np.corrcoef(logs)[gap > 12].mean() > 0.6  # and all of them breathe the same air


def test_temperature_follows_the_sun_and_humidity_the_other_way() -> None:
    warm, damp = by_hour(month()["temperature"], slice(0, 7)), by_hour(month()["humidity"], slice(0, 7))
    assert warm.argmax() in (14, 15, 16)
    assert warm.argmin() in (4, 5, 6, 7)
    assert 5 < np.ptp(warm) < 12
    assert np.corrcoef(warm, damp)[0, 1] < -0.9


def test_nights_are_quiet_and_streets_louder_than_parks() -> None:
    day = by_hour(month()["noise"], slice(0, 5))
    assert day[9:19].min() > day[0:5].max() + 2
    quartiles = np.quantile(month()["noise"], [0.25, 0.5, 0.75])
    assert quartiles == pytest.approx([45.4, 48.1, 50.9], abs=2)  # 845 public sensors on 2020-05-01
    assert of_kind("noise", "main_street").mean() > of_kind("noise", "parks").mean() + 4


def test_streets_fill_on_workday_evenings_and_parks_at_the_weekend() -> None:
    street = by_hour(of_kind("visitors", "main_street"), slice(0, 5))
    assert street.argmax() in (17, 18, 19)
    assert street[3] < 0.1 * street.max()
    park = of_kind("visitors", "parks")
    office = of_kind("visitors", "public_facilities")
    assert by_hour(park, slice(5, 7)).sum() > 1.3 * by_hour(park, slice(0, 5)).sum()
    assert by_hour(office, slice(5, 7)).sum() < 0.7 * by_hour(office, slice(0, 5)).sum()


def test_parks_have_the_cleaner_air_and_streets_the_dustier() -> None:
    mean = {
        kind: of_kind("pm10_corrected", kind).mean() for kind in ("parks", "main_street", "residential_area")
    }
    assert mean["parks"] < 0.93 * mean["residential_area"]
    assert mean["main_street"] > 1.03 * mean["residential_area"]


def test_hours_turn_with_the_citys_own_clocks() -> None:
    start = datetime(2026, 6, 1, 4, tzinfo=UTC)  # Monday 00:00 in Santiago
    _, _, values = history(SimCity(town(), 200), start, start + 5 * DAY, 3600)
    people = np.nanmean(values["visitors"].reshape(200, 5, 24), axis=(0, 1))
    assert people.argmin() in (2, 3)


def test_south_of_the_equator_winter_comes_in_july() -> None:
    january, july = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 7, 5, tzinfo=UTC)
    city = SimCity(town(), 5)
    means = [
        history(city, start, start + 20 * DAY, 3600)[2]["temperature"].mean() for start in (january, july)
    ]
    assert means[0] > means[1] + 10


# ---- one real day and the calendar


def day_of_2020() -> dict[str, np.ndarray]:
    """Hourly means of all sensors on 2020-05-01 in Seoul, metric → float32[1100, 24]."""
    start = datetime(2020, 4, 30, 15, tzinfo=UTC)
    _, _, values = history(shipped(), start, start + DAY, 600)
    return {metric: column.reshape(1100, 24, 6).mean(axis=2) for metric, column in values.items()}


def test_light_noise_and_vibration_are_those_of_a_real_day() -> None:
    """Quartiles of hourly means of 845 poles, 2020-05-01 (seoul-iotdata/S-DoT_Data_Analysis_Basic)."""
    day = day_of_2020()
    dark, middle, bright = np.quantile(day["illuminance"], [0.25, 0.5, 0.75])
    assert 3 < dark < 9  # 5.1 lux: street lamps
    assert 650 < middle < 2600  # 1,297 lux: within a factor of 2, one day's clouds
    assert 4500 < bright < 18000  # 9,079 lux
    assert 25_000 < day["illuminance"].max() < 75_000  # 50,200 lux
    assert np.quantile(day["noise"], [0.25, 0.5, 0.75]) == pytest.approx([45.4, 48.1, 50.9], abs=1)
    assert np.quantile(day["vibration_z"], [0.25, 0.5, 0.75]) == pytest.approx(
        [1.006, 1.029, 1.050], abs=0.005
    )
    assert np.median(day["uv"]) < 1
    assert 3 < day["uv"].max() < 12


def test_the_sun_makes_the_light_and_lamps_the_night() -> None:
    light = by_hour(month()["illuminance"], slice(0, 7))
    assert light.argmax() in (11, 12, 13)
    assert 2 < light[0:4].max() < 20
    assert by_hour(month()["uv"], slice(0, 7))[0:4].max() < 0.4


def test_a_globe_is_warmer_than_the_air_by_day_and_colder_by_night() -> None:
    fitted = (month()["black_globe"] != 0).any(axis=1)
    apart = by_hour(month()["black_globe"][fitted] - month()["temperature"][fitted], slice(0, 7))
    assert apart[12] > 2
    assert -2 < apart[2] < 0


def test_the_wind_blows_harder_in_the_afternoon() -> None:
    fitted = (month()["wind_speed"] != 0).any(axis=1)
    speed = by_hour(month()["wind_speed"][fitted], slice(0, 7))
    assert speed[13:17].min() > 1.2 * speed[1:6].max()
    assert 0.5 < speed.mean() < 2.5


def test_a_holiday_is_a_sunday_and_a_feast_is_a_feast() -> None:
    """9 October 2026 is Hangul Day, a Friday; Chuseok falls on 24 to 26 September 2026."""
    office = [place for place, one in enumerate(shipped().sensors) if one.kind == "public_facilities"]
    seconds = np.array([datetime(2026, 10, day, 3, tzinfo=UTC).timestamp() for day in (2, 4, 9)])
    usual, sunday, holiday = shipped().curves(office, seconds.astype(np.int64) // 600).people.mean(axis=0)
    assert holiday == pytest.approx(sunday, rel=0.3)
    assert holiday < 0.6 * usual
    market = [place for place, one in enumerate(shipped().sensors) if one.kind == "traditional_markets"]
    noons = np.array([datetime(2026, 9, day, 3, tzinfo=UTC).timestamp() for day in (20, 25)])
    before, chuseok = shipped().curves(market, noons.astype(np.int64) // 600).people.mean(axis=0)
    assert chuseok < 0.6 * before
