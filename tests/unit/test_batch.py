"""Messages judged against a registry, without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from city.contract import Decoder
from city.reading import About, Reading
from ingest.batch import Batch, Clock, with_limit
from ingest.fold import Outcome
from ingest.gate import Strangers
from ingest.message import Message, unfold
from ingest.registry import Registry, Sensor
from ingest.tally import Tally
from tests.inlet import AT, message, seoul

FLOOR = datetime(2000, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
TIME = AT - timedelta(hours=1)


def sensor(number: int, serial: str, **more: Any) -> Sensor:
    fields = {"state": "verified", "district_id": 7, "gateway": False, "located": False, "version": 1}
    unset = {"has_model": False, "has_kind": False, "has_position": False}
    return Sensor(number, serial, **(fields | unset | more))


class Stub(Registry):
    """A registry of these sensors."""

    def __init__(self, sensors: Mapping[str, Sensor]) -> None:
        self._known = sensors

    def get(self, serial: str) -> Sensor | None:
        return self._known.get(serial)


KNOWN = [
    sensor(1, "a"),
    sensor(2, "new", state="unverified"),
    sensor(3, "gone", state="retired"),
    sensor(4, "gate", gateway=True),
    sensor(5, "old-gate", gateway=True, state="retired"),
]


def judged(*messages: Message, floor: datetime = FLOOR, clock: Clock | None = None) -> Batch:
    for each in messages:
        unfold(each, Decoder(seoul().catalogue))
    batch = Batch(messages)
    batch.judge(Stub({each.serial: each for each in KNOWN}), clock or Clock(), floor)
    return batch


def codes(batch: Batch) -> list[str | None]:
    return [v.refusal.code if v.refusal else None for verdicts in batch.verdicts for v in verdicts]


def test_a_fact_knows_its_sensor_and_district():
    (fact,) = judged(message("a", {"time": TIME, "pm25": 1, "revision": 3, "battery": 2})).facts
    assert (fact.sensor_id, fact.time, fact.values, fact.revision) == (1, TIME, {"pm25": 1.0}, 3)
    assert (fact.extra, fact.district_id, fact.received_at) == ({"battery": 2}, 7, AT)


def test_an_unverified_sensor_counts_in_no_district():
    assert judged(message("new", {"pm25": 1})).facts[0].district_id is None


@pytest.mark.parametrize(
    ("serial", "content", "code"),
    [
        ("nobody", {"pm25": 1}, "unknown_sensor"),
        ("gone", {"pm25": 1}, "retired"),
        ("a", {"pm25": 1, "time": FLOOR - MICRO}, "too_old"),
        ("a", {"pm25": 1, "sensor": "new"}, "not_a_gateway"),
        ("gate", {"pm25": 1, "sensor": "nobody"}, "unknown_sensor"),
        ("gate", {"pm25": 1, "sensor": "gone"}, "retired"),
        ("old-gate", {"pm25": 1, "sensor": "a"}, "retired"),
    ],
)
def test_refused(serial: str, content: dict[str, Any], code: str):
    batch = judged(message(serial, content))
    assert codes(batch) == [code]
    assert batch.facts == []
    assert batch.verdicts[0][0].outcome is Outcome.QUARANTINED


def test_the_element_of_an_array_is_named():
    batch = judged(message("a", [{"pm25": 1}, {"pm25": 1, "time": FLOOR - MICRO}]))
    assert [case.refusal.index for case in batch.cases()] == [1]
    assert [len(verdicts) for verdicts in batch.verdicts] == [2]


def test_a_gateways_readings_are_its_sensors():
    batch = judged(message("gate", [{"pm25": 1, "sensor": "a"}, {"pm25": 2}, {"pm25": 3, "sensor": "gate"}]))
    assert [fact.sensor_id for fact in batch.facts] == [1, 4, 4]


def test_what_was_sent_before_is_a_duplicate_and_no_fact():
    again = message("a", {"pm25": 1})
    again.repeated = True
    batch = judged(again)
    assert batch.facts == []
    assert batch.verdicts[0][0].outcome is Outcome.DUPLICATE


def test_a_retired_sensors_repeat_is_quarantined_all_the_same():
    again = message("gone", {"pm25": 1})
    again.repeated = True
    assert codes(judged(again)) == ["retired"]


def test_times_of_arrival_rise_by_a_microsecond_a_sensor():
    clock = Clock()
    stamps = [
        clock.stamp(1, AT),
        clock.stamp(1, AT),
        clock.stamp(2, AT),
        clock.stamp(1, AT - timedelta(hours=1)),
    ]
    assert stamps == [AT, AT + MICRO, AT, AT + 2 * MICRO]
    assert clock.stamp(1, AT + timedelta(seconds=1)) == AT + timedelta(seconds=1)


def test_a_batch_tried_again_keeps_the_instants_it_gave():
    clock, arrived = Clock(), [message("a", [{"pm25": 1}, {"pm25": 2}]), message("a", {"pm25": 3})]
    first = [fact.time for fact in judged(*arrived, clock=clock).facts]
    assert (
        [fact.time for fact in judged(*arrived, clock=clock).facts]
        == first
        == [AT, AT + MICRO, AT + 2 * MICRO]
    )


def test_serials_over_the_limit_are_told_so():
    batch = judged(
        message("over", {"pm25": 1}),
        message("nobody", {"pm25": 1}),
        message("gate", {"pm25": 1, "sensor": "over"}),
    )
    assert batch.unknown() == {"over", "nobody"}
    with_limit(batch, frozenset({"over"}), Strangers(600))
    assert codes(batch) == ["registration_limit", "unknown_sensor", "registration_limit"]


def test_a_message_is_counted_at_its_carrier():
    batch = judged(message("gate", {"pm25": 1, "sensor": "a"}), message("a", b"{"), message("nobody", b"{"))
    batch.settle([Outcome.STORED])
    tally = batch.count(Tally(ZoneInfo("UTC")))
    messages = {number: counts[0] for (number, _), counts in tally.sensor_days.items()}
    assert messages == {4: 1, 1: 1, 0: 1}
    assert tally.totals() == ([1, 0, 0, 2, 0], [1, 0, 0, 2, 0])


def test_the_last_status_of_a_sensor_counts():
    texts = [("b", b"online"), ("a", b"online"), ("a", b"offline"), ("a", b""), ("c", b"none")]
    batch = judged(*(message(serial, text, leaf="status") for serial, text in texts))
    assert batch.statuses() == [("a", False, AT), ("b", True, AT)]
    assert codes(batch) == ["status"]


def test_extra_keys_by_name():
    batch = judged(
        message("a", [{"pm25": 1, "k": 1}, {"pm25": 1, "k": 2, "long": "x" * 3000}]), message("a", b"{")
    )
    assert batch.extra_keys() == (Counter(k=2), Counter(long=1))


@pytest.mark.parametrize(
    ("about", "unset", "learns"),
    [
        (About(), {}, False),
        (About(district="jongno-gu"), {}, False),
        (About(district="jongno-gu"), {"district_id": None}, True),
        (About(district="jongno-gu"), {"district_id": None, "located": True}, False),
        (About(latitude=37.5, longitude=127.0), {}, True),
        (About(latitude=37.5, longitude=127.0), {"has_position": True}, False),
        (About(model="M"), {}, True),
        (About(model="M"), {"has_model": True}, False),
        (About(kind="park"), {"has_kind": True}, False),
    ],
)
def test_what_a_description_can_teach(about: About, unset: dict[str, Any], learns: bool):
    assert sensor(1, "a", **unset).learns_from(about) is learns


def test_items_of_a_message_are_readings_or_refusals():
    found = message("a", [{"pm25": 1}, 7]).items
    assert [isinstance(item, Reading) for item in found] == [True, False]
