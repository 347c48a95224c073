-- What single accounts may reach on the network beside what their package allows.
CREATE TABLE egress_rules (
    id UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL,
    network TEXT COLLATE "C" NOT NULL,
    port TEXT COLLATE "C" NOT NULL,
    protocol TEXT COLLATE "C" NOT NULL CHECK (protocol IN ('tcp', 'udp')),
    note TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    CONSTRAINT egress_rules_rule_key UNIQUE (account_id, network, port, protocol),
    CONSTRAINT egress_rules_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
