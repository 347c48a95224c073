//! Links in a tenant's tree never lead the web server anywhere else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Check;
use super::support::{Tenant, as_tenant, must_not_contain, site, tenant, write_as};
use crate::node::Node;
use crate::process::Program;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("links to another tenant, to keys or to the root are refused; own links work", foreign_links),
    ("a tenant can't put a link in place of the directories above the pages", parents_are_fixed),
    ("exchanging a file and a link for 15 s leaks nothing", exchange_race),
];

/// What must never be seen through alice's site.
const CANARY: &str = "canary-behind-a-link-91c4";

/// Two tenants; bob has the canary in a file that his own site serves.
fn prepare(node: &Node) -> Result<(Tenant, Tenant)> {
    let alice = tenant(node, "alice")?;
    let bob = tenant(node, "bob")?;
    write_as(node, &bob, &format!("{}/canary.txt", bob.public()), CANARY)?;
    let own = site(node, &bob.domain, "/canary.txt")?;
    ensure!(own.status == 200 && own.body == CANARY, "bob's own site does not serve the canary: {own:?}");
    Ok((alice, bob))
}

fn link(node: &Node, tenant: &Tenant, target: &str, name: &str) -> Result<()> {
    let path = format!("{}/{name}", tenant.public());
    as_tenant(node, tenant, &["ln", "-sfn", target, &path]).output()?;
    Ok(())
}

fn foreign_links(node: &Node) -> Result<()> {
    let (alice, bob) = prepare(node)?;
    node.write("/var/lib/berth/tls/canary.key", CANARY.as_bytes())?;
    node.run(["chown", "berth-tls:berth-web", "/var/lib/berth/tls/canary.key"])?;
    node.run(["chmod", "640", "/var/lib/berth/tls/canary.key"])?;
    let inner = format!("{}/inner", alice.public());
    as_tenant(node, &alice, &["mkdir", "-p", &inner]).output()?;
    let file = format!("{}/canary.txt", bob.public());
    for (target, name, path) in [
        (file.as_str(), "file.txt", "/file.txt"),
        (&bob.public(), "dir", "/dir/canary.txt"),
        (&bob.public(), "inner/dir", "/inner/dir/canary.txt"),
        (&bob.site(), "site", "/site/public_html/canary.txt"),
        ("/home/bob", "home", &format!("/home/domains/{}/public_html/canary.txt", bob.domain)),
        ("/var/lib/berth/tls", "keys", "/keys/canary.key"),
        ("/var/lib/berth/tls/canary.key", "key.txt", "/key.txt"),
        ("/", "root", "/root/var/lib/berth/tls/canary.key"),
        ("/", "etc", "/etc/etc/passwd"),
        ("/etc/passwd", "passwd.txt", "/passwd.txt"),
        ("../../../../bob", "up", &format!("/up/domains/{}/public_html/canary.txt", bob.domain)),
    ] {
        link(node, &alice, target, name)?;
        let answer = site(node, &alice.domain, path)?;
        must_not_contain(&answer.body, CANARY, path)?;
        must_not_contain(&answer.body, "root:x:0:0", path)?;
        // What is refused is for the site's own front page to answer.
        let own = answer.body.contains(&format!("uid={}", alice.uid));
        ensure!(own || matches!(answer.status, 403 | 404), "{path} is answered with {answer:?}");
    }
    node.run(["rm", "--", "/var/lib/berth/tls/canary.key"])?;
    write_as(node, &alice, &format!("{}/real.txt", alice.public()), "her own file")?;
    link(node, &alice, "real.txt", "own-link.txt")?;
    let own = site(node, &alice.domain, "/own-link.txt")?;
    ensure!(
        own.status == 200 && own.body == "her own file",
        "a link to her own file is answered with {own:?}"
    );
    Ok(())
}

fn parents_are_fixed(node: &Node) -> Result<()> {
    let (alice, bob) = prepare(node)?;
    for (from, to) in [
        (alice.public(), format!("{}/moved", alice.site())),
        (alice.site(), format!("/home/alice/domains/moved.{}", alice.domain)),
        ("/home/alice/domains".to_owned(), "/home/alice/moved".to_owned()),
    ] {
        let moved = as_tenant(node, &alice, &["mv", "-T", &from, &to]).outcome()?;
        let linked = as_tenant(node, &alice, &["ln", "-sfn", "-T", &bob.public(), &from]).outcome()?;
        ensure!(moved.code != 0 && linked.code != 0, "she put something else in the place of {from}");
    }
    let answer = site(node, &alice.domain, "/canary.txt")?;
    must_not_contain(&answer.body, CANARY, "her site")
}

/// Exchanges two pairs of names until the time is over, then says how often.
const EXCHANGER: &str = r"<?php
$c = FFI::cdef('int renameat2(int, const char*, int, const char*, unsigned int);');
[, $dir, $seconds] = $argv;
$end = microtime(true) + (float)$seconds;
for ($n = 0; microtime(true) < $end; $n++) {
    foreach ([['file', 'file-link'], ['dir', 'dir-link'], ['key', 'key-link']] as [$a, $b]) {
        if ($c->renameat2(-100, $dir . '/' . $a, -100, $dir . '/' . $b, 2) !== 0) { exit(3); }
    }
}
echo $n;
";

fn exchange_race(node: &Node) -> Result<()> {
    let (alice, bob) = prepare(node)?;
    node.write("/var/lib/berth/tls/race.key", CANARY.as_bytes())?;
    node.run(["chown", "berth-tls:berth-web", "/var/lib/berth/tls/race.key"])?;
    node.run(["chmod", "640", "/var/lib/berth/tls/race.key"])?;
    let race = format!("{}/race", alice.public());
    as_tenant(node, &alice, &["mkdir", "-p", &format!("{race}/dir")]).output()?;
    for name in ["file", "key", "dir/canary.txt"] {
        write_as(node, &alice, &format!("{race}/{name}"), "her own file")?;
    }
    link(node, &alice, &format!("{}/canary.txt", bob.public()), "race/file-link")?;
    link(node, &alice, &bob.public(), "race/dir-link")?;
    link(node, &alice, "/var/lib/berth/tls/race.key", "race/key-link")?;
    let program = "/var/tmp/exchanger.php";
    node.write(program, EXCHANGER.as_bytes())?;
    let swapping = as_tenant(node, &alice, &["php", "-d", "ffi.enable=1", program, &race, "15"]).start()?;

    let since = Instant::now();
    let (mut own, mut refused) = (0_usize, 0_usize);
    while since.elapsed() < Duration::from_secs(15) {
        // One client process asks many times over one connection.
        let said = Program::new("curl")
            .args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}\n"])
            .args(["--header", &format!("Host: {}", alice.domain)])
            .arg(format!("http://{}/race/{{file,dir/canary.txt,key}}?[1-200]", node.address()))
            .output()?;
        must_not_contain(&said, CANARY, "the race")?;
        own += said.matches("her own file").count();
        refused += said.lines().filter(|line| matches!(*line, "403" | "404")).count();
    }
    let exchanges: u64 =
        swapping.finish()?.success()?.trim().parse().context("the exchanger did not count")?;
    node.run(["rm", "--", "/var/lib/berth/tls/race.key"])?;
    // Both sides must have been met, or the race did not take place.
    ensure!(
        exchanges > 1_000 && own > 100 && refused > 100,
        "no race: {exchanges} exchanges, {own} times her file, {refused} refusals"
    );
    Ok(())
}
