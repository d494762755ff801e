"""docker-compose.yml names only what there is; test_compose_natively.py runs what it names."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from city.settings import MQTT_PORT, Settings, environment_name, load_settings
from sdot.cli import app
from tests.servers import compose
from tests.servers.process import ROOT

COMPOSE = compose.read()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
PASSED_ON = {"ingest", "maintain", "dashboard", "mosquitto", "database", "passwords"}
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the documented command makes."""
    return compose.secrets(tmp_path_factory.mktemp("env"))


def test_the_services_are_those_of_the_product() -> None:
    names = {"mosquitto", "database", "migrate", "passwords", "ingest", "maintain", "dashboard", "simulator"}
    assert set(SERVICES) == names
    assert SERVICES["simulator"]["profiles"] == ["simulator"]


@pytest.mark.parametrize("name", OURS)
def test_every_setting_and_command_exists(
    name: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = compose.service(name, variables)
    known = {environment_name(field) for field in Settings.model_fields}
    assert set(service.environment) <= known
    answer = CliRunner().invoke(app, [*service.command, "--help"])
    assert answer.exit_code == 0, answer.output
    monkeypatch.chdir(tmp_path)
    for variable, value in service.environment.items():
        monkeypatch.setenv(variable, value)
    load_settings()


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_needs_is_there(name: str) -> None:
    service = SERVICES[name]
    for needed, condition in service.get("depends_on", {}).items():
        assert needed in SERVICES
        assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[needed]
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_reached_from_this_machine_only(name: str) -> None:
    assert all(re.match(r"\$\{\w+:-127\.0\.0\.1\}:", port) for port in SERVICES[name].get("ports", []))


def test_the_listener_without_limits_is_not_published() -> None:
    assert [port.rsplit(":")[-1] for port in SERVICES["mosquitto"]["ports"]] == [str(MQTT_PORT)]


@pytest.mark.parametrize("name", sorted(PASSED_ON))
def test_what_runs_on_is_watched(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in OURS])
def test_images_of_others_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+[\w.-]*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "database"])
def test_nothing_of_ours_runs_as_root_or_writes_beside_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert compose.service(name, dict.fromkeys(_asked_for(), "x")).user


def _asked_for() -> set[str]:
    return set(re.findall(r"\$\{(\w+_PASSWORD)", compose.FILE.read_text(encoding="utf-8")))


def test_every_password_comes_from_the_documented_command(variables: dict[str, str]) -> None:
    assert _asked_for() == set(variables)
    assert len(set(variables.values())) == len(variables)
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in variables.values())


def test_each_service_gets_only_the_passwords_it_needs() -> None:
    needed = {
        "database": {"OWNER"},
        "migrate": {"OWNER", "INGEST", "DASHBOARD", "BROKER"},
        "passwords": {"BROKER", "MQTT_INGEST", "MQTT_SIMULATOR", "MQTT_HEALTH"},
        "mosquitto": {"MQTT_HEALTH"},
        "ingest": {"INGEST", "MQTT_INGEST"},
        "maintain": {"OWNER"},
        "dashboard": {"DASHBOARD"},
        "simulator": {"OWNER", "MQTT_SIMULATOR"},
    }
    given = {
        name: set(re.findall(r"\$\{(\w+)_PASSWORD", str(service["environment"])))
        for name, service in SERVICES.items()
    }
    assert given == needed


def test_passwords_in_use_are_never_overwritten(tmp_path: Path) -> None:
    before = compose.secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    again = subprocess.run([DEPLOY / "make-env"], cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert again.returncode != 0
    kept = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines() if "=" in line)
    assert kept == before


def test_the_dockerfile_copies_every_package() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {line.split()[1] for line in lines if re.fullmatch(r"COPY (\w+) \1", line)}
    assert copied == {"city", "dashboard", "ingest", "maintain", "sdot", "simulator", "sql"}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"}
    assert copied <= kept


def _settings_of(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith(("#", "log_type")))


def test_production_adds_to_the_shipped_settings_and_changes_none() -> None:
    shipped, added = (
        _settings_of(ROOT / "sdot/mosquitto.conf"),
        _settings_of(DEPLOY / "mosquitto/mosquitto.conf"),
    )
    assert set(shipped) & set(added) == set()
    assert added["include_dir"] == "/mosquitto/config/shared"
    assert "./sdot/mosquitto.conf:/mosquitto/config/shared/sdot.conf:ro" in SERVICES["mosquitto"]["volumes"]


def test_a_devices_rights_are_those_of_the_contract() -> None:
    acl = (DEPLOY / "mosquitto/acl").read_text(encoding="utf-8")
    rights = set(re.findall(r"^pattern (\w+) (\S+)$", acl, re.MULTILINE))
    prefix = Settings.model_fields["topic_prefix"].default
    leaves = {("write", "reading"), ("write", "status"), ("read", "error")}
    assert rights == {(right, f"{prefix}/%u/{leaf}") for right, leaf in leaves}
    contract = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    assert all(f"`{topic}`" in contract for _, topic in rights)
