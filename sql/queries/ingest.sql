-- name: batch_begin
-- Waits for changes of the registry, then says what holds during this batch; and who is watching.
SELECT b.registry_version, b.horizon, b.open_from,
    ARRAY(SELECT serial FROM watch WHERE expires_at > now()) AS watched
FROM batch_begin() AS b

-- name: ensure_partition
-- The week of an instant gets its partition.
SELECT ensure_partition(%s)

-- name: copy_reading
-- New rows, straight in.
COPY reading (time, sensor_id, district_id, received_at, revision, flags, extra
    , {key}
) FROM STDIN (FORMAT binary)

-- name: existing_readings
-- The rows of these keys, locked in the order of the keys. The barrier keeps it a look-up per key.
SELECT r.sensor_id, r.time, r.district_id, r.received_at, r.revision, r.flags, r.extra
    , r.{key}
FROM unnest(%s::integer[], %s::timestamptz[]) AS k (sensor_id, time)
CROSS JOIN LATERAL (
    SELECT * FROM reading AS x WHERE x.sensor_id = k.sensor_id AND x.time = k.time OFFSET 0 FOR UPDATE
) AS r

-- name: known_spans
-- Which of these spans of a sensor, counted from 1, hold a row; from and to in microseconds since 2000.
SELECT k.place
FROM unnest(%s::integer[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS k (sensor_id, low, high, place)
CROSS JOIN LATERAL (
    SELECT FROM reading AS x
    WHERE x.sensor_id = k.sensor_id AND x.time BETWEEN timestamptz '2000-01-01T00:00Z' + k.low * interval '1 microsecond'
        AND timestamptz '2000-01-01T00:00Z' + k.high * interval '1 microsecond'
    LIMIT 1
) AS r

-- name: existing_revisions
-- What was replaced before, of these keys.
SELECT r.sensor_id, r.time, r.revision
    , r.{key}
FROM unnest(%s::integer[], %s::timestamptz[]) AS k (sensor_id, time)
JOIN reading_revision AS r ON r.sensor_id = k.sensor_id AND r.time = k.time

-- name: stage_reading
-- Changed rows on their way in.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_reading (LIKE reading INCLUDING DEFAULTS) ON COMMIT DELETE ROWS

-- name: clear_staged_reading
-- Room for more changed rows in the same transaction.
DELETE FROM staged_reading

-- name: copy_staged_reading
-- Changed rows on their way in.
COPY staged_reading (time, sensor_id, district_id, received_at, revision, flags, extra
    , {key}
) FROM STDIN (FORMAT binary)

-- name: upsert_reading
-- Changed rows take the place of the old; district and time of first arrival stay.
INSERT INTO reading (time, sensor_id, district_id, received_at, revision, flags, extra
    , {key}
)
SELECT time, sensor_id, district_id, received_at, revision, flags, extra
    , {key}
FROM staged_reading
ORDER BY sensor_id, time
ON CONFLICT (sensor_id, time) DO UPDATE SET revision = excluded.revision, flags = excluded.flags, extra = excluded.extra
    , {key} = excluded.{key}

-- name: copy_revision
-- What is replaced.
COPY reading_revision (sensor_id, time, revision, replaced_at, flags, extra, carried
    , {key}
) FROM STDIN (FORMAT binary)

-- name: delete_flags
-- Of rows that changed: flags of a kind, and all of values that were replaced.
DELETE FROM flag USING unnest(%s::integer[], %s::timestamptz[], %s::bigint[]) AS k (sensor_id, time, replaced)
WHERE flag.sensor_id = k.sensor_id AND flag.time = k.time AND (flag.kind = %s OR (k.replaced >> flag.bit) & 1 = 1)

-- name: insert_flags
-- What was found implausible.
INSERT INTO flag (sensor_id, time, bit, kind, detail, flagged_by)
SELECT s, t, b, %s, d, %s FROM unnest(%s::integer[], %s::timestamptz[], %s::smallint[], %s::text[]) AS f (s, t, b, d)
ON CONFLICT DO NOTHING

-- name: insert_touched
-- Closed buckets that have to be computed again.
INSERT INTO touched (sensor_id, time) SELECT * FROM unnest(%s::integer[], %s::timestamptz[])

-- name: insert_marks
-- The same, by the number of their 5 minutes since 2000.
INSERT INTO touched (sensor_id, time)
SELECT s, timestamptz '2000-01-01T00:00Z' + n * interval '5 minutes' FROM unnest(%s::integer[], %s::bigint[]) AS m (s, n)

-- name: stage_wanted
-- Keys of an import that are looked up.
CREATE TEMPORARY TABLE IF NOT EXISTS wanted (place integer, sensor_id integer, time timestamptz) ON COMMIT DELETE ROWS

-- name: copy_wanted
-- Keys of an import that are looked up.
COPY wanted (place, sensor_id, time) FROM STDIN (FORMAT binary)

-- name: delete_wanted
-- Room for other keys.
DELETE FROM wanted

-- name: known_readings
-- What is there of these keys, NaN (which no reading holds) for null: a thousand rows of fixed width in each value,
-- since a driver takes longer over a row than the server. The barrier keeps it a look-up per key.
SELECT string_agg(int4send(w.place) || int4send(r.revision)
    || float4send(coalesce(r.{key}, 'NaN'::real))
    , ''::bytea)
FROM wanted AS w
CROSS JOIN LATERAL (
    SELECT * FROM reading AS x WHERE x.sensor_id = w.sensor_id AND x.time = w.time OFFSET 0
) AS r
GROUP BY w.place / 1000

-- name: stage_latest
-- Newest values on their way in.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_latest (LIKE latest) ON COMMIT DELETE ROWS

-- name: copy_staged_latest
-- Newest values on their way in.
COPY staged_latest (sensor_id, time, changed_at
    , {key}, {key}_time, {key}_flagged
) FROM STDIN (FORMAT binary)

-- name: upsert_latest
-- Each metric is replaced where the new value is as new or newer; a null clears.
INSERT INTO latest AS l (sensor_id, time, changed_at
    , {key}, {key}_time, {key}_flagged
)
SELECT sensor_id, time, changed_at
    , {key}, {key}_time, {key}_flagged
FROM staged_latest
ORDER BY sensor_id
ON CONFLICT (sensor_id) DO UPDATE SET
    time = greatest(l.time, excluded.time), changed_at = greatest(l.changed_at, excluded.changed_at)
    , {key} = CASE WHEN excluded.{key}_time < l.{key}_time OR excluded.{key}_time IS NULL THEN l.{key} ELSE excluded.{key} END, {key}_flagged = CASE WHEN excluded.{key}_time < l.{key}_time OR excluded.{key}_time IS NULL THEN l.{key}_flagged ELSE excluded.{key}_flagged END, {key}_time = greatest(l.{key}_time, excluded.{key}_time)

-- name: raise_ledger_minutes
-- Counts by minute, added.
INSERT INTO ledger_minute_writer AS l (writer, minute, messages, messages_stored, messages_revised,
    messages_duplicate, messages_quarantined, messages_rejected, stored, revised, duplicate, quarantined, rejected)
SELECT %s, * FROM unnest(%s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
ON CONFLICT (writer, minute) DO UPDATE SET
    messages = l.messages + excluded.messages,
    messages_stored = l.messages_stored + excluded.messages_stored,
    messages_revised = l.messages_revised + excluded.messages_revised,
    messages_duplicate = l.messages_duplicate + excluded.messages_duplicate,
    messages_quarantined = l.messages_quarantined + excluded.messages_quarantined,
    messages_rejected = l.messages_rejected + excluded.messages_rejected,
    stored = l.stored + excluded.stored,
    revised = l.revised + excluded.revised,
    duplicate = l.duplicate + excluded.duplicate,
    quarantined = l.quarantined + excluded.quarantined,
    rejected = l.rejected + excluded.rejected

-- name: raise_ledger_sensor_days
-- Counts by sensor and city day, added.
INSERT INTO ledger_sensor_day_writer AS l (writer, sensor_id, day, messages,
    stored, revised, duplicate, quarantined, rejected)
SELECT %s, * FROM unnest(%s::integer[], %s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::bigint[])
ON CONFLICT (sensor_id, day, writer) DO UPDATE SET
    messages = l.messages + excluded.messages,
    stored = l.stored + excluded.stored,
    revised = l.revised + excluded.revised,
    duplicate = l.duplicate + excluded.duplicate,
    quarantined = l.quarantined + excluded.quarantined,
    rejected = l.rejected + excluded.rejected

-- name: raise_ledger_reasons
-- Why readings were refused, by minute, added.
INSERT INTO ledger_reason AS l (writer, minute, code, outcome, readings)
SELECT %s, * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (minute, code, outcome, writer) DO UPDATE SET readings = l.readings + excluded.readings

-- name: insert_quarantine
-- Kept whole; the same again is counted.
INSERT INTO quarantine AS q (digest, arrived_at, last_at, repeats, outcome, writer, topic, serial, sensor_id, decoder,
    element, code, reason, payload, payload_bytes)
SELECT * FROM unnest(%s::bytea[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::integer[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::bytea[], %s::integer[])
ON CONFLICT (digest) DO UPDATE SET last_at = greatest(q.last_at, excluded.last_at),
    repeats = q.repeats + excluded.repeats

-- name: keep_timeless
-- Digests of the timeless messages that the broker may send again.
INSERT INTO timeless (slot, digests) VALUES (%s, %s)
ON CONFLICT (slot) DO UPDATE SET digests = excluded.digests

-- name: read_timeless
-- The digests a slot left behind.
SELECT digests FROM timeless WHERE slot = %s

-- name: raise_extra_keys
-- Keys that are no metric, counted.
INSERT INTO extra_key AS e (key, seen, dropped, first_at, last_at)
SELECT k, s, d, now(), now() FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS n (k, s, d)
ON CONFLICT (key) DO UPDATE SET seen = e.seen + excluded.seen, dropped = e.dropped + excluded.dropped,
    last_at = excluded.last_at

-- name: set_status
-- What sensors, or the broker on their behalf, say of their connection.
UPDATE sensor AS s SET online = n.online, status_at = n.at
FROM (
    SELECT serial, online, at FROM unnest(%s::text[], %s::boolean[], %s::timestamptz[]) AS u (serial, online, at)
    ORDER BY serial
) AS n
WHERE s.serial = n.serial AND (s.status_at IS NULL OR s.status_at <= n.at)

-- name: notify
-- Wakes a listener at the commit.
SELECT pg_notify(%s, %s)

-- name: known_times
-- Which instants of these sensors are there.
SELECT r.sensor_id, r.time FROM unnest(%s::integer[]) AS k (sensor_id)
CROSS JOIN LATERAL (
    SELECT x.sensor_id, x.time FROM reading AS x WHERE x.sensor_id = k.sensor_id AND x.time BETWEEN %s AND %s OFFSET 0
) AS r

-- name: read_zone
-- The city's time zone.
SELECT time_zone FROM checkpoint

-- name: read_figure_districts
-- The district whose figure a sensor's readings enter.
SELECT sensor_id, CASE WHEN state = 'verified' THEN district_id END FROM sensor

-- name: apply_findings
-- What was found of values elsewhere, where they stand here with the revision that was judged; returns what is new.
WITH told AS (
    SELECT * FROM unnest(%(sensor_id)s::integer[], %(time)s::timestamptz[], %(revision)s::integer[], %(bit)s::smallint[],
        %(kind)s::text[], %(detail)s::text[]) AS f (sensor_id, time, revision, bit, kind, detail)
), there AS (
    SELECT t.* FROM told AS t CROSS JOIN LATERAL (
        SELECT x.revision FROM reading AS x WHERE x.sensor_id = t.sensor_id AND x.time = t.time OFFSET 0
    ) AS r WHERE r.revision = t.revision
), noted AS (
    INSERT INTO flag (sensor_id, time, bit, kind, detail, flagged_by)
    SELECT sensor_id, time, bit, kind, detail, %(writer)s FROM there ON CONFLICT DO NOTHING
    RETURNING sensor_id, time, bit
), raised AS (
    UPDATE reading AS r SET flags = r.flags | n.bits
    FROM (SELECT sensor_id, time, bit_or(1::bigint << bit) AS bits FROM noted GROUP BY 1, 2) AS n
    WHERE r.sensor_id = n.sensor_id AND r.time = n.time AND r.time BETWEEN %(low)s AND %(high)s
    RETURNING 1
)
SELECT DISTINCT sensor_id, time, bit FROM noted, (SELECT count(*) FROM raised) AS done

-- name: flag_latest
-- Newest values that were flagged after they came.
UPDATE latest AS l SET changed_at = now(), {key}_flagged = true
FROM unnest(%s::integer[], %s::timestamptz[]) AS f (sensor_id, time)
WHERE l.sensor_id = f.sensor_id
    AND l.{key}_time = f.time AND NOT l.{key}_flagged
