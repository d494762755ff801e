-- name: read_sensors
-- The registry's rows that changed after a version.
SELECT s.sensor_id, s.serial, s.state, s.district_id, s.gateway, s.located, s.model IS NOT NULL AS has_model,
    p.kind IS NOT NULL AS has_kind, p.latitude IS NOT NULL AS has_position, s.version
FROM sensor AS s LEFT JOIN site AS p USING (site_id)
WHERE s.version > %s

-- name: read_sensors_by_serial
-- The registry's rows of these serials.
SELECT s.sensor_id, s.serial, s.state, s.district_id, s.gateway, s.located, s.model IS NOT NULL AS has_model,
    p.kind IS NOT NULL AS has_kind, p.latitude IS NOT NULL AS has_position, s.version
FROM sensor AS s LEFT JOIN site AS p USING (site_id)
WHERE s.serial = ANY (%s)

-- name: registration_begin
-- New serials, one writer at a time; returns the registry's next version.
SELECT registration_begin()

-- name: registry_begin
-- A change of the registry: waits for open batches, and no new one begins; returns the next version.
SELECT registry_begin()

-- name: count_registered
-- Serials that MQTT registered in the last hour.
SELECT count(*) FROM sensor WHERE registered_by = 'mqtt' AND registered_at > now() - interval '1 hour'

-- name: insert_site
-- A place of a sensor.
INSERT INTO site (kind, latitude, longitude) VALUES (%s, %s, %s) RETURNING site_id

-- name: insert_sensor
-- A new sensor.
INSERT INTO sensor (serial, model, site_id, district_id, located, state, gateway, registered_by, verified_at, version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s = 'verified' THEN now() END, %s)
ON CONFLICT (serial) DO NOTHING

-- name: insert_sites
-- Many places at once, in order.
INSERT INTO site (kind, latitude, longitude)
SELECT kind, lat, lon FROM unnest(%s::text[], %s::float8[], %s::float8[]) WITH ORDINALITY AS n (kind, lat, lon, i)
ORDER BY i RETURNING site_id

-- name: insert_sensors
-- Many sensors at once; those whose serial is known stay as they are.
INSERT INTO sensor (serial, model, site_id, district_id, located, state, registered_by, verified_at, version)
SELECT n.serial, n.model, n.site, n.district, n.located, %s, %s, CASE WHEN %s = 'verified' THEN now() END, %s
FROM unnest(%s::text[], %s::text[], %s::integer[], %s::smallint[], %s::boolean[])
    AS n (serial, model, site, district, located)
ON CONFLICT (serial) DO NOTHING

-- name: describe_site
-- Fills what is unset of a place.
UPDATE site SET kind = coalesce(kind, %s), latitude = coalesce(latitude, %s), longitude = coalesce(longitude, %s)
WHERE site_id = (SELECT site_id FROM sensor WHERE sensor_id = %s)

-- name: describe_sensor
-- Fills what is unset of a sensor.
UPDATE sensor SET model = coalesce(model, %s), district_id = %s, located = %s, version = %s WHERE sensor_id = %s

-- name: read_districts
-- Code → id.
SELECT code, district_id FROM district
