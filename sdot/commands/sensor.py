"""`sdot sensor`: the registry from the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

from sdot.commands.options import Data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from city.pack import CityPack
    from city.settings import Settings
    from ingest.registry import NewSensor
    from ingest.roster import Known

app = typer.Typer(
    no_args_is_help=True, help="List, add, verify, move, rename and retire sensors; their logins."
)

Serial = Annotated[str, typer.Argument(help="The sensor's serial.")]
Latitude = Annotated[Optional[float], typer.Option("--lat", help="Latitude, degrees.", min=-90, max=90)]  # noqa: UP045 typer
Longitude = Annotated[Optional[float], typer.Option("--lon", help="Longitude, degrees.", min=-180, max=180)]  # noqa: UP045 typer
District = Annotated[Optional[str], typer.Option(help="District, by code or name.")]  # noqa: UP045 typer


def _open(data: Path | None) -> tuple[Any, Settings]:
    from city.db import connect
    from sdot.running import find_settings

    settings = find_settings(data, "admin_database_url")
    return connect(settings.admin_url, "sdot sensor", bounded=False), settings


def _pack(settings: Settings) -> CityPack:
    from city.pack import load_pack

    return load_pack(settings.city)


@app.command("list")
def list_(
    state: Annotated[
        Optional[Literal["unverified", "verified", "retired"]],  # noqa: UP045 typer
        typer.Option(help="Only those in this state."),
    ] = None,
    data: Data = None,
) -> None:
    """Show the registry: those that need a person first."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from city.db import statement

    conn, _ = _open(data)
    with conn:
        rows = conn.execute(statement("list_sensors"), {"state": state}).fetchall()
    # Serials are there to be copied: on a narrow terminal the other columns wrap, in a pipe none does.
    table = Table(Column("serial", no_wrap=True, min_width=max((len(row[0]) for row in rows), default=0)))
    table.box = box.SIMPLE
    for title in ("state", "district", "kind", "model", "last reading (UTC)", "registered by"):
        table.add_column(title, min_width=10 if title.startswith("last") else None)  # a date in one piece
    for row in rows:
        last = f"{row[8]:%Y-%m-%d %H:%M:%S}" if row[8] else "never"
        table.add_row(row[0], row[1], row[2] or "none", row[3] or "", row[4] or "", last, row[11])
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    unverified = sum(row[1] == "unverified" for row in rows)
    console.print(
        f"{len(rows)} {state} sensors" if state else f"{len(rows)} sensors, {unverified} unverified"
    )


@app.command()
def add(  # noqa: PLR0913, PLR0917 a command's options
    serial: Annotated[Optional[str], typer.Argument(help="Serial of one sensor; or use --file.")] = None,  # noqa: UP045 typer
    file: Annotated[
        Optional[Path],  # noqa: UP045 typer
        typer.Option(
            exists=True, dir_okay=False, help="CSV: serial, model, kind, latitude, longitude, district."
        ),
    ] = None,
    lat: Latitude = None,
    lon: Longitude = None,
    district: District = None,
    model: Annotated[Optional[str], typer.Option(help="Model.")] = None,  # noqa: UP045 typer
    kind: Annotated[Optional[str], typer.Option(help="Kind of site.")] = None,  # noqa: UP045 typer
    gateway: Annotated[bool, typer.Option(help="Its messages may carry the readings of others.")] = False,
    data: Data = None,
) -> None:
    """Register sensors as verified, outside the hourly limit; those that are known stay as they are."""
    from city.errors import RegistryError
    from sdot.roll import one_sensor, read_roll

    if (serial is None) == (file is None):
        raise RegistryError("give either the serial of one sensor, or --file with a CSV of many")
    sensors = read_roll(file) if file else [one_sensor(serial, model, kind, lat, lon, district)]
    conn, settings = _open(data)
    pack = _pack(settings)
    with conn:
        new = _add(conn, pack, sensors, gateway=gateway)
    typer.echo(f"{len(new)} sensors added, {len(sensors) - len(new)} were known")
    for sensor in new:
        if remark := _remark(pack, sensor):
            typer.echo(f"{sensor.serial}: {remark}")


def _add(conn: Any, pack: CityPack, sensors: Sequence[NewSensor], *, gateway: bool) -> list[NewSensor]:
    """Register sensors; those that were not known."""
    from ingest.registry import register_many
    from ingest.roster import make_gateway

    known = {row[0] for row in conn.execute("SELECT serial FROM sensor")}
    register_many(conn, pack, sensors, state="verified", by="operator")
    for sensor in sensors if gateway else ():
        make_gateway(conn, sensor.serial)
    return [sensor for sensor in sensors if sensor.serial not in known]


def _remark(pack: CityPack, sensor: NewSensor) -> str | None:
    """Why a new sensor is in no district, None where it is in one."""
    if sensor.latitude is not None and sensor.longitude is not None:
        if pack.district_at(sensor.latitude, sensor.longitude) is None:
            return f"{sensor.latitude}, {sensor.longitude} is outside the city; no district"
    elif not sensor.district:
        return "neither a place nor a district; it enters no figure until moved"
    elif pack.district_named(sensor.district) is None:
        return f"no district is called {sensor.district!r}; it enters no figure until moved"
    return None


@app.command()
def verify(serials: Annotated[list[str], typer.Argument(help="Serials.")], data: Data = None) -> None:
    """Bring sensors into their districts' figures, with what they have sent."""
    from ingest import roster

    conn, _ = _open(data)
    with conn:
        for sensor in [roster.find(conn, serial) for serial in serials]:  # all are known, or none is changed
            changed = roster.verify(conn, sensor.serial)
            typer.echo(_verified(sensor, roster.find(conn, sensor.serial).district, changed))


def _verified(before: Known, district: str | None, changed: int) -> str:
    again = {"verified": "was verified already", "retired": "was retired; it is verified again"}
    head = f"{before.serial} {again.get(before.state, 'is verified')}"
    if district is None:
        return f"{head}, but in no district: `sdot sensor move {before.serial} --district CODE`"
    return f"{head} and counts in {district}, with {changed} earlier readings brought in"


@app.command()
def move(
    serial: Serial,
    lat: Latitude = None,
    lon: Longitude = None,
    district: District = None,
    since: Annotated[
        Optional[datetime],  # noqa: UP045 typer
        typer.Option("--from", help="It stands there since (local time of the city); default: now."),
    ] = None,
    data: Data = None,
) -> None:
    """Put a sensor elsewhere; its readings from then on count in the district of its new place."""
    from city.errors import RegistryError
    from ingest import roster
    from sdot.roll import in_pair

    in_pair(lat, lon)
    if (lat is None) == (district is None):
        raise RegistryError("say where it stands: either --lat and --lon, or --district")
    conn, settings = _open(data)
    pack = _pack(settings)
    instant = since.replace(tzinfo=pack.zone).astimezone(UTC) if since else datetime.now(UTC)
    with conn:
        place = roster.Place(lat, lon, district)
        changed = roster.move(conn, pack, serial, place, instant)
        typer.echo(
            f"{serial} stands in {roster.find(conn, serial).district}; {changed} readings moved with it"
        )


@app.command()
def rename(
    serial: Serial, new: Annotated[str, typer.Argument(help="Its new serial.")], data: Data = None
) -> None:
    """Give a sensor another serial, as when its device is exchanged; its past stays with it."""
    from ingest import roster

    conn, _ = _open(data)
    with conn:
        roster.rename(conn, serial, new)
    typer.echo(f"{serial} is now {new}")


@app.command()
def retire(serials: Annotated[list[str], typer.Argument(help="Serials.")], data: Data = None) -> None:
    """Take sensors out of service: what they still send is quarantined, their past stays."""
    from ingest import roster

    conn, _ = _open(data)
    with conn:
        for serial in serials:
            roster.retire(conn, serial)
            typer.echo(f"{serial} is retired")


@app.command()
def credentials(
    serials: Annotated[Optional[list[str]], typer.Argument(help="Serials; or use --file or --all.")] = None,  # noqa: UP045 typer
    file: Annotated[
        Optional[Path],  # noqa: UP045 typer
        typer.Option(exists=True, dir_okay=False, help="CSV with a column serial, as `sensor add` reads."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="All sensors in service that have no login yet.")
    ] = False,
    revoked: Annotated[
        bool, typer.Option("--revoke", help="Take the logins away instead of making them.")
    ] = False,
    data: Data = None,
) -> None:
    """Make sensors' logins at the broker, or new passwords, and print them as CSV; they are told this once."""
    from city.errors import RegistryError
    from sdot import logins
    from sdot.roll import read_roll

    if sum(map(bool, (serials, file, everyone))) != 1 or (revoked and everyone):
        raise RegistryError(
            "name the sensors by serial, or give --file, or --all to those that have no login"
        )
    conn, _ = _open(data)
    with conn:
        named = serials or (logins.lacking(conn) if file is None else [one.serial for one in read_roll(file)])
        if revoked:
            logins.revoke(conn, named)
            typer.echo(f"{len(named)} logins are taken away")
            return
        made = logins.issue(conn, named)
    for line in ("serial,password", *(f"{serial},{password}" for serial, password in made.items())):
        typer.echo(line)
