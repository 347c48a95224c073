//! Killed at any moment, in the end everything is there once and nothing is left over.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::Check;
use super::support::{berth_json, create_arguments, items, site};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[(
    "killing serve and agent at random during 200 creates leaves 200 users and no orphan",
    kill_at_random,
)];

const USERS: usize = 200;

fn name(index: usize) -> String {
    format!("crash{index:03}")
}

fn kill_at_random(node: &Node) -> Result<()> {
    let done = AtomicBool::new(false);
    let kills = std::thread::scope(|scope| -> Result<u32> {
        let killer = scope.spawn(|| kill_until(node, &done));
        let created = create_all(node);
        done.store(true, Ordering::Relaxed);
        let kills = match killer.join() {
            Ok(kills) => kills?,
            Err(_) => bail!("the killer panicked"),
        };
        created?;
        Ok(kills)
    })?;
    ensure!(kills >= 10, "only {kills} kills");

    let expected: BTreeSet<String> = (0..USERS).map(name).collect();
    node.wait_for("200 converged users", Duration::from_mins(5), |node| {
        let listed = berth_json(node, &["user", "list", "--search", "crash", "--all"])?;
        let mut found = BTreeSet::new();
        for user in items(&listed)? {
            let state = user.pointer("/account/state").and_then(serde_json::Value::as_str);
            if let (Some(name), Some("converged")) =
                (user.get("username").and_then(serde_json::Value::as_str), state)
            {
                ensure!(found.insert(name.to_owned()), "{name} is there twice");
            }
        }
        Ok(found == expected)
    })?;
    no_orphans(node, &expected)?;
    for index in [0, USERS / 3, USERS / 2, USERS - 1] {
        let user = name(index);
        let uid = node.run(["id", "-u", &user])?;
        let page = site(node, &format!("{user}site.com"), "/")?;
        ensure!(page.body.contains(&format!("uid={}", uid.trim())), "the page of {user} shows {page:?}");
    }
    Ok(())
}

/// Kills one of both at irregular moments; says how often.
fn kill_until(node: &Node, done: &AtomicBool) -> Result<u32> {
    let mut kills = 0;
    let mut seed = 12_345_u64;
    while !done.load(Ordering::Relaxed) {
        // A fixed sequence, so that a failure can be met again.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = 100 + (seed >> 33) % 900;
        std::thread::sleep(Duration::from_millis(pause));
        let unit = if seed >> 63 == 0 { "berth.service" } else { "berth-agent.service" };
        // Between two kills there may be no process to kill.
        node.exec(["systemctl", "kill", "--signal=KILL", unit])?;
        kills += 1;
    }
    Ok(kills)
}

fn create_all(node: &Node) -> Result<()> {
    let indices: Vec<usize> = (0..USERS).collect();
    for batch in indices.chunks(10) {
        std::thread::scope(|scope| -> Result<()> {
            let workers: Vec<_> =
                batch.iter().map(|index| scope.spawn(move || create_stubbornly(node, *index))).collect();
            for worker in workers {
                match worker.join() {
                    Ok(result) => result?,
                    Err(_) => bail!("a worker panicked"),
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Creates a user, again and again while there is nobody to ask.
fn create_stubbornly(node: &Node, index: usize) -> Result<()> {
    let mut last = None;
    for _ in 0..100 {
        let mut argv = vec!["berth".to_owned()];
        argv.extend(create_arguments(&name(index)));
        argv.extend(["--idempotency-key".to_owned(), format!("suite-crash-{index}")]);
        let outcome = node.exec(argv)?;
        // A refusal would be wrong: nobody else creates this user.
        match outcome.code {
            0 => return Ok(()),
            1 | 7 => last = Some(outcome),
            _ => return Err(outcome.error()),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    match last {
        Some(outcome) => Err(outcome.error()),
        None => bail!("no create was tried"),
    }
}

/// Whatever is on the host for users of this check belongs to one of them.
fn no_orphans(node: &Node, expected: &BTreeSet<String>) -> Result<()> {
    let homes = node.run(["ls", "/home"])?;
    let accounts = node.run(["getent", "passwd"])?;
    let groups = node.run(["getent", "group"])?;
    let shadow = node.run(["cat", "/etc/shadow"])?;
    let sites = node.run(["ls", "/var/lib/berth/www"])?;
    let mine = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.split(':').next())
            .filter(|name| name.starts_with("crash"))
            .map(str::to_owned)
            .collect()
    };
    for (what, text) in
        [("homes", &homes), ("accounts", &accounts), ("groups", &groups), ("shadow entries", &shadow)]
    {
        let found = mine(text);
        let set: BTreeSet<String> = found.iter().cloned().collect();
        ensure!(found.len() == set.len(), "some {what} are there twice");
        ensure!(set == *expected, "the {what} are {set:?}");
    }
    let hosts: BTreeSet<String> = mine(&sites).into_iter().collect();
    let wanted: BTreeSet<String> = expected.iter().map(|name| format!("{name}site.com")).collect();
    ensure!(hosts == wanted, "the sites are {hosts:?}");

    // Every numbered thing belongs to an account that exists.
    let uids: BTreeSet<&str> = accounts.lines().filter_map(|line| line.split(':').nth(2)).collect();
    for directory in ["/run/berth/fpm", "/etc/berth/php"] {
        let listed = node.run(["ls", directory])?;
        for entry in listed.lines() {
            let number = entry.split('.').next().unwrap_or_default();
            ensure!(
                !number.bytes().all(|byte| byte.is_ascii_digit()) || uids.contains(number),
                "{directory}/{entry} belongs to nobody"
            );
        }
    }
    Ok(())
}
