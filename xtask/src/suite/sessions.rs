//! What a login leaves behind, and what a tenant can't plant outside of the slice.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Check;
use super::support::{Scratch, add_key, as_tenant, key_pair, sftp, tenant};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("shared memory of a tenant survives a logout from file transfer", shared_memory_survives),
    ("crontab and at are refused to tenants", crontab_and_at_refused),
];

fn shared_memory_survives(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("memory")?;
    let key = key_pair(&scratch)?;
    add_key(node, &alice, &key)?;
    let made = as_tenant(node, &alice, &["ipcmk", "--shmem", "4096"]).output()?;
    let id = made.split_whitespace().next_back().unwrap_or_default().to_owned();
    let exists = || -> Result<bool> {
        let listed = node.run(["ipcs", "--shmems"])?;
        Ok(listed.lines().any(|line| line.split_whitespace().nth(1) == Some(id.as_str())))
    };
    ensure!(exists()?, "the segment {id:?} was not made: {made}");
    sftp(node, &alice, Some(&key), "pwd\n")?.success()?;
    // logind removes what a user left only some time after the last session has gone.
    std::thread::sleep(Duration::from_secs(12));
    ensure!(exists()?, "the logout removed the shared memory");
    let setting = node.run([
        "busctl",
        "get-property",
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
        "RemoveIPC",
    ])?;
    ensure!(setting.trim() == "b false", "logind says RemoveIPC {setting}");
    node.run(["ipcrm", "--shmem-id", &id])?;
    Ok(())
}

fn crontab_and_at_refused(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let commands: [(&[&str], &str); 2] =
        [(&["crontab", "-"], "* * * * * /bin/true\n"), (&["at", "now + 1 hour"], "/bin/true\n")];
    for (argv, input) in commands {
        node.program(argv).input(input).output()?;
        let tried = as_tenant(node, &alice, argv).input(input).outcome()?;
        ensure!(
            tried.code != 0 && tried.stderr.contains("allow") | tried.stderr.contains("permission"),
            "alice could run {argv:?}: {tried:?}"
        );
    }
    node.run(["crontab", "-r"])?;
    let spool = node.run(["ls", "/var/spool/cron/crontabs"])?;
    ensure!(!spool.contains("alice"), "there is a crontab of alice");
    Ok(())
}
