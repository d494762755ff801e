-- name: record_job
-- What a job did.
INSERT INTO maintenance AS m (job, began_at, ended_at, seconds, backlog, detail, error, failures)
VALUES (%(job)s, %(began)s, now(), %(seconds)s, %(backlog)s, %(detail)s, %(error)s, (%(error)s::text IS NOT NULL)::integer)
ON CONFLICT (job) DO UPDATE SET began_at = excluded.began_at, ended_at = excluded.ended_at,
    seconds = excluded.seconds, backlog = excluded.backlog, detail = excluded.detail, error = excluded.error,
    runs = m.runs + 1, failures = m.failures + excluded.failures

-- name: read_jobs
-- What each job did last.
SELECT job, began_at, ended_at, seconds, backlog, detail, error, runs, failures FROM maintenance ORDER BY job

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
