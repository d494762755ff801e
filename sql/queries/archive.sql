-- History by named questions. {key} is the one metric asked for; NaN and 0 stand for what is not there, so that all
-- values have one width. Places are named: a look-up before would be a journey of its own. `value` is {value}: mean, or a count's sum. Rows come packed by `archive_packed`.

-- name: archive_kept
-- From when on raw readings and hours are there, and the first day; hours that never were are not gone.
SELECT greatest(c.horizon, '2000-01-01 00:00:00+00')
    , CASE WHEN d.first < h.first - interval '25 hours' THEN h.first ELSE '2000-01-01 00:00:00+00' END
    , d.first
FROM checkpoint AS c
CROSS JOIN (SELECT min(bucket) AS first FROM district_hour) AS h
CROSS JOIN (SELECT min(bucket) AS first FROM district_day) AS d

-- name: archive_packed
-- The rows of a question, a row a place (which of those asked for) and an array a field, in no order: a driver takes ten
-- times longer over a row than the server, and the server sorts rows slower than numpy does.
SELECT (SELECT array_position(%(places)s::text[], {code}) FROM {unit} WHERE {unit}_id = place)
    , array_agg("{field}")
FROM ({question}) AS q
GROUP BY place

-- name: archive_series
-- The same of a series; what is counted or marked is one number, since each element costs the server as much as the next.
SELECT (SELECT array_position(%(places)s::text[], {code}) FROM {unit} WHERE {unit}_id = place)
    , array_agg(time), array_agg(value), array_agg(low), array_agg(high)
    , array_agg((n::bigint << 32) | (sensors << 2) | (flagged::integer << 1) | imported::integer)
FROM ({question}) AS q
GROUP BY place

-- name: archive_district_10min
-- Districts' figures by 10 minutes.
SELECT district_id::integer AS place, bucket AS time
    , coalesce({key}_{value}, 'NaN')::real AS value, coalesce({key}_min, 'NaN') AS low, coalesce({key}_max, 'NaN') AS high
    , coalesce({key}_n, 0) AS n, coalesce({key}_sensors, 0) AS sensors
    , false AS flagged, false AS imported
FROM district_10min
WHERE district_id = ANY (ARRAY(SELECT district_id FROM district WHERE code = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz

-- name: archive_district_hour
-- Districts' figures by the hour.
SELECT district_id::integer AS place, bucket AS time
    , coalesce({key}_{value}, 'NaN')::real AS value, coalesce({key}_min, 'NaN') AS low, coalesce({key}_max, 'NaN') AS high
    , coalesce({key}_n, 0) AS n, coalesce({key}_sensors, 0) AS sensors
    , false AS flagged, imported IS NOT NULL AS imported
FROM district_hour
WHERE district_id = ANY (ARRAY(SELECT district_id FROM district WHERE code = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz

-- name: archive_district_day
-- Districts' figures by the day.
SELECT district_id::integer AS place, bucket AS time
    , coalesce({key}_{value}, 'NaN')::real AS value, coalesce({key}_min, 'NaN') AS low, coalesce({key}_max, 'NaN') AS high
    , coalesce({key}_n, 0) AS n, coalesce({key}_sensors, 0) AS sensors
    , false AS flagged, imported IS NOT NULL AS imported
FROM district_day
WHERE district_id = ANY (ARRAY(SELECT district_id FROM district WHERE code = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz

-- name: archive_sensor_raw
-- A sensor's readings themselves.
SELECT k.sensor_id AS place, r.time, r.value, r.value AS low, r.value AS high, 1 AS n, 1 AS sensors, r.flagged, false AS imported
FROM (SELECT sensor_id FROM sensor WHERE serial = ANY (%(places)s)) AS k
CROSS JOIN LATERAL (
    SELECT
        x.{key} AS value, x.flags >> {bit} & 1 = 1 AS flagged,
        x.time
    FROM reading AS x
    WHERE x.sensor_id = k.sensor_id AND x.time >= %(start)s::timestamptz AND x.time < %(end)s::timestamptz
        AND x.{key} IS NOT NULL
    ORDER BY x.time LIMIT %(most)s
) AS r

-- name: archive_sensor_10min
-- A sensor's 10 minutes; one that moved within them has a row a district.
SELECT sensor_id AS place, bucket AS time
    , coalesce({combined}, 'NaN')::real AS value, coalesce(min({key}_min), 'NaN') AS low, coalesce(max({key}_max), 'NaN') AS high
    , coalesce(sum({key}_n), 0)::integer AS n
    , 1 AS sensors, false AS flagged, false AS imported
FROM sensor_10min
WHERE sensor_id = ANY (ARRAY(SELECT sensor_id FROM sensor WHERE serial = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
GROUP BY sensor_id, bucket

-- name: archive_sensor_hour
-- A sensor's hours.
SELECT sensor_id AS place, bucket AS time
    , coalesce({combined}, 'NaN')::real AS value, coalesce(min({key}_min), 'NaN') AS low, coalesce(max({key}_max), 'NaN') AS high
    , coalesce(sum({key}_n), 0)::integer AS n
    , 1 AS sensors, false AS flagged, bool_or(imported IS NOT NULL) AS imported
FROM sensor_hour
WHERE sensor_id = ANY (ARRAY(SELECT sensor_id FROM sensor WHERE serial = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
GROUP BY sensor_id, bucket

-- name: archive_sensor_day
-- A sensor's days, out of its hours.
SELECT sensor_id AS place, date_trunc('day', bucket, %(zone)s) AS time
    , coalesce({combined}, 'NaN')::real AS value, coalesce(min({key}_min), 'NaN') AS low, coalesce(max({key}_max), 'NaN') AS high
    , coalesce(sum({key}_n), 0)::integer AS n
    , 1 AS sensors, false AS flagged, bool_or(imported IS NOT NULL) AS imported
FROM sensor_hour
WHERE sensor_id = ANY (ARRAY(SELECT sensor_id FROM sensor WHERE serial = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
GROUP BY 1, 2

-- name: archive_district_hours
-- What districts' hourly figures say, by hours or days: how many there are, how many over the limit of their time, sum, highest.
SELECT h.district_id::integer AS place, {bucket} AS time
    , count(h.{key}_{value})::integer AS hours, (count(*) FILTER (WHERE h.{key}_{value} >= l.low))::integer AS over
    , coalesce(sum(h.{key}_{value}), 'NaN')::real AS total, coalesce(max(h.{key}_{value}), 'NaN')::real AS high
FROM district_hour AS h
LEFT JOIN unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(low)s::float8[]) AS l (since, until, low)
    ON h.bucket >= l.since AND h.bucket < l.until
WHERE h.district_id = ANY (ARRAY(SELECT district_id FROM district WHERE code = ANY (%(places)s))) AND h.bucket >= %(start)s::timestamptz AND h.bucket < %(end)s::timestamptz
GROUP BY 1, 2

-- name: archive_sensor_hours
-- The same of sensors.
SELECT h.sensor_id AS place, {bucket} AS time
    , count(h.value)::integer AS hours, (count(*) FILTER (WHERE h.value >= l.low))::integer AS over
    , coalesce(sum(h.value), 'NaN')::real AS total, coalesce(max(h.value), 'NaN')::real AS high
FROM (
    SELECT sensor_id, bucket, {combined} AS value
    FROM sensor_hour
    WHERE sensor_id = ANY (ARRAY(SELECT sensor_id FROM sensor WHERE serial = ANY (%(places)s))) AND bucket >= %(start)s::timestamptz AND bucket < %(end)s::timestamptz
    GROUP BY sensor_id, bucket
) AS h
LEFT JOIN unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(low)s::float8[]) AS l (since, until, low)
    ON h.bucket >= l.since AND h.bucket < l.until
GROUP BY 1, 2

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
