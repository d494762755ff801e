"""A new sensor's first message, from three MQTT clients, on the page while a person looks at it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.migrated import migrated
from tests.servers.missing import Missing
from tests.servers.node import folder_with
from tests.servers.pool import BROKERS, Pool
from tests.servers.product import Product
from tests.servers.publisher import Publisher

#: The promise: milliseconds from a client's return to the page.
WITHIN_MS = 2000
MQTT_JS = ("mqtt@5.14.1",)
BODY = json.dumps({"pm25": 12.5, "temperature": 20.1, "district": "gangnam-gu"})

Publish = Callable[[Product, str, str], None]


@pytest.fixture(scope="module", params=BROKERS)
def product(
    request: pytest.FixtureRequest, pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """Ingest on a broker and a database."""
    try:
        server, broker = pool.server("embedded"), pool.new_broker(request.param)
    except Missing as missing:
        pytest.skip(str(missing))
    database = server.create(migrated(server))
    product = Product(database, broker, "sdot/v1", tmp_path_factory.mktemp("clients"))
    try:
        product.ingest()
        yield product
    finally:
        product.stop()
        broker.stop()
        server.drop(database)


@pytest.fixture(scope="module")
def live(product: Product, browser: Browser) -> Iterator[Page]:
    """The live page, open since before the sensors came."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(product.dashboard().url)
    expect(page.locator("#live-header .state")).to_have_class("state up")
    yield page
    context.close()


def mosquitto_pub(product: Product, topic: str, body: str) -> None:
    program = shutil.which("mosquitto_pub")
    if program is None:
        pytest.skip("mosquitto_pub is not installed (Debian package mosquitto-clients)")
    port = str(product.broker.port)
    subprocess.run(
        [program, "-h", "127.0.0.1", "-p", port, "-q", "1", "-t", topic, "-m", body], check=True, timeout=30
    )


def paho(product: Product, topic: str, body: str) -> None:
    with Publisher(product.broker.port) as device:
        device.publish([(topic, body)])


@pytest.fixture
def mqtt_js(test_cache: Path) -> Publish:
    """The npm package `mqtt`."""
    try:
        script = folder_with(MQTT_JS, "mqttjs.mjs", test_cache)
    except Missing as missing:
        pytest.skip(str(missing))

    def publish(product: Product, topic: str, body: str) -> None:
        subprocess.run(["node", script, product.broker.url, topic, body], check=True, timeout=30)

    return publish


def sdot_publish(product: Product, topic: str, body: str) -> None:
    product.run("publish", topic.split("/")[-2], body).wait()


def _appears(live: Page, product: Product, publish: Publish, serial: str) -> None:
    publish(product, f"sdot/v1/{serial}/reading", BODY)
    expect(live.locator("#live-attention")).to_contain_text(serial, timeout=WITHIN_MS)


@pytest.mark.parametrize("publish", [mosquitto_pub, paho, sdot_publish])
def test_a_new_sensor_appears(live: Page, product: Product, publish: Publish) -> None:
    _appears(live, product, publish, f"from-{publish.__name__}")


def test_a_new_sensor_of_the_npm_package_mqtt_appears(live: Page, product: Product, mqtt_js: Publish) -> None:
    _appears(live, product, mqtt_js, "from-npm")


def test_a_new_sensor_is_marked_unverified(live: Page, product: Product) -> None:
    _appears(live, product, paho, "marked")
    state = (
        "SELECT state, district.code FROM sensor JOIN district USING (district_id) WHERE serial = 'marked'"
    )
    assert product.database.rows(state) == [("unverified", "gangnam-gu")]


def test_a_verified_sensor_enters_its_districts_figure(live: Page, product: Product) -> None:
    _appears(live, product, paho, "to-verify")
    assert product.run("sensor", "verify", "to-verify").wait() == 0
    expect(live.locator("#live-attention")).not_to_contain_text("to-verify", timeout=10_000)
    district = live.locator('#live-ranking [data-code="gangnam-gu"]')
    expect(district).to_contain_text("1/1", timeout=10_000)
