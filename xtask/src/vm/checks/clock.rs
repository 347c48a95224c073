//! The clock jumps: an administrator sets it, or a machine comes back from a snapshot.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::support::audit;
use crate::node::Node;
use crate::process::Program;
use crate::suite::Check;
use crate::suite::support::{CONVERGED_WITHIN, Scratch, add_key, key_pair, sftp, site, tenant};

/// The checks of this group.
pub(super) const CHECKS: &[Check] =
    &[("the clock jumps 40 days ahead and 80 back, and audits, creates, sites and logins go on", jumps)];

const UNITS: [&str; 2] = ["berth.service", "berth-agent.service"];

fn jumps(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("clock")?;
    let key = key_pair(&scratch)?;
    add_key(node, &alice, &key)?;
    let before = processes(node)?;
    let now = time()?;
    let result = (|| {
        for (index, days) in [(1, 40), (2, -40)] {
            set(node, now + days * 86_400)?;
            // Nobody asks for this audit: the next one that is due repairs it.
            let link = format!("/run/berth/php/{}.sock", alice.domain);
            node.run(["rm", "--", &link])?;
            node.wait_for(&format!("an audit after {days} days"), CONVERGED_WITHIN, |node| {
                Ok(node.exec(["test", "-e", &link])?.code == 0)
            })?;
            let page = site(node, &alice.domain, "/")?;
            ensure!(page.status == 200, "{days} days away the site answers {page:?}");
            sftp(node, &alice, Some(&key), "pwd\n")?.success()?;
            tenant(node, &format!("later{index}"))?;
            node.run(["berth", "audit", "verify"])?;
        }
        ensure!(before == processes(node)?, "serve or agent did not live through it");
        Ok(())
    })();
    set(node, time()?)?;
    audit(node)?;
    result
}

/// Which processes are serve and agent.
fn processes(node: &Node) -> Result<String> {
    let mut found = String::new();
    for unit in UNITS {
        found.push_str(&node.run(["systemctl", "show", "--property=Id,MainPID,NRestarts", unit])?);
    }
    Ok(found)
}

/// What this machine takes the time for, in seconds.
fn time() -> Result<i64> {
    let said = Program::new("date").arg("+%s").within(Duration::from_secs(5)).output()?;
    said.trim().parse().with_context(|| format!("{said:?} is no time"))
}

fn set(node: &Node, seconds: i64) -> Result<()> {
    node.run(["date", "--set", &format!("@{seconds}")])?;
    Ok(())
}
