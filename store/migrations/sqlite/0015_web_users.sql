-- Numbers for dialects that know nothing else: dense, and never used again, whatever row goes.
INSERT INTO id_allocation (kind, next) VALUES ('customer', 1), ('site', 1), ('web_user', 1);

CREATE TABLE user_numbers (
    number INTEGER NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL,
    CONSTRAINT user_numbers_user_key UNIQUE (user_id),
    CONSTRAINT user_numbers_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
INSERT INTO user_numbers (number, user_id)
SELECT row_number() OVER (ORDER BY created_at, id), id FROM users;
UPDATE id_allocation SET next = 1 + (SELECT count(*) FROM user_numbers) WHERE kind = 'customer';

CREATE TABLE domain_numbers (
    number INTEGER NOT NULL PRIMARY KEY,
    domain_id BLOB NOT NULL,
    CONSTRAINT domain_numbers_domain_key UNIQUE (domain_id),
    CONSTRAINT domain_numbers_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
) STRICT;
INSERT INTO domain_numbers (number, domain_id)
SELECT row_number() OVER (ORDER BY created_at, id), id FROM domains;
UPDATE id_allocation SET next = 1 + (SELECT count(*) FROM domain_numbers) WHERE kind = 'site';

-- Further logins for file transfer, each a Unix account of its own. `login_key` is the login in lower case.
CREATE TABLE web_users (
    number INTEGER NOT NULL PRIMARY KEY,
    domain_id BLOB NOT NULL,
    login TEXT NOT NULL,
    login_key TEXT NOT NULL,
    uid INTEGER NOT NULL,
    password_hash TEXT,
    quota INTEGER,
    services TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT web_users_login_key UNIQUE (login_key),
    CONSTRAINT web_users_uid_key UNIQUE (uid),
    CONSTRAINT web_users_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX web_users_of_domain ON web_users (domain_id);

-- Sites whose web users may not use scripts.
CREATE TABLE web_scripts_off (
    domain_id BLOB NOT NULL PRIMARY KEY,
    CONSTRAINT web_scripts_off_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
) STRICT;

-- Keys of Plesk's XML API. Only a hash of the key is kept.
CREATE TABLE plesk_keys (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL,
    secret_sha256 TEXT NOT NULL,
    address TEXT,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT plesk_keys_secret_key UNIQUE (secret_sha256),
    CONSTRAINT plesk_keys_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX plesk_keys_of_user ON plesk_keys (user_id);
