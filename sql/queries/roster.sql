-- name: list_sensors
-- The registry, with what each sensor sent last.
SELECT s.serial, s.state, d.code AS district, p.kind, s.model, p.latitude, p.longitude, s.online,
    l.time AS last_time, l.changed_at, s.registered_at, s.registered_by, s.gateway
FROM sensor AS s
LEFT JOIN site AS p USING (site_id)
LEFT JOIN district AS d USING (district_id)
LEFT JOIN latest AS l USING (sensor_id)
WHERE %(state)s::text IS NULL OR s.state = %(state)s
ORDER BY s.state = 'unverified' DESC, s.serial

-- name: find_sensor
-- One sensor by its serial.
SELECT s.sensor_id, s.state, d.code AS district, s.district_id, s.registered_at, s.verified_at, l.time
FROM sensor AS s LEFT JOIN district AS d USING (district_id) LEFT JOIN latest AS l USING (sensor_id)
WHERE s.serial = %s

-- name: verify_sensor
-- A person vouches for it.
UPDATE sensor SET state = 'verified', verified_at = now(), retired_at = NULL, version = %s WHERE sensor_id = %s

-- name: retire_sensor
-- It sends no more; its past stays.
UPDATE sensor SET state = 'retired', retired_at = now(), version = %s WHERE sensor_id = %s

-- name: rename_sensor
-- Another device takes its place, or its serial was mistyped.
UPDATE sensor SET serial = %s, version = %s WHERE sensor_id = %s

-- name: move_sensor
-- It stands somewhere else now.
UPDATE sensor SET site_id = %s, district_id = %s, located = %s, version = %s WHERE sensor_id = %s

-- name: make_gateway
-- Its messages may carry the readings of others.
UPDATE sensor SET gateway = true, version = %s WHERE sensor_id = %s

-- name: read_kind
-- The kind of a sensor's site, which a move keeps.
SELECT p.kind FROM sensor AS s JOIN site AS p USING (site_id) WHERE s.sensor_id = %s

-- name: rehome_readings
-- Its readings from an instant on, not below the horizon, count in its district; or only those that count in none.
-- All of their buckets are touched: one that is open now may be closed when this commits. By 5 minutes: a city's
-- 10 begin at :05 where its clocks are 45 minutes off (Kathmandu).
WITH moved AS (
    UPDATE reading SET district_id = %(district)s
    WHERE sensor_id = %(sensor)s AND time >= greatest(%(since)s, (SELECT horizon FROM checkpoint))
        AND district_id IS DISTINCT FROM %(district)s AND (district_id IS NULL OR NOT %(homeless)s)
    RETURNING time
), touched_too AS (
    INSERT INTO touched (sensor_id, time)
    SELECT DISTINCT %(sensor)s::integer, date_bin('5 minutes', time, '2000-01-01 00:00:00+00') FROM moved
)
SELECT count(*) FROM moved

-- name: refresh_latest
-- Readers look at it again.
UPDATE latest SET changed_at = now() WHERE sensor_id = %s
