"""The wire contract, v1: the bytes of a message into readings, each fault with a sentence to act on."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from city.metrics import Catalogue
from city.personal import is_personal, nulled
from city.reading import (
    MAX_EXTRA_BYTES,
    MAX_EXTRA_KEYS,
    MAX_LABEL,
    MAX_MESSAGE_BYTES,
    MAX_NESTING,
    MAX_READINGS,
    MAX_REVISION,
    SERIAL,
    About,
    Reading,
    Refusal,
    float32,
)

#: RFC 3339, upper-case T and Z, at most nine digits after the point (nanoseconds, kept to the microsecond).
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_DESCRIBING = frozenset({"district", "lat", "lon", "model", "kind"})
_KNOWN = _DESCRIBING | {"time", "revision", "sensor"}
_BAD_ESCAPES = re.compile(r"[\x00\ud800-\udfff]")
_EXAMPLE_TIME = "2026-11-24T14:29:05+09:00"

#: A guess costs a millisecond: so many keys of a reading are guessed at, and so many guesses remembered.
MAX_GUESSES, MAX_GUESSED = 8, 4096

_json = msgspec.json.Decoder()


class BadMessage(Exception):  # noqa: N818 a verdict on a message, not an error of ours
    """The whole message, or one reading, is refused; `refusal` says why."""

    def __init__(self, code: str, text: str, index: int | None = None) -> None:
        self.refusal = Refusal(code, text, index)
        super().__init__(text)


class Decoder:
    """Decodes `<prefix>/<serial>/reading` bodies for one catalogue of metrics."""

    name = "json-v1"

    def __init__(self, catalogue: Catalogue) -> None:
        self._ranges = {m.key: (m.possible[0], m.possible[1], m.unit) for m in catalogue}
        self._words = sorted((*self._ranges, *_KNOWN))
        self._guesses: dict[str, str | None] = {}

    def decode(self, payload: bytes) -> list[Reading | Refusal]:
        """The readings of a body in order, a Refusal in the place of each bad one.

        Raises BadMessage where nothing can be told apart: no JSON, too many readings, an empty array.
        """
        body = parse(payload)
        if type(body) is dict:
            return [self._one(body, 0, MAX_NESTING, None)]
        if type(body) is not list:
            raise BadMessage(
                "not_object", f'the message is {_kind(body)}; send an object such as {{"pm25": 12.5}}'
            )
        if not body:
            raise BadMessage("empty_array", "the array is empty; send at least one reading")
        if len(body) > MAX_READINGS:
            raise BadMessage(
                "too_many_readings", f"{len(body)} readings in one message; send at most {MAX_READINGS}"
            )
        return [self._one(item, index, MAX_NESTING - 1, index) for index, item in enumerate(body)]

    def _one(self, item: Any, index: int, nesting: int, place: int | None) -> Reading | Refusal:
        try:
            return self._reading(item, index, nesting)
        except BadMessage as bad:
            return Refusal(bad.refusal.code, bad.refusal.text, place)

    def _reading(self, item: Any, index: int, nesting: int) -> Reading:
        if type(item) is not dict:
            raise BadMessage("not_object", f"it is {_kind(item)}; each reading is an object")
        values: dict[str, float | None] = {}
        others: dict[str, Any] | None = None
        for key, value in item.items():
            limits = self._ranges.get(key)
            if limits is None:
                others = others or {}
                others[key] = value
            elif value is None:
                values[key] = None
            elif type(value) is float and limits[0] <= value <= limits[1]:
                values[key] = float32(value)
            else:
                values[key] = _number(key, value, limits)
        reading = Reading(None, values, index=index)
        if others:
            self._rest(reading, others, nesting)
        if not values:
            raise BadMessage("no_metric", self._no_metric(item))
        return reading

    def _rest(self, reading: Reading, others: dict[str, Any], nesting: int) -> None:
        if "time" in others:
            reading.time = _time(others.pop("time"))
            if not others:
                return
        if "revision" in others:
            reading.revision = _revision(others.pop("revision"))
        if "sensor" in others:
            reading.sensor = _serial(others.pop("sensor"))
        described = {key: others.pop(key) for key in _DESCRIBING & others.keys()}
        if described:
            reading.about = _about(described)
        if others:
            reading.extra, reading.extra_dropped = _extra(others, nesting)

    def _no_metric(self, item: Mapping[str, Any]) -> str:
        for key in itertools.islice(item, MAX_GUESSES):
            if key not in _KNOWN and (near := self.suggestion(key)):
                return f'no known metric in it: "{_shown(key)}" is none (did you mean "{near}"?)'
        return "no known metric in it; send at least one, such as pm25, temperature or visitors"

    def suggestion(self, key: str) -> str | None:
        """The known key nearest to an unknown one, or None."""
        if len(key) > MAX_LABEL:
            return None
        if key not in self._guesses:
            if len(self._guesses) >= MAX_GUESSED:
                self._guesses.clear()
            near = difflib.get_close_matches(_ALIASES.get(key.lower(), key.lower()), self._words, 1, 0.7)
            self._guesses[key] = near[0] if near else None
        return self._guesses[key]


#: What makers call our metrics, for the "did you mean" only.
_ALIASES = {
    "lux": "illuminance", "light": "illuminance", "pm2_5": "pm25", "pm2.5": "pm25", "p1": "pm10", "p2": "pm25",
    "temp": "temperature", "rh": "humidity", "hum": "humidity", "people": "visitors", "count": "visitors",
    "db": "noise", "sound": "noise", "timestamp": "time", "ts": "time", "latitude": "lat", "longitude": "lon",
    "lng": "lon",
}  # fmt: skip


def parse(payload: bytes) -> Any:
    """The JSON value of a body; BadMessage says where it stops being JSON."""
    if not payload:
        raise BadMessage("empty", 'the message is empty; send an object such as {"pm25": 12.5}')
    try:
        body = _json.decode(payload)
        # A quick look at the bytes first: escapes for NUL and surrogates are rare.
        unstorable = b"\\u0000" in payload and _BAD_ESCAPES.search(_strings(body))
    except RecursionError:
        raise BadMessage("nesting", f"nested too deep; at most {MAX_NESTING} levels") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise _not_json(payload, error) from None
    if unstorable:
        raise BadMessage("nul", "a text in it holds a NUL character, which cannot be stored; leave it out")
    return body


def _strings(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "".join(f"{_strings(k)}{_strings(v)}" for k, v in value.items())
    return "".join(map(_strings, value)) if isinstance(value, list) else ""


def _not_json(payload: bytes, error: Exception) -> BadMessage:
    try:
        text = payload.decode()
    except UnicodeDecodeError as bad:
        return BadMessage(
            "not_utf8", f"not UTF-8: byte {bad.start} is 0x{payload[bad.start]:02x}; encode as UTF-8"
        )
    if re.search(r"\\u[dD][89a-fA-F]", text):
        return BadMessage(
            "surrogate", "a text in it holds a lone surrogate, which cannot be stored; leave it out"
        )
    if re.search(r"\b(NaN|Infinity|nan|inf)\b", text):
        return BadMessage("nan", "NaN and Infinity are no JSON; send null, or leave the metric out")
    if isinstance(error, msgspec.ValidationError):
        return BadMessage("not_number", "a number in it is beyond what can be stored (3.4e38)")
    if text.startswith("\ufeff"):
        return BadMessage("not_json", "not JSON: it starts with a byte-order mark; send plain UTF-8")
    return BadMessage("not_json", f'not JSON: {_plain(error)}; send an object such as {{"pm25": 12.5}}')


def _plain(error: Exception) -> str:
    return (
        str(error)
        .removeprefix("JSON is malformed: ")
        .replace("Input data was truncated", "it ends too early")
    )


def _kind(value: Any) -> str:
    names = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "an array",
        dict: "an object",
    }
    return "null" if value is None else names[type(value)]


def _shown(text: str) -> str:
    return text if len(text) <= MAX_LABEL else text[:MAX_LABEL] + "…"


def _number(key: str, value: Any, limits: tuple[float, float, str]) -> float:
    if type(value) is not float and type(value) is not int:
        raise _no_number(key, value)
    low, high, _ = limits
    if not low <= value <= high:
        raise BadMessage("impossible", impossible(key, value, limits))
    return float32(value)


def impossible(key: str, value: float, limits: tuple[float, float, str]) -> str:
    """The sentence about a value outside what can be: (lowest, highest, unit)."""
    low, high, unit = limits
    return (
        f'"{key}" is {_digits(value)} {unit}, which cannot be (possible: {low:g} to {high:g}); check its unit'
    )


def _digits(value: float) -> str:
    return f"{value:.7g}" if abs(value) < 1e300 else "a number of over 300 digits"  # noqa: PLR2004 before float ends


def _no_number(key: str, value: Any) -> BadMessage:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return BadMessage(
                "not_number", f'"{key}" is the text "{_shown(value)}", not a number; send a number or null'
            )
        return BadMessage(
            "text_number", f'"{key}" is text, not a number; send {_shown(value)} without the quotation marks'
        )
    return BadMessage("not_number", f'"{key}" is {_kind(value)}, not a number; send a number or null')


def _time(value: Any) -> datetime:
    if value is None:
        raise BadMessage("time_null", f'"time" is null; write {_EXAMPLE_TIME}, or leave "time" out')
    if not isinstance(value, str):
        raise BadMessage(
            "time_format", f'"time" is {_kind(value)}; write it as text such as "{_EXAMPLE_TIME}"'
        )
    match = _TIME.fullmatch(value)
    if match is None:
        raise BadMessage("time_format", f'"time" is "{_shown(value)}", not RFC 3339; write {_EXAMPLE_TIME}')
    if match[1] is None:
        raise BadMessage(
            "no_offset",
            f'"time" has no offset; write {_shown(value)}+09:00 (with yours), or leave "time" out',
        )
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadMessage("time_format", f'"time" is "{_shown(value)}", which no calendar has') from None


def _revision(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_REVISION:
        raise BadMessage("revision", f'"revision" is no whole number from 0 to {MAX_REVISION}')
    return value


def _serial(value: Any) -> str:
    if not isinstance(value, str) or not SERIAL.fullmatch(value):
        raise BadMessage("serial", '"sensor" is no serial: letters, digits and ._:- only, at most 64')
    return value


def _about(given: Mapping[str, Any]) -> About:
    texts = {
        key: _label(key, given[key]) for key in ("district", "model", "kind") if given.get(key) is not None
    }
    lat, lon = given.get("lat"), given.get("lon")
    if (lat is None) != (lon is None):
        raise BadMessage("position", '"lat" and "lon" go together; one of them is missing')
    if lat is not None:
        lat, lon = _degrees("lat", lat, 90), _degrees("lon", lon, 180)
    return About(texts.get("district"), lat, lon, texts.get("model"), texts.get("kind"))


def _label(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_LABEL:
        raise BadMessage("description", f'"{key}" is no text of 1 to {MAX_LABEL} characters')
    return value.strip()


def _degrees(key: str, value: Any, limit: int) -> float:
    if type(value) not in (int, float) or not -limit <= value <= limit:
        raise BadMessage("position", f'"{key}" is no number of degrees from -{limit} to {limit}')
    return float(value)


def _extra(others: dict[str, Any], nesting: int) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    size = 1  # a brace; each key brings a comma, or the other brace
    for key, value in others.items():
        if key.strip().lower() == "time":
            raise BadMessage(
                "time_key", f'the key "{_shown(key)}" is not "time"; write it in lower case, without spaces'
            )
        if _is_deeper(value, nesting - 1):
            raise BadMessage(
                "nesting", f'"{_shown(key)}" is nested too deep; at most {MAX_NESTING} levels in a message'
            )
        value = None if is_personal(key) else nulled(value)[0]  # noqa: PLW2901 what is kept
        grown = size + len(msgspec.json.encode({key: value})) - 1
        if len(kept) == MAX_EXTRA_KEYS or grown > MAX_EXTRA_BYTES:
            dropped.append(_shown(key))
            continue
        kept[key], size = value, grown
    return kept or None, tuple(dropped)


def kept_extra(others: dict[str, Any]) -> dict[str, Any] | None:
    """What is kept of a reading's unknown keys, personal ones nulled; BadMessage where one may not be among them."""
    return _extra(others, MAX_NESTING)[0]


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether there are more than `levels` arrays and objects inside each other; looks no deeper than that."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(_is_deeper(item, levels - 1) for item in inner))


def check_size(payload: bytes) -> Refusal | None:
    """The refusal of a message over the limit, or None."""
    if len(payload) <= MAX_MESSAGE_BYTES:
        return None
    text = f"the message has {len(payload):,} bytes; send at most {MAX_MESSAGE_BYTES:,}"
    return Refusal("too_large", text)
