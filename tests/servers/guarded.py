"""Mosquitto as deploy/ runs it in production: its logins, its rights, its two listeners."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from tests.servers import compose
from tests.servers.broker import Broker
from tests.servers.mosquitto import ALSO, mosquitto_program
from tests.servers.place import Place
from tests.servers.process import MYSELF, ROOT, Identity, Process, free_port

#: The configuration's ports: for devices, and for our own services.
DEVICES, SERVICES = 1883, 1884


def identity_of(service: compose.Service) -> Identity:
    """As whom a service runs: as the file says where we are root, else as ourselves."""
    return Identity(service.user, service.user) if os.getuid() == 0 and service.user else MYSELF


class Guarded(Broker):
    """A running mosquitto on deploy/mosquitto; `port` is the devices' listener. It waits for its password file."""

    name = "guarded mosquitto"
    shared = True

    def __init__(self, place: Place, variables: Mapping[str, str], logins: str = "") -> None:
        self.inside = free_port()
        self.service = compose.service("mosquitto", variables)
        self.identity = identity_of(self.service)
        self._root = place.path / "root"
        for source, target in self.service.mounts:
            if source.startswith("./"):
                self.path(target).parent.mkdir(parents=True, exist_ok=True)
            else:
                self.path(target).mkdir(parents=True)
                self._give(self.path(target))
        if logins:
            self.passwords.write_text(logins)
            self._give(self.passwords)
        super().__init__(place)

    def path(self, target: str) -> Path:
        """Where a path of the container is here."""
        return self._root / target.removeprefix("/")

    @property
    def passwords(self) -> Path:
        """The password file."""
        return self.path("/mosquitto/logins/passwords")

    def _give(self, path: Path) -> None:
        if self.identity.uid is not None and self.identity.gid is not None:
            os.chown(path, self.identity.uid, self.identity.gid)

    def native(self, text: str) -> str:
        """A text of the container's, with the paths and ports that stand for its own here."""
        text = re.sub(r"(?<![\w.])/mosquitto/", f"{self._root}/mosquitto/", text)
        for port, here in ((DEVICES, self.port), (SERVICES, self.inside)):
            text = re.sub(rf"^listener {port}$", f"listener {here} 127.0.0.1", text, flags=re.MULTILINE)
            text = text.replace(f"-p {port} ", f"-p {here} ").replace(
                f"@mosquitto:{port}", f"@127.0.0.1:{here}"
            )
        return text

    def _launch(self) -> Process:
        mosquitto_program()
        for source, target in self.service.mounts:
            if source.startswith("./"):
                self.path(target).write_text(self.native((ROOT / source).read_text(encoding="utf-8")))
        command = [self.native(word) for word in self.service.command]
        path = os.pathsep.join([os.environ.get("PATH", ""), ALSO])
        return Process(command, self.place.path / "log", env={"PATH": path}, identity=self.identity)

    def _started(self) -> Process:
        process = self._launch()
        if self.passwords.exists():
            process.until_listening(self.inside)
        return process
