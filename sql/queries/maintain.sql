-- name: record_job
-- What a job did.
INSERT INTO maintenance AS m (job, began_at, ended_at, seconds, backlog, detail, error, failures)
VALUES (%(job)s, %(began)s, now(), %(seconds)s, %(backlog)s, %(detail)s, %(error)s, (%(error)s::text IS NOT NULL)::integer)
ON CONFLICT (job) DO UPDATE SET began_at = excluded.began_at, ended_at = excluded.ended_at,
    seconds = excluded.seconds, backlog = excluded.backlog, detail = excluded.detail, error = excluded.error,
    runs = m.runs + 1, failures = m.failures + excluded.failures

-- name: read_jobs
-- What each job did last.
SELECT job, ended_at, seconds, backlog, detail, error FROM maintenance ORDER BY job

-- name: unrolled_below
-- Whether something below an instant is still to be rolled up: then its raw readings have to stay.
SELECT rolled_to < %(below)s OR open_from < %(below)s
    OR EXISTS (SELECT FROM touched WHERE time < %(below)s) OR EXISTS (SELECT FROM touched_span WHERE low < %(below)s)
FROM checkpoint

-- name: move_horizon
-- Raw readings below may be gone from now on. Never moved back.
UPDATE checkpoint SET horizon = greatest(horizon, %(below)s) RETURNING horizon

-- name: parts_below
-- Partitions or chunks of a series that hold nothing from an instant on.
SELECT part, low, high FROM series_parts(%s) WHERE high <= %s ORDER BY low

-- name: drop_part
-- One of them goes.
SELECT drop_part(%s, %s::regclass, %s)

-- name: count_dropped
-- The books go on counting what a dropped part held, by minute of first arrival.
INSERT INTO ledger_dropped AS d (minute, stored)
SELECT date_trunc('minute', received_at, 'UTC'), count(*) FROM reading WHERE time >= %s AND time < %s GROUP BY 1 ORDER BY 1
ON CONFLICT (minute) DO UPDATE SET stored = d.stored + excluded.stored

-- name: trim_revisions
-- What was replaced in readings that are gone, some thousand rows at a time; the books go on counting it.
WITH gone AS (
    DELETE FROM reading_revision WHERE ctid = ANY (ARRAY(SELECT ctid FROM reading_revision WHERE time < %s LIMIT %s))
    RETURNING replaced_at, carried
), counted AS (
    INSERT INTO ledger_dropped AS d (minute, revised)
    SELECT date_trunc('minute', replaced_at, 'UTC'), count(*) FROM gone WHERE carried IS NOT TRUE GROUP BY 1 ORDER BY 1
    ON CONFLICT (minute) DO UPDATE SET revised = d.revised + excluded.revised
)
SELECT count(*) FROM gone

-- name: trim_flags
-- Details of flags of readings that are gone.
WITH gone AS (
    DELETE FROM flag WHERE ctid = ANY (ARRAY(SELECT ctid FROM flag WHERE time < %s LIMIT %s)) RETURNING 1
)
SELECT count(*) FROM gone

-- name: trim_district_10min
-- Past their time.
WITH gone AS (
    DELETE FROM district_10min WHERE ctid = ANY (ARRAY(SELECT ctid FROM district_10min WHERE bucket < %s LIMIT %s)) RETURNING 1
)
SELECT count(*) FROM gone

-- name: trim_district_hour
-- Past their time.
WITH gone AS (
    DELETE FROM district_hour WHERE ctid = ANY (ARRAY(SELECT ctid FROM district_hour WHERE bucket < %s LIMIT %s)) RETURNING 1
)
SELECT count(*) FROM gone

-- name: analyze
-- The planner learns how the rows lie.
ANALYZE

-- name: set_columnstore
-- Old chunks of a series may become columns: a sensor's values beside each other, newest first.
SELECT set_columnstore(%s, %s)

-- name: chunks_to_pack
-- Chunks of the series that are old enough and not columns yet.
SELECT chunk_schema, chunk_name FROM timescaledb_information.chunks
WHERE hypertable_schema = 'public' AND hypertable_name = ANY (%s) AND NOT is_compressed AND range_end < %s
ORDER BY range_end, chunk_name

-- name: pack_chunk
-- One chunk becomes columns.
SELECT compress_chunk(format('%%I.%%I', %s::text, %s::text)::regclass)

-- name: extra_span
-- From where to where readings have something beside their metrics, not below the horizon.
SELECT min(r.time), max(r.time) FROM reading AS r, checkpoint AS c WHERE r.extra IS NOT NULL AND r.time >= c.horizon

-- name: promote_metric
-- Out of `extra` into the column, flagged and marked as if it came today; a column that holds a value keeps it.
WITH found AS MATERIALIZED (
    SELECT sensor_id, time, (extra ->> %(key)s)::float8 AS value FROM reading
    WHERE time >= %(low)s AND time < %(high)s AND jsonb_typeof(extra -> %(key)s) = 'number'
        AND {key} IS NULL
        AND (extra ->> %(key)s)::numeric BETWEEN %(least)s AND %(most)s
), changed AS (
    UPDATE reading AS r SET extra = nullif(r.extra - %(key)s::text, '{}'::jsonb)
        , {key} = f.value
        , flags = CASE WHEN f.value BETWEEN %(low_plausible)s AND %(high_plausible)s THEN r.flags ELSE r.flags | (1::bigint << %(bit)s) END
    FROM found AS f WHERE r.sensor_id = f.sensor_id AND r.time = f.time AND r.time >= %(low)s AND r.time < %(high)s
    RETURNING r.sensor_id, r.time, f.value
), flagged AS (
    INSERT INTO flag (sensor_id, time, bit, kind, detail, flagged_by)
    SELECT sensor_id, time, %(bit)s, 'range', CASE WHEN value > %(high_plausible)s THEN format('over %%s %%s', %(high_plausible)s::float8, %(unit)s::text) ELSE format('under %%s %%s', %(low_plausible)s::float8, %(unit)s::text) END, 'promote'
    FROM changed WHERE value NOT BETWEEN %(low_plausible)s AND %(high_plausible)s
    ON CONFLICT DO NOTHING RETURNING 1
), marked AS (
    INSERT INTO touched (sensor_id, time)
    SELECT DISTINCT sensor_id, date_bin('5 minutes', time, '2000-01-01 00:00:00+00') FROM changed RETURNING 1
)
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM flagged), (SELECT count(*) FROM marked)

-- name: count_unpromoted
-- Values of that name that stay in `extra`.
SELECT count(*) FROM reading WHERE time >= %(low)s AND time < %(high)s AND extra ? %(key)s

-- name: promote_latest
-- The newest value of each sensor that had none.
UPDATE latest AS l SET changed_at = now()
    , {key} = r.value, {key}_time = r.time, {key}_flagged = r.flagged
FROM sensor AS s CROSS JOIN LATERAL (
    SELECT
        x.{key} AS value,
        x.time, (x.flags >> %(bit)s) & 1 = 1 AS flagged
    FROM reading AS x, checkpoint AS c WHERE x.sensor_id = s.sensor_id AND x.time >= c.horizon
        AND x.{key} IS NOT NULL
    ORDER BY x.time DESC LIMIT 1
) AS r
WHERE l.sensor_id = s.sensor_id
    AND l.{key}_time IS NULL

-- name: trim_lag
-- Histograms of long ago.
DELETE FROM lag_minute WHERE minute < %s

-- name: trim_quarantine
-- The bounds of quarantine, in steps.
SELECT quarantine_trim(%s, %s, %s)

-- name: summable_until
-- The end of the oldest day whose minutes have no row any more to be compared with; NULL where there is none. A row
-- arrives at most five minutes before its time (a clock ahead), so a day below the oldest one is enough.
SELECT CASE WHEN oldest < free THEN least(date_trunc('day', oldest, 'UTC') + interval '1 day', free) END
FROM (
    SELECT (SELECT min(minute) FROM ledger_minute_writer WHERE minute <> date_trunc('hour', minute, 'UTC')) AS oldest,
        date_trunc('day', least(
            (SELECT horizon FROM checkpoint), (SELECT min(low) FROM series_parts('reading')),
            (SELECT min(time) FROM reading_revision)
        ) - interval '1 day', 'UTC') AS free
) AS days

-- name: sum_ledger_minutes
-- The minutes before an instant become hours.
WITH gone AS (
    DELETE FROM ledger_minute_writer WHERE minute < %(below)s AND minute <> date_trunc('hour', minute, 'UTC') RETURNING *
)
INSERT INTO ledger_minute_writer AS l
SELECT writer, date_trunc('hour', minute, 'UTC'), sum(messages), sum(messages_stored), sum(messages_revised),
    sum(messages_duplicate), sum(messages_quarantined), sum(messages_rejected),
    sum(stored), sum(revised), sum(duplicate), sum(quarantined), sum(rejected)
FROM gone GROUP BY 1, 2
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

-- name: sum_ledger_reasons
-- Their reasons, too.
WITH gone AS (
    DELETE FROM ledger_reason WHERE minute < %(below)s AND minute <> date_trunc('hour', minute, 'UTC') RETURNING *
)
INSERT INTO ledger_reason AS l (writer, minute, code, outcome, readings)
SELECT writer, date_trunc('hour', minute, 'UTC'), code, outcome, sum(readings) FROM gone GROUP BY 1, 2, 3, 4
ON CONFLICT (minute, code, outcome, writer) DO UPDATE SET readings = l.readings + excluded.readings

-- name: sum_ledger_dropped
-- And what retention took of them.
WITH gone AS (
    DELETE FROM ledger_dropped WHERE minute < %(below)s AND minute <> date_trunc('hour', minute, 'UTC') RETURNING *
)
INSERT INTO ledger_dropped AS d (minute, stored, revised)
SELECT date_trunc('hour', minute, 'UTC'), sum(stored), sum(revised) FROM gone GROUP BY 1
ON CONFLICT (minute) DO UPDATE SET stored = d.stored + excluded.stored, revised = d.revised + excluded.revised
