//! A newer package over an older one: nothing is lost and no request fails.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::Check;
use super::support::{admin_key, api, berth, site, tenant};
use crate::node::Node;
use crate::process::Program;
use crate::{deb, setup};

/// The checks of this group.
pub(crate) const CHECKS: &[Check] =
    &[("an upgrade of the package drops no request of a site", upgrade_drops_nothing)];

fn upgrade_drops_nothing(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let newer = deb::build(Some("999.0.0"))?;
    site(node, &alice.domain, "/")?;
    let load = |count: usize| -> Result<usize> {
        let said = Program::new("curl")
            .args(["--silent", "--output", "/dev/null", "--max-time", "60"])
            .args(["--write-out", "%{http_code}\n"])
            .args(["--header", &format!("Host: {}", alice.domain)])
            .arg(format!("http://{}/index.php?[1-{count}]", node.address()))
            .output()?;
        for status in said.lines() {
            ensure!(status == "200", "a request was answered with {status}");
        }
        Ok(said.lines().count())
    };
    let answered = std::thread::scope(|scope| -> Result<usize> {
        let installing = scope.spawn(|| setup::copy_and_install(node, &newer));
        let since = Instant::now();
        let mut answered = 0;
        while !installing.is_finished() && since.elapsed().as_secs() < 120 {
            answered += load(20)?;
        }
        match installing.join() {
            Ok(result) => result?,
            Err(_) => anyhow::bail!("the installation panicked"),
        }
        Ok(answered + load(20)?)
    })?;
    ensure!(answered >= 40, "only {answered} requests, which is no load");
    let installed = node.run(["dpkg-query", "--show", "--showformat=${Version}", "berth"])?;
    ensure!(installed == "999.0.0", "the installed version is {installed}");
    berth(node, &["user", "show", "alice"])?.success()?;
    let listed = api(node, &admin_key(node)?, "GET", "/users", None)?;
    ensure!(listed.status == 200, "the API answers {listed:?} after the upgrade");
    Ok(())
}
