"""Logins at the broker: names, hashes, and the file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from city.errors import RegistryError, SettingsError
from city.settings import load_settings
from sdot.commands.env import lines
from sdot.logins import hashed, nameable, new_password, password_file, write


def test_a_hash_is_what_mosquitto_passwd_made_of_the_same_password_and_salt() -> None:
    made = (
        "$7$101$b+xtivH6a5ZkevKF$nx2MaEavSkTIi3XzBM9wAw/USZBE6+vruUD7tT59"
        "Ky5wmrcKDZQkLjpNncSoW07q3U9bBD1uaL/jO6ImU4TkOg=="
    )
    assert hashed("secret", bytes.fromhex("6fec6d8af1fa6b96647af285")) == made
    assert hashed("secret") != hashed("secret")


def test_passwords_differ_and_need_no_quoting() -> None:
    passwords = {new_password() for _ in range(100)}
    assert len(passwords) == 100
    assert all(set(password) <= set("-_") | set(map(chr, range(48, 123))) for password in passwords)


@pytest.mark.parametrize("serial", ["a:b", "sdot-ingest", "a/b", "+", ""])
def test_who_can_have_no_login(serial: str) -> None:
    with pytest.raises(RegistryError):
        nameable(serial)


def test_a_devices_name_never_becomes_a_services() -> None:
    text = password_file({"S-1": "h1", "sdot-ingest": "stolen", "a:b": "h2"}, {"sdot-ingest": "h3"})
    assert text == "S-1:h1\nsdot-ingest:h3\n"


def test_the_file_is_private_and_left_alone_where_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    assert write(path, "one\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.stat().st_ino
    assert not write(path, "one\n")
    assert path.stat().st_ino == before
    assert write(path, "two\n")
    assert path.read_text() == "two\n"
    assert list(tmp_path.iterdir()) == [path]


def test_services_are_a_setting_that_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDOT_BROKER_USERS", "sdot-ingest:one:1  sdot-health:two")
    settings = load_settings()
    assert settings.services == {"sdot-ingest": "one:1", "sdot-health": "two"}
    assert "SDOT_BROKER_USERS=sdot-ingest:***  sdot-health:***" in lines(settings, secrets=False)


@pytest.mark.parametrize("text", ["secret", "user:", ":secret", "a:b secret"])
def test_a_service_without_name_or_password_is_refused_untold(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDOT_BROKER_USERS", text)
    with pytest.raises(SettingsError, match="SDOT_BROKER_USERS: write user:password") as refused:
        load_settings()
    assert "secret" not in str(refused.value)
