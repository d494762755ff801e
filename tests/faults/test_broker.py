"""A broker that is restarted, killed, and that forgets a session; what mosquitto itself loses is counted, and bounded."""

from __future__ import annotations

import re
import shutil
import time
from importlib.resources import files

from tests.faults.rig import Rig
from tests.servers.broker import Broker

#: Around an instant: clocks, a turn of the crowd, a slow machine, seconds.
SLACK_S = 2.0


def _autosave_s() -> float:
    """Mosquitto saves what it keeps so often, as shipped."""
    found = re.search(
        r"^autosave_interval (\d+)", files("sdot").joinpath("mosquitto.conf").read_text(), re.MULTILINE
    )
    assert found
    return float(found[1])


def _check_lost_between(rig: Rig, first: float, last: float, newest: int | None = None) -> None:
    """What never came was acknowledged in these seconds (of the clock), and in no others.

    With the number that was stored last before them, from its acknowledgement on: then the rest was under way.
    """
    times = [rig.record["acknowledged"][number] for number in rig.settle_with_losses()]
    if newest is not None:
        first = min(first, rig.record["acknowledged"][newest])
    assert all(first - SLACK_S < at < last + SLACK_S for at in times), (first, last, sorted(times))


def test_the_broker_is_restarted(rig: Rig, broker: Broker) -> None:
    rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        broker.process.stop()
        broker.restart()
    rig.flow()
    rig.settle()


def test_the_broker_is_away(rig: Rig, broker: Broker) -> None:
    worker = rig.worker()
    rig.publish()
    rig.flow()
    with rig.fault():
        broker.process.stop()
        time.sleep(rig.scale.away_s)
        assert worker.standing()["broker"]["ok"] is False
        broker.restart()
    rig.flow()
    rig.settle()


def test_the_broker_is_restarted_under_two_workers(rig: Rig, broker: Broker) -> None:
    """Mosquitto 2.0 forgets shared subscriptions: lost is what comes before one of the two has subscribed again."""
    rig.crew(2)
    rig.publish()
    rig.flow()
    rig.keep_up()
    stopped = time.time()
    with rig.fault():
        broker.process.stop()
        broker.restart()
    rig.until_at_the_broker(2)
    again = time.time()
    rig.flow()
    _check_lost_between(rig, stopped, again)


def test_the_broker_is_killed(rig: Rig, broker: Broker) -> None:
    """Lost is what it had acknowledged and not yet given to ingest, in the instant of the kill."""
    rig.worker()
    rig.publish()
    kills: list[float] = []
    for _ in range(rig.scale.broker_kills):
        rig.flow(rig.scale.steady_s + _autosave_s() + 1)  # so that the session itself is saved
        rig.keep_up()
        with rig.fault():
            broker.process.kill()
            kills.append(time.time())
            broker.restart()
    rig.flow()
    times = [rig.record["acknowledged"][number] for number in rig.settle_with_losses()]
    assert all(min(abs(at - kill) for kill in kills) < SLACK_S for at in times), (kills, sorted(times))
    rig.figures.notes["kills"] = len(kills)


def test_the_broker_is_killed_while_ingest_is_away(rig: Rig, broker: Broker) -> None:
    """Lost is what was queued since it saved last."""
    worker = rig.worker()
    rig.publish()
    rig.flow()
    rig.dismiss(worker.process)
    time.sleep(2 * _autosave_s() + 1)
    broker.process.kill()
    killed = time.time()
    broker.restart()
    with rig.fault():
        rig.worker()
    _check_lost_between(rig, killed - _autosave_s(), killed)
    rig.figures.notes["saved every"] = f"{_autosave_s():.0f} s"


def test_the_broker_forgets_a_session(rig: Rig, broker: Broker) -> None:
    """Lost is what was under way, and what comes before ingest has subscribed again."""
    worker = rig.worker()
    rig.publish()
    rig.flow()
    rig.keep_up()
    newest, stopped = rig.newest(), time.time()
    with rig.fault():
        broker.process.stop()
        shutil.rmtree(broker.place.path / "kept")
        broker.restart()
        worker.until_ready()
        again = time.time()
    rig.flow()
    _check_lost_between(rig, stopped, again, newest)
