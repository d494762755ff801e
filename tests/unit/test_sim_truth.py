"""The truth file: whole at any time, continued, and only of what happened."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from pyarrow import parquet

from city.errors import SettingsError
from simulator.city import SimCity, SimSensor
from simulator.episode import Episode
from simulator.truth import COLUMNS, Injected, Truth, read
from tests.unit.sim_town import town

UNITS = {"pm25": "µg/m³", "temperature": "°C"}
STUCK = Episode(0, "stuck", 1_000_000, 2_000_000, "pm25")
DRIFT = Episode(1, "drift", 1_000_000, 3_000_000, "temperature", 8.0)


@cache
def sensors() -> tuple[SimSensor, ...]:
    return SimCity(town(), 3).sensors


@pytest.fixture(params=[".csv", ".parquet"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"truth{request.param}"


def truth(path: Path | None, begin_ms: int = 0) -> Truth:
    return Truth(path, sensors(), UNITS, begin_ms)


def test_columns_are_those_that_the_docs_tell(path: Path) -> None:
    told = truth(path)
    told.note(STUCK, 1_100_000)
    told.write()
    assert COLUMNS == ("sensor", "kind", "metric", "from", "to", "size", "unit", "other", "readings")
    if path.suffix == ".csv":
        head, line = path.read_text().splitlines()
        assert head == ",".join(COLUMNS)
        assert line == "SIM-0001,stuck,pm25,1970-01-01T00:16:40.000Z,1970-01-01T00:18:20.001Z,0.0,,,1"
    else:
        table = parquet.read_table(path)
        assert tuple(table.column_names) == COLUMNS
        assert table.to_pylist()[0]["from"] == "1970-01-01T00:16:40.000Z"


def test_an_empty_run_leaves_an_empty_truth(path: Path) -> None:
    truth(path)
    assert read(path) == []


def test_a_killed_run_has_told_what_it_did(path: Path) -> None:
    told = truth(path)
    told.note(STUCK, 1_100_000)
    told.note(STUCK, 1_200_000)
    told.write()
    told.note(STUCK, 1_300_000)  # and then it is killed
    (line,) = read(path)
    assert (line.end, line.readings) == ("1970-01-01T00:20:00.001Z", 2)


def test_what_goes_on_ends_with_the_run_and_what_is_over_at_its_end(path: Path) -> None:
    told = truth(path)
    told.note(STUCK, 1_100_000)
    told.note(DRIFT, 1_100_000)
    told.close_at(2_500_000)
    ends = {line.kind: line.end for line in read(path)}
    assert ends == {"stuck": "1970-01-01T00:33:20.000Z", "drift": "1970-01-01T00:41:40.000Z"}


def test_what_never_met_a_reading_is_not_in_it(path: Path) -> None:
    told = truth(path)
    told.close_at(9_000_000)
    assert read(path) == []


def test_what_began_before_the_run_is_told_from_its_begin(path: Path) -> None:
    told = truth(path, begin_ms=1_500_000)
    told.note(STUCK, 1_600_000)
    told.write()
    assert read(path)[0].start == "1970-01-01T00:25:00.000Z"


def test_a_drift_is_told_from_nothing_with_what_it_has_come_to(path: Path) -> None:
    told = truth(path, begin_ms=1_500_000)
    told.note(DRIFT, 1_600_000)
    told.close_at(2_000_000)
    (line,) = read(path)
    assert (line.start, line.size, line.unit) == ("1970-01-01T00:16:40.000Z", 4.0, "°C")


def test_a_file_is_continued(path: Path) -> None:
    first = truth(path)
    first.note(STUCK, 1_100_000)
    first.close_at(1_200_000)
    second = truth(path)
    second.note(DRIFT, 2_100_000)
    second.close_at(2_200_000)
    assert [line.kind for line in read(path)] == ["stuck", "drift"]


def test_events_are_told_once_with_their_last_end(path: Path) -> None:
    told = truth(path)
    for end in ("1970-01-01T00:20:00.000Z", "1970-01-01T00:30:00.000Z"):
        told.happened(Injected("", "event", "pm10", "1970-01-01T00:10:00.000Z", end, 8.0, "×", "the city", 5))
    told.write()
    assert [(line.kind, line.end) for line in read(path)] == [("event", "1970-01-01T00:30:00.000Z")]


def test_a_tick_writes_no_more_than_once_a_second(path: Path) -> None:
    told = truth(path)
    told.note(STUCK, 1_100_000)
    told.tick()
    assert read(path) == []
    told._written_at -= 2
    told.tick()
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [("truth.txt", "has to end in .csv or .parquet"), ("there/truth.csv", "there is no folder")],
)
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        truth(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"sensor,kind\n"])
def test_somebody_elses_file_is_left_alone(tmp_path: Path, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="no truth file of ours"):
        truth(path)
    assert path.read_bytes() == content
