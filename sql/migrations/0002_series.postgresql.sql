-- The time series on plain PostgreSQL: native partitions by week, made ahead, dropped whole.

CREATE TABLE reading (
    time timestamptz NOT NULL,
    sensor_id integer NOT NULL,
    district_id smallint,
    received_at timestamptz NOT NULL,
    revision integer NOT NULL DEFAULT 0,
    flags bigint NOT NULL DEFAULT 0,
    extra jsonb,
    PRIMARY KEY (sensor_id, time)
) PARTITION BY RANGE (time);

CREATE TABLE sensor_10min (
    sensor_id integer NOT NULL,
    bucket timestamptz NOT NULL,
    district_id smallint,
    PRIMARY KEY (sensor_id, bucket)
) PARTITION BY RANGE (bucket);

CREATE TABLE sensor_hour (
    sensor_id integer NOT NULL,
    bucket timestamptz NOT NULL,
    district_id smallint,
    PRIMARY KEY (sensor_id, bucket)
) PARTITION BY RANGE (bucket);

-- A partition built apart and attached: readers and writers of other weeks never wait for it.
-- No default partition: attaching would have to scan it.
CREATE FUNCTION attach_partition(parent text, part text, key text, low timestamptz, high timestamptz) RETURNS void
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
BEGIN
    -- A query: to_regclass() goes on saying what it said before the wait for the lock.
    IF EXISTS (
        SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent::regclass AND c.relname = part
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', part, parent);
    EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (sensor_id, %I)', part, key);
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT span CHECK (%I >= %L AND %I < %L)', part, key, low, key, high);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, low, high);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT span', part);
END $$;

-- The week of `instant` (Monday, UTC) gets its partitions; false where they stood already.
CREATE FUNCTION ensure_partition(instant timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    low timestamptz := date_trunc('week', instant);
    suffix text := to_char(low, '"_"IYYY"w"IW');
BEGIN
    IF to_regclass('reading' || suffix) IS NOT NULL AND to_regclass('sensor_10min' || suffix) IS NOT NULL
        AND to_regclass('sensor_hour' || to_char(instant, '"_"YYYY')) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(53001, 3);
    PERFORM attach_partition('reading', 'reading' || suffix, 'time', low, low + interval '7 days');
    PERFORM attach_partition('sensor_10min', 'sensor_10min' || suffix, 'bucket', low, low + interval '7 days');
    low := date_trunc('year', instant);
    suffix := to_char(low, '"_"YYYY');
    PERFORM attach_partition('sensor_hour', 'sensor_hour' || suffix, 'bucket', low, low + interval '1 year');
    RETURN true;
END $$;
