-- History by named questions. {key} is the one metric asked for; NaN and 0 stand for what is not there, so that all
-- rows have one width. place, time, value, low, high, n, sensors, flagged, imported. `value` is {value}: mean, or a count's sum.

-- name: archive_kept
-- From when on raw readings and hours are there.
SELECT greatest(c.horizon, '2000-01-01 00:00:00+00'),
    coalesce((SELECT min(bucket) FROM district_hour), '2000-01-01 00:00:00+00')
FROM checkpoint AS c

-- name: archive_districts
-- Numbers of districts.
SELECT code, district_id::integer FROM district WHERE code = ANY (%s)

-- name: archive_sensors
-- Numbers of sensors.
SELECT serial, sensor_id FROM sensor WHERE serial = ANY (%s)

-- name: archive_district_10min
-- Districts' figures by 10 minutes.
COPY (
    SELECT district_id::integer, bucket
        , coalesce({key}_{value}, 'NaN')::real, coalesce({key}_min, 'NaN'), coalesce({key}_max, 'NaN'), coalesce({key}_n, 0), coalesce({key}_sensors, 0)
        , false, false
    FROM district_10min
    WHERE district_id = ANY (%(places)s::smallint[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    ORDER BY district_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_district_hour
-- Districts' figures by the hour.
COPY (
    SELECT district_id::integer, bucket
        , coalesce({key}_{value}, 'NaN')::real, coalesce({key}_min, 'NaN'), coalesce({key}_max, 'NaN'), coalesce({key}_n, 0), coalesce({key}_sensors, 0)
        , false, imported IS NOT NULL
    FROM district_hour
    WHERE district_id = ANY (%(places)s::smallint[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    ORDER BY district_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_district_day
-- Districts' figures by the day.
COPY (
    SELECT district_id::integer, bucket
        , coalesce({key}_{value}, 'NaN')::real, coalesce({key}_min, 'NaN'), coalesce({key}_max, 'NaN'), coalesce({key}_n, 0), coalesce({key}_sensors, 0)
        , false, imported IS NOT NULL
    FROM district_day
    WHERE district_id = ANY (%(places)s::smallint[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    ORDER BY district_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_raw
-- A sensor's readings themselves.
COPY (
    SELECT k.sensor_id, r.time, r.value, r.value, r.value, 1, 1, r.flagged, false
    FROM unnest(%(places)s::integer[]) AS k (sensor_id)
    CROSS JOIN LATERAL (
        SELECT
            x.{key} AS value, x.flags >> {bit} & 1 = 1 AS flagged,
            x.time
        FROM reading AS x
        WHERE x.sensor_id = k.sensor_id AND x.time >= %(start)s::timestamptz AND x.time < %(end)s::timestamptz
            AND x.{key} IS NOT NULL
        ORDER BY x.time
    ) AS r
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_10min
-- A sensor's 10 minutes; one that moved within them has a row a district.
COPY (
    SELECT sensor_id, bucket
        , coalesce({combined}, 'NaN')::real, coalesce(min({key}_min), 'NaN'), coalesce(max({key}_max), 'NaN'), coalesce(sum({key}_n), 0)::integer
        , 1, false, false
    FROM sensor_10min
    WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY sensor_id, bucket ORDER BY sensor_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_hour
-- A sensor's hours.
COPY (
    SELECT sensor_id, bucket
        , coalesce({combined}, 'NaN')::real, coalesce(min({key}_min), 'NaN'), coalesce(max({key}_max), 'NaN'), coalesce(sum({key}_n), 0)::integer
        , 1, false, bool_or(imported IS NOT NULL)
    FROM sensor_hour
    WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY sensor_id, bucket ORDER BY sensor_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_day
-- A sensor's days, out of its hours.
COPY (
    SELECT sensor_id, date_trunc('day', bucket, %(zone)s)
        , coalesce({combined}, 'NaN')::real, coalesce(min({key}_min), 'NaN'), coalesce(max({key}_max), 'NaN'), coalesce(sum({key}_n), 0)::integer
        , 1, false, bool_or(imported IS NOT NULL)
    FROM sensor_hour
    WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY 1, 2 ORDER BY 1, 2
) TO STDOUT (FORMAT binary)
