"""Mosquitto, with the settings file that the product ships."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from importlib.resources import files

from tests.servers.broker import Broker
from tests.servers.missing import Missing
from tests.servers.place import Place
from tests.servers.postgres import server_identity
from tests.servers.process import Process

#: Where Debian puts it, which the PATH of an ordinary user lacks.
ALSO = "/usr/sbin"


def mosquitto_program() -> str:
    """Path of the program; Missing where it is not installed."""
    program = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), ALSO]))
    if program is None:
        raise Missing("mosquitto is not installed (Debian package mosquitto)")
    return program


class Mosquitto(Broker):
    """A running mosquitto."""

    name = "mosquitto"
    shared = True
    #: Settings of it that are others than the shipped ones.
    others: Mapping[str, object] = {}

    def __init__(self, place: Place, more: str = "") -> None:
        self._more = more
        super().__init__(place)

    def _settings(self) -> str:
        """Lines beside the shipped ones: who may do what."""
        return f"allow_anonymous true\n{self._more}"

    def _launch(self) -> Process:
        program = mosquitto_program()
        who = server_identity()  # as root it would become a user of its own choice
        settings, kept = self.place.path / "mosquitto.conf", self.place.path / "kept"
        kept.mkdir(exist_ok=True)
        if who.uid is not None and who.gid is not None:
            os.chown(kept, who.uid, who.gid)
        shipped = files("sdot").joinpath("mosquitto.conf").read_text(encoding="utf-8")
        for key, value in self.others.items():
            shipped = re.sub(rf"^{key} .*\n", "", shipped, flags=re.MULTILINE) + f"{key} {value}\n"
        here = f"listener {self.port} 127.0.0.1\n{self._settings()}persistence_location {kept}/\n"
        settings.write_text(f"{shipped}\n{here}")
        return Process([program, "-c", settings], self.place.path / "log", cwd=kept, identity=who)
