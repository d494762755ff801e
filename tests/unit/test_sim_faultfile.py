"""Faults as people ask for them: what a file means, and what is said of one that cannot be."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from city.errors import SettingsError
from simulator.city import SimCity, SimSensor
from simulator.episode import Episode
from simulator.faultfile import load_faults, rates_of
from simulator.faults import BY_KEY
from simulator.moment import moment_ms, span_ms
from simulator.plan import DAY_MS
from tests.unit.sim_town import town

START_MS = 1_795_498_080_000
GOOD = """
[rates]
silence = 0.0

[[fault]]
sensor = ["SIM-0001", "SIM-0002"]
kind = "offset"
metric = "noise"
from = "+10m"
for = "1h30m"
size = -6.5

[[fault]]
sensor = "SIM-0003"
kind = "humidity_bias"
from = "2026-11-24T15:00:00+09:00"
for = "2d"

[[fault]]
sensor = "SIM-0004"
kind = "swapped"
other = "SIM-0005"
from = "now"
for = "90s"
"""


@cache
def sensors() -> tuple[SimSensor, ...]:
    return SimCity(town(), 8).sensors


def loaded(tmp_path: Path, text: str) -> tuple[Episode, ...]:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    return load_faults(str(path), sensors(), START_MS).during(START_MS, START_MS + 4 * DAY_MS)


def test_a_file_means_episodes(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD)
    noise = [one for one in found if one.kind == "offset"]
    assert noise == [
        Episode(sensor, "offset", START_MS + 600_000, START_MS + 6_000_000, "noise", -6.5)
        for sensor in (0, 1)
    ]
    damp = [one for one in found if one.kind == "humidity_bias"]
    assert [(one.metric, one.size, one.start_ms - START_MS) for one in damp] == [
        ("pm10", 0.4, 1_920_000),
        ("pm25", 0.4, 1_920_000),
    ]
    swaps = [(one.sensor, one.other, one.start_ms, one.end_ms) for one in found if one.kind == "swapped"]
    assert swaps == [(3, 4, START_MS, START_MS + 120_000), (4, 3, START_MS, START_MS + 120_000)]


@pytest.mark.parametrize(
    "kind", [kind for kind in BY_KEY if kind not in ("swapped", "unit", "humidity_bias")]
)
def test_each_kind_has_a_default_size(tmp_path: Path, kind: str) -> None:
    text = f'[[fault]]\nsensor = "SIM-0001"\nkind = "{kind}"\nfrom = "+0s"\nfor = "1h"\n'
    found = loaded(tmp_path, text)
    per_metric = BY_KEY[kind].hits != "device"
    measured = sorted(set(sensors()[0].metrics) - set(sensors()[0].absent))
    assert [one.metric for one in found] == (measured if per_metric else [""])
    assert all(bool(one.size) == bool(BY_KEY[kind].size) for one in found)


FAULT = '[[fault]]\nsensor = "SIM-0001"\nkind = "{kind}"\nfrom = "{start}"\nfor = "{lasts}"\n{more}\n'


def bad(kind: str = "stuck", start: str = "+1m", lasts: str = "1h", more: str = "") -> str:
    return FAULT.format(kind=kind, start=start, lasts=lasts, more=more)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[fault", "is no TOML"),
        ("[[fault]]\nkind = 'stuck'\nfrom = '+1m'\nfor = '1h'\n", "fault 1: .*missing required field `sensor`"),
        (bad(more="sice = 3"), "fault 1: .*unknown field `sice`"),
        (bad() + bad(more='size = "big"'), "fault 2.*Expected `float"),
        ("[rate]\nstuck = 0.1", "unknown field `rate`"),
        (bad("stucked"), "fault 1: there is no kind 'stucked'; the kinds are humidity_bias, "),
        (bad(start="10m"), "'10m' is no time; write such as"),
        (bad(start="2026-11-24T15:00:00"), "is no time; write such as"),
        (bad(lasts="an hour"), "'an hour' is no length of time"),
        (bad(lasts="0s"), "a fault has to last"),
        (bad(more='metric = "radon"'), "stuck of 'radon' at SIM-0001 cannot be; those that can: pm25"),
        (bad("silence", more='metric = "pm25"'), 'leave "metric" out'),
        (bad("dropout", more="size = 1.5"), "a size of 1.5 is none for dropout: the share"),
        (bad("late", more="size = -3"), "a size of -3 is none for late"),
        (bad("swapped"), '"swapped" needs "other"'),
        (bad("swapped", more='other = "SIM-0001"'), '"swapped" needs "other"'),
        (bad("swapped", more='other = "S-1"'), "there is no simulated sensor 'S-1'; they are SIM-0001 to SIM-0008"),
        (
            bad("swapped", more='other = "SIM-0002"') + bad("swapped", "+30m", more='other = "SIM-0003"'),
            "SIM-0001 changes its serial with two at once",
        ),
        ("[rates]\nstuck = 2.0", "a rate of 2 is none"),
        ("[rates]\nstucked = 0.1", "there is no kind 'stucked'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("given", "words"), [("2", "a rate of 2"), ("nan", "a rate"), ("none.toml", "cannot be read")]
)
def test_an_option_that_cannot_be_is_refused(given: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_faults(given, sensors(), START_MS)


def test_what_a_sensor_has_no_instrument_for_cannot_be_faulty(tmp_path: Path) -> None:
    one = next(one for one in sensors() if "wind_speed" in one.absent)
    with pytest.raises(SettingsError, match=f"offset of 'wind_speed' at {one.serial} cannot be"):
        loaded(tmp_path, bad("offset", more='metric = "wind_speed"').replace("SIM-0001", one.serial))


def test_a_rate_is_shared_by_all_kinds_not_named() -> None:
    rates = rates_of({"all": 0.16, "stuck": 0.5}, "test")
    assert set(rates) == set(BY_KEY)
    assert rates["stuck"] == 0.5
    assert sum(rates.values()) == pytest.approx(0.66)
    assert load_faults("0.5", sensors(), START_MS).during(START_MS, START_MS + 10 * DAY_MS)
    assert not load_faults(None, sensors(), START_MS)


def test_times_and_lengths() -> None:
    assert [span_ms(text) for text in ("90s", "1.5s", "1h30m", "2d")] == [
        90_000,
        1500,
        5_400_000,
        172_800_000,
    ]
    assert [moment_ms(text, 1000) for text in ("now", "+1s", "-1s")] == [1000, 2000, 0]
    assert moment_ms("1970-01-01T09:00:01+09:00", 5) == 1000
