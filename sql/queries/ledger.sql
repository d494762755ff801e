-- name: ledger_writers
-- The books of a span, a row a writer: messages and what became of them, then readings by outcome.
SELECT writer, sum(messages)::bigint, sum(messages_stored)::bigint, sum(messages_revised)::bigint,
    sum(messages_duplicate)::bigint, sum(messages_quarantined)::bigint, sum(messages_rejected)::bigint,
    sum(stored)::bigint, sum(revised)::bigint, sum(duplicate)::bigint, sum(quarantined)::bigint, sum(rejected)::bigint
FROM ledger_minute_writer WHERE minute >= %s
GROUP BY writer ORDER BY writer

-- name: ledger_reasons
-- Why readings of a span were refused.
SELECT code, outcome, sum(readings)::bigint FROM ledger_reason WHERE minute >= %s
GROUP BY code, outcome ORDER BY 3 DESC, code

-- name: ledger_sensor_writers
-- One sensor's books from a city day on, a row a writer: messages, then readings by outcome.
SELECT writer, sum(messages)::bigint, sum(stored)::bigint, sum(revised)::bigint, sum(duplicate)::bigint,
    sum(quarantined)::bigint, sum(rejected)::bigint
FROM ledger_sensor_day_writer WHERE sensor_id = %s AND day >= %s
GROUP BY writer ORDER BY writer

-- name: ledger_sensor_reasons
-- Why a sensor's readings were refused, as far as quarantine still has them.
SELECT code, outcome, sum(repeats)::bigint FROM quarantine WHERE (sensor_id = %s OR serial = %s) AND last_at >= %s
GROUP BY code, outcome ORDER BY 3 DESC, code

-- name: ledger_gaps
-- Gaps that reach into a span.
SELECT kind, slot, writer, began_at, ended_at, size, lossy, detail
FROM gap WHERE ended_at IS NULL OR ended_at >= %s
ORDER BY began_at, gap_id

-- name: ledger_gone
-- What left quarantine in a span, by hour, and how.
SELECT cause, sum(cases)::bigint, sum(readings)::bigint FROM quarantine_gone
WHERE hour >= date_trunc('hour', %s::timestamptz, 'UTC') GROUP BY cause ORDER BY cause

-- name: broker_told
-- When the broker last told how much it dropped; nothing where it never did.
SELECT seen_at, dropped FROM broker

-- name: city_day
-- The city's day of an instant, and its time zone.
SELECT (%s::timestamptz AT TIME ZONE time_zone)::date, time_zone FROM checkpoint

-- name: verify_minutes
-- Books and rows by minute of first arrival, where they disagree, and the sums of all minutes as the row without one.
-- Rows that retention took were counted as they went (ledger_dropped).
WITH books AS (
    SELECT minute, sum(stored) AS stored, sum(revised) AS revised
    FROM ledger_minute_writer WHERE minute >= %(since)s GROUP BY minute
), there AS (
    SELECT minute, sum(stored) AS stored, sum(revised) AS revised FROM (
        SELECT date_trunc('minute', received_at) AS minute, count(*) AS stored, 0 AS revised
        FROM reading WHERE received_at >= %(since)s GROUP BY 1
        UNION ALL
        SELECT date_trunc('minute', replaced_at), 0, count(*)
        FROM reading_revision WHERE replaced_at >= %(since)s AND NOT carried GROUP BY 1
        UNION ALL
        SELECT minute, stored, revised FROM ledger_dropped WHERE minute >= %(since)s
    ) AS parts GROUP BY minute
), told_apart AS (
    SELECT coalesce(max(date_trunc('minute', replaced_at)), '-infinity') AS after
    FROM reading_revision WHERE carried IS NULL
), both_sides AS (
    SELECT minute, coalesce(b.stored, 0) AS stored, coalesce(t.stored, 0) AS stored_there,
        CASE WHEN minute > after THEN coalesce(b.revised, 0) ELSE 0 END AS revised,
        CASE WHEN minute > after THEN coalesce(t.revised, 0) ELSE 0 END AS revised_there
    FROM books AS b FULL JOIN there AS t USING (minute) CROSS JOIN told_apart
)
SELECT minute, sum(stored)::bigint, sum(stored_there)::bigint, sum(revised)::bigint, sum(revised_there)::bigint
FROM both_sides
GROUP BY GROUPING SETS ((), (minute))
HAVING minute IS NULL OR sum(stored) <> sum(stored_there) OR sum(revised) <> sum(revised_there)
ORDER BY minute NULLS FIRST

-- name: verify_outcomes
-- Within the books of a span: messages against their outcomes, refusals against their reasons.
SELECT coalesce(sum(messages), 0)::bigint,
    coalesce(sum(messages_stored + messages_revised + messages_duplicate + messages_quarantined + messages_rejected), 0)::bigint,
    coalesce(sum(quarantined), 0)::bigint,
    (SELECT coalesce(sum(readings), 0)::bigint FROM ledger_reason WHERE minute >= %(since)s AND outcome = 'quarantined'),
    coalesce(sum(rejected), 0)::bigint,
    (SELECT coalesce(sum(readings), 0)::bigint FROM ledger_reason WHERE minute >= %(since)s AND outcome = 'rejected')
FROM ledger_minute_writer WHERE minute >= %(since)s

-- name: verify_whole
-- Of the whole books: readings by minute against those by sensor and day; what was quarantined against what is kept
-- or was counted as it left; what was rejected, and the samples of it.
SELECT
    (SELECT coalesce(sum(stored + revised + duplicate + quarantined + rejected), 0)::bigint FROM ledger_minute_writer),
    (SELECT coalesce(sum(stored + revised + duplicate + quarantined + rejected), 0)::bigint FROM ledger_sensor_day_writer),
    (SELECT coalesce(sum(quarantined), 0)::bigint FROM ledger_minute_writer),
    (SELECT coalesce(sum(repeats), 0)::bigint FROM quarantine WHERE outcome = 'quarantined')
        + (SELECT coalesce(sum(readings), 0)::bigint FROM quarantine_gone WHERE outcome = 'quarantined'),
    (SELECT coalesce(sum(rejected), 0)::bigint FROM ledger_minute_writer),
    (SELECT coalesce(sum(repeats), 0)::bigint FROM quarantine WHERE outcome = 'rejected')
        + (SELECT coalesce(sum(readings), 0)::bigint FROM quarantine_gone WHERE outcome = 'rejected')
