"""The command line as a person meets it: fast, lazy, and in sentences."""

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

from city.errors import SdotError
from sdot.cli import COMMANDS, app
from sdot.commands.env import masked


def sdot(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SDOT_")}
    command = [sys.executable, "-m", "sdot", *arguments]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", [name for name, (module, _) in COMMANDS.items() if find_spec(module)])
def test_each_command_explains_itself(name):
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage" in result.output


def test_help_lists_the_commands_in_their_order():
    output = CliRunner().invoke(app, ["--help"]).output
    places = [output.index(f"│ {name} ") for name, (module, _) in COMMANDS.items() if find_spec(module)]
    assert places == sorted(places)


def test_an_unknown_command_is_refused():
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_the_command_line_imports_nothing_heavy():
    code = (
        "import sys, sdot.cli\n"
        "for name in sdot.cli.LazyGroup(name='sdot').list_commands(None): sdot.cli.load(name)\n"
        "heavy = {'pandas', 'dash', 'plotly', 'shapely', 'numpy', 'psycopg', 'paho', 'rich.progress'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_what_a_person_can_mend_is_one_sentence_and_status_1(tmp_path):
    done = sdot("db", "status", "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"sdot: no `sdot up` runs on {tmp_path}, and SDOT_ADMIN_DATABASE_URL is not set"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["publish", "a", "{}"], "SDOT_MQTT_URL is not set"),
        (["publish", "a/b", "{}"], "'a/b' is no serial"),
        (["watch", "a"], "SDOT_DATABASE_URL is not set"),
        (["watch", "#"], "'#' is no serial"),
        (["sensor", "add"], "give either the serial of one sensor, or --file"),
        (["sensor", "move", "a"], "either --lat and --lon, or --district"),
        (["sensor", "move", "a", "--lat", "37.5"], "the longitude is missing"),
    ],
)
def test_what_is_missing_is_said(arguments, words, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SDOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SdotError, match=words):
        CliRunner().invoke(app, [*arguments, "--data", str(tmp_path)], catch_exceptions=False)


def test_a_state_that_is_none_is_refused_with_those_there_are():
    result = CliRunner().invoke(app, ["sensor", "list", "--state", "foo"])
    assert result.exit_code == 2
    assert all(state in result.output for state in ("unverified", "verified", "retired"))


def test_a_misspelt_name_in_the_environment_is_told(tmp_path):
    done = sdot("env", "--data", str(tmp_path), SDOT_REGSTER="open")
    assert done.returncode == 0
    assert done.stderr == "sdot: SDOT_REGSTER is no setting; did you mean SDOT_REGISTER?\n"


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).output == f"sdot {version('sdot')}\n"


def test_env_prints_a_setting_a_line_and_hides_passwords(tmp_path):
    url = "postgresql://sdot:se/cret%40@db.city/sdot"
    lines = sdot("env", "--data", str(tmp_path), SDOT_DATABASE_URL=url).stdout.splitlines()
    assert all(line.startswith("SDOT_") and "=" in line for line in lines)
    assert "SDOT_HTTP_PORT=8050" in lines
    assert "SDOT_MQTT_SHARED=true" in lines
    secret = sdot("env", "--data", str(tmp_path), "--secrets", SDOT_DATABASE_URL=url).stdout.splitlines()
    assert f"SDOT_DATABASE_URL={url}" in secret
    assert not [line for line in lines if "cret%40" in line]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://sdot:se%2Fcret@db/sdot", "postgresql://sdot:***@db/sdot"),
        ("postgresql://sdot:pw@/sdot?host=%2Fdata", "postgresql://sdot:***@/sdot?host=%2Fdata"),
        ("mqtts://ingest:pw@broker:8883", "mqtts://ingest:***@broker:8883"),
        ("mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:1883"),
        (
            "postgresql://u@h/sdot?password=pw&sslmode=require",
            "postgresql://u@h/sdot?password=***&sslmode=require",
        ),
        ("postgresql://u:p@ss@h/sdot", "postgresql://u:***@h/sdot"),
    ],
)
def test_passwords_are_masked_wherever_a_url_carries_them(url, shown):
    assert masked(url) == shown
