-- The time series on TimescaleDB, either edition: hypertables, whose chunks make themselves.

CREATE TABLE reading (
    time timestamptz NOT NULL,
    sensor_id integer NOT NULL,
    district_id smallint,
    received_at timestamptz NOT NULL,
    revision integer NOT NULL DEFAULT 0,
    flags bigint NOT NULL DEFAULT 0,
    extra jsonb,
    PRIMARY KEY (sensor_id, time)
);
CREATE TABLE sensor_10min (
    sensor_id integer NOT NULL,
    bucket timestamptz NOT NULL,
    district_id smallint,
    PRIMARY KEY (sensor_id, bucket)
);
CREATE TABLE sensor_hour (
    sensor_id integer NOT NULL,
    bucket timestamptz NOT NULL,
    district_id smallint,
    PRIMARY KEY (sensor_id, bucket)
);
-- No index of time alone: a second index would halve ingest.
SELECT create_hypertable('reading', 'time', chunk_time_interval => interval '7 days', create_default_indexes => false);
SELECT create_hypertable('sensor_10min', 'bucket', chunk_time_interval => interval '7 days',
                         create_default_indexes => false);
SELECT create_hypertable('sensor_hour', 'bucket', chunk_time_interval => interval '365 days',
                         create_default_indexes => false);

-- Chunks come with the first row: nothing to make ahead.
CREATE FUNCTION ensure_partition(instant timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT false $$;
