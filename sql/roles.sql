-- Least privilege. The owner migrates; run after each migration, so that new relations are covered, too.
-- Roles are shared by a whole server: they are made where missing, without a password and without login
-- until somebody gives them one.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sdot_ingest') THEN
        CREATE ROLE sdot_ingest NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sdot_dashboard') THEN
        CREATE ROLE sdot_dashboard NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'roles sdot_ingest and sdot_dashboard are not there and may not be created by %', current_user;
    RETURN;
END $$;

DO $$
BEGIN
    IF to_regrole('sdot_ingest') IS NULL OR to_regrole('sdot_dashboard') IS NULL THEN
        RETURN;
    END IF;
    GRANT USAGE ON SCHEMA public TO sdot_ingest, sdot_dashboard;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO sdot_ingest, sdot_dashboard;
    GRANT INSERT, UPDATE ON reading, latest, sensor, site, ledger_minute_writer, ledger_sensor_day_writer,
        ledger_reason, quarantine, lag_minute, gap, broker, worker, timeless, extra_key
        TO sdot_ingest;
    GRANT INSERT ON reading_revision, touched TO sdot_ingest;
    GRANT INSERT, DELETE ON flag TO sdot_ingest;
    GRANT DELETE ON worker, timeless TO sdot_ingest;
    GRANT INSERT, UPDATE, DELETE ON watch TO sdot_ingest;
    -- raising the registry's version is all that registration does to the checkpoint
    GRANT UPDATE (registry_version) ON checkpoint TO sdot_ingest;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO sdot_ingest;
    -- functions may be called by everybody unless told otherwise
    REVOKE EXECUTE ON FUNCTION ensure_partition(timestamptz), batch_begin(), registry_begin(), registration_begin(),
        quarantine_leave(bigint[], text), quarantine_trim(timestamptz, bigint, integer) FROM PUBLIC;
    -- ingest trimmed by itself once
    REVOKE EXECUTE ON FUNCTION quarantine_trim(timestamptz, bigint, integer) FROM sdot_ingest;
    REVOKE DELETE ON lag_minute FROM sdot_ingest;
    IF to_regproc('attach_partition') IS NOT NULL THEN
        REVOKE EXECUTE ON FUNCTION attach_partition(text, text, text, timestamptz, timestamptz) FROM PUBLIC;
    END IF;
    GRANT EXECUTE ON FUNCTION ensure_partition(timestamptz), batch_begin(), registry_begin(), registration_begin()
        TO sdot_ingest;
    -- everybody may, unless an administrator took it away
    IF NOT has_database_privilege('sdot_ingest', current_database(), 'TEMPORARY') THEN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO sdot_ingest', current_database());
    END IF;
END $$;

-- What writes the broker's password file reads that alone, and nobody else reads the hashes of passwords.
DO $$
BEGIN
    IF to_regrole('sdot_broker') IS NULL THEN
        CREATE ROLE sdot_broker NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'role sdot_broker is not there and may not be created by %', current_user;
END $$;

DO $$
BEGIN
    IF to_regrole('sdot_broker') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA public TO sdot_broker;
        GRANT SELECT ON broker_login TO sdot_broker;
    END IF;
    IF to_regrole('sdot_ingest') IS NOT NULL AND to_regrole('sdot_dashboard') IS NOT NULL THEN
        REVOKE ALL ON credential, broker_login FROM sdot_ingest, sdot_dashboard;
    END IF;
    -- what maintenance does to whole series is the owner's business
    IF to_regproc('drop_part') IS NOT NULL THEN
        REVOKE EXECUTE ON FUNCTION drop_part(text, regclass, timestamptz) FROM PUBLIC;
    END IF;
    IF to_regproc('set_columnstore') IS NOT NULL THEN
        REVOKE EXECUTE ON FUNCTION set_columnstore(text, text) FROM PUBLIC;
    END IF;
END $$;
