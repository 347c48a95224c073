//! What must hold once everything has calmed down: in the database, in the ledger, on the host.

mod database;
mod host;
mod ledger;

use std::sync::Arc;

use berth_core::plan::account_spec;
use berth_core::spec::AccountSpec;

use crate::world::{World, Wrong};

/// Checks everything; says the first thing that is wrong.
pub(crate) fn check(world: &World) -> Result<(), Wrong> {
    let specs = specs(world);
    database::check(world, &specs)?;
    ledger::check(world, &specs)?;
    host::check(&world.node.tree, &specs)
}

/// What shall be, from the database.
fn specs(world: &World) -> Vec<AccountSpec> {
    let server = world.server.as_ref().unwrap();
    let app = Arc::clone(&server.app);
    world.runtime.block_on(async {
        let mut tx = server.store.read().await.unwrap();
        let page = berth_store::specs::newer_than(&mut tx, server.node.id(), 0, 1000).await.unwrap();
        page.accounts.into_iter().map(|account| account_spec(account, &app.settings.defaults)).collect()
    })
}

/// Says what is wrong unless it holds.
fn must(holds: bool, otherwise: impl FnOnce() -> Wrong) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
