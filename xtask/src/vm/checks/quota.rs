//! The disk limits of an account, as the kernel keeps them for users.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::support::{audit, condition, observed};
use crate::node::Node;
use crate::suite::Check;
use crate::suite::support::{CONVERGED_WITHIN, Tenant, as_tenant, berth, php, tenant, tenant_with, text};

/// The checks of this group.
pub(super) const CHECKS: &[Check] = &[
    ("a full disk limit stops whoever has reached it, in PHP too, and nobody else", full_of_bytes),
    ("a limit of files stops whoever has reached it and nobody else", full_of_files),
    ("a changed disk limit is enforced, and nothing else is touched", changed_package),
    (
        "while the kernel does not enforce, the condition says how to mend it, and it heals by itself",
        not_enforced,
    ),
];

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// What the package of the one who fills up has room for.
const SMALL: [&str; 6] = ["--disk-mb", "50", "--inodes", "200", "--timers", "off"];

/// A user with little room.
fn small_tenant(node: &Node) -> Result<Tenant> {
    if berth(node, &["package", "show", "tiny"])?.code != 0 {
        berth(node, &[["package", "create", "tiny"].as_slice(), &SMALL].concat())?.success()?;
    }
    tenant_with(node, "quinn", "tiny")
}

/// Writes as the tenant until so many MiB are written or nothing more can be; says how many were.
fn fill(node: &Node, tenant: &Tenant, path: &str, megabytes: u64) -> Result<u64> {
    let count = format!("count={megabytes}");
    as_tenant(node, tenant, &["dd", "if=/dev/zero", &format!("of={path}"), "bs=1M", &count, "conv=fsync"])
        .outcome()?;
    let size = node.run(["stat", "--format=%s", path])?;
    Ok(size.trim().parse::<u64>().context("no size")? / MIB)
}

/// What the kernel keeps for the account: hard limits of KiB and of files, by the system's own tool.
fn kernel(node: &Node, tenant: &Tenant) -> Result<(u64, u64)> {
    let listed = node.run(["repquota", "--user", "--no-names", "--raw-grace", "/home"])?;
    let wanted = format!("#{}", tenant.uid);
    let line = listed
        .lines()
        .find(|line| line.split_whitespace().next() == Some(&wanted))
        .with_context(|| format!("no quota of {wanted} in {listed}"))?;
    let number = |place: usize| -> Result<u64> {
        let word =
            line.split_whitespace().nth(place).with_context(|| format!("no word {place} in {line}"))?;
        word.parse().with_context(|| format!("{word:?} in {line}"))
    };
    // Name, flags, then used, soft, hard and grace of both.
    Ok((number(4)?, number(8)?))
}

fn full_of_bytes(node: &Node) -> Result<()> {
    let (quinn, bob) = (small_tenant(node)?, tenant(node, "bob")?);
    ensure!(kernel(node, &quinn)? == (50 * 1024, 200), "the kernel has {:?}", kernel(node, &quinn)?);
    let script = "<?php error_reporting(0); $f = fopen(__DIR__ . '/fill', 'w'); $n = 0; \
                  for ($i = 0; $i < 80; $i++) { $w = fwrite($f, str_repeat('x', 1 << 20)); \
                  if ($w !== 1 << 20 || !fflush($f)) break; $n++; } fclose($f); echo $n;";
    let written: u64 = php(node, &quinn, script)?.parse().context("the page printed no number")?;
    ensure!((30..=50).contains(&written), "PHP has written {written} MiB with a limit of 50");
    let other = format!("{}/other", bob.public());
    ensure!(fill(node, &bob, &other, 60)? == 60, "bob can't write either");
    node.run(["rm", "--", &other])?;
    audit(node)?;
    let quota = condition(node, &quinn, "quota")?;
    ensure!(
        text(&quota, "/state")? == "converged"
            && observed(&quota, "limit_bytes") == Some(50 * MIB)
            && observed(&quota, "used_bytes").is_some_and(|used| (40 * MIB..=50 * MIB).contains(&used)),
        "the condition is {quota}"
    );
    // Whoever is full can make room.
    let file = format!("{}/fill", quinn.public());
    as_tenant(node, &quinn, &["rm", "--", &file]).output()?;
    ensure!(fill(node, &quinn, &file, 10)? == 10, "the space is not free again");
    node.run(["rm", "--", &file])?;
    Ok(())
}

fn full_of_files(node: &Node) -> Result<()> {
    let (quinn, bob) = (small_tenant(node)?, tenant(node, "bob")?);
    let count = |tenant: &Tenant| -> Result<usize> {
        let dir = format!("{}/many", tenant.public());
        let script = format!(
            "mkdir {dir} && cd {dir} && i=0; while [ $i -lt 300 ]; do : >f$i || exit 0; i=$((i+1)); done"
        );
        as_tenant(node, tenant, &["sh", "-c", &script]).outcome()?;
        let made = node.run(["find", &dir, "-type", "f"])?.lines().count();
        node.run(["rm", "-r", "--", &dir])?;
        Ok(made)
    };
    let made = count(&quinn)?;
    ensure!((100..200).contains(&made), "{made} files were made with a limit of 200");
    ensure!(count(&bob)? == 300, "bob can't make files either");
    let quota = condition(node, &quinn, "quota")?;
    ensure!(observed(&quota, "limit_inodes") == Some(200), "the condition is {quota}");
    Ok(())
}

fn changed_package(node: &Node) -> Result<()> {
    let (quinn, bob) = (small_tenant(node)?, tenant(node, "bob")?);
    php(node, &quinn, "<?php echo 'runs';")?;
    let unit = format!("berth-fpm-{}.service", quinn.uid);
    let invocation = || node.run(["systemctl", "show", "--property=InvocationID", "--value", &unit]);
    let (before, others) = (invocation()?, kernel(node, &bob)?);
    let change = |disk: &str, inodes: &str| -> Result<()> {
        berth(node, &["package", "edit", "tiny", "--disk-mb", disk, "--inodes", inodes])?.success()?;
        berth(node, &["user", "conditions", &quinn.name, "--wait", "--timeout", "600"])?.success()?;
        Ok(())
    };
    change("100", "400")?;
    let limits = kernel(node, &quinn)?;
    let file = format!("{}/larger", quinn.public());
    let written = fill(node, &quinn, &file, 80);
    node.run(["rm", "-f", "--", &file])?;
    let after = invocation()?;
    change("50", "200")?;
    ensure!(limits == (100 * 1024, 400), "the kernel had {limits:?}");
    ensure!(written? == 80, "the larger package is not in force");
    ensure!(kernel(node, &quinn)? == (50 * 1024, 200), "the smaller package is not in force");
    ensure!(before == after, "PHP was started anew");
    ensure!(others == kernel(node, &bob)?, "bob has other limits");
    Ok(())
}

fn not_enforced(node: &Node) -> Result<()> {
    let quinn = small_tenant(node)?;
    node.run(["quotaoff", "--user", "/home"])?;
    let seen = audit(node).and_then(|()| condition(node, &quinn, "quota"));
    node.run(["quotaon", "--user", "/home"])?;
    let seen = seen?;
    ensure!(
        text(&seen, "/state")? == "unsupported"
            && text(&seen, "/problem/code")? == "quota_unsupported"
            && seen
                .pointer("/problem/hint")
                .and_then(Value::as_str)
                .is_some_and(|hint| hint.contains("/home")),
        "the condition is {seen}"
    );
    node.wait_for("the quota", CONVERGED_WITHIN, |node| {
        Ok(text(&condition(node, &quinn, "quota")?, "/state")? == "converged")
    })?;
    ensure!(kernel(node, &quinn)? == (50 * 1024, 200), "the limits are not what they were");
    Ok(())
}
