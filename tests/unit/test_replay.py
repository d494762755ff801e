"""A recording and its messages, without a broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from city.contract import Decoder
from city.reading import Reading
from simulator.replay import Pace, Recording, messages, recording
from tests.tables import HOURLY, NATURE_OLD, Case
from tests.unit.test_rows import LONG, mapped, read, seoul


def recorded(tmp_path: Path, *cases: Case) -> Recording:
    return recording([part for case in cases for part in read(case.save(tmp_path))])


def bodies(what: Recording) -> list[tuple[str, dict[str, Any]]]:
    return [(topic, json.loads(body)) for topic, body in messages(what, "sdot/v1")]


def test_readings_of_all_files_come_in_the_order_of_time(tmp_path: Path) -> None:
    what = recorded(tmp_path, NATURE_OLD, HOURLY)
    assert what.times.tolist() == sorted(what.times.tolist())
    assert len(what) == 4 + 3
    topics = [topic for topic, _ in bodies(what)]
    assert topics[0] == "sdot/v1/V02Q1940043/reading"
    assert topics[-1] == "sdot/v1/OC3CL200011/reading"


def test_each_is_a_message_of_the_contract(tmp_path: Path) -> None:
    decoder = Decoder(seoul().catalogue)
    found = {}
    what = recorded(tmp_path, HOURLY)
    for topic, body in messages(what, "sdot/v1"):
        (reading,) = decoder.decode(body)
        assert isinstance(reading, Reading)
        assert reading.time is not None
        values = {key: value for key, value in reading.values.items() if value is not None}
        found[topic.split("/")[2], reading.time] = values
    assert found == HOURLY.expected


def test_an_empty_cell_is_null_and_a_column_that_a_file_has_not_is_left_out(tmp_path: Path) -> None:
    (_, first), *_, (_, last) = bodies(recorded(tmp_path, HOURLY))
    assert last["pm25"] is None
    assert first["pm10"] == 12.133333  # the shortest text of the float32
    assert "o3" not in first


def test_a_long_table_says_of_each_sensor_what_it_has(tmp_path: Path) -> None:
    found = mapped(tmp_path, "id,t,item,v\na,2026-01-01 00:00,PM2.5,12\nb,2026-01-01 00:00,T,50\n", LONG)
    assert [{*body} - {"time"} for _, body in bodies(recording([found]))] == [{"pm25"}, {"temperature"}]


def test_the_first_message_of_a_sensor_describes_it_and_all_carry_their_revision(tmp_path: Path) -> None:
    found = bodies(recorded(tmp_path, NATURE_OLD))
    first, second, *_ = [body for topic, body in found if "OC3CL200010" in topic]
    assert (first["district"], first["kind"], first["model"]) == ("Jung-gu", "main_street", "SDOT001")
    assert "district" not in second
    assert 0 < first["revision"] < 2**30 < second["revision"] < 2**31


def test_a_recording_that_ends_at_a_time(tmp_path: Path) -> None:
    what = recorded(tmp_path, HOURLY)
    last = datetime(2026, 11, 26, 3, 4, 5, 678, tzinfo=UTC)
    moved = what.ending(last)
    assert moved.times[-1] == np.datetime64("2026-11-26T03:04:05.000678")
    assert np.array_equal(np.diff(moved.times), np.diff(what.times))
    assert what.ending(None) is what


def due(who: list[int], minutes: list[int], pace: Pace) -> list[float]:
    times = np.datetime64("2026-01-01T00:00", "us") + np.array(minutes) * np.timedelta64(1, "m")
    what = Recording(("a", "b"), np.array(who), times, np.zeros(len(who), np.int32), {}, {}, {})
    return pace.due(what).tolist()


def test_pace() -> None:
    assert due([0, 0, 1], [0, 2, 4], Pace(None, 600)) == [0, 0, 0]
    assert due([0, 0, 1], [0, 2, 4], Pace(60.0, 600)) == [0, 2, 4]
    assert due([], [], Pace(1.0, 600)) == []


def test_what_ingest_takes_of_one_sensor_is_not_exceeded() -> None:
    """60 readings a minute: after an hour's worth, less a spare hundred, one a second; the other sensor waits along."""
    found = due([0] * 3510 + [1], [0] * 3511, Pace(None, 60))
    assert found[3500] == 0
    assert found[3501] == pytest.approx(1)
    assert found[3509] == found[3510] == pytest.approx(9)


def test_nothing_to_replay() -> None:
    assert list(messages(recording([]), "sdot/v1")) == []
