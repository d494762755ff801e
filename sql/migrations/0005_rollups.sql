-- Rollups: a row a sensor, bucket and district (0: none, an unverified sensor's), so that a sensor that moved within
-- a bucket counts in both districts with what it measured there; found by bucket and district, too.

ALTER TABLE checkpoint ADD COLUMN rolled_to timestamptz NOT NULL DEFAULT '1900-01-01 00:00:00+00';
COMMENT ON COLUMN checkpoint.rolled_to IS 'buckets below are rolled up, but for what `touched` names';

ALTER TABLE sensor_10min DROP CONSTRAINT sensor_10min_pkey;
ALTER TABLE sensor_10min ALTER COLUMN district_id SET DEFAULT 0, ALTER COLUMN district_id SET NOT NULL;
ALTER TABLE sensor_10min ADD PRIMARY KEY (sensor_id, bucket, district_id);
CREATE INDEX sensor_10min_bucket ON sensor_10min (bucket, district_id);

ALTER TABLE sensor_hour DROP CONSTRAINT sensor_hour_pkey;
ALTER TABLE sensor_hour ALTER COLUMN district_id SET DEFAULT 0, ALTER COLUMN district_id SET NOT NULL;
ALTER TABLE sensor_hour ADD PRIMARY KEY (sensor_id, bucket, district_id);
CREATE INDEX sensor_hour_bucket ON sensor_hour (bucket, district_id);

CREATE INDEX district_10min_bucket ON district_10min (bucket);
CREATE INDEX district_hour_bucket ON district_hour (bucket);
CREATE INDEX district_day_bucket ON district_day (bucket);

-- Rows come and go all day, and a scan of it is every refresh's first step.
ALTER TABLE touched SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000);


-- The angle of a mean vector in degrees, 0 to 360 from north by east; none where directions cancel each other.
CREATE FUNCTION direction(east float8, north float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN abs(east) + abs(north) > 1e-9
        THEN atan2d(east, north) + CASE WHEN atan2d(east, north) < 0 THEN 360 ELSE 0 END END
$$;

-- Spans in which a back-fill wrote for most sensors: one row instead of one a sensor and bucket.
CREATE TABLE touched_span (
    span_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    low timestamptz NOT NULL,
    high timestamptz NOT NULL CHECK (high > low)
);

-- What maintenance did last, a row a job.
CREATE TABLE maintenance (
    job text PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    seconds float8 NOT NULL,
    -- what waits still, in the job's own measure
    backlog bigint NOT NULL DEFAULT 0,
    detail text NOT NULL DEFAULT '',
    -- why the last run failed; NULL where it did not
    error text,
    runs bigint NOT NULL DEFAULT 1,
    failures bigint NOT NULL DEFAULT 0
);

-- Bytes of a relation with its indexes, TOAST, and partitions or chunks.
CREATE FUNCTION series_size(relation text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (pg_total_relation_size(relation::regclass)
        + coalesce((SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = relation::regclass), 0))::bigint
$$;
