-- One row per `agentdyno score`: stored trials graded again by the checks that their scenarios have
-- by then. The trials themselves stay as they were sealed, with the verdicts of their run in `body`.
CREATE TABLE grading (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    graded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    command text NOT NULL,
    harness text NOT NULL
);

-- The verdicts of the trials whose verdicts a grading changed, one value for all of a trial's. Rows
-- are never changed: together with `body` they are the history.
CREATE TABLE graded (
    trial bigint NOT NULL,
    grading bigint NOT NULL REFERENCES grading (id),
    verdicts json NOT NULL,
    PRIMARY KEY (trial, grading)
);

-- The grading that counts; null where that is still the run's own. `verdict` and the counts of
-- verdicts in `trial` are always those of the grading that counts.
ALTER TABLE trial ADD COLUMN grading bigint REFERENCES grading (id);
