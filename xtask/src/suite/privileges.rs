//! Who may do what: ordinary users of the system and keys with few rights are refused, and the
//! audit log shows it.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Check;
use super::support::{
    admin_key, api, as_tenant, berth, berth_json, create_arguments, domain_of, items, tenant, text,
};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("an ordinary user of the system is refused every verb", ordinary_user),
    ("a read-only key reads, is refused to write, and the audit log shows it", read_only_key),
    ("without a key, with a wrong one or with a revoked one the API says 401", no_key),
    ("the audit log verifies, and an altered one does not", audit_chain),
    ("serve runs without privileges, and the agent listens on nothing", privilege_split),
];

fn ordinary_user(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let create = create_arguments("stowaway");
    let create: Vec<&str> = std::iter::once("berth").chain(create.iter().map(String::as_str)).collect();
    let commands: [&[&str]; 5] = [
        &create,
        &["berth", "user", "list"],
        &["berth", "api-key", "list"],
        &["berth", "audit", "list"],
        &["berth", "backup", "/tmp/stolen"],
    ];
    for argv in commands {
        let tried = as_tenant(node, &alice, argv).outcome()?;
        ensure!(tried.code != 0 && tried.stdout.trim().is_empty(), "alice could run {argv:?}: {tried:?}");
        ensure!(!tried.stderr.contains("panicked"), "{argv:?} panicked: {}", tried.stderr);
    }
    ensure!(node.exec(["getent", "passwd", "stowaway"])?.code == 2, "an ordinary user created a user");
    Ok(())
}

fn read_only_key(node: &Node) -> Result<()> {
    let created = berth_json(
        node,
        &["api-key", "create", "--user", "admin", "--label", "suite reader", "--scope", "read"],
    )?;
    let key = text(&created, "/secret")?;
    let listed = api(node, key, "GET", "/users", None)?;
    ensure!(listed.status == 200, "the key can't read: {listed:?}");
    let body = json!({
        "username": "intruder", "email": "intruder@example.com", "display_name": "Intruder",
        "role": "user", "package": "standard", "primary_domain": domain_of("intruder"),
    });
    let tried = api(node, key, "POST", "/users", Some(&body))?;
    ensure!(
        tried.status == 403 && tried.json()?.to_string().contains("forbidden"),
        "the key could write: {tried:?}"
    );
    let log = berth_json(node, &["audit", "list", "--outcome", "refused"])?;
    let entry = items(&log)?.iter().find(|entry| {
        entry.get("action").and_then(serde_json::Value::as_str) == Some("user.create")
            && entry.get("outcome").and_then(serde_json::Value::as_str) == Some("refused")
            && entry.to_string().contains("intruder")
    });
    ensure!(entry.is_some(), "the audit log does not show the refusal: {log}");
    Ok(())
}

fn no_key(node: &Node) -> Result<()> {
    let good = admin_key(node)?;
    ensure!(api(node, &good, "GET", "/users", None)?.status == 200, "the good key fails");
    let created = berth_json(
        node,
        &["api-key", "create", "--user", "admin", "--label", "suite revoked", "--scope", "read"],
    )?;
    let revoked = text(&created, "/secret")?;
    ensure!(api(node, revoked, "GET", "/users", None)?.status == 200, "a new key fails");
    berth(node, &["api-key", "revoke", text(&created, "/id")?])?.success()?;
    for key in ["", "wrong", revoked, &format!("{good}x")] {
        let answer = api(node, key, "GET", "/users", None)?;
        ensure!(answer.status == 401, "key {key:?} is answered with {answer:?}");
    }
    Ok(())
}

/// The database of the server.
const DATABASE: &str = "/var/lib/berth/server/berth.db";

/// The state of the database before it is altered.
const KEPT: &str = "/var/tmp/audit-before";

fn audit_chain(node: &Node) -> Result<()> {
    tenant(node, "alice")?;
    let entries = verified(node)?;
    ensure!(entries >= 3, "too few entries to alter one in the middle: {entries}");
    // Several ways to make the log tell another story, each seen by its own place.
    let middle = entries / 2;
    for (what, statement, broken_at) in [
        (
            "another subject",
            format!("UPDATE audit_log SET subject = subject || 'x' WHERE sequence = {middle}"),
            middle,
        ),
        ("another time", format!("UPDATE audit_log SET at = at + 1000000 WHERE sequence = {middle}"), middle),
        ("an entry less", format!("DELETE FROM audit_log WHERE sequence = {middle}"), middle),
        ("the last entry less", format!("DELETE FROM audit_log WHERE sequence = {entries}"), entries),
        (
            "two entries exchanged",
            format!(
                "UPDATE audit_log SET sequence = -1 WHERE sequence = {middle}; \
                 UPDATE audit_log SET sequence = {middle} WHERE sequence = {next}; \
                 UPDATE audit_log SET sequence = {next} WHERE sequence = -1",
                next = middle + 1
            ),
            middle,
        ),
    ] {
        let found = verified_when_altered(node, &statement);
        restore(node)?;
        let (code, answer) = found.with_context(|| what.to_owned())?;
        ensure!(code == 1, "{what}: `berth audit verify` ended with {code}: {answer}");
        ensure!(
            answer.get("broken_at").and_then(serde_json::Value::as_u64) == Some(broken_at),
            "{what} is not found at {broken_at}: {answer}"
        );
    }
    ensure!(verified(node)? >= entries, "the restored log lost entries");
    Ok(())
}

/// How many entries a log has that verifies.
fn verified(node: &Node) -> Result<u64> {
    let answer = berth_json(node, &["audit", "verify"])?;
    ensure!(answer.get("broken_at").is_none_or(serde_json::Value::is_null), "it does not verify: {answer}");
    answer.get("entries").and_then(serde_json::Value::as_u64).context("no number of entries")
}

/// Alters the database as somebody could who can write to it, then verifies.
fn verified_when_altered(node: &Node, statement: &str) -> Result<(i32, serde_json::Value)> {
    // The agent reports what it does; a report in between would be lost with the restored state.
    node.run(["systemctl", "stop", "berth-agent.service", "berth.service"])?;
    node.run(["rm", "-rf", KEPT])?;
    node.run(["cp", "--archive", "/var/lib/berth/server", KEPT])?;
    node.run(["sqlite3", DATABASE, statement])?;
    node.run(["chown", "--recursive", "berth:berth", "/var/lib/berth/server"])?;
    node.run(["systemctl", "start", "berth.service"])?;
    let said = berth(node, &["audit", "verify", "--json"])?;
    let answer = serde_json::from_str(&said.stdout)
        .with_context(|| format!("`berth audit verify` answered {said:?}"))?;
    Ok((said.code, answer))
}

/// Puts the state before the alteration back.
fn restore(node: &Node) -> Result<()> {
    if node.exec(["stat", KEPT])?.code == 0 {
        node.run(["systemctl", "stop", "berth.service"])?;
        node.run(["rm", "-rf", "/var/lib/berth/server"])?;
        node.run(["mv", "-T", KEPT, "/var/lib/berth/server"])?;
    }
    node.run(["systemctl", "start", "berth.service", "berth-agent.service"])?;
    Ok(())
}

fn privilege_split(node: &Node) -> Result<()> {
    let status = |unit: &str| -> Result<(String, String)> {
        let id = node.run(["systemctl", "show", "--property=MainPID", "--value", unit])?;
        let id = id.trim().to_owned();
        let text = node.run(["cat", &format!("/proc/{id}/status")])?;
        Ok((id, text))
    };
    let (_, serve) = status("berth.service")?;
    ensure!(
        serve.lines().any(|line| line.starts_with("CapBnd:") && line.ends_with("0000000000000000")),
        "serve could gain capabilities: {serve}"
    );
    ensure!(
        serve.lines().any(|line| line.starts_with("NoNewPrivs:") && line.ends_with('1')),
        "serve could gain privileges: {serve}"
    );
    ensure!(
        !serve.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().any(|id| id == "0")),
        "serve runs as root: {serve}"
    );
    let (agent, _) = status("berth-agent.service")?;
    let listening = node.run(["ss", "--listening", "--tcp", "--udp", "--processes", "--numeric"])?;
    ensure!(listening.contains(":8443"), "nothing listens on the panel's port: {listening}");
    ensure!(!listening.contains(&format!("pid={agent},")), "the agent listens: {listening}");
    Ok(())
}
