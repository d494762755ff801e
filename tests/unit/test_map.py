"""Maps of columns: what is wrong with one is told by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from city.errors import TableError
from city.layout import RevisionRule, parse_layout, read_layout
from city.metrics import load_catalogue
from city.units import conversion

CATALOGUE = load_catalogue()
GOOD = 'serial.column = "id"\ntime.column = "t"\nmetrics.pm25.column = "p"\n'

BAD = [
    ("", "[serial] has to have one of column, template, value"),
    ('serial.column = "id"\nmetrics.pm25.column = "p"', "[time] has to have one of column, columns"),
    ('serial.column = "id"\ntime.column = "t"', "it maps no metric"),
    (GOOD + 'metrics.pm_25.column = "p"', "[metrics.pm_25] is no metric of this city; did you mean pm25?"),
    (
        GOOD + 'metrics.pm25.colum = "p"',
        "`colum` of [metrics.pm25] means nothing here; did you mean `column`?",
    ),
    (GOOD + "delimeter = ';'", "did you mean `delimiter`?"),
    (GOOD + 'delimiter = ";;"', "`delimiter` is ';;'; it is one character"),
    (GOOD + "skip = '1'", "`skip` is '1'; it is a number"),
    (GOOD + "skip = -1", "`skip` is -1; it is 0 or more"),
    (GOOD + 'encodings = ["utf-9"]', "encoding 'utf-9' is unknown"),
    (
        GOOD + 'metrics.temperature = { column = "t", unit = "°R" }',
        "unit '°R' of temperature is none of °C, °F, K",
    ),
    (GOOD + 'metrics.no2 = { column = "n", unit = "µg/m³" }', "µg/m³ at 20 °C, µg/m³ at 25 °C"),
    (GOOD + 'metrics.pm10 = { unit = "mg/m³" }', "[metrics.pm10] has to have `column`"),
    (GOOD + 'metrics.pm10 = { column = "n", range = [5] }', "`range` of [metrics.pm10] is [5]"),
    (GOOD + 'time.formats = ["%H:%M"]', "time format '%H:%M' tells no day"),
    (GOOD + 'time.zone = "Seoul"', "time zone 'Seoul' is unknown"),
    (GOOD + 'time.shift = "1 hour"', "write a span such as -1h, 30min, 90s or 2d"),
    (GOOD + 'revision.rank = "n"', "[revision] has `rank` (a column) and `ranks`"),
    (GOOD + 'long.metric = "n"', "[long] has `metric`"),
    (
        'serial.template = "a-{district}"\ntime.column = "t"\nmetrics.pm25.column = "p"',
        "needs [about] with district",
    ),
    ("serial = 3", "`serial` is 3; it is a table"),
    ("serial =", "Invalid value"),
]


@pytest.mark.parametrize(("text", "told"), BAD, ids=[told[:40] for _, told in BAD])
def test_a_bad_map(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError) as caught:
        read_layout(path, CATALOGUE)
    assert str(caught.value).startswith("map.toml: ")
    assert told in str(caught.value)


def test_a_map_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_bytes('serial.column = "시리얼"'.encode("cp949"))
    with pytest.raises(TableError, match="not UTF-8"):
        read_layout(path, CATALOGUE)


def test_what_a_map_need_not_say() -> None:
    layout = parse_layout(GOOD, "mine", CATALOGUE)
    assert (layout.name, layout.delimiter, layout.skip, layout.header, layout.revision) == (
        "mine",
        ",",
        0,
        (),
        None,
    )
    assert layout.encodings == ("utf-8", "cp949")
    assert {"", "-", "NA"} <= layout.missing
    assert layout.needed == (("id",), ("t",), ("p",))


def test_a_factor_counts_before_the_unit() -> None:
    metric = parse_layout(GOOD + 'metrics.temperature = { column = "f", factor = 0.1, offset = 2, unit = "°F" }', "", CATALOGUE).metrics[1]  # fmt: skip
    assert 2100 * metric.factor + metric.offset == pytest.approx(100)


def test_every_rank_has_room_for_68_years_of_registration() -> None:
    for ranks in ((), ("1", "2"), ("a", "b", "c")):
        rule = RevisionRule(("n",), ranks, None)
        highest = max(len(ranks), 1) * rule.span - 1
        assert highest < 2**31
        assert rule.span * max(len(ranks), 1) / (365.25 * 86400) > 68 / 1.001


@pytest.mark.parametrize(
    ("unit", "target", "metric", "number", "expected"),
    [("K", "°C", "temperature", 273.15, 0), ("㎍/㎥", "µg/m³", "pm25", 3, 3), ("km/h", "m/s", "wind_speed", 36, 10),
     ("kn", "m/s", "wind_speed", 10, 5.1444), ("ppb", "ppm", "o3", 31, 0.031),
     ("µg/m³ at 20 °C", "ppm", "no2", 1912.5, 1.0), ("µg/m3 at 25 °C", "ppm", "so2", 2618.6, 1.0),
     ("m/s²", "g", "vibration_z", 9.80665, 1), ("1", "%", "humidity", 0.5, 50)],
)  # fmt: skip
def test_units(unit: str, target: str, metric: str, number: float, expected: float) -> None:
    factor, offset = conversion(unit, target, metric)
    assert number * factor + offset == pytest.approx(expected, rel=1e-3, abs=1e-9)
