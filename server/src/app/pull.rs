use std::time::Duration;

use berth_core::Problems;
use berth_core::link::{PullRequest, PullResponse, Quarantine};
use berth_core::plan::account_spec;
use berth_store::{inquiries, nodes, specs};
use chrono::TimeDelta;
use tokio::time::Instant;

use super::context::App;
use super::known::LinkedNode;
use super::problem::{Failure, retrying};

/// Most accounts of one answer, whatever the agent asks for.
const MOST_ACCOUNTS: u32 = 1_000;
/// Longest time that an agent is kept waiting; shorter than what counts as offline.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How old the node's last sign of life may be before it is written again.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(30);

/// Gives a node's agent what is newer than it knows, as soon as there is something.
///
/// # Errors
/// `node_not_found`, `unavailable`.
pub async fn pull(app: &App, node: &LinkedNode, request: PullRequest) -> Result<PullResponse, Problems> {
    let deadline = Instant::now() + Duration::from_millis(request.wait_ms.into()).min(LONGEST_WAIT);
    let mut listener = app.notifier.listen();
    retrying!(app, note_life(app, node, &request.version))?;
    loop {
        let (response, done) = retrying!(app, look(app, node, &request))?;
        if done || !listener.next(deadline).await {
            return Ok(response);
        }
    }
}

/// Writes that the agent is alive, unless that was written a moment ago: pulls are many.
async fn note_life(app: &App, node: &LinkedNode, version: &str) -> Result<(), Failure> {
    let version: String = version.chars().filter(|c| !c.is_control()).take(64).collect();
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let known = nodes::by_id(&mut tx, node.id()).await?;
    drop(tx);
    let is_fresh = known.is_some_and(|known| {
        known.agent_version.as_ref() == Some(&version)
            && known.seen_at.is_some_and(|seen| now - seen < SEEN_EVERY)
    });
    if is_fresh {
        return Ok(());
    }
    let mut tx = app.store.begin().await?;
    nodes::seen(&mut tx, node.id(), Some(&version), now).await?;
    Ok(tx.commit().await?)
}

/// The answer as it is now, and whether there is anything in it to act on.
async fn look(app: &App, node: &LinkedNode, request: &PullRequest) -> Result<(PullResponse, bool), Failure> {
    let limit = request.limit.clamp(1, MOST_ACCOUNTS);
    let mut tx = app.store.read().await?;
    let record = nodes::by_id(&mut tx, node.id()).await?;
    let audit = record.map_or(0, |record| record.audit_requested);
    let page = specs::newer_than(&mut tx, node.id(), request.cursor, limit).await?;
    let quarantines: Vec<_> = nodes::pending_quarantines(&mut tx, node.id())
        .await?
        .into_iter()
        .map(|order| Quarantine { id: order.id, username: order.username })
        .collect();
    let accounts: Vec<_> =
        page.accounts.into_iter().map(|snapshot| account_spec(snapshot, &app.settings.defaults)).collect();
    let inquiries = if inquiries::is_waiting(&mut tx, node.id()).await? {
        drop(tx);
        let mut tx = app.store.begin().await?;
        let given = inquiries::give(&mut tx, node.id(), app.clock.now()).await?;
        tx.commit().await?;
        given
    } else {
        Vec::new()
    };
    let done =
        !accounts.is_empty() || audit > request.audit || !quarantines.is_empty() || !inquiries.is_empty();
    let response = PullResponse {
        node: node.id(),
        accounts,
        more: page.more,
        audit,
        quarantines,
        certificates: Vec::new(),
        acme: None,
        inquiries,
    };
    Ok((response, done))
}
