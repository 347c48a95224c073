use std::sync::Arc;

use berth_core::Problem;
use berth_core::domain::DomainState;
use berth_core::id::DomainId;
use berth_core::ownership::ProofKind;
use berth_core::policy::Action;
use berth_core::role::Actor;
use berth_store::proofs::{self, ProofRecord};
use berth_store::{StoreError, domains};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::context::{App, Ctx};
use super::ownership::{activate, look, next_look};
use super::problem::{Failure, retrying};

/// Domains that are looked at side by side.
const AT_ONCE: u32 = 8;
/// For how long nobody else looks at them; longer than any look takes.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// Looks for the proofs of pending domains whose turn it is; how many there were.
///
/// # Errors
/// The database does not answer; what a single look finds is noted with its domain.
pub async fn verify_pending(app: &Arc<App>) -> Result<usize, StoreError> {
    let now = app.clock.now();
    if !proofs::is_due(&mut app.store.read().await?, now).await? {
        return Ok(0);
    }
    let mut tx = app.store.begin().await?;
    let due = proofs::claim(&mut tx, now, now + LEASE, AT_ONCE).await?;
    tx.commit().await?;
    join_all(due.iter().map(|domain| verify_one(app, *domain))).await;
    Ok(due.len())
}

async fn verify_one(app: &Arc<App>, domain: DomainId) {
    let ctx = Ctx::new(Arc::clone(app), Actor::System, app.request_id());
    let looked: Result<(), berth_core::Problems> = async {
        let found = retrying!(app, async {
            let mut tx = app.store.read().await?;
            let known = domains::by_id(&mut tx, domain).await?;
            Ok::<_, Failure>(known.zip(proofs::by_domain(&mut tx, domain).await?))
        })?;
        let Some((record, waiting)) = found else { return Ok(()) };
        let found = look(app.network.as_ref(), &record.fqdn, &waiting.token).await;
        retrying!(app, settle(&ctx, &waiting, &found))?;
        if found.is_ok() {
            app.notifier.signal();
        }
        Ok(())
    }
    .await;
    if let Err(problems) = looked {
        tracing::warn!(%domain, %problems, "the proof of a domain could not be looked for; it is tried again");
    }
}

async fn settle(ctx: &Ctx, asked: &ProofRecord, found: &Result<ProofKind, Problem>) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let Some(domain) = domains::by_id(&mut tx, asked.domain).await? else { return Ok(()) };
    if domain.state != DomainState::Pending {
        return Ok(());
    }
    match found {
        Ok(proof) => {
            activate(ctx, &mut tx, &domain, Action::DomainVerify, *proof).await?;
            tracing::info!(domain = %domain.fqdn, proof = proof.as_str(), "a domain's ownership is proven");
        }
        Err(problem) => {
            let now = ctx.app.clock.now();
            let next = next_look(asked.created_at, now);
            proofs::checked(&mut tx, domain.id, now, next, problem).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
