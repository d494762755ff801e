-- name: stack_role
-- The statement that makes a role with its password, or gives an existing one this password.
SELECT CASE WHEN to_regrole(%(role)s) IS NULL THEN 'CREATE ' ELSE 'ALTER ' END
    || format('ROLE %%I LOGIN PASSWORD %%L', %(role)s::text, %(password)s::text);

-- name: stack_database
-- Whether a database of this name exists.
SELECT 1 FROM pg_database WHERE datname = %(name)s;

-- name: stack_create_database
-- The embedded stack's database, owned by the role that migrates.
CREATE DATABASE sdot OWNER sdot;

-- name: status_migrated
-- Whether the database was ever migrated.
SELECT to_regclass('migration') IS NOT NULL AND to_regclass('checkpoint') IS NOT NULL;

-- name: status_summary
-- Schema version, city, size of the database, sensors, and the span of the readings.
SELECT (SELECT to_char(max(number), 'FM0000') FROM migration) AS version,
    (SELECT city FROM checkpoint) AS city,
    pg_database_size(current_database()) AS bytes,
    (SELECT count(*) FROM sensor) AS sensors,
    -- the newest of a sensor is in `latest`; the oldest is looked up by each sensor's key
    (SELECT min(first.time) FROM sensor AS s CROSS JOIN LATERAL
        (SELECT r.time FROM reading AS r WHERE r.sensor_id = s.sensor_id ORDER BY r.time LIMIT 1) AS first) AS oldest,
    (SELECT max(time) FROM latest) AS newest;

-- name: status_relations
-- The levels of the time series, and the other relations that take the most room; weekly partitions, or chunks, count
-- with their parents.
SELECT coalesce(i.inhparent, c.oid)::regclass::text AS name,
    sum(pg_total_relation_size(c.oid))::bigint AS bytes,
    sum(c.reltuples) FILTER (WHERE c.reltuples >= 0)::bigint AS rows
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
LEFT JOIN pg_class AS p ON p.oid = i.inhparent
LEFT JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE c.relkind = 'r' AND coalesce(pn.nspname, n.nspname) = 'public'
GROUP BY 1
ORDER BY coalesce(i.inhparent, c.oid)::regclass::text = ANY (
    '{reading,sensor_10min,sensor_hour,district_10min,district_hour,district_day}'
) DESC, bytes DESC, name
LIMIT 11;

-- name: status_count
-- Rows of a small relation, exactly: one that was never analysed has no estimate.
SELECT count(*) FROM
    {key};

-- name: newest_readings
-- Time of the newest reading of each of these sensors that has one.
SELECT sensor_id, time FROM latest WHERE sensor_id = ANY (%s);

-- name: analyze_readings
-- The planner knows a back-fill's rows at once, not when autovacuum gets there.
ANALYZE reading, latest;

-- name: lacks_history
-- Whether no sensor is simulated yet, one of them has no reading, or a back-fill was interrupted.
SELECT count(*) = 0 OR bool_or(l.sensor_id IS NULL) OR EXISTS (SELECT FROM backfill)
FROM sensor AS s LEFT JOIN latest AS l USING (sensor_id)
WHERE s.registered_by = 'simulator';

-- name: simulator_lock
-- Whether this session now is the one that simulates live; it is until the session ends, however it ends.
SELECT pg_try_advisory_lock(53001, 5);

-- name: begin_backfill
-- From this instant on the past is being written.
INSERT INTO backfill (low) VALUES (%s);

-- name: unfinished_backfill
-- Where an interrupted back-fill began.
SELECT min(low) FROM backfill;

-- name: end_backfill
-- All of it is written.
DELETE FROM backfill;

-- name: count_instants
-- How many readings of these sensors a span holds; a look-up by each one's key.
SELECT coalesce(sum(r.number), 0)::bigint FROM unnest(%s::integer[]) AS k (sensor_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM reading AS x WHERE x.sensor_id = k.sensor_id AND x.time >= %s AND x.time < %s OFFSET 0
) AS r;

-- name: read_instants
-- Their sensors and instants, the latter in milliseconds of the epoch (those between two are of no simulated sensor).
SELECT r.sensor_id, round(extract(epoch FROM r.time) * 1000)::bigint FROM unnest(%s::integer[]) AS k (sensor_id)
CROSS JOIN LATERAL (
    SELECT x.sensor_id, x.time FROM reading AS x WHERE x.sensor_id = k.sensor_id AND x.time >= %s AND x.time < %s OFFSET 0
) AS r
WHERE r.time = date_trunc('milliseconds', r.time);

-- name: status_levels
-- The levels of the time series: bytes, and the span from the districts' rows of the same level, which are few.
SELECT level, series_size(level), low, high, raw FROM (
    SELECT 'reading' AS level, (SELECT min(bucket) FROM district_10min) AS low, (SELECT max(bucket) FROM district_10min) AS high, true AS raw
    UNION ALL SELECT 'sensor_10min', min(bucket), max(bucket), true FROM district_10min
    UNION ALL SELECT 'sensor_hour', min(bucket), max(bucket), false FROM district_hour
    UNION ALL SELECT 'district_10min', min(bucket), max(bucket), false FROM district_10min
    UNION ALL SELECT 'district_hour', min(bucket), max(bucket), false FROM district_hour
    UNION ALL SELECT 'district_day', min(bucket), max(bucket), false FROM district_day
) AS levels;

-- name: status_compression
-- What the columnstore made of the chunks it holds (TimescaleDB Community only).
SELECT sum(s.before_compression_total_bytes), sum(s.after_compression_total_bytes)
FROM timescaledb_information.hypertables AS h
CROSS JOIN LATERAL hypertable_compression_stats(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) AS s
WHERE h.hypertable_schema = 'public' AND h.compression_enabled;
