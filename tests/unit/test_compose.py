"""docker-compose.yml names only what there is. No engine runs here, so its structure is all that is tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from city.settings import Settings, environment_name
from sdot.cli import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
PASSED_ON = {"ingest", "dashboard", "mosquitto", "timescaledb"}


def test_the_services_are_those_of_the_product() -> None:
    assert set(SERVICES) == {"mosquitto", "timescaledb", "migrate", "ingest", "dashboard", "simulator"}
    assert SERVICES["simulator"]["profiles"] == ["simulator"]


@pytest.mark.parametrize("name", OURS)
def test_every_setting_and_command_exists(name: str) -> None:
    known = {environment_name(field) for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known
    answer = CliRunner().invoke(app, [*SERVICES[name]["command"], "--help"])
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_needs_is_there(name: str) -> None:
    service = SERVICES[name]
    for needed, condition in service.get("depends_on", {}).items():
        assert needed in SERVICES
        assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[needed]
    assert {config["source"] for config in service.get("configs", [])} <= set(COMPOSE["configs"])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_reached_from_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", sorted(PASSED_ON))
def test_what_runs_on_is_watched(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in OURS])
def test_images_of_others_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+[\w.-]*", SERVICES[name]["image"])


def test_every_password_comes_from_the_command_in_its_head() -> None:
    made = {f"{name}_PASSWORD" for name in re.findall(r"for name in ([A-Z ]+);", TEXT)[0].split()}
    assert set(re.findall(r"(?<!\$)\$\{(\w+_PASSWORD)", TEXT)) == made
