-- Commands that run by a schedule. `run_wanted_at` is the last time that somebody wanted one to run now.
CREATE TABLE timers (
    id UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    schedule TEXT COLLATE "C" NOT NULL,
    command TEXT COLLATE "C" NOT NULL,
    mail_on_failure TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    timeout_s BIGINT NOT NULL,
    run_wanted_at BIGINT,
    failure_mailed_at BIGINT,
    created_at BIGINT NOT NULL,
    CONSTRAINT timers_name_key UNIQUE (account_id, name),
    CONSTRAINT timers_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

-- The last runs of each timer, as the account's own processes wrote them down.
CREATE TABLE timer_runs (
    timer_id UUID NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    truncated BOOLEAN NOT NULL,
    output TEXT COLLATE "C" NOT NULL,
    CONSTRAINT timer_runs_pkey PRIMARY KEY (timer_id, started_at),
    CONSTRAINT timer_runs_timer_fkey FOREIGN KEY (timer_id) REFERENCES timers (id) ON DELETE CASCADE
);
