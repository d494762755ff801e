-- Everything but the time series themselves: registry, ledger, quarantine, rollup tables, marks and locks.

-- One row: what every batch reads first and every change of the registry or of the horizon moves.
CREATE TABLE checkpoint (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    registry_version bigint NOT NULL DEFAULT 0,
    -- below it raw readings may be gone; moved forward before anything is dropped, never back
    horizon timestamptz NOT NULL DEFAULT '1900-01-01 00:00:00+00',
    -- rollup buckets from here on are open, always recomputed; a change below leaves a row in `touched`
    open_from timestamptz NOT NULL DEFAULT '1900-01-01 00:00:00+00',
    city text,
    time_zone text NOT NULL DEFAULT 'UTC'
);
INSERT INTO checkpoint DEFAULT VALUES;

CREATE TABLE metric (
    key text PRIMARY KEY,
    bit smallint NOT NULL UNIQUE CHECK (bit BETWEEN 0 AND 62),
    unit text NOT NULL,
    aggregation text NOT NULL CHECK (aggregation IN ('mean', 'sum', 'vector'))
);

CREATE TABLE district (
    district_id smallint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    code text NOT NULL UNIQUE,
    official_code text,
    names jsonb NOT NULL
);

CREATE TABLE site (
    site_id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name text,
    kind text,
    latitude double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TABLE sensor (
    sensor_id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    serial text NOT NULL UNIQUE,
    name text,
    model text,
    site_id integer REFERENCES site,
    district_id smallint REFERENCES district,
    -- whether the district follows from a position, which a name never overrules
    located boolean NOT NULL DEFAULT false,
    state text NOT NULL CHECK (state IN ('unverified', 'verified', 'retired')),
    gateway boolean NOT NULL DEFAULT false,
    online boolean,
    status_at timestamptz,
    registered_at timestamptz NOT NULL DEFAULT now(),
    registered_by text NOT NULL,
    verified_at timestamptz,
    retired_at timestamptz,
    version bigint NOT NULL
);
CREATE INDEX sensor_version ON sensor (version);
CREATE INDEX sensor_registered ON sensor (registered_at) WHERE registered_by = 'mqtt';

-- The newest value of each metric, one row a sensor. Rewritten all day: room on each page keeps updates in place.
CREATE TABLE latest (
    sensor_id integer PRIMARY KEY REFERENCES sensor,
    time timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);

-- What a revision replaced, or a lower revision carried: whole rows as they stood.
CREATE TABLE reading_revision (
    sensor_id integer NOT NULL,
    time timestamptz NOT NULL,
    revision integer NOT NULL,
    replaced_at timestamptz NOT NULL,
    flags bigint NOT NULL DEFAULT 0,
    extra jsonb
);
CREATE INDEX reading_revision_key ON reading_revision (sensor_id, time, revision);

-- Kind, detail, by whom and when of each flag; the bit in `reading.flags` is what aggregates look at.
CREATE TABLE flag (
    sensor_id integer NOT NULL,
    time timestamptz NOT NULL,
    bit smallint NOT NULL,
    kind text NOT NULL,
    detail text,
    flagged_by text NOT NULL,
    flagged_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sensor_id, time, bit, kind)
);

-- Buckets to recompute. Insert-only without a unique key: two writers never wait for each other here.
CREATE TABLE touched (
    sensor_id integer NOT NULL,
    time timestamptz NOT NULL,
    touched_at timestamptz NOT NULL DEFAULT now()
);

-- Counts of outcomes by writer (`ingest/<slot>`, `import`, `backfill`), only ever raised.
CREATE TABLE ledger_minute_writer (
    writer text NOT NULL,
    minute timestamptz NOT NULL,
    messages bigint NOT NULL DEFAULT 0,
    messages_stored bigint NOT NULL DEFAULT 0,
    messages_revised bigint NOT NULL DEFAULT 0,
    messages_duplicate bigint NOT NULL DEFAULT 0,
    messages_quarantined bigint NOT NULL DEFAULT 0,
    messages_rejected bigint NOT NULL DEFAULT 0,
    stored bigint NOT NULL DEFAULT 0,
    revised bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (writer, minute)
) WITH (fillfactor = 70);

-- sensor_id 0: no sensor is known for it.
CREATE TABLE ledger_sensor_day_writer (
    writer text NOT NULL,
    sensor_id integer NOT NULL,
    day date NOT NULL,
    messages bigint NOT NULL DEFAULT 0,
    stored bigint NOT NULL DEFAULT 0,
    revised bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (sensor_id, day, writer)
) WITH (fillfactor = 70);

CREATE VIEW ledger_minute AS
SELECT minute,
    sum(messages)::bigint AS messages,
    sum(messages_stored)::bigint AS messages_stored,
    sum(messages_revised)::bigint AS messages_revised,
    sum(messages_duplicate)::bigint AS messages_duplicate,
    sum(messages_quarantined)::bigint AS messages_quarantined,
    sum(messages_rejected)::bigint AS messages_rejected,
    sum(stored)::bigint AS stored,
    sum(revised)::bigint AS revised,
    sum(duplicate)::bigint AS duplicate,
    sum(quarantined)::bigint AS quarantined,
    sum(rejected)::bigint AS rejected
FROM ledger_minute_writer
GROUP BY minute;

CREATE VIEW ledger_sensor_day AS
SELECT sensor_id, day,
    sum(messages)::bigint AS messages,
    sum(stored)::bigint AS stored,
    sum(revised)::bigint AS revised,
    sum(duplicate)::bigint AS duplicate,
    sum(quarantined)::bigint AS quarantined,
    sum(rejected)::bigint AS rejected
FROM ledger_sensor_day_writer
GROUP BY sensor_id, day;

-- What was refused, whole. `payload` is NULL where a body that is no JSON named a person's device.
-- The same body again with the same fault raises `repeats` (the first counted); the sum of repeats is the
-- ledger's count. `rejected` rows are the sample kept of what was turned away.
CREATE TABLE quarantine (
    quarantine_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    digest bytea NOT NULL UNIQUE,
    arrived_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    repeats bigint NOT NULL DEFAULT 1,
    outcome text NOT NULL CHECK (outcome IN ('quarantined', 'rejected')),
    writer text NOT NULL,
    topic text NOT NULL,
    serial text,
    sensor_id integer,
    decoder text NOT NULL,
    element integer,
    code text NOT NULL,
    reason text NOT NULL,
    payload bytea,
    payload_bytes integer NOT NULL
);
CREATE INDEX quarantine_last ON quarantine (last_at);
CREATE INDEX quarantine_serial ON quarantine (serial, last_at);

-- One row a slot of the shared subscription that has a session at the broker. The holder's heart beats here.
CREATE TABLE worker (
    slot integer PRIMARY KEY,
    writer text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    metrics_port integer,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    released_at timestamptz,
    broker_ok boolean NOT NULL,
    broker_since timestamptz NOT NULL,
    broker_detail text,
    last_message_at timestamptz,
    last_commit_at timestamptz
);

-- Digests of the timeless messages a slot committed last: told again after a resumed session, they are duplicates.
CREATE TABLE timeless (
    slot integer PRIMARY KEY,
    digests bytea NOT NULL
);

-- Serials somebody is watching; renewed every few seconds, so that a closed terminal ends it.
CREATE TABLE watch (
    serial text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

-- How much of `extra` was met and dropped, by key, so that an unknown metric is not overlooked.
CREATE TABLE extra_key (
    key text PRIMARY KEY,
    seen bigint NOT NULL,
    dropped bigint NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);

-- Rollups: our own tables on every engine.
CREATE TABLE district_10min (
    district_id smallint NOT NULL,
    bucket timestamptz NOT NULL,
    PRIMARY KEY (district_id, bucket)
);
CREATE TABLE district_hour (
    district_id smallint NOT NULL,
    bucket timestamptz NOT NULL,
    PRIMARY KEY (district_id, bucket)
);
CREATE TABLE district_day (
    district_id smallint NOT NULL,
    bucket timestamptz NOT NULL,
    PRIMARY KEY (district_id, bucket)
);

-- Advisory locks, all in one place. Two-key locks of class 53001 ("sdot"): 1 batches against changes of
-- the registry and the horizon; 2 registration; 3 partitions. Class 53002: slots.
-- VOLATILE PL/pgSQL on purpose: each statement inside sees what was committed while it waited for the lock.
CREATE FUNCTION batch_begin(OUT registry_version bigint, OUT horizon timestamptz, OUT open_from timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(53001, 1);
    SELECT c.registry_version, c.horizon, c.open_from INTO registry_version, horizon, open_from FROM checkpoint c;
END $$;

CREATE FUNCTION registry_begin(OUT registry_version bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(53001, 1);
    UPDATE checkpoint c SET registry_version = c.registry_version + 1
    RETURNING c.registry_version INTO registry_version;
END $$;

-- New serials: serialised among themselves, no batch waits.
CREATE FUNCTION registration_begin(OUT registry_version bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(53001, 2);
    UPDATE checkpoint c SET registry_version = c.registry_version + 1
    RETURNING c.registry_version INTO registry_version;
END $$;
