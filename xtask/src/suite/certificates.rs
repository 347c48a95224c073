//! Certificates from a real authority that looks at names through a name server of the test's.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{Tenant, berth, berth_json, tenant, text};
use crate::node::Node;
use crate::process::Program;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[(
    "a site gets a certificate from an authority that validates, is sent to HTTPS, and renews it",
    certificates,
)];

/// How long an order may take, with a few tries.
const ISSUED_WITHIN: Duration = Duration::from_secs(150);

const PEBBLE: &str = r#"{"pebble": {
    "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
    "certificate": "/etc/berth-check/ca.crt", "privateKey": "/etc/berth-check/ca.key",
    "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "",
    "externalAccountBindingRequired": false
}}"#;

const ACME: &str = r#"[acme]
directory = "https://127.0.0.1:14000/dir"
contact = "hostmaster@example.com"
trust = "/etc/berth-check/ca.crt"
resolver = "127.0.0.1:5353"
allow_private = true
"#;

const CONFIGURATION: &str = "/etc/berth/berth.toml";

fn certificates(node: &Node) -> Result<()> {
    let cora = tenant(node, "cora")?;
    let before = node.run(["cat", CONFIGURATION])?;
    prepare(node, &cora)?;
    let configured = before.replace("[acme]\n", ACME);
    ensure!(configured != before, "the configuration has no section for certificates");
    node.write(CONFIGURATION, configured.as_bytes())?;
    let checked = node
        .run(["systemctl", "restart", "berth"])
        .and_then(|_| authority_away(node, &cora))
        .and_then(|()| issued(node, &cora))
        .and_then(|()| encrypted(node, &cora))
        .and_then(|()| renewed(node, &cora));
    node.write(CONFIGURATION, before.as_bytes())?;
    node.run(["systemctl", "restart", "berth"])?;
    for unit in ["check-pebble", "check-dns"] {
        node.exec(["systemctl", "stop", unit])?;
    }
    checked
}

/// A name server in which the site's own name leads to the node and its alias nowhere, and a certificate for
/// the authority's own address.
fn prepare(node: &Node, cora: &Tenant) -> Result<()> {
    node.run(["mkdir", "-p", "/etc/berth-check"])?;
    node.write("/etc/berth-check/pebble.json", PEBBLE.as_bytes())?;
    node.run([
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=check",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        "/etc/berth-check/ca.key",
        "-out",
        "/etc/berth-check/ca.crt",
    ])?;
    let host = format!("--host-record={},{}", cora.domain, node.address());
    service(
        node,
        "check-dns",
        &["/usr/sbin/dnsmasq", "--keep-in-foreground", "--port=5353", "--no-resolv", "--no-hosts", &host],
    )
}

fn authority(node: &Node) -> Result<()> {
    let argv = ["pebble", "-config", "/etc/berth-check/pebble.json", "-dnsserver", "127.0.0.1:5353"];
    service(node, "check-pebble", &argv)
}

fn service(node: &Node, unit: &str, argv: &[&str]) -> Result<()> {
    let name = format!("--unit={unit}");
    let mut all = vec!["systemd-run", &name, "--collect", "--setenv=PEBBLE_VA_NOSLEEP=1"];
    all.extend_from_slice(argv);
    node.run(all)?;
    Ok(())
}

fn shown(node: &Node, cora: &Tenant) -> Result<Value> {
    berth_json(node, &["certificate", "show", &cora.name, &cora.domain])
}

/// Has an order tried now, and waits until the certificate is as it shall be.
fn tried(node: &Node, cora: &Tenant, what: &str, is_right: impl Fn(&Value) -> bool) -> Result<Value> {
    node.wait_for(what, ISSUED_WITHIN, |node| {
        let found = shown(node, cora)?;
        Ok(is_right(&found))
    })?;
    shown(node, cora)
}

fn authority_away(node: &Node, cora: &Tenant) -> Result<()> {
    let failed = tried(node, cora, "the failure to order", |found| {
        found.get("state").is_some_and(|value| value == "failed")
    })?;
    ensure!(
        failed.pointer("/problems/0/code").is_some_and(|code| code == "acme_failed"),
        "without an authority: {failed}"
    );
    authority(node)
}

fn issued(node: &Node, cora: &Tenant) -> Result<()> {
    let found = tried(node, cora, "the certificate", |found| {
        found.get("state").is_some_and(|value| value == "issued")
    })?;
    ensure!(text(&found, "/issuer")?.contains("Pebble"), "the issuer is another: {found}");
    let alias = format!("www.{}", cora.domain);
    ensure!(
        found.pointer("/missing/0").is_some_and(|name| name == alias.as_str()),
        "the alias leads nowhere, and yet: {found}"
    );
    let problem = found.pointer("/problems/0").context("the alias has no problem")?;
    ensure!(
        problem.get("code").is_some_and(|code| code == "certificate_name_unreachable"),
        "the alias has no problem: {found}"
    );
    ensure!(text(problem, "/hint")?.contains("A and AAAA"), "there is no hint: {problem}");
    served(node, cora, "Pebble")?;
    for (file, wanted) in [("crt", "root:root 644"), ("key", "berth-tls:berth-web 640")] {
        let path = format!("/var/lib/berth/tls/{}.{file}", cora.domain);
        let mode = node.run(["stat", "--format=%U:%G %a", &path])?;
        ensure!(mode.trim() == wanted, "{path} is {mode}");
    }
    Ok(())
}

/// Waits until the web server shows a certificate of this issuer.
fn served(node: &Node, cora: &Tenant, issuer: &str) -> Result<()> {
    let target = format!("{}:443", node.address());
    node.wait_for("the certificate in a handshake", Duration::from_secs(30), |_| {
        let said = Program::new("openssl")
            .args(["s_client", "-servername", &cora.domain, "-connect", &target])
            .within(Duration::from_secs(10))
            .outcome()?;
        Ok(said.stdout.lines().any(|line| line.starts_with("issuer=") && line.contains(issuer)))
    })?;
    Ok(())
}

/// What the web server answers, headers first, without following anything.
fn asked(node: &Node, scheme: &str, host: &str, path: &str) -> Result<String> {
    let port = if scheme == "https" { 443 } else { 80 };
    Program::new("curl")
        .args(["--silent", "--show-error", "--include", "--insecure", "--max-time", "20", "--resolve"])
        .arg(format!("{host}:{port}:{}", node.address()))
        .arg(format!("{scheme}://{host}{path}"))
        .output()
}

fn encrypted(node: &Node, cora: &Tenant) -> Result<()> {
    let location = format!("location: https://{}/a?b=c", cora.domain);
    let answer = asked(node, "http", &cora.domain, "/a?b=c")?.to_lowercase();
    ensure!(answer.starts_with("http/1.1 301") && answer.contains(&location), "auto: {answer}");
    let alias = asked(node, "http", &format!("www.{}", cora.domain), "/")?;
    ensure!(alias.starts_with("HTTP/1.1 200"), "a name without certificate is redirected: {alias}");
    let challenge = asked(node, "http", &cora.domain, "/.well-known/acme-challenge/abc")?;
    ensure!(challenge.starts_with("HTTP/1.1 200") && challenge.contains("abc."), "{challenge}");
    let edit = |arguments: &[&str]| {
        let all = [&["domain", "edit", &cora.name, &cora.domain, "--wait"], arguments].concat();
        berth(node, &all)?.success()
    };
    edit(&["--https-redirect", "off"])?;
    let answer = asked(node, "http", &cora.domain, "/")?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "off: {answer}");
    edit(&["--https-redirect", "on", "--hsts", "300"])?;
    let answer = asked(node, "https", &cora.domain, "/")?.to_lowercase();
    ensure!(answer.contains("strict-transport-security: max-age=300"), "there is no HSTS: {answer}");
    let answer = asked(node, "http", &cora.domain, "/")?.to_lowercase();
    ensure!(
        answer.starts_with("http/1.1 301") && !answer.contains("strict-transport"),
        "with a server block of its own: {answer}"
    );
    let challenge = asked(node, "http", &cora.domain, "/.well-known/acme-challenge/abc")?;
    ensure!(challenge.starts_with("HTTP/1.1 200"), "in a server block: {challenge}");
    edit(&["--https-redirect", "auto", "--hsts", "off"])?;
    Ok(())
}

/// The authority forgets everything when it starts again, also our account.
fn renewed(node: &Node, cora: &Tenant) -> Result<()> {
    node.run(["systemctl", "stop", "check-pebble"])?;
    authority(node)?;
    let first = shown(node, cora)?;
    berth(node, &["certificate", "renew", &cora.name, &cora.domain])?.success()?;
    let fingerprint = text(&first, "/fingerprint")?.to_owned();
    let second = tried(node, cora, "another certificate", |found| {
        found.get("fingerprint").is_some_and(|value| value != fingerprint.as_str())
    })?;
    ensure!(second.get("state").is_some_and(|value| value == "issued"), "after a renewal: {second}");
    served(node, cora, "Pebble").context("after a renewal")
}
