-- The same as in migrations/sqlite/0016_websites.sql.
-- What Installatron's API says of a user beside what every user has. `forgotten` hides a user who has more
-- than that from the API again; `created_here` says that the user came with it and goes with it.
CREATE TABLE external_users (
    user_id UUID NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C",
    locale TEXT COLLATE "C" NOT NULL,
    package TEXT COLLATE "C",
    created_here BOOLEAN NOT NULL,
    forgotten BOOLEAN NOT NULL,
    CONSTRAINT external_users_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- Websites of users. `document` is the whole definition, sealed, since it holds credentials.
CREATE TABLE websites (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL,
    position BIGINT NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT websites_label_key UNIQUE (user_id, label),
    CONSTRAINT websites_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- Keys of SSH servers, as they were when they were first connected to.
CREATE TABLE pinned_host_keys (
    server TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    fingerprint TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
