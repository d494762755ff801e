"""The one table of settings: environment, then `sdot.toml`, then defaults."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from city.errors import SettingsError

PREFIX, FILE = "SDOT_", "sdot.toml"
#: Names in the environment that are no settings and not meant as such: those of the tests.
FOREIGN = ("SDOT_TEST_", "SDOT_CHECK")
#: MQTT's registered ports (IANA): plain and over TLS.
MQTT_PORT, MQTTS_PORT = 1883, 8883
#: What libpq takes: a URL, or `name=value` pairs.
_DATABASE = re.compile(r"postgres(ql)?://|\s*\w+\s*=")


class Settings(BaseSettings):
    """Every setting, with what it means; names in the environment are `SDOT_` and the upper-case name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, toml_file=FILE, extra="forbid", populate_by_name=True
    )

    database_url: str = Field("", description="PostgreSQL URL that ingest writes to")
    admin_database_url: str = Field(
        "", description="the owner's URL: migrate, maintain, sensor (default: the former)"
    )
    read_database_url: str = Field("", description="the dashboards' URL, read only (default: the former)")
    broker_database_url: str = Field(
        "", description="URL that `sdot broker` reads the devices' logins with (default: the owner's)"
    )
    mqtt_url: str = Field(
        "mqtt://127.0.0.1:1883", description="mqtt[s]://user:password@host:port of the broker"
    )
    mqtt_shared: bool = Field(
        default=True, description="shared subscription (false on iotcore, which has one plain one)"
    )
    mqtt_group: str = Field(
        "sdot-ingest", description="group of the shared subscription and stem of client ids"
    )
    broker_users: str = Field(
        "", description="the services' logins, user:password apart by spaces, for `sdot broker passwords`"
    )
    topic_prefix: str = Field("sdot/v1", description="what stands before <serial>/reading")
    city: str = Field("seoul", description="a city pack's name or the path of its folder")
    data: Path | None = Field(None, description="data folder of `sdot up` (default: the platform's)")
    http_host: str = Field("127.0.0.1", description="address the dashboard listens on")
    http_port: int = Field(8050, ge=1, le=65535, description="port the dashboard listens on")
    metrics_host: str = Field("127.0.0.1", description="address of ingest's /metrics, /healthz and /readyz")
    metrics_port: int = Field(9464, ge=1, le=65535, description="its port; worker k takes this + k")
    register_mode: Literal["open", "unverified", "closed"] = Field(
        "unverified", validation_alias="SDOT_REGISTER", description="what an unknown serial becomes"
    )
    register_per_hour: int = Field(200, ge=0, description="new serials an hour that MQTT may register")
    readings_per_minute: int = Field(
        600,
        ge=1,
        description="readings a minute of one sensor, for long (an hour's worth may come at once); more is rejected",
    )
    quarantine_days: int = Field(
        30, ge=1, description="days that what was refused is kept, from its last arrival"
    )
    quarantine_mb: int = Field(
        512,
        ge=1,
        description="megabytes of it at most (about a million small messages; the oldest go, and are counted)",
    )
    retention_raw: str = Field("400d", description="how long raw readings are kept: days as 400d, or forever")
    retention_hourly: str = Field(
        "1826d", description="how long hours are kept, and the districts' 10 minutes; days are kept for ever"
    )
    maintain_port: int = Field(9563, ge=1, le=65535, description="port of maintain's /metrics and probes")
    workers: int = Field(
        1, ge=1, le=64, description="ingest processes, a slot of the shared subscription each"
    )
    batch_readings: int = Field(8000, ge=1, le=20000, description="readings that close a batch")
    batch_ms: int = Field(200, ge=1, le=5000, description="milliseconds that close a batch")
    inflight: int = Field(16000, ge=1, le=65535, description="the broker's in-flight window")
    log_format: Literal["auto", "text", "json"] = Field("auto", description="text on a terminal, else JSON")

    @field_validator("retention_raw", "retention_hourly")
    @classmethod
    def _days(cls, value: str) -> str:
        if value != "forever" and not (value.endswith("d") and value[:-1].isdigit() and int(value[:-1]) > 0):
            raise ValueError("write days as 400d, or forever")
        return value

    @field_validator("database_url", "admin_database_url", "read_database_url", "broker_database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and not _DATABASE.match(value):
            raise ValueError("write postgresql://user:password@host:port/database")
        return value

    @field_validator("broker_users")
    @classmethod
    def _users(cls, value: str) -> str:
        if not all(all(pair.partition(":")) for pair in value.split()):
            raise ValueError("write user:password, several apart by spaces")
        return value

    @field_validator("topic_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if not value or value != value.strip("/") or set("#+$") & set(value):
            raise ValueError("a topic without wildcards, and no slash at either end")
        return value

    @property
    def admin_url(self) -> str:
        """The owner's database URL."""
        return self.admin_database_url or self.database_url

    @property
    def read_url(self) -> str:
        """The dashboards' database URL."""
        return self.read_database_url or self.database_url

    @property
    def broker_url(self) -> str:
        """The database URL that the devices' logins are read with."""
        return self.broker_database_url or self.admin_url

    @property
    def services(self) -> dict[str, str]:
        """User → password of the services at the broker."""
        return {
            user: password
            for user, _, password in (pair.partition(":") for pair in self.broker_users.split())
        }

    @property
    def retention(self) -> timedelta | None:
        """How long raw readings are kept; None is for ever."""
        return _span(self.retention_raw)

    @property
    def hourly_retention(self) -> timedelta | None:
        """How long hours are kept; None is for ever."""
        return _span(self.retention_hourly)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 pydantic calls by this name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 pydantic calls by this name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then `sdot.toml`, then what a running stack hands over (`init`), then defaults."""
        return env_settings, TomlConfigSettingsSource(settings_cls), init_settings


def _span(text: str) -> timedelta | None:
    return None if text == "forever" else timedelta(days=int(text[:-1]))


def environment_name(field: str) -> str:
    """`SDOT_…` name of a field of Settings."""
    return "SDOT_REGISTER" if field == "register_mode" else PREFIX + field.upper()


def load_settings(extra: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process; `extra` (NAME → value, of a running stack) ranks below environment and file.

    Raises SettingsError naming each setting that is wrong.
    """
    fields = {environment_name(name): name for name in Settings.model_fields}
    given: dict[str, Any] = {
        ("SDOT_REGISTER" if name == "SDOT_REGISTER" else fields[name]): value
        for name, value in (extra or {}).items()
        if name in fields
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(item) for item in error.errors())) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{FILE} is no TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{FILE} cannot be read: {error}") from None


def _sentence(item: Any) -> str:
    field = str(item["loc"][0]) if item["loc"] else "settings"
    if item["type"] == "extra_forbidden":  # only the file's names come here unasked
        return f"{FILE} has no setting `{field}`{_near(field, list(Settings.model_fields))}"
    name = environment_name(field).replace("SDOT_SDOT_", "SDOT_")
    text = str(item["msg"]).removeprefix("Value error, ")
    shown = (
        "" if field.endswith(("_url", "_users")) else f" (it is {item.get('input')!r})"
    )  # they may hold passwords
    return f"{name}: {text}{shown}"


def _near(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean `{close[0]}`?" if close else f"; there are {', '.join(names)}"


def misspelt() -> Iterator[str]:
    """A sentence for each SDOT_ name in the environment that is no setting."""
    known = [environment_name(field) for field in Settings.model_fields]
    stems = [name.removeprefix(PREFIX) for name in known]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and not name.startswith(FOREIGN) and name not in known:
            close = difflib.get_close_matches(name.removeprefix(PREFIX), stems, 1)
            meant = f"did you mean {PREFIX}{close[0]}?" if close else "it is ignored"
            yield f"{name} is no setting; {meant}"


def environment() -> dict[str, str]:
    """A copy of this process's environment, for children."""
    return dict(os.environ)


def require(value: str, name: str) -> str:
    """`value`, or SettingsError saying which setting is missing and what finds it."""
    if not value:
        raise SettingsError(
            f"{name} is not set, and no running `sdot up` was found; start one, pass its --data, or set {name}"
        )
    return value


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where the broker is and who we are there."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool


def mqtt_address(url: str) -> MqttAddress:
    """`mqtt[s]://user:password@host:port`, taken apart; SettingsError where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise SettingsError(
            f"SDOT_MQTT_URL is {url!r}; write mqtt://host:port or mqtts://user:password@host:port"
        )
    tls = parts.scheme == "mqtts"
    port = parts.port or (MQTTS_PORT if tls else MQTT_PORT)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return MqttAddress(parts.hostname, port, user, password, tls)
