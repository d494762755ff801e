"""The back-fill over a real database: whole, continued after an interruption, never twice."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from city.settings import Settings
from sdot import history
from simulator.city import SimCity
from tests.servers.postgres import Database

DAYS = 0.1


@pytest.fixture
def settings(embedded_database: Database, monkeypatch) -> Settings:
    monkeypatch.setattr(history, "CHUNK_ROWS", 1)  # a transaction a block
    monkeypatch.setattr("simulator.city._BLOCK_ROWS", 20_000)
    return Settings(database_url=embedded_database.url, city="seoul")


def counts(database: Database) -> tuple[int, int, int]:
    """Readings, readings in the ledger, sensors with a newest value."""
    query = (
        "SELECT (SELECT count(*) FROM reading), (SELECT sum(stored) FROM ledger_minute), count(*) FROM latest"
    )
    return tuple(int(value or 0) for value in database.rows(query)[0])  # type: ignore[call-overload,return-value]


def test_a_back_fill_is_whole_and_done_once(settings, embedded_database):
    written = history.backfill(settings, DAYS)
    steps = timedelta(days=DAYS) // timedelta(minutes=2)
    assert written == 1100 * steps
    assert counts(embedded_database) == (written, written, 1100)
    assert embedded_database.rows("SELECT DISTINCT state, registered_by FROM sensor") == [
        ("verified", "simulator")
    ]
    assert history.backfill(settings, DAYS) == 0


def test_an_interrupted_one_goes_on_and_nothing_is_written_twice(settings, embedded_database, monkeypatch):
    tell = history._Lines.tell

    def interrupted(lines: history._Lines, part: float) -> None:
        if part > 0.5:
            raise KeyboardInterrupt
        tell(lines, part)

    monkeypatch.setattr(history._Lines, "tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        history.backfill(settings, DAYS)
    readings, ledger, sensors = counts(embedded_database)
    assert 0 < sensors < 1100
    assert readings == ledger > 0
    monkeypatch.setattr(history._Lines, "tell", tell)
    history.backfill(settings, DAYS)
    readings, ledger, sensors = counts(embedded_database)
    assert sensors == 1100
    assert readings == ledger
    gaps = "SELECT max(gap) FROM (SELECT time - lag(time) OVER (PARTITION BY sensor_id ORDER BY time) FROM reading) AS x (gap)"
    assert embedded_database.rows(gaps) == [(timedelta(minutes=2),)]


def test_live_goes_on_after_the_newest_of_each_sensor(settings, embedded_database):
    from city.pack import load_pack

    pack = load_pack("seoul")
    city = SimCity(pack)
    assert np.isnat(history.register(settings, pack, city)).all()
    history.backfill(settings, DAYS)
    stored = dict(
        embedded_database.rows(
            "SELECT serial, max(time) FROM reading JOIN sensor USING (sensor_id) GROUP BY serial"
        )
    )
    newest = history.register(settings, pack, city)
    expected = [stored[sensor.serial].replace(tzinfo=None) for sensor in city.sensors]
    assert newest.tolist() == expected


def test_a_faulty_past_is_in_the_database_as_the_truth_says(settings, embedded_database, tmp_path):
    from city.pack import load_pack
    from simulator.past import milliseconds_of
    from simulator.truth import read

    file, path = tmp_path / "faults.toml", tmp_path / "truth.parquet"
    file.write_text(
        "[rates]\n" + "".join(f"{k} = 0.9\n" for k in ("stuck", "dropout", "silence", "swapped", "flood"))
    )
    sensors = 60
    written = history.backfill(settings, 0.3, sensors, faults=str(file), truth=path)
    rows = embedded_database.rows(
        "SELECT serial, time, noise, pm10 FROM reading JOIN sensor USING (sensor_id) ORDER BY 1, 2"
    )
    assert written == len(rows)
    truth = read(path)
    assert {line.kind for line in truth} == {"stuck", "dropout", "silence", "swapped"}
    missing = sensors * 216 - written  # some of them for two reasons
    assert 0 < missing <= sum(one.readings for one in truth if one.kind in ("dropout", "silence"))
    city = SimCity(load_pack("seoul"), sensors)
    exchanged = {line.sensor for line in truth if line.kind == "swapped"}
    for line in truth:
        begin, end = (datetime.fromisoformat(text) for text in (line.start, line.end))
        there = [row for row in rows if row[0] == line.sensor and begin <= row[1] < end]
        if line.kind == "silence" and line.sensor not in exchanged:
            assert there == []
        alone = (
            sum((one.sensor, one.kind, one.metric) == (line.sensor, "stuck", line.metric) for one in truth)
            == 1
        )
        if alone and line.metric in ("noise", "pm10") and line.sensor not in exchanged:
            values = {row[2 if line.metric == "noise" else 3] for row in there}
            assert len(values) <= 1
            assert len(there) == line.readings
        if line.kind == "swapped":
            stored = [row[1] for row in rows if row[0] == line.other and begin <= row[1] < end]
            phase = int(city.phase_ms[int(line.sensor[4:]) - 1])
            assert len(stored) == line.readings
            assert {milliseconds_of(time) % 120_000 for time in stored} <= {phase}
