"""What the History page asks, read from an address: which places, which metrics, which span; pure.

`unit`, `place`, `metric`, `span` or `from` and `to`, `before`: docs/history.md says what each may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast
from zoneinfo import ZoneInfo

from city.errors import SdotError
from city.pack import CityPack
from dashboard.archive import LEVELS, MAX_POINTS, Unit
from dashboard.history_words import trouble

#: Lengths of the presets in the order of the page.
SPANS: Mapping[str, timedelta] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
    "3y": timedelta(days=3 * 365),
}
USUAL_SPAN = "7d"
WEEK = timedelta(days=7)
#: Lines that a chart can tell apart, and panels below each other.
MOST_PLACES, MOST_METRICS = 6, 4
#: Days are the coarsest level, and a chart shows no more points.
MOST_DAYS = MAX_POINTS
#: The database's own zero of time; no sensor of a city is older.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
#: Letters of a wrong word that are told back.
SHOWN = 40

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")


class HistoryError(SdotError):
    """A question that has no answer; `text` says what to do, by language."""

    def __init__(self, code: str, status: int = 400, **values: object) -> None:
        self.code, self.status = code, status
        self.text = trouble(code, **values)
        super().__init__(self.text["en"])


class Params(Protocol):
    """The query of an address, as starlette gives it."""

    def get(self, key: str, default: str = "") -> str:
        """The last value of a name."""

    def getlist(self, key: str) -> list[str]:
        """All values of a name."""

    def __contains__(self, key: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """One address, understood."""

    unit: Unit
    #: codes or serials, the first is selected; empty: nobody chose
    places: tuple[str, ...]
    metrics: tuple[str, ...]
    #: in the city's zone
    start: datetime
    #: in the city's zone, not after now
    end: datetime
    #: one of SPANS, up to now
    preset: bool
    #: the span goes on while one looks
    running: bool
    #: also the time before
    before: bool

    @property
    def shift(self) -> timedelta:
        """How much earlier the compared span lies: a week, or its own length (whole days up) when that is longer."""
        length = self.end - self.start
        return WEEK if length <= WEEK else timedelta(days=-(-length // timedelta(days=1)))


def understood(params: Params, pack: CityPack, now: datetime) -> HistoryQuestion:
    """The question; HistoryError where a part of it makes no sense."""
    unit = params.get("unit") or "district"
    if unit not in LEVELS:
        raise HistoryError("unit", given=unit[:SHOWN])
    start, end = span_of(params, pack.zone, now)
    if (before := params.get("before") or "0") not in ("0", "1"):
        raise HistoryError("before", given=before[:SHOWN])
    places, metrics = places_of(params, unit, pack), metrics_of(params, pack)
    preset = not params.get("from")
    running = end >= now
    return HistoryQuestion(cast("Unit", unit), places, metrics, start, end, preset, running, before == "1")


def metrics_of(params: Params, pack: CityPack) -> tuple[str, ...]:
    """Keys of the metrics, each once; the city's headline where none is named."""
    metrics = tuple(dict.fromkeys(params.getlist("metric"))) or (pack.headline,)
    for key in metrics:
        if key not in pack.catalogue:
            raise HistoryError("metric", 404, given=key[:SHOWN], known=", ".join(pack.catalogue.keys))
    if len(metrics) > MOST_METRICS:
        raise HistoryError("many_metrics", most=MOST_METRICS)
    return metrics


def places_of(params: Params, unit: str, pack: CityPack) -> tuple[str, ...]:
    """Codes or serials, each once; whether a serial is known only the database can say."""
    places = tuple(dict.fromkeys(params.getlist("place")))
    if len(places) > MOST_PLACES:
        raise HistoryError("many_places", most=MOST_PLACES)
    if unit == "sensor" and not places:
        raise HistoryError("no_sensor")
    if unit == "district":
        for code in places:
            if code not in pack.by_code:
                raise HistoryError("district", 404, given=code[:SHOWN], known=", ".join(pack.by_code))
    return places


def span_of(params: Params, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """Start and end in the city's zone; the end is not after `now`."""
    free = params.get("from") or params.get("to")
    preset = params.get("span")
    local = now.astimezone(zone)
    if free:
        if preset:
            raise HistoryError("both")
        return _free(params, zone, local)
    if (length := SPANS.get(preset or USUAL_SPAN)) is None:
        raise HistoryError("span", given=str(preset)[:SHOWN], known=", ".join(SPANS))
    return local - length, local


def _free(params: Params, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    if not params.get("from"):
        raise HistoryError("from_missing")
    start = _instant("from", params.get("from"), zone)
    last = params.get("to")
    end = _instant("to", last, zone) if last else now
    if _DAY.fullmatch(last or ""):  # a day that is named is meant whole
        end = (end + timedelta(days=1)).replace(hour=0, minute=0)
    if start >= now:
        raise HistoryError("future")
    if start < EARLIEST:
        raise HistoryError("early", year=EARLIEST.year)
    if start.astimezone(UTC) >= end.astimezone(UTC):
        raise HistoryError("order")
    end = min(end, now)
    if end - start >= timedelta(days=MOST_DAYS):
        raise HistoryError("long", days=f"{MOST_DAYS:,}")
    return start, end


def _instant(name: str, text: str, zone: ZoneInfo) -> datetime:
    """A day or a minute on the city's clock."""
    try:
        if _DAY.fullmatch(text) or _MINUTE.fullmatch(text):
            instant = datetime.fromisoformat(text).replace(tzinfo=zone)
            instant.astimezone(UTC) + timedelta(days=1)
            return instant
    except (ValueError, OverflowError):
        pass
    raise HistoryError("time", name=name, given=text[:SHOWN])


def shown(places: Sequence[str]) -> str:
    """Words to tell back, not too many."""
    return ", ".join(places)[:SHOWN]
