-- How people sign in: sessions, second factors, links that were mailed, invitations, and the mail itself.
-- What opens something (a token, a code, a link) is stored as its SHA-256 only.

-- An administrator who acts in somebody's place.
CREATE TABLE impersonations (
    id BLOB NOT NULL PRIMARY KEY,
    admin_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    CONSTRAINT impersonations_admin_fkey FOREIGN KEY (admin_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT impersonations_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX impersonations_of_user ON impersonations (user_id, created_at);
CREATE INDEX impersonations_of_admin ON impersonations (admin_id, created_at);

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    token_sha256 TEXT NOT NULL,
    user_id BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('full', 'needs_second_factor', 'must_enrol')),
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    confirmed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    impersonation_id BLOB,
    CONSTRAINT sessions_token_key UNIQUE (token_sha256),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_impersonation_fkey FOREIGN KEY (impersonation_id) REFERENCES impersonations (id)
        ON DELETE SET NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user_id, id);
CREATE INDEX sessions_expiring ON sessions (expires_at);

-- What a user's sign-ins came to. Attempts with a name that nobody has are not kept: people type passwords
-- into the wrong field.
CREATE TABLE login_history (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    CONSTRAINT login_history_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX login_history_of_user ON login_history (user_id, id);
CREATE INDEX login_history_by_age ON login_history (at);

-- Attempts that were made from an address or at an account, and until when no more are taken.
CREATE TABLE throttles (
    subject TEXT NOT NULL PRIMARY KEY,
    attempts INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX throttles_by_age ON throttles (last_at);

-- The second factor of a user: the sealed secret once enrolment has begun, and whether one must be enrolled.
CREATE TABLE second_factors (
    user_id BLOB NOT NULL PRIMARY KEY,
    required_at INTEGER,
    secret TEXT,
    confirmed_at INTEGER,
    last_step INTEGER,
    CONSTRAINT second_factors_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL,
    code_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_sha256),
    CONSTRAINT recovery_codes_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;

-- A link that lets its user do one thing once. A new one of the same kind replaces the old.
CREATE TABLE links (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('set_password', 'recovery', 'email_old', 'email_new')),
    user_id BLOB NOT NULL,
    token_sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT links_token_key UNIQUE (token_sha256),
    CONSTRAINT links_user_key UNIQUE (user_id, kind),
    CONSTRAINT links_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX links_expiring ON links (expires_at);

-- A change of address that waits for both addresses to agree.
CREATE TABLE email_changes (
    user_id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    old_confirmed_at INTEGER,
    new_confirmed_at INTEGER,
    CONSTRAINT email_changes_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) STRICT;

-- Somebody who may become a user, because they were invited or because they registered.
CREATE TABLE invitations (
    id BLOB NOT NULL PRIMARY KEY,
    origin TEXT NOT NULL CHECK (origin IN ('invitation', 'registration')),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'reseller', 'user')),
    package TEXT,
    language TEXT NOT NULL,
    owner_id BLOB,
    invited_by TEXT NOT NULL,
    token_sha256 TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    approved_at INTEGER,
    accepted_at INTEGER,
    revoked_at INTEGER,
    user_id BLOB,
    CONSTRAINT invitations_token_key UNIQUE (token_sha256),
    CONSTRAINT invitations_owner_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT invitations_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
) STRICT;
CREATE UNIQUE INDEX invitations_pending_key ON invitations (email_key)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_of_owner ON invitations (owner_id, id);

-- Mail and what became of it. The outbox holds what is still to be done about it.
CREATE TABLE mails (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BLOB,
    invitation_id BLOB,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    detail TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    problem TEXT,
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    CONSTRAINT mails_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT mails_invitation_fkey FOREIGN KEY (invitation_id) REFERENCES invitations (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX mails_of_user ON mails (user_id, id);
CREATE INDEX mails_of_invitation ON mails (invitation_id, id);
CREATE INDEX mails_by_age ON mails (created_at);
CREATE INDEX outbox_of_topic ON outbox (topic, due_at);
