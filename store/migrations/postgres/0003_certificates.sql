-- The same as in migrations/sqlite/0003_certificates.sql. Proof of ownership, certificates, and what a site
-- does with visitors who come without encryption.

-- One row for each domain whose ownership is not proven. `due_at` is empty when Berth has given up looking.
CREATE TABLE domain_proofs (
    domain_id UUID NOT NULL PRIMARY KEY,
    token TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    checked_at BIGINT,
    due_at BIGINT,
    problem TEXT COLLATE "C",
    CONSTRAINT domain_proofs_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
);
CREATE INDEX domain_proofs_due ON domain_proofs (due_at) WHERE due_at IS NOT NULL;
INSERT INTO domain_proofs (domain_id, token, created_at, due_at)
SELECT id, substr(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 1, 40), created_at, created_at FROM domains WHERE state = 'pending';

ALTER TABLE domains ADD COLUMN https_redirect TEXT COLLATE "C" NOT NULL DEFAULT 'auto'
    CHECK (https_redirect IN ('auto', 'on', 'off'));
ALTER TABLE domains ADD COLUMN hsts BIGINT CHECK (hsts > 0);

-- Our account at each certification authority, by the address of its directory. `credentials` is sealed.
CREATE TABLE acme_accounts (
    directory TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    credentials TEXT COLLATE "C" NOT NULL,
    thumbprint TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row for each domain whose ownership is proven, with its newest certificate if there is one.
-- `private_key` is sealed; `due_at` is when something is to be done next.
CREATE TABLE certificates (
    domain_id UUID NOT NULL PRIMARY KEY,
    fingerprint TEXT COLLATE "C",
    names TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    issuer TEXT COLLATE "C",
    chain TEXT COLLATE "C",
    private_key TEXT COLLATE "C",
    not_before BIGINT,
    not_after BIGINT,
    due_at BIGINT NOT NULL,
    forced BOOLEAN NOT NULL DEFAULT FALSE,
    attempts BIGINT NOT NULL DEFAULT 0,
    attempted_at BIGINT,
    problems TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    CONSTRAINT certificates_fingerprint_key UNIQUE (fingerprint),
    CONSTRAINT certificates_domain_fkey FOREIGN KEY (domain_id) REFERENCES domains (id) ON DELETE CASCADE
);
CREATE INDEX certificates_due ON certificates (due_at);
INSERT INTO certificates (domain_id, due_at) SELECT id, created_at FROM domains WHERE state = 'active';

-- What was ordered lately, so that no limit of a certification authority is ever reached.
CREATE TABLE certificate_orders (
    id UUID NOT NULL PRIMARY KEY,
    registrable TEXT COLLATE "C" NOT NULL,
    names TEXT COLLATE "C" NOT NULL,
    ordered_at BIGINT NOT NULL
);
CREATE INDEX certificate_orders_of_registrable ON certificate_orders (registrable, ordered_at);
CREATE INDEX certificate_orders_age ON certificate_orders (ordered_at);
