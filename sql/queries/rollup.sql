-- Rollups: raw readings → sensor_10min → sensor_hour, and from these the districts' 10 minutes, hours and days.
-- Lines with {key}, {mean}, {sum} and {vector} are written once a metric of that aggregation (see `expand_metrics`).
-- One refresher at a time runs these in the order in which they stand: all in one transaction, or of a long span a
-- transaction a slice of the sensors and another for the districts.
-- Hours and days that came from a file (imported) are left as they are.
-- Local buckets: 10 minutes from a local midnight, hours and days as the city's clocks count them.

-- name: lead
-- Whether this session now is the one that maintains; it is until it ends.
SELECT pg_try_advisory_lock(53001, 6)

-- name: read_marks
-- Where buckets are open from, up to where all is rolled up, what is gone, and on whose clocks.
SELECT open_from, rolled_to, horizon, time_zone FROM checkpoint

-- name: wait_for_batches
-- Until every batch that began before has ended; none begins until this commits.
SELECT pg_advisory_xact_lock(53001, 1)

-- name: move_open_from
-- Buckets before the instant are closed: from now on a batch marks what it changes there. Never moved back.
UPDATE checkpoint SET open_from = greatest(open_from, %(open_from)s) RETURNING open_from

-- name: stage_rollup
-- What has to be computed again; emptied at each commit.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_bucket (sensor_id integer, bucket timestamptz) ON COMMIT DELETE ROWS

-- name: stage_rollup_districts
-- Whose districts' figures follow.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_district (district_id smallint, bucket timestamptz) ON COMMIT DELETE ROWS

-- name: stage_rollup_once
-- The same, each once.
CREATE TEMPORARY TABLE IF NOT EXISTS changed_once (district_id smallint, bucket timestamptz, hour timestamptz) ON COMMIT DELETE ROWS

-- name: take_touched
-- Up to so many marks, oldest pages first, become buckets to compute; those below the horizon are only forgotten.
WITH taken AS (
    DELETE FROM touched WHERE ctid = ANY (ARRAY(SELECT ctid FROM touched LIMIT %(limit)s))
    RETURNING sensor_id, time
), counted AS (
    INSERT INTO changed_bucket
    SELECT DISTINCT sensor_id, date_bin('10 minutes', time, %(origin)s) FROM taken
    WHERE date_bin('10 minutes', time, %(origin)s) >= %(horizon)s
)
SELECT count(*) FROM taken

-- name: changed_between
-- From the first of the buckets that changed to the end of the last; NULL where nothing did.
SELECT min(bucket), max(bucket) + interval '10 minutes' FROM changed_bucket

-- name: bounds
-- Of a span the whole hours and the whole local days. Each level is looked for in its own: the planner reads all of what
-- a wider one holds, a whole day of 10 minutes for the sake of two.
SELECT date_trunc('hour', %(low)s::timestamptz, %(zone)s)
    , date_trunc('hour', %(high)s::timestamptz - interval '1 microsecond', %(zone)s) + interval '1 hour'
    , date_trunc('day', %(low)s::timestamptz, %(zone)s)
    , date_trunc('day', date_trunc('day', %(high)s::timestamptz - interval '1 microsecond', %(zone)s) + interval '30 hours', %(zone)s)

-- name: many_touched
-- Whether more marks wait than one transaction takes.
SELECT count(*) > %(limit)s FROM (SELECT FROM touched LIMIT %(limit)s + 1) AS t

-- name: crowded_days
-- Local days of which an eighth or more is marked, as an import leaves them (a mark names 5 minutes of a sensor), become
-- spans: each is then computed once, and not once for every portion of its marks. What is open is computed anyway.
WITH crowded AS (
    SELECT date_trunc('day', time, %(zone)s) AS day FROM touched
    GROUP BY 1 HAVING count(*) > (SELECT count(*) FROM latest) * 36
), whole AS (
    SELECT day, date_trunc('day', day + interval '30 hours', %(zone)s) AS next FROM crowded
), gone AS (
    DELETE FROM touched AS t USING whole AS w WHERE t.time >= w.day AND t.time < w.next
)
INSERT INTO touched_span (low, high)
SELECT w.day, least(w.next, c.open_from) FROM whole AS w JOIN checkpoint AS c ON c.open_from > w.day

-- name: merge_spans
-- Spans that overlap or follow each other become one: each is computed for all sensors, however many wrote into it.
WITH ordered AS (
    SELECT span_id, low, high,
        max(high) OVER (ORDER BY low, span_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM touched_span
), parted AS (
    SELECT span_id, low, high,
        count(*) FILTER (WHERE reached IS NULL OR low > reached) OVER (ORDER BY low, span_id) AS part
    FROM ordered
), whole AS (
    SELECT part, min(span_id) AS span_id, min(low) AS low, max(high) AS high FROM parted GROUP BY part HAVING count(*) > 1
), gone AS (
    DELETE FROM touched_span AS t USING parted AS p JOIN whole AS w USING (part)
    WHERE t.span_id = p.span_id AND p.span_id <> w.span_id
)
UPDATE touched_span AS t SET low = w.low, high = w.high FROM whole AS w WHERE t.span_id = w.span_id

-- name: read_spans
-- Spans that a back-fill wrote for most sensors, newest first: what operators look at first.
SELECT span_id, low, high FROM touched_span ORDER BY high DESC, span_id

-- name: shorten_span
-- What is done of it.
UPDATE touched_span SET high = %s WHERE span_id = %s

-- name: delete_span
-- All of it is done.
DELETE FROM touched_span WHERE span_id = %s

-- name: insert_touched_span
-- All buckets of a span have to be computed again.
INSERT INTO touched_span (low, high) VALUES (%s, %s)

-- name: count_places
-- Rows of a bucket: of sensors, or of districts where these are more.
SELECT greatest((SELECT count(*) FROM latest), (SELECT count(*) FROM district))

-- name: sensor_slices
-- Sensors that have measured since a span began, so many in a slice: its first and last.
SELECT min(sensor_id), max(sensor_id)
FROM (SELECT sensor_id, (row_number() OVER (ORDER BY sensor_id) - 1) / %(size)s AS slice FROM latest WHERE time >= %(low)s) AS s
GROUP BY slice ORDER BY 1

-- name: take_span
-- All buckets of a span, of a slice of the sensors that have measured since it began.
INSERT INTO changed_bucket
SELECT l.sensor_id, b FROM latest AS l
CROSS JOIN generate_series(%(low)s::timestamptz, %(high)s::timestamptz - interval '1 microsecond', interval '10 minutes') AS b
WHERE l.time >= %(low)s AND l.sensor_id BETWEEN %(first)s AND %(last)s

-- name: read_snapshot
-- The oldest transaction that is at work: all before it have ended, and what they wrote is seen.
SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text

-- name: take_changed
-- Open buckets into which readings were written since a snapshot, whatever clocks say: a batch that waited for a lost
-- database was received long before. A savepoint's number is higher than its transaction's, so it is among them.
INSERT INTO changed_bucket
SELECT l.sensor_id, r.bucket FROM latest AS l
CROSS JOIN LATERAL (
    SELECT DISTINCT date_bin('10 minutes', x.time, %(origin)s) AS bucket FROM reading AS x
    WHERE x.sensor_id = l.sensor_id AND x.time >= %(low)s AND x.time < %(high)s
        AND age(x.xmin) <= age(%(oldest)s::text::xid)
) AS r
WHERE l.time >= %(low)s AND age(l.xmin) <= age(%(oldest)s::text::xid)

-- name: drop_sensor_10min
-- Out with the old; the districts it counted in follow.
WITH gone AS (
    DELETE FROM sensor_10min AS s USING changed_bucket AS c WHERE s.sensor_id = c.sensor_id AND s.bucket = c.bucket
        AND s.bucket >= %(low)s AND s.bucket < %(high)s
    RETURNING s.district_id, s.bucket
)
INSERT INTO changed_district SELECT DISTINCT district_id, bucket FROM gone WHERE district_id > 0

-- name: fill_sensor_10min
-- From raw readings: unflagged values only. Sums and numbers, since avg() keeps squares, too: half the time.
WITH made AS (
    INSERT INTO sensor_10min (sensor_id, bucket, district_id
        , {mean}_mean, {mean}_min, {mean}_max, {mean}_n
        , {sum}_mean, {sum}_min, {sum}_max, {sum}_n, {sum}_sum
        , {vector}_mean, {vector}_n, {vector}_east, {vector}_north
    )
    SELECT sensor_id, bucket, district_id
        , sum({mean}::float8) / nullif(count({mean}), 0), min({mean}), max({mean}), count({mean})
        , sum({sum}::float8) / nullif(count({sum}), 0), min({sum}), max({sum}), count({sum}), sum({sum}::float8)
        , direction(sum(sind({vector})), sum(cosd({vector}))), count({vector}), sum(sind({vector})) / nullif(count({vector}), 0), sum(cosd({vector})) / nullif(count({vector}), 0)
    FROM (
        SELECT c.sensor_id, c.bucket, coalesce(r.district_id, 0) AS district_id
            , CASE WHEN r.flags = 0 OR r.flags >> {bit} & 1 = 0 THEN r.{key} END AS {key}
        FROM changed_bucket AS c
        CROSS JOIN LATERAL (
            SELECT * FROM reading AS x
            WHERE x.sensor_id = c.sensor_id AND x.time >= c.bucket AND x.time < c.bucket + interval '10 minutes'
                AND x.time >= %(low)s AND x.time < %(high)s
            OFFSET 0
        ) AS r
    ) AS value
    GROUP BY sensor_id, bucket, district_id
    RETURNING district_id, bucket
)
INSERT INTO changed_district SELECT DISTINCT district_id, bucket FROM made WHERE district_id > 0

-- name: drop_sensor_hour
-- The hours of those buckets.
DELETE FROM sensor_hour AS s
USING (SELECT DISTINCT sensor_id, date_trunc('hour', bucket, %(zone)s) AS hour FROM changed_bucket) AS c
WHERE s.sensor_id = c.sensor_id AND s.bucket = c.hour AND s.bucket >= %(hour_low)s AND s.bucket < %(hour_high)s AND s.imported IS NULL

-- name: fill_sensor_hour
-- From the 10 minutes: a mean of means by their numbers is the mean of the values.
INSERT INTO sensor_hour (sensor_id, bucket, district_id
    , {mean}_mean, {mean}_min, {mean}_max, {mean}_n
    , {sum}_mean, {sum}_min, {sum}_max, {sum}_n, {sum}_sum
    , {vector}_mean, {vector}_n, {vector}_east, {vector}_north
)
SELECT c.sensor_id, c.hour, r.district_id
    , sum({mean}_mean * {mean}_n) / nullif(sum({mean}_n), 0), min({mean}_min), max({mean}_max), sum({mean}_n)
    , sum({sum}_mean * {sum}_n) / nullif(sum({sum}_n), 0), min({sum}_min), max({sum}_max), sum({sum}_n), sum({sum}_sum)
    , direction(sum({vector}_east * {vector}_n), sum({vector}_north * {vector}_n)), sum({vector}_n), sum({vector}_east * {vector}_n) / nullif(sum({vector}_n), 0), sum({vector}_north * {vector}_n) / nullif(sum({vector}_n), 0)
FROM (SELECT DISTINCT sensor_id, date_trunc('hour', bucket, %(zone)s) AS hour FROM changed_bucket) AS c
CROSS JOIN LATERAL (
    SELECT * FROM sensor_10min AS x
    WHERE x.sensor_id = c.sensor_id AND x.bucket >= c.hour AND x.bucket < c.hour + interval '1 hour'
        AND x.bucket >= %(hour_low)s AND x.bucket < %(hour_high)s
    OFFSET 0
) AS r
GROUP BY c.sensor_id, c.hour, r.district_id
ON CONFLICT DO NOTHING

-- name: gather_districts
-- Each district and bucket once.
INSERT INTO changed_once
SELECT DISTINCT district_id, bucket, date_trunc('hour', bucket, %(zone)s) FROM changed_district

-- name: gather_span
-- Every district and bucket of a span.
INSERT INTO changed_once
SELECT d.district_id, b, date_trunc('hour', b, %(zone)s) FROM district AS d
CROSS JOIN generate_series(%(low)s::timestamptz, %(high)s::timestamptz - interval '1 microsecond', interval '10 minutes') AS b

-- name: drop_district_10min
-- Out with the old.
DELETE FROM district_10min AS d USING changed_once AS c
WHERE d.district_id = c.district_id AND d.bucket = c.bucket
    AND d.bucket >= %(low)s AND d.bucket < %(high)s

-- name: fill_district_10min
-- The mean of its sensors' means, each sensor once. By time: a question of all districts then reads a page once.
INSERT INTO district_10min (district_id, bucket
    , {mean}_mean, {mean}_min, {mean}_max, {mean}_n, {mean}_sensors
    , {sum}_mean, {sum}_min, {sum}_max, {sum}_n, {sum}_sum, {sum}_sensors
    , {vector}_mean, {vector}_n, {vector}_east, {vector}_north, {vector}_sensors
)
SELECT s.district_id, s.bucket
    , avg({mean}_mean), min({mean}_min), max({mean}_max), sum({mean}_n), count({mean}_mean)
    , avg({sum}_mean), min({sum}_min), max({sum}_max), sum({sum}_n), sum({sum}_sum), count({sum}_mean)
    , direction(avg({vector}_east), avg({vector}_north)), sum({vector}_n), avg({vector}_east), avg({vector}_north), count({vector}_east)
FROM changed_once AS c
CROSS JOIN LATERAL (
    SELECT * FROM sensor_10min AS x
    WHERE x.bucket = c.bucket AND x.district_id = c.district_id AND x.bucket >= %(low)s AND x.bucket < %(high)s
    OFFSET 0
) AS s
GROUP BY s.district_id, s.bucket
ORDER BY s.bucket, s.district_id

-- name: drop_district_hour
-- Out with the old.
DELETE FROM district_hour AS d USING (SELECT DISTINCT district_id, hour FROM changed_once) AS c
WHERE d.district_id = c.district_id AND d.bucket = c.hour AND d.bucket >= %(hour_low)s AND d.bucket < %(hour_high)s
    AND d.imported IS NULL

-- name: fill_district_hour
-- The same from the sensors' hours.
INSERT INTO district_hour (district_id, bucket
    , {mean}_mean, {mean}_min, {mean}_max, {mean}_n, {mean}_sensors
    , {sum}_mean, {sum}_min, {sum}_max, {sum}_n, {sum}_sum, {sum}_sensors
    , {vector}_mean, {vector}_n, {vector}_east, {vector}_north, {vector}_sensors
)
SELECT s.district_id, s.bucket
    , avg({mean}_mean), min({mean}_min), max({mean}_max), sum({mean}_n), count({mean}_mean)
    , avg({sum}_mean), min({sum}_min), max({sum}_max), sum({sum}_n), sum({sum}_sum), count({sum}_mean)
    , direction(avg({vector}_east), avg({vector}_north)), sum({vector}_n), avg({vector}_east), avg({vector}_north), count({vector}_east)
FROM (SELECT DISTINCT district_id, hour FROM changed_once) AS c
CROSS JOIN LATERAL (
    SELECT * FROM sensor_hour AS x
    WHERE x.bucket = c.hour AND x.district_id = c.district_id AND x.bucket >= %(hour_low)s AND x.bucket < %(hour_high)s
    OFFSET 0
) AS s
GROUP BY s.district_id, s.bucket
ORDER BY s.bucket, s.district_id
ON CONFLICT DO NOTHING

-- name: drop_district_day
-- Out with the old.
DELETE FROM district_day AS d
USING (SELECT DISTINCT district_id, date_trunc('day', hour, %(zone)s) AS day FROM changed_once) AS c
WHERE d.district_id = c.district_id AND d.bucket = c.day AND d.bucket >= %(day_low)s AND d.bucket < %(day_high)s
    AND d.imported IS NULL

-- name: fill_district_day
-- Of each sensor the day's mean out of its hours, then the mean of these.
INSERT INTO district_day (district_id, bucket
    , {mean}_mean, {mean}_min, {mean}_max, {mean}_n, {mean}_sensors
    , {sum}_mean, {sum}_min, {sum}_max, {sum}_n, {sum}_sum, {sum}_sensors
    , {vector}_mean, {vector}_n, {vector}_east, {vector}_north, {vector}_sensors
)
SELECT district_id, day
    , avg({mean}_mean), min({mean}_min), max({mean}_max), sum({mean}_n), count({mean}_mean)
    , avg({sum}_mean), min({sum}_min), max({sum}_max), sum({sum}_n), sum({sum}_sum), count({sum}_mean)
    , direction(avg({vector}_east), avg({vector}_north)), sum({vector}_n), avg({vector}_east), avg({vector}_north), count({vector}_east)
FROM (
    SELECT c.district_id, c.day, s.sensor_id
        , sum({mean}_mean * {mean}_n) / nullif(sum({mean}_n), 0) AS {mean}_mean, min({mean}_min) AS {mean}_min, max({mean}_max) AS {mean}_max, sum({mean}_n) AS {mean}_n
        , sum({sum}_mean * {sum}_n) / nullif(sum({sum}_n), 0) AS {sum}_mean, min({sum}_min) AS {sum}_min, max({sum}_max) AS {sum}_max, sum({sum}_n) AS {sum}_n, sum({sum}_sum) AS {sum}_sum
        , sum({vector}_east * {vector}_n) / nullif(sum({vector}_n), 0) AS {vector}_east, sum({vector}_north * {vector}_n) / nullif(sum({vector}_n), 0) AS {vector}_north, sum({vector}_n) AS {vector}_n
    FROM (SELECT DISTINCT district_id, date_trunc('day', hour, %(zone)s) AS day FROM changed_once) AS c
    -- the next local midnight: a day may have 23 or 25 hours
    JOIN sensor_hour AS s ON s.district_id = c.district_id AND s.bucket >= c.day
        AND s.bucket < date_trunc('day', c.day + interval '30 hours', %(zone)s)
    WHERE s.bucket >= %(day_low)s AND s.bucket < %(day_high)s
    GROUP BY c.district_id, c.day, s.sensor_id
) AS sensor_day
GROUP BY district_id, day
ORDER BY day, district_id
ON CONFLICT DO NOTHING

-- name: finish_span
-- Up to here all is rolled up.
UPDATE checkpoint SET rolled_to = greatest(rolled_to, %s)

-- name: first_reading
-- The oldest reading there is: of each sensor the first, by its key.
SELECT min(first.time) FROM sensor AS s CROSS JOIN LATERAL
    (SELECT r.time FROM reading AS r WHERE r.sensor_id = s.sensor_id ORDER BY r.time LIMIT 1) AS first

-- name: count_touched
-- Marks that wait.
SELECT (SELECT count(*) FROM touched) + (SELECT count(*) FROM touched_span)
