//! Every tenant's PHP runs as the tenant and sees nothing of others.

use anyhow::{Result, bail, ensure};

use super::Check;
use super::support::{Scratch, add_key, key_pair, must_not_contain, php, site, tenant, write_as};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("the page of a new site prints its user's uid", page_prints_uid),
    ("PHP runs as the user inside the user's slice", php_in_slice),
    ("PHP can't read another tenant's files or what is Berth's", php_reads_own_only),
    ("an uploaded picture is not run as PHP", picture_is_not_run),
    ("an unknown host name never reaches a tenant's site", unknown_host),
];

fn page_prints_uid(node: &Node) -> Result<()> {
    for name in ["alice", "bob"] {
        let tenant = tenant(node, name)?;
        let answer = site(node, &tenant.domain, "/")?;
        let line = format!("uid={}", tenant.uid);
        ensure!(answer.status == 200 && answer.body.contains(&line), "expected {line}, got {answer:?}");
        let alias = site(node, &format!("www.{}", tenant.domain), "/")?;
        ensure!(alias.body.contains(&line), "the alias shows {alias:?}");
    }
    Ok(())
}

fn php_in_slice(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let said = php(node, &alice, "<?php echo posix_geteuid(), '|', posix_getegid(), '|', getmypid();")?;
    let fields: Vec<&str> = said.split('|').collect();
    let uid = alice.uid.to_string();
    let [user, group, process] = fields.as_slice() else { bail!("unexpected identity: {said}") };
    ensure!(*user == uid && *group == uid, "unexpected identity: {said}");
    let place = node.run(["cat", &format!("/proc/{process}/cgroup")])?;
    let unit = format!("/{}/berth-fpm-{uid}.service", alice.slice());
    ensure!(place.contains(&unit), "her PHP is in {place}");
    Ok(())
}

fn php_reads_own_only(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let bob = tenant(node, "bob")?;
    let canary = "canary-of-bob-7d1f";
    let secret = format!("{}/private/secret.txt", bob.site());
    let page = format!("{}/readable.php", bob.public());
    write_as(node, &bob, &secret, canary)?;
    write_as(node, &bob, &page, &format!("<?php // {canary}"))?;
    // Her process list can only show that his are hidden while there are some.
    site(node, &bob.domain, "/")?;
    let own = format!("{}/private/own.txt", alice.site());
    write_as(node, &alice, &own, "own-file-of-alice")?;

    let scratch = Scratch::new("isolation")?;
    add_key(node, &bob, &key_pair(&scratch)?)?;

    // A program that PHP starts knows nothing of PHP's own limits; only what the system forbids holds.
    let run = |command: &str| php(node, &alice, &format!("<?php echo shell_exec('{command} 2>/dev/null');"));
    let read = |path: &str| run(&format!("cat {path}; ls -A {path}/"));
    ensure!(
        read(&own)?.contains("own-file-of-alice"),
        "she can't read her own file, so nothing else would show"
    );
    let database = "/var/lib/berth/server/berth.db";
    let key = format!("/var/lib/berth/tls/{}.key", bob.domain);
    let pool = format!("/etc/berth/php/{}.conf", bob.uid);
    for path in [
        secret.as_str(),
        &page,
        &bob.site(),
        "/home/bob",
        "/etc/berth",
        "/etc/berth/keyring",
        "/etc/berth/keys/bob",
        &pool,
        database,
        "/var/lib/berth",
        &key,
        "/etc/shadow",
        "/run/berth/server",
    ] {
        ensure!(
            node.exec(["stat", path])?.code == 0,
            "{path} does not exist, so nothing is shown by not reading it"
        );
        let said = read(path)?;
        ensure!(said.trim().is_empty(), "her PHP reads {path}: {said}");
    }
    let processes = run("cat /proc/[0-9]*/status")?;
    ensure!(processes.contains(&alice.uid.to_string()), "no process of her own is visible");
    must_not_contain(&processes, &bob.uid.to_string(), "the process list")
}

fn picture_is_not_run(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let path = format!("{}/upload.jpg", alice.public());
    write_as(node, &alice, &path, "<?php echo 'ran-', 40 + 2;")?;
    let plain = site(node, &alice.domain, "/upload.jpg")?;
    ensure!(plain.status == 200, "the picture is not served: {plain:?}");
    for request in ["/upload.jpg", "/upload.jpg/x.php", "/upload.jpg%00.php", "/upload.jpg/"] {
        let answer = site(node, &alice.domain, request)?;
        must_not_contain(&answer.body, "ran-42", request)?;
    }
    Ok(())
}

fn unknown_host(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let address = node.address();
    let below = format!("deeper.{}", alice.domain);
    for host in ["nobody.example.org", "localhost", &address, &below] {
        let answer = site(node, host, "/")?;
        must_not_contain(&answer.body, "uid=", host)?;
        ensure!((400..500).contains(&answer.status), "{host} is answered with {}", answer.status);
    }
    Ok(())
}
