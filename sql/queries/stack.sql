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
-- The relations that take the most room; weekly partitions, or chunks, count with their parents.
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
ORDER BY bytes DESC, name
LIMIT 8;

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
-- Whether no sensor is simulated yet, or one of them has no reading.
SELECT count(*) = 0 OR bool_or(l.sensor_id IS NULL)
FROM sensor AS s LEFT JOIN latest AS l USING (sensor_id)
WHERE s.registered_by = 'simulator';

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
