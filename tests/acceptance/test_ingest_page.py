"""The Ingest page in a real browser: over books in memory, and over those that a real ingest writes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from city.pack import load_pack
from dashboard import bookkeeper
from dashboard.ledger import GapRow
from dashboard.memory import MemoryStore
from dashboard.store import StoreError
from tests.made_up_books import MINUTE, case_row, count, fill, slot_row
from tests.measuring import MEASURE, WEAK
from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.pool import Pool
from tests.servers.product import Product
from tests.servers.publisher import Publisher
from tests.serving import Serving, serving
from tests.waiting import until

PACK = load_pack("seoul")
PREFIX = "books/v1"
#: milliseconds; the books are read every two seconds, a busy machine takes longer
PATIENCE_MS = 30_000
Opener = Callable[..., Page]


class Books:
    """A store in memory, served."""

    def __init__(self, store: MemoryStore, running: Serving) -> None:
        self.store, self.url, self._hub = store, running.url, running.board.books

    @property
    def unwatched(self) -> bool:
        """Nobody looks, and the last tick is forgotten."""
        return not self._hub.followers and not self._hub._tick[1]

    def empty(self) -> None:
        """Nothing ever came."""
        store = self.store
        for rows in (store.counted, store.lagged, store.refused, store.slots, store.gaps, store.cases):
            rows.clear()
        store.broker, store.trouble, store.sensor_readings_by = None, None, None
        store.beat()

    def full(self) -> None:
        """A usual day."""
        self.empty()
        fill(self.store, datetime.now(UTC))


@pytest.fixture(scope="module")
def served() -> Iterator[Books]:
    store = MemoryStore(PACK)
    with pytest.MonkeyPatch.context() as patch, serving(store, PACK) as running:
        patch.setattr(bookkeeper, "LOOK_S", 0.5)
        yield Books(store, running)


@pytest.fixture
def books(served: Books) -> Books:
    until(lambda: served.unwatched, "the viewers of the test before to be gone")
    served.full()
    return served


@pytest.fixture
def look(browser: Browser) -> Iterator[Opener]:
    """Open the page; afterwards: nothing asked of any other host, no error in the console."""
    asked: list[str] = []
    errors: list[str] = []
    contexts = []
    expect.set_options(timeout=PATIENCE_MS)

    def open_page(
        url: str, lang: str = "en", width: int = 1280, theme: Any = "dark", query: str = "", **more: Any
    ) -> Page:
        viewport = {"width": width, "height": {1920: 1080, 390: 844, 360: 640}.get(width, 800)}
        context = browser.new_context(viewport=viewport, color_scheme=theme, **more)
        contexts.append(context)
        context.add_cookies([{"name": "sdot_lang", "value": lang, "url": url}])
        page = context.new_page()
        page.on("request", lambda request: None if request.url.startswith(url) else asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto(f"{url}/ingest{query}")
        expect(page.locator("#ingest-book .box")).to_have_count(6)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked == []
    assert [error for error in errors if "ERR_FAILED" not in error] == []


def box(page: Page, name: str) -> int:
    """The number in a box of the book."""
    text = page.locator("#ingest-book .box").filter(has=page.get_by_role("heading", name=name, exact=True))
    return int(text.locator(".number").inner_text().replace(",", ""))


OUTCOMES = ("Stored", "Revised", "Duplicate", "Quarantined", "Rejected")


# the book


def test_the_boxes_add_up_to_what_was_received_in_each_span(books: Books, look: Opener) -> None:
    page = look(books.url)
    for button, least in (("1 h", 30_000), ("24 h", 700_000)):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("button", name=button, exact=True)).to_have_attribute("aria-pressed", "true")
        assert box(page, "Received") == sum(box(page, name) for name in OUTCOMES) > least
    assert "span=day" in page.url
    page.reload()
    expect(page.get_by_role("button", name="24 h", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_page_says_first_whether_the_book_closes(books: Books, look: Opener) -> None:
    page = look(books.url)
    expect(page.locator("#ingest-finding .verdict")).to_have_text(
        re.compile(
            r"^The book closes: [\d,]+ readings and [\d,]+ messages since \d\d:\d\d, every one accounted for\.$"
        )
    )
    expect(page.locator("#ingest-book header")).to_contain_text("= 0 unaccounted for")
    expect(page.locator("#ingest-finding li").first).to_contain_text(
        "Slot 2 still receives its share and nobody reads it"
    )


def test_a_book_that_does_not_close_is_the_first_finding(books: Books, look: Opener) -> None:
    audit = sum(one.readings_by[0] for one in books.store.counted)
    books.store.sensor_readings_by = (audit - 12, 0, 0, 0, 0)
    page = look(books.url)
    expect(page.locator("#ingest-finding .verdict")).to_have_class("verdict attn")
    expect(page.locator("#ingest-finding .verdict")).to_contain_text("The book does not close")
    expect(page.locator("#ingest-finding li").first).to_contain_text(
        "readings differ between the book by minute and that by sensor"
    )


def test_a_quiet_city_says_that_nothing_waits_for_a_person(books: Books, look: Opener) -> None:
    books.empty()
    now = datetime.now(UTC)
    books.store.slots = [slot_row(0, now)]
    count(books.store, now.replace(second=0, microsecond=0), 9)
    page = look(books.url)
    expect(page.locator("#ingest-finding")).to_contain_text("Nothing waits for a person.")
    expect(page.locator("#ingest-gaps")).to_contain_text("No gap in the last 24 hours")
    expect(page.locator("#ingest-reasons")).to_contain_text("Nothing was refused in the last hour.")
    expect(page.locator("#ingest-cases")).to_contain_text("Nothing in quarantine.")
    expect(page.locator("#ingest-slots")).to_contain_text("The broker tells nothing of its queues")
    assert page.locator("main .attn").count() == 0


def test_an_empty_city_says_what_would_be_there(books: Books, look: Opener) -> None:
    books.empty()
    page = look(books.url)
    expect(page.locator("#ingest-finding .verdict")).to_have_text("No message arrived in the last 24 hours.")
    expect(page.locator("#ingest-slots")).to_contain_text(
        "A row for each slot stands here once ingest has started"
    )
    assert box(page, "Received") == 0


# charts


def test_charts_name_what_was_missing_and_say_their_last_value(books: Books, look: Opener) -> None:
    page = look(books.url)
    for chart in ("rate", "lag"):
        expect(page.locator(f"#ingest-{chart} .gap")).to_have_count(2)
        expect(page.locator(f"#ingest-{chart} .gap-words").last).to_have_text(
            re.compile(r"\d\d:\d\d database away 41 s")
        )
        expect(page.locator(f"#ingest-{chart} svg[role=img]")).to_have_attribute(
            "aria-label", re.compile(r"over 1 h: .*now")
        )
    expect(page.locator("#ingest-outcomes .column")).to_have_count(61)
    page.get_by_role("button", name="24 h", exact=True).click()
    expect(page.locator("#ingest-outcomes .column")).to_have_count(145)


def test_one_refusal_among_thousands_is_drawn(books: Books, look: Opener) -> None:
    books.empty()
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - 5 * MINUTE
    count(books.store, minute, 50_000, text_number=1)
    page = look(books.url)
    bar = page.locator("#ingest-outcomes .column .o-quarantined")
    expect(bar).to_have_count(1)
    assert float(bar.get_attribute("height") or 0) >= 2
    assert box(page, "Quarantined") == 1
    expect(page.locator("#ingest-book")).to_contain_text("< 0.01 %")


# slots and gaps


def test_an_orphaned_slot_is_no_idle_one(books: Books, look: Opener) -> None:
    page = look(books.url)
    rows = page.locator("#ingest-slots tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("busy 2 %", use_inner_text=True)
    expect(rows.nth(0)).to_contain_text("3 of 2,000")
    expect(rows.nth(2)).to_have_class("attn")
    expect(rows.nth(2)).to_contain_text("nobody")
    expect(rows.nth(2)).to_contain_text("orphaned 6 min")
    expect(page.get_by_text("Nobody reads the share of slot 2.")).to_be_visible()


def test_gaps_tell_when_how_long_and_whether_anything_is_lost(books: Books, look: Opener) -> None:
    began = datetime.now(UTC) - timedelta(minutes=20)
    books.store.gaps.append(
        GapRow(
            9, "queue_overflow", 0, began, began + timedelta(seconds=75), 12, True, "dropped by the broker"
        )
    )
    page = look(books.url)
    lost = page.locator("#ingest-gaps li").filter(has_text="broker queue overflowed")
    expect(lost).to_contain_text("12 messages lost")
    expect(lost).to_contain_text("1 min 15 s")
    expect(lost).to_have_class("attn")
    expect(page.locator("#ingest-finding")).to_contain_text("1 gap in 24 hours in which messages may be lost")


def test_a_lost_database_leaves_the_figures_with_their_age_and_no_slot_as_read(
    books: Books, look: Opener
) -> None:
    page = look(books.url)
    books.store.trouble = StoreError("refused")
    expect(page.locator("#ingest-cause")).to_contain_text("The database cannot be reached")
    expect(page.locator("#ingest-header .state.down")).to_be_visible()
    expect(page.locator("#ingest-cause-age")).to_have_text(re.compile(r"values below are \d+ s old"))
    expect(page.locator("#ingest-slots tbody tr").first).to_contain_text("unknown")
    assert box(page, "Received") > 0
    books.full()
    expect(page.locator("#ingest-cause")).to_be_empty()
    expect(page.locator("#ingest-slots tbody tr").first).to_contain_text("busy")


# refusals


def test_a_payload_is_text_and_never_markup(books: Books, look: Opener) -> None:
    evil = b'{"pm25": "<img src=x onerror=alert(1)>", "b": 13.10, "c": "\\u202e<script>alert(2)</script>"}'
    rtl = '{"pm25": "\u202etxt\u0007"}'.encode()
    now = datetime.now(UTC)
    books.store.cases = [
        case_row(0, now, payload=evil, payload_bytes=len(evil), serial="evil", topic="<b>x</b>"),
        case_row(1, now - MINUTE, payload=rtl, payload_bytes=len(rtl)),
    ]
    page = look(books.url)
    page.on("dialog", lambda dialog: pytest.fail(f"a payload ran: {dialog.message}"))
    for row in (0, 1):
        page.locator("#ingest-cases summary").nth(row).click()
    shown = page.locator("#ingest-cases pre")
    expect(shown.first).to_contain_text('"pm25": "<img src=x onerror=alert(1)>"')
    expect(shown.first).to_contain_text('"b": 13.10,')  # as it came, broken into lines
    expect(shown.last).to_have_text('{"pm25": "\\u202etxt\\u0007"}')  # no JSON: as it came
    assert page.locator("#ingest-cases img, #ingest-cases script").count() == 0
    expect(page.locator("#ingest-cases dd").first).to_have_text("<b>x</b>")


def test_bytes_that_are_no_text_and_what_is_cut(books: Books, look: Opener) -> None:
    now = datetime.now(UTC)
    body = b'["' + b"z" * 200_000 + b'"]'
    books.store.cases = [
        case_row(4, now),
        case_row(0, now - MINUTE, payload=body, payload_bytes=len(body), kept_bytes=len(body)),
        case_row(1, now - 2 * MINUTE, payload=None, payload_bytes=120),
    ]
    page = look(books.url)
    for row in range(3):
        page.locator("#ingest-cases summary").nth(row).click()
    bodies = page.locator("#ingest-cases .body")
    expect(bodies.nth(0).locator("pre")).to_contain_text("0010  6b 69 6e 64 22 3a 20 22 b0 a1 b3 aa 22 7d")
    expect(bodies.nth(0)).to_contain_text("It is not UTF-8")
    expect(bodies.nth(1)).to_contain_text("the first 4,096 B of 200.0 kB")
    expect(bodies.nth(2)).to_contain_text("was not kept")
    expect(bodies.nth(2)).to_contain_text("none kept of 120 B")


def test_what_to_do_stands_in_the_viewers_language(books: Books, look: Opener) -> None:
    for lang, words, fix in (
        ("ko", "숫자가 따옴표 안에 있음", "따옴표 없이 보내세요"),
        ("es", "un número enviado como texto", "Envíelo sin las comillas"),
    ):
        page = look(books.url, lang=lang)
        first = page.locator("#ingest-cases li").first
        expect(first).to_contain_text(words)
        expect(first).to_contain_text(fix)
        first.locator("summary").click()
        expect(first.locator(".body")).to_contain_text("send 13.1 without the quotation marks")
        expect(first.locator(".body code").nth(1)).to_have_text("sdot quarantine show 1000")
        expect(first.locator(".body code").nth(2)).to_have_text(
            "sdot quarantine replay --serial my-first --code text_number"
        )


def test_an_open_case_stays_open_and_focused_when_new_ones_come(books: Books, look: Opener) -> None:
    page = look(books.url)
    page.keyboard.press("Tab")
    expect(page.locator("#ingest-skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    summary = page.locator("#ingest-cases summary").first
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#ingest-cases details[open] pre")).to_be_visible()
    new = replace(case_row(1, datetime.now(UTC)), quarantine_id=5000, serial="another")
    books.store.cases.append(new)
    expect(page.locator("#ingest-cases li").first).to_contain_text("another")
    expect(page.locator("#ingest-cases details[open] pre")).to_be_visible()
    expect(page.locator("#ingest-cases summary").nth(1)).to_be_focused()


# form


@pytest.mark.parametrize("lang", ["ko", "en", "es"])
def test_nothing_is_clipped_too_small_or_beyond_the_page(books: Books, look: Opener, lang: str) -> None:
    now = datetime.now(UTC)
    books.store.slots += [
        slot_row(3, now, broker_ok=False, broker_detail="connection refused by broker.example at port 1883"),
        slot_row(
            4,
            now,
            host="a-host-with-a-long-name-in-a-rack",
            window_full_s=1234.0,
            database_full_s=99.0,
            retries=17,
        ),
    ]
    books.store.cases.append(
        case_row(
            2, now, quarantine_id=77, serial="s" * 64, topic="t" * 300, payload=b'"' + b"y" * 3000 + b'"'
        )
    )
    page = look(books.url, lang=lang, theme="dark" if lang == "en" else "light")
    page.locator("#ingest-cases summary").first.click()
    for width, span in itertools.product((1920, 1280, 1024, 390, 360), ("hour", "day")):
        page.set_viewport_size({"width": width, "height": 800})
        page.locator(f"[data-act=span][data-key={span}]").click()
        expect(page.locator(f"[data-act=span][data-key={span}]")).to_have_attribute("aria-pressed", "true")
        found = page.evaluate(MEASURE)
        sizes = found.pop("sizes")
        assert {name: what for name, what in found.items() if what} == {}, (width, span)
        assert len(sizes) <= 6, sizes


def test_rows_of_a_phone_can_be_touched(books: Books, look: Opener) -> None:
    page = look(books.url, width=390)
    low = "e => [...e].filter((x) => x.getClientRects().length && x.getBoundingClientRect().height < 40).map((x) => x.outerHTML)"
    assert page.locator("button, select, summary, a:not(.skip)").evaluate_all(low) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_words_stand_out_from_what_is_behind_them(books: Books, look: Opener, theme: str) -> None:
    """WCAG 2.2 AA: 4.5:1 of every text."""
    page = look(books.url, theme=theme)
    page.locator("#ingest-cases summary").first.click()
    weak = page.evaluate(WEAK)
    assert weak == []


def test_language_and_theme_change_without_a_reload(books: Books, look: Opener) -> None:
    page = look(books.url)
    page.evaluate("window.notReloaded = true")
    page.locator("#ingest-header [data-pick=lang]").select_option("ko")
    expect(page.locator("#ingest-book h2")).to_have_text("장부")
    page.get_by_role("button", name="밝게").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate("window.notReloaded") is True


def test_the_pages_lead_to_each_other_and_live_carries_nothing_of_ingest(books: Books, look: Opener) -> None:
    page = look(books.url)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#live-map path.d").first).to_be_visible()
    assert [url for url in requested if "ingest" in url] == []
    expect(page.get_by_role("link", name="Live")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Ingest").click()
    expect(page.locator("#ingest-book .box")).to_have_count(6)


# over a real ingest


@pytest.fixture(scope="module")
def product(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    try:
        server, broker = pool.server("embedded"), pool.broker("mosquitto")
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    product = Product(database, broker, PREFIX, tmp_path_factory.mktemp("product"))
    try:
        yield product
    finally:
        product.stop()
        server.drop(database)


def _reading(serial: str, second: int, value: object) -> tuple[str, bytes]:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=second)
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return f"{PREFIX}/{serial}/reading", f'{{"time": "{at.isoformat()}", "pm25": {text}}}'.encode()


def test_what_real_messages_did_is_on_the_page(product: Product, look: Opener) -> None:
    """Stored, duplicate, revised and quarantined, an array with a bad element; then one more bad message, live."""
    product.ingest()
    page_url = product.dashboard().url
    twice = _reading("s-1", 7, 12.5)
    revised = _reading("s-1", 7, 14.5)
    array = (f"{PREFIX}/s-2/reading", f"[{_reading('s-2', 1, 7.5)[1].decode()}, 7]".encode())
    messages = [_reading("s-1", second, 8.0) for second in range(20, 30)]
    messages += [twice, twice, revised, array, (f"{PREFIX}/s-3/reading", b'{"pm25": 1')]
    with Publisher(product.broker.port) as device:
        device.publish(messages)
        ledger = product.until_counted(len(messages))
        assert ledger == {
            "messages": 15,
            "stored": 12,
            "revised": 1,
            "duplicate": 1,
            "quarantined": 2,
            "rejected": 0,
        }
        page = look(page_url)
        expect(page.locator("#ingest-book .box").first.locator(".number")).to_have_text("16")
        assert [box(page, name) for name in OUTCOMES] == [12, 1, 1, 2, 0]
        expect(page.locator("#ingest-finding .verdict")).to_contain_text(
            "The book closes: 16 readings and 15 messages"
        )
        expect(page.locator("#ingest-book header")).to_contain_text("16 − 16 = 0 unaccounted for")
        expect(page.locator("#ingest-slots tbody tr")).to_have_count(1)
        expect(page.locator("#ingest-slots tbody tr")).not_to_have_class("attn")
        expect(page.locator("#ingest-cases li")).to_have_count(2)
        expect(page.locator("#ingest-cases")).to_contain_text("element 2")
        device.publish([_reading("my-first", 0, "13.1")])
        case = page.locator("#ingest-cases li").filter(has_text="my-first")
        expect(case).to_contain_text("a number sent as text")
    expect(case).to_contain_text('"pm25": "13.1"')
    case.locator("summary").click()
    expect(case.locator(".body")).to_contain_text("send 13.1 without the quotation marks")
    expect(page.locator("#ingest-reasons")).to_contain_text("not JSON")
    assert box(page, "Quarantined") == 3
