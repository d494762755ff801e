"""Marks of late readings: few are computed one by one, days that are crowded with them as a whole."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from city.db import connect
from ingest.block import Block
from ingest.bulk import BulkWriter
from maintain import rollup
from tests.inlet import AT, Inlet, message, seoul
from tests.servers.postgres import Database

#: Two local days, both over.
FIRST = AT.replace(hour=15, minute=0) - timedelta(days=4)
SENSORS = 4


def late(inlet: Inlet, hours: float, every: timedelta, sensors: int = SENSORS) -> None:
    """Readings of the first day's first hours."""
    steps = int(timedelta(hours=hours) / every)
    for sensor in range(sensors):
        inlet.write(
            *(
                message(f"s{sensor}", {"time": (FIRST + k * every).isoformat(), "pm25": 10.0 + sensor})
                for k in range(steps)
            )
        )


@pytest.fixture
def inlet(embedded_database: Database):
    with Inlet(embedded_database) as inlet:
        for sensor in range(SENSORS):  # known, and verified: their district is given
            inlet.write(message(f"s{sensor}", {"time": AT.isoformat(), "district": "jongno-gu", "pm25": 1.0}))
        yield inlet


@pytest.mark.parametrize(("hours", "spans"), [(12, 1), (1, 0)])
def test_a_day_full_of_marks_is_computed_as_a_whole(
    inlet: Inlet, embedded_database: Database, monkeypatch: pytest.MonkeyPatch, hours: int, spans: int
) -> None:
    monkeypatch.setattr(rollup, "MARKS", 20)
    with embedded_database.connect() as owner:
        refresher = rollup.Refresher(owner, seoul().catalogue)
        while refresher.refresh().more:
            pass
        late(inlet, hours, timedelta(minutes=5))
        (marks,) = owner.execute("SELECT count(*) FROM touched").fetchone() or (0,)
        assert marks == SENSORS * hours * 12
        done = refresher.refresh(patience_s=60)
        assert (done.spans, done.more) == (spans, False)
        assert done.marks == (0 if spans else marks)
        found = owner.execute(
            "SELECT count(*), min(pm25_mean), max(pm25_sensors) FROM district_10min WHERE bucket < %s",
            [FIRST + timedelta(days=1)],
        ).fetchone()
        assert found == (hours * 6, pytest.approx(11.5), SENSORS)
        assert owner.execute("SELECT count(*) FROM touched").fetchone() == (0,)
        assert owner.execute("SELECT count(*) FROM touched_span").fetchone() == (0,)


def test_a_crowded_day_that_still_runs_is_a_span_up_to_what_is_open(
    inlet: Inlet, embedded_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live draws nothing below the end of a span that waits: it may not lie in the future."""
    monkeypatch.setattr(rollup, "MARKS", 20)
    with embedded_database.connect() as owner:
        refresher = rollup.Refresher(owner, seoul().catalogue)
        while refresher.refresh().more:
            pass
        owner.execute("INSERT INTO touched SELECT sensor_id, now() FROM sensor, generate_series(1, 50)")
        refresher._gather()
        found = owner.execute(
            "SELECT bool_and(t.high = c.open_from AND t.low < t.high) FROM touched_span AS t, checkpoint AS c"
        ).fetchone()
        begun = owner.execute(
            "SELECT open_from > date_trunc('day', now(), 'Asia/Seoul') FROM checkpoint"
        ).fetchone()
        assert found == ((True,) if begun == (True,) else (None,))
        assert owner.execute("SELECT count(*) FROM touched").fetchone() == (0,)


def test_two_back_fills_that_meet_within_a_bucket(inlet: Inlet, embedded_database: Database) -> None:
    """A span ends with its last reading, not with a bucket: each computes all of the one in which they meet."""
    with embedded_database.connect() as owner:
        refresher = rollup.Refresher(owner, seoul().catalogue)
        while refresher.refresh().more:
            pass
        meeting = FIRST + timedelta(minutes=92, seconds=3)
        for low, high in ((FIRST, meeting), (meeting, FIRST + timedelta(hours=3))):
            back_fill(embedded_database, low, high)
        assert owner.execute("SELECT count(*) FROM touched_span").fetchone() == (2,)
        while refresher.refresh().more:
            pass
        for level in ("sensor_10min", "sensor_hour", "district_10min", "district_hour", "district_day"):
            found = owner.execute(
                f"SELECT sum(pm25_n) FROM {level} WHERE bucket < %s", [FIRST + timedelta(days=1)]
            ).fetchone()
            assert found == (SENSORS * 180,), level


def back_fill(database: Database, low: datetime, high: datetime) -> None:
    """Readings of each minute of a span."""
    minutes = np.arange(180) * np.timedelta64(60, "s")
    times = np.datetime64(FIRST.replace(tzinfo=None), "us") + minutes
    within = times[(times >= utc(low)) & (times < utc(high))]
    with connect(database.url, "test of marks") as conn, conn.transaction():
        ids = [row[0] for row in conn.execute("SELECT sensor_id FROM sensor").fetchall()]
        writer = BulkWriter(conn, seoul().catalogue, spans=True)
        for sensor_id in ids:
            sensors = np.full(len(within), sensor_id, np.int32)
            writer.write(Block(sensors, within, {"pm25": np.ones(len(within), np.float32)}))
        writer.finish()


def utc(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None), "us")
