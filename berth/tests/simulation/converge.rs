//! The end of every run: nothing goes wrong any more, and everything has to become as it shall be.

use std::time::Duration;

use crate::world::{World, Wrong};

/// Rounds that it may take. Each is an audit, a minute after the one before.
const ROUNDS: u32 = 6;

/// Lets server and agent work undisturbed until nothing changes any more.
pub(crate) fn converge(world: &mut World) -> Result<(), Wrong> {
    world.node.faults.set_troubles(Vec::new());
    world.node.faults.disarm();
    world.note("nothing goes wrong from here");
    world.boot_server();
    world.learn()?;
    world.finish()?;
    while world.repeat() {
        world.finish()?;
    }
    if world.node.agent.is_none() {
        world.node.boot();
    }
    let mut counts = Vec::new();
    for _ in 0..ROUNDS {
        let before = (world.changes(), world.sent());
        round(world)?;
        let after = (world.changes(), world.sent());
        if after == before {
            return Ok(());
        }
        counts.push((after.0 - before.0, after.1 - before.1));
    }
    let (written, asked) = world.node.traces();
    Err(format!(
        "things still change after {ROUNDS} audits; changes and reports of each: {counts:?}; last written: \
         {written}; last asked for: {asked}"
    ))
}

/// Everything that a minute brings.
fn round(world: &mut World) -> Result<(), Wrong> {
    // Longer than any back-off.
    world.node.wait(Duration::from_secs(90));
    loop {
        let before = world.cursor();
        world.pull();
        world.finish()?;
        if world.cursor() == before {
            break;
        }
    }
    world.node.audit().ok_or("the agent died of nothing")?;
    while world.report().is_some() {
        world.finish()?;
    }
    Ok(())
}
