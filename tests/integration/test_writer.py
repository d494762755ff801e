"""The wire contract's rules, one by one, in the tables; where an engine could change the outcome, in those of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.message import Message
from tests.inlet import AT, Inlet, message, outcomes
from tests.servers.postgres import Database

TIME = AT - timedelta(hours=1)
MICRO = timedelta(microseconds=1)
#: Outcomes as the ledger calls them.
LEDGER = ("stored", "revised", "duplicate", "quarantined", "rejected")


@pytest.fixture
def inlet(database: Database) -> Iterator[Inlet]:
    with Inlet(database) as inlet:
        yield inlet


@pytest.fixture
def plain(embedded_database: Database) -> Iterator[Inlet]:
    """On the embedded engine alone."""
    with Inlet(embedded_database) as inlet:
        yield inlet


def sent(inlet: Inlet, *contents: Any, at: datetime = AT, serial: str = "a") -> list[str]:
    """Each in a batch of its own."""
    return [outcome for content in contents for outcome in inlet.send(serial, content, at=at)]


def told(revision: int | None = None, **values: Any) -> dict[str, Any]:
    return {"time": TIME} | values | ({} if revision is None else {"revision": revision})


def rows(inlet: Inlet, query: str) -> list[Any]:
    return inlet.conn.execute(query).fetchall()  # type: ignore[call-overload]


def row(inlet: Inlet, columns: str = "pm25, pm10, revision") -> Any:
    (found,) = rows(inlet, f"SELECT {columns} FROM reading")
    return found


def replaced(inlet: Inlet) -> list[Any]:
    return rows(inlet, "SELECT revision, pm25, pm10 FROM reading_revision ORDER BY replaced_at, revision")


def ledger(inlet: Inlet) -> dict[str, int]:
    """Sums over all minutes, without what is 0."""
    names = [f"{kind}{name}" for kind in ("messages_", "") for name in LEDGER]
    (sums,) = rows(inlet, f"SELECT {', '.join(f'sum({name})::int' for name in names)} FROM ledger_minute")
    return {name: count for name, count in zip(names, sums, strict=True) if count}


# The same sensor and instant again


@pytest.mark.parametrize("value", [0.1, 12.133333, 1 / 3, -0.0, 1e-30, 14999.99])
def test_equal_after_rounding_is_a_duplicate(inlet: Inlet, value: float):
    assert sent(inlet, told(pm25=value), told(pm25=value)) == ["stored", "duplicate"]
    assert replaced(inlet) == []


def test_what_differs_beyond_float32_is_a_duplicate(inlet: Inlet):
    assert sent(inlet, told(pm25=1.0), told(pm25=1.00000001), told(pm25=1.000001)) == [
        "stored",
        "duplicate",
        "revised",
    ]


def test_a_duplicate_keeps_the_higher_revision(inlet: Inlet):
    assert sent(inlet, told(1, pm25=1), told(3, pm25=1), told(2, pm25=1)) == [
        "stored",
        "duplicate",
        "duplicate",
    ]
    assert row(inlet) == (1, None, 3)
    assert replaced(inlet) == []


def test_a_late_redelivery_of_what_was_replaced_is_a_duplicate(inlet: Inlet):
    first, second = told(pm25=1, pm10=1), told(pm25=2)
    assert sent(inlet, first, second, first, first) == ["stored", "revised", "duplicate", "duplicate"]
    assert row(inlet) == (2, 1, 0)
    assert replaced(inlet) == [(0, 1, 1)]


def test_a_lower_revision_is_a_duplicate_whose_values_are_kept_once(inlet: Inlet):
    lower = told(1, pm10=9)
    assert sent(inlet, told(2, pm25=1), lower, lower) == ["stored", "duplicate", "duplicate"]
    assert row(inlet) == (1, None, 2)
    assert replaced(inlet) == [(1, None, 9)]


def test_a_revision_replaces_what_it_carries(inlet: Inlet):
    assert sent(inlet, told(pm25=1, pm10=2), told(1, pm25=3), told(1, pm10=None)) == [
        "stored",
        "revised",
        "revised",
    ]
    assert row(inlet) == (3, None, 1)
    assert replaced(inlet) == [(0, 1, 2), (1, 3, 2)]


def test_what_is_replaced_goes_whole(inlet: Inlet):
    sent(inlet, told(pm25=1600, battery=3), told(pm25=1, battery=4, fw="x"))
    assert rows(inlet, "SELECT flags, extra FROM reading_revision") == [(1, {"battery": 3})]
    assert row(inlet, "flags, extra") == (0, {"battery": 4, "fw": "x"})


def test_two_workers_write_the_same_at_once(database: Database):
    def batch() -> list[Message]:
        return [message(f"s{n % 7}", {"time": TIME + n // 7 * MICRO, "pm25": n}) for n in range(210)]

    with (
        Inlet(database, name="ingest/0") as one,
        Inlet(database, name="ingest/1") as two,
        ThreadPoolExecutor(2) as pool,
    ):
        writing = [pool.submit(lambda i=i: [i.write(*batch()) for _ in range(3)]) for i in (one, two)]
        found = [outcome for each in writing for report in each.result() for outcome in outcomes(report)]
    assert (found.count("stored"), found.count("duplicate"), len(found)) == (210, 1050, 1260)
    assert database.value("SELECT count(*) FROM reading") == 210
    assert database.rows("SELECT sum(stored)::int, sum(duplicate)::int FROM ledger_minute") == [(210, 1050)]


# Times


def test_timeless_readings_rise_by_a_microsecond_a_sensor(plain: Inlet):
    plain.send("a", {"pm25": 1}, [{"pm25": 1}, {"pm25": 1}])
    plain.send("b", {"pm25": 1})
    plain.send("a", {"pm25": 1}, at=AT - timedelta(seconds=1))
    found = rows(plain, "SELECT serial, time FROM reading JOIN sensor USING (sensor_id) ORDER BY 1, 2")
    assert found == [*(("a", AT + number * MICRO) for number in range(4)), ("b", AT)]


@pytest.mark.parametrize(
    ("ahead", "outcome"),
    [
        (timedelta(minutes=5), "stored"),
        (timedelta(minutes=5, microseconds=1), "quarantined"),
        (timedelta(days=26_000), "quarantined"),
    ],
)
def test_ahead_of_our_clock(plain: Inlet, ahead: timedelta, outcome: str):
    assert sent(plain, {"time": AT + ahead, "pm25": 1}) == [outcome]


@pytest.mark.parametrize(
    ("horizon", "retention", "floor"),
    [
        (None, None, datetime(2000, 1, 1, tzinfo=UTC)),
        (TIME - timedelta(days=9), None, TIME - timedelta(days=8)),
        (datetime(1990, 1, 1, tzinfo=UTC), None, datetime(2000, 1, 1, tzinfo=UTC)),
        (TIME - timedelta(days=9), timedelta(days=400), TIME - timedelta(days=8)),
    ],
)
def test_the_floor(
    embedded_database: Database, horizon: datetime | None, retention: timedelta | None, floor: datetime
):
    if horizon:
        embedded_database.rows("UPDATE checkpoint SET horizon = %s RETURNING 1", horizon)
    with Inlet(embedded_database, retention=retention) as plain:
        assert sent(plain, {"time": floor, "pm25": 1}, {"time": floor - MICRO, "pm25": 1}) == [
            "stored",
            "quarantined",
        ]
        assert rows(plain, "SELECT code FROM quarantine") == [("too_old",)]


def test_the_floor_of_retention_moves_with_the_clock(embedded_database: Database):
    edge = datetime.now(UTC) - timedelta(days=30)
    with Inlet(embedded_database, retention=timedelta(days=30)) as plain:
        around = [{"time": edge + sign * timedelta(minutes=10), "pm25": 1} for sign in (1, -1)]
        assert sent(plain, *around) == ["stored", "quarantined"]


def test_a_horizon_that_moves_is_heard_at_once(plain: Inlet):
    assert sent(plain, told(pm25=1)) == ["stored"]
    with plain.owner() as person:
        person.execute("UPDATE checkpoint SET horizon = %s", [TIME])
    assert sent(plain, told(pm25=2)) == ["quarantined"]


def test_1970_is_told_that_its_clock_was_never_set(plain: Inlet):
    (refusal,) = plain.refusals("a", {"time": datetime(1970, 1, 1, tzinfo=UTC), "pm25": 1})
    assert "never set" in refusal.text


def test_retained_readings(plain: Inlet):
    assert plain.send("a", told(pm25=1), {"pm25": 1}, retained=True) == ["stored", "quarantined"]
    assert rows(plain, "SELECT code FROM quarantine") == [("retained",)]


# What is measured


def test_implausible_values_are_stored_and_flagged(inlet: Inlet):
    assert sent(inlet, told(pm25=1600, temperature=-60, humidity=50)) == ["stored"]
    assert row(inlet, "pm25, temperature, humidity, flags") == (1600, -60, 50, 1 << 0 | 1 << 4)
    assert rows(inlet, "SELECT bit, kind, detail, flagged_by FROM flag ORDER BY bit") == [
        (0, "range", "over 1500 µg/m³", "ingest/0"),
        (4, "range", "under -50 °C", "ingest/0"),
    ]
    assert rows(inlet, "SELECT pm25_flagged, humidity_flagged FROM latest") == [(True, False)]


def test_a_revision_takes_its_flags_along(inlet: Inlet):
    sent(inlet, told(pm25=1600, temperature=-60), told(pm25=16))
    assert row(inlet, "flags") == (1 << 4,)
    assert rows(inlet, "SELECT bit FROM flag") == [(4,)]


def test_newest_values_are_kept_by_metric(inlet: Inlet):
    sent(
        inlet,
        told(pm25=1, pm10=1),
        {"time": TIME + MICRO, "pm25": 2},
        {"time": TIME - MICRO, "pm10": 9, "noise": 40},
    )
    columns = "time, pm25, pm25_time, pm10, pm10_time, noise, noise_time"
    expected = (TIME + MICRO, 2, TIME + MICRO, 1, TIME, 40, TIME - MICRO)
    assert rows(inlet, f"SELECT {columns} FROM latest") == [expected]


def test_a_null_clears_the_newest_value(inlet: Inlet):
    sent(inlet, told(pm25=1), {"time": TIME + MICRO, "pm25": None})
    assert rows(inlet, "SELECT pm25, pm25_time, pm25_flagged FROM latest") == [(None, TIME + MICRO, False)]


def test_a_late_reading_is_told_as_a_change(inlet: Inlet):
    sent(inlet, told(pm25=1), at=AT)
    sent(inlet, {"time": TIME - MICRO, "pm25": 1}, at=AT + timedelta(minutes=1))
    assert rows(inlet, "SELECT time, changed_at FROM latest") == [(TIME, AT + timedelta(minutes=1))]


def test_changes_of_closed_buckets_are_touched(inlet: Inlet):
    with inlet.owner() as person:
        person.execute("UPDATE checkpoint SET open_from = %s", [TIME])
    late = TIME - MICRO
    sent(inlet, told(pm25=1), {"time": late, "pm25": 1}, {"time": late, "pm25": 1}, {"time": late, "pm25": 2})
    marks = rows(inlet, "SELECT date_bin('5 minutes', time, timestamptz '2000-01-01T00:00Z') FROM touched")
    assert marks == [(TIME - timedelta(minutes=5),)] * 2


# Extra keys and persons


def test_extra_keys_are_kept_and_counted_by_name(plain: Inlet):
    sent(plain, told(pm25=1, battery=3.5), {"pm25": 1, "battery": 3.4, "long": "x" * 3000})
    assert rows(plain, "SELECT extra FROM reading ORDER BY time") == [
        ({"battery": 3.5},),
        ({"battery": 3.4},),
    ]
    counted = rows(plain, "SELECT key, seen, dropped FROM extra_key ORDER BY key")
    assert counted == [("battery", 2, 0), ("long", 0, 1)]


def test_only_32_extra_keys_are_kept(plain: Inlet):
    sent(plain, {"pm25": 1} | {f"k{number:02}": number for number in range(34)})
    (extra,) = row(plain, "extra")
    assert sorted(extra) == [f"k{number:02}" for number in range(32)]
    assert rows(plain, "SELECT key FROM extra_key WHERE dropped = 1 ORDER BY key") == [("k32",), ("k33",)]


SECRET = "0a:1b:2c:3d:4e:5f"


@pytest.mark.parametrize(
    "content",
    [
        told(pm25=1, mac=SECRET),
        told(pm25=1, wifi={"clientMac": SECRET, "seen": [{"bssid": SECRET}]}),
        told(pm25="x", mac=SECRET),
        [told(pm25=1), told(pm25="x", mac=SECRET)],
        [told(pm25=1, mac=SECRET), told(pm25="x")],
        [told(pm25=1), {"mac": SECRET}],
        told(pm25=1, mac=SECRET, time="yesterday"),
        f'{{"pm25": 1, "mac": "{SECRET}"'.encode(),
        f'{{"pm25": NaN, "deviceMac": "{SECRET}"}}'.encode(),
        f'{{"pm25": "x", "mac": "{SECRET}", "mac": null}}'.encode(),
        json.dumps({"pm25": 1, "mac": SECRET}).encode("utf-16"),
        b'{"mac": "' + SECRET.encode() + b'", "x": "' + b"x" * 300_000 + b'"}',
    ],
    ids=range(12),
)
def test_a_person_is_in_no_table(plain: Inlet, content: Any):
    sent(plain, content, content)
    for relation in ("reading", "reading_revision", "extra_key", "latest", "sensor", "site", "flag"):
        assert rows(plain, f"SELECT r FROM {relation} AS r WHERE r::text LIKE '%{SECRET}%'") == []
    assert (
        rows(plain, "SELECT q FROM quarantine AS q WHERE reason LIKE '%0a:1b%' OR topic LIKE '%0a:1b%'") == []
    )
    kept = [
        bytes(payload)
        for (payload,) in rows(plain, "SELECT payload FROM quarantine WHERE payload IS NOT NULL")
    ]
    assert [payload for payload in kept if SECRET.encode() in payload.replace(b"\0", b"")] == []


def test_what_is_no_json_and_names_a_person_leaves_length_and_reason(plain: Inlet):
    body = f'{{"pm25": 1, "mac": "{SECRET}"'.encode()
    sent(plain, body)
    (found,) = rows(plain, "SELECT payload, payload_bytes, length(digest), code FROM quarantine")
    assert found == (None, len(body), 16, "not_json")


# Quarantine and the ledger


def test_a_bad_element_is_quarantined_alone(plain: Inlet):
    assert sent(plain, [told(pm25=1), {"pm25": "x"}, {"time": TIME + MICRO, "pm25": 2}]) == [
        "stored",
        "quarantined",
        "stored",
    ]
    assert rows(plain, "SELECT element, code, outcome FROM quarantine") == [(1, "not_number", "quarantined")]
    assert ledger(plain) == {"messages_quarantined": 1, "stored": 2, "quarantined": 1}


def test_equal_bad_elements_are_counted_each(plain: Inlet):
    sent(plain, [{"pm25": "x"}, {"pm25": "x"}, told(pm25=1)], [{"pm25": "x"}])
    assert rows(plain, "SELECT sum(repeats)::int FROM quarantine") == [(3,)]
    assert ledger(plain)["quarantined"] == 3


@pytest.mark.parametrize(
    ("elements", "worst"),
    [
        ([told(pm25=1)], "stored"),
        ([told(pm25=1), told(pm25=2)], "revised"),
        ([told(pm25=1), told(pm25=2), told(pm25=2)], "duplicate"),
        ([told(pm25=1), told(pm25=1), {}], "quarantined"),
    ],
)
def test_a_message_is_as_good_as_its_worst_reading(plain: Inlet, elements: list[Any], worst: str):
    found = sent(plain, elements)
    assert found[-1] == worst
    counts = ledger(plain)
    assert {name: count for name, count in counts.items() if name.startswith("messages")} == {
        f"messages_{worst}": 1
    }
    assert sum(count for name, count in counts.items() if not name.startswith("messages")) == len(elements)


def test_too_large_is_rejected_and_its_head_kept(plain: Inlet):
    body = b"[" + b" " * 262_144
    assert sent(plain, body) == ["rejected"]
    assert rows(plain, "SELECT outcome, payload, payload_bytes FROM quarantine") == [
        ("rejected", body[:1024], 262_145)
    ]
    assert ledger(plain) == {"messages_rejected": 1, "rejected": 1}


def test_the_same_bad_message_again_is_counted(plain: Inlet):
    sent(plain, b"{", b"{")
    sent(plain, b"{", at=AT + timedelta(hours=1))
    (found,) = rows(plain, "SELECT repeats, arrived_at, last_at, payload FROM quarantine")
    assert found == (3, AT, AT + timedelta(hours=1), b"{")
    assert ledger(plain) == {"messages_quarantined": 3, "quarantined": 3}


def test_a_wrong_topic_belongs_to_no_sensor(plain: Inlet):
    plain.write(message("a", {"pm25": 1}, leaf="data"))
    assert rows(plain, "SELECT topic, serial, sensor_id, code FROM quarantine") == [
        ("sdot/v1/a/data", None, None, "wrong_topic")
    ]
    assert rows(plain, "SELECT sensor_id, messages, quarantined FROM ledger_sensor_day") == [(0, 1, 1)]
    assert rows(plain, "SELECT serial FROM sensor") == []


def test_a_bad_message_registers_nobody(plain: Inlet):
    sent(plain, b"{")
    assert rows(plain, "SELECT serial FROM sensor") == []


def test_the_ledger_is_kept_by_writer_minute_and_city_day(embedded_database: Database):
    midnight = AT.replace(hour=15, minute=0) - timedelta(days=1)  # in Seoul
    for name, at in (("ingest/0", midnight - MICRO), ("ingest/1", midnight - MICRO), ("ingest/1", midnight)):
        with Inlet(embedded_database, name=name) as plain:
            sent(plain, {"time": midnight - timedelta(days=1), "pm25": 1}, at=at)
    last = (midnight - timedelta(minutes=1), 2, 1, 1)
    assert embedded_database.rows(
        "SELECT minute, messages, stored, duplicate FROM ledger_minute ORDER BY 1"
    ) == [
        last,
        (midnight, 1, 0, 1),
    ]
    assert embedded_database.rows(
        "SELECT writer, count(*) FROM ledger_minute_writer GROUP BY 1 ORDER BY 1"
    ) == [
        ("ingest/0", 1),
        ("ingest/1", 2),
    ]
    day = (midnight + timedelta(hours=9)).date()
    by_day = embedded_database.rows(
        "SELECT day, messages, stored, duplicate FROM ledger_sensor_day ORDER BY 1"
    )
    assert by_day == [(day - timedelta(days=1), 2, 1, 1), (day, 1, 0, 1)]


# Status


def test_statuses_tell_whether_a_sensor_is_connected(plain: Inlet):
    sent(plain, told(pm25=1))
    for at, text, online in (
        (1, b"online", True),
        (3, b"offline", False),
        (2, b"online", False),
        (4, b"", False),
    ):
        plain.write(message("a", text, AT + timedelta(seconds=at), leaf="status"))
        assert rows(plain, "SELECT online FROM sensor") == [(online,)]
    assert ledger(plain) == {"messages_stored": 1, "stored": 1}


def test_the_status_of_an_unknown_serial_registers_nobody(plain: Inlet):
    plain.write(message("nobody", b"online", leaf="status"))
    assert rows(plain, "SELECT serial FROM sensor") == []
