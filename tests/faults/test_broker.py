"""A broker that is restarted, killed, and that forgets a session; what mosquitto itself may lose is counted."""

from __future__ import annotations

import shutil
import time

from tests.faults.rig import Rig
from tests.servers.broker import Broker

#: Mosquitto saves what it keeps every so many seconds (`autosave_interval` as shipped), which a kill can cost.
AUTOSAVE_S = 10


def test_the_broker_is_restarted(rig: Rig, broker: Broker) -> None:
    rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        broker.process.stop()
        broker.restart()
    rig.flow()
    _losses(rig)


def test_the_broker_is_away(rig: Rig, broker: Broker) -> None:
    rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        broker.process.stop()
        time.sleep(rig.scale.away_s)
        broker.restart()
    rig.flow()
    _losses(rig)


def test_the_broker_is_killed(rig: Rig, broker: Broker) -> None:
    rig.worker()
    rig.publish()
    for _ in range(rig.scale.broker_kills):
        rig.flow()
        with rig.fault():
            broker.process.kill()
            broker.restart()
    rig.flow()
    _losses(rig)


def test_the_broker_forgets_a_session(rig: Rig, broker: Broker) -> None:
    rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        broker.process.stop()
        shutil.rmtree(broker.place.path / "kept")
        broker.restart()
    rig.flow()
    _losses(rig)


def _losses(rig: Rig) -> None:
    lost = rig.settle_with_losses()
    times = sorted(rig.record["acknowledged"][n] for n in lost)
    print("LOST", len(lost), lost[:5], times[-1] - times[0] if times else 0)
