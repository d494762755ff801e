-- name: list_quarantine
-- What was refused, newest first; the beginning of what it said.
SELECT quarantine_id, last_at, serial, topic, code, outcome, element, repeats, reason, payload_bytes,
    substr(payload, 1, 200) AS head, replays
FROM quarantine
WHERE (%(serial)s::text IS NULL OR serial = %(serial)s) AND (%(code)s::text IS NULL OR code = %(code)s)
    AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s)
ORDER BY last_at DESC, quarantine_id DESC
LIMIT %(limit)s

-- name: count_quarantine
-- How much is kept: cases, readings, bytes.
SELECT count(*), coalesce(sum(repeats), 0)::bigint, coalesce(sum(octet_length(payload)), 0)::bigint FROM quarantine

-- name: count_quarantine_gone
-- How cases left, since ever: cause, cases, readings.
SELECT cause, sum(cases)::bigint, sum(readings)::bigint FROM quarantine_gone GROUP BY cause ORDER BY cause

-- name: find_quarantine
-- Cases by number, reason, serial and age (all where nothing is given), oldest first.
SELECT quarantine_id FROM quarantine
WHERE (%(ids)s::bigint[] IS NULL OR quarantine_id = ANY (%(ids)s)) AND (%(code)s::text IS NULL OR code = %(code)s)
    AND (%(serial)s::text IS NULL OR serial = %(serial)s)
    AND (%(before)s::timestamptz IS NULL OR last_at < %(before)s)
ORDER BY arrived_at, quarantine_id

-- name: read_quarantine
-- One case, whole.
SELECT quarantine_id, arrived_at, last_at, repeats, outcome, writer, topic, serial, decoder, element, code, reason,
    payload, payload_bytes, replays, replayed_at
FROM quarantine WHERE quarantine_id = %s

-- name: leave_quarantine
-- Cases go, and are counted.
SELECT quarantine_leave(%s, %s)

-- name: refuse_again
-- A replay was refused, too: what it says now.
UPDATE quarantine SET code = %s, reason = %s, replays = replays + 1, replayed_at = now() WHERE quarantine_id = %s

-- name: free_instant
-- The first microsecond from an instant on that a sensor has no reading of: two without a time may have arrived at once.
SELECT t FROM generate_series(%(at)s::timestamptz, %(at)s::timestamptz + interval '5 milliseconds', interval '1 microsecond') AS t
WHERE NOT EXISTS (
    SELECT FROM reading AS r JOIN sensor AS s USING (sensor_id) WHERE s.serial = %(serial)s AND r.time = t
)
LIMIT 1
