"""Which part of the chain is away, since when, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.health import SILENT_S, judge
from dashboard.store import StoreError, WorkerRow
from dashboard.text import LANGUAGES

NOW = datetime(2026, 11, 24, 5, 32, 7, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


def worker(slot=0, *, silent_s=1.0, released=False, broker_ok=True, detail=""):
    since = NOW - timedelta(minutes=slot + 1)
    return WorkerRow(slot, silent_s, NOW - timedelta(seconds=silent_s), released, broker_ok, since, detail)


def test_all_is_well_with_one_beating_heart():
    health = judge([worker()], None, LONG_AGO, NOW)
    assert health.ok
    assert health.heard
    assert set(health.parts) == {"database", "ingest", "broker", "slots"}


@pytest.mark.parametrize("trouble", ["silent", "refused", "schema", "failed"])
def test_behind_a_lost_database_nothing_else_is_claimed(trouble):
    health = judge(None, StoreError(trouble, "2"), LONG_AGO, NOW)
    assert health.away == tuple(health.parts) == ("database",)
    part = health.parts["database"]
    assert part.since == LONG_AGO
    assert set(part.detail) == set(LANGUAGES)
    assert all(part.detail.values())


def test_a_heart_that_is_silent_too_long_is_ingest_stopped_since_its_last_beat():
    assert judge([worker(silent_s=SILENT_S)], None, LONG_AGO, NOW).ok
    health = judge([worker(silent_s=SILENT_S + 0.1)], None, LONG_AGO, NOW)
    assert health.away == ("ingest",)
    assert health.parts["ingest"].since == NOW - timedelta(seconds=SILENT_S + 0.1)
    assert "broker" not in health.parts  # nobody is there to say


def test_ingest_that_never_ran_or_was_stopped_is_told_so():
    assert judge([], None, LONG_AGO, NOW).parts["ingest"].detail["en"] == "No ingest process has started yet"
    stopped = judge([worker(released=True, silent_s=60)], None, LONG_AGO, NOW)
    assert stopped.parts["ingest"].detail["en"] == "Ingest was stopped"


def test_ingest_is_not_blamed_while_its_heart_could_not_beat():
    just_now = NOW - timedelta(seconds=SILENT_S - 1)
    health = judge([worker(silent_s=40)], None, just_now, NOW)
    assert health.ok
    assert not health.heard
    assert judge([worker(silent_s=40)], None, NOW - timedelta(seconds=SILENT_S), NOW).away == ("ingest",)


def test_the_broker_is_away_when_no_slot_reaches_it():
    health = judge(
        [worker(0, broker_ok=False, detail="timed out"), worker(1, broker_ok=False)], None, LONG_AGO, NOW
    )
    assert health.away == ("broker",)
    assert health.parts["broker"].since == NOW - timedelta(minutes=1)
    assert "timed out" in health.parts["broker"].detail["en"]


def test_one_slot_without_the_broker_is_named_by_its_number():
    health = judge([worker(0), worker(1, broker_ok=False)], None, LONG_AGO, NOW)
    assert health.away == ("slots",)
    assert "1" in health.parts["slots"].detail["ko"]


def test_a_slot_whose_holder_went_is_an_orphan_and_one_given_up_is_not():
    health = judge([worker(0), worker(1, silent_s=30)], None, LONG_AGO, NOW)
    assert health.away == ("slots",)
    assert health.parts["slots"].since == NOW - timedelta(seconds=30) + timedelta(seconds=SILENT_S)
    assert judge([worker(0), worker(1, silent_s=30, released=True)], None, LONG_AGO, NOW).ok


def test_the_page_gets_times_in_milliseconds_and_words_in_every_language():
    told = judge([worker(silent_s=60)], None, LONG_AGO, NOW).as_json()
    assert told["ok"] is False
    assert told["parts"]["database"] == {
        "ok": True,
        "since": round(LONG_AGO.timestamp() * 1000),
        "detail": {},
    }
    assert set(told["parts"]["ingest"]["detail"]) == set(LANGUAGES)
