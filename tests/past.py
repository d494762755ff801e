"""Made-up answers of the History endpoints, so that a browser test knows what the page has to show."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from city.grades import load_standard
from city.pack import CityPack
from dashboard.history_routes import ASKED

HOUR, DAY = 3_600_000, 86_400_000
SPANS = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY, "1y": 365 * DAY, "3y": 3 * 365 * DAY}
STEPS = {"10min": 600_000, "hour": HOUR, "day": DAY}
LEVELS = {"pm25": (22, 14), "pm10": (48, 20), "temperature": (9, 6), "humidity": (55, 15), "noise": (52, 6)}


class Past:
    """What the endpoints would say of a made-up city; `end` is now, in ms."""

    def __init__(self, pack: CityPack, end: datetime | None = None) -> None:
        self.pack, self.standard = pack, load_standard(pack.standard)
        now = (end or datetime.now(UTC)).timestamp() * 1000
        self.now = int(now)
        #: paths and queries in the order in which they were asked
        self.asked: list[str] = []
        #: (status, document) instead of an answer to `/api/history`
        self.refusal: tuple[int, Any] | None = None

    def routes(self) -> list[Route]:
        """The endpoints, to stand before the application's own."""
        return [Route("/api/history", self._one), Route("/api/history.csv", self._table)] + [
            Route(f"/api/history/{name}", endpoint)
            for name, endpoint in (("all", self._all), ("sensors", self._sensors))
        ]

    def _query(self, request: Request) -> dict[str, list[str]]:
        self.asked.append(f"{request.url.path}?{request.url.query}")
        return parse_qs(request.url.query)

    async def _one(self, request: Request) -> Response:
        query = self._query(request)
        if self.refusal:
            return JSONResponse(self.refusal[1], self.refusal[0])
        return JSONResponse(self.answer(query), headers={ASKED: str(self.now)})

    async def _all(self, request: Request) -> Response:
        return JSONResponse(self.everywhere(self._query(request)))

    async def _sensors(self, request: Request) -> Response:
        begin = self._query(request)["q"][0]
        return JSONResponse(
            [{"serial": f"{begin}{i}", "district": "강남구", "state": "verified"} for i in range(3)]
        )

    async def _table(self, request: Request) -> Response:
        self._query(request)
        return Response("time,place\n", headers={"content-disposition": 'attachment; filename="history.csv"'})

    def span(self, query: Mapping[str, Sequence[str]]) -> tuple[int, int, str]:
        """Start, end and level of a question."""
        if "from" in query:
            ends = [
                int(datetime.fromisoformat(query[end][0]).replace(tzinfo=self.pack.zone).timestamp() * 1000)
                for end in ("from", "to")
            ]
        else:
            ends = [self.now - SPANS[query.get("span", ["7d"])[0]], self.now]
        long = ends[1] - ends[0]
        level = "10min" if long <= 2 * DAY else "hour" if long <= 60 * DAY else "day"
        step = STEPS[level]
        # days begin at midnight of the city's clock, nine hours before that of UTC
        shift = 9 * HOUR if level == "day" and self.pack.timezone == "Asia/Seoul" else 0
        return *((end + shift) // step * step - shift for end in ends), level

    def series(self, metric: str, place: str, start: int, end: int, step: int) -> dict[str, Any]:
        """A series whose fifth part from the end has a gap of 7 buckets in the first district."""
        low, swing = LEVELS.get(metric, (20, 8))
        rng = random.Random(f"{metric} {place}")
        level, walk = low * rng.uniform(0.6, 1.3), 0.0
        t = list(range(start, end, step))
        v: list[float | None] = []
        for at in t:
            walk = 0.97 * walk + rng.gauss(0, swing / 9)
            daily = math.sin(at / DAY * 2 * math.pi) * swing / 4
            slow = math.sin(at / (4 * DAY) * 2 * math.pi) * swing / 3
            v.append(round(max(1.0, level + walk + daily + slow), 2))
        lost = (
            range(len(t) * 6 // 10, len(t) * 6 // 10 + 7)
            if place == self.pack.districts[18].code
            else range(0)
        )
        for i in lost:
            v[i] = None
        spread = lambda by: [None if x is None else round(x * by, 2) for x in v]  # noqa: E731
        sensors = [0 if x is None else 42 + rng.randrange(4) for x in v]
        return {
            "place": place,
            "t": t,
            "v": v,
            "lo": spread(0.7),
            "hi": spread(1.45),
            "n": [30 * s for s in sensors],
            "sensors": sensors,
        }

    def answer(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The document of `/api/history`."""
        metric = query.get("metric", ["pm25"])[0]
        places = query.get("place") or [self.pack.districts[18].code]
        start, end, level = self.span(query)
        step = STEPS[level]
        series = [self.series(metric, place, start, end, step) for place in places]
        shift = max(end - start, 7 * DAY)
        before = None
        if query.get("before") == ["1"]:
            past = self.series(metric, places[0] + "before", start, end, step)
            before = {"shift_ms": shift, "series": {**past, "place": places[0]}}
        return {
            "unit": query.get("unit", ["district"])[0], "metric": metric, "start": start,
            "end": end, "level": level, "why": "points", "step_ms": step, "points": len(series[0]["t"]),
            "kept": {"raw": self.now - 400 * DAY, "hours": self.now - 1827 * DAY}, "below_horizon": False,
            "imported": [], "series": series, "before": before, "gaps": gaps_of(series[0], step),
            "finding": self.finding(metric, series[0], before, level, query.get("unit") != ["sensor"]),
        }  # fmt: skip

    def finding(
        self, metric: str, series: Mapping[str, Any], before: Any, level: str, districts: bool
    ) -> dict[str, Any]:
        """What an answer says of its first series."""
        known = [(v, t, s) for v, t, s in zip(series["v"], series["t"], series["sensors"], strict=True) if v]
        mean = lambda values: sum(values) / len(values)  # noqa: E731
        peak = max(known)
        graded = metric in self.standard.metrics
        then = before and [v for v in before["series"]["v"] if v is not None]
        hours = len(known) if level == "hour" else 24 * len(known)
        over = {
            "limit": 35,
            "hours": sum(v > 35 for v, _, _ in known) if level == "hour" else 41,
            "of_hours": hours,
        }
        return {
            "place": series["place"], "mean": mean([v for v, _, _ in known]),
            "before_mean": mean(then) if then else None, "have": len(known), "of": len(series["t"]),
            "before_have": len(then) if then else None, "before_of": len(series["t"]) if then else None,
            "over": over if graded else None,
            "peak": {"t": peak[1], "v": peak[0], "sensors": peak[2], "of": 45 if districts else None},
            "sensors": [42, 45], "flagged": 1812 if districts else None, "unverified": 0 if districts else None,
        }  # fmt: skip

    def everywhere(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The document of `/api/history/all`."""
        metric = query["metric"][0]
        start, end, level = self.span(query)
        step = STEPS[level]
        limit = 35 if metric == "pm25" else 80 if metric == "pm10" else None
        found = []
        for one in self.pack.districts:
            series = self.series(metric, one.code, start, end, step)
            over = [t for t, v in zip(series["t"], series["v"], strict=True) if limit and v and v > limit]
            found.append(
                {
                    "place": one.code, "t": series["t"], "v": series["v"], "now": series["v"][-1],
                    "over": len(over), "of_hours": len(series["t"]), "ticks": [[t, t + step] for t in over],
                }
            )  # fmt: skip
        found[3]["now"] = None
        return {
            "start": start,
            "end": end,
            "level": level,
            "why": "points",
            "step_ms": step,
            "limit": limit,
            "series": found,
        }


def gaps_of(series: Mapping[str, Any], step: int) -> list[dict[str, Any]]:
    """Where a series has no value, as spans with the gateway as cause."""
    missing = [t for t, v in zip(series["t"], series["v"], strict=True) if v is None]
    if not missing:
        return []
    return [
        {
            "place": series["place"],
            "from": missing[0],
            "to": missing[-1] + step,
            "cause": "broker_away",
        }
    ]
