"""Keys that name a person or a person's device, in JSON and in what is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.personal import PERSONAL, holds_personal, is_personal, names_person, nulled

NAMES = [
    "mac", "MAC", "Mac", "mac_address", "macAddress", "MACAddr", "wifiMac", "wifi-mac", "client_macs", "mac1", "deviceMac",
    "imsi", "IMEI", "sim.iccid", "SSID", "bssid", "nearbySSIDs", "phone", "phone_number", "phoneNumber", "userEmail",
    "first_name", "lastName", "rrn", "licence_plate", "licensePlate", "face_id", "faceId",
]  # fmt: skip
HARMLESS = [
    "pm25", "machine", "macro", "stomach", "template", "platelets", "emailed", "temperature", "battery", "simple", "ssidx",
    "name", "firmware", "phones_home", "",
]  # fmt: skip


@pytest.mark.parametrize("key", NAMES)
def test_names_of_persons(key: str):
    assert is_personal(key)


@pytest.mark.parametrize("key", HARMLESS)
def test_harmless_names(key: str):
    assert not is_personal(key)


def test_every_name_of_the_list_is_found_in_its_forms():
    for name in PERSONAL:
        assert is_personal(name)
        assert is_personal(name.upper())
        assert is_personal(f"the_{name}")
        assert names_person(f"<{name}>".encode())


@pytest.mark.parametrize("key", NAMES)
def test_a_body_that_is_no_json_is_searched_for_the_same_names(key: str):
    assert names_person(f"{{'{key}': '0a:1b'".encode())
    assert names_person(f"{key}=0a:1b;pm25=7".encode())
    assert names_person(f"{{'{key}': 1".encode("utf-16"))


@pytest.mark.parametrize("key", [key for key in HARMLESS if key])
def test_a_body_that_is_no_json_may_hold_harmless_names(key: str):
    assert not names_person(f"{{'{key}': 1".encode())


def test_broken_bytes_are_searched_too():
    assert names_person(b"\xff\xfe\x00mac\x00\xff")
    assert not names_person(b"\xff\xfe\x00\xff")


def test_only_values_of_personal_keys_go():
    given_value = {"a": 1, "mac": "x", "in": [{"ssid": {"deep": 1}, "b": None}, "mac"]}
    assert nulled(given_value) == ({"a": 1, "mac": None, "in": [{"ssid": None, "b": None}, "mac"]}, True)
    assert nulled({"a": [1, {"b": 2}]}) == ({"a": [1, {"b": 2}]}, False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"mac": "0a:1b"}',
        b'{"mac": "0a:1b", "mac": null}',
        b'{"net": {"mac": "0a:1b"}, "net": 1}',
        b'[{"m\\u0061c": "0a:1b"}]',
        b'[[{"x": [{"imsi": 1}]}]]',
    ],
)
def test_a_personal_key_is_found_though_a_later_one_hides_it(body: bytes):
    assert holds_personal(body)


def test_a_body_without_one():
    assert not holds_personal(b'{"pm25": 1, "note": "mac"}')


VALUES = st.recursive(
    st.integers() | st.text(max_size=5) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["mac", "a", "wifiMac", "b"]), inner)
    ),
    max_leaves=15,
)


def _personal_values(value: object) -> list[object]:
    if isinstance(value, dict):
        mine = [inner for key, inner in value.items() if is_personal(key)]
        return mine + [found for inner in value.values() for found in _personal_values(inner)]
    return [found for inner in value for found in _personal_values(inner)] if isinstance(value, list) else []


@given(VALUES)
def test_nothing_of_a_person_is_left(value: object):
    clean, found = nulled(value)
    assert [inner for inner in _personal_values(clean) if inner is not None] == []
    assert found == any(inner is not None for inner in _personal_values(value))
    assert holds_personal(json.dumps(value).encode()) == bool(_personal_values(value))
