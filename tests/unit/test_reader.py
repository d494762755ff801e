"""The reader's loop over the in-memory store: what it sends and when, and that no error ends it."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from city.grades import load_standard
from city.pack import load_pack
from dashboard.board import Board
from dashboard.geometry import geometry_of
from dashboard.memory import MemoryStore
from dashboard.picture import Picture
from dashboard.reader import SENSORS_A_QUERY, Reader
from dashboard.store import SensorRow, StoreError
from tests.viewer import parsed

PACK = load_pack("seoul")
GEOMETRY = geometry_of(PACK)


class Clock:
    """A clock that the test sets."""

    now = datetime(2026, 11, 24, 5, 32, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def assembled(store: MemoryStore) -> tuple[Reader, Board, Clock]:
    clock, picture = Clock(), Picture(PACK)
    board = Board(PACK, load_standard("korea"), GEOMETRY, picture.view(clock()))
    return Reader(store, picture, board, clock), board, clock


def fill(store: MemoryStore, sensors: int) -> None:
    for number in range(1, sensors + 1):
        store.put_sensor(SensorRow(number, f"s{number}", "", "verified", "jongno-gu", None, None, Clock.now))
        store.put(number, Clock.now - timedelta(minutes=1), {"pm25": 20})


async def newest(board: Board) -> tuple[str, dict]:
    """The newest tick or beat."""
    frames = board.hub.frames()
    await anext(frames)
    found = [parsed(await anext(frames))]
    await frames.aclose()
    return found[-1]


def test_nothing_new_is_not_sent_again():
    async def scenario() -> None:
        store = MemoryStore(PACK)
        store.beat()
        fill(store, 3)
        reader, board, _ = assembled(store)
        await reader.look()
        _, first = await newest(board)
        await reader.look()
        assert (await newest(board))[1]["seq"] == first["seq"]
        store.put(1, Clock.now, {"pm25": 30})
        await reader.look()
        assert (await newest(board))[1]["seq"] == first["seq"] + 1

    asyncio.run(scenario())


def test_a_database_too_slow_for_many_sensors_is_asked_for_fewer():
    class Slow(MemoryStore):
        async def readings(self, sensor_ids, since):
            if len(sensor_ids) > SENSORS_A_QUERY // 10:
                raise StoreError("silent", "2")
            return await super().readings(sensor_ids, since)

    async def scenario() -> None:
        store = Slow(PACK)
        store.beat()
        fill(store, SENSORS_A_QUERY)
        reader, board, _ = assembled(store)
        seen = []
        for _ in range(30):
            await reader.look()
            seen.append((await newest(board))[1]["city"].get("pm25", {}).get("n", 0))
        assert seen[-1] == SENSORS_A_QUERY
        assert seen == sorted(seen)  # what was read stays read

    asyncio.run(scenario())


def test_a_database_that_is_away_is_named_and_old_figures_stay_with_their_age():
    async def scenario() -> None:
        store = MemoryStore(PACK)
        store.beat()
        fill(store, 3)
        reader, board, clock = assembled(store)
        await reader.look()
        _, before = await newest(board)
        store.trouble = StoreError("refused")
        clock.now += timedelta(minutes=2)
        lost_at = round(clock.now.timestamp() * 1000)
        await reader.look()
        clock.now += timedelta(minutes=5)
        await reader.look()
        board._ticked -= 60  # a minute without a tick
        await reader.look()
        _, tick = await newest(board)
        database = tick["health"]["parts"]["database"]
        assert (database["ok"], database["since"]) == (False, lost_at)
        assert tick["data_at"] == before["data_at"]
        assert tick["districts"]["jongno-gu"]["pm25"]["s"] == "stale"
        assert not board.ready()[0]
        store.trouble = None
        await reader.look()
        assert (await newest(board))[1]["health"]["ok"]

    asyncio.run(scenario())


def test_rows_that_make_no_sense_are_told_and_read_anew(caplog):
    class Odd(MemoryStore):
        odd = True

        async def latest(self, sensor_ids):
            found = await super().latest(sensor_ids)
            return found[["sensor_id", "time"]] if self.odd else found

    async def scenario() -> None:
        store = Odd(PACK)
        store.beat()
        fill(store, 3)
        reader, board, _ = assembled(store)
        with caplog.at_level(logging.CRITICAL, "dashboard.reader"):
            await reader.look()
        event, beat = await newest(board)
        assert (event, beat["health"]["ok"]) == ("beat", False)
        store.odd = False
        await reader.look()
        assert board.view.figures[-1][0].n == 3
        assert board.health.ok

    asyncio.run(scenario())


def test_a_silent_server_still_beats(monkeypatch):
    async def scenario() -> None:
        monkeypatch.setattr("dashboard.reader.BEAT_S", 0.05)
        store = MemoryStore(PACK)
        reader, board, _ = assembled(store)
        monkeypatch.setattr(reader, "look", asyncio.Event().wait)  # a look that never ends
        async with reader.running(), asyncio.timeout(10):
            async for frame in board.hub.frames():
                event, data = parsed(frame)
                if event == "beat":
                    assert data["boot"] == board.boot
                    break

    asyncio.run(scenario())


def test_all_streams_end_with_the_reader():
    async def scenario() -> None:
        reader, board, _ = assembled(MemoryStore(PACK))
        async with reader.running():
            frames = board.hub.frames()
            await anext(frames)
        async with asyncio.timeout(10):
            assert [parsed(frame)[0] async for frame in frames] in ([], ["tick"])

    asyncio.run(scenario())
