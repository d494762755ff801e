"""Every kind of bad message, on a real broker into a real database: its outcome, its reason, and the good ones around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import BROKERS, Pool
from tests.servers.postgres import Database
from tests.servers.product import Product
from tests.servers.publisher import Publisher
from tests.waiting import until

GOOD, BAD = list(wire.good()), list(wire.bad())
NEIGHBOUR = b'{"time": "2025-06-01T12:00:00+09:00", "pm25": 7.5}'
PREFIX = "contract/v1"


def _messages() -> Iterator[tuple[str, bytes]]:
    """All samples, each bad one between two good ones of other sensors."""
    for sample in GOOD:
        yield f"{PREFIX}/{sample.topic}", sample.payload
    for number, sample in enumerate(BAD):
        yield f"{PREFIX}/before-{number}/reading", NEIGHBOUR
        yield f"{PREFIX}/{sample.topic}", sample.payload
        yield f"{PREFIX}/after-{number}/reading", NEIGHBOUR


@pytest.fixture(scope="module", params=BROKERS)
def told(
    request: pytest.FixtureRequest, pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Product, dict[str, str]]]:
    """The product after all samples went through it, and what the devices were told, by serial."""
    try:
        server, broker = pool.server("embedded"), pool.broker(request.param)
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    product = Product(database, broker, PREFIX, tmp_path_factory.mktemp("product"))
    product.settings["SDOT_RETENTION_RAW"] = "forever"
    try:
        yield product, _send_all(product)
    finally:
        product.stop()
        server.drop(database)


def _send_all(product: Product) -> dict[str, str]:
    product.ingest()
    messages = list(_messages())
    statuses = sum(sample.stored == 0 for sample in GOOD)  # which are no readings, and so not in the ledger
    refused = sum(sample.outcome == "quarantined" and _can_be_told(sample) for sample in BAD)
    with Publisher(product.broker.port) as device:
        device.listen(f"{PREFIX}/+/error")
        device.publish(messages)
        product.until_counted(len(messages) - statuses)
        until(lambda: len(_told(device)) >= refused, f"{refused} devices to be told")
        return _told(device)


def _told(device: Publisher) -> dict[str, str]:
    return {topic.split("/")[-2]: line.decode() for topic, line in device.heard if line}


def _can_be_told(sample: wire.Sample) -> bool:
    """Whether the topic has a serial, so that a device can be told."""
    return sample.topic.startswith(("bad-", "status-"))


@pytest.fixture
def database(told: tuple[Product, dict[str, str]]) -> Database:
    """Where all went."""
    return told[0].database


def _readings(database: Database, serial: str) -> list[tuple[Any, ...]]:
    query = "SELECT pm25, flags, extra FROM reading JOIN sensor USING (sensor_id) WHERE serial = %s"
    return database.rows(query, serial)


@pytest.mark.parametrize("sample", GOOD, ids=lambda sample: sample.name)
def test_good_message_is_stored(database: Database, sample: wire.Sample) -> None:
    rows = _readings(database, sample.serial)
    assert len(rows) == sample.stored
    assert all(
        (flags != 0) == sample.flagged and len(extra or {}) == sample.extra for _, flags, extra in rows
    )
    assert database.rows("SELECT reason FROM quarantine WHERE topic = %s", f"{PREFIX}/{sample.topic}") == []


@pytest.mark.parametrize("sample", BAD, ids=lambda sample: sample.name)
def test_bad_message_ends_as_documented(database: Database, sample: wire.Sample) -> None:
    query = "SELECT outcome, code, reason, element, repeats, payload, payload_bytes FROM quarantine WHERE topic = %s"
    ((outcome, code, reason, element, repeats, payload, size),) = database.rows(
        query, f"{PREFIX}/{sample.topic}"
    )
    assert (outcome, code, element, repeats) == (sample.outcome, sample.code, sample.element, 1)
    assert sample.reason in str(reason)
    assert size == (len(sample.payload) if element is None else len(payload))
    assert len(_readings(database, sample.serial)) == sample.stored
    _check_kept(sample, payload)


def _check_kept(sample: wire.Sample, payload: Any) -> None:
    if sample.kept == "none":
        assert payload is None
    elif sample.kept == "nulled":
        assert json.loads(payload)["mac"] is None
    elif sample.outcome == "rejected":
        assert sample.payload.startswith(payload)
        assert len(payload) < len(sample.payload)
    elif sample.element is not None:  # alone: the good ones around it are stored
        assert json.loads(payload) == json.loads(sample.payload)[sample.element]
    else:
        assert bytes(payload) == sample.payload


@pytest.mark.parametrize("number", range(len(BAD)), ids=lambda number: BAD[number].name)
def test_the_good_ones_around_it_are_stored(database: Database, number: int) -> None:
    for serial in (f"before-{number}", f"after-{number}"):
        assert [row[0] for row in _readings(database, serial)] == [7.5]


def test_the_device_is_told_why(told: tuple[Product, dict[str, str]]) -> None:
    lines = told[1]
    for sample in BAD:
        if sample.outcome == "quarantined" and _can_be_told(sample):
            assert sample.reason in lines[sample.serial], sample.name
            assert "\n" not in lines[sample.serial]


def test_the_ledger_adds_up(told: tuple[Product, dict[str, str]]) -> None:
    ledger = told[0].ledger()
    neighbours = 2 * len(BAD)
    assert ledger["stored"] == sum(sample.stored for sample in [*GOOD, *BAD]) + neighbours
    assert ledger["quarantined"] == sum(sample.outcome == "quarantined" for sample in BAD)
    assert ledger["rejected"] == sum(sample.outcome == "rejected" for sample in BAD)
    assert (ledger["revised"], ledger["duplicate"]) == (0, 0)
    assert ledger["stored"] == told[0].database.value("SELECT count(*) FROM reading")


def test_a_person_is_in_no_table(database: Database) -> None:
    for relation in ("reading", "quarantine", "reading_revision", "extra_key"):
        text = f"SELECT count(*) FROM {relation} AS r WHERE r::text LIKE ANY (ARRAY['%%0a:1b:2c%%', '%%450080123456789%%'])"
        assert database.value(text) == 0
    kept = "SELECT count(*) FROM quarantine WHERE encode(payload, 'escape') ~ '0a:1b:2c|450080123456789'"
    assert database.value(kept) == 0


def test_the_table_with_sql_in_a_serial_is_still_there(database: Database) -> None:
    assert database.value("SELECT to_regclass('reading') IS NOT NULL")
    assert database.value("SELECT count(*) FROM sensor WHERE serial ~ '[^A-Za-z0-9._:-]'") == 0


def test_counted_extra_keys_are_those_that_came(database: Database) -> None:
    seen, dropped = database.rows("SELECT sum(seen), sum(dropped) FROM extra_key WHERE key ~ '^k[0-9]{2}$'")[
        0
    ]
    assert (seen, dropped) == (32, 8)


def test_ingest_has_said_nothing_of_an_exception(told: tuple[Product, dict[str, str]]) -> None:
    log = Path(told[0].started[0].log).read_text()
    assert "Traceback" not in log
