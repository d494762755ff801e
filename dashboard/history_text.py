"""Every word of the History page, in Korean, English and Spanish; what all pages say comes from `text`.

`{…}` are filled by the page (`sdot.words.say` in `assets/words.js`).
"""

from __future__ import annotations

from dashboard.ingest_text import INGEST_WORDS
from dashboard.text import LANGUAGES, WORDS

#: Words of `text` that this page says, too: header, causes, ages.
SHARED = (
    "language_name", "language", "theme_dark", "theme_light", "pages", "page_live", "page_history", "page_ingest",
    "links_up", "links_up_short", "links_down", "links_down_one", "connecting", "no_data", "loading", "data_age",
    "age_s", "age_min", "age_h", "age_d", "metric",
    "cause_since", "cause_age", "cause_server", "cause_database", "cause_broker", "cause_ingest", "cause_slots",
    "cause_other",
)  # fmt: skip

#: Causes of a gap, as the book of ingest names them.
CAUSES = tuple(
    f"gap_{cause}"
    for cause in (
        "queue_overflow", "session_lost", "orphaned_slot", "window_full", "database_slow", "database_away",
        "broker_away",
    )
)  # fmt: skip

#: key → (Korean, English, Spanish)
HISTORY_WORDS: dict[str, tuple[str, str, str]] = {
    "skip_to_finding": ("결과로 건너뛰기", "Skip to the finding", "Saltar al resultado"),
    # choices
    "controls": ("보기 선택", "What is shown", "Qué se muestra"),
    "metric_more": ("다른 측정 항목", "Another metric", "Otra magnitud"),
    "add_metric": ("측정 항목 추가", "Add a metric", "Añadir una magnitud"),
    "remove": ("{name} 빼기", "Remove {name}", "Quitar {name}"),
    "span_choose": ("기간", "Span", "Periodo"),
    "span_free": ("기간 직접 정하기…", "From – to…", "Desde – hasta…"),
    "span_from": ("시작", "From", "Desde"),
    "span_to": ("끝", "To", "Hasta"),
    "span_show": ("보기", "Show", "Ver"),
    "last_24h": ("지난 24시간", "Last 24 hours", "Últimas 24 horas"),
    "last_7d": ("지난 7일", "Last 7 days", "Últimos 7 días"),
    "last_30d": ("지난 30일", "Last 30 days", "Últimos 30 días"),
    "last_90d": ("지난 90일", "Last 90 days", "Últimos 90 días"),
    "last_1y": ("지난 1년", "Last year", "Último año"),
    "last_3y": ("지난 3년", "Last 3 years", "Últimos 3 años"),
    "unit_choose": ("무엇을 볼지", "Districts or sensors", "Distritos o sensores"),
    "unit_sensors": ("센서", "Sensors", "Sensores"),
    "add_place": ("{word} 추가", "Add {word}", "Añadir {word}"),
    "add_sensor": ("센서 추가", "Add sensor", "Añadir sensor"),
    "state_verified": ("확인됨", "verified", "verificado"),
    "state_unverified": ("미확인", "unverified", "sin verificar"),
    "state_retired": ("철거됨", "retired", "retirado"),
    "before_week": ("1주 전", "week before", "semana anterior"),
    "before_span": ("직전 기간", "time before", "periodo anterior"),
    "csv_hint": ("지금 그려진 값을 표로 받기", "What is drawn, as a table", "Lo dibujado, como tabla"),
    "asof": ("{time} 기준", "as of {time}", "a las {time}"),
    "again": ("다시 불러오기", "Ask again", "Volver a consultar"),
    # finding
    "finding_mean": ("{place}: {span} {metric} 평균 {v}", "{place}: {metric} mean {v} over {span}", "{place}: {metric}, media de {v} en {span}"),
    "finding_sum": ("{place}: {span} {metric} {step}당 평균 {v}", "{place}: {metric} {v} per {step} over {span}", "{place}: {metric}, {v} por {step} en {span}"),
    "finding_on_week": ("1주 전보다 {d}", "{d} on the week before", "{d} frente a la semana anterior"),
    "finding_on_span": ("직전 기간보다 {d}", "{d} on the time before", "{d} frente al periodo anterior"),
    "finding_none": ("{place}: {span} 동안 {metric} 값이 없습니다", "{place}: no {metric} figures over {span}", "{place}: sin datos de {metric} en {span}"),
    "finding_nothing": ("{span} 동안 {metric} 값이 없습니다", "No {metric} figures over {span}", "Sin datos de {metric} en {span}"),
    "over_24h": ("24시간", "24 hours", "24 horas"),
    "over_7d": ("7일", "7 days", "7 días"),
    "over_30d": ("30일", "30 days", "30 días"),
    "over_90d": ("90일", "90 days", "90 días"),
    "over_1y": ("1년", "a year", "un año"),
    "over_3y": ("3년", "3 years", "3 años"),
    "have_raw": ("측정값 {n}/{of}개", "{n} of {of} readings", "{n} de {of} lecturas"),
    "have_10min": ("10분 구간 {of}개 중 {n}개에 자료 있음", "{n} of {of} ten-minute steps have data", "{n} de {of} tramos de 10 min con datos"),
    "have_hour": ("{of}시간 중 {n}시간에 자료 있음", "{n} of {of} hours have data", "{n} de {of} horas con datos"),
    "have_day": ("{of}일 중 {n}일에 자료 있음", "{n} of {of} days have data", "{n} de {of} días con datos"),
    "count_raw": ("측정값 {n}/{of}개", "{n} of {of} readings", "{n} de {of} lecturas"),
    "count_10min": ("10분 구간 {n}/{of}개", "{n} of {of} ten-minute steps", "{n} de {of} tramos de 10 min"),
    "count_hour": ("{n}/{of}시간", "{n} of {of} hours", "{n} de {of} horas"),
    "count_day": ("{n}/{of}일", "{n} of {of} days", "{n} de {of} días"),
    "sensors_raw": ("센서 {n}대", "{n} sensors", "{n} sensores"),
    "sensors_raw_one": ("센서 {n}대", "{n} sensor", "{n} sensor"),
    "sensors_10min": ("10분마다 센서 {n}대", "{n} sensors each 10 min", "{n} sensores cada 10 min"),
    "sensors_10min_one": ("10분마다 센서 {n}대", "{n} sensor each 10 min", "{n} sensor cada 10 min"),
    "sensors_hour": ("시간마다 센서 {n}대", "{n} sensors an hour", "{n} sensores por hora"),
    "sensors_hour_one": ("시간마다 센서 {n}대", "{n} sensor an hour", "{n} sensor por hora"),
    "sensors_day": ("날마다 센서 {n}대", "{n} sensors a day", "{n} sensores por día"),
    "sensors_day_one": ("날마다 센서 {n}대", "{n} sensor a day", "{n} sensor por día"),
    "over_limit": ("{of}시간 중 {n}시간이 {limit} 초과", "{n} of {of} hours over {limit}", "{n} de {of} horas por encima de {limit}"),
    "choose_sensor": ("센서의 일련번호를 위에서 찾아 고르세요.", "Look for a sensor by its serial, above.", "Busque arriba un sensor por su número de serie."),
    # resolution
    "resolution": ("{step} · {n}점", "{step} · {n} points", "{step} · {n} puntos"),
    "level_mean_raw": ("원래 측정값", "raw readings", "lecturas sin agregar"),
    "level_mean_10min": ("10분 평균", "10-minute means", "medias de 10 min"),
    "level_mean_hour": ("1시간 평균", "hourly means", "medias horarias"),
    "level_mean_day": ("일평균", "daily means", "medias diarias"),
    "level_sum_10min": ("10분 합계", "10-minute sums", "sumas de 10 min"),
    "level_sum_hour": ("1시간 합계", "hourly sums", "sumas horarias"),
    "level_sum_day": ("일합계", "daily sums", "sumas diarias"),
    "step_raw": ("측정값", "reading", "lectura"),
    "step_10min": ("10분", "10 min", "10 min"),
    "step_hour": ("1시간", "hour", "hora"),
    "step_day": ("1일", "day", "día"),
    "why": ("이유: {why}", "why: {why}", "motivo: {why}"),
    "why_finest": ("가장 촘촘한 간격입니다", "the finest step there is", "el paso más fino que hay"),
    "why_points": ("{step} 간격이면 {n}점: 서로 구별할 수 없습니다", "by {step} it would be {n} points, too many to tell apart", "por {step} serían {n} puntos, demasiados para distinguirlos"),
    "why_pace": ("센서 대부분이 {step}마다 보내지는 않습니다", "most sensors send less often than every {step}", "la mayoría de los sensores envía menos a menudo que cada {step}"),
    "why_beside": ("함께 보이는 다른 지표에는 더 촘촘한 간격이 없습니다", "another metric shown here has no finer step", "otra métrica que se muestra aquí no tiene un paso más fino"),
    "why_kept": ("{step} 간격은 {since}부터만 보관합니다", "by {step} it is kept only since {since}", "por {step} solo se conserva desde {since}"),
    # at the chart
    "hover_sensors": ("센서 {n}대", "{n} sensors", "{n} sensores"),
    "sensors_of": ("센서 {n}대", "{n} sensors", "{n} sensores"),
    "sensors_of_one": ("센서 {n}대", "{n} sensor", "{n} sensor"),
    "gap_none": ("자료 없음 {length}", "no data {length}", "sin datos {length}"),
    "threshold": ("{grade} {n}부터 ({since} 기준)", "{grade} from {n} (standard of {since})", "{grade} desde {n} (norma del {since})"),
    "peak_raw": ("최고 {v}", "highest {v}", "máximo {v}"),
    "peak_10min": ("가장 높은 10분 {v}", "highest 10 min {v}", "10 min más altos {v}"),
    "peak_hour": ("가장 높은 시간 {v}", "highest hour {v}", "hora más alta {v}"),
    "peak_day": ("가장 높은 날 {v}", "highest day {v}", "día más alto {v}"),
    "chart_label": ("그래프: {finding} 그려진 모든 값은 CSV에 있습니다.", "Chart: {finding} All that is drawn is in the CSV.", "Gráfico: {finding} Todo lo dibujado está en el CSV."),
    "key_band_raw": ("측정값", "readings", "lecturas"),
    "key_band_10min": ("평균, 10분 동안 가장 낮고 높은 센서", "mean, and lowest–highest sensor of the 10 min", "media, y sensor más bajo–más alto de los 10 min"),
    "key_band_hour": ("평균, 그 시간의 가장 낮고 높은 센서", "mean, and lowest–highest sensor of the hour", "media, y sensor más bajo–más alto de la hora"),
    "key_band_day": ("평균, 그날의 가장 낮고 높은 센서", "mean, and lowest–highest sensor of the day", "media, y sensor más bajo–más alto del día"),
    "key_band_sensor": ("평균, 가장 낮고 높은 측정값", "mean, and lowest–highest reading", "media, y lectura más baja–más alta"),
    "key_gap": ("자료 없음: 선을 긋지 않음", "no data, not drawn", "sin datos, no se dibuja"),
    "left_out": ("{place}에서 뺀 것: {parts}", "left out in {place}: {parts}", "excluido en {place}: {parts}"),
    "left_flagged": ("의심스러운 값 {n}개", "{n} flagged", "{n} marcadas"),
    "left_unverified": ("미확인 센서의 값 {n}개", "{n} unverified", "{n} sin verificar"),
    "nothing_of": ("값이 없는 곳: {places}", "no figures: {places}", "sin datos: {places}"),
    "imported": ("파일에서 가져옴: {spans}", "imported from files: {spans}", "importado de archivos: {spans}"),
    "below_horizon": ("{since} 이전은 일별 값만 남아 있습니다", "before {since} only days are kept", "antes del {since} solo se conservan días"),
    # all districts
    "all_title": ("{word} {n}곳, 같은 기간, 같은 눈금", "All {n} {word}, same span, one scale", "{n} {word}, mismo periodo, una escala"),
    "all_order": ("마지막 값 순서 · 고르면 위에 그립니다", "sorted by the last value · choose one to bring it up", "por el último valor · elija uno para verlo arriba"),
    "all_scale": ("{low}–{high} {unit}", "{low}–{high} {unit}", "{low}–{high} {unit}"),
    "all_over": ("색 표시, 오른쪽: {limit} 초과 시간", "marks, right: hours over {limit}", "marcas, derecha: horas sobre {limit}"),
    "all_left": ("왼쪽: 마지막 값", "left: last value", "izquierda: último valor"),
    "hours_n": ("{n}시간", "{n} h", "{n} h"),
    "now": ("마지막 값", "last", "último"),
    # what went wrong
    "failed_status": ("서버가 답하지 못했습니다 (상태 {status}). 잠시 뒤 다시 불러오세요.", "The server could not answer (status {status}). Ask again in a moment.", "El servidor no pudo responder (estado {status}). Vuelva a consultar en un momento."),
    "failed_network": ("서버에 닿지 않습니다. 연결을 확인하고 다시 불러오세요.", "The server cannot be reached. Check the connection and ask again.", "No se alcanza el servidor. Compruebe la conexión y vuelva a consultar."),
    "failed_below": ("아래는 앞서 받은 답입니다.", "Below is the answer from before.", "Abajo sigue la respuesta anterior."),
    "failed_start": ("처음 보기", "Start over", "Empezar de nuevo"),
}  # fmt: skip

HISTORY_ALL_WORDS = (
    {key: WORDS[key] for key in SHARED} | {key: INGEST_WORDS[key] for key in CAUSES} | HISTORY_WORDS
)

#: language → key → words, as the page's config carries it
HISTORY_TEXT: dict[str, dict[str, str]] = {
    language: {key: words[place] for key, words in HISTORY_ALL_WORDS.items()}
    for place, language in enumerate(LANGUAGES)
}
