"""What `/api/history…` answers over an archive in memory: series, gaps, finding, the CSV of the same, refusals."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import numpy as np
import pytest
from starlette.applications import Starlette

from city.grades import load_standard
from city.pack import load_pack
from dashboard.archive import Kept, Outage, utc64
from dashboard.archive_memory import MemoryArchive
from dashboard.history import History
from dashboard.history_document import MORE_DIGITS
from dashboard.history_routes import ASKED, history_routes
from dashboard.store import StoreError
from tests.asgi import Client

PACK = load_pack("seoul")
NOW = datetime(2026, 11, 24, 14, 32, 7, tzinfo=PACK.zone)
END = NOW.replace(minute=0, second=0)
HOUR = timedelta(hours=1)
#: two sensors of one district silent for seven hours, one sensor of another
LOST = range(100, 107)


@pytest.fixture
def archive() -> MemoryArchive:
    """Three weeks of a reading each ten minutes."""
    archive = MemoryArchive(PACK)
    for at, (serial, district) in enumerate((("m-1", "mapo-gu"), ("m-2", "mapo-gu"), ("j-1", "jongno-gu"))):
        archive.put_sensor(serial, district)
        steps = np.arange(21 * 144)
        hours = steps // 6 - 14 * 24
        kept = steps[~(np.isin(hours, LOST) & (district == "mapo-gu"))]
        values = 20 + 10 * at + (kept % 97) / 4
        values[kept % 50 == 7] = 5000  # beyond what is plausible
        times = utc64(END - timedelta(days=21)) + kept * np.timedelta64(10, "m")
        archive.put(serial, "pm25", times, values, list(values > 1000))
    return archive


@pytest.fixture
def client(archive: MemoryArchive) -> Client:
    history = History(archive, PACK, load_standard(PACK.standard), lambda: NOW)
    return Client(Starlette(routes=history_routes(history)))


def answer(client: Client, query: str):
    response = client.get(f"/api/history?{query}")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_week_is_168_hours_and_a_gap_is_a_row_without_a_value(client: Client) -> None:
    found = answer(client, "place=mapo-gu&place=jongno-gu")
    assert (found["level"], found["why"], found["points"]) == ("hour", "points", 168)
    mapo, jongno = found["series"]
    assert len(mapo["t"]) == len(jongno["t"]) == 168
    assert mapo["t"][0] == found["start"] == round((END - timedelta(days=7)).timestamp() * 1000)
    assert [at for at, value in enumerate(mapo["v"]) if value is None] == list(LOST)
    assert all(mapo["lo"][at] <= mapo["v"][at] <= mapo["hi"][at] for at in range(168) if at not in LOST)
    assert set(mapo["sensors"]) == {0, 2}
    (gap,) = found["gaps"]
    assert (gap["place"], gap["cause"]) == ("mapo-gu", None)
    assert (gap["from"], gap["to"]) == (mapo["t"][100], mapo["t"][107])


def test_the_cause_of_a_gap_is_what_ingest_noted_then(client: Client, archive: MemoryArchive) -> None:
    lost = END - timedelta(days=7) + 100 * HOUR
    archive.noted = [
        Outage("database_slow", 0, lost - HOUR, lost + HOUR), Outage("broker_away", 0, lost + HOUR, lost + 7 * HOUR),
        Outage("window_full", 0, lost + 9 * HOUR, None),
    ]  # fmt: skip
    assert [gap["cause"] for gap in answer(client, "place=mapo-gu")["gaps"]] == ["broker_away"]


def test_the_finding_is_the_mean_of_what_is_drawn_with_the_count_behind_it(client: Client) -> None:
    found = answer(client, "place=jongno-gu&before=1")
    finding, values = found["finding"], np.array(found["series"][0]["v"])
    assert finding["mean"] == pytest.approx(values.mean(), abs=0.01)
    assert (finding["have"], finding["of"]) == (168, 168)
    assert finding["over"] == {"limit": 35, "hours": int((values >= 35.5).sum()), "of_hours": 168}
    assert finding["peak"]["v"] == values.max()
    assert finding["flagged"] == sum(step % 50 == 7 for step in range(14 * 144, 21 * 144))
    before = found["before"]
    assert before["shift_ms"] == 7 * 86_400_000
    assert before["series"]["t"] == found["series"][0]["t"]
    assert finding["before_mean"] == pytest.approx(np.mean(before["series"]["v"]), abs=0.01)
    assert (finding["before_have"], finding["before_of"]) == (168, 168)


def test_raw_readings_show_what_was_flagged_and_break_where_a_sensor_was_silent(
    client: Client, archive: MemoryArchive
) -> None:
    two = timedelta(minutes=2)
    times = [NOW - timedelta(hours=20) + k * two for k in range(300) if not 100 <= k < 110]
    archive.put_sensor("raw", "mapo-gu")
    values = [float(k % 30) for k in range(len(times))]
    archive.put(
        "raw", "pm25", np.array([utc64(time) for time in times]), values, [k == 5 for k in range(len(times))]
    )
    found = answer(client, "unit=sensor&place=raw&span=24h")
    (series,) = found["series"]
    assert (found["level"], found["why"]) == ("raw", "finest")
    assert series["v"].count(None) == 1
    assert series["v"].index(None) == 100
    assert [at for at, flag in enumerate(series["flagged"]) if flag] == [5]
    assert len(found["gaps"]) == 3  # before, within and after
    good = [value for at, value in enumerate(values) if at != 5]
    assert found["finding"]["mean"] == pytest.approx(sum(good) / len(good), abs=0.01)
    assert (found["finding"]["have"], found["finding"]["of"]) == (289, 290)


def test_a_sensor_that_sends_each_second_is_shown_by_ten_minutes(
    client: Client, archive: MemoryArchive
) -> None:
    times = utc64(NOW - 2 * HOUR) + np.arange(7000) * np.timedelta64(1, "s")
    archive.put_sensor("fast", "mapo-gu")
    archive.put("fast", "pm25", times, np.full(7000, 12.0))
    found = answer(client, "unit=sensor&place=fast&span=24h")
    assert (found["level"], found["why"]) == ("10min", "points")
    assert {value for value in found["series"][0]["v"] if value is not None} == {12}


def test_the_csv_is_what_is_drawn(client: Client) -> None:
    query = "place=mapo-gu&place=jongno-gu&before=1"
    drawn, response = (
        answer(client, query),
        client.get(f"/api/history.csv?{query}", headers={"accept-language": "en"}),
    )
    assert (
        response.headers["content-disposition"]
        == 'attachment; filename="history-pm25-2026-11-17-2026-11-24-hour.csv"'
    )
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    for series in drawn["series"]:
        own = [row for row in rows if row["place"] == series["place"] and row["series"] == "shown"]
        assert [float(row["value"]) if row["value"] else None for row in own] == series["v"]
        assert [float(row["high"]) if row["high"] else None for row in own] == series["hi"]
        assert [int(row["n"]) for row in own] == series["n"]
        assert [round(datetime.fromisoformat(row["time"]).timestamp() * 1000) for row in own] == series["t"]
    before = [row for row in rows if row["series"] == "before"]
    assert [float(row["value"]) for row in before] == drawn["before"]["series"]["v"]
    assert len(rows) == 3 * 168
    assert {(row["level"], row["unit"], row["figure"]) for row in rows} == {("hour", "µg/m³", "mean")}
    assert rows[0]["name"] == "Mapo-gu"
    assert rows[0]["time"].endswith("+09:00")


def test_all_districts_are_told_with_their_hours_over(client: Client) -> None:
    found = client.get("/api/history/all?metric=pm25").json()
    by = {one["place"]: one for one in found["series"]}
    assert len(by) == 25
    jongno, empty = by["jongno-gu"], by["jung-gu"]
    assert jongno["now"] == jongno["v"][-1]
    assert (
        jongno["over"]
        == sum(value >= 35.5 for value in jongno["v"])
        == sum((to - since) // 3_600_000 for since, to in jongno["ticks"])
    )
    assert (empty["now"], empty["over"], empty["of_hours"], set(empty["v"])) == (None, 0, 0, {None})
    assert by["mapo-gu"]["of_hours"] == 161


def test_the_same_figures_are_the_same_bytes(client: Client) -> None:
    first = client.get("/api/history?place=mapo-gu")
    again = client.get("/api/history?place=mapo-gu", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert first.headers["cache-control"] == "no-cache"
    assert int(first.headers[ASKED]) == round(NOW.timestamp() * 1000)


def test_late_and_revised_readings_are_there_at_the_next_question(
    client: Client, archive: MemoryArchive
) -> None:
    before = answer(client, "place=mapo-gu")
    late = utc64(END - timedelta(days=7) + 103 * HOUR + timedelta(minutes=10))
    archive.put("m-1", "pm25", np.array([late]), [77.0])
    after = answer(client, "place=mapo-gu")
    assert before["series"][0]["v"][103] is None
    assert after["series"][0]["v"][103] == 77
    assert len(after["gaps"]) == 2


def test_what_cannot_change_any_more_is_kept(client: Client, archive: MemoryArchive) -> None:
    archive.keeps = Kept(NOW - timedelta(days=1), archive.keeps.hours)
    query = "/api/history?place=mapo-gu&from=2026-11-10&to=2026-11-12"
    first = client.get(query)
    assert first.headers["cache-control"].startswith("private, max-age")
    assert first.json()["below_horizon"] is False  # its hours are kept
    archive.keeps = Kept(archive.keeps.raw, NOW - timedelta(days=1))
    below = client.get("/api/history?place=mapo-gu&from=2026-11-10&to=2026-11-13").json()
    assert (below["below_horizon"], below["level"]) == (True, "day")
    archive.trouble = StoreError("refused")
    assert client.get(query).content == first.content
    assert client.get("/api/history?place=mapo-gu").status_code == 503


def test_the_csv_of_what_was_drawn_holds_nothing_that_came_since(
    client: Client, archive: MemoryArchive
) -> None:
    page = client.get("/api/history?unit=sensor&place=m-1&span=24h&level=raw")
    drawn = page.json()
    instants = [datetime.fromtimestamp(drawn[end] / 1000, UTC).isoformat() for end in ("start", "end")]
    query = f"unit=sensor&place=m-1&metric=pm25&from={quote(instants[0])}&to={quote(instants[1])}&level=raw"
    late = NOW - timedelta(hours=2, minutes=3)
    archive.put("m-1", "pm25", np.array([utc64(late)]), [33.0])
    asked = page.headers[ASKED]

    def listed(more: str) -> list[float]:
        text = client.get(f"/api/history.csv?{query}{more}").content.decode("utf-8-sig")
        return [float(row["value"]) for row in csv.DictReader(io.StringIO(text))]

    assert listed(f"&asked={asked}") == drawn["series"][0]["v"]
    for unknown in ("", "&asked=1", f"&asked={asked}&asked={asked}", "&asked=-1", "&asked=x"):
        assert len(listed(unknown)) == len(drawn["series"][0]["v"]) + 1


def test_the_worst_district_is_chosen_where_nobody_chose(client: Client, archive: MemoryArchive) -> None:
    assert answer(client, "")["series"][0]["place"] == "jongno-gu"
    lately = np.array([utc64(NOW - timedelta(minutes=20))])
    for serial, value in (("m-1", 900.0), ("m-2", 900.0)):
        archive.put(serial, "pm25", lately, [value])
    assert (
        answer(client, "metric=noise")["series"][0]["place"] == "jongno-gu"
    )  # of two sensors Live has no figure
    archive.put_sensor("m-3", "mapo-gu")
    archive.put("m-3", "pm25", lately, [900.0])
    assert answer(client, "metric=noise")["series"][0]["place"] == "mapo-gu"


def test_where_sensors_send_by_the_hour_no_finer_step_is_shown(
    client: Client, archive: MemoryArchive
) -> None:
    """Each 10 minutes would be of another sensor."""
    for at in range(5):
        archive.put_sensor(f"h-{at}", "guro-gu")
        hourly = utc64(END - timedelta(days=1)) + np.arange(24) * np.timedelta64(60, "m")
        archive.put(f"h-{at}", "pm25", hourly + np.timedelta64(11 * at, "m"), [20.0 + at] * 24)
    found = answer(client, "place=guro-gu&span=24h")
    assert (found["level"], found["why"], found["gaps"]) == ("hour", "pace", [])
    assert set(found["series"][0]["sensors"]) == {5}
    assert answer(client, "place=guro-gu&span=24h&level=10min")["level"] == "10min"
    assert answer(client, "place=mapo-gu&span=24h")["level"] == "10min"


@pytest.mark.parametrize(("query", "status", "words"), [
    ("place=nowhere", 404, "There is no district nowhere"), ("unit=sensor&place=nobody", 404, "No sensor is registered as nobody"),
    ("metric=pm25&metric=pm10", 400, "Ask for one metric at a time; 2 were asked for."),
])  # fmt: skip
def test_a_wrong_question_is_refused_with_a_sentence(
    client: Client, query: str, status: int, words: str
) -> None:
    response = client.get(f"/api/history?{query}")
    assert response.status_code == status
    assert words in response.json()["text"]["en"]


def test_a_database_that_is_away_is_told(client: Client, archive: MemoryArchive) -> None:
    archive.trouble = StoreError("silent", "5")
    for path in ("/api/history", "/api/history/all", "/api/history.csv", "/api/history/sensors?q=m"):
        response = client.get(path)
        assert response.status_code == 503
        assert response.json()["text"]["en"] == "The database gave no answer within 5 s"


def test_sensors_are_found_by_a_part_of_their_serial(client: Client) -> None:
    assert client.get("/api/history/sensors?q=M-").json() == [
        {"serial": "m-1", "district": "mapo-gu", "state": "verified"}, {"serial": "m-2", "district": "mapo-gu", "state": "verified"},
    ]  # fmt: skip
    assert client.get("/api/history/sensors?q=").json() == []


def test_directions_have_no_peak_and_no_hours_over(client: Client, archive: MemoryArchive) -> None:
    times = utc64(END - 3 * HOUR) + np.arange(18) * np.timedelta64(10, "m")
    archive.put("m-1", "wind_direction", times, [350.0, 20.0] * 9)
    finding = answer(client, "place=mapo-gu&metric=wind_direction")["finding"]
    assert finding["mean"] == pytest.approx(5, abs=10.0**-MORE_DIGITS)
    assert (finding["peak"], finding["over"]) == (None, None)
