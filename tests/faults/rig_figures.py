"""What the faults cost: one line a test, printed at the end of a run and quoted in docs/reliability.md."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

#: A file to which the figures go as JSON, a line each.
VARIABLE = "SDOT_TEST_FAULTS_FIGURES"
#: A test's property that holds its line, which so gets from the process of the test to that of the summary.
PROPERTY = "faults"


@dataclass
class Figures:
    """Of one test."""

    name: str
    published: int = 0
    #: published a second, as it came out
    rate: float = 0.0
    #: readings that the broker had acknowledged and that never came
    lost: int = 0
    duplicates: int = 0
    #: the longest from a fault's end to the first reading in the database that came after it, seconds
    recovery_s: float = 0.0
    #: the longest from a fault's end until all that was published before is in the database, seconds
    caught_up_s: float = 0.0
    #: the most that one process of ingest held, MiB
    memory_mib: float = 0.0
    #: what else a test has to tell
    notes: dict[str, object] = field(default_factory=dict)

    def line(self) -> str:
        """One line of the table."""
        notes = ", ".join(f"{name} {value}" for name, value in self.notes.items())
        return (
            f"| {self.name} | {self.published:,} | {self.rate:,.0f} | {self.lost} | {self.duplicates:,} |"
            f" {self.recovery_s:.1f} | {self.caught_up_s:.1f} | {self.memory_mib:.0f} | {notes} |"
        )

    def keep(self) -> None:
        """Append it to the file that was asked for."""
        if path := os.environ.get(VARIABLE):
            with Path(path).open("a") as file:
                file.write(json.dumps(asdict(self)) + "\n")


def summarise(terminal: pytest.TerminalReporter) -> None:
    """Print the table of a run, where it had faults."""
    reports = [report for each in terminal.stats.values() for report in each]
    ends = [each for each in reports if isinstance(each, pytest.TestReport) and each.when == "teardown"]
    lines = [line for each in ends for name, line in each.user_properties if name == PROPERTY]
    if lines:
        terminal.section("faults")
        terminal.write_line("\n".join([HEAD, *map(str, lines)]))


HEAD = (
    "| fault | published | a second | lost | duplicates | recovery s | caught up s | MiB | |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|---|"
)
