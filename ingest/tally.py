"""The ledger's counts of one batch, pure: outcomes of messages and readings by minute and by sensor and day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ingest.fold import Outcome

OUTCOMES = len(Outcome)
#: sensor of what cannot be told to belong to any
NO_SENSOR = 0


class Tally:
    """Counts of one writer; order and content of the rows are those of the ledger's tables."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        #: the minute of the message before: its bounds, its counts, its city day
        self._from = self._until = datetime.min.replace(tzinfo=UTC)
        self._counts: list[int] = []
        self._day = date.min
        #: minute → [messages, messages by outcome …, readings by outcome …]
        self.minutes: dict[datetime, list[int]] = defaultdict(lambda: [0] * (1 + 2 * OUTCOMES))
        #: (sensor, city day) → [messages, readings by outcome …]
        self.sensor_days: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0] * (1 + OUTCOMES))
        #: minute → (reason's code, outcome) → readings quarantined or rejected
        self.reasons: dict[datetime, dict[tuple[str, Outcome], int]] = {}
        self._reasons: dict[tuple[str, Outcome], int] = {}

    def add_message(
        self, at: datetime, outcomes: Sequence[tuple[int, Outcome]], carrier: int = NO_SENSOR
    ) -> Outcome:
        """Count a message that arrived `at` with its readings' (sensor, outcome); returns its own outcome.

        `carrier` is the sensor whose topic it came on: the message counts there, each reading at its sensor.
        """
        worst = outcomes[0][1] if len(outcomes) == 1 else max(outcome for _, outcome in outcomes)
        if not self._from <= at < self._until:
            self._turn_to(at)
        counts, day = self._counts, self._day
        counts[0] += 1
        counts[1 + worst] += 1
        self.sensor_days[carrier or outcomes[0][0], day][0] += 1
        for sensor_id, outcome in outcomes:
            counts[1 + OUTCOMES + outcome] += 1
            self.sensor_days[sensor_id, day][1 + outcome] += 1
        return worst

    def add_stored(self, at: datetime, sensor_id: int, messages: int, readings: int) -> None:
        """Count messages that came from a sensor in the minute of `at`, all of whose readings were stored."""
        if not self._from <= at < self._until:
            self._turn_to(at)
        counts, days = self._counts, self.sensor_days[sensor_id, self._day]
        counts[0] += messages
        counts[1 + Outcome.STORED] += messages
        counts[1 + OUTCOMES + Outcome.STORED] += readings
        days[0] += messages
        days[1 + Outcome.STORED] += readings

    def _turn_to(self, at: datetime) -> None:
        """Messages come minute by minute: what holds for a minute is found once."""
        self._from = at.replace(second=0, microsecond=0)
        self._until = self._from + timedelta(minutes=1)
        self._counts, self._day = self.minutes[self._from], self._from.astimezone(self._zone).date()
        self._reasons = self.reasons.get(self._from, {})

    def add_readings(self, at: datetime, sensor_id: int, outcome: Outcome, count: int) -> None:
        """Count readings that came without a message: an import or a back-fill."""
        minute = at.replace(second=0, microsecond=0)
        self.minutes[minute][1 + OUTCOMES + outcome] += count
        self.sensor_days[sensor_id, minute.astimezone(self._zone).date()][1 + outcome] += count

    def add_reason(self, at: datetime, code: str, outcome: Outcome) -> None:
        """Count why a reading of a message that arrived `at` was refused."""
        if not self._from <= at < self._until:
            self._turn_to(at)
        if not self._reasons:
            self._reasons = self.reasons.setdefault(self._from, {})
        key = (code, outcome)
        self._reasons[key] = self._reasons.get(key, 0) + 1

    def totals(self) -> tuple[list[int], list[int]]:
        """Messages and readings by outcome, over all minutes."""
        sums = [sum(column) for column in zip(*self.minutes.values(), strict=True)] or [0] * (
            1 + 2 * OUTCOMES
        )
        return sums[1 : 1 + OUTCOMES], sums[1 + OUTCOMES :]
