"""What the server says of a question about history that it cannot answer: why, and what to do, in every language."""

from __future__ import annotations

from dashboard.text import LANGUAGES

#: code → (Korean, English, Spanish); `{…}` are filled
TROUBLES: dict[str, tuple[str, str, str]] = {
    "unit": ("unit={given}: district 또는 sensor로 쓰세요", "unit={given}: write district or sensor", "unit={given}: escriba district o sensor"),
    "metric": ("metric={given}: 이 도시에 없는 항목입니다. {known} 중에서 고르세요", "metric={given} is not measured here; choose one of {known}", "metric={given} no se mide aquí; elija entre {known}"),
    "one_metric": ("항목을 하나만 물으세요 (metric 하나)", "Ask for one metric at a time", "Pida una sola magnitud cada vez"),
    "many_metrics": ("항목은 {most}개까지입니다", "Choose at most {most} metrics", "Elija como máximo {most} magnitudes"),
    "many_places": ("한 번에 {most}곳까지 볼 수 있습니다", "Choose at most {most} places", "Elija como máximo {most} lugares"),
    "district": ("place={given}: 없는 구역입니다. {known} 중에서 고르세요", "place={given} is no district of this city; choose one of {known}", "place={given} no es un distrito de esta ciudad; elija entre {known}"),
    "sensor": ("place={given}: 없는 센서입니다. 일련번호를 확인하세요", "place={given} is no known sensor; check its serial", "place={given} no es un sensor conocido; compruebe el número de serie"),
    "no_sensor": ("센서의 일련번호를 place로 쓰세요", "Name a sensor by its serial (place)", "Indique un sensor por su número de serie (place)"),
    "span": ("span={given}: {known} 중에서 고르거나 from과 to를 쓰세요", "span={given}: choose one of {known}, or write from and to", "span={given}: elija entre {known} o escriba from y to"),
    "both": ("span과 from·to 중 하나만 쓰세요", "Write either span, or from and to", "Escriba span, o bien from y to"),
    "from_missing": ("from도 쓰세요", "Write from, too", "Escriba también from"),
    "time": ("{name}={given}: 2026-11-24 또는 2026-11-24T14:30처럼 쓰세요", "{name}={given}: write it as 2026-11-24 or 2026-11-24T14:30", "{name}={given}: escríbalo como 2026-11-24 o 2026-11-24T14:30"),
    "order": ("끝이 시작보다 뒤여야 합니다", "The end has to come after the start", "El final debe ir después del inicio"),
    "future": ("아직 오지 않은 때입니다. 더 이른 시작을 고르세요", "That has not happened yet; choose an earlier start", "Aún no ha ocurrido; elija un inicio anterior"),
    "early": ("{year}년부터 고르세요", "Choose a start from the year {year} on", "Elija un inicio desde el año {year}"),
    "long": ("{days}일까지 한 번에 볼 수 있습니다. 더 짧은 기간을 고르세요", "A chart shows {days} days at most; choose a shorter span", "Un gráfico muestra como máximo {days} días; elija un periodo más corto"),
    "before": ("before={given}: 1로 쓰거나 빼세요", "before={given}: write 1, or leave it out", "before={given}: escriba 1 u omítalo"),
    "q": ("일련번호를 {most}자까지 쓰세요", "Write at most {most} characters of a serial", "Escriba como máximo {most} caracteres de una serie"),
    "busy": ("물음이 너무 많이 밀려 있습니다. 잠시 뒤 다시 물으세요", "Too many questions are waiting; ask again in a moment", "Hay demasiadas consultas en espera; vuelva a intentarlo en un momento"),
}  # fmt: skip


def trouble(code: str, **values: object) -> dict[str, str]:
    """Language → the sentence of that code, its `{…}` filled."""
    return {lang: words.format(**values) for lang, words in zip(LANGUAGES, TROUBLES[code], strict=True)}
