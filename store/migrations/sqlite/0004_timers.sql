-- Commands that run by a schedule. `run_wanted_at` is the last time that somebody wanted one to run now.
CREATE TABLE timers (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL,
    name TEXT NOT NULL,
    schedule TEXT NOT NULL,
    command TEXT NOT NULL,
    mail_on_failure TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    timeout_s INTEGER NOT NULL,
    run_wanted_at INTEGER,
    failure_mailed_at INTEGER,
    created_at INTEGER NOT NULL,
    CONSTRAINT timers_name_key UNIQUE (account_id, name),
    CONSTRAINT timers_account_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE
) STRICT;

-- The last runs of each timer, as the account's own processes wrote them down.
CREATE TABLE timer_runs (
    timer_id BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    output TEXT NOT NULL,
    CONSTRAINT timer_runs_pkey PRIMARY KEY (timer_id, started_at),
    CONSTRAINT timer_runs_timer_fkey FOREIGN KEY (timer_id) REFERENCES timers (id) ON DELETE CASCADE
) STRICT;
