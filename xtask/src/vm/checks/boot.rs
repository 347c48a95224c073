//! The machine itself, and what is left of everything after it went down.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::support::{audit, conditions};
use crate::node::Node;
use crate::suite::Check;
use crate::suite::support::{
    CONVERGED_WITHIN, Scratch, Tenant, add_key, berth, berth_json, create_arguments, items, key_pair, php,
    sftp, site, tenant, text,
};
use crate::vm::machine;

/// What every machine must have, or the other checks would prove nothing.
pub(super) const MACHINE: &[Check] = &[
    ("the machine has every control group controller and user quota on /home", machine_is_fit),
    ("a site answers with its own PHP", site_answers),
];

/// The checks that take the machine down.
pub(super) const CHECKS: &[Check] = &[
    ("after a reboot every site, login and condition is as before", reboot),
    ("a power cut during creates loses no user that was promised, and leaves none by halves", power_cut),
];

fn machine_is_fit(node: &Node) -> Result<()> {
    let controllers = node.run(["cat", "/sys/fs/cgroup/cgroup.controllers"])?;
    for controller in ["cpu", "io", "memory", "pids"] {
        ensure!(
            controllers.split_whitespace().any(|name| name == controller),
            "no {controller}: {controllers}"
        );
    }
    let quota = node.exec(["quotaon", "--print-state", "--user", "/home"])?;
    ensure!(quota.stdout.contains(" is on"), "user quota on /home: {quota:?}");
    Ok(())
}

fn site_answers(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    served_by_own_php(node, &alice)
}

/// The site's PHP answers, as the tenant and in the tenant's slice.
fn served_by_own_php(node: &Node, tenant: &Tenant) -> Result<()> {
    let said = php(node, tenant, "<?php echo posix_getuid();")?;
    ensure!(said == tenant.uid.to_string(), "PHP of {} runs as {said:?}", tenant.name);
    // PHP can't tell itself: nothing outside of the home is open to it.
    let unit = format!("berth-fpm-{}.service", tenant.uid);
    let group = node.run(["systemctl", "show", "--property=ControlGroup", "--value", &unit])?;
    ensure!(group.contains(&tenant.slice()), "PHP of {} is in {group:?}", tenant.name);
    Ok(())
}

/// The states of a user's conditions, by resource.
fn states(node: &Node, user: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for condition in conditions(node, user)? {
        found.push((text(&condition, "/resource")?.to_owned(), text(&condition, "/state")?.to_owned()));
    }
    found.sort();
    Ok(found)
}

fn reboot(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("reboot")?;
    let key = key_pair(&scratch)?;
    add_key(node, &alice, &key)?;
    let before = states(node, "alice")?;
    let accounts = node.run(["cat", "/etc/passwd", "/etc/group"])?;
    machine::reboot(node)?;
    // Nothing is asked of Berth in between: what a visitor meets after the boot is the point.
    node.wait_for("the site after the boot", CONVERGED_WITHIN, |node| {
        Ok(site(node, &alice.domain, "/")?.status == 200)
    })?;
    served_by_own_php(node, &alice)?;
    sftp(node, &alice, Some(&key), "ls /domains\n")?.success()?;
    audit(node)?;
    let after = states(node, "alice")?;
    ensure!(before == after, "the conditions were {before:?} and are {after:?}");
    ensure!(accounts == node.run(["cat", "/etc/passwd", "/etc/group"])?, "the account files have changed");
    Ok(())
}

fn power_cut(node: &Node) -> Result<()> {
    let names: Vec<String> = (0..8).map(|index| format!("cut{index}")).collect();
    let mut running = Vec::new();
    for name in &names {
        let argv = std::iter::once("berth".to_owned()).chain(create_arguments(name));
        running.push(node.start(argv)?.within(Duration::from_secs(30) * node.instance().patience()));
    }
    // Some have their answer by now, and the host is in the middle of making them.
    node.wait_for("the first answer", CONVERGED_WITHIN, |_| {
        Ok(running.iter_mut().any(crate::process::Running::ended))
    })?;
    let mut promised = Vec::new();
    for (name, create) in names.iter().zip(&mut running) {
        if create.ended() {
            promised.push(name);
        }
    }
    machine::power_cut(node)?;
    drop(running);
    for name in &promised {
        ensure!(berth(node, &["user", "show", name])?.code == 0, "{name} was promised and is gone");
    }
    let listed = berth_json(node, &["user", "list", "--search", "cut", "--all"])?;
    for user in items(&listed)? {
        let name = text(user, "/username")?;
        node.wait_for(&format!("user {name} as a whole"), CONVERGED_WITHIN, |node| {
            Ok(states(node, name)?.iter().all(|(_, state)| state == "converged"))
        })?;
        served_by_own_php(node, &tenant(node, name)?)?;
    }
    for name in &names {
        if berth(node, &["user", "show", name])?.code != 0 {
            ensure!(node.exec(["getent", "passwd", name])?.code == 2, "{name} is left on the host only");
        }
    }
    ensure!(node.run(["pwck", "-r", "-q"]).is_ok(), "the account files contradict each other");
    Ok(())
}
