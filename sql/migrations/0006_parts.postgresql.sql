-- Partitions as maintenance sees them, and made with the indexes of their parents.

CREATE OR REPLACE FUNCTION attach_partition(parent text, part text, key text, low timestamptz, high timestamptz)
RETURNS void LANGUAGE plpgsql SET timezone = 'UTC' AS $$
BEGIN
    -- A query: to_regclass() goes on saying what it said before the wait for the lock.
    IF EXISTS (
        SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent::regclass AND c.relname = part
    ) THEN
        RETURN;
    END IF;
    -- with the parent's indexes, so that attaching finds them and builds none
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING INDEXES)', part, parent);
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT span CHECK (%I >= %L AND %I < %L)', part, key, low, key, high);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, low, high);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT span', part);
END $$;

-- Partitions of a series with the span they hold, oldest first.
CREATE FUNCTION series_parts(series text, OUT part regclass, OUT low timestamptz, OUT high timestamptz)
RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT c.oid::regclass, (b.bounds)[1]::timestamptz, (b.bounds)[2]::timestamptz
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (
        SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$FROM \('([^']+)'\) TO \('([^']+)'\)$r$) AS bounds
    ) AS b
    WHERE i.inhparent = series::regclass ORDER BY 2
$$;

-- Drops one of them; readers of the others wait for as long as the catalogue takes.
CREATE FUNCTION drop_part(series text, part regclass, high timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %s', series, part);
    EXECUTE format('DROP TABLE %s', part);
END $$;
