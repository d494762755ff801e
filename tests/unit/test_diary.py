"""The keeper of the day: all once, then only the newest buckets; the same document has the same version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from city.grades import load_standard
from city.pack import load_pack
from dashboard import diary
from dashboard.board import Board
from dashboard.day import STEPS
from dashboard.day_store import DayRow, Reach, ReturnRow
from dashboard.diary import RECENT, Diary
from dashboard.geometry import geometry_of
from dashboard.memory import MemoryStore
from dashboard.picture import Picture
from dashboard.store import SensorRow, StoreError

PACK = load_pack("seoul")
STANDARD = load_standard("korea")
NOW = datetime.now(UTC)


class Counted(MemoryStore):
    """Notes how far back it was asked."""

    def __init__(self) -> None:
        super().__init__(PACK)
        self.asked: list[timedelta] = []
        self.returns = 0
        for number in (1, 2, 3):
            self.put_sensor(SensorRow(number, f"s{number}", "", "verified", "mapo-gu", None, None, NOW))
            for minutes in range(0, 300, 5):
                self.put(number, NOW - timedelta(minutes=minutes), {"pm25": 40.0})

    async def day_buckets(self, since: datetime, until: datetime) -> Sequence[DayRow]:
        self.asked.append(until - since)
        return await super().day_buckets(since, until)

    async def day_returns(self, since: datetime, until: datetime) -> Sequence[ReturnRow]:
        self.returns += 1
        return await super().day_returns(since, until)


def kept() -> tuple[Counted, Board, Diary]:
    store, picture = Counted(), Picture(PACK)
    board = Board(PACK, STANDARD, geometry_of(PACK), picture.view(NOW))
    return store, board, Diary(store, board, STANDARD, PACK.zone, lambda: NOW)


def test_the_whole_day_is_read_once_and_then_only_its_newest_part() -> None:
    store, board, keeper = kept()
    asyncio.run(keeper.look())
    assert board.day is not None
    first = orjson.loads(board.day.plain)
    asyncio.run(keeper.look())
    whole, newest = store.asked
    assert whole > timedelta(hours=24)
    assert newest <= RECENT + timedelta(minutes=10)
    assert store.returns == 1
    assert board.day_version == 1
    states = first["metrics"]["pm25"]["s"][[*first["districts"]].index("mapo-gu")]
    assert states.endswith("22222")
    assert STEPS - 1 <= first["steps"] <= STEPS
    assert board.day.zipped is not None


def test_what_a_back_fill_left_to_roll_up_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first: the day grows backwards while it is read anew at each look, and is then complete."""
    store, board, keeper = kept()

    def waits_below(hours: float) -> None:
        async def day_reach(_: datetime) -> Reach:
            return Reach(NOW, NOW - timedelta(hours=hours))

        monkeypatch.setattr(store, "day_reach", day_reach)

    waits_below(1)
    asyncio.run(keeper.look())
    assert (board.day, store.asked) == (None, [])
    for hours in (3, 6):
        waits_below(hours)
        asyncio.run(keeper.look())
        document = orjson.loads(board.day.plain)
        assert document["first"] >= (NOW.timestamp() - 3600 * (hours - 1)) * 1000
        assert document["steps"] in (6 * hours - 6, 6 * hours - 5)
        assert store.asked[-1] > timedelta(hours=24)
    assert store.returns == 0
    monkeypatch.undo()
    asyncio.run(keeper.look())
    assert orjson.loads(board.day.plain)["steps"] >= STEPS - 1
    assert store.returns == 1


def test_another_day_has_another_version() -> None:
    store, board, keeper = kept()
    asyncio.run(keeper.look())
    for number in (1, 2, 3):
        store.put(number, NOW - timedelta(minutes=13), {"pm25": 400.0})
    asyncio.run(keeper.look())
    assert board.day_version == 2


def test_after_an_error_the_whole_day_is_read_anew_and_the_old_one_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, board, keeper = kept()
    asyncio.run(keeper.look())
    old = board.day
    store.trouble = StoreError("silent", "2")
    asyncio.run(keeper.look())
    assert board.day is old
    store.trouble = None
    asyncio.run(keeper.look())
    assert store.asked[-1] > timedelta(hours=24)
    monkeypatch.setattr(diary, "day_json", lambda *_: 1 / 0)
    asyncio.run(keeper.look())
    assert board.day is old


def test_nobody_watching_leaves_the_database_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "LOOK_S", 0.0)
    store, board, keeper = kept()

    async def run() -> None:
        async with keeper.running():
            for _ in range(20):
                await asyncio.sleep(0)
            assert store.asked == []  # the reader has seen nothing yet
            board.seen.set()
            for _ in range(1000):
                if board.day is not None:
                    break
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert len(store.asked) == 1

    asyncio.run(run())
