"""What an address asks History for, and what is told of one that asks for nothing there is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from city.grades import load_standard
from city.pack import load_pack
from dashboard.archive import Kept, Level
from dashboard.history import limit_shown, limits_of, plan_of
from dashboard.inquiry import FIRST, InquiryError, everywhere, inquiry_of
from dashboard.inquiry_text import WRONG
from dashboard.text import LANGUAGES

PACK = load_pack("seoul")
NOW = datetime(2026, 11, 24, 14, 32, 7, tzinfo=PACK.zone)
KEPT = Kept(FIRST, FIRST)


def asked(query: str):
    return inquiry_of(QueryParams(query), PACK, NOW)


def planned(query: str, kept: Kept = KEPT):
    return plan_of(asked(query), kept, NOW, PACK)


def test_an_empty_address_asks_for_a_week_of_the_headline_metric():
    found = asked("")
    assert (found.unit, found.places, found.metrics, found.preset) == ("district", (), (PACK.headline,), "7d")
    assert not found.before


def test_places_and_metrics_keep_their_order_and_are_asked_for_once():
    found = asked("place=mapo-gu&place=jongno-gu&place=mapo-gu&metric=pm10&metric=pm25&before=1")
    assert (found.places, found.metrics) == (("mapo-gu", "jongno-gu"), ("pm10", "pm25"))
    assert found.before
    assert found.shift == timedelta(days=7)
    assert asked("span=30d").shift == timedelta(days=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-17", datetime(2026, 11, 17, tzinfo=PACK.zone)),
        ("2026-11-17T15:30", datetime(2026, 11, 17, 15, 30, tzinfo=PACK.zone)),
        ("2026-11-17T06:30:00Z", datetime(2026, 11, 17, 15, 30, tzinfo=PACK.zone)),
        ("2026-11-17T08:30:00%2B02:00", datetime(2026, 11, 17, 15, 30, tzinfo=PACK.zone)),
        ("2026-11-17T08:30:00+02:00", datetime(2026, 11, 17, 15, 30, tzinfo=PACK.zone)),
    ],
)
def test_a_free_span_is_of_the_citys_clock(text, expected):
    found = asked(f"from={text}&to=2026-12-31")
    assert found.start == expected
    assert found.end == NOW  # nothing is measured in the future
    assert found.preset is None


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ("place=nowhere", "district", 404),
        ("metric=radon", "metric", 404),
        ("unit=sensor", "nothing", 400),
        ("unit=sensor&place=a/b", "sensor", 404),
        ("unit=street", "unit", 400),
        ("span=2w", "span", 400),
        ("from=yesterday", "time", 400),
        ("from=2026-02-30", "time", 400),
        ("from=2027-01-01", "future", 400),
        ("from=2026-11-20&to=2026-11-19", "backwards", 400),
        ("from=2026-11-20T10:00&to=2026-11-20T10:05", "short", 400),
        ("from=1999-12-31", "long", 400),
        ("level=minute", "level", 400),
        ("before=week", "before", 400),
        ("".join(f"&place={one.code}" for one in PACK.districts[:7]), "places", 400),
        ("".join(f"&metric={key}" for key in PACK.catalogue.keys[:5]), "metrics", 400),
    ],
)
def test_a_wrong_address_is_told_in_each_language(query, code, status):
    with pytest.raises(InquiryError) as caught:
        asked(query)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert set(caught.value.texts) == set(LANGUAGES)
    assert "{" not in "".join(caught.value.texts.values())


def test_each_sentence_is_used_and_takes_the_same_values_in_every_language():
    import re
    from pathlib import Path

    from dashboard import inquiry

    code = "".join(
        (Path(inquiry.__file__).parent / f).read_text() for f in ("inquiry.py", "history_routes.py")
    )
    assert [key for key in WRONG if f'"{key}"' not in code] == []
    assert all(
        len({frozenset(re.findall(r"{(\w+)}", text)) for text in texts}) == 1 for texts in WRONG.values()
    )


def test_all_districts_are_one_question():
    found = everywhere(QueryParams("metric=pm10&span=3y&place=nonsense"), PACK, NOW)
    assert len(found.places) == 25
    assert plan_of(found, KEPT, NOW, PACK).level is Level.DAY
    with pytest.raises(InquiryError):
        everywhere(QueryParams("metric=pm10&metric=pm25"), PACK, NOW)


@pytest.mark.parametrize(
    ("query", "level", "why"),
    [
        ("span=24h", Level.TEN_MINUTES, "finest"),
        ("span=7d", Level.HOUR, "points"),
        ("span=30d", Level.HOUR, "points"),
        ("span=90d", Level.DAY, "points"),
        ("span=7d&level=10min", Level.TEN_MINUTES, "finest"),
        ("span=30d&level=10min", Level.HOUR, "points"),
        ("span=24h&unit=sensor&place=x", Level.RAW, "finest"),
        ("span=7d&unit=sensor&place=x", Level.HOUR, "points"),
    ],
)
def test_the_level_fits_a_chart_unless_a_finer_one_is_wished_and_can_be_had(query, level, why):
    plan = planned(query)
    assert (plan.level, plan.why) == (level, why)


def test_a_preset_ends_with_the_last_whole_bucket():
    week, year = planned("span=7d"), planned("span=1y")
    assert week.end == NOW.replace(minute=0, second=0)
    assert week.end - week.start == timedelta(days=7)
    assert year.end == NOW.replace(hour=0, minute=0, second=0)
    assert year.start == year.end - timedelta(days=365)


def test_below_the_horizon_a_coarser_level_is_chosen_and_told():
    kept = Kept(NOW - timedelta(hours=5), FIRST)
    plan = planned("span=24h&unit=sensor&place=x", kept)
    assert (plan.level, plan.why) == (Level.HOUR, "kept")


def test_the_limit_is_that_of_the_standard_from_its_date_on():
    standard = load_standard("korea")
    (limit,) = limits_of(standard, "pm25", PACK)
    assert limit.low == 35.5  # rounded half up it is 36
    assert limit.since == datetime(2018, 3, 27, tzinfo=PACK.zone)
    assert limit_shown(standard, "pm25", NOW.date()) == 35
    assert limit_shown(standard, "pm25", datetime(2018, 3, 26).date()) is None
    assert limits_of(standard, "noise", PACK) == ()
