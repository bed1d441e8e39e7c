-- One row per tool call that waits, or waited, for a person: what the run asks and what was decided.
-- The run that asks keeps `seen_at` fresh while it waits, so that nobody decides for a process that
-- was killed. `ticket` is made by the asker, so that an INSERT may be tried again; people use `id`.
-- No foreign key to trial: a trial is stored when it has ended, and this is asked before.
--   waiting    nobody has decided yet
--   withdrawn  the call ended before anybody did: its trial was stopped, or its framework gave up
--   timed_out  nobody decided in time, so the scenario's policy did
CREATE TABLE approval (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket uuid NOT NULL UNIQUE,
    trial_id text NOT NULL,
    request json NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (
        state IN ('waiting', 'approved', 'rejected', 'modified', 'timed_out', 'withdrawn')
    ),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at timestamptz,
    decided_by text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    arguments json
);
CREATE INDEX approval_waiting ON approval (asked_at) WHERE state = 'waiting';
