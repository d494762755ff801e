-- name: live_status
-- Asked at each tick: the registry's version, and of each sensor which version of its newest values stands.
-- A row's xmin changes with each update whatever clocks say; packed, since 1,100 rows would cost more to read.
SELECT c.registry_version,
    coalesce((SELECT string_agg(int4send(l.sensor_id) || xidsend(l.xmin), ''::bytea) FROM latest AS l), ''::bytea)
FROM checkpoint AS c

-- name: live_workers
-- Ingest's slots, and for how long each heart has been silent by this server's own clock.
SELECT slot, greatest(0, extract(epoch FROM clock_timestamp() - seen_at))::float8, seen_at,
    released_at IS NOT NULL, broker_ok, broker_since, coalesce(broker_detail, '')
FROM worker

-- name: live_sensors
-- The registry's rows that changed after a version.
SELECT s.sensor_id, s.serial, coalesce(p.kind, ''), s.state, d.code, p.latitude, p.longitude, s.registered_at
FROM sensor AS s
LEFT JOIN site AS p USING (site_id)
LEFT JOIN district AS d ON d.district_id = s.district_id
WHERE s.version > %s
ORDER BY s.sensor_id

-- name: live_latest
-- Newest values of some sensors, packed into one: number, time, and of each metric its time, value and flag.
SELECT coalesce(string_agg(int4send(sensor_id) || timestamptz_send(time)
    || timestamptz_send(coalesce({key}_time, '-infinity')) || float4send(coalesce({key}, 'NaN')) || boolsend(coalesce({key}_flagged, false))
    , ''::bytea), ''::bytea)
FROM latest
WHERE sensor_id = ANY (%s::integer[])

-- name: live_readings
-- Of each sensor its readings after its own instant, by time, packed: time, flags, and the value of each metric.
-- A look-up per sensor on the key (sensor_id, time), never a scan of a time span; the floor prunes partitions.
SELECT k.sensor_id, r.packed
FROM unnest(%s::integer[], %s::timestamptz[]) AS k (sensor_id, since)
CROSS JOIN LATERAL (
    SELECT coalesce(string_agg(timestamptz_send(n.time) || int8send(n.flags)
        || float4send(coalesce(n.{key}, 'NaN'))
        , ''::bytea ORDER BY n.time), ''::bytea) AS packed
    FROM (
        SELECT * FROM reading AS x
        WHERE x.sensor_id = k.sensor_id AND x.time > k.since AND x.time > %s
        ORDER BY x.time DESC LIMIT 4000
    ) AS n
) AS r

-- name: live_counts
-- Messages of some sensors since they are known, and how many of their readings were refused.
SELECT sensor_id, sum(messages)::bigint, sum(quarantined)::bigint
FROM ledger_sensor_day
WHERE sensor_id = ANY (%s)
GROUP BY sensor_id

-- name: day_buckets
-- Districts' 10 minutes over a span, packed: of each the bucket, and of each live metric what adds up to longer spans
-- (a mean; a count's sum; of a direction the mean vector's east and north) and how many sensors stand behind it.
SELECT d.code, string_agg(timestamptz_send(t.bucket)
    || float4send(coalesce(t.{mean}_mean, 'NaN')::real) || float4send(0) || int4send(coalesce(t.{mean}_sensors, 0))
    || float4send(coalesce(t.{sum}_sum, 'NaN')::real) || float4send(0) || int4send(coalesce(t.{sum}_sensors, 0))
    || float4send(coalesce(t.{vector}_east, 'NaN')::real) || float4send(coalesce(t.{vector}_north, 'NaN')::real) || int4send(coalesce(t.{vector}_sensors, 0))
    , ''::bytea ORDER BY t.bucket)
FROM district_10min AS t JOIN district AS d USING (district_id)
WHERE t.bucket >= %s AND t.bucket < %s
GROUP BY d.code

-- name: day_reach
-- Up to where rollups are complete, but for what came late since; and up to where a back-fill waits, newest day last.
SELECT c.rolled_to, (SELECT max(t.high) FROM touched_span AS t WHERE t.high > %s) FROM checkpoint AS c

-- name: day_sensors
-- The highest number of a sensor.
SELECT coalesce(max(sensor_id), 0) FROM sensor

-- name: day_returns
-- Sensors that sent again after a silence: before it, the start of the last 10 minutes in which they sent (NULL where that
-- is before the span), and of the first afterwards.
SELECT b.sensor_id, b.before, b.bucket
FROM (
    SELECT sensor_id, bucket, lag(bucket) OVER (PARTITION BY sensor_id ORDER BY bucket) AS before
    FROM sensor_10min
    WHERE bucket >= %(since)s AND bucket < %(until)s AND sensor_id BETWEEN %(first)s AND %(last)s
) AS b
WHERE b.bucket - coalesce(b.before, %(since)s::timestamptz - interval '10 minutes') > %(silence)s
ORDER BY b.bucket DESC, b.sensor_id
LIMIT %(most)s

-- name: day_good
-- Of some sensors, by live metric, the start of the last 10 minutes with an unflagged value, packed.
SELECT k.sensor_id, g.packed
FROM unnest(%s::integer[]) AS k (sensor_id)
CROSS JOIN LATERAL (
    SELECT ''::bytea
        || timestamptz_send(coalesce(max(x.bucket) FILTER (WHERE x.{key}_n > 0), '-infinity'))
        AS packed
    FROM sensor_10min AS x
    WHERE x.sensor_id = k.sensor_id AND x.bucket >= %s
) AS g

-- name: ingest_minutes
-- The ledger by minute. Writers are few, and stepped through on the key (writer, minute): no scan of its years.
WITH RECURSIVE writers AS (
    SELECT min(writer) AS writer FROM ledger_minute_writer
    UNION ALL
    SELECT (SELECT min(l.writer) FROM ledger_minute_writer AS l WHERE l.writer > w.writer)
    FROM writers AS w WHERE w.writer IS NOT NULL
)
SELECT l.minute, sum(l.messages)::bigint,
    sum(l.messages_stored)::bigint, sum(l.messages_revised)::bigint, sum(l.messages_duplicate)::bigint,
    sum(l.messages_quarantined)::bigint, sum(l.messages_rejected)::bigint,
    sum(l.stored)::bigint, sum(l.revised)::bigint, sum(l.duplicate)::bigint,
    sum(l.quarantined)::bigint, sum(l.rejected)::bigint
FROM writers AS w
CROSS JOIN LATERAL (
    SELECT * FROM ledger_minute_writer AS x WHERE x.writer = w.writer AND x.minute >= %s OFFSET 0
) AS l
GROUP BY l.minute
ORDER BY l.minute

-- name: ingest_lags
-- Lag in bins of time.
SELECT date_bin(%s, minute, 'epoch') AS start, kind,
    lag_quantile(array_agg(bucket), array_agg(n), 0.5), lag_quantile(array_agg(bucket), array_agg(n), 0.95),
    sum(n)::bigint
FROM lag_minute
WHERE minute >= %s
GROUP BY start, kind
ORDER BY start, kind

-- name: ingest_lag_now
-- Lag over a span.
SELECT kind, lag_quantile(array_agg(bucket), array_agg(n), 0.5), lag_quantile(array_agg(bucket), array_agg(n), 0.95),
    sum(n)::bigint
FROM lag_minute
WHERE minute >= %s AND minute < %s
GROUP BY kind
ORDER BY kind

-- name: ingest_slots
-- Slots and their holders; with each, what its writer took and how fast over a span.
WITH span AS (SELECT %s::timestamptz AS since, %s::timestamptz AS until)
SELECT w.slot, w.writer, w.host, w.pid,
    greatest(0, extract(epoch FROM clock_timestamp() - w.seen_at))::float8, w.started_at, w.seen_at, w.released_at,
    w.broker_ok, w.broker_since, coalesce(w.broker_detail, ''), w.last_message_at, w.last_commit_at,
    w.inflight, w.unacknowledged, w.busy::float8, w.window_full_s, w.database_full_s, w.retries,
    (
        SELECT coalesce(sum(l.stored + l.revised + l.duplicate + l.quarantined + l.rejected), 0)::bigint
        FROM ledger_minute_writer AS l, span AS s
        WHERE l.writer = w.writer AND l.minute >= s.since AND l.minute < s.until
    ),
    (
        SELECT lag_quantile(array_agg(l.bucket), array_agg(l.n), 0.95)
        FROM lag_minute AS l, span AS s
        WHERE l.writer = w.writer AND l.kind = 'arrival' AND l.minute >= s.since AND l.minute < s.until
    )
FROM worker AS w
ORDER BY w.slot

-- name: ingest_broker
-- What the broker told of itself last.
SELECT seen_at, started_at, coalesce(version, ''), dropped, stored, stored_bytes FROM broker

-- name: ingest_gaps
-- Gaps that last, and those that ended since; what lasts first, then the newest.
SELECT gap_id, kind, slot, began_at, ended_at, size, lossy, detail
FROM gap
WHERE ended_at IS NULL OR ended_at >= %s
ORDER BY ended_at IS NOT NULL, began_at DESC
LIMIT %s

-- name: ingest_reasons
-- Refused readings by reason: of the last hour, and of the last day.
SELECT code, outcome, coalesce(sum(readings) FILTER (WHERE minute >= %s), 0)::bigint, sum(readings)::bigint AS day, max(minute)
FROM ledger_reason
WHERE minute >= %s
GROUP BY code, outcome
ORDER BY day DESC, code, outcome

-- name: ingest_cases
-- Refused messages by sensor (or topic) and reason, of the newest cases; of each group the newest, cut.
SELECT q.quarantine_id, q.last_at, g.cases, g.repeats, q.outcome, q.topic, q.serial, q.element, q.code, q.reason,
    substring(q.payload FOR %s), q.payload_bytes, coalesce(octet_length(q.payload), 0)
FROM (
    SELECT (array_agg(n.quarantine_id ORDER BY n.last_at DESC, n.quarantine_id DESC))[1] AS quarantine_id,
        max(n.last_at) AS last_at, count(*) AS cases, sum(n.repeats)::bigint AS repeats
    FROM (
        SELECT quarantine_id, last_at, repeats, coalesce(serial, topic) AS origin, code, outcome
        FROM quarantine ORDER BY last_at DESC LIMIT %s
    ) AS n
    GROUP BY n.origin, n.code, n.outcome
    ORDER BY last_at DESC, quarantine_id DESC
    LIMIT %s
) AS g
JOIN quarantine AS q USING (quarantine_id)
ORDER BY g.last_at DESC, q.quarantine_id DESC

-- name: ingest_held
-- How many cases are kept, counted up to a bound.
SELECT count(*) FROM (SELECT 1 FROM quarantine LIMIT %s) AS q

-- name: ingest_audit
-- The books of one city day, seen at one moment: by minute, by sensor (a look-up each on its key), by reason.
WITH RECURSIVE writers AS (
    SELECT min(writer) AS writer FROM ledger_minute_writer
    UNION ALL
    SELECT (SELECT min(l.writer) FROM ledger_minute_writer AS l WHERE l.writer > w.writer)
    FROM writers AS w WHERE w.writer IS NOT NULL
), by_minute AS (
    SELECT coalesce(sum(l.messages), 0)::bigint,
        coalesce(sum(l.messages_stored), 0)::bigint, coalesce(sum(l.messages_revised), 0)::bigint,
        coalesce(sum(l.messages_duplicate), 0)::bigint, coalesce(sum(l.messages_quarantined), 0)::bigint,
        coalesce(sum(l.messages_rejected), 0)::bigint,
        coalesce(sum(l.stored), 0)::bigint, coalesce(sum(l.revised), 0)::bigint, coalesce(sum(l.duplicate), 0)::bigint,
        coalesce(sum(l.quarantined), 0)::bigint, coalesce(sum(l.rejected), 0)::bigint
    FROM writers AS w
    CROSS JOIN LATERAL (
        SELECT * FROM ledger_minute_writer AS x WHERE x.writer = w.writer AND x.minute >= %s OFFSET 0
    ) AS l
), by_sensor AS (
    SELECT coalesce(sum(l.messages), 0)::bigint,
        coalesce(sum(l.stored), 0)::bigint, coalesce(sum(l.revised), 0)::bigint, coalesce(sum(l.duplicate), 0)::bigint,
        coalesce(sum(l.quarantined), 0)::bigint, coalesce(sum(l.rejected), 0)::bigint
    FROM (SELECT 0 AS sensor_id UNION ALL SELECT sensor_id FROM sensor) AS s
    CROSS JOIN LATERAL (
        SELECT * FROM ledger_sensor_day_writer AS x WHERE x.sensor_id = s.sensor_id AND x.day = %s OFFSET 0
    ) AS l
), by_reason AS (
    SELECT coalesce(sum(readings) FILTER (WHERE outcome = 'quarantined'), 0)::bigint,
        coalesce(sum(readings) FILTER (WHERE outcome = 'rejected'), 0)::bigint
    FROM ledger_reason WHERE minute >= %s
)
SELECT * FROM by_minute CROSS JOIN by_sensor CROSS JOIN by_reason
