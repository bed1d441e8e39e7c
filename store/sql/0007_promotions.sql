-- Texts of prompts by their SHA-256, so that what a stored trial was told can be shown, compared and
-- registered when no file holds it any more. Bytes, since they count to the last one.
CREATE TABLE prompt_text (
    sha256 text PRIMARY KEY,
    body bytea NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What moved an alias of the prompt registry: the intention is written before the registry is
-- touched, the outcome after it, so that a promoter that is killed in between is seen and repaired.
-- `was` and `becomes` say by scenario which variant stood and stands there, with the version and
-- hash of each prompt and what else the variant changes.
CREATE TABLE promotion (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CHECK (kind IN ('approve', 'promote', 'rollback')),
    alias text NOT NULL,
    experiment text NOT NULL,
    definition text NOT NULL,
    variant text NOT NULL,
    digest text NOT NULL,
    scenarios text[] NOT NULL,
    who text NOT NULL CHECK (who <> ''),
    reason text NOT NULL,
    was json NOT NULL,
    becomes json NOT NULL,
    verdict json,
    evidence text[] NOT NULL,
    approval integer REFERENCES promotion (id),
    undoes integer REFERENCES promotion (id),
    CHECK (kind <> 'promote' OR (approval IS NOT NULL AND verdict IS NOT NULL)),
    CHECK ((kind = 'rollback') = (undoes IS NOT NULL))
);
CREATE INDEX promotion_scenarios ON promotion USING gin (scenarios);

-- How it ended: `done`, or `abandoned` where the registry was never touched.
CREATE TABLE promotion_outcome (
    promotion integer PRIMARY KEY REFERENCES promotion (id),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL CHECK (outcome IN ('done', 'abandoned')),
    who text NOT NULL,
    detail text NOT NULL
);

CREATE FUNCTION promotion_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the promotion log only grows: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON promotion
    FOR EACH STATEMENT EXECUTE FUNCTION promotion_log_only_grows();
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON promotion_outcome
    FOR EACH STATEMENT EXECUTE FUNCTION promotion_log_only_grows();
