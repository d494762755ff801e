"""Every word of the Ingest page, in Korean, English and Spanish; what all pages say comes from `text`.

`{…}` are filled by the page (`sdot.words.say` in `assets/words.js`).
"""

from __future__ import annotations

from dashboard.refusal_text import FIXES, REASONS
from dashboard.text import LANGUAGES, WORDS

#: Words of `text` that this page says, too: header, causes, ages.
SHARED = (
    "language_name", "language", "theme_dark", "theme_light", "pages", "page_live", "page_history", "page_ingest",
    "links_up", "links_up_short", "links_down", "links_down_one", "connecting", "no_data", "loading",
    "ago", "age_s", "age_min", "age_h", "age_d",
    "cause_since", "cause_age", "cause_server", "cause_database", "cause_broker", "cause_ingest", "cause_slots",
    "cause_other",
)  # fmt: skip

#: key → (Korean, English, Spanish)
INGEST_WORDS: dict[str, tuple[str, str, str]] = {
    "last_minute": ("마지막 수신 {time}", "last message {time}", "último mensaje {time}"),
    "skip_to_quarantine": ("격리된 메시지로 건너뛰기", "Skip to the quarantined messages", "Saltar a los mensajes en cuarentena"),
    # what is wrong
    "verdict_closes": ("장부가 맞습니다: {time}부터 온 {readings}와 {messages}을 모두 셌습니다.", "The book closes: {readings} and {messages} since {time}, every one accounted for.", "El libro cuadra: {readings} y {messages} desde las {time}, sin faltar nada."),
    "verdict_open": ("장부가 맞지 않습니다: 오늘 온 측정값 {today}개 가운데 설명되지 않는 것이 있습니다.", "The book does not close: of today's {today} readings some are unaccounted for.", "El libro no cuadra: de las {today} lecturas de hoy hay algunas sin contabilizar."),
    "verdict_nothing": ("지난 24시간 동안 온 메시지가 없습니다.", "No message arrived in the last 24 hours.", "No llegó ningún mensaje en las últimas 24 horas."),
    "verdict_nothing_do": ("센서가 메시지를 보내면 저장된 뒤 여기에서 셉니다. 수집과 브로커가 켜져 있는지 아래 슬롯을 보세요.", "Each message is counted here once it is committed. Whether ingest and broker are up is told by the slots below.", "Cada mensaje se cuenta aquí una vez guardado. Los turnos, más abajo, dicen si la ingesta y el bróker están activos."),
    "nothing_wrong": ("사람이 볼 일이 없습니다.", "Nothing waits for a person.", "Nada requiere atención."),
    "off_messages": ("메시지 {n}건의 결과가 장부에 없습니다. 개발자에게 알리세요.", "{n} messages have no outcome in the book. Please report it.", "{n} mensajes no tienen resultado en el libro. Comuníquelo."),
    "off_sensor_messages": ("메시지 {n}건이 분별 장부와 센서별 장부에서 다릅니다. 개발자에게 알리세요.", "{n} messages differ between the book by minute and that by sensor. Please report it.", "{n} mensajes difieren entre el libro por minuto y el libro por sensor. Comuníquelo."),
    "off_sensors": ("측정값 {n}개가 분별 장부와 센서별 장부에서 다릅니다. 개발자에게 알리세요.", "{n} readings differ between the book by minute and that by sensor. Please report it.", "{n} lecturas difieren entre el libro por minuto y el libro por sensor. Comuníquelo."),
    "off_quarantined": ("격리된 측정값 {n}개에 사유가 없습니다. 개발자에게 알리세요.", "{n} quarantined readings have no reason. Please report it.", "{n} lecturas en cuarentena no tienen motivo. Comuníquelo."),
    "off_rejected": ("거부된 측정값 {n}개에 사유가 없습니다. 개발자에게 알리세요.", "{n} rejected readings have no reason. Please report it.", "{n} lecturas rechazadas no tienen motivo. Comuníquelo."),
    "finding_gap": ("{gap}: {time}부터 {length} (슬롯 {slot})", "{gap} since {time}, for {length} (slot {slot})", "{gap} desde las {time}, {length} (turno {slot})"),
    "finding_lossy": ("24시간 안에 메시지가 사라졌을 수 있는 공백 {n}건", "{n} gaps in 24 hours in which messages may be lost", "{n} huecos en 24 horas en los que pudieron perderse mensajes"),
    "finding_lossy_one": ("24시간 안에 메시지가 사라졌을 수 있는 공백 1건", "1 gap in 24 hours in which messages may be lost", "1 hueco en 24 horas en el que pudieron perderse mensajes"),
    "finding_late": ("도착에서 저장까지 p95 {p95}초 (약속 {n}초)", "From arrival to commit p95 is {p95} s; {n} s are promised", "De la llegada al guardado, el p95 es {p95} s; se prometen {n} s"),
    "finding_refused": ("지난 1시간 동안 측정값 {n}개가 격리되었습니다: 아래 사유를 보고 센서를 고치세요.", "{n} readings were quarantined in the last hour: see why below, and mend the sensors.", "{n} lecturas quedaron en cuarentena en la última hora: vea abajo por qué y corrija los sensores."),
    "finding_refused_one": ("지난 1시간 동안 측정값 1개가 격리되었습니다: 아래 사유를 보고 센서를 고치세요.", "1 reading was quarantined in the last hour: see why below, and mend the sensor.", "1 lectura quedó en cuarentena en la última hora: vea abajo por qué y corrija el sensor."),
    "finding_rejected": ("지난 1시간 동안 측정값 {n}개가 거부되었습니다.", "{n} readings were rejected in the last hour.", "{n} lecturas fueron rechazadas en la última hora."),
    "finding_rejected_one": ("지난 1시간 동안 측정값 1개가 거부되었습니다.", "1 reading was rejected in the last hour.", "1 lectura fue rechazada en la última hora."),
    "trouble_silent": ("슬롯 {slot}의 몫을 읽는 프로세스가 없습니다: {host}의 {pid}가 {age} 동안 응답하지 않음", "Slot {slot} still receives its share and nobody reads it: no sign of process {pid} on {host} for {age}", "El turno {slot} sigue recibiendo su parte y nadie la lee: sin señal del proceso {pid} en {host} desde hace {age}"),
    "trouble_released": ("슬롯 {slot}의 몫을 읽는 프로세스가 없습니다: {age} 전에 정상 종료됨", "Slot {slot} still receives its share and nobody reads it: its process was stopped {age} ago", "El turno {slot} sigue recibiendo su parte y nadie la lee: su proceso se detuvo hace {age}"),
    "trouble_away": ("슬롯 {slot}가 {age} 동안 브로커에 연결되지 않음: {why}", "Slot {slot} has had no broker for {age}: {why}", "El turno {slot} está sin bróker desde hace {age}: {why}"),
    # the book
    "book": ("장부", "The book", "El libro"),
    "span": ("기간", "Span", "Periodo"),
    "span_hour": ("1시간", "1 h", "1 h"),
    "span_day": ("24시간", "24 h", "24 h"),
    "received": ("받음", "Received", "Recibidas"),
    "stored": ("저장", "Stored", "Guardadas"),
    "revised": ("수정", "Revised", "Revisadas"),
    "duplicate": ("중복", "Duplicate", "Duplicadas"),
    "quarantined": ("격리", "Quarantined", "En cuarentena"),
    "rejected": ("거부", "Rejected", "Rechazadas"),
    "readings_since": ("{time} 이후 측정값", "readings since {time}", "lecturas desde {time}"),
    "readings_day": ("24시간 동안의 측정값", "readings in 24 h", "lecturas en 24 h"),
    "readings_n": ("측정값 {n}개", "{n} readings", "{n} lecturas"),
    "readings_n_one": ("측정값 1개", "1 reading", "1 lectura"),
    "messages_n": ("메시지 {n}건", "{n} messages", "{n} mensajes"),
    "messages_n_one": ("메시지 1건", "1 message", "1 mensaje"),
    "wait_for_person": ("사람이 볼 것", "wait for a person", "requieren atención"),
    "sample_kept": ("일부만 보관", "a sample is kept", "se guarda una muestra"),
    "balance": ("{a} − {b} = 미확인 {n}", "{a} − {b} = {n} unaccounted for", "{a} − {b} = {n} sin contabilizar"),
    "balance_today": ("오늘, 분별 − 센서별", "today, by minute − by sensor", "hoy, por minuto − por sensor"),
    "checked": ("{age} 전 확인", "checked {age} ago", "comprobado hace {age}"),
    # rate, lag, outcomes
    "rate": ("속도", "Rate", "Ritmo"),
    "rate_note_hour": ("초당 · 1분 평균 · 지난 1시간", "per second · 1-min mean · last hour", "por segundo · media de 1 min · última hora"),
    "rate_note_day": ("초당 · 10분 평균 · 지난 24시간", "per second · 10-min mean · last 24 h", "por segundo · media de 10 min · últimas 24 h"),
    "rate_minute": ("{time}의 1분 평균", "mean of the minute {time}", "media del minuto {time}"),
    "rate_label": ("속도, {span}: 지금 초당 측정값 {v}개, 메시지 {m}건", "Rate over {span}: now {v} readings and {m} messages a second", "Ritmo en {span}: ahora {v} lecturas y {m} mensajes por segundo"),
    "readings_per_s": ("측정값/초", "readings/s", "lecturas/s"),
    "readings": ("측정값", "readings", "lecturas"),
    "messages": ("메시지", "messages", "mensajes"),
    "lag": ("지연", "Lag", "Retraso"),
    "lag_note": ("초, 로그 눈금 · 저장 시각별", "seconds, log scale · by time of commit", "segundos, escala logarítmica · por hora de guardado"),
    "lag_label": ("지연, {span}: 측정에서 저장까지 지금 p95 {p95}초", "Lag over {span}: from measurement to commit now p95 {p95} s", "Retraso en {span}: de la medición al guardado, ahora p95 {p95} s"),
    "lag_promised": ("약속 {n}초 (도착에서)", "promised from arrival: {n} s", "prometido desde la llegada: {n} s"),
    "lag_none_now": ("지난 {min}분 동안 저장된 것 없음", "nothing committed in the last {min} min", "nada guardado en los últimos {min} min"),
    "lag_unit_measurement": ("초 측정부터", "s measured", "s medido"),
    "lag_unit_arrival": ("초 도착부터", "s arrived", "s llegado"),
    "lag_now": ("저장까지 p95 · {min}분", "→ stored, p95 · last {min} min", "→ guardado, p95 · {min} min"),
    "lag_measurement_p95": ("측정부터 p95", "measured, p95", "medido, p95"),
    "lag_measurement_p50": ("측정부터 p50", "measured, p50", "medido, p50"),
    "lag_arrival_p95": ("도착부터 p95", "arrived, p95", "llegado, p95"),
    "outcomes": ("결과", "Outcomes", "Resultados"),
    "outcomes_note_hour": ("분마다 온 측정값 · 지난 1시간", "readings a minute of arrival · last hour", "lecturas por minuto de llegada · última hora"),
    "outcomes_note_day": ("10분마다 온 측정값 · 지난 24시간", "readings in 10 min of arrival · last 24 h", "lecturas por 10 min de llegada · últimas 24 h"),
    "outcomes_label": ("결과, {span}: {sums}", "Outcomes over {span}: {sums}", "Resultados en {span}: {sums}"),
    "nothing_came": ("온 것 없음", "nothing came", "no llegó nada"),
    # slots
    "slots": ("슬롯", "Slots", "Turnos"),
    "slots_note": ("공유 구독의 몫마다 한 줄 · 속도와 지연은 지난 5분", "one row a share of the subscription · rate and lag of the last 5 min", "una fila por cada parte de la suscripción · ritmo y retraso de los últimos 5 min"),
    "slots_advice": ("슬롯 {slots}의 몫을 아무도 읽지 않습니다. 프로세스를 하나 더 켜거나, 1분 뒤 다른 프로세스가 비울 때까지 기다리세요.", "Nobody reads the share of slot {slots}. Start a worker for it, or wait: after a minute another worker drains it.", "Nadie lee la parte del turno {slots}. Arranque un proceso, o espere: pasado un minuto otro la vacía."),
    "slots_none": ("수집 프로세스가 시작되면 슬롯마다 한 줄이 나옵니다: sdot ingest", "A row for each slot stands here once ingest has started: sdot ingest", "Aquí habrá una fila por turno en cuanto arranque la ingesta: sdot ingest"),
    "slot": ("슬롯", "Slot", "Turno"),
    "nobody": ("없음", "nobody", "nadie"),
    "col_worker": ("프로세스", "Worker", "Proceso"),
    "col_rate": ("측정값, 5분", "Readings, 5 min", "Lecturas, 5 min"),
    "col_p95": ("지연 p95, 5분", "Lag p95, 5 min", "Retraso p95, 5 min"),
    "col_message": ("마지막 메시지", "Last message", "Último mensaje"),
    "col_commit": ("마지막 저장", "Last commit", "Último guardado"),
    "col_open": ("미확인 응답", "Unacknowledged", "Sin confirmar"),
    "col_broker": ("브로커 연결", "Broker since", "Bróker desde"),
    "col_state": ("상태", "State", "Estado"),
    "per_s": ("{n}/초", "{n}/s", "{n}/s"),
    "seconds": ("{n}초", "{n} s", "{n} s"),
    "open_of": ("{of} 중 {n}", "{n} of {of}", "{n} de {of}"),
    "broker_no": ("연결 안 됨", "not connected", "sin conexión"),
    "state_busy": ("{n} % 바쁨", "busy {n} %", "ocupado {n} %"),
    "state_reading": ("읽는 중", "reading", "leyendo"),
    "state_away": ("브로커 없음", "no broker", "sin bróker"),
    "state_silent": ("담당 없음 {age}", "orphaned {age}", "huérfano {age}"),
    "state_released": ("담당 없음 {age}", "orphaned {age}", "huérfano {age}"),
    "state_unknown": ("알 수 없음", "unknown", "desconocido"),
    "held_window": ("창이 가득 {n}초", "window full {n} s", "ventana llena {n} s"),
    "held_database": ("DB 대기 {n}초", "database full {n} s", "base llena {n} s"),
    "held_retries": ("재시도 {n}회", "{n} retries", "{n} reintentos"),
    "broker_told": ("브로커 {version}: 보관 {stored}건 ({bytes}), {time} 이후 버림 {dropped}건", "Broker {version}: keeps {stored} messages ({bytes}), has dropped {dropped} since {time}", "Bróker {version}: guarda {stored} mensajes ({bytes}), ha descartado {dropped} desde {time}"),
    "broker_silent": ("브로커가 대기열에 대해 알리지 않습니다 ($SYS 없음): 넘친 대기열을 알 수 없습니다.", "The broker tells nothing of its queues ($SYS): an overflow cannot be seen.", "El bróker no informa de sus colas ($SYS): un desbordamiento no puede verse."),
    # gaps
    "gaps": ("공백", "Gaps", "Huecos"),
    "gaps_note": ("QoS 1로 알 수 있는 것 · 지난 24시간", "what QoS 1 can know of · last 24 h", "lo que QoS 1 puede saber · últimas 24 h"),
    "gaps_none": ("지난 24시간 동안 공백 없음: 넘친 대기열, 잃은 세션, 담당 없는 슬롯, 가득 찬 창, 느린 DB가 여기에 나옵니다.", "No gap in the last 24 hours. Overflowed queues, lost sessions, orphaned slots, full windows and a slow database would stand here.", "Ningún hueco en las últimas 24 horas. Aquí constarían colas desbordadas, sesiones perdidas, turnos huérfanos, ventanas llenas y una base lenta."),
    "gap_queue_overflow": ("브로커 대기열 넘침", "broker queue overflowed", "cola del bróker desbordada"),
    "gap_session_lost": ("브로커 세션 잃음", "session lost at the broker", "sesión perdida en el bróker"),
    "gap_orphaned_slot": ("담당 없는 슬롯", "slot orphaned", "turno huérfano"),
    "gap_window_full": ("전송 창 가득 참", "in-flight window full", "ventana de envío llena"),
    "gap_database_slow": ("DB가 도착보다 느림", "database slower than arrival", "base más lenta que la llegada"),
    "gap_database_away": ("DB 응답 없음", "database away", "base sin respuesta"),
    "gap_broker_away": ("브로커 연결 안 됨", "broker away", "bróker ausente"),
    "gap_lasts": ("지금", "now", "ahora"),
    "gap_waited": ("기다렸음, 잃은 것 없음", "waited, none lost", "esperaron, sin pérdidas"),
    "gap_maybe_lost": ("사라졌을 수 있음", "may be lost", "pueden haberse perdido"),
    "gap_waited_n": ("메시지 {n}건 기다림, 잃은 것 없음", "{n} messages waited, none lost", "{n} mensajes esperaron, sin pérdidas"),
    "gap_waited_n_one": ("메시지 1건 기다림, 잃은 것 없음", "1 message waited, none lost", "1 mensaje esperó, sin pérdidas"),
    "gap_lost_n": ("메시지 {n}건 사라짐", "{n} messages lost", "{n} mensajes perdidos"),
    "gap_lost_n_one": ("메시지 1건 사라짐", "1 message lost", "1 mensaje perdido"),
    # refusals
    "reasons": ("거절 사유", "Refused, by reason", "Rechazos por motivo"),
    "reasons_note": ("측정값 {n}개 · {span}", "{n} readings · {span}", "{n} lecturas · {span}"),
    "reasons_none_hour": ("지난 1시간 동안 거절된 측정값 없음", "Nothing was refused in the last hour.", "Nada fue rechazado en la última hora."),
    "reasons_none_day": ("지난 24시간 동안 거절된 측정값 없음", "Nothing was refused in the last 24 hours.", "Nada fue rechazado en las últimas 24 horas."),
    "col_reason": ("사유", "Reason", "Motivo"),
    "col_outcome": ("결과", "Outcome", "Resultado"),
    "col_readings": ("측정값", "Readings", "Lecturas"),
    "col_last": ("마지막", "Last", "Última"),
    "quarantine": ("격리된 메시지", "Quarantine", "Cuarentena"),
    "quarantine_note": ("센서와 사유별 최신 메시지 · 최신순", "newest message of each sensor and reason · newest first", "el mensaje más reciente de cada sensor y motivo · los últimos primero"),
    "quarantine_none": ("격리된 메시지 없음. 규칙에 맞지 않는 메시지가 내용과 사유와 함께 여기에 보관됩니다.", "Nothing in quarantine. A message that breaks a rule would be kept here, whole and with its reason.", "Nada en cuarentena. Un mensaje que incumpla una regla se guardaría aquí, entero y con su motivo."),
    "times": ("번", "times", "veces"),
    "element_n": ("배열의 {n}번째", "element {n}", "elemento {n}"),
    "payload": ("내용", "Payload", "Contenido"),
    "payload_none": ("보관하지 않음 ({size})", "none kept of {size}", "no se guardó ({size})"),
    "payload_cut": ("{size} 가운데 처음 {n} B", "the first {n} B of {size}", "los primeros {n} B de {size}"),
    "payload_whole": ("{size}, 전부", "{size}, whole", "{size}, entero"),
    "payload_nothing": ("개인 기기의 이름이 들어 있어 내용을 보관하지 않았습니다.", "Its body named a person's device and was not kept.", "El contenido nombraba un dispositivo personal y no se guardó."),
    "payload_hex": ("UTF-8이 아니므로 16진수로 보입니다.", "It is not UTF-8, so its bytes are shown in hexadecimal.", "No es UTF-8; se muestran sus bytes en hexadecimal."),
    "fact_topic": ("토픽", "Topic", "Tema"),
    "fact_told": ("센서에 알린 말", "Told to the device", "Dicho al dispositivo"),
    "fact_element": ("위치", "Place", "Posición"),
    "fact_size": ("크기", "Size", "Tamaño"),
    "fact_cases": ("같은 센서와 사유", "Same sensor and reason", "Mismo sensor y motivo"),
    "cases_n": ("내용 {n}가지", "{n} different messages", "{n} mensajes distintos"),
    "cases_n_one": ("내용 1가지", "1 message", "1 mensaje"),
    "case_show": ("전체 내용", "All of it", "Todo"),
    "case_replay": ("고친 뒤 다시 보내기", "Once it is mended, send them again", "Una vez corregido, reenviarlos"),
}  # fmt: skip

ALL_WORDS = (
    {key: WORDS[key] for key in SHARED}
    | INGEST_WORDS
    | {f"reason_{code}": words for code, words in REASONS.items()}
    | {f"fix_{code}": words for code, words in FIXES.items()}
)

#: language → key → words, as the page's config carries it
INGEST_TEXT: dict[str, dict[str, str]] = {
    language: {key: words[place] for key, words in ALL_WORDS.items()}
    for place, language in enumerate(LANGUAGES)
}
