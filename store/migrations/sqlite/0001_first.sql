-- The same tables as in migrations/postgres/0001_first.sql, with the same names of columns and constraints.
-- Ids are UUIDs as 16 bytes, moments are whole microseconds since 1970 (UTC), text compares by bytes.

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    login TEXT,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    sort_key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'reseller', 'user')),
    phone TEXT,
    address TEXT,
    timezone TEXT,
    language TEXT NOT NULL,
    owner_id BLOB,
    password_hash TEXT,
    password_set_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT users_login_key UNIQUE (login),
    CONSTRAINT users_email_key UNIQUE (email_key),
    CONSTRAINT users_owner_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX users_sorted ON users (sort_key, id);
CREATE INDEX users_of_owner ON users (owner_id, sort_key, id);
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

CREATE TABLE packages (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    limits TEXT NOT NULL,
    features TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT packages_name_key UNIQUE (name)
) STRICT;

CREATE TABLE nodes (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    seen_at INTEGER,
    agent_version TEXT,
    audit_requested INTEGER NOT NULL DEFAULT 0,
    audit_done INTEGER NOT NULL DEFAULT 0,
    problems TEXT NOT NULL DEFAULT '[]',
    CONSTRAINT nodes_name_key UNIQUE (name)
) STRICT;

CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind = 'hosted'),
    username TEXT NOT NULL,
    uid INTEGER NOT NULL,
    node_id BLOB NOT NULL,
    package_id BLOB NOT NULL,
    sftp_enabled INTEGER NOT NULL CHECK (sftp_enabled IN (0, 1)),
    generation INTEGER NOT NULL,
    observed_generation INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    CONSTRAINT accounts_username_key UNIQUE (username),
    CONSTRAINT accounts_uid_key UNIQUE (uid),
    -- A pull asks for generations above a cursor: two accounts of one node can't share one.
    CONSTRAINT accounts_generation_key UNIQUE (node_id, generation),
    CONSTRAINT accounts_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE RESTRICT,
    CONSTRAINT accounts_package_fkey FOREIGN KEY (package_id) REFERENCES packages (id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX accounts_of_package ON accounts (package_id);
CREATE INDEX accounts_unsynced ON accounts (node_id, generation) WHERE generation <> observed_generation;

-- The next number of a kind. It only grows, so that a number is never given twice, whatever row goes.
CREATE TABLE id_allocation (
    kind TEXT NOT NULL PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT;
INSERT INTO id_allocation (kind, next) VALUES ('uid', 1900000001);

CREATE TABLE memberships (
    user_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'viewer')),
    created_at INTEGER NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (user_id, account_id),
    CONSTRAINT memberships_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT memberships_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX memberships_of_account ON memberships (account_id);
CREATE UNIQUE INDEX memberships_owner_key ON memberships (account_id) WHERE role = 'owner';

CREATE TABLE domains (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    fqdn TEXT NOT NULL,
    docroot TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active')),
    is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
    created_at INTEGER NOT NULL,
    CONSTRAINT domains_fqdn_key UNIQUE (fqdn),
    CONSTRAINT domains_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX domains_of_account ON domains (account_id);
CREATE UNIQUE INDEX domains_primary_key ON domains (account_id) WHERE is_primary;

-- Every host name that is served, aliases included, so that no two sites can share one. `path` is the name
-- with its labels turned round, `com.example.shop.`: what lies below a name is one range of it.
CREATE TABLE host_names (
    name TEXT NOT NULL,
    domain_id BLOB NOT NULL,
    path TEXT NOT NULL,
    is_alias INTEGER NOT NULL CHECK (is_alias IN (0, 1)),
    CONSTRAINT host_names_pkey PRIMARY KEY (name),
    CONSTRAINT host_names_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX host_names_of_domain ON host_names (domain_id);
CREATE INDEX host_names_path ON host_names (path);

-- One row for each registrable domain that was ever claimed: whoever wants a name at or below it takes the
-- row's lock first, so that a name and a name above it can't be claimed at the same time.
CREATE TABLE registrable_names (
    name TEXT NOT NULL PRIMARY KEY
) STRICT;

CREATE TABLE ssh_keys (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    fingerprint TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT ssh_keys_fingerprint_key UNIQUE (account_id, fingerprint),
    CONSTRAINT ssh_keys_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;

-- What the node said last about an account: one row, because it is written and read as a whole.
CREATE TABLE account_conditions (
    account_id BLOB NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    failed INTEGER NOT NULL CHECK (failed IN (0, 1)),
    conditions TEXT NOT NULL,
    CONSTRAINT account_conditions_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX account_conditions_failed ON account_conditions (account_id) WHERE failed;

-- Names on a node that are not Berth's: `account` for accounts and groups, `home` for directories.
CREATE TABLE node_names (
    node_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('account', 'home')),
    name TEXT NOT NULL,
    CONSTRAINT node_names_pkey PRIMARY KEY (node_id, kind, name),
    CONSTRAINT node_names_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE quarantines (
    id BLOB NOT NULL PRIMARY KEY,
    node_id BLOB NOT NULL,
    username TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    moved_to TEXT,
    problem TEXT,
    CONSTRAINT quarantines_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX quarantines_pending_key ON quarantines (node_id, username) WHERE done_at IS NULL;

CREATE TABLE audit_log (
    sequence INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_label TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BLOB,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    request TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_of_user ON audit_log (user_id, sequence);
CREATE INDEX audit_log_of_action ON audit_log (action, sequence);

-- The end of the chain: its row lock makes writers of the log queue.
CREATE TABLE audit_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (id, sequence, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE outbox (
    id BLOB NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at, id);

CREATE TABLE api_keys (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL,
    label TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT api_keys_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX api_keys_of_user ON api_keys (user_id, id);

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    response TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Commands done lately, so that the same one by the same actor answers with what it created.
CREATE TABLE recent_commands (
    actor TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    user_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT recent_commands_pkey PRIMARY KEY (actor, fingerprint),
    CONSTRAINT recent_commands_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX recent_commands_age ON recent_commands (created_at);

-- What a search for users looks through, lower case. `row` is explicit because the index refers to it, and
-- SQLite may renumber implicit row numbers.
CREATE TABLE user_search (
    "row" INTEGER PRIMARY KEY,
    user_id BLOB NOT NULL,
    text TEXT NOT NULL,
    CONSTRAINT user_search_user_key UNIQUE (user_id),
    CONSTRAINT user_search_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE VIRTUAL TABLE user_search_index USING fts5 (
    text, content = 'user_search', content_rowid = 'row', tokenize = 'trigram'
);
CREATE TRIGGER user_search_inserted AFTER INSERT ON user_search BEGIN
    INSERT INTO user_search_index (rowid, text) VALUES (new."row", new.text);
END;
CREATE TRIGGER user_search_deleted AFTER DELETE ON user_search BEGIN
    INSERT INTO user_search_index (user_search_index, rowid, text) VALUES ('delete', old."row", old.text);
END;
CREATE TRIGGER user_search_updated AFTER UPDATE ON user_search BEGIN
    INSERT INTO user_search_index (user_search_index, rowid, text) VALUES ('delete', old."row", old.text);
    INSERT INTO user_search_index (rowid, text) VALUES (new."row", new.text);
END;
