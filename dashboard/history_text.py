"""Every word of the History page, in Korean, English and Spanish; what all pages say comes from `text`.

`{…}` are filled by the page (`sdot.words.say` in `assets/words.js`), those of `wrong_…` by the server, too.
"""

from __future__ import annotations

from dashboard.text import LANGUAGES, WORDS

#: Words of `text` that this page says, too: header, causes, ages.
SHARED: tuple[str, ...] = (
    "language_name", "language", "theme_dark", "theme_light", "pages", "page_live", "page_ingest",
    "links_up", "links_up_short", "links_down", "links_down_one", "connecting", "no_data",
    "ago", "age_s", "age_min", "age_h", "age_d",
    "cause_since", "cause_age", "cause_server", "cause_database", "cause_broker", "cause_ingest", "cause_slots",
    "cause_other",
)  # fmt: skip

#: key → (Korean, English, Spanish)
HISTORY_WORDS: dict[str, tuple[str, str, str]] = {
    # a question without an answer
    "wrong_nothing": ("구나 센서를 하나 이상 고르세요.", "Choose at least one district or sensor.", "Elija al menos un distrito o sensor."),
    "wrong_district": ("없는 구입니다: {given}. 주소의 district에는 다음 코드를 씁니다: {known}.", "There is no district {given}. The address takes district codes: {known}.", "No existe el distrito {given}. La dirección admite estos códigos: {known}."),
    "wrong_sensor": ("등록되지 않은 센서입니다: {given}. 위에서 일련번호로 찾으세요.", "No sensor is registered as {given}. Search by serial above.", "Ningún sensor está registrado como {given}. Busque arriba por número de serie."),
    "wrong_serial": ("센서 일련번호가 아닙니다: {given}. 영문자, 숫자, ._:- 64자까지입니다.", "{given} is no serial: letters, digits and ._:-, at most 64.", "{given} no es un número de serie: letras, cifras y ._:-, 64 como máximo."),
    "wrong_metric": ("없는 측정 항목입니다: {given}. 다음 가운데 고르세요: {known}.", "There is no metric {given}. Take some of: {known}.", "No existe la magnitud {given}. Elija entre: {known}."),
    "wrong_places": ("한 번에 {most}곳까지 보입니다. {given}곳이 요청되었습니다.", "At most {most} places are drawn at once; {given} were asked for. Leave some out.", "Se dibujan como máximo {most} lugares a la vez; se pidieron {given}. Quite algunos."),
    "wrong_metrics": ("한 번에 {most}개 항목까지 보입니다. {given}개가 요청되었습니다.", "At most {most} metrics are drawn at once; {given} were asked for. Leave some out.", "Se dibujan como máximo {most} magnitudes a la vez; se pidieron {given}. Quite algunas."),
    "wrong_series": ("선이 {given}개입니다. {most}개까지 그립니다: 장소나 항목을 줄이세요.", "That would be {given} lines; at most {most} are drawn. Take fewer places or fewer metrics.", "Serían {given} líneas; se dibujan {most} como máximo. Tome menos lugares o magnitudes."),
    "wrong_span": ("없는 기간입니다: {given}. 다음 가운데 고르거나 from과 to를 쓰세요: {known}.", "There is no span {given}. Take one of {known}, or from and to.", "No existe el periodo {given}. Elija entre {known}, o use from y to."),
    "wrong_time": ("시각을 읽을 수 없습니다: {given}. 예: 2026-11-17 또는 2026-11-17T15:00.", "{given} is no time. Write it as 2026-11-17 or 2026-11-17T15:00.", "{given} no es una hora. Escríbala como 2026-11-17 o 2026-11-17T15:00."),
    "wrong_future": ("시작이 아직 오지 않은 때입니다: {given}. 더 이른 때를 고르세요.", "The span begins in the future: {given}. Choose an earlier beginning.", "El periodo empieza en el futuro: {given}. Elija un inicio anterior."),
    "wrong_backwards": ("끝({end})이 시작({start})보다 늦어야 합니다.", "The span ends at {end}, before it begins at {start}. Exchange them.", "El periodo termina ({end}) antes de empezar ({start}). Intercámbielos."),
    "wrong_short": ("기간은 {most}분 이상이어야 합니다.", "A span has at least {most} minutes. Choose a longer one.", "Un periodo tiene al menos {most} minutos. Elija uno más largo."),
    "wrong_long": ("기간은 2000년 이후 {most}년까지입니다.", "A span begins after 1999 and has at most {most} years. Choose a shorter one.", "Un periodo empieza después de 1999 y tiene como máximo {most} años. Elija uno más corto."),
    "wrong_level": ("없는 해상도입니다: {given}. 다음 가운데 고르세요: auto, {known}.", "There is no resolution {given}. Take one of: auto, {known}.", "No existe la resolución {given}. Elija entre: auto, {known}."),
    "wrong_compare": ("compare에는 week나 none을 씁니다. {given}은 없습니다.", "compare is week or none, not {given}.", "compare es week o none, no {given}."),
}  # fmt: skip

ALL_WORDS: dict[str, tuple[str, str, str]] = {**{key: WORDS[key] for key in SHARED}, **HISTORY_WORDS}

#: language → key → words, as the page's config carries it
HISTORY_TEXT: dict[str, dict[str, str]] = {
    language: {key: words[place] for key, words in ALL_WORDS.items()}
    for place, language in enumerate(LANGUAGES)
}
