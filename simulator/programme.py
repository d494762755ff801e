"""A scenario as it is played: each event told when it begins and when it is over, and written into the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from simulator.scenario import Change
from simulator.stage import Act, Stage
from simulator.timetable import Due
from simulator.truth import Injected, Truth, stamp

#: Kind of a line of the truth that is no sensor's fault.
EVENT = "event"


class Programme:
    """What has been told of a scenario."""

    def __init__(self, stage: Stage, truth: Truth, say: Callable[[str], None], zone: ZoneInfo) -> None:
        self._stage, self._truth, self._say, self._zone = stage, truth, say, zone
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._met: dict[int, int] = {}

    def go_on(self, due: Sequence[Due], now_ms: int) -> None:
        """Tell what has begun or ended by now, and count the readings that events have met."""
        for number, act in enumerate(self._stage.acts):
            if now_ms < act.start_ms or number in self._ended:
                continue
            if number not in self._begun:
                self._begun.add(number)
                self._say(f"{self._clock(act.start_ms)}  {act.event.say} ({described(act)}; until {self._clock(act.end_ms)})")  # fmt: skip
            self._met[number] = self._met.get(number, 0) + sum(_is_met(act, one) for one in due)
            self._tell(number, act, now_ms)
            if now_ms >= act.end_ms:
                self._ended.add(number)
                self._say(f"{self._clock(act.end_ms)}  Over: {act.event.say}")

    def _tell(self, number: int, act: Act, now_ms: int) -> None:
        if not self._met[number]:
            return
        for name, change in act.event.change.items():
            self._truth.happened(
                Injected(
                    sensor="",
                    kind=EVENT,
                    metric=name,
                    start=stamp(max(act.start_ms, self._truth.begin_ms)),
                    end=stamp(min(now_ms, act.end_ms)),
                    size=change.plus if change.plus is not None else change.times or 1.0,
                    unit="" if change.times is None else "×",
                    other=act.place,
                    readings=self._met[number],
                )
            )

    def _clock(self, time_ms: int) -> str:
        return f"{datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(self._zone):%H:%M:%S}"


def _is_met(act: Act, due: Due) -> bool:
    later = int(act.delay_ms[due.sensor])
    felt = act.weight[due.sensor] > 0
    # behind a front each place has as long of it as the others
    return bool(felt and act.start_ms + later <= due.time_ms < act.start_ms + later + act.length_ms)


def described(act: Act) -> str:
    """What happens and where, in a few words."""
    event = act.event
    what = [_changed(name, change) for name, change in event.change.items()]
    if event.fault:
        what.append(f"{event.fault} of {int((act.weight > 0).sum())} devices")
    return f"{', '.join(what)}; {act.place}"


def _changed(name: str, change: Change) -> str:
    return f"{name} ×{change.times:g}" if change.times is not None else f"{name} {change.plus:+g}"


def outline(stage: Stage) -> Iterator[str]:
    """The events of a scenario, a line each, with their times after the start."""
    for act in stage.acts:
        yield f"{act.event.at} for {act.event.lasts}: {act.event.say} ({described(act)})"
