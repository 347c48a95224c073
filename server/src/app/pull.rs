use std::time::Duration;

use berth_core::Problems;
use berth_core::certificate::{Fingerprint, PrivateKey, SiteCertificate};
use berth_core::link::{PullRequest, PullResponse, Quarantine};
use berth_core::plan::account_spec;
use berth_core::spec::AccountSpec;
use berth_store::{Tx, certificates, inquiries, nodes, specs};
use chrono::TimeDelta;
use tokio::time::Instant;

use super::certificate_order::key_place;
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
    let certificates = certificates_of(app, &mut tx, &accounts).await?;
    let acme = match &app.settings.acme.directory {
        Some(directory) => certificates::accounts::thumbprint(&mut tx, directory).await?,
        None => None,
    };
    let inquiries = if inquiries::is_waiting(&mut tx, node.id()).await? {
        drop(tx);
        let mut tx = app.store.begin().await?;
        let given = inquiries::give(&mut tx, node.id(), app.clock.now()).await?;
        tx.commit().await?;
        given
    } else {
        Vec::new()
    };
    let done = !accounts.is_empty()
        || audit > request.audit
        || !quarantines.is_empty()
        || !inquiries.is_empty()
        || (acme.is_some() && acme != request.acme);
    let response = PullResponse {
        node: node.id(),
        accounts,
        more: page.more,
        audit,
        quarantines,
        certificates,
        acme,
        inquiries,
    };
    Ok((response, done))
}

/// The certificates that these accounts name. One whose key can't be opened is left out, and the node goes on
/// with what it has.
async fn certificates_of(
    app: &App,
    tx: &mut Tx,
    accounts: &[AccountSpec],
) -> Result<Vec<SiteCertificate>, Failure> {
    let named: Vec<Fingerprint> = accounts
        .iter()
        .flat_map(|account| &account.sites)
        .filter_map(|site| site.certificate.clone())
        .collect();
    let mut opened = Vec::new();
    for found in certificates::deliverable(tx, &named).await? {
        let key = app.keyring.open(&found.sealed_key, &key_place(found.domain));
        match key.map(|key| String::from_utf8(key.to_vec())) {
            Ok(Ok(key)) => opened.push(SiteCertificate {
                fingerprint: found.fingerprint,
                names: found.names,
                chain: found.chain,
                key: PrivateKey::new(key),
            }),
            Ok(Err(_)) => tracing::error!(domain = %found.domain, "the key of a certificate is no text"),
            Err(error) => tracing::error!(
                domain = %found.domain,
                error = &error as &dyn std::error::Error,
                "the key of a certificate can't be opened; `berth certificate renew` orders another one"
            ),
        }
    }
    Ok(opened)
}
