-- One row per model call that a provider may bill, written before the call is made, so that a
-- harness that is killed in mid-call leaves its reservation behind. No foreign key to matrix: money
-- that was spent outlives the run that spent it.
--   reserved   the call is under way, or the process that made it is gone: the reservation counts
--   estimated  the call broke off (client gone, time-out, lost line) and may be billed: it counts too
--   settled    the provider's answer said what it took
-- `counted_usd` is null where the price is unknown (billed) or nobody bills (not billed).
CREATE TABLE spend (
    id uuid PRIMARY KEY,
    day date NOT NULL,
    matrix_id text NOT NULL,
    trial_id text NOT NULL,
    agent text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    billed boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('reserved', 'estimated', 'settled')),
    reserved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    reserved_tokens bigint NOT NULL,
    reserved_usd numeric,
    prompt_tokens bigint,
    completion_tokens bigint,
    cached_tokens bigint,
    cost_usd numeric,
    counted_tokens bigint NOT NULL GENERATED ALWAYS AS (
        CASE state WHEN 'settled' THEN prompt_tokens + completion_tokens ELSE reserved_tokens END
    ) STORED,
    counted_usd numeric GENERATED ALWAYS AS (
        CASE state WHEN 'settled' THEN cost_usd ELSE reserved_usd END
    ) STORED
);
CREATE INDEX spend_day ON spend (day);
