"""What one writes first: a subscriber that inserts and commits each message, and acknowledges it afterwards.

It loses nothing either: persistent session, acknowledgement after the commit. It is no straw man: the sensors are
known to it, psycopg prepares its one statement, and `--autocommit` saves it two of three round trips.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
import psycopg

from benchmarks.load import METRICS, PREFIX

INSERT = (
    f"INSERT INTO reading (time, sensor_id, received_at, {', '.join(METRICS)})"
    f" VALUES (%s, %s, %s, {', '.join(['%s'] * len(METRICS))}) ON CONFLICT DO NOTHING"
)


def run(port: int, dsn: str, count: int, *, autocommit: bool) -> None:
    """Store `count` messages; 0: only make the session, so that the broker queues for it."""
    conn = psycopg.connect(dsn, autocommit=autocommit)
    ids = dict(conn.execute("SELECT serial, sensor_id FROM sensor").fetchall())
    conn.commit()
    done = 0

    def on_connect(client, _data, _flags, _reason, _properties) -> None:
        client.subscribe(f"{PREFIX}/+/reading", qos=1)

    def on_subscribe(client, *_) -> None:
        if not count:
            client.disconnect()

    def on_message(client, _data, message) -> None:
        nonlocal done
        reading = json.loads(message.payload)
        sensor = ids[message.topic.split("/")[-2]]
        at = datetime.fromisoformat(reading["time"])
        conn.execute(INSERT, (at, sensor, datetime.now(UTC), *map(reading.get, METRICS)))
        conn.commit()
        client.ack(message.mid, message.qos)
        done += 1
        if done == count:
            client.disconnect()

    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id="naive", clean_session=False, manual_ack=True
    )
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()
    conn.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--autocommit", action="store_true")
    given = parser.parse_args()
    run(given.port, given.dsn, given.count, autocommit=given.autocommit)


if __name__ == "__main__":
    main()
