use berth_core::audit::AuditOutcome;
use berth_core::condition::{ConditionState, Resource};
use berth_core::event::CONDITION_CHANGED;
use berth_core::spec::AccountSpec;
use berth_store::audit::AuditFilter;
use berth_store::events::EventFilter;
use berth_store::{Tx, accounts, audit, events, nodes};

use super::must;
use crate::server::NODE;
use crate::world::{World, Wrong};

/// The database holds what the answers promised and nothing else, the audit log verifies, and the node has
/// said of each account that it is as it shall be.
pub(super) fn check(world: &World, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let expected = world.facts.without_memory();
    if let Some(difference) = expected.difference(&world.view()) {
        return Err(format!("the database does not hold what was done: {difference}"));
    }
    let server = world.server.as_ref().unwrap();
    world.runtime.block_on(async {
        let verified = audit::verify(&server.store).await.unwrap();
        must(verified.broken_at.is_none(), || format!("the audit log is broken: {verified:?}"))?;
        let mut tx = server.store.read().await.unwrap();
        one_event_for_each_thing_done(&mut tx).await?;
        let node = nodes::by_name(&mut tx, NODE).await.unwrap().unwrap();
        must(node.problems.is_empty(), || format!("the node has problems: {:?}", node.problems))?;
        must(node.audit_done == node.audit_requested, || {
            format!("audit {} was asked for and {} answered", node.audit_requested, node.audit_done)
        })?;
        let waiting = nodes::pending_quarantines(&mut tx, node.id).await.unwrap();
        must(waiting.is_empty(), || format!("a quarantine has no answer: {waiting:?}"))?;
        let mut generations = Vec::new();
        for spec in specs {
            let account = accounts::by_id(&mut tx, spec.account).await.unwrap().unwrap();
            generations.push(account.generation);
            must(account.observed_generation == account.generation, || {
                format!(
                    "{}: generation {} is reported, {} is the newest",
                    account.username, account.observed_generation, account.generation
                )
            })?;
            let found = berth_store::conditions::of_account(&mut tx, spec.account).await.unwrap();
            let Some(found) = found else { return Err(format!("{} has no conditions", account.username)) };
            must(found.generation == account.generation, || {
                format!("{}: the conditions are about generation {}", account.username, found.generation)
            })?;
            must(found.conditions.len() == Resource::ALL.len(), || {
                format!("{}: {} conditions", account.username, found.conditions.len())
            })?;
            for condition in &found.conditions {
                let well =
                    matches!(condition.state, ConditionState::Converged | ConditionState::Unsupported(_));
                must(well, || format!("{}: {condition:?}", account.username))?;
            }
        }
        generations.dedup();
        let newest = generations.iter().max().copied().unwrap_or(0);
        must(generations.len() == specs.len(), || "two accounts have the same generation".to_owned())?;
        must(newest <= node.generation, || format!("{newest} is above the node's {}", node.generation))
    })
}

/// Whatever the audit log says was done has one event, and nothing else but reports of nodes has one.
async fn one_event_for_each_thing_done(tx: &mut Tx) -> Result<(), Wrong> {
    let done = AuditFilter { outcome: Some(AuditOutcome::Done), ..AuditFilter::default() };
    let mut audited = Vec::new();
    let mut cursor = None;
    loop {
        let page = audit::page(tx, &done, cursor.as_deref(), 1000).await.unwrap();
        audited.extend(page.items.into_iter().map(|record| (record.entry.action, record.entry.request)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut told = Vec::new();
    loop {
        let page = events::page(tx, &EventFilter::default(), cursor.as_deref(), 1000).await.unwrap();
        told.extend(
            page.items
                .into_iter()
                .filter(|event| event.kind != CONDITION_CHANGED)
                .map(|event| (event.kind, event.request.unwrap_or_default())),
        );
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    audited.sort();
    told.sort();
    must(audited == told, || format!("done: {audited:?}; told: {told:?}"))
}
