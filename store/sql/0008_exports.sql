-- What is to be told elsewhere: one row per run and target, written when the run ends and worked off
-- by a process of its own, so that a target that is away costs the run nothing.
--   waiting   due from `next_try_at` on; `error` says why the last attempt failed
--   running   an exporter is at work on it, or was killed at it: whoever holds the lock may take it
--   done      all trials are there
--   refused   trying again is of no use until somebody has done what `error` says
-- `trials` are all trials of the run, those taken from the store included; null for runs that were
-- stored before this table was, whose own trials count then.
CREATE TABLE export (
    matrix_id text NOT NULL REFERENCES matrix (id) ON DELETE CASCADE,
    target text NOT NULL CHECK (target IN ('mlflow', 'otlp')),
    state text NOT NULL DEFAULT 'waiting' CHECK (
        state IN ('waiting', 'running', 'done', 'refused')
    ),
    trials text[],
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    ended_at timestamptz,
    exported integer NOT NULL DEFAULT 0,
    error text NOT NULL DEFAULT '',
    PRIMARY KEY (matrix_id, target)
);
CREATE INDEX export_open ON export (next_try_at) WHERE state IN ('waiting', 'running');
