//! Timers of accounts, and what became of their runs.

use std::collections::HashMap;

use berth_core::id::{AccountId, NodeId, TimerId};
use berth_core::link::TimerRunReport;
use berth_core::spec::TimerSpec;
use berth_core::timer::{
    MailOnFailure, RUNS_KEPT, RunOutcome, Schedule, TimerCommand, TimerName, TimerTimeout,
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{from_json, micros, moment, moment_optional, parsed, signed, to_json, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! timers_where {
    ($condition:literal) => {
        concat!(
            "SELECT t.id, t.account_id, t.name, t.schedule, t.command, t.mail_on_failure, t.enabled, \
             t.timeout_s, t.run_wanted_at, t.failure_mailed_at, t.created_at FROM timers t ",
            $condition
        )
    };
}

macro_rules! runs_where {
    ($columns:literal, $condition:literal) => {
        concat!(
            "SELECT r.timer_id, r.started_at, r.ended_at, r.outcome, r.truncated, ",
            $columns,
            " AS output FROM timer_runs r ",
            $condition
        )
    };
}

statements! {
    INSERT => [
        "INSERT INTO timers (id, account_id, name, schedule, command, mail_on_failure, enabled, timeout_s, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    ];
    UPDATE => [
        "UPDATE timers SET schedule = $2, command = $3, mail_on_failure = $4, enabled = $5, timeout_s = $6 \
         WHERE id = $1"
    ];
    DELETE => ["DELETE FROM timers WHERE id = $1"];
    OF_ACCOUNT => [timers_where!("WHERE t.account_id = $1 ORDER BY t.name")];
    BY_NAME => [timers_where!("WHERE t.account_id = $1 AND t.name = $2")];
    COUNT => ["SELECT count(*) FROM timers WHERE account_id = $1"];
    WANT_RUN => ["UPDATE timers SET run_wanted_at = $2 WHERE id = $1"];
    OF_NODE => [timers_where!(
        "JOIN accounts a ON a.id = t.account_id WHERE a.node_id = $1 AND a.id = $2 AND t.name = $3"
    )];
    ADD_RUN => [
        "INSERT INTO timer_runs (timer_id, started_at, ended_at, outcome, truncated, output) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (timer_id, started_at) DO NOTHING"
    ];
    FORGET_RUNS => [
        "DELETE FROM timer_runs WHERE timer_id = $1 AND started_at NOT IN \
         (SELECT started_at FROM timer_runs WHERE timer_id = $1 ORDER BY started_at DESC LIMIT $2)"
    ];
    HAS_RUN => ["SELECT count(*) FROM timer_runs WHERE timer_id = $1 AND started_at = $2"];
    RUNS => [runs_where!("r.output", "WHERE r.timer_id = $1 ORDER BY r.started_at DESC")];
    LAST_RUNS => [runs_where!(
        "''",
        "JOIN (SELECT n.timer_id, max(n.started_at) AS last FROM timer_runs n \
         JOIN timers t ON t.id = n.timer_id WHERE t.account_id = $1 GROUP BY n.timer_id) m \
         ON m.timer_id = r.timer_id AND m.last = r.started_at"
    )];
    OF_PAGE => [timers_where!(
        "JOIN accounts a ON a.id = t.account_id \
         WHERE a.node_id = $1 AND a.generation > $2 AND a.generation <= $3"
    )];
    SET_MAILED => ["UPDATE timers SET failure_mailed_at = $2 WHERE id = $1"];
}

/// A timer as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerRecord {
    /// The timer.
    pub id: TimerId,
    /// The account that it belongs to.
    pub account: AccountId,
    /// What the node gets to know of it.
    pub spec: TimerSpec,
    /// Who is told of a run that failed.
    pub mail_on_failure: MailOnFailure,
    /// When somebody was told last.
    pub failure_mailed_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A run as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The timer.
    pub timer: TimerId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How.
    pub outcome: RunOutcome,
    /// Whether the output's beginning is missing.
    pub truncated: bool,
    /// The end of what it said; empty where only the last run of each timer was asked for.
    pub output: String,
}

/// Stores a new timer. Call [`crate::accounts::stamp`] as well. Conflict:
/// [`TimerName`](crate::Constraint::TimerName).
pub async fn insert(tx: &mut Tx, timer: &TimerRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        timer.id.0,
        timer.account.0,
        timer.spec.name.as_str(),
        timer.spec.schedule.as_str(),
        timer.spec.command.as_str(),
        timer.mail_on_failure.to_string(),
        timer.spec.enabled,
        i64::from(timer.spec.timeout_s.seconds()),
        micros(timer.created_at),
    )?;
    Ok(())
}

/// Stores what can be changed of a timer. Call [`crate::accounts::stamp`] as well.
pub async fn update(tx: &mut Tx, timer: &TimerRecord) -> Result<()> {
    let changed = execute!(
        tx,
        UPDATE,
        timer.id.0,
        timer.spec.schedule.as_str(),
        timer.spec.command.as_str(),
        timer.mail_on_failure.to_string(),
        timer.spec.enabled,
        i64::from(timer.spec.timeout_s.seconds()),
    )?;
    if changed == 0 { Err(StoreError::Missing { what: "timer" }) } else { Ok(()) }
}

/// Removes a timer with its runs; whether it was there. Call [`crate::accounts::stamp`] as well.
pub async fn remove(tx: &mut Tx, timer: TimerId) -> Result<bool> {
    Ok(execute!(tx, DELETE, timer.0)? > 0)
}

/// Every timer of an account, by name.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<TimerRecord>> {
    fetch_all!(tx, TimerRow, OF_ACCOUNT, account.0)?.into_iter().map(TimerRecord::try_from).collect()
}

/// The timer of a name in an account.
pub async fn by_name(tx: &mut Tx, account: AccountId, name: &TimerName) -> Result<Option<TimerRecord>> {
    fetch_optional!(tx, TimerRow, BY_NAME, account.0, name.as_str())?.map(TimerRecord::try_from).transpose()
}

/// How many timers an account has.
pub async fn count(tx: &mut Tx, account: AccountId) -> Result<u64> {
    fetch_value!(tx, i64, COUNT, account.0).map(unsigned)
}

/// Notes that somebody wants a timer to run now. Call [`crate::accounts::stamp`] as well.
pub async fn want_run(tx: &mut Tx, timer: TimerId, at: DateTime<Utc>) -> Result<()> {
    match execute!(tx, WANT_RUN, timer.0, micros(at))? {
        0 => Err(StoreError::Missing { what: "timer" }),
        _ => Ok(()),
    }
}

/// The timers of a page of accounts, by account; see [`crate::specs`].
pub(crate) async fn of_page(
    tx: &mut Tx,
    node: NodeId,
    cursor: u64,
    last: i64,
) -> Result<HashMap<Uuid, Vec<TimerSpec>>> {
    let mut timers: HashMap<Uuid, Vec<TimerSpec>> = HashMap::new();
    for row in fetch_all!(tx, TimerRow, OF_PAGE, node.0, signed(cursor), last)? {
        timers.entry(row.account_id).or_default().push(TimerRecord::try_from(row)?.spec);
    }
    Ok(timers)
}

/// Stores a run that a node has reported, and forgets those of the timer that are too many. Gives the timer
/// if the run is news: `None` if it is known already, or older than those that are kept, or of no timer of an
/// account of the node.
pub async fn add_run(tx: &mut Tx, node: NodeId, run: &TimerRunReport) -> Result<Option<TimerRecord>> {
    let row = fetch_optional!(tx, TimerRow, OF_NODE, node.0, run.account.0, run.timer.as_str())?;
    let Some(timer) = row.map(TimerRecord::try_from).transpose()? else { return Ok(None) };
    let added = execute!(
        tx,
        ADD_RUN,
        timer.id.0,
        micros(run.started_at),
        micros(run.ended_at),
        to_json("outcome", &run.outcome)?,
        run.truncated,
        run.output.as_str(),
    )?;
    if added == 0 {
        return Ok(None);
    }
    execute!(tx, FORGET_RUNS, timer.id.0, i64::from(RUNS_KEPT))?;
    // One that is older than those that are kept is gone again.
    let kept = fetch_value!(tx, i64, HAS_RUN, timer.id.0, micros(run.started_at))? > 0;
    Ok(kept.then_some(timer))
}

/// Notes that somebody is told of a failure.
pub async fn set_failure_mailed(tx: &mut Tx, timer: TimerId, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, SET_MAILED, timer.0, micros(at))?;
    Ok(())
}

/// The runs of a timer that are kept, the last one first.
pub async fn runs(tx: &mut Tx, timer: TimerId) -> Result<Vec<RunRecord>> {
    fetch_all!(tx, RunRow, RUNS, timer.0)?.into_iter().map(RunRecord::try_from).collect()
}

/// The last run of each timer of an account, without output.
pub async fn last_runs(tx: &mut Tx, account: AccountId) -> Result<Vec<RunRecord>> {
    fetch_all!(tx, RunRow, LAST_RUNS, account.0)?.into_iter().map(RunRecord::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct TimerRow {
    id: Uuid,
    account_id: Uuid,
    name: String,
    schedule: String,
    command: String,
    mail_on_failure: String,
    enabled: bool,
    timeout_s: i64,
    run_wanted_at: Option<i64>,
    failure_mailed_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<TimerRow> for TimerRecord {
    type Error = StoreError;

    fn try_from(row: TimerRow) -> Result<Self> {
        let timeout_s = TimerTimeout::try_from(unsigned(row.timeout_s))
            .map_err(|problem| StoreError::Corrupt { what: "timeout", why: problem.to_string() })?;
        Ok(Self {
            id: TimerId(row.id),
            account: AccountId(row.account_id),
            spec: TimerSpec {
                name: parsed::<TimerName>("timer name", &row.name)?,
                schedule: parsed::<Schedule>("schedule", &row.schedule)?,
                command: parsed::<TimerCommand>("command", &row.command)?,
                enabled: row.enabled,
                timeout_s,
                run_wanted_at: moment_optional(row.run_wanted_at)?,
            },
            mail_on_failure: parsed("mail on failure", &row.mail_on_failure)?,
            failure_mailed_at: moment_optional(row.failure_mailed_at)?,
            created_at: moment(row.created_at)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct RunRow {
    timer_id: Uuid,
    started_at: i64,
    ended_at: i64,
    outcome: String,
    truncated: bool,
    output: String,
}

impl TryFrom<RunRow> for RunRecord {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Self> {
        Ok(Self {
            timer: TimerId(row.timer_id),
            started_at: moment(row.started_at)?,
            ended_at: moment(row.ended_at)?,
            outcome: from_json("outcome", &row.outcome)?,
            truncated: row.truncated,
            output: row.output,
        })
    }
}
