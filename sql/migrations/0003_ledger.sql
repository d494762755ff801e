-- What the books need beyond counts: reasons, lag, gaps, what retention took, and what a replay did.

-- Why readings were quarantined or rejected, by minute of arrival: the sum over codes is the ledger's count.
CREATE TABLE ledger_reason (
    writer text NOT NULL,
    minute timestamptz NOT NULL,
    code text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('quarantined', 'rejected')),
    readings bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, code, outcome, writer)
) WITH (fillfactor = 70);
-- Nothing has left quarantine before this migration: its rows are the reasons so far (by the last arrival).
INSERT INTO ledger_reason (writer, minute, code, outcome, readings)
SELECT writer, date_trunc('minute', last_at), code, outcome, sum(repeats) FROM quarantine GROUP BY 1, 2, 3, 4;

-- Of raw readings that retention took: how many the books still count, by minute of first arrival. Whoever drops
-- raw rows counts them here in the same transaction, so that books and rows can be compared afterwards.
CREATE TABLE ledger_dropped (
    minute timestamptz PRIMARY KEY,
    stored bigint NOT NULL DEFAULT 0,
    revised bigint NOT NULL DEFAULT 0
);

-- Cases that left quarantine, by hour: of age, for size, by a person, or into the readings by a replay.
CREATE TABLE quarantine_gone (
    hour timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause IN ('age', 'size', 'purged', 'replayed')),
    code text NOT NULL,
    outcome text NOT NULL,
    cases bigint NOT NULL DEFAULT 0,
    readings bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, cause, code, outcome)
);
-- Cases leave quarantine, counted as they go; returns how many did.
CREATE FUNCTION quarantine_leave(ids bigint[], why text) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    WITH gone AS (
        DELETE FROM quarantine WHERE quarantine_id = ANY (ids)
        RETURNING code, outcome, repeats, coalesce(octet_length(payload), 0) AS bytes
    ), counted AS (
        INSERT INTO quarantine_gone AS g (hour, cause, code, outcome, cases, readings, bytes)
        SELECT date_trunc('hour', now(), 'UTC'), why, code, outcome, count(*), sum(repeats), sum(bytes)
        FROM gone GROUP BY code, outcome ORDER BY code, outcome
        ON CONFLICT (hour, cause, code, outcome) DO UPDATE SET cases = g.cases + excluded.cases,
            readings = g.readings + excluded.readings, bytes = g.bytes + excluded.bytes
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Bounds of age and size, the cases that are longest quiet first, at most `step` a call; returns how many left.
-- A case weighs its payload and 256 bytes for its row and index entries. Rows that a batch holds are left for later,
-- so that nobody waits here. Runs as the owner: ingest may not delete, it may have this counted.
CREATE FUNCTION quarantine_trim(quiet_since timestamptz, max_bytes bigint, step integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    old bigint[] := ARRAY(SELECT quarantine_id FROM quarantine WHERE last_at < quiet_since
        ORDER BY last_at LIMIT step FOR UPDATE SKIP LOCKED);
    total bigint;
    many bigint[];
BEGIN
    IF cardinality(old) > 0 THEN
        RETURN quarantine_leave(old, 'age');
    END IF;
    SELECT sum(coalesce(octet_length(payload), 0) + 256) INTO total FROM quarantine;
    IF total IS NULL OR total <= max_bytes THEN
        RETURN 0;
    END IF;
    many := ARRAY(
        SELECT quarantine_id FROM quarantine WHERE quarantine_id IN (
            SELECT quarantine_id FROM (
                SELECT quarantine_id, sum(coalesce(octet_length(payload), 0) + 256)
                    OVER (ORDER BY last_at, quarantine_id) - coalesce(octet_length(payload), 0) - 256 AS before
                FROM (SELECT * FROM quarantine ORDER BY last_at, quarantine_id LIMIT step) AS oldest
            ) AS summed WHERE before < total - max_bytes
        ) FOR UPDATE SKIP LOCKED);
    RETURN quarantine_leave(many, 'size');
END $$;

ALTER TABLE quarantine ADD COLUMN replays integer NOT NULL DEFAULT 0, ADD COLUMN replayed_at timestamptz;

-- true: a lower revision carried it, the row never held it; NULL: written before it was told apart.
ALTER TABLE reading_revision ADD COLUMN carried boolean;

-- How late things were, a histogram per writer, minute of the commit and kind: from `arrival` of a message, or from
-- `measurement` of a reading, to its commit. Bucket b ends at 0.01 s × 2^(b/2), the last (38) has no end.
-- No part of the books: written every two seconds, after the commits that it is about.
CREATE TABLE lag_minute (
    writer text NOT NULL,
    minute timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('arrival', 'measurement')),
    bucket smallint NOT NULL CHECK (bucket BETWEEN 0 AND 38),
    n bigint NOT NULL,
    PRIMARY KEY (minute, kind, writer, bucket)
) WITH (fillfactor = 70);

-- The upper end of a bucket of lag_minute, seconds; that of the last but one (one hour) where there is none.
CREATE FUNCTION lag_bound(bucket integer) RETURNS float8
LANGUAGE sql IMMUTABLE AS $$ SELECT 0.01 * 2 ^ (least(bucket, 37) / 2.0)::float8 $$;

-- The lag, seconds, below which the share `q` of what was counted stayed; buckets may come in any order and again,
-- as array_agg() over writers and minutes gives them. NULL where nothing was counted.
CREATE FUNCTION lag_quantile(buckets smallint[], counts bigint[], q float8) RETURNS float8
LANGUAGE sql IMMUTABLE AS $$
    WITH summed AS (
        SELECT bucket, sum(n)::float8 AS n FROM unnest(buckets, counts) AS u (bucket, n) WHERE n > 0 GROUP BY bucket
    ), added AS (
        SELECT bucket, n, sum(n) OVER (ORDER BY bucket) AS upto, q * sum(n) OVER () AS wanted FROM summed
    ), found AS (
        SELECT n, upto, wanted, lag_bound(bucket) AS high, CASE WHEN bucket = 0 THEN 0 ELSE lag_bound(bucket - 1) END AS low
        FROM added WHERE upto >= wanted ORDER BY bucket LIMIT 1
    )
    SELECT low + (high - low) * (wanted - (upto - n)) / n FROM found
$$;

-- Spans in which messages may have been lost, or waited, as ingest learns of them. Open while `ended_at` is NULL.
CREATE TABLE gap (
    gap_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('queue_overflow', 'session_lost', 'orphaned_slot', 'window_full',
        'database_slow', 'database_away', 'broker_away')),
    slot integer NOT NULL,
    writer text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz CHECK (ended_at >= began_at),
    -- messages lost (queue_overflow) or that waited; NULL where nobody can tell
    size bigint,
    -- whether messages may be gone that QoS 1 had promised; else they waited
    lossy boolean NOT NULL,
    detail text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX gap_open ON gap (kind, slot) WHERE ended_at IS NULL;
CREATE INDEX gap_began ON gap (began_at);

-- How a slot's holder stands, renewed with its heart beat.
ALTER TABLE worker
    -- the window the broker grants, and how much of it is taken by messages that are not committed
    ADD COLUMN inflight integer,
    ADD COLUMN unacknowledged integer,
    -- share of the time since the beat before in which it did not wait for messages, 0 … 1
    ADD COLUMN busy real,
    -- since its start: seconds with a full window, seconds of full batches in the database, batches tried again
    ADD COLUMN window_full_s float8,
    ADD COLUMN database_full_s float8,
    ADD COLUMN retries bigint,
    -- since when the broker keeps this slot's session; NULL: nothing is lost where it has none
    ADD COLUMN session_since timestamptz;
UPDATE worker SET session_since = started_at WHERE broker_ok OR last_message_at IS NOT NULL;

-- What the broker tells of itself ($SYS), where it does; all its clients counted.
CREATE TABLE broker (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    seen_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    version text,
    -- publications dropped since its start, mostly by limits of queues
    dropped bigint NOT NULL,
    -- messages it keeps, retained ones included, and their payload in bytes
    stored bigint,
    stored_bytes bigint
);
