//! Runs of timers as a node reports them.

use berth_core::id::{NodeId, TimerId};
use berth_core::link::TimerRunReport;
use berth_core::timer::{MailOnFailure, OUTPUT_MAX};
use berth_store::timers::TimerRecord;
use berth_store::{Tx, outbox, timers};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::context::App;
use super::problem::Failure;

/// At most one message in this time for each timer: a command that fails every minute, or a tenant who makes
/// up failures, must not flood a mailbox.
const MAIL_EVERY: TimeDelta = TimeDelta::hours(1);

/// How far the clock of a node may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// Stores a run and writes the message about its failure, which waits in the outbox until mail is delivered.
/// What it says comes from the tenant's own processes: it decides nothing but what is shown to them.
pub(super) async fn take(
    app: &App,
    tx: &mut Tx,
    node: NodeId,
    run: &TimerRunReport,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    if run.started_at > now + AHEAD || run.ended_at < run.started_at || run.output.len() > 3 * OUTPUT_MAX {
        tracing::debug!(account = %run.account, timer = %run.timer, "a run that can't have been");
        return Ok(());
    }
    let Some(timer) = timers::add_run(tx, node, run).await? else { return Ok(()) };
    let told_lately = timer.failure_mailed_at.is_some_and(|at| now - at < MAIL_EVERY);
    if run.outcome.succeeded() || timer.mail_on_failure == MailOnFailure::Off || told_lately {
        return Ok(());
    }
    timers::set_failure_mailed(tx, timer.id, now).await?;
    enqueue(app, tx, &timer, run, now).await
}

async fn enqueue(
    app: &App,
    tx: &mut Tx,
    timer: &TimerRecord,
    run: &TimerRunReport,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    // Whoever delivers it looks up the owner's address and the output then: neither is copied.
    let to = match &timer.mail_on_failure {
        MailOnFailure::Address(address) => Some(address),
        MailOnFailure::Owner | MailOnFailure::Off => None,
    };
    let payload = json!({
        "account": run.account,
        "timer": timer.id,
        "name": timer.spec.name,
        "to": to,
        "started_at": run.started_at,
        "outcome": run.outcome,
    });
    let message = TimerId::new(now, app.randomness.ten()).0;
    Ok(outbox::enqueue(tx, message, "timer.failed", &payload, now).await?)
}
