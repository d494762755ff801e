-- Back-fills that have begun and not ended: whoever simulates next goes on with them.
CREATE TABLE backfill (
    -- the first instant that was to be written
    low timestamptz NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now()
);
