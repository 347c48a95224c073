//! The Unix account of a user, as the system's own tools see it.

use anyhow::{Result, ensure};

use super::Check;
use super::support::{as_tenant, tenant};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("getent and id show the account as the package says", account_entries),
    (
        "the home belongs to root, opens for its group, the web server and the writer of its logs only",
        home_modes,
    ),
    ("the user lingers, and the user manager runs in the user's slice", lingering),
    ("the control-group tree shows everything of a user below one slice", one_slice),
];

fn account_entries(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let entry = node.run(["getent", "passwd", "alice"])?;
    let fields: Vec<&str> = entry.trim().split(':').collect();
    let uid = alice.uid.to_string();
    ensure!(
        matches!(
            fields.as_slice(),
            ["alice", "x", user, group, gecos, "/home/alice", "/usr/sbin/nologin"]
                if *user == uid && *group == uid && gecos.starts_with("Alice Smith")
        ),
        "unexpected entry: {entry}"
    );
    let groups = node.run(["id", "-Gn", "alice"])?;
    let mut groups: Vec<&str> = groups.split_whitespace().collect();
    groups.sort_unstable();
    ensure!(groups == ["alice", "berth-sftp"], "unexpected groups: {groups:?}");
    let shadow = node.run(["getent", "shadow", "alice"])?;
    let hash = shadow.split(':').nth(1).unwrap_or_default();
    ensure!(hash.starts_with('!') || hash == "*", "the account has a password: {shadow}");
    for file in ["/etc/subuid", "/etc/subgid"] {
        let text = node.exec(["cat", file])?.stdout;
        ensure!(!text.contains("alice"), "{file} gives alice subordinate ids");
    }
    Ok(())
}

fn home_modes(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let uid = alice.uid.to_string();
    let (domains, site) = ("/home/alice/domains", alice.site());
    // Who got through the home, which is the user and the web server, may pass those below but not list them.
    for (path, mode) in [("/home/alice", 750), (domains, 751), (&site, 751)] {
        let found = node.run(["stat", "--format=%u:%g:%a", path])?;
        ensure!(found.trim() == format!("0:{uid}:{mode}"), "{path} is {}", found.trim());
    }
    let public = node.run(["stat", "--format=%u:%g", &alice.public()])?;
    ensure!(public.trim() == format!("{uid}:{uid}"), "public_html belongs to {}", public.trim());
    let acl = node.run(["getfacl", "--omit-header", "--absolute-names", "/home/alice"])?;
    ensure!(acl.lines().any(|line| line == "user:berth-web:--x"), "the web server may not pass: {acl}");
    let named = acl.lines().filter(|line| line.starts_with("user:") && !line.starts_with("user::")).count();
    ensure!(acl.lines().any(|line| line == "user:berth-log:--x"), "the logs can't be written: {acl}");
    ensure!(named == 2, "more entries than the two: {acl}");
    // The tenant can't replace the directories that others resolve.
    for argv in [
        ["mv", "/home/alice/domains", "/home/alice/other"],
        ["mv", &alice.public(), &format!("{}/other", alice.site())],
        ["ln", "/etc/hostname", &format!("{}/link", alice.site())],
    ] {
        let tried = as_tenant(node, &alice, &argv).outcome()?;
        ensure!(tried.code != 0, "the tenant could run {argv:?}");
    }
    as_tenant(node, &alice, &["touch", &format!("{}/own", alice.public())]).output()?;
    Ok(())
}

fn lingering(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let shown = node.run(["loginctl", "show-user", "alice"])?;
    for line in [
        "Linger=yes".to_owned(),
        format!("UID={}", alice.uid),
        format!("Slice={}", alice.slice()),
        format!("Service=user@{}.service", alice.uid),
    ] {
        ensure!(shown.lines().any(|found| found == line), "{line} is missing in {shown}");
    }
    let unit = format!("user@{}.service", alice.uid);
    let state = node.run(["systemctl", "is-active", &unit])?;
    ensure!(state.trim() == "active", "{unit} is {state}");
    Ok(())
}

fn one_slice(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    // A request makes her PHP run.
    super::support::site(node, &alice.domain, "/")?;
    let root = format!("/sys/fs/cgroup/user.slice/{}", alice.slice());
    let members = node.run(["find", &root, "-name", "cgroup.procs", "-exec", "cat", "{}", "+"])?;
    let running = node.run(["ps", "-u", &alice.uid.to_string(), "-o", "pid="])?;
    let inside: Vec<&str> = members.split_whitespace().collect();
    let all: Vec<&str> = running.split_whitespace().collect();
    ensure!(all.len() >= 3, "too few processes of alice: {running}");
    for process in all {
        ensure!(inside.contains(&process), "process {process} of alice is outside of her slice");
    }
    let tree = node.run(["systemd-cgls", "--no-pager", "--full"])?;
    let name = format!("berth-fpm-{}.service", alice.uid);
    ensure!(tree.contains(&name), "{name} is not in the tree: {tree}");
    Ok(())
}
