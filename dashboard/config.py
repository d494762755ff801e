"""What the page has to know before its first tick: metrics, grades, languages, districts, words; as plain JSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from city.grades import Band, Standard
from city.metrics import Metric
from city.pack import CityPack
from dashboard.figures import FEW_SENSORS, FEW_SHARE, STALE_S
from dashboard.text import TEXT
from dashboard.window import WINDOW_S


def page_config(
    pack: CityPack, standard: Standard, lang: str, on: date, data_option: str = ""
) -> dict[str, Any]:
    """Everything that is fixed while a page is open, in all languages; `on`: the day whose grades hold.

    `data_option`: what the commands that the page proposes need to find this stack (`city.folder`).
    `metrics[].bands` are [lowest, highest] rounded values of each grade, the last one open (null);
    `standard.bands` their words, colours and number of bars, in the same order. `catalogue` is every metric, those
    of the live page first, with the grades of all times.
    """
    return {
        "lang": lang,
        "languages": list(pack.languages),
        "city": {"slug": pack.name, "names": dict(pack.names), "titles": dict(pack.titles)},
        "district_words": {lang: list(words) for lang, words in pack.district_words.items()},
        "zone": pack.timezone,
        "headline": pack.headline,
        "window_s": WINDOW_S,
        "stale_s": STALE_S,
        "few": {"sensors": FEW_SENSORS, "share": FEW_SHARE},
        "metrics": [metric_config(pack.catalogue[key], standard, on) for key in pack.live],
        "catalogue": [
            metric_config(metric, standard, on) | {"scales": scales_config(metric, standard)}
            for metric in sorted(pack.catalogue.metrics, key=lambda one: one.key not in pack.live)
        ],
        "standard": standard_config(standard, on),
        "districts": [
            {"code": one.code, "names": dict(one.names), "short": dict(one.short)} for one in pack.districts
        ],
        "attribution": pack.attribution,
        "data_option": data_option,
        "text": TEXT,
    }


def metric_config(metric: Metric, standard: Standard, on: date) -> dict[str, Any]:
    """One metric of the live page; `bands` and `since` are null where the standard does not grade it."""
    scale = standard.scale(metric.key, on)
    return {
        "key": metric.key,
        "names": dict(metric.names),
        "short": dict(metric.short),
        "unit": metric.unit,
        "units": dict(metric.units),
        "decimals": metric.decimals,
        "aggregation": metric.aggregation,
        "bands": [[band.lo, band.hi] for band in scale.bands] if scale else None,
        "since": scale.since.isoformat() if scale else None,
    }


def scales_config(metric: Metric, standard: Standard) -> list[dict[str, Any]]:
    """The grades of one metric in all times, newest first: first day of force (ISO) and [lowest, highest] of each."""
    return [
        {"since": scale.since.isoformat(), "bands": [[band.lo, band.hi] for band in scale.bands]}
        for scale in standard.scales
        if metric.key in scale.metrics
    ]


def standard_config(standard: Standard, on: date) -> dict[str, Any]:
    """The grades' words and looks, best first, and the colour of what needs a person."""
    graded = next((bands for key in standard.metrics if (bands := standard.bands(key, on))), ())
    return {
        "key": standard.key,
        "names": dict(standard.names),
        "bands": [band_config(band) for band in graded],
        "attention": dict(standard.attention),
    }


def band_config(band: Band) -> dict[str, Any]:
    """One grade: its words, its bars, and fill, label and ink in each theme."""
    colours = {
        theme: {"fill": one.fill, "label": one.label, "ink": one.ink} for theme, one in band.colours.items()
    }
    return {"key": band.key, "names": dict(band.names), "bars": band.bars, "colours": colours}
