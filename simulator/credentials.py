"""Passwords of simulated devices: a CSV file, as `sdot sensor credentials` prints it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from city.errors import SettingsError

_HOW = "make it with `sdot sensor credentials`"
#: Missing serials that are named.
_NAMED = 3


def read_credentials(path: Path, serials: Sequence[str]) -> dict[str, str]:
    """Serial → password of these sensors; SettingsError where the file cannot be read or lacks one of them."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = {row["serial"]: row["password"] for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"the credentials {path} cannot be read ({error}); {_HOW}") from None
    except KeyError:
        raise SettingsError(f"{path} is no CSV with the columns serial,password; {_HOW}") from None
    missing = [serial for serial in serials if not found.get(serial)]
    if missing:
        named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        raise SettingsError(f"{path} has no password for {len(missing)} sensors ({named}); {_HOW}")
    return {serial: found[serial] for serial in serials}
