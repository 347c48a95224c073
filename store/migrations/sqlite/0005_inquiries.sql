-- What somebody wants to know of a node right now. A row lives for seconds.
CREATE TABLE inquiries (
    id BLOB NOT NULL PRIMARY KEY,
    node_id BLOB NOT NULL,
    question TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    given_at INTEGER,
    answer TEXT,
    CONSTRAINT inquiries_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX inquiries_waiting ON inquiries (node_id, asked_at) WHERE given_at IS NULL;
