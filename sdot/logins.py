"""Logins at the broker: a password told once, the hash that mosquitto keeps, and the file it reads them from."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from city.db import statement
from city.errors import RegistryError
from sdot.account import Account
from sdot.folder import write_private
from sdot.serial import checked

#: Bytes of randomness in a password (OWASP asks for 16 and more of a machine's secret); 32 characters.
PASSWORD_BYTES = 24
#: Rounds of PBKDF2, as mosquitto_passwd has them. Nobody guesses 192 random bits, so more rounds protect nothing; but
#: mosquitto does them in its only thread at each CONNECT: 0.1 ms, where 100,000 would take 0.1 s, and so two minutes
#: for a city of 1,100 sensors that comes back after a restart.
ROUNDS = 101
#: What names of services begin with (deploy/mosquitto/acl gives them rights by name), and so no device's may.
SERVICE = "sdot-"
#: mosquitto's own length of a salt.
SALT_BYTES = 12


def new_password() -> str:
    """A password of `A-Z a-z 0-9 _ -`, good in a URL and in a CSV as it is."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def hashed(password: str, salt: bytes | None = None) -> str:
    """`password` as mosquitto 2 keeps it: `$7$rounds$salt$hash`, PBKDF2 of SHA-512, both in base64."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def nameable(serial: str) -> str:
    """The serial, where it may be a user's name at the broker; RegistryError where not."""
    if ":" in checked(serial):
        raise RegistryError(
            f"{serial} cannot log in: a colon ends the name in mosquitto's password file; "
            f"`sdot sensor rename {serial} {serial.replace(':', '-')}` first"
        )
    if serial.startswith(SERVICE):
        raise RegistryError(
            f"{serial} cannot log in: {SERVICE}… are our own services; rename the sensor first"
        )
    return serial


def issue(conn: Any, serials: Sequence[str]) -> dict[str, str]:
    """Give each sensor a new password, in place of one it may have; serial → password, in order.

    All are given one, or none: RegistryError where one is unknown, retired or cannot be a user's name.
    """
    passwords = {nameable(serial): new_password() for serial in serials}
    with conn.transaction():
        hashes = [hashed(password) for password in passwords.values()]
        rows = conn.execute(statement("set_credentials"), [list(passwords), hashes]).fetchall()
        _all_of(passwords, rows, "is not registered, or retired; `sdot sensor add` or `verify` comes first")
    return passwords


def revoke(conn: Any, serials: Sequence[str]) -> None:
    """Take their logins away; RegistryError, and nothing is taken, where one has none."""
    with conn.transaction():
        rows = conn.execute(statement("revoke_credentials"), [list(serials)]).fetchall()
        _all_of(serials, rows, "has no login")


def _all_of(serials: Iterable[str], rows: Iterable[Sequence[str]], fault: str) -> None:
    found = {row[0] for row in rows}
    if missing := [serial for serial in serials if serial not in found]:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise RegistryError(f"{missing[0]}{more} {fault}")


def lacking(conn: Any) -> list[str]:
    """Serials of sensors in service that have no login yet."""
    return [row[0] for row in conn.execute(statement("lacking_credentials")).fetchall()]


def password_file(devices: Mapping[str, str], services: Mapping[str, str]) -> str:
    """The text of mosquitto's password file; both: name → hash. A device renamed to an impossible name is left out."""
    able = {
        name: hash_ for name, hash_ in devices.items() if ":" not in name and not name.startswith(SERVICE)
    }
    return "".join(f"{name}:{hash_}\n" for name, hash_ in (able | dict(services)).items())


def devices_of(conn: Any) -> dict[str, str]:
    """Serial → hash of each device that may log in."""
    return dict(conn.execute(statement("broker_logins")).fetchall())


def write(path: Path, text: str) -> bool:
    """Put `text` in place of the file in one step, readable by its owner alone; whether it was another one."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
        before = path.stat()
        owner = Account("", before.st_uid, before.st_gid) if os.geteuid() == 0 else None
    except FileNotFoundError:
        owner = None
    write_private(path, text, owner)
    return True
