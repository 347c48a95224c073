use berth_core::condition::{ConditionState, Resource};
use berth_core::spec::AccountSpec;
use berth_store::{accounts, audit, nodes};

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
