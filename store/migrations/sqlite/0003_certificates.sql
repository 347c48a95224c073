-- The same as in migrations/postgres/0003_certificates.sql. Proof of ownership, certificates, and what a site
-- does with visitors who come without encryption.

-- One row for each domain whose ownership is not proven. `due_at` is empty when Berth has given up looking.
CREATE TABLE domain_proofs (
    domain_id BLOB NOT NULL PRIMARY KEY,
    token TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    checked_at INTEGER,
    due_at INTEGER,
    problem TEXT,
    CONSTRAINT domain_proofs_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX domain_proofs_due ON domain_proofs (due_at) WHERE due_at IS NOT NULL;
INSERT INTO domain_proofs (domain_id, token, created_at, due_at)
SELECT id, lower(hex(randomblob(20))), created_at, created_at FROM domains WHERE state = 'pending';

ALTER TABLE domains ADD COLUMN https_redirect TEXT NOT NULL DEFAULT 'auto'
    CHECK (https_redirect IN ('auto', 'on', 'off'));
ALTER TABLE domains ADD COLUMN hsts INTEGER CHECK (hsts > 0);

-- Our account at each certification authority, by the address of its directory. `credentials` is sealed.
CREATE TABLE acme_accounts (
    directory TEXT NOT NULL PRIMARY KEY,
    credentials TEXT NOT NULL,
    thumbprint TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One row for each domain whose ownership is proven, with its newest certificate if there is one.
-- `private_key` is sealed; `due_at` is when something is to be done next.
CREATE TABLE certificates (
    domain_id BLOB NOT NULL PRIMARY KEY,
    fingerprint TEXT,
    names TEXT NOT NULL DEFAULT '[]',
    issuer TEXT,
    chain TEXT,
    private_key TEXT,
    not_before INTEGER,
    not_after INTEGER,
    due_at INTEGER NOT NULL,
    forced INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1)),
    attempts INTEGER NOT NULL DEFAULT 0,
    attempted_at INTEGER,
    problems TEXT NOT NULL DEFAULT '[]',
    CONSTRAINT certificates_fingerprint_key UNIQUE (fingerprint),
    CONSTRAINT certificates_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX certificates_due ON certificates (due_at);
INSERT INTO certificates (domain_id, due_at) SELECT id, created_at FROM domains WHERE state = 'active';

-- What was ordered lately, so that no limit of a certification authority is ever reached.
CREATE TABLE certificate_orders (
    id BLOB NOT NULL PRIMARY KEY,
    registrable TEXT NOT NULL,
    names TEXT NOT NULL,
    ordered_at INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_orders_of_registrable ON certificate_orders (registrable, ordered_at);
CREATE INDEX certificate_orders_age ON certificate_orders (ordered_at);
