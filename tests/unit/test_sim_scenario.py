"""Scenarios: the shipped ones move what they say, any instant of them can be computed, and bad files are told."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from city.errors import SettingsError
from city.pack import CityPack, load_pack
from simulator.city import SimCity
from simulator.field import KNOT_S
from simulator.instrument import Values
from simulator.programme import Programme, outline
from simulator.scenario import SHIPPED, load_scenario, quantities, shipped
from simulator.stage import Act, Stage
from simulator.timetable import Due
from simulator.truth import Truth

#: 2026-07-15T01:00:00Z.
START_MS = 1_784_077_200_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
TINY = Path(__file__).parents[1] / "packs" / "tiny"


@cache
def pack() -> CityPack:
    return load_pack("seoul")


@cache
def city() -> SimCity:
    return SimCity(pack(), 300)


def stage(name: str, district: str | None = None) -> Stage:
    return Stage(load_scenario(name), pack(), city().sensors, START_MS, district)


def change(name: str, minutes: int, metric: str, district: str | None = None) -> np.ndarray:
    """What the scenario changes of a metric at each sensor so many minutes after its start (NaN: measures none)."""
    times = np.full(300, np.datetime64(START_MS + minutes * MINUTE_MS, "ms"))
    every = np.arange(300)
    with_it, without = (
        one.values(every, times)[metric] for one in (city().under(stage(name, district)), city())
    )
    return with_it - without


def ratio(name: str, minutes: int, metric: str) -> Values:
    times = np.full(300, np.datetime64(START_MS + minutes * MINUTE_MS, "ms"))
    every = np.arange(300)
    with_it, without = (one.values(every, times)[metric] for one in (city().under(stage(name)), city()))
    return np.asarray(with_it[without > 4] / without[without > 4])


def inside(district: str) -> np.ndarray:
    return np.array([one.district == district for one in city().sensors])


# ---- the shipped ones


def test_four_are_shipped_and_say_what_they_are() -> None:
    assert set(shipped()) == {"yellow-dust", "festival-crowd", "power-cut", "heat-wave"}
    for scenario in shipped().values():
        assert scenario.title
        assert scenario.what.endswith(".")


@pytest.mark.parametrize("name", ["yellow-dust", "festival-crowd", "power-cut", "heat-wave"])
def test_shipped_scenarios_know_no_city(name: str) -> None:
    text = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8").casefold()
    assert not [one.code for one in pack().districts if one.code in text]
    other = load_pack(TINY)
    elsewhere = Stage(load_scenario(name), other, SimCity(other, 30).sensors, START_MS)
    assert len(list(outline(elsewhere))) == len(load_scenario(name).event)


def test_yellow_dust_raises_pm10_far_more_than_pm25() -> None:
    assert np.median(ratio("yellow-dust", 360, "pm10_corrected")) == pytest.approx(8, rel=0.15)
    assert np.median(ratio("yellow-dust", 360, "pm25_corrected")) == pytest.approx(1.5, rel=0.15)
    assert np.median(ratio("yellow-dust", 360, "pm10")) > 2 * np.median(ratio("yellow-dust", 360, "pm25"))
    assert np.nanmean(change("yellow-dust", 360, "visitors")) < 0
    assert not change("yellow-dust", -10, "pm10").any()
    assert not change("yellow-dust", 20 * 60, "pm10").any()


def test_yellow_dust_comes_from_the_west() -> None:
    felt = change("yellow-dust", 40, "pm10")
    longitude = np.array([one.longitude for one in city().sensors])
    west, east = longitude < np.quantile(longitude, 0.2), longitude > np.quantile(longitude, 0.8)
    assert felt[west].mean() > 2 * felt[east].mean()


def test_a_festival_fills_the_middle_of_one_district() -> None:
    one = stage("festival-crowd", "mapo-gu")
    assert one.district == "mapo-gu"
    weight = one.acts[0].weight
    assert weight[inside("mapo-gu")].max() > 0.5
    assert weight[inside("gangdong-gu")].max() == 0
    louder = change("festival-crowd", 180, "noise", "mapo-gu")
    assert louder[weight > 0.5].min() > 4
    assert not louder[weight == 0].any()
    fireworks = change("festival-crowd", 310, "pm25", "mapo-gu")
    assert (
        fireworks[weight > 0.5].mean()
        > 2 * change("festival-crowd", 180, "pm25", "mapo-gu")[weight > 0.5].mean()
    )


def test_a_festival_is_where_most_people_are_counted_unless_told_otherwise() -> None:
    counting = {
        district.code: sum(
            "visitors" in one.metrics for one in city().sensors if one.district == district.code
        )
        for district in pack().districts
    }
    chosen = stage("festival-crowd").district
    assert counting[chosen] == max(counting.values())
    assert stage("festival-crowd", "마포구").district == "mapo-gu"


def test_a_power_cut_silences_its_district_and_batteries_send_later() -> None:
    one = stage("power-cut", "mapo-gu")
    there = set(np.nonzero(inside("mapo-gu"))[0].tolist())
    hit = {kind: {e.sensor for e in one.episodes if e.kind == kind} for kind in ("silence", "burst")}
    assert hit["silence"] | hit["burst"] == there
    assert not hit["silence"] & hit["burst"]
    assert len(hit["silence"]) == pytest.approx(0.7 * len(there), abs=0.25 * len(there))
    spans = {(e.start_ms - START_MS, e.end_ms - START_MS) for e in one.episodes}
    assert spans == {(2 * MINUTE_MS, 52 * MINUTE_MS)}
    quieter = change("power-cut", 45, "noise", "mapo-gu")
    assert quieter[inside("mapo-gu")].mean() < -1.5
    assert not quieter[~inside("mapo-gu")].any()


def test_a_heat_wave_is_hotter_on_asphalt_and_damper() -> None:
    warmer = change("heat-wave", 30 * 60, "temperature")
    street = np.array([one.kind in ("main_street", "traditional_markets") for one in city().sensors])
    assert warmer[~street] == pytest.approx(7, abs=0.15)
    assert warmer[street] == pytest.approx(9, abs=0.15)
    assert {one.kind for one in stage("heat-wave").episodes} == {"dropout"}


# ---- any instant


@pytest.mark.parametrize("name", ["yellow-dust", "festival-crowd", "power-cut", "heat-wave"])
def test_curves_stay_smooth(name: str) -> None:
    one = stage(name)
    time_ms = np.arange(START_MS - HOUR_MS, one.end_ms + HOUR_MS, KNOT_S * 1000)
    for act in one.acts:
        if act.event.change:
            strength = act.strength(np.arange(300), time_ms)
            assert np.abs(np.diff(strength, axis=1)).max() < 0.8
            assert not strength[:, [0, -1]].any()
            assert (strength.min(), strength.max()) == (0, pytest.approx(act.weight.max(), abs=0.01))


def test_history_under_a_scenario_is_what_its_sensors_read_at_each_instant() -> None:
    played = city().under(stage("yellow-dust"))
    start = datetime.fromtimestamp(START_MS / 1000 + 7200, UTC)
    sensor, times, values = next(
        iter(played.history(start, datetime.fromtimestamp(START_MS / 1000 + 7500, UTC)))
    )
    assert len(times) > 300
    for row in range(0, len(times), 97):
        alone = played.values(sensor[row : row + 1].astype(np.int64), times[row : row + 1])
        assert alone["pm10"][0] == values["pm10"][row]


# ---- files


EVENT = '[[event]]\nsay = "x"\nat = "+1m"\nfor = "1h"\n'


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("", "no \\[\\[event\\]\\] in it"),
        ('[[event]]\nat = "+1m"\nfor = "1h"\n', "event 1: .*missing required field `say`"),
        (EVENT + "chance = { pm10 = { times = 2 } }", "event 1: .*unknown field `chance`"),
        (EVENT.replace("+1m", "14:30") + "change = { pm10 = { times = 2 } }", '"at" is \'14:30\''),
        (EVENT + 'rise = "50m"\nfall = "50m"\nchange = { pm10 = { times = 2 } }', "the whole length"),
        (EVENT, 'either a "change" or a "fault"'),
        (EVENT + 'fault = "silence"\nchange = { pm10 = { times = 2 } }', 'either a "change" or a "fault"'),
        (EVENT + "change = { pm10 = { plus = 2 } }", 'pm10 takes "times" only'),
        (EVENT + "change = { pm10 = { times = 0 } }", '"times" is above 0'),
        (EVENT + "change = { noise = { } }", 'noise needs either "times" or "plus"'),
        (EVENT + "change = { radon = { times = 2 } }", "nothing can change 'radon'; what can: pm10, pm25"),
        (EVENT + 'around = "chosen"\nchange = { noise = { plus = 2 } }', "go together"),
        (EVENT + 'fault = "stucked"', "there is no kind 'stucked'"),
        (EVENT + 'fault = "swapped"', "two sensors' affair"),
        (EVENT + 'fault = "dropout"\nsize = 2.0', "a size of 2 is none"),
        (EVENT + 'fault = "silence"\nmetric = "pm25"', 'leave "metric" out'),
        (EVENT + 'fault = "silence"\npart = [0.7, 0.2]', '"part" is a share'),
        (EVENT + "front = { from_degrees = 1, km_per_h = 0 }\nchange = { noise = { plus = 2 } }", "more than 0 km/h"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, event: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    head = 'title = "t"\nwhat = "w"\n'
    path.write_text(head + (event or "event = []"))
    with pytest.raises(SettingsError, match=words):
        load_scenario(str(path))


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match="festival-crowd, heat-wave, power-cut, yellow-dust"):
        load_scenario("flood")


def test_an_unknown_district_or_kind_of_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no district 'atlantis'"):
        stage("power-cut", "atlantis")
    path = tmp_path / "mine.toml"
    path.write_text('title = "t"\nwhat = "w"\n' + EVENT + 'kinds = ["moon"]\nfault = "silence"')
    with pytest.raises(SettingsError, match="no kind of site 'moon'"):
        stage(str(path))


def test_every_quantity_can_be_bent(tmp_path: Path) -> None:
    path = tmp_path / "all.toml"
    changes = ", ".join(f"{name} = {{ times = 1.5 }}" for name in quantities())
    path.write_text('title = "t"\nwhat = "w"\n' + EVENT + f"change = {{ {changes} }}")
    bent = city().under(stage(str(path)))
    times = np.full(300, np.datetime64(START_MS + 31 * MINUTE_MS, "ms"))
    every = np.arange(300)
    without = city().values(every, times)
    for metric, values in bent.values(every, times).items():
        if metric.endswith(("_direction", "_x", "_y", "_z")):
            continue  # more wind from where it came from; how a pole stands
        assert not np.array_equal(values, without[metric], equal_nan=True), metric


# ---- what is told


def test_each_event_is_told_when_it_begins_and_when_it_is_over() -> None:
    said: list[str] = []
    one = stage("power-cut", "mapo-gu")
    truth = Truth(None, city().sensors, {}, START_MS)
    programme = Programme(one, truth, said.append, ZoneInfo("Asia/Seoul"))
    there = int(np.nonzero(inside("mapo-gu"))[0][0])
    for minute in range(120):
        now = START_MS + minute * MINUTE_MS
        programme.go_on([Due(there, now, ()), Due(0, now, ())], now)
    begun = [line for line in said if "Over" not in line]
    assert [line[:8] for line in begun] == ["10:02:00"] * 3
    assert "silence of" in begun[0]
    assert "mapo-gu; until 10:52:00" in begun[0]
    assert len(said) == 6
    lines = {line.metric: line for line in truth.lines}
    assert set(lines) == {"visitors", "noise"}
    assert (lines["noise"].size, lines["noise"].unit, lines["visitors"].unit) == (-3, "", "×")
    assert {(line.kind, line.other, line.end) for line in lines.values()} == {
        ("event", "mapo-gu", "2026-07-15T02:32:00.000Z")
    }
    assert lines["noise"].readings == 90


def test_a_front_is_over_where_it_came_first() -> None:
    act: Act = stage("yellow-dust").acts[0]
    first, last = int(act.delay_ms.argmin()), int(act.delay_ms.argmax())
    assert act.delay_ms[first] == 0
    assert act.delay_ms[last] > 20 * MINUTE_MS
    assert act.end_ms == act.start_ms + act.length_ms + act.delay_ms[last]
