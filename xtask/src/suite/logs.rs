//! Logs of sites: split, readable by the tenant, bounded, and out of everybody else's reach.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{
    Scratch, Tenant, add_key, api, as_tenant, berth, berth_json, key_pair, php, sftp, site, tenant, write_as,
};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("requests and errors of a site are in its logs, by command line, API and file transfer", split),
    ("the logs of one tenant are out of reach of another", isolated),
    ("what a tenant plants beside the logs is not followed", planted),
    ("rotation of the web server's log loses no line", rotation),
];

/// How long a line may take until it is in a site's log.
const SPLIT_WITHIN: Duration = Duration::from_secs(10);

fn lines(node: &Node, tenant: &Tenant, kind: &str, filter: &str) -> Result<Vec<String>> {
    let log = ["log", &tenant.name, &tenant.domain, "--kind", kind, "--filter", filter];
    let answer = berth_json(node, &log)?;
    let lines =
        answer.get("lines").and_then(Value::as_array).with_context(|| format!("no lines in {answer}"))?;
    Ok(lines.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn wait_for_line(node: &Node, tenant: &Tenant, kind: &str, filter: &str) -> Result<Vec<String>> {
    let what = format!("a line with {filter:?} in the log {kind} of {}", tenant.domain);
    node.wait_for(&what, SPLIT_WITHIN, |node| Ok(!lines(node, tenant, kind, filter)?.is_empty()))?;
    lines(node, tenant, kind, filter)
}

fn split(node: &Node) -> Result<()> {
    let (alice, bob) = (tenant(node, "alice")?, tenant(node, "bobby")?);
    site(node, &alice.domain, "/?mark=first-of-alice")?;
    site(node, &bob.domain, "/?mark=first-of-bob")?;
    let found = wait_for_line(node, &alice, "access", "first-of-alice")?;
    ensure!(
        found.len() == 1
            && found.iter().all(|line| line.contains("\"GET /?mark=first-of-alice HTTP/1.1\" 200")),
        "{found:?}"
    );
    wait_for_line(node, &bob, "access", "first-of-bob")?;
    ensure!(lines(node, &alice, "access", "first-of-bob")?.is_empty(), "a request is in the wrong log");
    php(node, &alice, "<?php error_log('mark-of-php'); trigger_error('warned', E_USER_WARNING); echo 1;")?;
    let said = wait_for_line(node, &alice, "php", "mark-of-php")?;
    ensure!(
        said.iter().all(|line| !line.contains("client:")),
        "what the web server adds is left in: {said:?}"
    );
    wait_for_line(node, &alice, "php", "warned")?;

    let key = super::support::admin_key(node)?;
    let path = format!("/users/alice/domains/{}/logs/access?lines=1&filter=first-of-alice", alice.domain);
    let answer = api(node, &key, "GET", &path, None)?;
    ensure!(answer.status == 200 && answer.body.contains("first-of-alice"), "{answer:?}");
    let bad = api(node, &key, "GET", &path.replace("lines=1", "lines=0"), None)?;
    ensure!(bad.status == 422 && bad.body.contains("\"lines\""), "{bad:?}");

    let scratch = Scratch::new("logs")?;
    let private = key_pair(&scratch)?;
    add_key(node, &alice, &private)?;
    let local = scratch.join("access.log");
    let get = format!("get domains/{}/logs/access.log {}\n", alice.domain, local.display());
    sftp(node, &alice, Some(&private), &get)?.success()?;
    ensure!(
        crate::files::read(&local)?.contains("first-of-alice"),
        "the file that was fetched has other lines"
    );
    Ok(())
}

fn isolated(node: &Node) -> Result<()> {
    let (alice, bob) = (tenant(node, "alice")?, tenant(node, "bobby")?);
    let logs = format!("{}/logs", alice.site());
    for path in [&*logs, "/var/log/berth", "/var/log/berth/access.log", "/var/log/berth/error.log"] {
        for tool in [&["ls", path][..], &["head", "-c1", path][..]] {
            let tried = as_tenant(node, &bob, tool).outcome()?;
            ensure!(tried.code != 0, "{tool:?} worked as {}: {}", bob.name, tried.stdout);
        }
    }
    for tool in [
        vec!["touch".to_owned(), format!("{logs}/planted")],
        vec!["rm".to_owned(), "-f".to_owned(), format!("{logs}/access.log")],
        vec!["mv".to_owned(), logs.clone(), format!("{}/moved", alice.site())],
        vec!["truncate".to_owned(), "--size=0".to_owned(), format!("{logs}/access.log")],
    ] {
        let argv: Vec<&str> = tool.iter().map(String::as_str).collect();
        ensure!(
            as_tenant(node, &alice, &argv).outcome()?.code != 0,
            "{tool:?} worked as the owner of the site"
        );
    }
    let refused = berth(node, &["log", "alice", &bob.domain, "--json"])?;
    ensure!(refused.code == 5, "another tenant's domain is shown: {refused:?}");
    Ok(())
}

fn planted(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    write_as(node, &alice, &format!("{}/access.log", alice.public()), "mine")?;
    // The nearest that a tenant gets to the logs is beside them.
    let link = format!("{}/private/access.log", alice.site());
    as_tenant(node, &alice, &["ln", "-sf", "/etc/shadow", &link]).output()?;
    site(node, &alice.domain, "/?mark=planted")?;
    wait_for_line(node, &alice, "access", "mark=planted")?;
    let mine = node.run(["cat", &format!("{}/access.log", alice.public())])?;
    ensure!(mine == "mine", "a tenant's file was written to: {mine}");
    Ok(())
}

fn rotation(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    site(node, &alice.domain, "/?mark=before-rotation")?;
    node.run(["logrotate", "--force", "/etc/logrotate.d/berth"])?;
    for number in 0..20 {
        site(node, &alice.domain, &format!("/?mark=rotated-{number}-"))?;
    }
    wait_for_line(node, &alice, "access", "mark=before-rotation")?;
    node.wait_for("every line around a rotation", SPLIT_WITHIN * 2, |node| {
        Ok(lines(node, &alice, "access", "mark=rotated-")?.len() == 20)
    })?;
    Ok(())
}
