"""Settings that are wrong are told in a sentence that names them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from city.errors import SettingsError
from city.settings import load_settings, misspelt


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SDOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"workers = = 2", r"^sdot\.toml is no TOML: .*line 1, column 11"),
        (b"city = '\xff'", r"^sdot\.toml cannot be read: "),
        (
            b"register_mod = 'open'",
            r"^sdot\.toml has no setting `register_mod`; did you mean `register_mode`\?$",
        ),
        (b"register = 'open'", r"did you mean `register_mode`\?$"),
        (b"zzz = 1", r"^sdot\.toml has no setting `zzz`; there are database_url, "),
        (b"workers = 0", r"^SDOT_WORKERS: .*it is 0"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: bytes, words: str):
    (tmp_path / "sdot.toml").write_bytes(text)
    with pytest.raises(SettingsError, match=words):
        load_settings()


def test_the_file_may_name_what_the_table_of_settings_names(tmp_path: Path):
    (tmp_path / "sdot.toml").write_text("register_mode = 'open'")
    assert load_settings({"SDOT_REGISTER": "closed"}).register_mode == "open"


@pytest.mark.parametrize("url", ["garbage", "mysql://sdot:secret@db/sdot", "/var/run"])
def test_a_database_url_of_another_form_is_refused_without_its_password(url: str):
    with pytest.raises(SettingsError, match=r"^SDOT_DATABASE_URL: write postgresql://") as refused:
        load_settings({"SDOT_DATABASE_URL": url})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "postgres://db/sdot", "postgresql:///sdot?host=/run", "host=db dbname=sdot"]
)
def test_what_the_database_client_takes_is_taken(url: str):
    assert load_settings({"SDOT_DATABASE_URL": url}).database_url == url


def test_names_in_the_environment_that_are_no_settings_are_told(monkeypatch: pytest.MonkeyPatch):
    for name in ("SDOT_REGSTER", "SDOT_XYZZY", "SDOT_TEST_CACHE", "SDOT_CHECKOUT", "SDOT_WORKERS"):
        monkeypatch.setenv(name, "1")
    assert list(misspelt()) == [
        "SDOT_REGSTER is no setting; did you mean SDOT_REGISTER?",
        "SDOT_XYZZY is no setting; it is ignored",
    ]
