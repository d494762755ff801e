-- name: try_slot
-- Whether this session now holds the slot; it does until it ends.
SELECT pg_try_advisory_lock(53002, %s)

-- name: begin_seat
-- Who we are at the server; and a holder that is silent for 20 seconds is gone: a machine that lost its power, or its
-- network, never says so, and would hold its slot for hours (the heart beats every 2 seconds).
SELECT pid, backend_start FROM pg_stat_activity, set_config('idle_session_timeout', '20s', false) AS a,
    set_config('idle_in_transaction_session_timeout', '20s', false) AS b
WHERE pid = pg_backend_pid()

-- name: end_backend
-- A connection of ours that was given up on this side.
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE pid = %s AND backend_start = %s AND usename = current_user

-- name: free_slot
-- Gives a slot back.
SELECT pg_advisory_unlock(53002, %s)

-- name: read_slot
-- When a slot's holder was last seen, NULL where the broker had no session for it.
SELECT CASE WHEN session_since IS NOT NULL THEN seen_at END FROM worker WHERE slot = %s

-- name: hold_slot
-- The slot's holder introduces itself.
INSERT INTO worker (slot, writer, host, pid, metrics_port, started_at, seen_at, broker_ok, broker_since)
VALUES (%s, %s, %s, %s, %s, now(), now(), false, now())
ON CONFLICT (slot) DO UPDATE SET writer = excluded.writer, host = excluded.host, pid = excluded.pid,
    metrics_port = excluded.metrics_port, started_at = now(), seen_at = now(), released_at = NULL,
    broker_ok = false, broker_since = now()

-- name: beat
-- The holder lives, and says how it stands with the broker.
UPDATE worker SET seen_at = now(), broker_ok = %s, broker_since = %s, broker_detail = %s,
    last_message_at = coalesce(%s, last_message_at), last_commit_at = coalesce(%s, last_commit_at),
    inflight = %s, unacknowledged = %s, busy = %s, window_full_s = %s, database_full_s = %s, retries = %s,
    session_since = CASE WHEN %s THEN coalesce(session_since, now()) ELSE session_since END
WHERE slot = %s

-- name: release_slot
-- The holder stops; its session at the broker stays.
UPDATE worker SET released_at = now(), broker_ok = false WHERE slot = %s

-- name: abandoned_slots
-- Slots whose holder went: a minute ago, or at once where this host was told to run fewer.
SELECT slot FROM worker
WHERE slot <> %(mine)s
    AND (seen_at < now() - interval '60 seconds'
        OR (released_at IS NOT NULL AND host = %(host)s AND slot >= %(workers)s))
ORDER BY slot

-- name: orphaned_slots
-- Slots whose holder has not been seen for so many seconds.
SELECT slot FROM worker WHERE seen_at < now() - make_interval(secs => %s) ORDER BY slot

-- name: delete_slot
-- The slot's session is gone from the broker.
DELETE FROM worker WHERE slot = %s

-- name: delete_timeless
-- Nothing of that slot will be sent again.
DELETE FROM timeless WHERE slot = %s

-- name: read_workers
-- Who holds which slot, and since when not.
SELECT slot, writer, host, pid, seen_at, released_at, broker_ok, broker_since, broker_detail, last_commit_at
FROM worker ORDER BY slot

-- name: watch
-- Somebody watches a serial for ten seconds more.
INSERT INTO watch (serial, expires_at) VALUES (%s, now() + interval '10 seconds')
ON CONFLICT (serial) DO UPDATE SET expires_at = excluded.expires_at

-- name: unwatch
-- Nobody watches it any longer.
DELETE FROM watch WHERE serial = %s OR expires_at < now()

-- name: live_slots
-- Slots whose holder beat lately.
SELECT slot FROM worker WHERE seen_at > now() - interval '10 seconds'

-- name: lowest_slot
-- Whether no lower slot has a holder that beat lately: what one worker does for all is this one's.
SELECT NOT EXISTS (SELECT FROM worker WHERE slot < %s AND seen_at > now() - interval '10 seconds')

-- name: insert_gap
-- A span in which messages may be lost, or waited; one that is open already stays as it is.
INSERT INTO gap (kind, slot, writer, began_at, ended_at, size, lossy, detail)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (kind, slot) WHERE ended_at IS NULL DO NOTHING

-- name: end_gap
-- What was open has ended.
UPDATE gap SET ended_at = greatest(began_at, g.ended_at), size = coalesce(g.size, gap.size), detail = g.detail
FROM (VALUES (%s::timestamptz, %s::bigint, %s::text)) AS g (ended_at, size, detail)
WHERE kind = %s AND slot = %s AND gap.ended_at IS NULL AND g.ended_at IS NOT NULL

-- name: end_gaps_of_slot
-- A slot has a holder again, or none is needed: what its last one left open has ended.
UPDATE gap SET ended_at = greatest(began_at, now()) WHERE slot = %s AND ended_at IS NULL AND (%s OR kind = 'orphaned_slot')

-- name: open_orphans
-- Slots that nobody holds are gaps until somebody does.
INSERT INTO gap (kind, slot, writer, began_at, lossy, detail)
SELECT 'orphaned_slot', slot, writer, seen_at, false, 'nobody reads its share of the messages; the broker keeps it'
FROM worker WHERE slot = ANY (%s)
ON CONFLICT (kind, slot) WHERE ended_at IS NULL DO NOTHING

-- name: end_orphans
-- These slots are the only ones that nobody holds.
UPDATE gap SET ended_at = greatest(began_at, now())
WHERE kind = 'orphaned_slot' AND ended_at IS NULL AND slot <> ALL (%s)

-- name: raise_lag
-- Histograms by minute, added.
INSERT INTO lag_minute AS l (writer, minute, kind, bucket, n)
SELECT %s, * FROM unnest(%s::timestamptz[], %s::text[], %s::smallint[], %s::bigint[])
ON CONFLICT (minute, kind, writer, bucket) DO UPDATE SET n = l.n + excluded.n

-- name: read_broker
-- What the broker told last.
SELECT seen_at, started_at, version, dropped, stored, stored_bytes FROM broker FOR UPDATE

-- name: write_broker
-- What the broker tells.
INSERT INTO broker (seen_at, started_at, version, dropped, stored, stored_bytes) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (only_row) DO UPDATE SET seen_at = excluded.seen_at, started_at = excluded.started_at,
    version = excluded.version, dropped = excluded.dropped, stored = excluded.stored,
    stored_bytes = excluded.stored_bytes

-- name: try_whole
-- Whether this session may now be subscribed to everything; it may until it ends or says otherwise.
SELECT pg_try_advisory_lock(53002, 1000)

-- name: leave_whole
-- It is subscribed to its share only.
SELECT pg_advisory_unlock(53002, 1000)

-- name: is_alone
-- Whether no other slot has a session at the broker.
SELECT NOT EXISTS (SELECT FROM worker WHERE slot <> %s)

-- name: may_join
-- Whether nobody is, or may still be, subscribed to everything: no holder says so, and each lower slot's session is in
-- its holder's hands. For who does not know: a holder that was not seen for 10 seconds.
SELECT NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 53002 AND objid = 1000 AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
) AND NOT EXISTS (
    SELECT FROM worker WHERE slot < %s AND NOT broker_ok AND seen_at > now() - interval '10 seconds'
)
