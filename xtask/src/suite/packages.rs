//! What an account has is what its package says, also after the package was changed.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{
    CONVERGED_WITHIN, Scratch, Tenant, add_key, berth, berth_json, failure, key_pair, php, problems, sftp,
    site, tenant_with, text, write_as,
};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("an account has what its package includes and nothing more", package_decides),
    ("another package is refused below what is used, and reaches the account's limits", another_package),
    ("a change of the package reaches the accounts that have it", changed_package),
];

/// A package with as little as possible.
const LEAN: [&str; 8] = ["--timers", "off", "--sftp", "no", "--php-children", "2", "--domains", "1"];

/// The same package with more of everything.
const RICH: [&str; 8] = ["--timers", "always", "--sftp", "yes", "--php-children", "4", "--domains", "2"];

fn package_decides(node: &Node) -> Result<()> {
    let dave = lean_tenant(node)?;
    agrees_with_lean(node, &dave)
}

fn changed_package(node: &Node) -> Result<()> {
    let dave = lean_tenant(node)?;
    let scratch = Scratch::new("package")?;
    let key = key_pair(&scratch)?;
    change(node, &dave, &RICH)?;
    let rich = agrees_with_rich(node, &dave, &key);
    change(node, &dave, &LEAN)?;
    rich?;
    ensure!(sftp(node, &dave, Some(&key), "pwd\n")?.code != 0, "file transfer goes on");
    berth(node, &["domain", "remove", &dave.name, SECOND])?.success()?;
    agrees_with_lean(node, &dave)
}

/// Fills a home, asks for a package that is too small, and reads the new limit back from the host.
fn another_package(node: &Node) -> Result<()> {
    for (package, disk, domains) in [("tiny", "1", "1"), ("roomy", "321", "9")] {
        if berth(node, &["package", "show", package])?.code != 0 {
            berth(node, &["package", "create", package, "--disk-mb", disk, "--domains", domains])?
                .success()?;
        }
    }
    // What is in use is told in steps of a hundredth of the limit: eight MiB are seen with 321, not with ten
    // thousand.
    let eddie = tenant_with(node, "eddie", "roomy")?;
    let blob = format!("{}/blob", eddie.public());
    write_as(node, &eddie, &blob, &"x".repeat(8 << 20))?;
    // The file system counts what it has written, which it otherwise does every 30 seconds.
    node.run(["sync"])?;
    berth(node, &["node", "audit", "--now", "--wait"])?.success()?;
    let plan = berth(node, &["user", "set-package", "eddie", "tiny", "--plan"])?.success()?;
    ensure!(plan.contains("exceeded"), "the plan does not say what is exceeded: {plan}");
    refused(node, &["user", "set-package", "eddie", "tiny"], "limit_exceeded")?;
    berth(node, &["user", "set-package", "eddie", "standard", "--wait"])?.success()?;
    observes(node, &eddie, "quota", "limit_bytes", &Value::from(10_240_u64 << 20))?;
    berth(node, &["user", "set-package", "eddie", "tiny", "--force", "--wait"])?.success()?;
    let full = write_as(node, &eddie, &format!("{}/more", eddie.public()), &"y".repeat(1 << 20));
    ensure!(full.is_err(), "more can be written than the package allows");
    let kept = node.run(["stat", "--format=%s", &blob])?;
    ensure!(kept.trim() == (8 << 20).to_string(), "what was there has changed: {kept}");
    berth(node, &["user", "set-package", "eddie", "standard", "--wait"])?.success()?;
    Ok(())
}

/// A domain beside the primary one.
const SECOND: &str = "davessecond.com";

/// A user whose package is the lean one.
fn lean_tenant(node: &Node) -> Result<Tenant> {
    if berth(node, &["package", "show", "lean"])?.code != 0 {
        let mut arguments = vec!["package", "create", "lean"];
        arguments.extend(LEAN);
        berth(node, &arguments)?.success()?;
    }
    tenant_with(node, "dave", "lean")
}

/// Changes the package and waits until the account follows.
fn change(node: &Node, tenant: &Tenant, content: &[&str]) -> Result<()> {
    let mut arguments = vec!["package", "edit", "lean"];
    arguments.extend(content);
    berth(node, &arguments)?.success()?;
    berth(node, &["user", "conditions", &tenant.name, "--wait"])?.success()?;
    Ok(())
}

fn agrees_with_lean(node: &Node, dave: &Tenant) -> Result<()> {
    observes(node, dave, "timers", "lingers", &Value::Bool(false))?;
    observes(node, dave, "sftp", "enabled", &Value::Bool(false))?;
    observes(node, dave, "php", "children", &Value::from(2))?;
    ensure!(node.exec(["stat", "/var/lib/systemd/linger/dave"])?.code != 0, "the user lingers");
    node.wait_for("the end of the user manager", CONVERGED_WITHIN, |node| {
        let unit = format!("user@{}.service", dave.uid);
        Ok(node.exec(["systemctl", "is-active", &unit])?.code != 0)
    })?;
    children(node, dave, 2)?;
    refused(node, &["sftp", "on", "dave"], "sftp_not_included")?;
    refused(node, &["domain", "add", "dave", SECOND], "limit_exceeded")
}

fn agrees_with_rich(node: &Node, dave: &Tenant, key: &Path) -> Result<()> {
    observes(node, dave, "timers", "lingers", &Value::Bool(true))?;
    observes(node, dave, "sftp", "enabled", &Value::Bool(true))?;
    observes(node, dave, "php", "children", &Value::from(4))?;
    let shown = node.run(["loginctl", "show-user", "dave"])?;
    ensure!(shown.lines().any(|line| line == "Linger=yes"), "the user does not linger: {shown}");
    children(node, dave, 4)?;
    add_key(node, dave, key)?;
    ensure!(sftp(node, dave, Some(key), "pwd\n")?.code == 0, "file transfer does not work");
    berth(node, &["domain", "add", "dave", SECOND, "--wait"])?.success()?;
    write_as(node, dave, &format!("/home/dave/domains/{SECOND}/public_html/second.txt"), "second")?;
    let answer = site(node, SECOND, "/second.txt")?;
    ensure!(answer.body == "second", "the second domain answers {answer:?}");
    refused(node, &["domain", "add", "dave", "davesthird.com"], "limit_exceeded")
}

/// The account's resource reports this value, read back from the host.
fn observes(node: &Node, tenant: &Tenant, resource: &str, name: &str, expected: &Value) -> Result<()> {
    let answer = berth_json(node, &["user", "conditions", &tenant.name])?;
    let conditions = answer.get("conditions").and_then(Value::as_array).context("no conditions")?;
    let condition = conditions
        .iter()
        .find(|condition| text(condition, "/resource").is_ok_and(|found| found == resource))
        .with_context(|| format!("no condition of {resource}: {answer}"))?;
    ensure!(text(condition, "/state")? == "converged", "not converged: {condition}");
    let found = condition.pointer(&format!("/observed/{name}"));
    ensure!(found == Some(expected), "{resource} observes {found:?} for {name}, expected {expected}");
    Ok(())
}

/// So many processes, and no more, answer when many more requests wait.
fn children(node: &Node, tenant: &Tenant, expected: usize) -> Result<()> {
    // The pool's processes of an earlier configuration end with the requests that they have.
    php(node, tenant, "<?php echo 'warm';")?;
    let page = format!("{}/who.php", tenant.public());
    write_as(node, tenant, &page, "<?php usleep(400000); echo getmypid();")?;
    let pids = std::thread::scope(|scope| -> Result<BTreeSet<String>> {
        let asking: Vec<_> =
            (0..expected * 3).map(|_| scope.spawn(|| site(node, &tenant.domain, "/who.php"))).collect();
        let mut pids = BTreeSet::new();
        for one in asking {
            let answer = one.join().map_err(|_| anyhow::anyhow!("a request panicked"))??;
            ensure!(answer.status == 200, "a page is answered with {answer:?}");
            pids.insert(answer.body);
        }
        Ok(pids)
    })?;
    ensure!(pids.len() == expected, "{} processes answered, expected {expected}", pids.len());
    Ok(())
}

/// A command that the package forbids, with the problem that says so.
fn refused(node: &Node, arguments: &[&str], code: &str) -> Result<()> {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let outcome = berth(node, &arguments)?;
    let found = problems(&failure(&outcome)?);
    ensure!(
        outcome.code == 4 && matches!(found.as_slice(), [(one, _)] if one == code),
        "expected {code}, got {found:?} with exit code {}",
        outcome.code
    );
    Ok(())
}
