-- The same as in migrations/postgres/0016_websites.sql.
-- What Installatron's API says of a user beside what every user has. `forgotten` hides a user who has more
-- than that from the API again; `created_here` says that the user came with it and goes with it.
CREATE TABLE external_users (
    user_id BLOB NOT NULL PRIMARY KEY,
    email TEXT,
    locale TEXT NOT NULL,
    package TEXT,
    created_here INTEGER NOT NULL CHECK (created_here IN (0, 1)),
    forgotten INTEGER NOT NULL CHECK (forgotten IN (0, 1)),
    CONSTRAINT external_users_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;

-- Websites of users. `document` is the whole definition, sealed, since it holds credentials.
CREATE TABLE websites (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    label TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT websites_label_key UNIQUE (user_id, label),
    CONSTRAINT websites_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;

-- Keys of SSH servers, as they were when they were first connected to.
CREATE TABLE pinned_host_keys (
    server TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
