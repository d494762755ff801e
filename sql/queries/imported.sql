-- Hours and days out of files, below what raw readings are kept. The refresher's own steps run on temporary tables of
-- the same names, which a session sees before the others; then what came out takes its place. Figures that were computed
-- here (imported IS NULL) stay. Lines with {key}, {mean} … are written once a metric.

-- name: stage_old_readings
-- A file's readings on their way.
CREATE TEMPORARY TABLE reading (LIKE public.reading INCLUDING DEFAULTS)

-- name: index_old_readings
-- As the steps look them up.
CREATE INDEX ON pg_temp.reading (sensor_id, time)

-- name: drop_repeated_readings
-- Of one sensor and instant the highest revision holds, of equal ones the later row.
DELETE FROM pg_temp.reading AS a USING pg_temp.reading AS b
WHERE a.sensor_id = b.sensor_id AND a.time = b.time AND (b.revision, b.ctid) > (a.revision, a.ctid)

-- name: old_span
-- From when until when they are, and how many.
SELECT min(time), max(time), count(*) FROM pg_temp.reading

-- name: stage_level
-- Rows of a level on their way.
CREATE TEMPORARY TABLE {level} (LIKE public.{level} INCLUDING INDEXES)

-- name: clear_level
-- Room for the next portion.
TRUNCATE pg_temp.{level}

-- name: take_old
-- All buckets of a span in which there are readings.
INSERT INTO changed_bucket
SELECT DISTINCT sensor_id, date_bin('10 minutes', time, %(origin)s) FROM pg_temp.reading
WHERE time >= %(low)s AND time < %(high)s

-- name: add_known_hours
-- Of the districts and days that follow, hours that are there and not in the file; those computed here before a file's.
WITH days AS (
    SELECT DISTINCT district_id, date_trunc('day', hour, %(zone)s) AS day FROM changed_once
), known AS MATERIALIZED (
    SELECT p.* FROM days AS c CROSS JOIN LATERAL (
        SELECT * FROM public.sensor_hour AS x WHERE x.district_id = c.district_id AND x.bucket >= c.day
            AND x.bucket < date_trunc('day', c.day + interval '30 hours', %(zone)s)
            AND x.bucket >= %(low)s AND x.bucket < %(high)s
        OFFSET 0
    ) AS p
), gone AS (
    DELETE FROM pg_temp.sensor_hour AS t USING known AS k
    WHERE k.imported IS NULL AND (t.sensor_id, t.bucket, t.district_id) = (k.sensor_id, k.bucket, k.district_id)
    RETURNING 1
)
INSERT INTO pg_temp.sensor_hour SELECT k.* FROM known AS k, (SELECT count(*) FROM gone) AS done
WHERE k.imported IS NULL OR NOT EXISTS (
    SELECT FROM pg_temp.sensor_hour AS t
    WHERE (t.sensor_id, t.bucket, t.district_id) = (k.sensor_id, k.bucket, k.district_id))

-- name: misplaced_rows
-- Buckets that begin where none does on this city's clock, or end after what may be imported.
DELETE FROM pg_temp.{level}
WHERE bucket <> date_trunc(%(unit)s, bucket, %(zone)s)
    OR date_trunc(%(unit)s, bucket + %(step)s::interval, %(zone)s) > %(border)s
    OR bucket < '2000-01-01 00:00:00+00'

-- name: drop_computed
-- What was computed here stays; so does a file's own figure where it `keeps` against one that was made of readings.
WITH own AS (
    DELETE FROM pg_temp.{level} AS t USING public.{level} AS p
    WHERE p.bucket >= %(low)s AND p.bucket < %(high)s AND (t.{place}, t.bucket) = (p.{place}, p.bucket)
        AND (p.imported IS NULL OR (p.imported = 'rollup' AND %(keeps)s))
    RETURNING 1
)
SELECT count(*) FROM own

-- name: drop_same
-- What is there already as the file has it.
WITH same AS (
    DELETE FROM pg_temp.{level} AS t USING public.{level} AS p
    WHERE p.bucket >= %(low)s AND p.bucket < %(high)s AND (t.{place}, t.bucket) = (p.{place}, p.bucket)
        AND ROW(t.*) IS NOT DISTINCT FROM ROW(p.*)
    RETURNING 1
)
SELECT count(*) FROM same

-- name: drop_former
-- Imported before, and told otherwise now.
WITH former AS (
    DELETE FROM public.{level} AS p USING (SELECT DISTINCT {place}, bucket FROM pg_temp.{level}) AS t
    WHERE p.bucket >= %(low)s AND p.bucket < %(high)s AND (t.{place}, t.bucket) = (p.{place}, p.bucket)
    RETURNING 1
)
SELECT count(*) FROM former

-- name: mark_imported
-- Where they come from.
ALTER TABLE pg_temp.{level} ALTER COLUMN imported SET DEFAULT '{origin}'

-- name: holds_rows
-- Whether there is anything of the span to compare with.
SELECT EXISTS (SELECT FROM public.{level} WHERE bucket >= %(low)s AND bucket < %(high)s)::integer

-- name: insert_imported
-- The rest.
WITH made AS (
    INSERT INTO public.{level} SELECT * FROM pg_temp.{level} ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM made

-- name: level_span
-- From when until when rows of a level are.
SELECT min(bucket), max(bucket), count(*) FROM pg_temp.{level}

-- name: hour_years
-- A year of hours gets its partition.
SELECT ensure_partition(y) FROM generate_series(date_trunc('year', %s::timestamptz), %s::timestamptz, interval '1 year') AS y

-- name: copy_level
-- A file's own figures.
COPY pg_temp.{level} ({columns}) FROM STDIN (FORMAT csv)
