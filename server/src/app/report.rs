use berth_core::Problems;
use berth_core::link::Report;
use berth_store::{conditions, drift, inquiries, nodes};

use super::context::App;
use super::gone;
use super::known::LinkedNode;
use super::problem::{Failure, retrying};
use super::published::{conditions_before, publish_conditions};
use super::timer_runs;

/// Accounts per transaction, so that a node that reports on everything does not keep the verbs waiting.
const BATCH: usize = 500;

/// Takes in what a node's agent has found and done. What is about another node's accounts, or older than what
/// is known, changes nothing.
///
/// # Errors
/// `unavailable`.
pub async fn report(app: &App, node: &LinkedNode, report: Report) -> Result<(), Problems> {
    let (first, rest) = report.accounts.split_at(report.accounts.len().min(BATCH));
    for batch in rest.chunks(BATCH) {
        let part = Report { accounts: batch.to_vec(), ..Report::default() };
        retrying!(app, attempt(app, node, &part))?;
    }
    // The end of an audit is told last, when everything that the audit has found is stored.
    let last = Report { accounts: first.to_vec(), ..report.clone() };
    retrying!(app, attempt(app, node, &last))?;
    app.notifier.signal();
    Ok(())
}

async fn attempt(app: &App, node: &LinkedNode, report: &Report) -> Result<(), Failure> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    nodes::seen(&mut tx, node.id(), None, now).await?;
    let Some(record) = nodes::by_id(&mut tx, node.id()).await? else { return Ok(()) };
    for account in &report.accounts {
        let before = conditions_before(&mut tx, account.account).await?;
        if conditions::store(&mut tx, node.id(), account, now).await? {
            publish_conditions(app, &mut tx, &record, &before, account).await?;
        } else {
            tracing::debug!(account = %account.account, generation = account.generation, "a stale report");
        }
    }
    if let Some(inventory) = &report.inventory {
        nodes::set_inventory(&mut tx, node.id(), inventory).await?;
    }
    for quarantine in &report.quarantines {
        nodes::finish_quarantine(&mut tx, node.id(), quarantine, now).await?;
    }
    if let Some(problems) = &report.node_problems {
        nodes::set_problems(&mut tx, node.id(), problems).await?;
    }
    for run in &report.timer_runs {
        timer_runs::take(app, &mut tx, node.id(), run, now).await?;
    }
    for reply in &report.replies {
        inquiries::answer(&mut tx, node.id(), reply).await?;
    }
    for account in &report.gone {
        gone::take(app, &mut tx, node, account).await?;
    }
    drift::store(&mut tx, node.id(), &report.drift, now).await?;
    if let Some(number) = report.audited {
        nodes::audit_done(&mut tx, node.id(), number).await?;
    }
    Ok(tx.commit().await?)
}
