"""The History page over a real database in a real browser: what it says, draws and writes are the database's figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.archive_postgres import PgArchive
from dashboard.memory import MemoryStore
from maintain.rollup import Refresher
from tests.inlet import Inlet, message, seoul
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.postgres import Database
from tests.serving import serving

PACK = seoul()
#: milliseconds; a busy machine takes longer
PATIENCE_MS = 30_000
HOUR = timedelta(hours=1)
#: the last whole hour
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
#: hours of the week in which all sensors of the first district were silent
LOST = range(60, 67)
SENSORS = {"m-1": "mapo-gu", "m-2": "mapo-gu", "m-3": "mapo-gu", "j-1": "jongno-gu"}
WEEK = "place=mapo-gu&place=jongno-gu&metric=pm25&span=7d&before=1"


class City:
    """A database with two weeks of readings, two an hour, and the dashboard that shows it."""

    def __init__(self, database: Database) -> None:
        self.database, self.url = database, ""
        for serial, district in SENSORS.items():
            shift = list(SENSORS).index(serial)
            hours = [k for k in range(14 * 24 + 1) if not (district == "mapo-gu" and k - 7 * 24 in LOST)]
            self.send(serial, [(k, 15 + 9 * shift + (k * (shift + 5)) % 23) for k in hours])
        self.refresh()

    def send(self, serial: str, values: list[tuple[int, float]]) -> None:
        """Readings at :10 and :40 of hours, counted from two weeks before the last whole one."""
        bodies = [
            {"time": (at + timedelta(minutes=minute)).isoformat(), "district": SENSORS[serial], "pm25": value + minute / 10}
            for k, value in values
            for minute in (10, 40)
            if (at := END - timedelta(days=14) + k * HOUR) + timedelta(minutes=minute) < datetime.now(UTC)
        ]  # fmt: skip
        with Inlet(self.database) as inlet:
            inlet.write(*(message(serial, bodies[at : at + 500]) for at in range(0, len(bodies), 500)))

    def refresh(self) -> None:
        with self.database.connect() as owner:
            refresher = Refresher(owner, PACK.catalogue)
            while refresher.refresh().more:
                pass

    def one(self, query: str) -> Any:
        """The one row of a query over the hours of the week in the first district."""
        where = "FROM district_hour JOIN district USING (district_id) WHERE code = 'mapo-gu' AND bucket >= %s AND bucket < %s"
        with self.database.connect() as owner:
            return owner.execute(f"SELECT {query} {where}", (END - 168 * HOUR, END)).fetchone()  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def city(pool: Pool) -> Iterator[City]:
    try:
        server = pool.server("embedded")
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    city, store = City(database), MemoryStore(PACK)
    store.beat()
    with serving(store, PACK, PgArchive(database.url_as("sdot_dashboard"), PACK)) as running:
        city.url = running.url
        yield city
    server.drop(database)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One viewer for all tests: the chart's script is fetched once."""
    expect.set_options(timeout=PATIENCE_MS)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def look(page: Page, city: City, query: str) -> None:
    page.context.add_cookies([{"name": "sdot_lang", "value": "en", "url": city.url}])
    page.goto(f"{city.url}/history?{query}")
    expect(page.locator("#history[data-drawn]")).to_be_visible()


def drawn(page: Page, role: str) -> list[Any]:
    """Values of the lines of a role, as Plotly has them."""
    lines: list[Any] = page.evaluate(
        "role => document.getElementById('history-chart').data.filter((one) => one.meta.role === role).map((one) => one.y)",
        role,
    )
    return lines


def test_the_finding_is_the_databases(city: City, page: Page) -> None:
    mean, count, over = city.one(
        "avg(pm25_mean), count(pm25_mean), count(*) FILTER (WHERE pm25_mean >= 35.5)"
    )
    look(page, city, WEEK)
    finding = page.locator("#history-finding")
    expect(finding.locator("h2")).to_contain_text(f"Mapo-gu: PM2.5 mean {mean:.0f} µg/m³ over 7 days")
    expect(finding).to_contain_text(f"{count} of 168 hours have data")
    expect(finding).to_contain_text(f"{over} of {count} hours over 35")
    expect(finding).to_contain_text("168 of 168 hours")  # the week before
    expect(finding).to_contain_text("hourly means · 168 points")


def test_a_gap_is_a_gap_and_no_line_crosses_it(city: City, page: Page) -> None:
    look(page, city, WEEK)
    (values,) = drawn(page, "selected")
    assert [at for at, value in enumerate(values) if value is None] == list(LOST)
    wide = "all => all.filter((e) => parseFloat(getComputedStyle(e).strokeWidth) > 2).length"
    assert (
        page.locator("#history-chart path.js-line").evaluate_all(wide) == 2
    )  # the selected line, in two pieces
    expect(page.locator("#history-chart")).to_contain_text("no data 7 h")


def test_the_csv_is_what_is_drawn(city: City, page: Page) -> None:
    look(page, city, WEEK)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    for role, place, kind in (
        ("selected", "mapo-gu", "shown"),
        ("other", "jongno-gu", "shown"),
        ("before", "mapo-gu", "before"),
    ):
        own = [row["value"] for row in rows if row["place"] == place and row["series"] == kind]
        assert [[float(value) if value else None for value in own]] == drawn(page, role)
    assert {row["level"] for row in rows} == {"hour"}
    assert download.value.suggested_filename.startswith("history-pm25-")


def test_the_address_holds_the_state(city: City, page: Page) -> None:
    look(page, city, "place=mapo-gu&metric=pm25&span=7d")
    page.locator("[data-pick=span]").select_option("24h")
    expect(page.locator("#history-finding")).to_contain_text("over 24 hours")
    page.locator("[data-pick=place-add]").select_option("jongno-gu")
    expect(page.locator(".chip.place")).to_have_count(2)
    assert "span=24h" in page.url
    page.reload()
    expect(page.locator("#history-finding")).to_contain_text("over 24 hours")
    expect(page.locator(".chip.place")).to_have_count(2)
    page.go_back()
    expect(page.locator(".chip.place")).to_have_count(1)
    page.go_back()
    expect(page.locator("#history-finding")).to_contain_text("over 7 days")
    page.go_forward()
    expect(page.locator("#history-finding")).to_contain_text("over 24 hours")


def test_a_sensor_is_found_by_its_serial(city: City, page: Page) -> None:
    look(page, city, "unit=sensor&place=m-1&metric=pm25&span=24h")
    expect(page.locator("#history-finding h2")).to_contain_text("m-1: PM2.5 mean")
    page.locator("#history-search").press_sequentially("J-")
    expect(page.locator("#history-found option")).to_have_count(1)
    page.locator("#history-search").fill("j-1")
    page.locator("#history-search").press("Enter")
    expect(page.locator(".chip.place")).to_have_count(2)


def test_a_wrong_address_is_told(city: City, page: Page) -> None:
    for query, words in (
        ("place=nowhere", "There is no district nowhere. Choose one above"),
        ("unit=sensor&place=nobody", "No sensor is registered as nobody."),
        ("span=2w", "There is no span 2w."),
    ):
        page.goto(f"{city.url}/history?{query}")
        expect(page.locator("#history-trouble")).to_contain_text(words)


def test_a_phone_needs_no_scrolling_sideways(city: City, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    look(page, city, WEEK)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 800})


def test_late_readings_are_there_after_a_look_again(city: City, page: Page) -> None:
    """The last test: it fills the gap."""
    look(page, city, WEEK)
    expect(page.locator("#history-chart")).to_contain_text("no data 7 h")
    for serial in ("m-1", "m-2"):
        city.send(serial, [(7 * 24 + k, 50.0) for k in LOST])
    city.refresh()
    look(page, city, WEEK)
    (values,) = drawn(page, "selected")
    assert [values[at] for at in LOST] == [52.5] * 7  # of 51 and 54
    expect(page.locator("#history-finding")).to_contain_text("168 of 168 hours have data")
