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


def test_every_fault_is_documented() -> None:
    assert (DOCS / "faults.md").read_text(encoding="utf-8") == _script("faults").faults(), (
        "run `python docs/faults.py`"
    )


def test_the_files_of_faults_and_scenarios_in_the_docs_can_be_read(tmp_path: Path) -> None:
    from city.pack import load_pack
    from simulator.city import SimCity
    from simulator.faultfile import load_faults
    from simulator.scenario import load_scenario, shipped
    from simulator.stage import Stage

    pack = load_pack("seoul")
    sensors = SimCity(pack, 60).sensors
    pages = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("faults", "scenarios")}
    for name, page in pages.items():
        (tmp_path / f"{name}.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert load_faults(str(tmp_path / "faults.toml"), sensors, 0)
    assert Stage(load_scenario(str(tmp_path / "scenarios.toml")), pack, sensors, 0).acts
    for name, scenario in shipped().items():
        assert f"| `{name}` | {scenario.what} |" in pages["scenarios"]
