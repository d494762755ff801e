-- History by named questions. {key} is the one metric asked for; NaN and 0 stand for what is not there, so that all
-- rows have one width. place, time, value, low, high, n, sensors, flagged. `value` is {value}: mean, or a count's sum.

-- name: archive_kept
-- From when on raw readings and hours are there, and up to where buckets are rolled up.
SELECT greatest(c.horizon, '2000-01-01 00:00:00+00'),
    coalesce((SELECT min(bucket) FROM district_hour), '2000-01-01 00:00:00+00'),
    greatest(c.rolled_to, '2000-01-01 00:00:00+00')
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
        , false
    FROM district_10min
    WHERE district_id = ANY (%(places)s::smallint[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    ORDER BY district_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_district_hour
-- Districts' figures by the hour.
COPY (
    SELECT district_id::integer, bucket
        , coalesce({key}_{value}, 'NaN')::real, coalesce({key}_min, 'NaN'), coalesce({key}_max, 'NaN'), coalesce({key}_n, 0), coalesce({key}_sensors, 0)
        , false
    FROM district_hour
    WHERE district_id = ANY (%(places)s::smallint[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    ORDER BY district_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_district_day
-- Districts' figures by the day.
COPY (
    SELECT district_id::integer, bucket
        , coalesce({key}_{value}, 'NaN')::real, coalesce({key}_min, 'NaN'), coalesce({key}_max, 'NaN'), coalesce({key}_n, 0), coalesce({key}_sensors, 0)
        , false
    FROM district_day
    WHERE district_id = ANY (%(places)s::smallint[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    ORDER BY district_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_raw
-- A sensor's readings themselves.
COPY (
    SELECT k.sensor_id, r.time, r.value, r.value, r.value, 1, 1, r.flagged
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
        , 1, false
    FROM sensor_10min
    WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY sensor_id, bucket ORDER BY sensor_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_hour
-- A sensor's hours.
COPY (
    SELECT sensor_id, bucket
        , coalesce({combined}, 'NaN')::real, coalesce(min({key}_min), 'NaN'), coalesce(max({key}_max), 'NaN'), coalesce(sum({key}_n), 0)::integer
        , 1, false
    FROM sensor_hour
    WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY sensor_id, bucket ORDER BY sensor_id, bucket
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_day
-- A sensor's days, out of its hours.
COPY (
    SELECT sensor_id, date_trunc('day', bucket, %(zone)s)
        , coalesce({combined}, 'NaN')::real, coalesce(min({key}_min), 'NaN'), coalesce(max({key}_max), 'NaN'), coalesce(sum({key}_n), 0)::integer
        , 1, false
    FROM sensor_hour
    WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY 1, 2 ORDER BY 1, 2
) TO STDOUT (FORMAT binary)

-- name: archive_exceeded_district
-- Of districts' hours with a figure: how many there are, and how many are at a value or above.
SELECT d.code, count(*) FILTER (WHERE h.{key}_{value}::real >= %(least)s::real), count(*)
FROM district_hour AS h JOIN district AS d USING (district_id)
WHERE d.code = ANY (%(places)s) AND h.bucket >= %(start)s::timestamptz AND h.bucket < %(end)s::timestamptz
    AND h.{key}_{value} IS NOT NULL
GROUP BY d.code

-- name: archive_exceeded_sensor
-- The same of a sensor's hours.
SELECT serial, count(*) FILTER (WHERE value >= %(least)s::real), count(*)
FROM (
    SELECT s.serial, h.bucket, ({combined})::real AS value
    FROM sensor_hour AS h JOIN sensor AS s USING (sensor_id)
    WHERE s.serial = ANY (%(places)s) AND h.bucket >= %(start)s::timestamptz AND h.bucket < %(end)s::timestamptz
    GROUP BY s.serial, h.bucket
) AS one WHERE value IS NOT NULL
GROUP BY serial

-- name: archive_left_out_district
-- Readings that enter no figure of a district: flagged ones of verified sensors, all others of unverified ones.
SELECT d.code, coalesce(sum(r.flagged) FILTER (WHERE s.state = 'verified'), 0)::bigint,
    coalesce(sum(r.n - r.flagged) FILTER (WHERE s.state = 'unverified'), 0)::bigint
FROM district AS d
JOIN sensor AS s USING (district_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS n, count(*) FILTER (WHERE x.flags >> {bit} & 1 = 1) AS flagged
    FROM reading AS x
    WHERE x.sensor_id = s.sensor_id AND x.time >= %(start)s::timestamptz AND x.time < %(end)s::timestamptz
        AND x.{key} IS NOT NULL
) AS r
WHERE d.code = ANY (%(places)s) AND s.state <> 'retired'
GROUP BY d.code

-- name: archive_left_out_sensor
-- A sensor's own flagged readings; whether it is verified changes nothing in its own figures.
SELECT s.serial, count(*) FILTER (WHERE x.flags >> {bit} & 1 = 1), 0::bigint
FROM sensor AS s
JOIN reading AS x ON x.sensor_id = s.sensor_id AND x.time >= %(start)s::timestamptz AND x.time < %(end)s::timestamptz
WHERE s.serial = ANY (%(places)s) AND x.{key} IS NOT NULL
GROUP BY s.serial

-- name: archive_in_service
-- Verified sensors of each district that ever sent the metric.
SELECT d.code, count(*)
FROM sensor AS s
JOIN latest AS l USING (sensor_id)
JOIN district AS d ON d.district_id = s.district_id
WHERE s.state = 'verified' AND l.{key}_time IS NOT NULL
GROUP BY d.code

-- name: archive_gaps
-- What ingest knows of lost or late messages in a span.
SELECT kind, began_at, ended_at FROM gap
WHERE began_at < %(end)s::timestamptz AND (ended_at IS NULL OR ended_at > %(start)s::timestamptz)
ORDER BY began_at, gap_id

-- name: archive_find
-- Sensors whose serial holds a text, those that begin with it first.
SELECT s.serial, d.code, s.state
FROM sensor AS s LEFT JOIN district AS d USING (district_id)
WHERE strpos(lower(s.serial), lower(%(text)s)) > 0
ORDER BY strpos(lower(s.serial), lower(%(text)s)) > 1, s.serial LIMIT %(most)s

-- name: archive_known
-- Those of some sensors that there are.
SELECT s.serial, d.code, s.state
FROM sensor AS s LEFT JOIN district AS d USING (district_id) WHERE s.serial = ANY (%(serials)s)
