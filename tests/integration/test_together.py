"""Two ingest workers and the refresher at the same sensors and hours: nobody waits for ever, nothing is left out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from maintain.rollup import Refresher
from tests.inlet import Inlet, message, seoul
from tests.servers.postgres import Database

NOW = datetime.now(UTC)
SENSORS, TURNS = 40, 30
#: Longer than a healthy run takes many times over, s.
PATIENCE_S = 120.0


def write(database: Database, worker: int, failures: list[BaseException]) -> None:
    """Turn by turn a reading of each sensor, now and hours ago; one worker forwards, one backwards."""
    serials = [f"s{number}" for number in range(SENSORS)][:: 1 if worker else -1]
    try:
        with Inlet(database, name=f"ingest/{worker}") as inlet:
            for turn in range(TURNS):
                ago = timedelta(seconds=turn) if turn % 2 else timedelta(minutes=11 * turn)
                time = (NOW - ago + timedelta(milliseconds=worker)).isoformat()
                body = {"time": time, "district": "jongno-gu", "pm25": float(turn)}
                inlet.write(*(message(serial, body, NOW) for serial in serials))
    except BaseException as failure:
        failures.append(failure)


def refresh(database: Database, ended: threading.Event, failures: list[BaseException]) -> None:
    """Rounds without a pause until the others have ended, then until nothing is left."""
    try:
        with database.connect() as owner:
            refresher, more = Refresher(owner, seoul().catalogue), True
            while more or not ended.is_set():
                ending = ended.is_set()
                more = refresher.refresh().more or not ending
            Refresher(owner, seoul().catalogue).refresh()  # the open day comes with a pass over everything
    except BaseException as failure:
        failures.append(failure)


def run(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()


def test_two_workers_and_the_refresher_do_not_hinder_each_other(database: Database) -> None:
    failures: list[BaseException] = []
    ended = threading.Event()
    keeper = threading.Thread(target=refresh, args=(database, ended, failures), daemon=True)
    workers = [
        threading.Thread(target=write, args=(database, worker, failures), daemon=True) for worker in (0, 1)
    ]
    run([keeper, *workers])
    for thread in workers:
        thread.join(PATIENCE_S)
    ended.set()
    keeper.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in (keeper, *workers))
    assert failures == []
    number = 2 * SENSORS * TURNS
    assert database.value("SELECT count(*) FROM reading") == number
    for level in ("sensor_10min", "sensor_hour", "district_10min", "district_hour", "district_day"):
        assert database.value(f"SELECT sum(pm25_n)::int FROM {level}") == number, level
    assert (
        database.value("SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()") == 0
    )
