"""`sdot publish`: a first sensor for who has none."""

from __future__ import annotations

from typing import Annotated

import typer

from sdot.commands.options import Data


def publish(
    serial: Annotated[str, typer.Argument(help="Serial of the sensor to be.")],
    message: Annotated[
        str, typer.Argument(help="Its message, such as '{\"pm25\": 12.5}'; - reads standard input.")
    ],
    data: Data = None,
) -> None:
    """Publish one message as a sensor would, QoS 1, and wait for the broker's PUBACK."""
    import sys

    from sdot.running import find_settings
    from sdot.sender import send
    from sdot.serial import checked

    checked(serial)
    settings = find_settings(data, "mqtt_url")
    body = sys.stdin.buffer.read() if message == "-" else message.encode("utf-8", "surrogateescape")
    topic = f"{settings.topic_prefix}/{serial}/reading"
    send(settings.mqtt_url, topic, body)
    typer.echo(f"published {len(body)} bytes to {topic}; `sdot watch {serial}` tells what becomes of it")
