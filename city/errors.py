"""Errors that a person can act on.

SdotError
├── SettingsError   a setting is missing or wrong
├── PackError       a city pack cannot be used
├── DatabaseError   the database refuses, or is not what we need
├── BrokerError     the broker refuses, or cannot do what is asked
├── RegistryError   a sensor is unknown, or cannot be changed so
├── TableError      a file of readings, or the map of its columns, cannot be used
└── StackError      the embedded stack cannot start

The command line prints the sentence and ends with status 1.
"""

from __future__ import annotations

from collections.abc import Sequence


class SdotError(Exception):
    """Something a person has to mend; its text says what to do next."""


class SettingsError(SdotError):
    """A setting is missing or wrong."""


class PackError(SdotError):
    """A city pack cannot be used; `problems` holds one sentence each."""

    def __init__(self, pack: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"city pack {pack}: " + "; ".join(self.problems))


class DatabaseError(SdotError):
    """The database refuses, or is not what we need."""


class BrokerError(SdotError):
    """The broker refuses, or cannot do what is asked."""


class RegistryError(SdotError):
    """A sensor is unknown, or cannot be changed in this way."""


class TableError(SdotError):
    """A file of readings, or the map of its columns, cannot be used."""


class StackError(SdotError):
    """The embedded stack cannot start."""
