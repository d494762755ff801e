"""Docs that cannot lag: settings and commands are described as the code has them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from city.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LAG = "run `python docs/reference.py`"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The script that writes settings and commands."""
    return _script("reference")


def test_every_setting_is_documented(reference: ModuleType) -> None:
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == reference.settings(), LAG


def test_every_command_is_documented(reference: ModuleType) -> None:
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == reference.commands(), LAG


def test_every_bad_message_is_documented() -> None:
    written = (DOCS / "refusals.md").read_text(encoding="utf-8")
    assert written == _script("refusals").refusals(), "run `python docs/refusals.py`"


def test_every_counter_is_documented() -> None:
    written = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert written == _script("metrics").metrics(), "run `python docs/metrics.py`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if field.default is not None]
)
def test_sdot_toml_takes_every_setting(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    default = Settings.model_fields[name].default
    value = str(default).lower() if isinstance(default, bool | int) else f'"{default}"'
    (tmp_path / "sdot.toml").write_text(f"{name} = {value}\n")
    assert getattr(load_settings(), name) == default
