"""Why a question for history has no answer, in Korean, English and Spanish; each sentence says what to do."""

from __future__ import annotations

from dashboard.text import LANGUAGES

#: key → (Korean, English, Spanish)
WRONG: dict[str, tuple[str, str, str]] = {
    "nothing": ("센서를 하나 이상 고르세요. 일련번호로 찾을 수 있습니다.", "Choose at least one sensor; search by its serial.", "Elija al menos un sensor; búsquelo por su número de serie."),
    "unit": ("unit에는 district 또는 sensor를 씁니다. 알 수 없는 값: {given}.", "unit is district or sensor, not {given}.", "unit es district o sensor, no {given}."),
    "before": ("before에는 1을 쓰거나 빼세요. 알 수 없는 값: {given}.", "before is 1 or left out, not {given}.", "before es 1 o se omite, no {given}."),
    "one_metric": ("한 번에 항목 하나를 물으세요. {given}개가 요청되었습니다.", "Ask for one metric at a time; {given} were asked for.", "Pida una magnitud a la vez; se pidieron {given}."),
    "district": ("없는 구입니다: {given}. 위에서 고르세요. 주소에는 {example}처럼 코드를 씁니다.", "There is no district {given}. Choose one above; the address takes codes such as {example}.", "No existe el distrito {given}. Elija uno arriba; la dirección admite códigos como {example}."),
    "sensor": ("등록되지 않은 센서입니다: {given}. 위에서 일련번호로 찾으세요.", "No sensor is registered as {given}. Search by serial above.", "Ningún sensor está registrado como {given}. Busque arriba por número de serie."),
    "metric": ("없는 측정 항목입니다: {given}. 위에서 고르세요. 주소에는 {example}처럼 코드를 씁니다.", "There is no metric {given}. Choose one above; the address takes keys such as {example}.", "No existe la magnitud {given}. Elija una arriba; la dirección admite claves como {example}."),
    "places": ("한 번에 {most}곳까지 보입니다. {given}곳이 요청되었습니다.", "At most {most} places are drawn at once; {given} were asked for. Leave some out.", "Se dibujan como máximo {most} lugares a la vez; se pidieron {given}. Quite algunos."),
    "metrics": ("한 번에 {most}개 항목까지 보입니다. {given}개가 요청되었습니다.", "At most {most} metrics are drawn at once; {given} were asked for. Leave some out.", "Se dibujan como máximo {most} magnitudes a la vez; se pidieron {given}. Quite algunas."),
    "span": ("없는 기간입니다: {given}. 다음 가운데 고르거나 from, to를 쓰세요: {known}.", "There is no span {given}. Take one of {known}, or from and to.", "No existe el periodo {given}. Elija entre {known}, o use from y to."),
    "time": ("시각을 읽을 수 없습니다: {given}. 예: 2026-11-17 또는 2026-11-17T15:00.", "{given} is no time. Write it as 2026-11-17 or 2026-11-17T15:00.", "{given} no es una hora. Escríbala como 2026-11-17 o 2026-11-17T15:00."),
    "future": ("시작이 아직 오지 않은 때입니다: {given}. 더 이른 때를 고르세요.", "The span begins in the future: {given}. Choose an earlier beginning.", "El periodo empieza en el futuro: {given}. Elija un inicio anterior."),
    "backwards": ("끝({end})이 시작({start})보다 늦어야 합니다.", "The span ends at {end}, before it begins at {start}. Exchange them.", "El periodo termina ({end}) antes de empezar ({start}). Intercámbielos."),
    "short": ("기간은 {most}분 이상이어야 합니다.", "A span has at least {most} minutes. Choose a longer one.", "Un periodo tiene al menos {most} minutos. Elija uno más largo."),
    "long": ("기간은 2000년 이후 {most}년까지입니다.", "A span begins after 1999 and has at most {most} years. Choose a shorter one.", "Un periodo empieza después de 1999 y tiene como máximo {most} años. Elija uno más corto."),
    "level": ("없는 해상도입니다: {given}. 다음 가운데 고르세요: auto, {known}.", "There is no resolution {given}. Take one of: auto, {known}.", "No existe la resolución {given}. Elija entre: auto, {known}."),
}  # fmt: skip


def wrong(code: str, **values: str | int) -> dict[str, str]:
    """Language → the sentence, its `{…}` filled."""
    return {lang: words.format(**values) for lang, words in zip(LANGUAGES, WRONG[code], strict=True)}
