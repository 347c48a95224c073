//! Not by chance: each verb, struck at every step of its transaction and at every step that the agent takes
//! because of it.

use std::rc::Rc;

use berth_agent::host::Host;
use berth_store::gate::Refusal;
use rustix::io::Errno;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::faults::Strike;
use crate::run::furnish;
use crate::verbs::{Entry, Order};
use crate::world::{Image, World, Wrong};
use crate::{check, converge, script};

/// What happens to a request at a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    /// The server dies before the step.
    Killed,
    /// The server dies in the middle of it.
    KilledInTheMiddle,
    /// The one who asked goes away in the middle of it; the server goes on.
    Abandoned,
    /// The database refuses the step.
    Refused(Refusal),
}

const BLOWS: [Blow; 6] = [
    Blow::Killed,
    Blow::KilledInTheMiddle,
    Blow::Abandoned,
    Blow::Refused(Refusal::Away),
    Blow::Refused(Refusal::Locked),
    Blow::Refused(Refusal::Full),
];

/// More steps than any verb takes.
const ENDLESS: u64 = 400;

/// A node on which everything that a verb could be about has converged.
pub(crate) fn image(runtime: &Rc<Runtime>) -> Image {
    // By chance an account may find every domain taken.
    let furnished = (0..20).find_map(|seed| {
        let mut world = World::new(runtime, 0);
        let mut dice = Dice::new(seed);
        furnish(&world, &mut dice);
        script::furnished(&mut world, &mut dice).ok().map(|()| world)
    });
    let mut world = furnished.expect("an account with everything");
    converge::converge(&mut world).unwrap();
    check::check(&world).unwrap();
    // Drift, for the verbs that are about it.
    world.node.tree.remove_file("/etc/berth/keys/tenant1").unwrap();
    converge::converge(&mut world).unwrap();
    check::check(&world).unwrap();
    world.save()
}

/// The chance with which a verb makes an order that changes something here.
fn fitting(runtime: &Rc<Runtime>, image: &Image, verb: &Entry) -> Result<u64, Wrong> {
    for seed in 0..200 {
        let mut world = World::load(runtime, image);
        let before = (world.facts.clone(), world.audit_head());
        let Some(order) = order(verb, seed, image) else { continue };
        world.ask(order, None);
        world.finish()?;
        if world.facts != before.0 || world.audit_head() != before.1 {
            return Ok(seed);
        }
    }
    // Setup finds everything made, and is struck all the same.
    Ok(0)
}

fn order(verb: &Entry, seed: u64, image: &Image) -> Option<Order> {
    (verb.make)(&mut Dice::new(seed), &image.facts)
}

/// Strikes a verb everywhere; gives the number of blows. Of `stride` places only one is tried.
pub(crate) fn strike(
    runtime: &Rc<Runtime>,
    image: &Image,
    verb: &Entry,
    stride: usize,
) -> Result<u64, Wrong> {
    let named = |wrong: Wrong, place: &str| format!("{}, {place}: {wrong}", verb.action.as_str());
    let seed = fitting(runtime, image, verb).map_err(|wrong| named(wrong, "undisturbed"))?;
    let mut count = 0;
    for blow in BLOWS {
        for step in (0..ENDLESS).step_by(stride) {
            let order = order(verb, seed, image).ok_or("there is nothing that it could be about")?;
            let struck = request(runtime, image, order, step, blow)
                .map_err(|wrong| named(wrong, &format!("{blow:?} at its step {step}")))?;
            if !struck {
                break;
            }
            count += 1;
        }
    }
    let steps = agent(runtime, image, order(verb, seed, image), None)
        .map_err(|wrong| named(wrong, "the agent undisturbed"))?;
    let places = steps.iter().enumerate().step_by(stride);
    for (at, (what, changes)) in places {
        let mut strikes = vec![Strike::Fails(Errno::IO), Strike::Panics];
        if *changes {
            // Dying before a step is dying after the last one that changed something.
            strikes.extend([Strike::Fails(Errno::NOSPC), Strike::KilledBefore, Strike::KilledAfter]);
        }
        for strike in strikes {
            let order = order(verb, seed, image);
            agent(runtime, image, order, Some((at as u64, strike)))
                .map_err(|wrong| named(wrong, &format!("{strike:?} at {what}")))?;
            count += 1;
        }
    }
    Ok(count)
}

/// A request that is struck at a step, and that is repeated until it has an answer. False if it had its answer
/// before.
fn request(runtime: &Rc<Runtime>, image: &Image, order: Order, step: u64, blow: Blow) -> Result<bool, Wrong> {
    let mut world = World::load(runtime, image);
    world.ask(order, Some("once".to_owned()));
    for _ in 0..step {
        let Some(id) = world.ready().first().copied() else { return Ok(false) };
        world.go(id, Ok(()))?;
    }
    let Some(id) = world.ready().first().copied() else { return Ok(false) };
    match blow {
        Blow::Killed => world.kill_server(None),
        Blow::KilledInTheMiddle => world.kill_server(Some(id)),
        Blow::Abandoned => world.abandon(id),
        Blow::Refused(refusal) => world.go(id, Err(refusal))?,
    }
    converge::converge(&mut world)?;
    check::check(&world)?;
    Ok(true)
}

/// A request that is answered, and an agent that is struck while it brings it about. Gives the agent's steps.
fn agent(
    runtime: &Rc<Runtime>,
    image: &Image,
    order: Option<Order>,
    strike: Option<(u64, Strike)>,
) -> Result<Vec<(String, bool)>, Wrong> {
    let mut world = World::load(runtime, image);
    converge::converge(&mut world)?;
    world.ask(order.ok_or("there is nothing that it could be about")?, None);
    world.finish()?;
    match strike {
        Some((at, strike)) => world.node.faults.arm(at, strike),
        None => world.node.faults.record(),
    }
    world.pull();
    world.finish()?;
    world.node.work();
    world.report();
    world.finish()?;
    let steps = world.node.faults.recorded();
    if strike.is_some() && world.node.faults.disarm().is_none() {
        return Err("the agent has not come to that step".to_owned());
    }
    converge::converge(&mut world)?;
    check::check(&world)?;
    Ok(steps)
}
