//! A backup that was taken while everything ran makes the same installation on another host.

use anyhow::{Context, Result, ensure};

use super::Check;
use super::support::{CONVERGED_WITHIN, admin_key, api, berth_json, items, site, tenant};
use crate::node::Node;
use crate::{deb, setup};

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[("a backup restores onto a new host", restores_onto_a_new_host)];

fn restores_onto_a_new_host(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let key = admin_key(node)?;
    node.run(["berth", "backup", "/root/backup"])?;
    let mode = node.run(["stat", "--format=%a:%U", "/root/backup"])?;
    ensure!(mode.trim() == "600:root", "others may read the backup: {mode}");
    let before = names(node)?;

    let name = super::suite_name("restore")?;
    Node::remove(&name)?;
    let other = Node::up(&name)?;
    let deb = deb::built()?;
    setup::copy_and_install(&other, &deb)?;
    let encoded = node.run(["base64", "/root/backup"])?;
    other.program(["/bin/sh", "-c", "base64 -d > /root/backup"]).input(encoded).output()?;
    other.run(["berth", "restore", "/root/backup"])?;
    other.wait_for("the restored users", CONVERGED_WITHIN, |other| Ok(names(other)? == before))?;
    let listed = api(&other, &key, "GET", "/users", None)?;
    ensure!(listed.status == 200, "the old key is refused: {listed:?}");
    other
        .wait_for("the restored site", CONVERGED_WITHIN, |other| {
            let page = site(other, &alice.domain, "/")?;
            Ok(page.body.contains(&format!("uid={}", alice.uid)))
        })
        .context("the restored user's site does not answer")?;
    Node::remove(&name)
}

/// Every username that the list shows, in order.
fn names(node: &Node) -> Result<Vec<String>> {
    let listed = berth_json(node, &["user", "list", "--all"])?;
    let mut names: Vec<String> =
        items(&listed)?.iter().filter_map(|user| user.get("username")?.as_str().map(str::to_owned)).collect();
    names.sort();
    Ok(names)
}
