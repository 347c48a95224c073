-- The same tables as in migrations/sqlite/0001_first.sql, with the same names of columns and constraints.
-- Ids are UUIDs, moments are whole microseconds since 1970 (UTC), text compares by bytes (`COLLATE "C"`).

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    login TEXT COLLATE "C",
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    sort_key TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('admin', 'reseller', 'user')),
    phone TEXT COLLATE "C",
    address TEXT COLLATE "C",
    timezone TEXT COLLATE "C",
    language TEXT COLLATE "C" NOT NULL,
    owner_id UUID,
    password_hash TEXT COLLATE "C",
    password_set_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT users_login_key UNIQUE (login),
    CONSTRAINT users_email_key UNIQUE (email_key),
    CONSTRAINT users_owner_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE RESTRICT
        -- A restored backup may hold a user before the owner of that user.
        DEFERRABLE INITIALLY IMMEDIATE
);
CREATE INDEX users_sorted ON users (sort_key, id);
CREATE INDEX users_of_owner ON users (owner_id, sort_key, id);
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

CREATE TABLE packages (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    limits TEXT COLLATE "C" NOT NULL,
    features TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT packages_name_key UNIQUE (name)
);

CREATE TABLE nodes (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    seen_at BIGINT,
    agent_version TEXT COLLATE "C",
    audit_requested BIGINT NOT NULL DEFAULT 0,
    audit_done BIGINT NOT NULL DEFAULT 0,
    problems TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    CONSTRAINT nodes_name_key UNIQUE (name)
);

CREATE TABLE accounts (
    id UUID NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind = 'hosted'),
    username TEXT COLLATE "C" NOT NULL,
    uid BIGINT NOT NULL,
    node_id UUID NOT NULL,
    package_id UUID NOT NULL,
    sftp_enabled BOOLEAN NOT NULL,
    generation BIGINT NOT NULL,
    observed_generation BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    CONSTRAINT accounts_username_key UNIQUE (username),
    CONSTRAINT accounts_uid_key UNIQUE (uid),
    -- A pull asks for generations above a cursor: two accounts of one node can't share one.
    CONSTRAINT accounts_generation_key UNIQUE (node_id, generation),
    CONSTRAINT accounts_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE RESTRICT,
    CONSTRAINT accounts_package_fkey FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE RESTRICT
);
CREATE INDEX accounts_of_package ON accounts (package_id);
CREATE INDEX accounts_unsynced ON accounts (node_id, generation) WHERE generation <> observed_generation;

-- The next number of a kind. It only grows, so that a number is never given twice, whatever row goes.
CREATE TABLE id_allocation (
    kind TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next BIGINT NOT NULL
);
INSERT INTO id_allocation (kind, next) VALUES ('uid', 1900000001);

CREATE TABLE memberships (
    user_id UUID NOT NULL,
    account_id UUID NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('owner', 'manager', 'viewer')),
    created_at BIGINT NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (user_id, account_id),
    CONSTRAINT memberships_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT memberships_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX memberships_of_account ON memberships (account_id);
CREATE UNIQUE INDEX memberships_owner_key ON memberships (account_id) WHERE role = 'owner';

CREATE TABLE domains (
    id UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL,
    fqdn TEXT COLLATE "C" NOT NULL,
    docroot TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'active')),
    is_primary BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT domains_fqdn_key UNIQUE (fqdn),
    CONSTRAINT domains_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX domains_of_account ON domains (account_id);
CREATE UNIQUE INDEX domains_primary_key ON domains (account_id) WHERE is_primary;

-- Every host name that is served, aliases included, so that no two sites can share one. `path` is the name
-- with its labels turned round, `com.example.shop.`: what lies below a name is one range of it.
CREATE TABLE host_names (
    name TEXT COLLATE "C" NOT NULL,
    domain_id UUID NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    is_alias BOOLEAN NOT NULL,
    CONSTRAINT host_names_pkey PRIMARY KEY (name),
    CONSTRAINT host_names_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
);
CREATE INDEX host_names_of_domain ON host_names (domain_id);
CREATE INDEX host_names_path ON host_names (path);

-- One row for each registrable domain that was ever claimed: whoever wants a name at or below it takes the
-- row's lock first, so that a name and a name above it can't be claimed at the same time.
CREATE TABLE registrable_names (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

CREATE TABLE ssh_keys (
    id UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    public_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT ssh_keys_fingerprint_key UNIQUE (account_id, fingerprint),
    CONSTRAINT ssh_keys_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

-- What the node said last about an account: one row, because it is written and read as a whole.
CREATE TABLE account_conditions (
    account_id UUID NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    reported_at BIGINT NOT NULL,
    failed BOOLEAN NOT NULL,
    conditions TEXT COLLATE "C" NOT NULL,
    CONSTRAINT account_conditions_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX account_conditions_failed ON account_conditions (account_id) WHERE failed;

-- Names on a node that are not Berth's: `account` for accounts and groups, `home` for directories.
CREATE TABLE node_names (
    node_id UUID NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('account', 'home')),
    name TEXT COLLATE "C" NOT NULL,
    CONSTRAINT node_names_pkey PRIMARY KEY (node_id, kind, name),
    CONSTRAINT node_names_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE
);

CREATE TABLE quarantines (
    id UUID NOT NULL PRIMARY KEY,
    node_id UUID NOT NULL,
    username TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    moved_to TEXT COLLATE "C",
    problem TEXT COLLATE "C",
    CONSTRAINT quarantines_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX quarantines_pending_key ON quarantines (node_id, username) WHERE done_at IS NULL;

CREATE TABLE audit_log (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    actor_label TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_id UUID,
    outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'refused')),
    request TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_log_of_user ON audit_log (user_id, sequence);
CREATE INDEX audit_log_of_action ON audit_log (action, sequence);

-- The end of the chain: its row lock makes writers of the log queue.
CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
INSERT INTO audit_head (id, sequence, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE outbox (
    id UUID NOT NULL PRIMARY KEY,
    topic TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT COLLATE "C"
);
CREATE INDEX outbox_due ON outbox (due_at, id);

CREATE TABLE api_keys (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    secret_sha256 TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT api_keys_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX api_keys_of_user ON api_keys (user_id, id);

CREATE TABLE settings (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE idempotency_keys (
    actor TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_hash TEXT COLLATE "C" NOT NULL,
    response TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Commands done lately, so that the same one by the same actor answers with what it created.
CREATE TABLE recent_commands (
    actor TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT recent_commands_pkey PRIMARY KEY (actor, fingerprint),
    CONSTRAINT recent_commands_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX recent_commands_age ON recent_commands (created_at);

-- What a search for users looks through, lower case.
CREATE TABLE user_search (
    "row" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id UUID NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    CONSTRAINT user_search_user_key UNIQUE (user_id),
    CONSTRAINT user_search_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
-- Trigrams need an extension that a database's owner may create where it is installed. Without it a search
-- reads the whole table, which is slower and otherwise the same.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX user_search_text ON user_search USING gin (text gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'searching without trigram index: %', SQLERRM;
END
$$;
