"""What who watches a sensor is told, and what `sdot watch` makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from city.contract import Decoder
from city.db import statement
from ingest import roster
from ingest.announce import WATCH_CHANNEL, Feedback, Watchers
from ingest.message import Message
from ingest.writer import Marks
from tests.inlet import AT, Inlet, message, seoul
from tests.servers.broker import Broker
from tests.servers.postgres import Database
from tests.servers.product import Product
from tests.servers.publisher import Publisher
from tests.waiting import until

TIME = AT - timedelta(hours=1)
SECRET = "0a:1b:2c:3d:4e:5f"


class Ear:
    """Watches a serial, and hears what is told while a batch commits."""

    def __init__(self, inlet: Inlet, conn: psycopg.Connection[Any]) -> None:
        self.inlet, self.conn = inlet, conn
        self._watchers = Watchers(seoul().catalogue, Decoder(seoul().catalogue), seoul())
        conn.execute(f"LISTEN {WATCH_CHANNEL}")

    def watch(self, serial: str) -> None:
        self.conn.execute(statement("watch"), [serial])

    def hears(self, *messages: Message) -> list[dict[str, Any]]:
        """What is told of a batch, in order."""
        self.inlet.writer.write(self.inlet.conn, messages, Marks((), self._watchers.tell))
        self.conn.execute("SELECT pg_notify(%s, 'end')", [WATCH_CHANNEL])
        told = []
        for notice in self.conn.notifies(timeout=20):
            if notice.payload == "end":
                return told
            told.append(json.loads(notice.payload))
        raise AssertionError(f"the end was not told, only {told}")


@pytest.fixture
def ear(embedded_database: Database) -> Iterator[Ear]:
    with Inlet(embedded_database, register="unverified") as inlet, inlet.owner() as conn:
        ear = Ear(inlet, conn)
        ear.watch("a")
        yield ear


def hears_one(ear: Ear, content: Any, **how: Any) -> dict[str, Any]:
    (told,) = ear.hears(message("a", content, **how))
    return told


def test_each_message_of_the_serial_with_its_outcome(ear: Ear):
    contents = [
        {"time": TIME, "pm25": 1},
        {"time": TIME, "pm25": 1},
        {"time": TIME, "pm25": 2},
        b"{",
        b"x" * 300_000,
    ]
    told = ear.hears(*(message(serial, content) for content in contents for serial in ("a", "b")))
    assert [each["outcome"] for each in told] == ["stored", "duplicate", "revised", "quarantined", "rejected"]
    assert {each["serial"] for each in told} == {"a"}
    assert told[0]["at"] == AT.isoformat()
    assert json.loads(told[0]["payload"]) == {"time": TIME.isoformat(), "pm25": 1}
    assert told[0]["readings"][0]["values"] == {"pm25": 1.0}
    assert told[0]["readings"][0]["time"] == TIME.isoformat()
    assert told[3]["readings"] == [
        {"outcome": "quarantined", "notes": [], "reason": told[3]["readings"][0]["reason"], "element": None}
    ]
    assert "not JSON" in told[3]["readings"][0]["reason"]


def test_nobody_watches_any_longer(ear: Ear):
    ear.conn.execute("UPDATE watch SET expires_at = now()")
    assert ear.hears(message("a", {"pm25": 1})) == []


def test_a_batch_that_fails_tells_nothing(ear: Ear):
    ear.conn.execute("ALTER TABLE ledger_minute_writer ADD CONSTRAINT nothing CHECK (messages < 0) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        ear.hears(message("a", {"pm25": 1}))
    assert list(ear.conn.notifies(timeout=0)) == []


def test_a_sensor_behind_a_gateway(ear: Ear):
    ear.inlet.send("gate", {"pm25": 1})
    roster.make_gateway(ear.conn, "gate")
    (told,) = ear.hears(message("gate", [{"pm25": 1, "sensor": "b"}, {"pm25": 2, "sensor": "a"}]))
    assert (told["serial"], told["topic"], len(told["readings"])) == ("a", "sdot/v1/gate/reading", 2)


@pytest.mark.parametrize(
    "content",
    [
        {"pm25": 1, "mac": SECRET},
        {"pm25": "x", "mac": SECRET},
        [{"pm25": 1}, {"pm25": 2, "mac": SECRET}],
        [{"pm25": 1}, {"pm25": "x", "mac": SECRET}],
        [{"pm25": "x"}, {"pm25": 2, "mac": SECRET}],
        f'{{"pm25": 1, "mac": "{SECRET}"'.encode(),
        f'{{"pm25": 1, "mac": "{SECRET}", "mac": 0}}'.encode(),
        json.dumps({"mac": SECRET, "x": "x" * 300_000}).encode(),
    ],
    ids=range(8),
)
def test_a_person_is_not_shown(ear: Ear, content: Any):
    told = hears_one(ear, content)
    assert SECRET not in json.dumps(told)
    assert told["payload"]


def test_what_cannot_be_shown_says_so(ear: Ear):
    assert "not shown" in hears_one(ear, f'{{"mac": "{SECRET}"'.encode())["payload"]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ({"pm25": 1600}, "pm25 flagged: over 1500 µg/m³"),
        (
            {"pm25": 1, "tempreature": 3},
            "kept aside, no known metric: tempreature (did you mean temperature?)",
        ),
        ({"pm25": 1, "district": "atlantis"}, "no district is called atlantis"),
        ({"pm25": 1, "lat": 0, "lon": 0}, "its position is outside the city"),
    ],
)
def test_what_is_odd_is_noted(ear: Ear, content: dict[str, Any], note: str):
    assert note in hears_one(ear, content)["readings"][0]["notes"]


def test_a_long_array_is_told_by_its_first_readings(ear: Ear):
    told = hears_one(ear, [{"time": TIME + timedelta(seconds=second), "pm25": 1} for second in range(500)])
    assert (len(told["readings"]), told["more"]) == (12, 488)


def test_what_notify_cannot_carry_is_cut(ear: Ear):
    every = {metric.key: metric.plausible[1] * 1.01 for metric in seoul().catalogue}
    nasty = {"\x01" * 60 + str(number): "미" * 10 for number in range(9)}
    told = hears_one(
        ear, [every | nasty | {"time": TIME + timedelta(seconds=second)} for second in range(30)]
    )
    assert len(told["readings"]) == 1
    assert told["more"] == 29


@pytest.mark.parametrize(
    "body", [b"\x00\x01\xff" * 500, "미세먼지".encode("utf-16"), b'{"a": "\\u0000"}', b"\x1b[31m"]
)
def test_any_bytes_can_be_told(ear: Ear, body: bytes):
    assert hears_one(ear, body)["outcome"] == "quarantined"


def test_devices_are_told_their_fault_in_a_line_not_more_often_than_they_can_act(ear: Ear):
    feedback = Feedback()
    faults = [
        message("a", [{"pm25": 1}, {"pm25": "12"}]),
        message("a", b"{"),
        message("b", b"{"),
        message("c", {"pm25": 1}),
    ]
    (batch,) = ear.inlet.write(*faults).batches
    lines = dict(feedback.lines(batch))
    assert set(lines) == {"a", "b"}
    assert lines["a"].startswith('reading 2 of 2: "pm25" is text')
    assert list(feedback.lines(batch)) == []


# The command


def test_the_command_shows_messages_in_words(
    embedded_database: Database, broker: Broker, unique_prefix: str, tmp_path: Path
):
    product = Product(embedded_database, broker, unique_prefix, tmp_path)
    try:
        product.ingest()
        watch = product.run("watch", "my-first", "--count", "4")
        until(
            lambda: embedded_database.rows("SELECT 1 FROM watch WHERE serial = 'my-first'"),
            "somebody to watch",
        )
        bodies = [
            '{"pm25": 12.5, "temperature": 20.1, "district": "gangnam-gu", "time": "2026-01-01T00:00:00Z"}',
            '{"pm25": 12.5, "time": "2026-01-01T00:00:00Z"}',
            '{"pm2_5": 3}',
            '{"pm25": "12"}',
        ]
        with Publisher(broker.port) as device:
            for body in bodies:
                device.publish(
                    [(f"{unique_prefix}/my-first/reading", body), (f"{unique_prefix}/other/reading", body)]
                )
        assert watch.wait(30) == 0
    finally:
        product.stop()
    said = " ".join(watch.log_text().split())
    assert f"it publishes to {unique_prefix}/my-first/reading" in said
    assert "Nothing is known of it yet" in said
    words = [
        "stored",
        "PM2.5 12.5 µg/m³",
        "duplicate",
        "Nothing to do",
        "quarantined",
        'did you mean "pm25"?',
        "without the quotation marks",
    ]
    places = [said.find(word) for word in words]
    assert places == sorted(places)
    assert places[0] > 0
    assert embedded_database.rows("SELECT 1 FROM watch") == []
