"""The SQL of the rollups for the shipped catalogue, as a reviewer reads it: a golden file, and the code agrees."""

from __future__ import annotations

from pathlib import Path

import sql
from city.metrics import load_catalogue
from maintain.levels import STEPS

GOLDEN = Path(__file__).parents[1] / "golden" / "rollups.sql"


def written() -> str:
    """Every step, as it is sent to the database."""
    parts = [f"-- step: {name}\n{sql.expand_metrics(sql.query(name), load_catalogue())};\n" for name in STEPS]
    return "\n".join(parts)


def test_the_golden_file_is_what_runs() -> None:
    assert GOLDEN.read_text(encoding="utf-8") == written(), (
        "write it anew: python -m tests.unit.test_rollup_sql"
    )


def test_a_line_is_written_once_a_metric_of_its_kind() -> None:
    lines = sql.expand_metrics(sql.query("fill_sensor_10min"), load_catalogue()).splitlines()
    assert (
        sum(
            line.strip() == ", visitors_mean, visitors_min, visitors_max, visitors_n, visitors_sum"
            for line in lines
        )
        == 1
    )
    assert any(
        "CASE WHEN r.flags = 0 OR r.flags >> 6 & 1 = 0 THEN r.visitors END AS visitors" in line
        for line in lines
    )
    assert not any("wind_direction_min" in line for line in lines)


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(written(), encoding="utf-8")
