-- One row per version of an experiment: what was asked for, and the design that was planned from it
-- before anything ran. A definition that changed after its start is another version. `digest` is the
-- hash of everything that decides what its trials do.
CREATE TABLE experiment (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    digest text NOT NULL,
    definition json NOT NULL,
    design json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    UNIQUE (name, version)
);

-- One row per look: the run that made its trials, and what was said then. What is said now is always
-- computed from the trials.
CREATE TABLE experiment_look (
    experiment integer NOT NULL REFERENCES experiment (id),
    look integer NOT NULL CHECK (look >= 1),
    matrix_id text NOT NULL REFERENCES matrix (id),
    rounds integer NOT NULL,
    said json NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (experiment, look)
);
CREATE INDEX experiment_look_matrix ON experiment_look (matrix_id);

-- Which trials belong to an experiment, by the look that first asked for them. An experiment takes
-- what is stored already, so that their own run may be another one.
CREATE TABLE experiment_trial (
    experiment integer NOT NULL,
    look integer NOT NULL,
    arm text NOT NULL,
    trial_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (experiment, trial_id),
    FOREIGN KEY (experiment, look) REFERENCES experiment_look (experiment, look)
);
