-- What somebody else had changed on nodes, as found and put right by their agents.
CREATE TABLE drift (
    id UUID NOT NULL PRIMARY KEY,
    node_id UUID NOT NULL,
    account_id UUID,
    resource TEXT COLLATE "C",
    object TEXT COLLATE "C" NOT NULL,
    found TEXT COLLATE "C",
    made TEXT COLLATE "C",
    seen_at BIGINT NOT NULL,
    right_at BIGINT,
    cause TEXT COLLATE "C" NOT NULL CHECK (cause IN ('package_upgrade', 'root_shell', 'unknown')),
    evidence TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('repaired', 'adopted', 'reverted')),
    decided_at BIGINT,
    decided_by TEXT COLLATE "C",
    CONSTRAINT drift_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE,
    CONSTRAINT drift_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX drift_of_node ON drift (node_id, seen_at, id);
CREATE INDEX drift_of_account ON drift (account_id, seen_at, id);
