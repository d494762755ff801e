"""iotcore: the broker out of a wheel that the embedded stack falls back to."""

from __future__ import annotations

import importlib.util
import sys

from sdot.broker import iotcore_settings
from tests.servers.broker import Broker
from tests.servers.missing import Missing
from tests.servers.process import ROOT, Process


class Iotcore(Broker):
    """A running iotcore, on the settings that the product writes for it."""

    name = "iotcore"
    shared = False

    def _launch(self) -> Process:
        if importlib.util.find_spec("iotcore") is None:
            raise Missing("the wheel iotcore is not installed")
        settings = self.place.path / "iotcore.toml"
        settings.write_text(iotcore_settings("127.0.0.1", self.port))
        command = [sys.executable, "-m", "sdot.rumqttd", settings]
        return Process(command, self.place.path / "log", cwd=ROOT)
