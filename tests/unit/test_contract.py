"""The bodies of messages: every limit on both of its sides, every form of a time, and nothing that raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.contract import BadMessage, Decoder, check_size
from city.metrics import load_catalogue
from city.reading import About, Reading, Refusal

DECODER = Decoder(load_catalogue())


def decoded(content: Any) -> list[Reading | Refusal]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return DECODER.decode(body)


def reading(content: Any) -> Reading:
    (found,) = decoded(content)
    assert isinstance(found, Reading), found
    return found


def refusal(content: Any) -> Refusal:
    """Why a body, or the one reading in it, is refused."""
    try:
        (found,) = (item for item in decoded(content) if isinstance(item, Refusal))
    except BadMessage as bad:
        return bad.refusal
    return found


# Values


def test_values_are_rounded_to_float32():
    assert reading({"pm25": 0.1, "visitors": 16777215}).values == {
        "pm25": 0.10000000149011612,
        "visitors": 16777215.0,
    }


def test_null_clears_and_absent_is_not_there():
    assert reading({"pm25": None, "pm10": 3}).values == {"pm25": None, "pm10": 3.0}


def test_a_reading_of_nulls_alone_is_one():
    assert reading({"pm25": None}).values == {"pm25": None}


@pytest.mark.parametrize("value", [-15000, 15000, 0, -0.0, 1e-45])
def test_what_is_possible_is_taken(value: float):
    assert reading({"pm25": value}).values["pm25"] == pytest.approx(value)


@pytest.mark.parametrize("value", [15000.1, -15000.1, 1e38, 10**30, -(10**300)])
def test_what_cannot_be_is_refused_with_its_range_and_unit(value: float):
    found = refusal({"pm25": value})
    assert found.code == "impossible"
    assert "-15000 to 15000" in found.text
    assert "µg/m³" in found.text


def test_a_count_goes_to_two_to_the_24th():
    assert reading({"visitors": 2**24}).values == {"visitors": 16777216.0}
    assert refusal({"visitors": 2**24 + 1}).code == "impossible"
    assert refusal({"visitors": -1}).code == "impossible"


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("12.5", "text_number", "send 12.5 without the quotation marks"),
        ("much", "not_number", 'the text "much"'),
        (True, "not_number", "true or false"),
        ([1], "not_number", "an array"),
        ({"v": 1}, "not_number", "an object"),
    ],
)
def test_what_is_no_number_is_refused(value: object, code: str, words: str):
    found = refusal({"pm25": value, "pm10": 1})
    assert found.code == code
    assert words in found.text


@pytest.mark.parametrize(
    "word", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"01", b"0x10", b"+1", b".5", b"1."]
)
def test_what_json_has_not_is_refused(word: bytes):
    assert refusal(b'{"pm25": ' + word + b"}").code in {"not_json", "nan", "not_number"}


def test_the_last_of_two_equal_keys_counts_as_everywhere_in_json():
    assert reading(b'{"pm25": 1, "pm25": 2}').values == {"pm25": 2.0}


# Times


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-24T14:29:05Z", datetime(2026, 11, 24, 14, 29, 5, tzinfo=UTC)),
        ("2026-11-24T14:29:05+09:00", datetime(2026, 11, 24, 5, 29, 5, tzinfo=UTC)),
        ("2026-11-24T00:29:05-05:30", datetime(2026, 11, 24, 5, 59, 5, tzinfo=UTC)),
        ("2026-11-24T14:29:05.5Z", datetime(2026, 11, 24, 14, 29, 5, 500_000, tzinfo=UTC)),
        ("2026-11-24T14:29:05.123456Z", datetime(2026, 11, 24, 14, 29, 5, 123_456, tzinfo=UTC)),
        ("2026-11-24T14:29:05.123456999Z", datetime(2026, 11, 24, 14, 29, 5, 123_456, tzinfo=UTC)),
        ("2026-11-24T14:29:05-00:00", datetime(2026, 11, 24, 14, 29, 5, tzinfo=UTC)),
        ("2024-02-29T23:59:59+14:00", datetime(2024, 2, 29, 9, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_of_rfc_3339(text: str, instant: datetime):
    found = reading({"time": text, "pm25": 1}).time
    assert found == instant
    assert found is not None
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "time_null"),
        ("2026-11-24T14:29:05", "no_offset"),
        ("2026-11-24T14:29:05.5", "no_offset"),
        ("2026-11-24t14:29:05Z", "time_format"),
        ("2026-11-24T14:29:05z", "time_format"),
        ("2026-11-24 14:29:05Z", "time_format"),
        ("2026-11-24T14:29Z", "time_format"),
        ("2026-11-24T14:29:05.1234567890Z", "time_format"),
        ("2026-11-24T14:29:05.Z", "time_format"),
        ("2026-11-24T14:29:05+0900", "time_format"),
        ("2026-11-24T14:29:05+09", "time_format"),
        ("2026-11-24T14:29:05+24:00", "time_format"),
        ("2026-11-24T24:00:01Z", "time_format"),
        ("2026-11-24T14:29:60Z", "time_format"),
        ("2026-02-29T00:00:00Z", "time_format"),
        ("0001-01-01T00:00:00+14:00", "time_format"),
        ("9999-12-31T23:59:59-12:00", "time_format"),
        ("٢٠٢٦-11-24T14:29:05Z", "time_format"),
        ("2026-11-24T14:29:05Z\n", "time_format"),
        ("", "time_format"),
        (1764000000, "time_format"),
        (True, "time_format"),
        (["2026-11-24T14:29:05Z"], "time_format"),
    ],
)
def test_times_that_are_none(value: object, code: str):
    found = refusal({"time": value, "pm25": 1})
    assert found.code == code
    assert "2026-11-24T14:29:05+09:00" in found.text or code != "time_format" or "calendar" in found.text


@pytest.mark.parametrize("key", ["Time", "TIME", " time", "time ", "\ttime"])
def test_a_key_that_is_nearly_time_is_refused(key: str):
    assert refusal({key: "2026-11-24T14:29:05Z", "pm25": 1}).code == "time_key"


# Revisions, sensors, descriptions


@pytest.mark.parametrize("revision", [0, 1, 2**31 - 1])
def test_revisions(revision: int):
    assert reading({"pm25": 1, "revision": revision}).revision == revision


@pytest.mark.parametrize("revision", [-1, 2**31, 1.0, "1", True, None, [1]])
def test_revisions_that_are_none(revision: object):
    assert refusal({"pm25": 1, "revision": revision}).code == "revision"


@pytest.mark.parametrize("serial", ["a", "A-z_0.9:x", "x" * 64])
def test_serials_behind_a_gateway(serial: str):
    assert reading({"pm25": 1, "sensor": serial}).sensor == serial


@pytest.mark.parametrize("serial", ["", "x" * 65, "a b", "a/b", "ä", "a\n", 7, None])
def test_serials_that_are_none(serial: object):
    assert refusal({"pm25": 1, "sensor": serial}).code == "serial"


def test_a_sensor_describes_itself():
    told = {"district": " gangnam-gu ", "lat": 37.5, "lon": 127, "model": "M1", "kind": "park", "pm25": 1}
    assert reading(told).about == About("gangnam-gu", 37.5, 127.0, "M1", "park")
    assert reading({"pm25": 1}).about is None


@pytest.mark.parametrize(
    "told",
    [{"lat": 37.5}, {"lon": 127}, {"lat": 91, "lon": 0}, {"lat": 0, "lon": -180.1}, {"lat": "1", "lon": 2}],
)
def test_positions_that_are_none(told: dict[str, object]):
    assert refusal(told | {"pm25": 1}).code == "position"


@pytest.mark.parametrize("told", [{"model": ""}, {"kind": "x" * 65}, {"district": 5}, {"district": "  "}])
def test_descriptions_that_are_none(told: dict[str, object]):
    assert refusal(told | {"pm25": 1}).code == "description"


def test_a_null_description_says_nothing():
    assert reading({"pm25": 1, "model": None, "lat": None, "lon": None}).about == About()


# Extra


def test_unknown_keys_are_kept():
    assert reading({"pm25": 1, "battery": 3.6, "fw": {"v": [1]}}).extra == {"battery": 3.6, "fw": {"v": [1]}}


def test_extra_takes_32_keys():
    found = reading({"pm25": 1} | {f"k{number:02}": number for number in range(40)})
    assert list(found.extra or {}) == [f"k{number:02}" for number in range(32)]
    assert found.extra_dropped == tuple(f"k{number:02}" for number in range(32, 40))


def test_extra_takes_2048_bytes_of_json():
    # {"k":"…"} is 8 bytes and the text
    assert len(json.dumps(reading({"pm25": 1, "k": "x" * 2040}).extra, separators=(",", ":"))) == 2048
    found = reading({"pm25": 1, "k": "x" * 2041})
    assert (found.extra, found.extra_dropped) == (None, ("k",))


def test_a_key_that_does_not_fit_leaves_room_for_the_next():
    found = reading({"pm25": 1, "big": "x" * 3000, "small": 1})
    assert (found.extra, found.extra_dropped) == ({"small": 1}, ("big",))


def test_the_name_of_a_dropped_key_is_cut():
    assert reading({"pm25": 1, "k" * 5000: 1}).extra_dropped == ("k" * 64 + "…",)


def test_values_of_personal_keys_are_never_read_on():
    found = reading(
        {"pm25": 1, "mac": "0a:1b", "net": {"clientMac": "0a:1b", "rssi": -7}, "list": [{"imsi": 4}]}
    )
    assert found.extra == {"mac": None, "net": {"clientMac": None, "rssi": -7}, "list": [{"imsi": None}]}


def test_nesting_ends_at_three():
    assert reading({"pm25": 1, "a": {"b": {}}}).extra == {"a": {"b": {}}}
    assert refusal({"pm25": 1, "a": {"b": {"c": {}}}}).code == "nesting"
    assert isinstance(decoded([{"pm25": 1, "a": {}}])[0], Reading)
    assert refusal([{"pm25": 1, "a": {"b": []}}]).code == "nesting"


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 1000 + b"]" * 1000])
def test_deep_nesting_raises_nothing_but_a_refusal(body: bytes):
    assert refusal(body).code in {"nesting", "not_json"}


# Messages


def test_an_array_of_1000():
    assert len(decoded([{"pm25": 1}] * 1000)) == 1000
    assert refusal([{"pm25": 1}] * 1001).code == "too_many_readings"


def test_a_bad_element_is_refused_alone():
    found = decoded([{"pm25": 1}, {"pm25": "x"}, 7, {"pm25": 2}])
    assert [item.index for item in found] == [0, 1, 2, 3]
    assert [type(item) for item in found] == [Reading, Refusal, Refusal, Reading]


@pytest.mark.parametrize("key", ["pm2_5", "lux", "temp", "tempreature", "people"])
def test_a_wrong_name_gets_a_suggestion(key: str):
    found = refusal({key: 1})
    assert found.code == "no_metric"
    assert "did you mean" in found.text


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"\xef\xbb\xbf{}", b"{'pm25': 1}", b'{"pm25": 1} x', b'"\\ud800"', "미세".encode("euc-kr")],
)
def test_what_is_no_json(body: bytes):
    assert refusal(body).code in {"empty", "not_json", "not_utf8", "surrogate"}


@pytest.mark.parametrize(
    "content", [{"a\x00": 1, "pm25": 1}, {"pm25": 1, "a": {"b": ["\x00"]}}, {"pm25": 1, "model": "\x00"}]
)
def test_nul_is_found_wherever_it_hides(content: object):
    assert refusal(content).code == "nul"


def test_the_words_for_an_escaped_nul_are_no_nul():
    assert reading(rb'{"pm25": 1, "note": "\\u0000"}').extra == {"note": "\\u0000"}


def test_messages_of_256_kib():
    assert check_size(b"x" * 262_144) is None
    found = check_size(b"x" * 262_145)
    assert found is not None
    assert found.code == "too_large"


KEYS = st.sampled_from(
    ["pm25", "visitors", "time", "revision", "sensor", "lat", "lon", "model", "mac", "x"]
) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def _only_verdicts(body: bytes) -> None:
    try:
        found = DECODER.decode(body)
    except BadMessage as bad:
        found = [bad.refusal]
    assert found
    for place, item in enumerate(found):
        assert isinstance(item, Reading | Refusal)
        assert item.text if isinstance(item, Refusal) else item.index == place and item.values


@given(JSON)
def test_any_json_ends_in_a_verdict(content: object):
    _only_verdicts(json.dumps(content).encode())


@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_verdict(body: bytes):
    _only_verdicts(body)
