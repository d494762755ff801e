"""How another command finds a running stack, and is not fooled by a dead one."""

import json
import os
import stat

import pytest

from sdot import running
from sdot.folder import DataFolder
from sdot.process import Process, identify

ENVIRONMENT = {"SDOT_MQTT_URL": "mqtt://127.0.0.1:1999", "SDOT_DATABASE_URL": "postgresql://u:p@/sdot"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SDOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return DataFolder(tmp_path)


def test_a_running_stack_is_found_by_its_folder(folder):
    me = identify(os.getpid())
    running.describe(folder, ENVIRONMENT, {"ingest": me})
    found = running.running(folder)
    assert found == running.Running(me, ENVIRONMENT, {"ingest": me})
    assert stat.S_IMODE(folder.running.stat().st_mode) == 0o600


def test_a_file_left_by_a_killed_stack_is_stale_even_when_its_number_lives_again(folder):
    running.describe(folder, ENVIRONMENT, {})
    content = json.loads(folder.running.read_text())
    content["process"][1] -= 1
    folder.running.write_text(json.dumps(content))
    assert running.running(folder) is None
    assert running.last(folder).process == Process(*content["process"])


def test_no_file_or_a_broken_one_is_no_stack(folder):
    assert running.last(folder) is None
    for text in ("", "[]", "{}", '{"process": 1}'):
        folder.running.write_text(text)
        assert running.last(folder) is None


def test_commands_take_the_stacks_settings_below_the_environments(folder, monkeypatch):
    running.describe(folder, ENVIRONMENT, {})
    assert running.find_settings(folder.path).mqtt_url == "mqtt://127.0.0.1:1999"
    monkeypatch.setenv("SDOT_DATA", str(folder.path))
    assert running.find_settings().database_url == "postgresql://u:p@/sdot"
    monkeypatch.setenv("SDOT_MQTT_URL", "mqtt://broker.city:1883")
    assert running.find_settings().mqtt_url == "mqtt://broker.city:1883"


def test_a_stopped_stack_is_forgotten(folder):
    running.describe(folder, ENVIRONMENT, {})
    running.forget(folder)
    running.forget(folder)
    assert running.find_settings(folder.path).database_url == ""
