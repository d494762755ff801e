"""Readings that come twice, without end, late, out of order, and from clocks that are wrong."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.faults.rig import BACK_S, Rig
from tests.servers.publisher import Publisher
from tests.waiting import until

Message = tuple[str, str]


def test_everything_is_delivered_twice(rig: Rig) -> None:
    rig.worker()
    rig.publish("--twice")
    rig.flow(rig.scale.steady_s * 3)
    rig.settle()
    rig.until_empty()
    assert rig.product.ledger()["duplicate"] == rig.figures.published


def test_one_device_repeats_its_message_for_ever_beside_a_thousand_good_ones(rig: Rig) -> None:
    rig.worker()
    body = json.dumps({"time": datetime.now(UTC).isoformat(), "pm25": 1})
    with _for_ever(rig, [(f"{rig.product.prefix}/stuck/reading", body)] * 200) as sent:
        rig.publish()
        rig.flow(rig.scale.steady_s * 3)
    rig.settle()
    until(lambda: rig.product.ledger()["messages"] == rig.figures.published + sent[0], "the repeats", BACK_S)
    query = "SELECT count(*) FROM reading JOIN sensor USING (sensor_id) WHERE serial = 'stuck'"
    assert rig.product.database.value(query) == 1
    rig.figures.notes["of one device"] = sent[0]


@contextmanager
def _for_ever(rig: Rig, messages: list[Message]) -> Iterator[list[int]]:
    """Publish them again and again; how many messages that was."""
    sent, ending = [0], threading.Event()

    def run() -> None:
        with Publisher(rig.product.broker.port) as device:
            while not ending.wait(0.2):
                device.publish(messages)
                sent[0] += len(messages)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        ending.set()
        thread.join(BACK_S)


def test_readings_come_late_by_days_and_out_of_order(rig: Rig) -> None:
    rig.worker()
    rig.publish()
    now, chance = datetime.now(UTC), random.Random(rig.scale.seed)
    times = [now - timedelta(days=day, minutes=minute) for day in range(60) for minute in range(10)]
    late = [
        (f"{rig.product.prefix}/late-{sensor}/reading", json.dumps({"time": time.isoformat(), "pm25": 5}))
        for time in times
        for sensor in range(3)
    ]
    chance.shuffle(late)
    with Publisher(rig.product.broker.port) as device:
        device.publish(late)
    rig.flow()
    rig.settle()
    assert _count(rig, "late-_") == len(late)


def test_clocks_are_ahead_and_behind(rig: Rig) -> None:
    """Up to 5 minutes ahead is taken, as contract.md says; more is kept in quarantine; what is behind is stored."""
    rig.worker()
    rig.publish()
    clocks = {"ahead": timedelta(minutes=3), "far-ahead": timedelta(minutes=10), "behind": timedelta(days=-3)}
    for _ in range(5):
        with Publisher(rig.product.broker.port) as device:
            device.publish(_of_wrong_clocks(rig, clocks))
        rig.flow(0.5)
    rig.settle()
    counts = {name: _count(rig, name) for name in clocks}
    assert counts == {"ahead": 100, "far-ahead": 0, "behind": 100}
    assert rig.product.ledger()["quarantined"] == 100
    assert rig.product.database.value("SELECT sum(repeats)::int FROM quarantine") == 100


def _of_wrong_clocks(rig: Rig, clocks: dict[str, timedelta]) -> list[Message]:
    now = datetime.now(UTC)
    return [
        (
            f"{rig.product.prefix}/{name}/reading",
            json.dumps({"time": (now + wrong + timedelta(milliseconds=number)).isoformat(), "pm25": 5}),
        )
        for number in range(20)
        for name, wrong in clocks.items()
    ]


def _count(rig: Rig, serial: str) -> object:
    query = "SELECT count(*) FROM reading JOIN sensor USING (sensor_id) WHERE serial LIKE %s"
    return rig.product.database.value(query, serial)
