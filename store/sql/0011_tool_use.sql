-- What each trial made of each tool that it called, so that a page over many trials need not take
-- their events apart. Every call is in `calls` and in at most one of the next five columns; what is
-- left answered without an error.
--   injected  the harness put a fault into it, so it says nothing of the tool
--   refused   the agent may not call it, somebody rejected it, or a limit was reached
--   invalid   the agent's arguments did not fit
--   failed    the tool answered with an error of its own
--   broken    the server crashed, or did not answer in time
-- `seconds` and `slowest_s` are of calls that a server answered, without injected and recorded ones.
CREATE TABLE tool_use (
    trial bigint NOT NULL,
    server text NOT NULL,
    tool text NOT NULL,
    calls integer NOT NULL,
    injected integer NOT NULL,
    refused integer NOT NULL,
    invalid integer NOT NULL,
    failed integer NOT NULL,
    broken integer NOT NULL,
    recorded integer NOT NULL,
    seconds double precision NOT NULL,
    slowest_s double precision NOT NULL,
    PRIMARY KEY (trial, server, tool)
);

WITH seen AS MATERIALIZED (
    SELECT t.row_id AS trial, e.data
    FROM trial t, json_array_elements(coalesce(t.events_plain, t.events)) AS e (data)
    WHERE t.tool_calls > 0 AND e.data ->> 'kind' IN ('tool_call', 'fault')
),
injected AS (
    SELECT DISTINCT trial, data ->> 'agent' AS agent, (data ->> 'ordinal')::integer AS ordinal
    FROM seen WHERE data ->> 'kind' = 'fault' AND data ->> 'channel' = 'tool'
),
called AS (
    SELECT
        trial, left(data ->> 'server', 200) AS server, left(data ->> 'tool', 200) AS tool,
        data ->> 'agent' AS agent, (data ->> 'ordinal')::integer AS ordinal,
        coalesce(data ->> 'source', 'server') = 'recorded' AS recorded,
        CASE WHEN (data ->> 'is_error')::boolean
             THEN coalesce(data ->> 'error_kind', 'tool_error') ELSE '' END AS error,
        (data ->> 'ended_s')::double precision - (data ->> 'started_s')::double precision AS took
    FROM seen WHERE data ->> 'kind' = 'tool_call'
)
INSERT INTO tool_use
SELECT
    c.trial, c.server, c.tool, count(*),
    count(i.trial),
    count(*) FILTER (WHERE i.trial IS NULL AND c.error IN ('not_allowed', 'rejected', 'limit')),
    count(*) FILTER (WHERE i.trial IS NULL AND c.error = 'invalid_arguments'),
    count(*) FILTER (WHERE i.trial IS NULL AND c.error = 'tool_error'),
    count(*) FILTER (WHERE i.trial IS NULL AND c.error IN ('timeout', 'server_crash')),
    count(*) FILTER (WHERE c.recorded),
    coalesce(sum(c.took) FILTER (WHERE i.trial IS NULL AND NOT c.recorded), 0),
    coalesce(max(c.took) FILTER (WHERE i.trial IS NULL AND NOT c.recorded), 0)
FROM called c
LEFT JOIN injected i USING (trial, agent, ordinal)
GROUP BY c.trial, c.server, c.tool;
