-- What has happened, and who is told of it.
CREATE TABLE events (
    id UUID NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_id UUID,
    actor TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C",
    detail TEXT COLLATE "C" NOT NULL
);
CREATE INDEX events_by_time ON events (at, id);
CREATE INDEX events_of_user ON events (user_id, at, id);

CREATE TABLE webhooks (
    id UUID NOT NULL PRIMARY KEY,
    url TEXT COLLATE "C" NOT NULL,
    patterns TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C",
    secret TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    rests_until BIGINT NOT NULL
);

CREATE TABLE webhook_deliveries (
    id UUID NOT NULL PRIMARY KEY,
    webhook_id UUID NOT NULL,
    event_id UUID NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tried_at BIGINT,
    status BIGINT,
    problem TEXT COLLATE "C",
    CONSTRAINT webhook_deliveries_event_key UNIQUE (event_id, webhook_id),
    CONSTRAINT webhook_deliveries_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_event_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at, id);
