"""Windows of a back-fill, its steps, and how it tells how far it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from city.errors import SettingsError
from sdot.history import Window, seconds_of, windows
from sdot.progress import Lines, Rate
from simulator.city import SimCity
from tests.unit.sim_town import town

END = datetime(2026, 11, 24, 5, 29, 7, 123000, tzinfo=UTC)


def cut(
    monkeypatch: pytest.MonkeyPatch, start: datetime, end: datetime = END, step_s: int = 120
) -> list[Window]:
    monkeypatch.setattr("sdot.history.CHUNK_ROWS", 900)
    return windows(SimCity(town(), 30), start, end, step_s)


@pytest.mark.parametrize("step_s", [120, 600, 3600])
def test_windows_hold_each_reading_once(monkeypatch: pytest.MonkeyPatch, step_s: int) -> None:
    start = END - timedelta(hours=20, seconds=3.5)
    parts = cut(monkeypatch, start, step_s=step_s)
    assert (parts[0].low, parts[-1].high) == (start, END)
    assert [part.high for part in parts[:-1]] == [part.low for part in parts[1:]]
    city = SimCity(town(), 30)
    for part in parts:
        assert part.readings == sum(len(block[0]) for block in city.history(part.low, part.high, step_s))
        assert part.readings <= 900


def test_windows_are_cut_at_the_same_instants_whenever_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = cut(monkeypatch, END - timedelta(hours=9))
    later = cut(monkeypatch, END - timedelta(hours=8), END + timedelta(hours=1))
    shared = [part for part in now if part.low >= later[1].low and part.high < END]
    assert len(shared) > 5
    assert set(shared) <= set(later)


@pytest.mark.parametrize(("every", "seconds"), [("2m", 120), ("10m", 600), ("1h", 3600), ("24h", 86400)])
def test_steps_that_divide_a_day(every: str, seconds: int) -> None:
    assert seconds_of(every) == seconds


@pytest.mark.parametrize("every", ["1m", "7m", "0m", "48h", "10", "10s", "", "-2m"])
def test_other_steps_are_refused(every: str) -> None:
    with pytest.raises(SettingsError, match="as 10m"):
        seconds_of(every)


def test_a_file_gets_few_lines_with_pace_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    lines = Lines("Writing")
    monkeypatch.setattr(lines, "_rate", Rate(lambda: now[0]))
    for tenth in range(1, 11):
        now[0] += 1.0
        lines.tell(tenth / 10, tenth * 100_000)
    assert capsys.readouterr().out.splitlines()[1] == "Writing: 25 % (100,000 readings/s, 0:00:07 left)"


def test_no_pace_is_told_where_nothing_was_written() -> None:
    assert Rate().words(0) == ""
    assert Rate().left(0.0) == "0:00:00 left"
