"""iotcore: the broker out of a wheel that the embedded stack falls back to."""

from __future__ import annotations

import importlib.util
import sys

from sdot.broker import IOTCORE_PAYLOAD_BYTES, IOTCORE_SETTINGS
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
        limits = {"address": "127.0.0.1", "port": self.port, "payload": IOTCORE_PAYLOAD_BYTES}
        settings.write_text(IOTCORE_SETTINGS.format(**limits))
        command = [sys.executable, "-m", "sdot.rumqttd", settings]
        return Process(command, self.place.path / "log", cwd=ROOT)
