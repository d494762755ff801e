"""What a viewer asks History for, out of the words of an address; what cannot be answered is told, with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from city.errors import SdotError
from city.metrics import Catalogue
from city.pack import CityPack
from city.reading import SERIAL
from dashboard.archive import Level
from dashboard.history_text import HISTORY_TEXT

#: Spans by name that end now, at the last whole bucket.
PRESETS: Mapping[str, timedelta] = {
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
    "3y": timedelta(days=1096),
}
USUAL_PRESET = "7d"
#: All districts of the city, by one word.
ALL = "all"
#: More panels than that are no chart, more lines no picture; all districts of a city are one exception.
MAX_METRICS, MAX_PLACES = 4, 30
#: Lines in all panels: each is read, kept in memory and sent.
MAX_SERIES = 60
#: Figures are kept for ever, but their days fit a chart for so long (20 years are 7,305 points).
MAX_SPAN = timedelta(days=7305)
#: What is shorter has no point to show.
MIN_SPAN = timedelta(minutes=10)
#: Ingest takes nothing older (the contract's floor).
FIRST = datetime(2000, 1, 1, tzinfo=UTC)


class InquiryError(SdotError):
    """A question that has no answer; `code` names the sentence in `history_text`, `args` what stands in it."""

    def __init__(self, code: str, **values: str | int) -> None:
        self.code, self.values = code, values
        super().__init__(HISTORY_TEXT["en"][f"wrong_{code}"].format(**values))


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Series of places and metrics over a span."""

    #: codes, in the order wished; the first place of all is the selected one
    districts: tuple[str, ...]
    #: serials
    sensors: tuple[str, ...]
    #: keys, one panel each
    metrics: tuple[str, ...]
    #: a key of PRESETS, None for a free span
    preset: str | None
    #: of a free span: first and last instant
    start: datetime
    end: datetime
    #: wished, None: whatever fits
    level: Level | None = None
    #: beside the same span whole weeks before
    compare: bool = False

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return PRESETS[self.preset] if self.preset else self.end - self.start


def inquiry_of(words: Mapping[str, str], pack: CityPack, now: datetime) -> Inquiry:
    """The question in an address; InquiryError says what is wrong with it.

    `district`, `sensor`, `metric` (lists by comma), `span` or `from` and `to`, `level`, `compare`.
    """
    districts = _districts(words.get("district", ""), pack)
    sensors = _sensors(words.get("sensor", ""))
    metrics = _metrics(words.get("metric", ""), pack.catalogue, pack.headline)
    _few_enough(len(districts) + len(sensors), len(metrics), max(MAX_PLACES, len(pack.districts)))
    preset, start, end = _span(words, pack.zone, now)
    level, compare = _level(words.get("level", "")), words.get("compare", "")
    if compare not in ("", "week", "none"):
        raise InquiryError("compare", given=compare)
    return Inquiry(districts, sensors, metrics, preset, start, end, level, compare == "week")


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in text.split(",") if part))


def _districts(text: str, pack: CityPack) -> tuple[str, ...]:
    known = [district.code for district in pack.districts]
    given = _split(text)
    if ALL in given:
        chosen = [code for code in given if code in known]
        return tuple(dict.fromkeys([*chosen, *known]))
    if unknown := [code for code in given if code not in known]:
        raise InquiryError("district", given=", ".join(unknown), known=", ".join(known))
    return given


def _sensors(text: str) -> tuple[str, ...]:
    given = _split(text)
    for serial in given:
        if not SERIAL.fullmatch(serial):
            raise InquiryError("serial", given=serial)
    return given


def _metrics(text: str, catalogue: Catalogue, usual: str) -> tuple[str, ...]:
    given = _split(text) or (usual,)
    if unknown := [key for key in given if key not in catalogue]:
        raise InquiryError("metric", given=", ".join(unknown), known=", ".join(catalogue.keys))
    return given


def _few_enough(places: int, metrics: int, most_places: int) -> None:
    if not places:
        raise InquiryError("nothing")
    if places > most_places:
        raise InquiryError("places", given=places, most=most_places)
    if metrics > MAX_METRICS:
        raise InquiryError("metrics", given=metrics, most=MAX_METRICS)
    if places * metrics > MAX_SERIES:
        raise InquiryError("series", given=places * metrics, most=MAX_SERIES)


def _span(words: Mapping[str, str], zone: ZoneInfo, now: datetime) -> tuple[str | None, datetime, datetime]:
    preset = words.get("span", "") or USUAL_PRESET
    if "from" not in words and "to" not in words:
        if preset not in PRESETS:
            raise InquiryError("span", given=preset, known=", ".join(PRESETS))
        return preset, now - PRESETS[preset], now
    end = min(_instant(words["to"], zone), now) if words.get("to") else now
    start = _instant(words["from"], zone) if words.get("from") else end - PRESETS[USUAL_PRESET]
    _sound(start, end, now)
    return None, start, end


def _sound(start: datetime, end: datetime, now: datetime) -> None:
    if start >= now:
        raise InquiryError("future", given=start.isoformat())
    if start >= end:
        raise InquiryError("backwards", start=start.isoformat(), end=end.isoformat())
    if end - start < MIN_SPAN:
        raise InquiryError("short", most=MIN_SPAN // timedelta(minutes=1))
    if start < FIRST or end - start > MAX_SPAN:
        raise InquiryError("long", most=MAX_SPAN // timedelta(days=365))


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """A time of an address: RFC 3339, a date, or a time without offset on the city's clock."""
    try:
        # a plus sign of an offset that nobody encoded arrives as a blank
        found = datetime.fromisoformat(text.strip().replace(" ", "+") if text[10:11] == "T" else text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(zone)
    except (ValueError, OverflowError):
        raise InquiryError("time", given=text) from None


def _level(text: str) -> Level | None:
    if text in ("", "auto"):
        return None
    try:
        return Level(text)
    except ValueError:
        raise InquiryError("level", given=text, known=", ".join(level.value for level in Level)) from None


def codes() -> Sequence[str]:
    """Codes of all sentences there are."""
    return [key.removeprefix("wrong_") for key in HISTORY_TEXT["en"] if key.startswith("wrong_")]
