"""Random sequences written in random batches and one by one end in the same database, which is what the contract says.

The third opinion is the model below: the wire contract's words, applied to one reading after another, without a thought
for batches, COPY or speed.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.writer import Writer
from tests.inlet import AT, Inlet, message, outcomes, seoul
from tests.servers.migrated import migrated
from tests.servers.postgres import Database, Server

SERIALS = ("fold-a", "fold-b", "fold-c")
FIRST = AT - timedelta(hours=3)
TIMES = [FIRST + timedelta(minutes=10 * number) for number in range(3)]
#: Changes below leave a row in `touched`.
OPEN_FROM = TIMES[1]
METRICS = ("pm25", "temperature", "visitors", "wind_direction")
#: 16777217 is 16777216 as a float32; 0.1 is another number then; −0 equals 0; -60 and 1600 are implausible.
VALUES = (None, 0, -0.0, 0.1, 1.0, 1.0000000001, 2, 100.5)
EXTREMES = {
    "pm25": (1600.0, -1.0),
    "temperature": (-60.0,),
    "visitors": (16777215, 16777216),
    "wind_direction": (361.0,),
}
IMPOSSIBLE = {"pm25": 99999, "temperature": 5000, "visitors": -1, "wind_direction": 1e9}


# What is sent


def _carried(metric: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(VALUES + EXTREMES[metric]).map(lambda value: {metric: value})


#: One metric, mostly the same, so that readings meet; now and then several, or one that is refused.
METRIC = st.sampled_from([METRICS[0], *METRICS])
VALUE = METRIC.flatmap(_carried)
MANY = st.lists(VALUE, min_size=2, max_size=4).map(
    lambda each: {k: v for one in each for k, v in one.items()}
)
REFUSED = st.sampled_from([{metric: value} for metric, value in IMPOSSIBLE.items()] + [{}])
READING = st.builds(
    lambda values, *others: dict(values, **{k: v for other in others for k, v in other.items()}),
    st.sampled_from([VALUE] * 8 + [MANY] * 3 + [REFUSED]).flatmap(lambda kind: kind),
    st.sampled_from([{}, {}, {"revision": 0}, {"revision": 1}, {"revision": 2}, {"revision": 2**31 - 1}]),
    st.sampled_from([{}, {}, {"extra_key": "a"}, {"extra_key": None}, {"other_key": [1, True]}]),
)
INSTANT = st.sampled_from([TIMES[0], *TIMES * 6, None, None, datetime(1999, 5, 1, tzinfo=UTC)])


@dataclass(frozen=True)
class Sent:
    """One message of a sequence."""

    serial: str
    #: (time or None, the rest of the reading)
    readings: list[tuple[datetime | None, dict[str, Any]]]
    #: seconds since the message before
    after: float
    #: the batch ends with it, and whether the next one looks first for what is there
    closes: bool
    looks: bool

    def content(self) -> Any:
        """What its body says."""
        told = [rest | ({"time": time} if time else {}) for time, rest in self.readings]
        return told[0] if len(told) == 1 else told


SENT = st.builds(
    Sent,
    st.sampled_from([SERIALS[0], SERIALS[0], *SERIALS]),
    st.lists(st.tuples(INSTANT, READING), min_size=1, max_size=3),
    st.sampled_from([0, 0, 1, 70]),
    st.booleans(),
    st.booleans(),
)


def _with_repeats(sent: list[tuple[Sent, int]]) -> list[Sent]:
    """Some say again what was said so many messages before, as a broker does that was not acknowledged."""
    said: list[Sent] = []
    for one, back in sent:
        again = said[-back] if 0 < back <= len(said) else one
        said.append(replace(one, serial=again.serial, readings=again.readings))
    return said


SEQUENCE = st.lists(st.tuples(SENT, st.sampled_from([0, 0, 0, 1, 2, 3, 4])), min_size=3, max_size=16).map(
    _with_repeats
)


# The model


@dataclass
class Model:
    """What the contract's words make of a sequence."""

    rows: dict[Any, dict[str, Any]] = field(default_factory=dict)
    #: (serial, time, revision, values, extra, replaced at)
    replaced: list[tuple[Any, ...]] = field(default_factory=list)
    #: (serial, metric) → instants at which a reading that counts carried it
    carried: dict[tuple[str, str], set[datetime]] = field(default_factory=dict)
    changed_at: dict[str, datetime] = field(default_factory=dict)
    touched: set[tuple[str, datetime]] = field(default_factory=set)
    outcomes: list[list[str]] = field(default_factory=list)
    arrivals: dict[str, datetime] = field(default_factory=dict)

    def take(self, sent: Sent, at: datetime) -> None:
        """A message arrived."""
        self.outcomes.append([self._reading(sent.serial, time, rest, at) for time, rest in sent.readings])

    def _reading(self, serial: str, time: datetime | None, rest: dict[str, Any], at: datetime) -> str:
        given = {metric: rest[metric] for metric in METRICS if metric in rest}
        if not given or any(given.get(metric) == value for metric, value in IMPOSSIBLE.items()):
            return "quarantined"
        if time is not None and time < datetime(2000, 1, 1, tzinfo=UTC):
            return "quarantined"
        if time is None:
            time = at
            if serial in self.arrivals and time <= self.arrivals[serial]:
                time = self.arrivals[serial] + timedelta(microseconds=1)
            self.arrivals[serial] = time
        values = {metric: _single(value) for metric, value in given.items()}
        extra = {key: rest[key] for key in ("extra_key", "other_key") if key in rest}
        outcome = self._judged(serial, time, values, rest.get("revision", 0), extra, at)
        if outcome != "duplicate":
            for metric in values:
                self.carried.setdefault((serial, metric), set()).add(time)
            self.changed_at[serial] = max(at, self.changed_at.get(serial, at))
            if time < OPEN_FROM:
                self.touched.add((serial, time))
        return outcome

    def _judged(
        self,
        serial: str,
        time: datetime,
        values: dict[str, Any],
        revision: int,
        extra: dict[str, Any],
        at: datetime,
    ) -> str:
        row = self.rows.get((serial, time))
        if row is None:
            self.rows[serial, time] = {
                "revision": revision,
                "extra": extra,
                "received_at": at,
                "values": values,
            }
            return "stored"
        if all(row["values"].get(metric) == value for metric, value in values.items()):
            row["revision"] = max(revision, row["revision"])
            return "duplicate"
        for old_serial, old_time, old_revision, old_values, _, _ in self.replaced:
            same = (old_serial, old_time, old_revision) == (serial, time, revision)
            if same and all(old_values.get(metric) == value for metric, value in values.items()):
                return "duplicate"
        if revision < row["revision"]:
            self.replaced.append((serial, time, revision, values, extra, at))
            return "duplicate"
        self.replaced.append((serial, time, row["revision"], dict(row["values"]), dict(row["extra"]), at))
        row["values"] = row["values"] | values
        row["extra"] = row["extra"] | extra
        row["revision"] = revision
        return "revised"

    # As the database tells it

    def reading(self) -> list[tuple[Any, ...]]:
        return sorted(
            (serial, time, row["received_at"], row["revision"], *_written(row))
            for (serial, time), row in self.rows.items()
        )

    def reading_revision(self) -> list[tuple[Any, ...]]:
        return _sorted(
            (serial, time, revision, at, _flags(values), _text(extra), *map(values.get, METRICS))
            for serial, time, revision, values, extra, at in self.replaced
        )

    def latest(self) -> list[tuple[Any, ...]]:
        found = []
        for serial in sorted({serial for serial, _ in self.rows}):
            line: list[Any] = [
                serial,
                max(time for key, time in self.rows if key == serial),
                self.changed_at[serial],
            ]
            for metric in METRICS:
                times = self.carried.get((serial, metric))
                value = self.rows[serial, max(times)]["values"].get(metric) if times else None
                line += [value, max(times) if times else None, _implausible(metric, value) if times else None]
            found.append(tuple(line))
        return found

    def flag(self) -> list[tuple[Any, ...]]:
        return sorted(
            (serial, time, seoul().catalogue[metric].bit)
            for (serial, time), row in self.rows.items()
            for metric, value in row["values"].items()
            if _implausible(metric, value)
        )

    def ledger(self) -> Counter[str]:
        ranks = ("stored", "revised", "duplicate", "quarantined", "rejected")
        counts = Counter(outcome for each in self.outcomes for outcome in each)
        counts.update("messages_" + max(each, key=ranks.index) for each in self.outcomes)
        return counts + Counter(messages=len(self.outcomes))


def _single(value: float | None) -> float | None:
    return None if value is None else struct.unpack("f", struct.pack("f", value))[0]


def _implausible(metric: str, value: float | None) -> bool:
    low, high = seoul().catalogue[metric].plausible
    return value is not None and (value < low or value > high)


def _flags(values: dict[str, Any]) -> int:
    return sum(1 << seoul().catalogue[key].bit for key, value in values.items() if _implausible(key, value))


def _written(row: dict[str, Any]) -> tuple[Any, ...]:
    return _flags(row["values"]), _text(row["extra"]), *map(row["values"].get, METRICS)


def _text(extra: dict[str, Any] | None) -> str:
    return repr(sorted((extra or {}).items()))


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


# The databases


class Noting(Writer):
    """Notes which ways into the table were taken."""

    ways: ClassVar[Counter[str]] = Counter()

    def look_first(self) -> None:
        self.ways["unique violation"] += 1
        super().look_first()

    def look(self, first: bool) -> None:
        self._look_first = 100 if first else 0
        self.ways["look first" if first else "copy"] += 1


COLUMNS = ", ".join(METRICS)
LATEST = ", ".join(f"{key}, {key}_time, {key}_flagged" for key in METRICS)
QUERIES = {
    "reading": f"SELECT serial, time, received_at, revision, flags, extra, {COLUMNS} FROM reading JOIN sensor USING (sensor_id)",
    "reading_revision": f"SELECT serial, time, revision, replaced_at, r.flags, extra, {COLUMNS} FROM reading_revision AS r"
    " JOIN sensor USING (sensor_id)",
    "latest": f"SELECT serial, time, changed_at, {LATEST} FROM latest JOIN sensor USING (sensor_id)",
    "flag": "SELECT serial, time, bit, kind, detail, flagged_by FROM flag JOIN sensor USING (sensor_id)",
    "touched": "SELECT DISTINCT serial, time FROM touched JOIN sensor USING (sensor_id)",
    "ledger_minute": "SELECT * FROM ledger_minute_writer",
    "ledger_sensor_day": "SELECT serial, l.* FROM ledger_sensor_day_writer AS l LEFT JOIN sensor USING (sensor_id)",
    "quarantine": "SELECT topic, code, reason, element, repeats, arrived_at, last_at, payload FROM quarantine",
}
#: Tables of a sequence, emptied before the next.
TABLES = (
    "reading", "reading_revision", "latest", "flag", "touched", "ledger_minute_writer", "ledger_sensor_day_writer",
    "quarantine", "extra_key",
)  # fmt: skip


class Side:
    """One of the two databases with its writer."""

    def __init__(self, database: Database) -> None:
        self.owner = database.connect()
        self.owner.execute("UPDATE checkpoint SET open_from = %s", [OPEN_FROM])
        self.inlet = Inlet(database, writer=Noting)
        for serial in SERIALS:  # so that both know them by the same numbers
            self.inlet.send(serial, {"pm25": 1, "time": FIRST})

    def empty(self) -> None:
        """As after migration, but for the registry; the writer forgets what it has seen."""
        for table in TABLES:
            self.owner.execute(f"DELETE FROM {table}")
        self.inlet.writer._clock = type(self.inlet.writer._clock)()

    def write(self, batch: list[tuple[Sent, datetime]], look: bool) -> list[str]:
        """Commit a batch, looking first or not; outcomes of its readings."""
        self.inlet.writer.look(look)
        return outcomes(self.inlet.write(*(message(sent.serial, sent.content(), at) for sent, at in batch)))

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that was written."""
        return {
            name: _sorted(self.owner.execute(query, binary=True).fetchall())
            for name, query in QUERIES.items()
        }

    def close(self) -> None:
        """Hang up."""
        self.inlet.conn.close()
        self.owner.close()


@pytest.fixture
def sides(server: Server) -> Iterator[tuple[Side, Side]]:
    """Two databases of the same engine: one for batches, one for one by one."""
    databases = [server.create(migrated(server)) for _ in range(2)]
    pair = Side(databases[0]), Side(databases[1])
    yield pair
    for side, database in zip(pair, databases, strict=True):
        side.close()
        server.drop(database)


def test_batches_and_one_by_one_are_the_same(sides: tuple[Side, Side]) -> None:
    Noting.ways.clear()

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(SEQUENCE)
    def check(sequence: list[Sent]) -> None:
        _check(sides, sequence)

    check()
    assert all(Noting.ways[way] for way in ("copy", "look first", "unique violation"))


def _check(sides: tuple[Side, Side], sequence: list[Sent]) -> None:
    batched, single = sides
    batched.empty()
    single.empty()
    model, at = Model(), AT
    batch: list[tuple[Sent, datetime]] = []
    told: tuple[list[str], list[str]] = [], []
    for number, sent in enumerate(sequence):
        at += timedelta(seconds=sent.after)
        model.take(sent, at)
        told[1].extend(single.write([(sent, at)], sent.looks))
        batch.append((sent, at))
        if sent.closes or number == len(sequence) - 1:
            told[0].extend(batched.write(batch, sent.looks))
            batch = []
    tables = batched.tables()
    assert tables == single.tables()
    expected = [outcome for each in model.outcomes for outcome in each]
    assert told == (expected, expected)
    _check_model(model, tables)


def _check_model(model: Model, tables: dict[str, list[tuple[Any, ...]]]) -> None:
    def with_text(rows: list[tuple[Any, ...]], place: int) -> list[tuple[Any, ...]]:
        return _sorted((*row[:place], _text(row[place]), *row[place + 1 :]) for row in rows)

    assert with_text(tables["reading"], 5) == _sorted(model.reading())
    assert with_text(tables["reading_revision"], 5) == model.reading_revision()
    assert tables["latest"] == _sorted(model.latest())
    assert [row[:3] for row in tables["flag"]] == _sorted(model.flag())
    assert tables["touched"] == _sorted(model.touched)
    names = ("messages", *(f"messages_{name}" for name in OUTCOMES), *OUTCOMES)
    sums = [sum(column) for column in zip(*(row[2:] for row in tables["ledger_minute"]), strict=True)]
    assert Counter({name: n for name, n in zip(names, sums, strict=True) if n}) == model.ledger()
    days = [sum(column) for column in zip(*(row[4:] for row in tables["ledger_sensor_day"]), strict=True)]
    assert days == [sums[0], *sums[-5:]]
    assert sum(row[4] for row in tables["quarantine"]) == model.ledger()["quarantined"]


OUTCOMES = ("stored", "revised", "duplicate", "quarantined", "rejected")
