"""The reader over real databases: what is committed is seen, and a lost database is named and found again."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from city.pack import load_pack
from dashboard.pool import QUERY_S
from dashboard.postgres import PgStore
from tests.live_rows import LiveRows, now
from tests.servers.migrated import migrated
from tests.servers.postgres import Database, Server
from tests.servers.process import free_port
from tests.servers.proxy import Proxy
from tests.viewer import away, watching

PACK = load_pack("seoul")


def store(database: Database, port: int | None = None) -> PgStore:
    return PgStore(database.url_as("sdot_dashboard", port), PACK)


@pytest.fixture
def rows(database: Database) -> LiveRows:
    return LiveRows(database)


@pytest.fixture
def rows_of_one(embedded_database: Database) -> LiveRows:
    return LiveRows(embedded_database)


async def told(call, *arguments, **more):
    return await asyncio.to_thread(call, *arguments, **more)


def figure(tick, district="gangnam-gu", metric="pm25"):
    return tick["districts"][district].get(metric, {})


def test_what_is_committed_is_on_the_next_tick(database, rows):
    async def scenario() -> None:
        rows.beat()
        ids = [rows.register(f"s{n}", "gangnam-gu") for n in range(3)]
        async with watching(store(database)) as (viewer, _, _):
            await viewer.until(lambda tick: tick["sensors"]["verified"] == 3, "three sensors")
            for sensor_id, value in zip(ids, (10, 20, 36), strict=True):
                await told(rows.store, sensor_id, now(), pm25=value, temperature=-3.5)
            tick = await viewer.until(lambda tick: figure(tick).get("n") == 3, "three values")
            assert figure(tick) | {"at": None} == {
                "v": 22, "n": 3, "N": 3, "at": None, "g": 1, "s": "ok", "lo": 10, "hi": 36, "last": None,
            }  # fmt: skip
            assert tick["city"]["temperature"]["v"] == -3.5
            assert tick["health"]["ok"]

    asyncio.run(scenario())


def test_a_late_and_a_revised_reading_are_seen_though_no_clock_moved(database, rows):
    async def scenario() -> None:
        first = now()
        sensor_id = rows.register("s", "jongno-gu")
        rows.store(sensor_id, first, pm25=10)
        async with watching(store(database)) as (viewer, _, _):
            await viewer.until(lambda tick: figure(tick, "jongno-gu").get("v") == 10, "the first reading")
            await told(rows.store, sensor_id, first - timedelta(minutes=20), pm25=20)
            await viewer.until(lambda tick: figure(tick, "jongno-gu")["v"] == 15, "the late reading")
            await told(rows.store, sensor_id, first, pm25=40)
            await viewer.until(lambda tick: figure(tick, "jongno-gu")["v"] == 30, "the revised reading")

    asyncio.run(scenario())


def test_an_unknown_sensor_waits_for_a_person_and_enters_the_figure_once_verified(database, rows):
    async def scenario() -> None:
        async with watching(store(database)) as (viewer, _, _):
            await viewer.until(lambda tick: tick["sensors"]["total"] == 0, "an empty city")
            sensor_id = await told(rows.register, "my-first", "gangnam-gu", "unverified")
            await told(rows.store, sensor_id, now(), pm25=12.5, temperature=20.1)
            waiting = lambda tick: tick["attention"] and tick["attention"][0]["messages"] == 1  # noqa: E731
            tick = await viewer.until(waiting, "the new sensor")
            [new] = tick["attention"]
            assert (new["serial"], new["district"], new["values"]["pm25"][0]) == (
                "my-first",
                "gangnam-gu",
                12.5,
            )
            assert "pm25" not in tick["city"]
            await told(rows.verify, "my-first")
            tick = await viewer.until(lambda tick: not tick["attention"], "the verified sensor")
            assert (figure(tick)["v"], figure(tick)["n"], figure(tick)["s"]) == (12.5, 1, "few")

    asyncio.run(scenario())


def test_a_flagged_value_is_left_out_and_told_as_such(database, rows):
    async def scenario() -> None:
        good, bad = (rows.register(serial, "gangnam-gu") for serial in ("good", "bad"))
        rows.store(good, now(), pm25=10)
        rows.store(bad, now(), ("pm25",), pm25=3000)
        async with watching(store(database)) as (viewer, board, _):
            tick = await viewer.until(lambda tick: figure(tick).get("N") == 2, "both sensors")
            assert (figure(tick)["v"], figure(tick)["n"]) == (10, 1)
            assert tick["left_out"]["pm25"]["flagged"] == 1
            listed = {one["serial"]: one for one in board.sensors("gangnam-gu", "pm25")["sensors"]}
            assert listed["bad"]["status"] == "flagged"
            assert "3000" in listed["bad"]["why"]["en"]

    asyncio.run(scenario())


def test_more_sensors_than_a_query_takes_are_all_read(embedded_database, rows_of_one):
    with embedded_database.connect() as connection:
        connection.execute("SELECT ensure_partition(now())")
        connection.execute(
            "INSERT INTO sensor (serial, district_id, state, registered_by, version) "
            "SELECT 's' || i, 1 + i % 25, 'verified', 'test', 1 FROM generate_series(1, 450) AS i"
        )
        connection.execute("UPDATE checkpoint SET registry_version = 1")
        connection.execute(
            "INSERT INTO reading (time, sensor_id, received_at, pm25) SELECT now(), sensor_id, now(), 20 FROM sensor"
        )
        connection.execute(
            "INSERT INTO latest (sensor_id, time, changed_at, pm25, pm25_time, pm25_flagged) "
            "SELECT sensor_id, now(), now(), 20, now(), false FROM sensor"
        )

    async def scenario() -> None:
        async with watching(store(embedded_database)) as (viewer, _, _):
            tick = await viewer.until(lambda tick: tick["city"], "figures")
            assert tick["city"]["pm25"]["n"] == 450

    asyncio.run(scenario())


def test_the_readings_of_a_sensor_are_found_by_its_key(database, rows):
    """Never by a scan of a time span: the plan asks the index for the sensor."""
    sensor_id = rows.register("s", "jongno-gu")
    for minute in range(5):
        rows.store(sensor_id, now() - timedelta(minutes=minute), pm25=1)
    query = PgStore(database.url, PACK)._readings
    with psycopg.connect(database.url) as connection:
        connection.execute("SET enable_seqscan = off")  # so few rows would be scanned by any planner
        since = now() - timedelta(hours=1)
        plan = connection.execute("EXPLAIN " + query, [[sensor_id], [since], since]).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "sensor_id = k.sensor_id" in text
    assert "Seq Scan on reading" not in text


def test_a_database_that_is_down_at_the_start_is_named_and_found_by_itself(pool):
    server = Server(pool.server("embedded").engine)
    try:
        database = server.create(migrated(server))
        server.process.kill()

        async def scenario() -> None:
            async with watching(store(database)) as (viewer, board, _):
                await viewer.until(away("database"), "the cause", 10)
                assert not board.ready()[0]
                await told(server.restart)
                rows = LiveRows(database)
                await told(rows.beat)
                await viewer.until(away(), "everything well again")

        asyncio.run(scenario())
    finally:
        server.stop()


def test_a_restarted_database_is_found_again_and_what_it_missed_is_read(pool):
    server = Server(pool.server("embedded").engine)
    try:
        database = server.create(migrated(server))
        rows = LiveRows(database)
        rows.beat()
        sensor_id = rows.register("s", "jongno-gu")

        async def scenario() -> None:
            async with watching(store(database)) as (viewer, _, _):
                await viewer.until(away(), "all well")
                await told(server.process.kill)
                await viewer.until(away("database"), "the cause", 10)
                await told(server.restart)
                await told(rows.store, sensor_id, now(), pm25=10)
                await told(rows.beat)
                await viewer.until(
                    lambda tick: away()(tick) and figure(tick, "jongno-gu").get("v") == 10, "the value"
                )
                await told(rows.store, sensor_id, now(), pm25=20)  # and it hears of commits again
                await viewer.until(lambda tick: figure(tick, "jongno-gu")["v"] == 15, "the next value")

        asyncio.run(scenario())
    finally:
        server.stop()


def test_a_database_that_hangs_is_named_while_old_figures_age_and_found_again(embedded_database, rows_of_one):
    sensor_id = rows_of_one.register("s", "jongno-gu")
    rows_of_one.store(sensor_id, now(), pm25=10)
    rows_of_one.beat()

    async def scenario() -> None:
        with Proxy(embedded_database.server.port) as proxy:
            async with watching(store(embedded_database, proxy.port)) as (viewer, _, _):
                before = await viewer.until(
                    lambda tick: figure(tick, "jongno-gu").get("v") == 10, "the value"
                )
                proxy.pause()
                tick = await viewer.until(away("database"), "the cause", 10)
                assert f"{QUERY_S:g}" in tick["health"]["parts"]["database"]["detail"]["en"]
                assert tick["data_at"] == before["data_at"] < tick["now"]
                assert figure(tick, "jongno-gu")["v"] == 10
                later = await viewer.until(lambda later: later["now"] > tick["now"], "a later tick")
                assert later["data_at"] == before["data_at"]
                proxy.go_on()
                await told(rows_of_one.beat)
                await viewer.until(away(), "everything well again")

    asyncio.run(scenario())


def test_the_reader_ends_though_the_database_hangs(embedded_database):
    async def scenario() -> None:
        with Proxy(embedded_database.server.port) as proxy:
            async with (
                asyncio.timeout(None) as ending,
                watching(store(embedded_database, proxy.port)) as (viewer, _, _),
            ):
                await viewer.until(lambda tick: tick["health"]["parts"]["database"]["ok"], "the database")
                proxy.pause()
                await viewer.until(away("database"), "the cause", 10)
                ending.reschedule(
                    asyncio.get_running_loop().time() + 4
                )  # a cancelled query alone would wait 5 s

    asyncio.run(scenario())


def test_a_database_without_the_tables_says_what_to_do(pool):
    server = pool.server("embedded")
    database = server.create()

    async def scenario() -> None:
        async with watching(PgStore(database.url, PACK)) as (viewer, _, _):
            tick = await viewer.until(away("database"), "the cause")
            assert "sdot db migrate" in tick["health"]["parts"]["database"]["detail"]["en"]

    asyncio.run(scenario())
    server.drop(database)


def test_nobody_listening_at_the_port_is_a_database_away():
    async def scenario() -> None:
        nowhere = PgStore(f"postgresql://nobody@127.0.0.1:{free_port()}/none", PACK)
        async with watching(nowhere) as (viewer, _, _):
            await viewer.until(away("database"), "the cause", 10)

    asyncio.run(scenario())


def test_ingest_and_broker_are_named_by_the_hearts_in_the_database(embedded_database, rows_of_one):
    rows = rows_of_one

    async def scenario() -> None:
        async with watching(store(embedded_database)) as (viewer, _, _):
            await viewer.until(away("ingest"), "ingest that never started")
            await told(rows.beat)
            await viewer.until(away(), "a beating heart")
            await told(rows.beat, broker_ok=False)
            await viewer.until(away("broker"), "the broker")
            await told(rows.beat, seconds_ago=60)
            await viewer.until(away("ingest"), "the silent heart", 10)
            await told(rows.beat, 1)
            await viewer.until(away("slots"), "slot 0 without a holder")
            await told(rows.beat, 0, released=True)
            await viewer.until(away(), "slot 0 given up")

    asyncio.run(scenario())
