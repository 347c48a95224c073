//! A listener that a tenant's process has held: the tenant can keep a copy and shut it down.
//!
//! The container's system call filter hides `pidfd_getfd`, so only a kernel of its own shows this.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::node::Node;
use crate::suite::Check;
use crate::suite::support::{Tenant, as_tenant, site, tenant};

/// The checks of this group.
pub(super) const CHECKS: &[Check] = &[
    (
        "a tenant who shuts down the socket of the own PHP harms nobody, and it heals within one pass",
        while_running,
    ),
    ("the same with a copy that was kept until PHP had ended", after_the_end),
];

/// How much of a processor the agent may take while it copes.
const SHARE: f64 = 0.05;

/// A pass and its audit.
const ONE_PASS: Duration = Duration::from_secs(75);

const SCRIPT: &str = include_str!("poison.pl");

/// Where the tenant keeps it.
fn script(node: &Node, tenant: &Tenant) -> Result<String> {
    let path = format!("/tmp/poison-{}.pl", tenant.uid);
    node.write(&path, SCRIPT.as_bytes())?;
    Ok(path)
}

fn socket(tenant: &Tenant) -> String {
    format!("/run/berth/fpm/{}.sock", tenant.uid)
}

fn while_running(node: &Node) -> Result<()> {
    let (mallory, bob) = (tenant(node, "mallory")?, tenant(node, "bob")?);
    let path = script(node, &mallory)?;
    for _ in 0..3 {
        answers(node, &mallory)?;
        let said = as_tenant(node, &mallory, &["perl", &path, &socket(&mallory)]).output()?;
        ensure!(said.contains("shut down"), "the attack did not work: {said:?}");
        heals(node, &mallory, &bob)?;
    }
    Ok(())
}

fn after_the_end(node: &Node) -> Result<()> {
    let (mallory, bob) = (tenant(node, "mallory")?, tenant(node, "bob")?);
    let path = script(node, &mallory)?;
    answers(node, &mallory)?;
    let flag = format!("/tmp/poison-{}", mallory.uid);
    let (holding, go) = (format!("{flag}.holding"), format!("{flag}.go"));
    node.run(["rm", "-f", "--", &holding, &go])?;
    let attack = as_tenant(node, &mallory, &["perl", &path, &socket(&mallory), &flag]).start()?;
    node.wait_for("the copy", Duration::from_secs(20), |node| {
        Ok(node.exec(["test", "-e", &holding])?.code == 0)
    })?;
    node.run(["systemctl", "stop", &format!("berth-fpm-{}.service", mallory.uid)])?;
    node.run(["touch", &go])?;
    let said = attack.finish()?.success()?;
    ensure!(said.contains("shut down"), "the attack did not work: {said:?}");
    heals(node, &mallory, &bob)
}

/// The agent gives the tenant a new listener without working itself up, and others notice nothing.
fn heals(node: &Node, broken: &Tenant, other: &Tenant) -> Result<()> {
    let (start, since) = (agent_seconds(node)?, std::time::Instant::now());
    node.wait_for("a new listener", ONE_PASS, |node| {
        answers(node, other)?;
        Ok(site(node, &broken.domain, "/")?.status == 200)
    })?;
    std::thread::sleep(Duration::from_secs(10));
    let taken = agent_seconds(node)? - start;
    // What an emulated processor takes longer for is not the agent's fault.
    let share = taken / since.elapsed().as_secs_f64() / f64::from(node.instance().patience());
    ensure!(share < SHARE, "the agent took {:.1} % of a processor", share * 100.0);
    Ok(())
}

fn answers(node: &Node, tenant: &Tenant) -> Result<()> {
    let page = site(node, &tenant.domain, "/")?;
    ensure!(page.status == 200, "the site of {} answers {page:?}", tenant.name);
    Ok(())
}

/// How long the agent has been on a processor.
fn agent_seconds(node: &Node) -> Result<f64> {
    let said =
        node.run(["systemctl", "show", "--property=CPUUsageNSec", "--value", "berth-agent.service"])?;
    let nanoseconds: f64 = said.trim().parse().with_context(|| format!("{said:?} is no time"))?;
    Ok(nanoseconds / 1e9)
}
