"""What a viewer asks History for, out of the words of an address; what cannot be answered is told, with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from city.errors import SdotError
from city.metrics import Catalogue
from city.pack import CityPack
from city.reading import SERIAL
from dashboard.archive import MAX_POINTS, Level, Unit
from dashboard.inquiry_text import wrong

#: Spans by name that end now, at the last whole bucket.
PRESETS: Mapping[str, timedelta] = MappingProxyType(
    {
        "24h": timedelta(hours=24),
        "7d": timedelta(days=7),
        "30d": timedelta(days=30),
        "90d": timedelta(days=90),
        "1y": timedelta(days=365),
        "3y": timedelta(days=1096),
    }
)
USUAL_PRESET = "7d"
Word = TypeVar("Word", bound=str)
UNITS: tuple[Unit, Unit] = ("district", "sensor")
#: More lines than that nobody tells apart, more panels are no chart.
MAX_PLACES, MAX_METRICS = 6, 4
#: Days are the coarsest level, and a chart shows no more points.
MAX_SPAN = timedelta(days=MAX_POINTS)
#: What is shorter has no point to show.
MIN_SPAN = timedelta(minutes=10)
#: Ingest takes nothing older (the contract's floor).
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
#: Errors about something that is not there, which HTTP calls 404; all others are 400.
UNKNOWN = frozenset({"district", "sensor", "metric"})


class InquiryError(SdotError):
    """A question that has no answer; `code` names its sentence, `texts` has it by language."""

    def __init__(self, code: str, **values: str | int) -> None:
        self.code, self.texts = code, wrong(code, **values)
        super().__init__(self.texts["en"])

    @property
    def status(self) -> int:
        """Of an HTTP answer."""
        return 404 if self.code in UNKNOWN else 400


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Series of places and metrics over a span."""

    unit: Unit
    #: codes or serials, the first is the selected one; empty: the server chooses
    places: tuple[str, ...]
    #: keys
    metrics: tuple[str, ...]
    #: a key of PRESETS, None for a free span
    preset: str | None
    #: first and last instant; of a preset, before they are moved to whole buckets
    start: datetime
    end: datetime
    #: wished, None: whatever fits
    level: Level | None = None
    #: beside the time before
    before: bool = False

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return PRESETS[self.preset] if self.preset else self.end - self.start

    @property
    def shift(self) -> timedelta:
        """How far back the time before lies: a week, or as long as the span where that is longer."""
        return max(timedelta(days=7), self.span)


def inquiry_of(words: QueryParams, pack: CityPack, now: datetime) -> Inquiry:
    """The question in an address; InquiryError says what is wrong with it.

    `unit`, `place` and `metric` (each any number of times), `span` or `from` and `to`, `level`, `before`.
    """
    unit = _one_of(words.get("unit") or "district", UNITS, "unit")
    places = _several(words, "place")
    (_districts if unit == "district" else _sensors)(places, pack)
    metrics = _metrics(_several(words, "metric") or (pack.headline,), pack.catalogue)
    if len(places) > MAX_PLACES:
        raise InquiryError("places", given=len(places), most=MAX_PLACES)
    preset, start, end = _span(words, pack.zone, now)
    before = _one_of(words.get("before") or "0", ("0", "1"), "before") == "1"
    level = _level(words.get("level") or "auto")
    return Inquiry(unit, places, metrics, preset, start, end, level, before)


def everywhere(words: QueryParams, pack: CityPack, now: datetime) -> Inquiry:
    """The same span and metric in all districts of the city."""
    metrics = _metrics(_several(words, "metric") or (pack.headline,), pack.catalogue)
    if len(metrics) > 1:
        raise InquiryError("one_metric", given=len(metrics))
    preset, start, end = _span(words, pack.zone, now)
    codes = tuple(district.code for district in pack.districts)
    return Inquiry("district", codes, metrics, preset, start, end)


def _several(words: QueryParams, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in words.getlist(key) if text))


def _one_of(text: str, known: tuple[Word, ...], code: str) -> Word:
    found = next((word for word in known if word == text), None)
    if found is None:
        raise InquiryError(code, given=text)
    return found


def _districts(places: tuple[str, ...], pack: CityPack) -> None:
    known = [district.code for district in pack.districts]
    if unknown := [code for code in places if code not in known]:
        raise InquiryError("district", given=", ".join(unknown), example=known[0])


def _sensors(places: tuple[str, ...], _pack: CityPack) -> None:
    if not places:
        raise InquiryError("nothing")
    if unknown := [serial for serial in places if not SERIAL.fullmatch(serial)]:
        raise InquiryError("sensor", given=", ".join(unknown))


def _metrics(given: tuple[str, ...], catalogue: Catalogue) -> tuple[str, ...]:
    if unknown := [key for key in given if key not in catalogue]:
        raise InquiryError("metric", given=", ".join(unknown), example=catalogue.keys[0])
    if len(given) > MAX_METRICS:
        raise InquiryError("metrics", given=len(given), most=MAX_METRICS)
    return given


def _span(words: QueryParams, zone: ZoneInfo, now: datetime) -> tuple[str | None, datetime, datetime]:
    if not words.get("from") and not words.get("to"):
        preset = words.get("span") or USUAL_PRESET
        if preset not in PRESETS:
            raise InquiryError("span", given=preset, known=", ".join(PRESETS))
        return preset, now - PRESETS[preset], now
    end = min(_instant(words["to"], zone), now) if words.get("to") else now
    start = _instant(words["from"], zone) if words.get("from") else end - PRESETS[USUAL_PRESET]
    _sound(start, end, now)
    return None, start, end


def _sound(start: datetime, end: datetime, now: datetime) -> None:
    if start >= now:
        raise InquiryError("future", given=_written(start))
    if start >= end:
        raise InquiryError("backwards", start=_written(start), end=_written(end))
    if end - start < MIN_SPAN:
        raise InquiryError("short", most=MIN_SPAN // timedelta(minutes=1))
    if start < FIRST or end - start > MAX_SPAN:
        raise InquiryError("long", most=MAX_SPAN // timedelta(days=365))


def _written(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M")


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """A date, or a time without offset, on the city's clock; or RFC 3339."""
    try:
        # a plus sign of an offset that nobody encoded arrives as a blank
        found = datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(zone)
    except (ValueError, OverflowError):
        raise InquiryError("time", given=text) from None


def _level(text: str) -> Level | None:
    if text == "auto":
        return None
    try:
        return Level(text)
    except ValueError:
        raise InquiryError("level", given=text, known=", ".join(level.value for level in Level)) from None
