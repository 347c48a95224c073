-- What somebody wants to know of a node right now. A row lives for seconds.
CREATE TABLE inquiries (
    id UUID NOT NULL PRIMARY KEY,
    node_id UUID NOT NULL,
    question TEXT COLLATE "C" NOT NULL,
    asked_at BIGINT NOT NULL,
    given_at BIGINT,
    answer TEXT COLLATE "C",
    CONSTRAINT inquiries_node_fkey FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE CASCADE
);
CREATE INDEX inquiries_waiting ON inquiries (node_id, asked_at) WHERE given_at IS NULL;
