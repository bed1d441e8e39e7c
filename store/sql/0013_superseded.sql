-- The few executions that a later one took the place of: sums over all trials leave them out without
-- looking at the others.
CREATE INDEX trial_superseded ON trial (row_id) WHERE superseded;
