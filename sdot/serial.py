"""A serial as a person types it."""

from __future__ import annotations

from city.errors import RegistryError
from city.reading import SERIAL


def checked(serial: str | None) -> str:
    """The serial; RegistryError where it can be none, as with a slash, which would be another topic."""
    if not serial or not SERIAL.fullmatch(serial):
        raise RegistryError(f"{serial or ''!r} is no serial: letters, digits and ._:- only, 1 to 64")
    return serial
