//! Events reach a receiver over a real connection, signed as the documentation says.

use anyhow::{Context, Result, ensure};

use super::Check;
use super::support::{berth, berth_json, items, tenant, text};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] =
    &[("events reach a webhook, signed, and nothing is sent where the installation forbids it", told)];

const URL: &str = "http://127.0.0.1:9911/in";
const CONFIGURATION: &str = "/etc/berth/berth.toml";
const RECEIVER: &str = "berth-test-receiver.service";

/// A receiver as others write one: it checks the signature with what it was told, and keeps what fits.
const SCRIPT: &str = r#"<?php
$body = file_get_contents('php://input');
$secret = trim(file_get_contents('/run/receiver/secret'));
parse_str(strtr($_SERVER['HTTP_BERTH_SIGNATURE'] ?? '', ',', '&'), $signed);
$expected = hash_hmac('sha256', ($signed['t'] ?? '') . '.' . $body, $secret);
if (!hash_equals($expected, $signed['v1'] ?? '') || abs(time() - (int) $signed['t']) > 60) {
    http_response_code(403);
    exit;
}
file_put_contents('/run/receiver/kept', $body . "\n", FILE_APPEND);
"#;

fn told(node: &Node) -> Result<()> {
    let refused = berth(node, &["webhook", "add", URL, "--json"])?;
    ensure!(refused.code == 3 && refused.stdout.contains("webhook_url_invalid"), "not refused: {refused:?}");
    let former = node.run(["cat", CONFIGURATION])?;
    let lifted = former.replace("[webhooks]\n", "[webhooks]\nallow_http = true\nallow_private = true\n");
    ensure!(lifted != former, "the configuration has no section for webhooks");
    let result = with_receiver(node, &lifted);
    node.exec(["systemctl", "stop", RECEIVER])?;
    node.write(CONFIGURATION, former.as_bytes())?;
    node.run(["systemctl", "restart", "berth"])?;
    result
}

fn with_receiver(node: &Node, configuration: &str) -> Result<()> {
    node.write(CONFIGURATION, configuration.as_bytes())?;
    node.run(["systemctl", "restart", "berth"])?;
    node.run(["mkdir", "-p", "/run/receiver"])?;
    node.write("/run/receiver/in.php", SCRIPT.as_bytes())?;
    node.exec(["rm", "-f", "/run/receiver/kept"])?;
    node.run([
        "systemd-run",
        "--collect",
        "--unit",
        RECEIVER,
        "/usr/bin/php",
        "-S",
        "127.0.0.1:9911",
        "/run/receiver/in.php",
    ])?;
    let added = berth_json(node, &["webhook", "add", URL, "--event", "sftp.*"])?;
    let id = text(&added, "/id")?.to_owned();
    node.write("/run/receiver/secret", text(&added, "/secret")?.as_bytes())?;
    let result = deliveries(node, &id);
    berth(node, &["webhook", "remove", &id])?.success()?;
    result
}

fn deliveries(node: &Node, id: &str) -> Result<()> {
    let tested = berth_json(node, &["webhook", "test", id])?;
    ensure!(text(&tested, "/state")? == "delivered", "the test was not delivered: {tested}");
    let wendy = tenant(node, "wendy")?;
    berth(node, &["sftp", "off", &wendy.name])?.success()?;
    berth(node, &["sftp", "on", &wendy.name])?.success()?;
    node.wait_for("both events", std::time::Duration::from_secs(10), |node| {
        Ok(node.exec(["cat", "/run/receiver/kept"])?.stdout.matches("sftp.set").count() == 2)
    })?;
    let kept = node.run(["cat", "/run/receiver/kept"])?;
    ensure!(!kept.contains("condition.changed"), "it is sent what it did not ask for: {kept}");
    // Whoever has another secret takes nothing.
    node.write("/run/receiver/secret", b"another")?;
    let failed = berth_json(node, &["webhook", "test", id])?;
    ensure!(text(&failed, "/state")? == "waiting", "it was taken with the wrong secret: {failed}");
    ensure!(failed.pointer("/status").is_some_and(|status| status == 403), "another status: {failed}");
    let shown = berth_json(node, &["webhook", "deliveries", id, "--state", "delivered"])?;
    let first = items(&shown)?.first().context("no delivery")?;
    ensure!(text(first, "/kind")? == "sftp.set", "the newest delivery is {first}");
    let events = berth_json(node, &["event", "list", "--user", &wendy.name, "--kind", "sftp.*"])?;
    ensure!(items(&events)?.len() >= 2, "the list of events lacks some: {events}");
    Ok(())
}
