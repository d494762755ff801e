"""The archive on each engine and its twin in memory: the same readings in give the same answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from dashboard import archive_postgres
from dashboard.archive import LEVELS, Archive, Hours, Known, Level, Limit, Outage, Question, Series, utc64
from dashboard.archive_memory import MemoryArchive
from dashboard.archive_postgres import PgArchive
from maintain.rollup import Refresher
from tests.inlet import Inlet, message, seoul
from tests.servers.postgres import Database

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
START = END - timedelta(hours=50)
STEP = timedelta(minutes=10)
#: serial → (district, state): two in one district, one in another, one that nobody verified
SENSORS = {
    "A-1": ("mapo-gu", "verified"), "a-2": ("mapo-gu", "verified"), "b-1": ("jongno-gu", "verified"),
    "a-new": ("mapo-gu", "unverified"),
}  # fmt: skip
METRICS = ("pm25", "wind_direction", "visitors")
#: Over 30 in the first half of the span, over 50 in the second.
LIMITS = (
    Limit(START - timedelta(days=9), START + timedelta(hours=25), 30.0),
    Limit(START + timedelta(hours=25), END, 50.0),
)
Ask = Callable[[Archive], Awaitable[Any]]


def values_of(serial: str, k: int) -> dict[str, float]:
    """One reading; 1600 is beyond what is plausible, and so flagged."""
    shift = list(SENSORS).index(serial)
    return {
        "pm25": 1600.0 if k % 11 == 3 else float((7 * k + 13 * shift) % 71),
        "wind_direction": float((351 + 4 * k + 21 * shift) % 360), "visitors": float((k + shift) % 5),
    }  # fmt: skip


def silent(serial: str, k: int) -> bool:
    """One falls silent for three hours, all for two."""
    return (serial == "a-2" and 100 <= k < 118) or 200 <= k < 212


class Twins:
    """The same readings, put into both."""

    def __init__(self, database: Database) -> None:
        self.database, self.memory = database, MemoryArchive(seoul())
        steps = list(range((END - START) // STEP))
        with database.connect() as owner:
            for state in ("verified", "unverified"):
                with Inlet(database, register=state) as inlet:
                    for serial, (district, wanted) in SENSORS.items():
                        if wanted == state:
                            self._send(inlet, serial, district, [k for k in steps if not silent(serial, k)])
            refresher = Refresher(owner, seoul().catalogue)
            while refresher.refresh().more:
                pass

    def _send(self, inlet: Inlet, serial: str, district: str, steps: list[int]) -> None:
        times = [START + k * STEP for k in steps]
        bodies = [
            {"time": time.isoformat(), "district": district, **values_of(serial, k)}
            for time, k in zip(times, steps, strict=True)
        ]
        inlet.write(*(message(serial, body) for body in bodies))
        self.memory.put_sensor(serial, district, SENSORS[serial][1])
        for metric in METRICS:
            values = [values_of(serial, k)[metric] for k in steps]
            flagged = [metric == "pm25" and value > 1000 for value in values]
            self.memory.put(serial, metric, np.array([utc64(time) for time in times]), values, flagged)

    def ask(self, *questions: Ask) -> list[tuple[Any, Any]]:
        """Both answers to each question: the database's, as who may only read, and the twin's."""

        async def both() -> list[tuple[Any, Any]]:
            real = PgArchive(self.database.url_as("sdot_dashboard"), seoul())
            try:
                return [(await question(real), await question(self.memory)) for question in questions]
            finally:
                await real.close()

        return asyncio.run(both())


@pytest.fixture(autouse=True)
def halved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question that can be is asked as two; `test_archive` asks them whole."""
    monkeypatch.setattr(archive_postgres, "HALVED", 1)


@pytest.fixture
def twins(database: Database) -> Twins:
    return Twins(database)


def alike(real: Sequence[Series | Hours], twin: Sequence[Series | Hours]) -> None:
    """The same places with the same columns; float32 sums differ in their last digit."""
    assert [one.place for one in real] == [one.place for one in twin]
    for one, two in zip(real, twin, strict=True):
        for name, column in vars(one).items():
            if name == "place":
                continue
            where = f"{name} of {one.place}"
            if column.dtype.kind == "f":
                np.testing.assert_allclose(column, getattr(two, name), rtol=2e-5, atol=2e-4, err_msg=where)
            else:
                np.testing.assert_array_equal(column, getattr(two, name), err_msg=where)


def test_both_give_the_same_answers(twins: Twins) -> None:
    """One filling of the database for all questions: it is what takes the time."""
    series_of_every_unit_level_and_metric(twins)
    hours_over_the_limit_of_their_time(twins)
    what_is_left_out_known_and_found(twins)
    what_ingest_noted_of_its_troubles(twins)
    hours_that_never_were_are_not_gone_and_dropped_ones_are(twins)


def series_of_every_unit_level_and_metric(twins: Twins) -> None:
    # a span whose ends lie within buckets
    start, end = START + timedelta(minutes=7), END - timedelta(minutes=33)
    asked = [
        Question(unit, places, metric, start, end, level)
        for unit, places in (("district", ("mapo-gu", "jongno-gu", "jung-gu")), ("sensor", ("b-1", "A-1", "x")))
        for level in LEVELS[unit]  # type: ignore[index]
        for metric in METRICS
    ]  # fmt: skip
    answers = twins.ask(*(lambda archive, one=one: archive.ask(one) for one in asked))
    for question, (real, twin) in zip(asked, answers, strict=True):
        assert len(real) == 2, question
        alike(real, twin)


def hours_over_the_limit_of_their_time(twins: Twins) -> None:
    asked = [
        Question(unit, places, metric, START, END, level)
        for unit, places in (("district", ("jongno-gu", "mapo-gu")), ("sensor", ("A-1", "a-2")))
        for level in (Level.TEN_MINUTES, Level.HOUR, Level.DAY)
        for metric in ("pm25", "visitors")
    ]  # fmt: skip
    answers = twins.ask(*(lambda archive, one=one: archive.hours(one, LIMITS) for one in asked))
    for question, (real, twin) in zip(asked, answers, strict=True):
        alike(real, twin)
        (place, *_), hours = real, sum(int(one.hours.sum()) for one in real)
        # of 50 hours each, one in which all were silent, and two more in which one was
        assert hours == 2 * 49 - (2 if question.unit == "sensor" else 0), question
        assert place.over.sum() <= place.hours.sum()
    hourly = next(
        real for question, (real, _) in zip(asked, answers, strict=True) if question.metric == "pm25"
    )
    assert 0 < sum(int(one.over.sum()) for one in hourly) < 96


def what_is_left_out_known_and_found(twins: Twins) -> None:
    mapo = Question("district", ("mapo-gu",), "pm25", START, END, Level.HOUR)
    one = Question("sensor", ("b-1",), "pm25", START, END, Level.HOUR)
    new = Question("sensor", ("a-new",), "pm25", START, END, Level.HOUR)
    asked: list[Ask] = [lambda archive, q=q: archive.left_out(q) for q in (mapo, one, new)]  # type: ignore[misc]
    asked += [
        lambda archive: archive.sensors(["b-1", "nobody", "A-1"]),
        lambda archive: archive.find("a-", 20),
        lambda archive: archive.find("1", 1),
        lambda archive: archive.find("%", 20),
    ]
    answers = twins.ask(*asked)
    for real, twin in answers[:3]:
        assert real == twin
        assert real[0] > 0
    assert answers[0][0][1] > 0
    assert answers[1][0][1] == 0
    for real, twin in answers[3:]:
        assert list(real) == list(twin)
    assert answers[4][0] == [
        Known("A-1", "verified", "mapo-gu"), Known("a-2", "verified", "mapo-gu"), Known("a-new", "unverified", "mapo-gu"),
    ]  # fmt: skip
    assert [len(real) for real, _ in answers[5:]] == [1, 0]


def what_ingest_noted_of_its_troubles(twins: Twins) -> None:
    hour = timedelta(hours=1)
    noted = [
        ("broker_away", 0, START - 3 * hour, START - 2 * hour), ("database_away", 1, START - hour, START + hour),
        ("orphaned_slot", 2, END - hour, None),
    ]  # fmt: skip
    with twins.database.connect() as owner:
        for kind, slot, began, ended in noted:
            owner.execute(
                "INSERT INTO gap (kind, slot, writer, began_at, ended_at, lossy, detail) VALUES (%s, %s, 'x', %s, %s, false, '')",
                (kind, slot, began, ended),
            )
    twins.memory.noted = [Outage(*one) for one in noted]
    ((real, twin),) = twins.ask(lambda archive: archive.outages(START, END))
    assert list(real) == list(twin) == [Outage(*one) for one in noted[1:]]


def hours_that_never_were_are_not_gone_and_dropped_ones_are(twins: Twins) -> None:
    ((kept, _),) = twins.ask(lambda archive: archive.kept())
    assert kept.hours.year == kept.raw.year == 2000
    assert START - timedelta(days=2) < kept.first <= START
    with twins.database.connect() as owner:
        owner.execute("DELETE FROM district_hour WHERE bucket < %s", (END - timedelta(hours=9),))
        owner.execute("UPDATE checkpoint SET horizon = %s", (START,))
    ((kept, _),) = twins.ask(lambda archive: archive.kept())
    assert kept.hours == END - timedelta(hours=9)
    assert kept.raw == START
