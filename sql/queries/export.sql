-- Rows as `sdot export` writes them: CSV that the client reads by columns. Each window of time is one statement that
-- walks the keys, so nothing is sorted or held on the server. Lines with {key}, {mean} … are written once a metric.

-- name: export_clock
-- What the file tells of where it comes from.
SELECT city, time_zone, now() FROM checkpoint

-- name: export_sensors
-- The registry, as the file tells it of each sensor.
SELECT s.sensor_id, s.serial, s.district_id, s.state, d.code, s.model, p.kind, p.latitude, p.longitude
FROM sensor AS s LEFT JOIN site AS p USING (site_id) LEFT JOIN district AS d USING (district_id) ORDER BY s.sensor_id

-- name: export_districts
-- Numbers of districts.
SELECT district_id, code FROM district ORDER BY district_id

-- name: export_movers
-- Sensors that measured in these districts, wherever they stand now; what is not rolled up yet is of those who do.
SELECT DISTINCT sensor_id FROM sensor_hour
WHERE district_id = ANY (%(districts)s::smallint[]) AND bucket >= %(low)s - interval '1 hour' AND bucket < %(high)s

-- name: export_span_raw
-- The first and the last reading of these sensors: of each by its key.
SELECT min(a.time), max(b.time) FROM unnest(%(sensors)s::integer[]) AS k (sensor_id)
CROSS JOIN LATERAL (SELECT r.time FROM reading AS r WHERE r.sensor_id = k.sensor_id ORDER BY r.time LIMIT 1) AS a
CROSS JOIN LATERAL (SELECT r.time FROM reading AS r WHERE r.sensor_id = k.sensor_id ORDER BY r.time DESC LIMIT 1) AS b

-- name: export_span_buckets
-- The first and the last bucket of a level.
SELECT min(bucket), max(bucket) FROM {level}

-- name: export_raw
-- Readings by sensor and time: `here` says whether the sensor stands in a district that was asked for, since a reading of
-- an unverified sensor names none. Flags are metric → kind → what was found.
COPY (
    SELECT k.sensor_id, r.time, r.district_id
        , r.{key}
        , r.revision
        , CASE WHEN r.flags <> 0 THEN (
            SELECT jsonb_object_agg(m.key, coalesce((
                SELECT jsonb_object_agg(f.kind, f.detail) FROM flag AS f
                WHERE f.sensor_id = k.sensor_id AND f.time = r.time AND f.bit = m.bit
            ), '{}'))::text FROM metric AS m WHERE r.flags >> m.bit & 1 = 1 AND m.key = ANY (%(metrics)s)
        ) END
        , r.extra::text, r.received_at
    FROM unnest(%(sensors)s::integer[], %(here)s::boolean[]) AS k (sensor_id, here)
    CROSS JOIN LATERAL (
        SELECT * FROM reading AS x
        WHERE x.sensor_id = k.sensor_id AND x.time >= %(low)s AND x.time < %(high)s
            AND (%(districts)s::smallint[] IS NULL OR x.district_id = ANY (%(districts)s::smallint[])
                OR (x.district_id IS NULL AND k.here))
            AND (%(every)s
                OR x.{key} IS NOT NULL
            )
        ORDER BY x.time
    ) AS r
) TO STDOUT (FORMAT csv)

-- name: export_sensors_buckets
-- Buckets of sensors, by sensor and time; a sensor that moved within one has a row a district.
COPY (
    SELECT k.sensor_id, r.bucket, nullif(r.district_id, 0)
        , r.{column}
    FROM unnest(%(sensors)s::integer[], %(here)s::boolean[]) AS k (sensor_id, here)
    CROSS JOIN LATERAL (
        SELECT * FROM {level} AS x
        WHERE x.sensor_id = k.sensor_id AND x.bucket >= %(low)s AND x.bucket < %(high)s
            AND (%(districts)s::smallint[] IS NULL OR x.district_id = ANY (%(districts)s::smallint[])
                OR (x.district_id = 0 AND k.here))
            AND (%(every)s
                OR x.{key}_n > 0
            )
        ORDER BY x.bucket, x.district_id
    ) AS r
) TO STDOUT (FORMAT csv)

-- name: export_districts_buckets
-- Buckets of districts, by district and time.
COPY (
    SELECT r.bucket, r.district_id
        , r.{column}
    FROM (SELECT * FROM {level} AS x
        WHERE x.bucket >= %(low)s AND x.bucket < %(high)s
            AND (%(districts)s::smallint[] IS NULL OR x.district_id = ANY (%(districts)s::smallint[]))
            AND (%(every)s
                OR x.{key}_n > 0
            )
    ) AS r
    ORDER BY r.district_id, r.bucket
) TO STDOUT (FORMAT csv)
