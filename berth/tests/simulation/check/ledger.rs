use berth_agent::ledger::Ledger;
use berth_core::spec::AccountSpec;

use super::must;
use crate::world::{World, Wrong};

/// A ledger read from disk knows the same accounts as the database, and where it stands.
pub(super) fn check(world: &World, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let ledger = Ledger::open(&world.node.ledger_dir()).map_err(|error| error.to_string())?;
    let newest = specs.iter().map(|spec| spec.generation).max().unwrap_or(0);
    must(ledger.cursor() == newest, || {
        format!("the ledger is at {}, the newest account at {newest}", ledger.cursor())
    })?;
    let known = ledger.specs();
    must(known.len() == specs.len(), || format!("the ledger knows {} of {}", known.len(), specs.len()))?;
    for spec in specs {
        let same = known.get(&spec.account).is_some_and(|known| **known == *spec);
        must(same, || format!("the ledger has another spec of {}", spec.username))?;
    }
    Ok(())
}
