-- The same as in migrations/sqlite/0010_suspensions.sql. Why users are closed, who is in the trash, and what is
-- left of those who are gone for good.

ALTER TABLE users ADD COLUMN deleted_at BIGINT;
-- When a user in the trash is purged without anybody asking for it.
ALTER TABLE users ADD COLUMN purge_at BIGINT;
ALTER TABLE users ADD COLUMN purging_at BIGINT;
CREATE INDEX users_deleted ON users (deleted_at, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX users_purge_due ON users (purge_at) WHERE purge_at IS NOT NULL AND purging_at IS NULL;

-- Each reason is there once; the highest level counts.
CREATE TABLE suspensions (
    user_id UUID NOT NULL,
    reason TEXT COLLATE "C" NOT NULL CHECK (reason IN ('billing', 'abuse', 'operator', 'owner')),
    level TEXT COLLATE "C" NOT NULL CHECK (level IN ('login', 'full')),
    set_by TEXT COLLATE "C" NOT NULL CHECK (set_by IN ('owner', 'reseller', 'operator')),
    since BIGINT NOT NULL,
    until BIGINT,
    message TEXT COLLATE "C",
    CONSTRAINT suspensions_pkey PRIMARY KEY (user_id, reason),
    CONSTRAINT suspensions_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX suspensions_until ON suspensions (until) WHERE until IS NOT NULL;

-- What was looked for, and not found, when an account was purged. Refers to nothing: all of it is gone.
CREATE TABLE purged_accounts (
    account_id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL,
    username TEXT COLLATE "C" NOT NULL,
    uid BIGINT NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    purged_at BIGINT NOT NULL,
    looked TEXT COLLATE "C" NOT NULL
);
CREATE INDEX purged_accounts_of_user ON purged_accounts (user_id);
