"""The process in which iotcore's broker runs: `python -m sdot.rumqttd SETTINGS.toml`."""

from __future__ import annotations

import logging
import sys


def main(settings: str) -> None:
    """Run until killed; the broker has no way to be stopped (and keeps nothing)."""
    from iotcore import IotCoreBroker

    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # its routing wraps each packet in an error span, which comes out as a line at level ERROR
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    IotCoreBroker(config_path=settings).run_forever()


if __name__ == "__main__":
    main(sys.argv[1])
