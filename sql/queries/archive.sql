-- History by named questions. {key} is the one metric asked for; NaN and 0 stand for what is not there, so that all
-- rows have one width. place, time, value, low, high, n, sensors, flagged, imported. `value` is {value}: mean, or a count's sum.

-- name: archive_kept
-- From when on raw readings and hours are there, and the first day; hours that never were are not gone.
SELECT greatest(c.horizon, '2000-01-01 00:00:00+00')
    , CASE WHEN d.first < h.first - interval '25 hours' THEN h.first ELSE '2000-01-01 00:00:00+00' END
    , d.first
FROM checkpoint AS c
CROSS JOIN (SELECT min(bucket) AS first FROM district_hour) AS h
CROSS JOIN (SELECT min(bucket) AS first FROM district_day) AS d

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
        ORDER BY x.time LIMIT %(most)s
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

-- name: archive_district_hours
-- What districts' hourly figures say, by hours or days: how many there are, how many over the limit of their time, sum, highest.
COPY (
    SELECT h.district_id::integer, {bucket}
        , count(h.{key}_{value})::integer, (count(*) FILTER (WHERE h.{key}_{value} >= l.low))::integer
        , coalesce(sum(h.{key}_{value}), 'NaN')::real, coalesce(max(h.{key}_{value}), 'NaN')::real
    FROM district_hour AS h
    LEFT JOIN unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(low)s::float8[]) AS l (since, until, low)
        ON h.bucket >= l.since AND h.bucket < l.until
    WHERE h.district_id = ANY (%(places)s::smallint[]) AND h.bucket >= %(start)s::timestamptz AND h.bucket < %(end)s::timestamptz
    GROUP BY 1, 2 ORDER BY 1, 2
) TO STDOUT (FORMAT binary)

-- name: archive_sensor_hours
-- The same of sensors.
COPY (
    SELECT h.sensor_id, {bucket}
        , count(h.value)::integer, (count(*) FILTER (WHERE h.value >= l.low))::integer
        , coalesce(sum(h.value), 'NaN')::real, coalesce(max(h.value), 'NaN')::real
    FROM (
        SELECT sensor_id, bucket, {combined} AS value
        FROM sensor_hour
        WHERE sensor_id = ANY (%(places)s::integer[]) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
        GROUP BY sensor_id, bucket
    ) AS h
    LEFT JOIN unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(low)s::float8[]) AS l (since, until, low)
        ON h.bucket >= l.since AND h.bucket < l.until
    GROUP BY 1, 2 ORDER BY 1, 2
) TO STDOUT (FORMAT binary)

-- name: archive_known
-- Sensors by serial, with state and district.
SELECT s.serial, s.state, d.code FROM sensor AS s LEFT JOIN district AS d USING (district_id) WHERE s.serial = ANY (%s) ORDER BY s.serial

-- name: archive_find
-- Sensors by a part of their serial.
SELECT s.serial, s.state, d.code
FROM sensor AS s LEFT JOIN district AS d USING (district_id)
WHERE strpos(lower(s.serial), lower(%(part)s)) > 0
ORDER BY strpos(lower(s.serial), lower(%(part)s)) > 1, s.serial COLLATE "C" LIMIT %(most)s

-- name: archive_outages
-- Ingest's own troubles that reach into a span.
SELECT kind, slot, began_at, ended_at FROM gap
WHERE began_at < %(end)s AND (ended_at IS NULL OR ended_at > %(start)s)
ORDER BY began_at, gap_id

-- name: archive_left_out
-- Values of a place in a span that are in no figure: flagged ones, and those of its unverified sensors.
WITH members AS (
    SELECT s.sensor_id, s.state FROM sensor AS s LEFT JOIN district AS d USING (district_id)
    WHERE CASE %(unit)s WHEN 'sensor' THEN s.serial = %(place)s ELSE d.code = %(place)s END
)
SELECT
    (SELECT count(DISTINCT (f.sensor_id, f.time))::integer FROM flag AS f JOIN members USING (sensor_id)
    WHERE f.bit = {bit} AND f.time >= %(start)s AND f.time < %(end)s)
    , (SELECT coalesce(sum(h.{key}_n), 0)::integer FROM sensor_hour AS h JOIN members AS m USING (sensor_id)
    WHERE m.state = 'unverified' AND h.district_id = 0 AND h.bucket >= %(start)s AND h.bucket < %(end)s)
