-- Chunks as maintenance sees them, and the columnstore.

-- Chunks of a series with the span they hold, oldest first.
CREATE FUNCTION series_parts(series text, OUT part regclass, OUT low timestamptz, OUT high timestamptz)
RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT format('%I.%I', chunk_schema, chunk_name)::regclass, range_start, range_end
    FROM timescaledb_information.chunks WHERE hypertable_schema = 'public' AND hypertable_name = series ORDER BY 2
$$;

-- Drops what ends by `high`: that chunk, the older ones being gone before.
CREATE FUNCTION drop_part(series text, part regclass, high timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM drop_chunks(series::regclass, older_than => high);
END $$;

-- Old chunks may become columns (Community edition; the functions of the other say that they are not there).
CREATE FUNCTION set_columnstore(series text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I SET (timescaledb.compress = true, timescaledb.compress_segmentby = %L,'
        ' timescaledb.compress_orderby = %L)', series, 'sensor_id', key || ' DESC');
END $$;
