CREATE EXTENSION IF NOT EXISTS vector;

-- Items of two kinds of namespace: `seed/HASH`, shared by all trials with the same seed and never
-- changed, and `TRIAL/RANDOM`, what one execution of that trial wrote. A trial reads its own two.
-- `ordinal` numbers the items that a trial can see: seeds first, then its writes. Agents are shown
-- it as m1, m2, ...: short, and the same in every repetition, so that token counts are too.
-- `embedding` has no fixed dimension: `embedder_id` says what made it, and only rows of one embedder
-- are ever compared.
CREATE TABLE memory_item (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal >= 1),
    text text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    embedding vector,
    embedder_id text,
    document tsvector NOT NULL
        GENERATED ALWAYS AS (to_tsvector('english', text) || to_tsvector('simple', text)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (namespace, ordinal),
    CHECK ((embedding IS NULL) = (embedder_id IS NULL))
);

CREATE TABLE chat_session (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trial_id text NOT NULL,
    namespace text,
    seed_namespace text,
    started_at timestamptz NOT NULL,
    UNIQUE (trial_id, started_at)
);

CREATE TABLE chat_message (
    session_id bigint NOT NULL REFERENCES chat_session (id) ON DELETE CASCADE,
    seq integer NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    text text NOT NULL,
    PRIMARY KEY (session_id, seq)
);

-- Which memories a conversation found or wrote, in the order of the trial's events.
CREATE TABLE memory_link (
    session_id bigint NOT NULL REFERENCES chat_session (id) ON DELETE CASCADE,
    item_id bigint NOT NULL REFERENCES memory_item (id) ON DELETE CASCADE,
    event_seq integer NOT NULL,
    relation text NOT NULL CHECK (relation IN ('found', 'wrote')),
    rank integer NOT NULL,
    PRIMARY KEY (session_id, event_seq, item_id)
);
