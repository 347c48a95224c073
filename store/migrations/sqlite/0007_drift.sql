-- What somebody else had changed on nodes, as found and put right by their agents.
CREATE TABLE drift (
    id BLOB NOT NULL PRIMARY KEY,
    node_id BLOB NOT NULL,
    account_id BLOB,
    resource TEXT,
    object TEXT NOT NULL,
    found TEXT,
    made TEXT,
    seen_at INTEGER NOT NULL,
    right_at INTEGER,
    cause TEXT NOT NULL CHECK (cause IN ('package_upgrade', 'root_shell', 'unknown')),
    evidence TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('repaired', 'adopted', 'reverted')),
    decided_at INTEGER,
    decided_by TEXT,
    CONSTRAINT drift_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE,
    CONSTRAINT drift_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX drift_of_node ON drift (node_id, seen_at, id);
CREATE INDEX drift_of_account ON drift (account_id, seen_at, id);
