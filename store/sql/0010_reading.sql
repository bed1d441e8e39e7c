-- What comparisons over many trials are made of, as columns: under what a trial ran, and the numbers
-- that would otherwise have to be counted in its events. `body` and `events` stay the truth.
--   user_*               the part of model_calls and tokens that a simulated user took
--   coordination_tokens  of agents that only coordinate
--   cost_usd             null where nobody bills, and where any price is unknown
--   first_token_s        mean over streamed answers; null where nothing was streamed
--   gaps                 reports of missing tools
--   wire_digest          trials of one case that share it differ in time alone; '' where unknown
ALTER TABLE trial
    ADD COLUMN case_name text NOT NULL DEFAULT '',
    ADD COLUMN tools text NOT NULL DEFAULT 'live',
    ADD COLUMN retries text NOT NULL DEFAULT 'uniform',
    ADD COLUMN faults text NOT NULL DEFAULT '',
    ADD COLUMN approver text NOT NULL DEFAULT '',
    ADD COLUMN stream boolean NOT NULL DEFAULT false,
    ADD COLUMN cold boolean NOT NULL DEFAULT false,
    ADD COLUMN user_calls integer NOT NULL DEFAULT 0,
    ADD COLUMN user_prompt_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN user_completion_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN coordination_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN cost_usd double precision,
    ADD COLUMN first_token_s double precision,
    ADD COLUMN gaps integer NOT NULL DEFAULT 0,
    ADD COLUMN wire_digest text NOT NULL DEFAULT '';

-- Trials that were stored before. Where a body holds what SQL cannot take apart (\u0000, half a
-- surrogate pair) it is read with U+FFFD in its place; `events_plain` is that copy of the events.
WITH said AS MATERIALIZED (
    SELECT
        row_id,
        coalesce((plain.body -> 'report' ->> 'cold')::boolean, false) AS cold,
        coalesce(plain.body ->> 'wire_digest', '') AS wire_digest,
        CASE plain.body -> 'pattern' ->> 'type'
            WHEN 'selector' THEN plain.body -> 'pattern' ->> 'selector'
            WHEN 'supervisor' THEN plain.body -> 'pattern' ->> 'manager'
            WHEN 'parallel' THEN plain.body -> 'pattern' ->> 'synthesizer'
        END AS leader
    FROM trial, LATERAL (
        SELECT CASE
            WHEN trial.body::text ~* '\\u(0000|d[89a-f])'
            THEN regexp_replace(
                trial.body::text, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'gi')::json
            ELSE trial.body END
        OFFSET 0  -- once for each trial, not once for each mention
    ) AS plain (body)
),
called AS (
    SELECT
        e.trial, e.kind, e.agent = 'user_simulator' AS by_user, e.agent = s.leader AS by_leader,
        (e.data -> 'tokens' ->> 'prompt')::bigint AS prompt,
        (e.data -> 'tokens' ->> 'completion')::bigint AS completion,
        (e.data ->> 'cost_usd')::double precision AS cost_usd,
        e.agent <> 'user_simulator' AND e.data ->> 'source' = 'live'
            AND e.data -> 'tokens' ->> 'prompt' IS NOT NULL
            AND lower(coalesce(e.data ->> 'provider', '')) NOT IN (
                '', 'scripted', 'ollama', 'vllm', 'llamacpp', 'llama_cpp', 'llama-cpp',
                'llamafile', 'lmstudio', 'lm_studio', 'localai', 'sglang', 'tgi', 'mlx',
                'hosted_vllm'
            ) AS billed,
        CASE WHEN (e.data ->> 'stream')::boolean AND e.agent <> 'user_simulator'
             THEN (e.data ->> 'first_token_s')::double precision - e.started_s END AS first_token_s
    FROM event e JOIN said s ON s.row_id = e.trial
    WHERE e.kind IN ('model_call', 'tool_gap')
),
counted AS (
    SELECT
        trial,
        count(*) FILTER (WHERE kind = 'model_call' AND by_user) AS user_calls,
        coalesce(sum(prompt) FILTER (WHERE by_user), 0) AS user_prompt_tokens,
        coalesce(sum(completion) FILTER (WHERE by_user), 0) AS user_completion_tokens,
        coalesce(sum(prompt + completion) FILTER (WHERE by_leader), 0) AS coordination_tokens,
        CASE WHEN count(*) FILTER (WHERE billed)
                = count(cost_usd) FILTER (WHERE billed)
             THEN sum(cost_usd) FILTER (WHERE billed) END AS cost_usd,
        avg(first_token_s) AS first_token_s,
        count(*) FILTER (WHERE kind = 'tool_gap') AS gaps
    FROM called GROUP BY trial
)
UPDATE trial t SET
    case_name = coalesce(t.key ->> 'case', ''), tools = coalesce(t.key ->> 'tools', 'live'),
    retries = coalesce(t.key ->> 'retries', 'uniform'), faults = coalesce(t.key ->> 'faults', ''),
    approver = coalesce(t.key ->> 'approver', ''),
    stream = coalesce((t.key ->> 'stream')::boolean, false),
    cold = s.cold, wire_digest = s.wire_digest,
    user_calls = coalesce(c.user_calls, 0),
    user_prompt_tokens = coalesce(c.user_prompt_tokens, 0),
    user_completion_tokens = coalesce(c.user_completion_tokens, 0),
    coordination_tokens = coalesce(c.coordination_tokens, 0),
    cost_usd = c.cost_usd, first_token_s = c.first_token_s, gaps = coalesce(c.gaps, 0)
FROM said s LEFT JOIN counted c ON c.trial = s.row_id
WHERE s.row_id = t.row_id;

-- All that the table of a comparison is grouped by and counts, so that it is read from the index.
CREATE INDEX trial_cells ON trial (scenario, case_name, runner, runner_version, variant)
    INCLUDE (model, tools, retries, faults, stream, approver, outcome, passed, failed, undecided,
             wire_digest, gaps, cost_usd, row_id)
    WHERE NOT superseded;
CREATE INDEX trial_gaps ON trial (row_id DESC) WHERE gaps > 0 AND NOT superseded;
