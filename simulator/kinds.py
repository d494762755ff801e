"""Kinds of site: how often each occurs and how it differs from the city around it.

Keys are those of the `REGION` column that the first city publishes with its sensors' readings (Open Data Plaza,
OA-15969). What stands there in numbers is said at each field; what is an assumption is called one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.chance import Float

#: Footfall by hour of day against the busiest hour, from 0–1 h to 23–24 h. Assumptions, drawn after the usual
#: shapes of commuting, shopping and leisure; no public table gives them by kind of site.
_STREET = (7, 4, 3, 2, 3, 7, 22, 58, 80, 60, 52, 60, 84, 74, 64, 66, 74, 88, 100, 90, 70, 54, 36, 17)
_STREET_FREE = (10, 6, 4, 3, 3, 5, 10, 18, 28, 40, 50, 60, 70, 76, 80, 82, 82, 80, 76, 68, 58, 46, 32, 18)
_HOME = (10, 6, 4, 3, 4, 10, 30, 78, 100, 62, 46, 46, 52, 50, 50, 58, 66, 78, 92, 86, 66, 50, 34, 18)
_HOME_FREE = (12, 8, 5, 4, 4, 7, 14, 26, 42, 56, 64, 68, 70, 68, 68, 70, 74, 76, 74, 66, 54, 42, 30, 18)
_MARKET = (3, 2, 2, 3, 6, 10, 18, 30, 44, 60, 76, 88, 92, 84, 82, 88, 98, 100, 86, 60, 38, 22, 11, 5)
_PARK = (5, 3, 2, 3, 8, 22, 40, 44, 40, 38, 42, 50, 66, 58, 50, 50, 54, 60, 70, 80, 74, 54, 30, 13)
_PARK_FREE = (
    8,
    5,
    4,
    4,
    8,
    20,
    36,
    48,
    62,
    78,
    92,
    100,
    104,
    116,
    128,
    134,
    132,
    120,
    100,
    82,
    66,
    46,
    28,
    15,
)
_OFFICE = (2, 1, 1, 1, 1, 3, 14, 46, 84, 90, 82, 78, 100, 92, 80, 76, 74, 80, 86, 44, 26, 16, 8, 4)
_OFFICE_FREE = (3, 2, 1, 1, 1, 2, 5, 10, 18, 26, 32, 36, 40, 40, 38, 36, 34, 30, 24, 18, 13, 9, 6, 4)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of site."""

    #: as registered and published
    key: str
    #: share of all sensors; an assumption: the published places are mostly streets and dwellings
    share: float
    #: how readily such a site counts people, against the others; an assumption
    counts: float
    #: logarithm of PM2.5 against the city: parks −15 % (stations of OA-2218, 2018–2022); the rest assumed small
    pm25: float
    #: logarithm of PM10 against the city: roadside +10 % (the same); parks as PM2.5
    pm10: float
    #: logarithm of NO2, CO and O3 against the city: roadside stations +0.42, +0.19 and −0.28, green ones −0.38 (of
    #: which the mountains −0.69), +0.03 and +0.22 (OA-2218, 2018–2022); the rest assumed small
    no2: float
    co: float
    o3: float
    #: °C against the city: warm asphalt, cool green; an assumption within what sensors of one day show
    temperature: float
    #: dB by day; chosen so that hourly means of all sites lie about 48 dB as on 2020-05-01 (845 public sensors)
    level: float
    #: people in the busiest 10 minutes at a middling site; an assumption of the order of the published counts
    people: float
    #: footfall in a great feast against a Sunday; an assumption: shops and offices close, parks and palaces fill
    feast: float
    #: share of people whom steady rain keeps away; an assumption
    rain: float
    #: wind against that over roofs, and light against that of an open sky; assumptions
    wind: float
    sky: float
    #: footfall by hour from Monday to Friday, Saturday and Sunday, percent of `people`
    hours: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    def week(self) -> Float:
        """People in 10 minutes for each hour from Monday 0–1 h on, float64[168]."""
        workday, saturday, sunday = (np.array(day) * (self.people / 100) for day in self.hours)
        return np.concatenate([workday] * 5 + [saturday, sunday])


KINDS = (
    Kind(
        key="main_street", share=0.34, counts=0.15, pm25=0.02, pm10=0.095, no2=0.35, co=0.15, o3=-0.25,
        temperature=0.5, level=53.5, people=150.0, feast=0.75, rain=0.3, wind=0.6, sky=1.0,
        hours=(_STREET, _STREET_FREE, _STREET_FREE),
    ),
    Kind(
        key="residential_area", share=0.36, counts=0.04, pm25=0.0, pm10=0.0, no2=0.0, co=0.0, o3=0.0,
        temperature=0.0, level=47.5, people=40.0, feast=0.8, rain=0.3, wind=0.5, sky=0.8,
        hours=(_HOME, _HOME_FREE, _HOME_FREE),
    ),
    Kind(
        key="traditional_markets", share=0.06, counts=1.0, pm25=0.05, pm10=0.05, no2=0.1, co=0.1, o3=-0.08,
        temperature=0.3, level=51.5, people=190.0, feast=0.4, rain=0.35, wind=0.4, sky=0.5,
        hours=(_MARKET, _MARKET, _MARKET),
    ),
    Kind(
        key="parks", share=0.12, counts=0.30, pm25=-0.163, pm10=-0.163, no2=-0.5, co=-0.03, o3=0.22,
        temperature=-0.8, level=46.0, people=60.0, feast=1.1, rain=0.75, wind=0.7, sky=0.7,
        hours=(_PARK, _PARK_FREE, _PARK_FREE),
    ),
    Kind(
        key="public_facilities", share=0.12, counts=0.20, pm25=0.0, pm10=0.0, no2=0.05, co=0.03, o3=-0.03,
        temperature=0.2, level=49.0, people=70.0, feast=0.35, rain=0.25, wind=0.6, sky=1.1,
        hours=(_OFFICE, _OFFICE_FREE, _OFFICE_FREE),
    ),
)  # fmt: skip


def column(value: Callable[[Kind], float]) -> Float:
    """One value of each kind, float64[kinds]."""
    return np.array([value(kind) for kind in KINDS])
