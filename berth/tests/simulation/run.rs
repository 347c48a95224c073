//! One run: a seed decides what is asked for, in which order everything happens, and what goes wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use berth_agent::host::{Attributes, Host, Owner};
use berth_store::gate::Refusal;
use chrono::TimeDelta;
use rustix::io::Errno;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::faults::{Strike, Trouble};
use crate::names;
use crate::turns::Id;
use crate::verbs::VERBS;
use crate::world::{World, Wrong};
use crate::{check, converge};

/// What a failed run leaves behind.
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) wrong: Wrong,
    pub(crate) steps: Vec<String>,
}

/// Everything that tells one run from another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    steps: Vec<String>,
    audit: (i64, String),
    changes: u64,
}

/// Runs a seed.
pub(crate) fn run(runtime: &Rc<Runtime>, seed: u64) -> Result<Trace, Failed> {
    let mut world = World::new(runtime, seed);
    let steps = Rc::clone(&world.steps);
    let done = catch_unwind(AssertUnwindSafe(|| story(&mut world, seed)));
    let wrong = match done {
        Ok(Ok(())) => {
            let (audit, changes) = (world.audit_head(), world.changes());
            return Ok(Trace { steps: steps.borrow().clone(), audit, changes });
        }
        Ok(Err(wrong)) => wrong,
        Err(payload) => {
            // What is left of it may hang, so it is not tidied up.
            std::mem::forget(world);
            let said = payload.downcast_ref::<String>().cloned();
            let said = said.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("a panic: {}", said.unwrap_or_default())
        }
    };
    let steps = steps.borrow().clone();
    Err(Failed { seed, wrong, steps })
}

fn story(world: &mut World, seed: u64) -> Result<(), Wrong> {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    furnish(world, dice);
    let rounds = 2 + dice.below(3);
    for _ in 0..rounds {
        if dice.chance(90) {
            world.boot_server();
        }
        world.repeat();
        for _ in 0..=dice.below(3) {
            begin(world, dice);
        }
        mingle(world, dice)?;
        if dice.chance(20) {
            damage(world, dice);
        }
        if dice.chance(30) {
            trouble(world, dice);
        }
    }
    converge::converge(world)?;
    check::check(world)
}

/// What is on the node before Berth comes.
pub(crate) fn furnish(world: &World, dice: &mut Dice) {
    let tree = &world.node.tree;
    for (path, line) in [
        ("/etc/passwd", "foreign:x:1000:1000:Somebody:/home/foreign:/bin/bash\n"),
        ("/etc/shadow", "foreign:!:20000:0:99999:7:::\n"),
    ] {
        let found = tree.read(path).unwrap().unwrap();
        let mode = tree.entry(path).unwrap().unwrap().attributes.mode;
        tree.replace_file(path, &[&found, line.as_bytes()].concat(), Owner::ROOT, mode).unwrap();
    }
    if dice.chance(50) {
        let home = format!("/home/{}", names::left_over(dice));
        tree.make_dir(&home, &Attributes::plain(Owner::tenant(1234), 0o755), &[]).unwrap();
    }
}

/// Somebody asks for something that fits the world.
fn begin(world: &mut World, dice: &mut Dice) {
    if !world.has_room() || world.server.is_none() {
        return;
    }
    // Without accounts there is little to do.
    let verb = if world.facts.accounts().is_empty() && dice.chance(70) {
        VERBS.first()
    } else {
        VERBS.get(usize::try_from(dice.below(VERBS.len() as u64)).unwrap())
    };
    let Some(order) = verb.and_then(|verb| (verb.make)(dice, &world.facts)) else { return };
    let key = dice.chance(50).then(|| format!("key-{}", dice.below(u64::MAX)));
    world.ask(order, key);
}

/// Requests and the agent's work, in any order, and now and then something goes wrong.
fn mingle(world: &mut World, dice: &mut Dice) -> Result<(), Wrong> {
    let mut idle = dice.below(4);
    loop {
        let ready = world.ready();
        let Some(id) = dice.pick(&ready) else {
            if world.is_busy() {
                return Err("requests wait for each other".to_owned());
            }
            // Nobody asks any more; the agent may go on for a while.
            if idle == 0 {
                return Ok(());
            }
            idle -= 1;
            work(world, dice)?;
            continue;
        };
        match dice.below(300) {
            0 => world.kill_server(None),
            1 => world.kill_server(Some(id)),
            2 => world.abandon(id),
            3 => refuse(world, dice, id)?,
            4..=14 => work(world, dice)?,
            15 => jump(world, dice),
            _ => world.go(id, Ok(()))?,
        }
    }
}

fn refuse(world: &mut World, dice: &mut Dice, id: Id) -> Result<(), Wrong> {
    let refusal = dice.pick(&[Refusal::Away, Refusal::Locked, Refusal::Full]).unwrap();
    world.go(id, Err(refusal))
}

/// The clock of the node and the server jumps.
fn jump(world: &World, dice: &mut Dice) {
    let by = dice.pick(&[-90_000, -3_600, -1, 5, 3_600, 90_000, 40_000_000]).unwrap();
    world.note(format!("the clock jumps by {by} s"));
    world.clock.jump(TimeDelta::seconds(by));
}

/// The agent does one thing, and may be struck while it does.
pub(crate) fn work(world: &mut World, dice: &mut Dice) -> Result<(), Wrong> {
    world.node.wait(Duration::from_millis(dice.below(3_000)));
    if world.node.agent.is_none() {
        world.note("an agent starts");
        world.node.boot();
        return Ok(());
    }
    let talking = world.is_talking() || world.server.is_none() || !world.has_room();
    match dice.below(12) {
        0 => world.agent_died(),
        1..=3 if !talking => drop(world.pull()),
        4..=5 if !talking => drop(world.report()),
        kind => {
            if dice.chance(25) {
                world.node.faults.arm(dice.below(150), strike(dice));
            } else if dice.chance(30) && !talking {
                world.note("news comes while the agent is at work");
                world.news_at(dice.below(100))?;
            }
            world.note(if kind == 11 { "the agent audits" } else { "the agent works" });
            let lived = if kind == 11 { world.node.audit() } else { world.node.work() };
            if let Some(what) = world.node.faults.disarm() {
                world.note(format!("struck at: {what}"));
            }
            if let Some(late) = world.node.faults.take_news() {
                world.node.alive(|_| late());
            }
            if lived.is_none() {
                world.agent_died();
            }
        }
    }
    Ok(())
}

fn strike(dice: &mut Dice) -> Strike {
    match dice.below(6) {
        0 => Strike::Fails(Errno::IO),
        1 => Strike::Fails(Errno::NOSPC),
        2 => Strike::Fails(Errno::AGAIN),
        3 => Strike::KilledBefore,
        4 => Strike::KilledAfter,
        _ => Strike::Panics,
    }
}

/// Some troubles begin, and others end.
fn trouble(world: &World, dice: &mut Dice) {
    let troubles: Vec<Trouble> = Trouble::ALL.into_iter().filter(|_| dice.chance(25)).collect();
    world.note(format!("troubles: {troubles:?}"));
    world.node.faults.set_troubles(troubles);
}

/// Somebody with root's rights does something stupid on the node.
fn damage(world: &mut World, dice: &mut Dice) {
    let tree = Arc::clone(&world.node.tree);
    let Some(username) = dice.pick(&world.facts.accounts()) else { return };
    let account = format!("account/{username}");
    let uid = world.facts.get(&account)["uid"].as_u64().unwrap_or_default();
    let Some(fqdn) = dice.pick(&world.facts.below(&format!("{account}/domain/"))) else { return };
    let removed = match dice.below(14) {
        0 => format!("/etc/berth/keys/{username}"),
        1 => format!("/var/lib/berth/www/{fqdn}"),
        2 => format!("/run/berth/fpm/{uid}.sock"),
        3 => format!("/etc/berth/php/{uid}.conf"),
        4 => format!("/var/lib/berth/tls/{fqdn}.crt"),
        5 => format!("/var/lib/systemd/linger/{username}"),
        6 => {
            world.note("somebody stops nginx and the SSH server");
            tree.systemd().stop_unit("nginx.service").unwrap();
            return tree.systemd().stop_unit("ssh.service").unwrap();
        }
        7 => {
            let home = format!("/home/{username}");
            if tree.entry(&home).unwrap().is_some() {
                world.note(format!("somebody changes {home}"));
                // The group stays: a home that lost its group before the agent could note that the home is its
                // own looks like a stranger's, and is left alone.
                let owner = Owner::root_with(u32::try_from(uid).unwrap());
                tree.set_attributes(&home, &Attributes::plain(owner, 0o777)).unwrap();
            }
            return;
        }
        8 => {
            world.note(format!("somebody takes the quota of {username} away"));
            let home = format!("/home/{username}");
            return tree.fake_quotas().remove(&home, u32::try_from(uid).unwrap()).unwrap();
        }
        9 => return reboot(world),
        12 => {
            let path = format!("/etc/berth/keys/{username}");
            world.note(format!("somebody writes another key to {path}"));
            let line = format!("{}\n", names::public_key(dice));
            return tree.replace_file(&path, line.as_bytes(), Owner::ROOT, 0o640).unwrap();
        }
        11 => {
            world.note("somebody flushes the packet filter");
            return tree.fake_firewall().tamper(|table| *table = None);
        }
        10 => return spoil_ledger(world, dice),
        _ => {
            world.note(format!("somebody removes {username} from /etc/passwd"));
            let found = world.read("/etc/passwd").unwrap();
            let kept: String = found
                .lines()
                .filter(|line| !line.starts_with(&format!("{username}:")))
                .fold(String::new(), |text, line| text + line + "\n");
            return tree.replace_file("/etc/passwd", kept.as_bytes(), Owner::ROOT, 0o644).unwrap();
        }
    };
    world.note(format!("somebody removes {removed}"));
    tree.remove_file(&removed).unwrap();
}

/// The node starts anew: what lies in memory is gone, and units that nobody enables too.
fn reboot(world: &mut World) {
    world.note("the node reboots");
    world.agent_died();
    let tree = &world.node.tree;
    let run = tree.real("/run/berth");
    if run.exists() {
        std::fs::remove_dir_all(run).unwrap();
    }
    tree.fake_firewall().tamper(|table| *table = None);
    for username in world.facts.accounts() {
        let uid = &world.facts.get(&format!("account/{username}"))["uid"];
        tree.systemd().stop_unit(&format!("user@{uid}.service")).unwrap();
    }
    for unit in ["nginx.service", "ssh.service"] {
        tree.systemd().restart_unit(unit).unwrap();
    }
}

/// The agent dies, and a file of its ledger is damaged.
fn spoil_ledger(world: &mut World, dice: &mut Dice) {
    world.agent_died();
    let dir = world.node.ledger_dir();
    let mut files = Vec::new();
    for part in [dir.clone(), dir.join("specs"), dir.join("states")] {
        for entry in std::fs::read_dir(part).into_iter().flatten() {
            files.push(entry.unwrap().path());
        }
    }
    files.retain(|path| path.is_file());
    files.sort();
    let Some(path) = dice.pick(&files) else { return };
    // Names of accounts are ids, the same for the same seed.
    world.note(format!("the ledger's {} is torn", path.file_name().unwrap().to_string_lossy()));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(dice.below(70)).unwrap();
}
