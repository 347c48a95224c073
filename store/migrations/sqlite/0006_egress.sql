-- What single accounts may reach on the network beside what their package allows.
CREATE TABLE egress_rules (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    network TEXT NOT NULL,
    port TEXT NOT NULL,
    protocol TEXT NOT NULL CHECK (protocol IN ('tcp', 'udp')),
    note TEXT,
    created_at INTEGER NOT NULL,
    CONSTRAINT egress_rules_rule_key UNIQUE (account_id, network, port, protocol),
    CONSTRAINT egress_rules_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;
