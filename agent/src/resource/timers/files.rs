//! What runs and when, as files that only root can write and only the account can read.
//!
//! A command stands in no unit: the unit names the timer, and the run reads what it is to do. So nothing that a
//! tenant writes into a command can mean anything to systemd.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use berth_core::layout;
use berth_core::package::TimerMode;
use berth_core::spec::{AccountSpec, TimerSpec};
use berth_core::timer::{TimerJob, TimerName};
use berth_core::{Code, Parse, Problem};
use sha2::{Digest, Sha256};

use crate::host::{Attributes, Owner};
use crate::ledger::Marks;
use crate::resource::{Context, Failure};

/// The target that wants all timers of an account. It changes with every one of them: the account's user
/// manager watches it.
pub(super) const TARGET: &str = "berth-timers.target";

const FILE_MODE: u32 = 0o640;

/// The note of the last wish to run a timer now that was fulfilled.
pub(super) fn wish_note(timer: &TimerName) -> String {
    format!("timer_run:{timer}")
}

/// Makes the account's files what they shall be. The target comes last, so that whoever sees it change finds
/// the others in place.
pub(super) fn converge(context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Result<(), Failure> {
    let host = context.host;
    let dir = layout::timers_dir(spec.uid);
    let wanted = wanted(spec)?;
    let there = host.entry(&dir)?;
    if wanted.is_empty() && there.is_none() {
        return Ok(());
    }
    let attributes = Attributes::plain(Owner::root_with(spec.uid.get()), 0o750);
    if !spec.timer_list.is_empty() {
        spool(context, spec)?;
    }
    match there {
        None => host.make_dir(&dir, &attributes, &[])?,
        Some(found) if found.attributes == attributes => {}
        Some(_) => host.set_attributes(&dir, &attributes)?,
    }
    for (name, text) in wanted.iter().filter(|(name, _)| *name != TARGET) {
        write(context, spec, &format!("{dir}/{name}"), text)?;
    }
    for name in host.list(&dir)?.iter().filter(|name| is_ours(name) && !wanted.contains_key(*name)) {
        host.remove_file(&format!("{dir}/{name}"))?;
        if let Some(timer) = name.strip_suffix(".json").and_then(|name| TimerName::parse(name).ok()) {
            marks.clear(&wish_note(&timer));
            if spec.timers == TimerMode::Off {
                host.systemd().kill_unit(&layout::timer_unit(spec.uid, &timer))?;
            }
        }
    }
    match wanted.get(TARGET) {
        Some(text) => write(context, spec, &format!("{dir}/{TARGET}"), text)?,
        None if wanted.is_empty() && host.list(&dir)?.is_empty() => drop(host.remove_dir(&dir)?),
        None => {}
    }
    Ok(())
}

/// The target as it shall be.
pub(super) fn target(spec: &AccountSpec) -> String {
    let mut text = String::from("# Made by Berth for the timers of this account. Edits are undone.\n");
    let timers: Vec<&TimerSpec> = spec.timer_list.iter().filter(|timer| timer.enabled).collect();
    let all: String = timers.iter().map(|timer| unit(timer)).collect();
    // Whatever changes in a timer changes this file.
    let _ = write!(text, "# {}\n[Unit]\n", hex::encode(Sha256::digest(all)));
    text.push_str("Description=Timers of this account\n");
    for timer in timers {
        let _ = writeln!(text, "Wants={}", layout::user_timer(&timer.name));
    }
    text
}

fn wanted(spec: &AccountSpec) -> Result<BTreeMap<String, String>, Failure> {
    let mut wanted = BTreeMap::new();
    for timer in &spec.timer_list {
        wanted.insert(format!("{}.json", timer.name), job(spec, timer)?);
        if spec.timers == TimerMode::Always && timer.enabled {
            wanted.insert(layout::user_timer(&timer.name), unit(timer));
        }
    }
    if spec.timers == TimerMode::Always {
        wanted.insert(TARGET.to_owned(), target(spec));
    }
    Ok(wanted)
}

/// What a run reads.
fn job(spec: &AccountSpec, timer: &TimerSpec) -> Result<String, Failure> {
    let job = TimerJob {
        username: spec.username.clone(),
        name: timer.name.clone(),
        command: timer.command.clone(),
        timeout_s: timer.timeout_s,
        spool: layout::timer_spool(&spec.username),
    };
    serde_json::to_string_pretty(&job)
        .map(|text| text + "\n")
        .map_err(|error| Problem::new(Code::Internal, format!("a timer can't be written: {error}")).into())
}

/// When the user manager starts a run. Of what a tenant may choose only the name and the times are in it.
pub(super) fn unit(timer: &TimerSpec) -> String {
    let mut text = format!(
        "# Made by Berth for a timer of this account. Edits are undone.\n[Unit]\nDescription=Timer {}\n\
         PartOf={TARGET}\n\n[Timer]\n",
        timer.name
    );
    for calendar in timer.schedule.calendars() {
        let _ = writeln!(text, "OnCalendar={calendar}");
    }
    text.push_str("AccuracySec=1s\n");
    text
}

fn write(context: &Context<'_>, spec: &AccountSpec, path: &str, text: &str) -> Result<(), Failure> {
    let attributes = Attributes::plain(Owner::root_with(spec.uid.get()), FILE_MODE);
    let in_place =
        context.host.entry(path)?.is_some_and(|found| found.is_file() && found.attributes == attributes)
            && context.host.read(path)?.as_deref() == Some(text.as_bytes());
    if !in_place {
        context.host.replace_file(path, text.as_bytes(), attributes.owner, attributes.mode)?;
    }
    Ok(())
}

fn is_ours(name: &str) -> bool {
    name == TARGET || name.strip_suffix(".json").is_some() || name.starts_with("berth-timer@")
}

/// Where runs leave their records. In the home, so that the account's quota counts them; below a directory of
/// root's, so that nobody can put something else in its place.
fn spool(context: &Context<'_>, spec: &AccountSpec) -> Result<(), Failure> {
    let uid = spec.uid.get();
    let outer = Attributes::plain(Owner::root_with(uid), 0o750);
    let inner = Attributes::plain(Owner::tenant(uid), 0o700);
    for (path, wanted) in
        [(layout::home_berth(&spec.username), outer), (layout::timer_spool(&spec.username), inner)]
    {
        match context.host.entry(&path)? {
            None => context.host.make_dir(&path, &wanted, &[])?,
            Some(found) if !found.is_dir() => {
                return Err(Problem::new(Code::HostFailed, format!("{path} is not a directory"))
                    .hint("move it away on the node; the directory is made again then")
                    .into());
            }
            Some(found) if found.attributes == wanted => {}
            Some(_) => context.host.set_attributes(&path, &wanted)?,
        }
    }
    Ok(())
}
