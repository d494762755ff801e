"""The back-fill over a real database: whole, continued after an interruption, beside live sensors, never twice."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from city.errors import SettingsError
from city.pack import load_pack
from city.settings import Settings
from sdot import history, progress
from sdot.history import Wanted
from simulator.city import SimCity
from tests.inlet import Inlet
from tests.servers.postgres import Database

DAYS = 0.1


@pytest.fixture
def settings(embedded_database: Database, monkeypatch) -> Settings:
    monkeypatch.setattr(history, "CHUNK_ROWS", 2_000)  # of 200 sensors: windows of 20 minutes
    return Settings(database_url=embedded_database.url, city="seoul")


def counts(database: Database) -> tuple[int, int, int]:
    """Readings, readings in the ledger as stored, and as duplicate."""
    ((rows, stored, duplicate),) = database.rows(
        "SELECT (SELECT count(*) FROM reading), sum(stored)::int, sum(duplicate)::int FROM ledger_minute"
    )
    return int(str(rows)), int(str(stored or 0)), int(str(duplicate or 0))


def gaps(database: Database) -> list[timedelta]:
    """How far apart the readings of any sensor lie."""
    query = "SELECT DISTINCT gap FROM (SELECT time - lag(time) OVER (PARTITION BY sensor_id ORDER BY time) FROM reading) AS x (gap) WHERE gap IS NOT NULL"
    return [row[0] for row in database.rows(query)]  # type: ignore[misc]


def test_a_back_fill_is_whole_and_done_once(settings, embedded_database):
    written = history.backfill(settings, Wanted(DAYS, 200))
    steps = timedelta(days=DAYS) // timedelta(minutes=2)
    assert written == 200 * steps
    assert counts(embedded_database) == (written, written, 0)
    assert embedded_database.rows("SELECT count(*) FROM latest") == [(200,)]
    assert embedded_database.rows("SELECT DISTINCT state, registered_by FROM sensor") == [
        ("verified", "simulator")
    ]
    assert history.backfill(settings, Wanted(DAYS, 200)) == 0
    assert counts(embedded_database) == (written, written, 0)


def test_an_interrupted_one_goes_on_and_nothing_is_written_twice(settings, embedded_database, monkeypatch):
    from sdot import migration

    tell = progress.Lines.tell

    def interrupted(lines: progress.Lines, part: float, rows: int) -> None:
        tell(lines, part, rows)
        if part > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Lines, "tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        history.backfill(settings, Wanted(DAYS, 200))
    first = counts(embedded_database)
    assert 0 < first[0] == first[1] < 200 * 71
    assert migration.lacks_history(settings)  # though each sensor has readings, `sdot up` goes on with it
    monkeypatch.setattr(progress.Lines, "tell", tell)
    more = history.backfill(
        settings, Wanted(DAYS / 2, 200)
    )  # from where the interrupted one began all the same
    readings, ledger, duplicates = counts(embedded_database)
    assert readings == ledger == first[0] + more >= 200 * 71
    assert duplicates == 0
    assert gaps(embedded_database) == [timedelta(minutes=2)]
    assert not migration.lacks_history(settings)


def test_what_came_live_before_stays_and_the_rest_is_filled(settings, embedded_database):
    pack = load_pack("seoul")
    city = SimCity(pack, 30)
    history.register(settings, pack, city)
    middle = datetime.now(UTC) - timedelta(hours=1)
    (block,) = city.history(middle - timedelta(minutes=20), middle + timedelta(minutes=20))
    index, times, _ = block
    at = datetime.now(UTC)
    with Inlet(embedded_database) as inlet:
        for place in range(0, len(index), 7):  # a seventh of two windows came live, with a value of its own
            when = times[place].item().replace(tzinfo=UTC)
            assert inlet.send(city.sensors[index[place]].serial, {"time": when, "pm25": 999}, at=at) == [
                "stored"
            ]
    live = len(range(0, len(index), 7))
    written = history.backfill(settings, Wanted(DAYS, 30))
    assert written == 30 * 72 - live
    assert counts(embedded_database) == (30 * 72, 30 * 72, 0)
    assert gaps(embedded_database) == [timedelta(minutes=2)]
    assert embedded_database.rows("SELECT count(*) FROM reading WHERE pm25 = 999") == [(live,)]


def test_a_longer_one_writes_what_lies_before(settings, embedded_database):
    history.backfill(settings, Wanted(DAYS / 2, 40))
    more = history.backfill(settings, Wanted(DAYS, 40))
    assert counts(embedded_database)[0] == counts(embedded_database)[1] >= 40 * 71
    assert more > 0
    assert gaps(embedded_database) == [timedelta(minutes=2)]


def test_the_last_minutes_of_live_sensors_are_theirs(settings, embedded_database):
    pack = load_pack("seoul")
    city = SimCity(pack, 5)
    history.register(settings, pack, city)
    with Inlet(embedded_database) as inlet:
        at = datetime.now(UTC)
        assert inlet.send("SIM-0001", {"time": at, "pm25": 1}, at=at) == ["stored"]
    history.backfill(settings, Wanted(DAYS, 5))
    newest = "SELECT now() - max(time) FROM reading JOIN sensor USING (sensor_id) WHERE serial <> 'SIM-0001'"
    ((age,),) = embedded_database.rows(newest)
    assert age >= history.MARGIN  # type: ignore[operator]


def test_years_take_a_coarser_step(settings, embedded_database):
    written = history.backfill(settings, Wanted(3.0, 20, history.seconds_of("1h")))
    assert written == 20 * 72
    assert gaps(embedded_database) == [timedelta(hours=1)]


def test_more_days_than_are_kept_are_refused(settings):
    with pytest.raises(SettingsError, match="SDOT_RETENTION_RAW=400d"):
        history.backfill(settings, Wanted(401))


def test_live_goes_on_after_the_newest_of_each_sensor(settings, embedded_database):
    pack = load_pack("seoul")
    city = SimCity(pack, 200)
    assert np.isnat(history.register(settings, pack, city)).all()
    history.backfill(settings, Wanted(DAYS, 200))
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
    written = history.backfill(settings, Wanted(0.3, sensors, faults=str(file), truth=path))
    rows = embedded_database.rows(
        "SELECT serial, time, noise, pm10 FROM reading JOIN sensor USING (sensor_id) ORDER BY 1, 2"
    )
    assert written == len(rows)
    truth = read(path)
    assert {line.kind for line in truth} == {"stuck", "dropout", "silence", "swapped"}
    missing = sensors * 216 - written  # some of them for two reasons
    assert 0 < missing <= sum(one.readings for one in truth if one.kind in ("dropout", "silence"))
    city = SimCity(load_pack("seoul"), sensors)
    swaps = [line for line in truth if line.kind == "swapped"]
    exchanged = {
        serial for line in swaps for serial in (line.sensor, line.other)
    }  # one may have sent nothing
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


def test_rollups_learn_of_what_was_written_into_closed_buckets(settings, embedded_database):
    embedded_database.rows("UPDATE checkpoint SET open_from = now() - interval '1 hour' RETURNING 1")
    history.backfill(settings, Wanted(DAYS, 200))
    assert embedded_database.rows("SELECT count(*) FROM touched") == [(0,)]
    unmarked = (
        "SELECT count(*) FROM reading AS r WHERE time < (SELECT open_from FROM checkpoint)"
        " AND NOT EXISTS (SELECT FROM touched_span AS s WHERE r.time >= s.low AND r.time < s.high)"
    )
    assert embedded_database.rows(unmarked) == [(0,)]
    assert embedded_database.rows("SELECT count(*) BETWEEN 3 AND 8 FROM touched_span") == [(True,)]
