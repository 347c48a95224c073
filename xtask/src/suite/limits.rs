//! What a package limits: the disk, and everything that runs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{
    CONVERGED_WITHIN, Scratch, Tenant, add_key, as_tenant, berth, berth_json, key_pair, php, sftp, tenant,
    tenant_with, text,
};
use crate::files;
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("the disk limit stops whoever has reached it, and nobody else", full_home),
    ("the disk limit counts volumes that a tenant makes, whatever group is asked for", nested_volumes),
    ("a disk limit follows its package and touches nothing else", changed_package),
    ("a disk limit that was taken away by hand is set again", removed_quota),
    ("without quotas the disk limit says what to do, and heals by itself", without_quotas),
    ("limits of a slice that runs are set, and missing controllers are named", slices),
];

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// A user whose package has room for 50 MiB.
fn small_tenant(node: &Node) -> Result<Tenant> {
    if berth(node, &["package", "show", "small"])?.code != 0 {
        let package = ["--disk-mb", "50", "--tasks", "70", "--memory-mb", "300", "--timers", "off"];
        berth(node, &[["package", "create", "small"].as_slice(), &package].concat())?.success()?;
    }
    tenant_with(node, "quinn", "small")
}

fn audit(node: &Node) -> Result<()> {
    node.run(["berth", "node", "audit", "--now", "--wait"])?;
    Ok(())
}

/// What the account's resource reports.
fn condition(node: &Node, tenant: &Tenant, resource: &str) -> Result<Value> {
    let answer = berth_json(node, &["user", "conditions", &tenant.name])?;
    let conditions = answer.get("conditions").and_then(Value::as_array).context("no conditions")?;
    let condition = conditions.iter().find(|one| text(one, "/resource").is_ok_and(|found| found == resource));
    condition.cloned().with_context(|| format!("no condition of {resource}: {answer}"))
}

fn observed(condition: &Value, name: &str) -> Option<u64> {
    condition.pointer(&format!("/observed/{name}")).and_then(Value::as_u64)
}

/// Writes as the tenant until so many MiB are written or nothing more can be; says how many were.
fn fill(node: &Node, tenant: &Tenant, path: &str, megabytes: u64) -> Result<u64> {
    let count = format!("count={megabytes}");
    as_tenant(node, tenant, &["dd", "if=/dev/zero", &format!("of={path}"), "bs=1M", &count, "conv=fsync"])
        .outcome()?;
    // Where everything is full, not even an empty file can be made.
    let shown = node.exec(["stat", "--format=%s", path])?;
    if shown.code != 0 {
        return Ok(0);
    }
    Ok(shown.stdout.trim().parse::<u64>().context("no size")? / MIB)
}

fn full_home(node: &Node) -> Result<()> {
    let (quinn, bob) = (small_tenant(node)?, tenant(node, "bob")?);
    let scratch = Scratch::new("quota")?;
    let hers = key_pair(&scratch)?;
    add_key(node, &quinn, &hers)?;
    let script = "<?php error_reporting(0); $f = fopen(__DIR__ . '/fill', 'w'); $n = 0; \
                  for ($i = 0; $i < 80; $i++) { $w = fwrite($f, random_bytes(1 << 20)); \
                  if ($w !== 1 << 20 || !fflush($f)) break; $n++; } fclose($f); echo $n;";
    let written: u64 = php(node, &quinn, script)?.parse().context("the page printed no number")?;
    ensure!((30..50).contains(&written), "PHP has written {written} MiB with a limit of 50");
    let large = scratch.join("large");
    files::write(&large, &"x".repeat(8 << 20))?;
    let put = format!("put {} domains/{}/public_html/large\n", large.display(), quinn.domain);
    ensure!(sftp(node, &quinn, Some(&hers), &put)?.code != 0, "file transfer writes to a full home");
    audit(node)?;
    let quota = condition(node, &quinn, "quota")?;
    ensure!(
        text(&quota, "/state")? == "converged" && observed(&quota, "limit_bytes") == Some(50 * MIB),
        "the condition is {quota}"
    );
    ensure!(
        observed(&quota, "used_bytes").is_some_and(|used| (40 * MIB..=50 * MIB).contains(&used)),
        "the condition is {quota}"
    );
    let other = format!("{}/other", bob.public());
    ensure!(fill(node, &bob, &other, 60)? == 60, "bob can't write either");
    node.run(["rm", "--", &other])?;
    // Whoever is full can make room.
    as_tenant(
        node,
        &quinn,
        &["rm", "-f", &format!("{0}/fill", quinn.public()), &format!("{0}/large", quinn.public())],
    )
    .output()?;
    let again = format!("{}/again", quinn.public());
    ensure!(fill(node, &quinn, &again, 10)? == 10, "the space is not free again");
    node.run(["rm", "--", &again])?;
    Ok(())
}

/// The groups that a volume counts in, as `btrfs` shows them.
fn parents(node: &Node, path: &str) -> Result<String> {
    let id = node.run(["btrfs", "inspect-internal", "rootid", path])?;
    let wanted = format!("0/{}", id.trim());
    let shown = node.run(["btrfs", "qgroup", "show", "-p", "/home"])?;
    let line = shown.lines().find(|line| line.split_whitespace().next() == Some(&wanted));
    Ok(line.and_then(|line| line.split_whitespace().nth(3)).unwrap_or_default().to_owned())
}

fn nested_volumes(node: &Node) -> Result<()> {
    let (quinn, bob) = (small_tenant(node)?, tenant(node, "bob")?);
    let (ours, foreign) = (format!("1/{}", quinn.uid), format!("1/{}", bob.uid));
    let plain = format!("{}/nested", quinn.public());
    let taken = format!("{}/nested/inner", quinn.public());
    let create = ["btrfs", "subvolume", "create"];
    as_tenant(node, &quinn, &[create.as_slice(), &[&plain]].concat()).output()?;
    as_tenant(node, &quinn, &[create.as_slice(), &["-i", &foreign, &taken]].concat()).output()?;
    let counted = count_nested(node, &quinn, &ours, [&plain, &taken]);
    // Not even root takes a volume out of a home that is full.
    let (inner, outer) = (format!("{taken}/fill"), format!("{plain}/fill"));
    as_tenant(node, &quinn, &["rm", "-f", &inner, &outer]).output()?;
    node.run(["sync"])?;
    node.run(["btrfs", "subvolume", "delete", &taken, &plain])?;
    counted
}

/// The volumes get into the account's group, and its limit is on both together; a limit that is reached can be
/// set again.
fn count_nested(node: &Node, quinn: &Tenant, ours: &str, [plain, taken]: [&String; 2]) -> Result<()> {
    for path in [plain, taken] {
        node.wait_for(
            "the volume's group",
            Duration::from_secs(20),
            |node| Ok(parents(node, path)? == ours),
        )?;
    }
    let written = fill(node, quinn, &format!("{taken}/fill"), 80)?;
    let more = fill(node, quinn, &format!("{plain}/fill"), 80)?;
    ensure!(written + more < 50, "{written} and {more} MiB were written with a limit of 50");
    node.run(["btrfs", "qgroup", "limit", "none", ours, "/home"])?;
    audit(node)?;
    let quota = condition(node, quinn, "quota")?;
    ensure!(observed(&quota, "limit_bytes") == Some(50 * MIB), "the condition is {quota}");
    Ok(())
}

fn changed_package(node: &Node) -> Result<()> {
    let (quinn, bob) = (small_tenant(node)?, tenant(node, "bob")?);
    php(node, &quinn, "<?php echo 'runs';")?;
    let unit = format!("berth-fpm-{}.service", quinn.uid);
    let invocation = || node.run(["systemctl", "show", "--property=InvocationID", "--value", &unit]);
    let before = invocation()?;
    let others = condition(node, &bob, "quota")?;
    let change = |disk: &str| -> Result<()> {
        berth(node, &["package", "edit", "small", "--disk-mb", disk])?.success()?;
        berth(node, &["user", "conditions", "quinn", "--wait"])?.success()?;
        Ok(())
    };
    change("100")?;
    let quota = condition(node, &quinn, "quota");
    let file = format!("{}/larger", quinn.public());
    let written = fill(node, &quinn, &file, 80);
    node.run(["rm", "-f", "--", &file])?;
    let after = invocation()?;
    change("50")?;
    ensure!(observed(&quota?, "limit_bytes") == Some(100 * MIB), "the condition does not follow");
    ensure!(written? == 80, "the larger package is not in force");
    ensure!(before == after, "PHP was started anew");
    let still = condition(node, &bob, "quota")?;
    ensure!(observed(&still, "limit_bytes") == observed(&others, "limit_bytes"), "bob has another limit");
    Ok(())
}

fn removed_quota(node: &Node) -> Result<()> {
    let quinn = small_tenant(node)?;
    let group = format!("1/{}", quinn.uid);
    node.run(["btrfs", "qgroup", "limit", "none", &group, "/home"])?;
    audit(node)?;
    let quota = condition(node, &quinn, "quota")?;
    ensure!(observed(&quota, "limit_bytes") == Some(50 * MIB), "the condition is {quota}");
    let file = format!("{}/fill", quinn.public());
    let written = fill(node, &quinn, &file, 80)?;
    node.run(["rm", "--", &file])?;
    ensure!(written < 50, "{written} MiB were written with a limit of 50");
    Ok(())
}

fn without_quotas(node: &Node) -> Result<()> {
    let quinn = small_tenant(node)?;
    node.run(["btrfs", "quota", "disable", "/home"])?;
    audit(node)?;
    let quota = condition(node, &quinn, "quota")?;
    let home = condition(node, &quinn, "home")?;
    node.run(["btrfs", "quota", "enable", "--simple", "/home"])?;
    ensure!(
        text(&quota, "/state")? == "unsupported" && text(&quota, "/problem/code")? == "quota_unsupported",
        "the condition is {quota}"
    );
    let hint = text(&quota, "/problem/hint")?;
    ensure!(hint.contains("btrfs quota enable --simple /home"), "the hint is {hint}");
    ensure!(text(&home, "/state")? == "converged", "the home is {home}");
    audit(node)?;
    node.wait_for("the quota", CONVERGED_WITHIN, |node| {
        let quota = condition(node, &quinn, "quota")?;
        Ok(text(&quota, "/state")? == "converged" && observed(&quota, "limit_bytes") == Some(50 * MIB))
    })?;
    Ok(())
}

fn slices(node: &Node) -> Result<()> {
    let quinn = small_tenant(node)?;
    let slice = quinn.slice();
    let shown = |property: &str| -> Result<String> {
        let argument = format!("--property={property}");
        Ok(node.run(["systemctl", "show", &argument, "--value", &slice])?.trim().to_owned())
    };
    php(node, &quinn, "<?php echo 'runs';")?;
    node.wait_for("the limits", Duration::from_secs(10), |_| {
        Ok(shown("TasksMax")? == "70" && shown("MemoryMax")? == (300 * MIB).to_string())
    })?;
    ensure!(shown("MemoryHigh")? == (270 * MIB).to_string(), "MemoryHigh is {}", shown("MemoryHigh")?);
    ensure!(shown("CPUQuotaPerSecUSec")? == "1s", "the CPU has {}", shown("CPUQuotaPerSecUSec")?);
    ensure!(shown("IOReadBandwidthMax")? == "/home 52428800", "IO has {}", shown("IOReadBandwidthMax")?);
    let unit = format!("berth-fpm-{}.service", quinn.uid);
    let invocation = || node.run(["systemctl", "show", "--property=InvocationID", "--value", &unit]);
    let before = invocation()?;
    berth(node, &["package", "edit", "small", "--tasks", "90"])?.success()?;
    berth(node, &["user", "conditions", "quinn", "--wait"])?.success()?;
    let (tasks, after) = (shown("TasksMax")?, invocation()?);
    berth(node, &["package", "edit", "small", "--tasks", "70"])?.success()?;
    ensure!(tasks == "90" && before == after, "the slice has {tasks} tasks, PHP was {before}, is {after}");

    let controllers = node.run(["cat", "/sys/fs/cgroup/cgroup.controllers"])?;
    let missing: Vec<&str> =
        ["cpu", "io", "memory", "pids"].into_iter().filter(|one| !controllers.contains(one)).collect();
    let found = condition(node, &quinn, "slice")?;
    if missing.is_empty() {
        return Ok(());
    }
    ensure!(
        text(&found, "/state")? == "unsupported" && text(&found, "/problem/code")? == "slice_unsupported",
        "the condition is {found}"
    );
    let detail = text(&found, "/problem/detail")?;
    ensure!(detail.contains(&missing.join(", ")), "{detail} does not name {missing:?}");
    Ok(())
}
