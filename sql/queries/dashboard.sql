-- name: live_status
-- Asked at each tick: the registry's version, and of each sensor which version of its newest values stands.
-- A row's xmin changes with each update whatever clocks say; packed, since 1,100 rows would cost more to read.
SELECT c.registry_version,
    coalesce((SELECT string_agg(int4send(l.sensor_id) || xidsend(l.xmin), ''::bytea) FROM latest AS l), ''::bytea)
FROM checkpoint AS c

-- name: live_workers
-- Ingest's slots, and for how long each heart has been silent by this server's own clock.
SELECT slot, greatest(0, extract(epoch FROM clock_timestamp() - seen_at))::float8, seen_at,
    released_at IS NOT NULL, broker_ok, broker_since, coalesce(broker_detail, '')
FROM worker

-- name: live_sensors
-- The registry's rows that changed after a version.
SELECT s.sensor_id, s.serial, coalesce(p.kind, ''), s.state, d.code, p.latitude, p.longitude, s.registered_at
FROM sensor AS s
LEFT JOIN site AS p USING (site_id)
LEFT JOIN district AS d ON d.district_id = s.district_id
WHERE s.version > %s
ORDER BY s.sensor_id

-- name: live_latest
-- Newest values of some sensors, packed: for each metric its time, value and flag.
SELECT sensor_id, time, ''::bytea
    || timestamptz_send(coalesce({key}_time, '-infinity')) || float4send(coalesce({key}, 'NaN')) || boolsend(coalesce({key}_flagged, false))
FROM latest
WHERE sensor_id = ANY (%s)

-- name: live_readings
-- Of each sensor its readings after its own instant, by time, packed: time, flags, and the value of each metric.
-- A look-up per sensor on the key (sensor_id, time), never a scan of a time span; the floor prunes partitions.
SELECT k.sensor_id, r.packed
FROM unnest(%s::integer[], %s::timestamptz[]) AS k (sensor_id, since)
CROSS JOIN LATERAL (
    SELECT coalesce(string_agg(timestamptz_send(n.time) || int8send(n.flags)
        || float4send(coalesce(n.{key}, 'NaN'))
        , ''::bytea ORDER BY n.time), ''::bytea) AS packed
    FROM (
        SELECT * FROM reading AS x
        WHERE x.sensor_id = k.sensor_id AND x.time > k.since AND x.time > %s
        ORDER BY x.time DESC LIMIT 4000
    ) AS n
) AS r

-- name: live_counts
-- Messages of some sensors since they are known, and how many of their readings were refused.
SELECT sensor_id, sum(messages)::bigint, sum(quarantined)::bigint
FROM ledger_sensor_day
WHERE sensor_id = ANY (%s)
GROUP BY sensor_id
