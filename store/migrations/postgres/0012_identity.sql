-- How people sign in: sessions, second factors, links that were mailed, invitations, and the mail itself.
-- What opens something (a token, a code, a link) is stored as its SHA-256 only.

-- An administrator who acts in somebody's place.
CREATE TABLE impersonations (
    id UUID NOT NULL PRIMARY KEY,
    admin_id UUID NOT NULL,
    user_id UUID NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    CONSTRAINT impersonations_admin_fkey FOREIGN KEY (admin_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT impersonations_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX impersonations_of_user ON impersonations (user_id, created_at);
CREATE INDEX impersonations_of_admin ON impersonations (admin_id, created_at);

CREATE TABLE sessions (
    id UUID NOT NULL PRIMARY KEY,
    token_sha256 TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('full', 'needs_second_factor', 'must_enrol')),
    agent TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    impersonation_id UUID,
    CONSTRAINT sessions_token_key UNIQUE (token_sha256),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_impersonation_fkey FOREIGN KEY (impersonation_id) REFERENCES impersonations (id)
        ON DELETE SET NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id, id);
CREATE INDEX sessions_expiring ON sessions (expires_at);

-- What a user's sign-ins came to. Attempts with a name that nobody has are not kept: people type passwords
-- into the wrong field.
CREATE TABLE login_history (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    CONSTRAINT login_history_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX login_history_of_user ON login_history (user_id, id);
CREATE INDEX login_history_by_age ON login_history (at);

-- Attempts that were made from an address or at an account, and until when no more are taken.
CREATE TABLE throttles (
    subject TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    attempts BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX throttles_by_age ON throttles (last_at);

-- The second factor of a user: the sealed secret once enrolment has begun, and whether one must be enrolled.
CREATE TABLE second_factors (
    user_id UUID NOT NULL PRIMARY KEY,
    required_at BIGINT,
    secret TEXT COLLATE "C",
    confirmed_at BIGINT,
    last_step BIGINT,
    CONSTRAINT second_factors_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE recovery_codes (
    user_id UUID NOT NULL,
    code_sha256 TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_sha256),
    CONSTRAINT recovery_codes_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- A link that lets its user do one thing once. A new one of the same kind replaces the old.
CREATE TABLE links (
    id UUID NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('set_password', 'recovery', 'email_old', 'email_new')),
    user_id UUID NOT NULL,
    token_sha256 TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT links_token_key UNIQUE (token_sha256),
    CONSTRAINT links_user_key UNIQUE (user_id, kind),
    CONSTRAINT links_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX links_expiring ON links (expires_at);

-- A change of address that waits for both addresses to agree.
CREATE TABLE email_changes (
    user_id UUID NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    old_confirmed_at BIGINT,
    new_confirmed_at BIGINT,
    CONSTRAINT email_changes_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- Somebody who may become a user, because they were invited or because they registered.
CREATE TABLE invitations (
    id UUID NOT NULL PRIMARY KEY,
    origin TEXT COLLATE "C" NOT NULL CHECK (origin IN ('invitation', 'registration')),
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('admin', 'reseller', 'user')),
    package TEXT COLLATE "C",
    language TEXT COLLATE "C" NOT NULL,
    owner_id UUID,
    invited_by TEXT COLLATE "C" NOT NULL,
    token_sha256 TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approved_at BIGINT,
    accepted_at BIGINT,
    revoked_at BIGINT,
    user_id UUID,
    CONSTRAINT invitations_token_key UNIQUE (token_sha256),
    CONSTRAINT invitations_owner_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT invitations_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX invitations_pending_key ON invitations (email_key)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_of_owner ON invitations (owner_id, id);

-- Mail and what became of it. The outbox holds what is still to be done about it.
CREATE TABLE mails (
    id UUID NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    user_id UUID,
    invitation_id UUID,
    address TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    problem TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    CONSTRAINT mails_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT mails_invitation_fkey FOREIGN KEY (invitation_id) REFERENCES invitations (id) ON DELETE CASCADE
);
CREATE INDEX mails_of_user ON mails (user_id, id);
CREATE INDEX mails_of_invitation ON mails (invitation_id, id);
CREATE INDEX mails_by_age ON mails (created_at);
CREATE INDEX outbox_of_topic ON outbox (topic, due_at);
