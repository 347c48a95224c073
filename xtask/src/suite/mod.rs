//! The node suite: the installed product on a real Debian, asked from outside.
//!
//! A check is a function with a sentence as its name. Checks don't depend on each other: whatever a
//! check needs it makes, or finds made by an earlier one.

mod accounts;
mod backup_restore;
mod batches;
pub(crate) mod browser;
mod crash;
pub(crate) mod create;
mod drift;
mod egress;
mod failures;
mod host_names;
mod limits;
mod links;
mod logs;
mod packages;
mod php_isolation;
mod pipes;
mod privileges;
mod server_blocks;
mod sessions;
pub(crate) mod sftp;
pub(crate) mod sockets;
pub(crate) mod support;
mod timers;
mod upgrade;
mod webhooks;

use std::time::Instant;

use anyhow::Result;

use crate::levels::Tally;
use crate::node::{self, Node};
use crate::{deb, prerequisites, setup};

/// A check with its name.
pub(crate) type Check = (&'static str, fn(&Node) -> Result<()>);

/// All checks; those that burden the node most come last.
const CHECKS: &[&[Check]] = &[
    create::CHECKS,
    accounts::CHECKS,
    packages::CHECKS,
    limits::CHECKS,
    php_isolation::CHECKS,
    sftp::CHECKS,
    sessions::CHECKS,
    timers::CHECKS,
    failures::CHECKS,
    privileges::CHECKS,
    links::CHECKS,
    host_names::CHECKS,
    server_blocks::CHECKS,
    pipes::CHECKS,
    sockets::CHECKS,
    egress::CHECKS,
    drift::CHECKS,
    logs::CHECKS,
    webhooks::CHECKS,
    backup_restore::CHECKS,
    upgrade::CHECKS,
    crash::CHECKS,
    batches::CHECKS,
];

/// Runs the checks whose names contain `only` on a node that is made for them.
pub(crate) fn run(only: Option<&str>, keep: bool) -> Result<Tally> {
    let chosen: Vec<&Check> = CHECKS
        .iter()
        .flat_map(|group| group.iter())
        .filter(|check| only.is_none_or(|text| check.0.contains(text)))
        .collect();
    if chosen.is_empty() {
        anyhow::bail!("no check of the node suite has that in its name");
    }
    prerequisites::suite()?;
    let deb = deb::build(None)?;
    let name = suite_name("suite")?;
    Node::remove(&name)?;
    let mut node = Node::up(&name)?;
    setup::install(&mut node, &deb)?;
    setup::set_up(&node)?;
    let tally = run_checks(&node, &chosen)?;
    if !keep {
        Node::remove(&name)?;
    }
    Ok(tally)
}

/// Runs these checks one after the other and shows the journal if one of them fails.
pub(crate) fn run_checks(node: &Node, checks: &[&Check]) -> Result<Tally> {
    let mut tally = Tally::default();
    for (sentence, check) in checks {
        let since = Instant::now();
        let result = check(node);
        let seconds = since.elapsed().as_secs_f64();
        match &result {
            Ok(()) => println!("  ok    {seconds:6.1} s  {sentence}"),
            Err(error) => println!("  FAIL  {seconds:6.1} s  {sentence}\n        {error:#}"),
        }
        tally = tally.plus(Tally::one(result.is_ok()));
    }
    if tally.failed > 0 {
        eprintln!("the end of the journal of the node:");
        let journal = node.exec([
            "journalctl",
            "--no-pager",
            "--grep=WARN|ERROR|panicked|Failed",
            "--lines=40",
            "--unit=berth",
            "--unit=berth-agent",
        ])?;
        eprintln!("{}", journal.stdout);
    }
    Ok(tally)
}

/// The name of a node that a suite makes for itself.
pub(crate) fn suite_name(role: &str) -> Result<String> {
    Ok(format!("{}-{role}", node::default_name(None)?))
}
