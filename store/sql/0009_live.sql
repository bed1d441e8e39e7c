-- What runs at this moment, for people who look from elsewhere: one row per `run` command, which
-- its harness writes at most once a second and deletes at its end. A harness that was killed leaves
-- its row, and `seen_at` says since when nobody has heard of it. Unlogged: nothing in it outlives
-- the run, and after a crash of the server the next heartbeat makes the row again.
-- `cancels` counts how often somebody asked to cancel: once finishes what runs, twice drops it.
CREATE UNLOGGED TABLE live_matrix (
    matrix_id text PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stage text NOT NULL,
    progress json NOT NULL,
    running json NOT NULL,
    cancels integer NOT NULL DEFAULT 0,
    cancelled_by text NOT NULL DEFAULT '',
    cancelled_at timestamptz
);

-- Who changed what, when: approvals, promotions, cancelled runs, deleted memories. Nothing in it is
-- ever changed, not even by its owner.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    who text NOT NULL CHECK (who <> ''),
    action text NOT NULL CHECK (action <> ''),
    target text NOT NULL,
    detail json NOT NULL
);
CREATE INDEX audit_target ON audit (target, id DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP;
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
