-- name: set_credentials
-- A new password for each of these serials; returns those that are registered and not retired.
INSERT INTO credential (sensor_id, hash)
SELECT s.sensor_id, n.hash FROM unnest(%s::text[], %s::text[]) AS n (serial, hash) JOIN sensor AS s USING (serial)
WHERE s.state <> 'retired'
ON CONFLICT (sensor_id) DO UPDATE SET hash = excluded.hash, made_at = now()
RETURNING (SELECT serial FROM sensor AS k WHERE k.sensor_id = credential.sensor_id)

-- name: revoke_credentials
-- These serials have no login any longer; returns those that had one.
DELETE FROM credential AS c USING sensor AS s WHERE s.sensor_id = c.sensor_id AND s.serial = ANY (%s)
RETURNING s.serial

-- name: lacking_credentials
-- Serials of sensors in service that have no login yet.
SELECT s.serial FROM sensor AS s LEFT JOIN credential AS c USING (sensor_id)
WHERE s.state <> 'retired' AND c.sensor_id IS NULL
ORDER BY s.serial

-- name: broker_logins
-- Serial and hash of each device that may log in at the broker.
SELECT serial, hash FROM broker_login ORDER BY serial
