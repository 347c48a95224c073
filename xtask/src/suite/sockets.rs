//! The sockets of PHP: nobody else's, and never refused while things restart.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Check;
use super::support::{php, site, tenant};
use crate::node::Node;
use crate::process::Program;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("a tenant can't connect to another tenant's PHP, whatever groups Berth can grant", foreign_socket),
    ("restarting the agent under load gives no 502", agent_restart),
    (
        "a request to an idle tenant waits while the agent is killed, and the manager keeps few sockets",
        agent_killed,
    ),
];

fn foreign_socket(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let bob = tenant(node, "bob")?;
    let script = format!(
        "$s = @stream_socket_client('unix:///run/berth/fpm/{}.sock', $code, $text, 5); \
         echo $s ? 'connected' : $code;",
        alice.uid
    );
    let connect = |uid: &str, groups: &str| {
        node.run(["setpriv", "--reuid", uid, "--regid", uid, "--groups", groups, "--", "php", "-r", &script])
    };
    // The superuser gets through, so the refusals are about who asks.
    ensure!(node.run(["php", "-r", &script])? == "connected", "there is no socket to be refused at");
    let uid = bob.uid.to_string();
    for groups in ["berth-sftp", "www-data", "berth-sftp,www-data", &format!("{uid},berth-sftp,www-data")] {
        let said = connect(&uid, groups)?;
        ensure!(said == "13", "bob with {groups} is answered {said:?}, not EACCES");
    }
    // The same from his own PHP, with the groups that it really has.
    let said = php(node, &bob, &format!("<?php {script}"))?;
    ensure!(said == "13" || said == "2", "bob's PHP is answered {said:?} at her socket");
    Ok(())
}

fn agent_restart(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    site(node, &alice.domain, "/")?;
    let restarts = node
        .program(["/bin/sh", "-eu", "-s"])
        .input("for i in 1 2 3 4; do sleep 1; systemctl restart berth-agent.service; done\n")
        .start()?;
    let since = Instant::now();
    let mut answered = 0_usize;
    while since.elapsed() < Duration::from_secs(8) {
        let said = Program::new("curl")
            .args(["--silent", "--output", "/dev/null", "--max-time", "20"])
            .args(["--write-out", "%{http_code}\n"])
            .args(["--header", &format!("Host: {}", alice.domain)])
            .arg(format!("http://{}/index.php?[1-50]", node.address()))
            .output()?;
        for status in said.lines() {
            ensure!(status == "200", "a request was answered with {status}");
            answered += 1;
        }
    }
    restarts.finish()?.success()?;
    ensure!(answered > 200, "only {answered} requests, which is no load");
    let state = node.run(["systemctl", "is-active", "berth-agent.service"])?;
    ensure!(state.trim() == "active", "the agent is {state}");
    Ok(())
}

fn agent_killed(node: &Node) -> Result<()> {
    let idle: Vec<_> =
        ["idle1", "idle2", "idle3"].iter().map(|name| tenant(node, name)).collect::<Result<_>>()?;
    for tenant in &idle {
        // Whoever was created just now may have PHP already.
        node.exec(["systemctl", "stop", &format!("berth-fpm-{}.service", tenant.uid)])?;
        let before = node.run(["stat", "--format=%i", &format!("/run/berth/fpm/{}.sock", tenant.uid)])?;
        node.run(["systemctl", "kill", "--signal=SIGKILL", "berth-agent.service"])?;
        let answer = site(node, &tenant.domain, "/")?;
        ensure!(
            answer.status == 200 && answer.body.contains(&format!("uid={}", tenant.uid)),
            "while the agent was away {} was answered with {answer:?}",
            tenant.domain
        );
        let after = node.run(["stat", "--format=%i", &format!("/run/berth/fpm/{}.sock", tenant.uid)])?;
        ensure!(before == after, "the socket of {} was made anew", tenant.name);
    }
    node.wait_for("two descriptors in the store", Duration::from_secs(10), |node| {
        let unit = "berth-agent.service";
        let stored = node.run(["systemctl", "show", "--property=NFileDescriptorStore", "--value", unit])?;
        Ok(stored.trim() == "2")
    })?;
    Ok(())
}
