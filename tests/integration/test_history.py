"""The back-fill over a real database: whole, continued after an interruption, never twice."""

from datetime import timedelta

import numpy as np
import pytest

from city.settings import Settings
from sdot import history, progress
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
    tell = progress.Lines.tell

    def interrupted(lines: progress.Lines, part: float) -> None:
        if part > 0.5:
            raise KeyboardInterrupt
        tell(lines, part)

    monkeypatch.setattr(progress.Lines, "tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        history.backfill(settings, DAYS)
    readings, ledger, sensors = counts(embedded_database)
    assert 0 < sensors < 1100
    assert readings == ledger > 0
    monkeypatch.setattr(progress.Lines, "tell", tell)
    history.backfill(settings, DAYS)
    readings, ledger, sensors = counts(embedded_database)
    assert sensors == 1100
    assert readings == ledger
    gaps = "SELECT max(gap) FROM (SELECT time - lag(time) OVER (PARTITION BY sensor_id ORDER BY time) FROM reading) AS x (gap)"
    assert embedded_database.rows(gaps) == [(timedelta(minutes=2),)]


def test_live_goes_on_at_the_instant_after_the_newest(settings, embedded_database, monkeypatch):
    from city.pack import load_pack

    pack = load_pack("seoul")
    city = SimCity(pack)
    assert history.register(settings, pack, city) is None
    history.backfill(settings, DAYS)
    ((newest,),) = embedded_database.rows("SELECT max(time) FROM reading")
    since = history.register(settings, pack, city)
    assert since == newest + timedelta(milliseconds=1)
    blocks = list(city.history(since - timedelta(milliseconds=1), since))
    assert [len(block[0]) for block in blocks] == [1]
    assert np.datetime64(newest.replace(tzinfo=None), "us") == blocks[0][1][0]
