//! A run that is told what to do, for what chance would rarely bring about.

use std::rc::Rc;

use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::facts::Facts;
use crate::faults::Lie;
use crate::run::furnish;
use crate::verbs::{Order, VERBS};
use crate::world::{World, Wrong};
use crate::{check, converge};

/// An account with everything, which then loses all that can be taken away; on a host that may lie.
pub(crate) fn everything(runtime: &Rc<Runtime>, lie: Option<Lie>) -> Result<(), Wrong> {
    let mut world = World::new(runtime, 0);
    let mut dice = Dice::new(0);
    furnish(&world, &mut dice);
    if let Some(lie) = lie {
        world.node.faults.set_lie(lie);
    }
    furnished(&mut world, &mut dice)?;
    converge::converge(&mut world)?;
    check::check(&world)?;
    until(&mut world, &mut dice, "ssh_key.remove", |facts| !with_keys(facts))?;
    until(&mut world, &mut dice, "domain.remove", |facts| domains(facts, "") == 1)?;
    until(&mut world, &mut dice, "package.edit", |facts| package(facts, "timers") == "off")?;
    until(&mut world, &mut dice, "package.edit", |facts| package(facts, "php") == "0")?;
    converge::converge(&mut world)?;
    check::check(&world)
}

/// Asks for an account with everything.
pub(crate) fn furnished(world: &mut World, dice: &mut Dice) -> Result<(), Wrong> {
    until(world, dice, "user.create", |facts| facts.has("account/tenant1"))?;
    until(world, dice, "ssh_key.add", with_keys)?;
    until(world, dice, "sftp.set", |facts| facts.get("account/tenant1")["sftp"] == true)?;
    until(world, dice, "domain.add", |facts| domains(facts, "public_html") > 1)?;
    until(world, dice, "domain.add", |facts| domains(facts, "public_html/web") > 0)?;
    let with_rules = |facts: &Facts| !facts.all_below("account/tenant1/egress/").is_empty();
    until(world, dice, "egress.rule_add", with_rules)?;
    let with_timers = |facts: &Facts| !facts.below("account/tenant1/timer/").is_empty();
    until(world, dice, "timer.add", with_timers)?;
    until(world, dice, "package.create", |facts| facts.below("package/").len() > 2)?;
    until(world, dice, "package.edit", |facts| package(facts, "timers") == "always")?;
    until(world, dice, "package.edit", |facts| package(facts, "php") != "0")?;
    until(world, dice, "web_user.add", |facts| !facts.all_below("account/tenant1/web/").is_empty())?;
    until(world, dice, "webhook.add", |facts| !facts.below("webhook/").is_empty())?;
    // A delivery is no fact, so the order is given and what comes of it is not looked at.
    let given = std::cell::Cell::new(false);
    until(world, dice, "webhook.test", |_| given.replace(true))
}

fn with_keys(facts: &Facts) -> bool {
    !facts.all_below("account/tenant1/key/").is_empty()
}

/// Domains of the account whose document root begins like this.
fn domains(facts: &Facts, docroot: &str) -> usize {
    let all = facts.below("account/tenant1/domain/");
    let of = |fqdn: &String| facts.get(&format!("account/tenant1/domain/{fqdn}"))["docroot"].clone();
    all.iter().filter(|fqdn| docroot.is_empty() || of(fqdn) == docroot).count()
}

/// A setting of the account's package.
fn package(facts: &Facts, setting: &str) -> String {
    let name = facts.get("account/tenant1")["package"].as_str().unwrap_or_default();
    let package = facts.get(&format!("package/{name}"));
    match setting {
        "timers" => package["features"]["timers"].as_str().unwrap_or_default().to_owned(),
        _ => package["limits"]["php_children"].to_string(),
    }
}

/// Gives orders of a kind until something is so.
fn until(
    world: &mut World,
    dice: &mut Dice,
    action: &str,
    holds: impl Fn(&Facts) -> bool,
) -> Result<(), Wrong> {
    let verb = VERBS.iter().find(|verb| verb.action.as_str() == action).unwrap();
    for _ in 0..300 {
        if holds(&world.facts) {
            return Ok(());
        }
        let Some(order) = (verb.make)(dice, &world.facts) else { continue };
        give(world, order)?;
    }
    Err(format!("{action} does not bring it about"))
}

/// Gives an order and waits for the answer.
fn give(world: &mut World, order: Order) -> Result<(), Wrong> {
    world.ask(order, None);
    world.finish()
}
