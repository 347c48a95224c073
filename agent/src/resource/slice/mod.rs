//! The limits of everything that runs as a tenant, on the one slice that all of it is in.
//!
//! Nothing is loaded for a tenant of whom nothing runs. A slice that becomes active has the defaults of
//! `user-.slice.d/50-berth.conf`, and gets the package's limits as soon as systemd tells of it, or with the next
//! audit. What counts is what the kernel's files say, not what systemd remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_core::account::Uid;
use berth_core::condition::Resource;
use berth_core::layout;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use serde_json::Value;

use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::systemd::SliceLimits;
use crate::host::{Host, HostError, cgroup};
use crate::ledger::Marks;

mod end;
mod kernel;
mod limits;

use kernel::Values;

/// The note of the limits that were handed to systemd last.
const MARK: &str = "slice";

/// Where systemd keeps what was set while it runs; it counts again when the slice comes back.
const RUNTIME_DIR: &str = "/run/systemd/system.control";

/// How often, and with which pauses, the kernel is asked for what systemd was told: it acts right after it has
/// answered.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// Limits of slices. A clone is the same.
#[derive(Clone, Default)]
pub struct Slice {
    /// The control groups that had the right limits when they were looked at last.
    right: Arc<Mutex<HashMap<Uid, (u64, u64)>>>,
}

/// How a slice was found.
enum State {
    Idle,
    Active { identity: (u64, u64) },
}

impl AccountResource for Slice {
    fn resource(&self) -> Resource {
        Resource::Slice
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
        let host = context.host;
        if !spec.standing.is_open() {
            return end::everything(context, spec, marks);
        }
        let wanted = limits::of(&spec.bounds);
        let missing = missing(host)?;
        let noted = fingerprint(&wanted);
        let state = look(host, spec.uid)?;
        let mut found = None;
        match &state {
            State::Idle => {
                if marks.get(MARK).is_some_and(|former| former != noted) {
                    // It would come back with what counted then.
                    forget(host, spec.uid)?;
                    marks.clear(MARK);
                }
            }
            State::Active { identity } => {
                let before = Values::read(host, spec.uid)?;
                // Without its controllers the kernel can't say what counts; systemd's own files have to.
                let untold =
                    !missing.is_empty() && (marks.get(MARK) != Some(&noted) || !is_told(host, spec.uid)?);
                if untold || !before.agree_with(&wanted, &missing) {
                    if !untold && self.was_right(spec.uid, *identity) {
                        let object = format!("limits of {}", layout::slice(spec.uid));
                        let made = Values::wanted(&wanted).to_string();
                        context.changed(Some(spec.account), object, Some(before.to_string()), Some(made));
                    }
                    set(host, spec.uid, &wanted, &missing)?;
                    marks.set(MARK, noted);
                }
                self.note(spec.uid, *identity);
                found = Some(Values::read(host, spec.uid)?);
            }
        }
        if !missing.is_empty() {
            return Err(unsupported(host, &missing)?);
        }
        Ok(observe(&wanted, found.as_ref()))
    }
}

impl Slice {
    /// Gives a slice that has just become active the limits of its account.
    ///
    /// # Errors
    /// systemd or the kernel does not do as told; the next audit tries again.
    pub fn enforce(&self, host: &dyn Host, spec: &AccountSpec) -> Result<(), Failure> {
        let State::Active { identity } = look(host, spec.uid)? else { return Ok(()) };
        let wanted = limits::of(&spec.bounds);
        let missing = missing(host)?;
        let told = missing.is_empty() || is_told(host, spec.uid)?;
        if !told || !Values::read(host, spec.uid)?.agree_with(&wanted, &missing) {
            set(host, spec.uid, &wanted, &missing)?;
        }
        self.note(spec.uid, identity);
        Ok(())
    }

    fn note(&self, uid: Uid, identity: (u64, u64)) {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, identity);
    }

    fn was_right(&self, uid: Uid, identity: (u64, u64)) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).get(&uid) == Some(&identity)
    }
}

fn missing(host: &dyn Host) -> Result<Vec<&'static str>, HostError> {
    let text = host.read(cgroup::CONTROLLERS)?.unwrap_or_default();
    Ok(cgroup::missing(&String::from_utf8_lossy(&text)))
}

fn look(host: &dyn Host, uid: Uid) -> Result<State, HostError> {
    let entry = host.entry(&kernel::group(uid))?;
    Ok(entry.map_or(State::Idle, |entry| State::Active { identity: entry.identity }))
}

/// Whether systemd holds limits that were set while it runs.
fn is_told(host: &dyn Host, uid: Uid) -> Result<bool, HostError> {
    Ok(host.entry(&runtime_dir(uid))?.is_some())
}

fn runtime_dir(uid: Uid) -> String {
    format!("{RUNTIME_DIR}/{}.d", layout::slice(uid))
}

/// Takes away what was set for a slice that is not active.
fn forget(host: &dyn Host, uid: Uid) -> Result<(), HostError> {
    let dir = runtime_dir(uid);
    for name in host.list(&dir)? {
        host.remove_file(&format!("{dir}/{name}"))?;
    }
    host.remove_dir(&dir).map(drop)
}

/// Has systemd set the limits, and waits until the kernel has them.
fn set(host: &dyn Host, uid: Uid, wanted: &SliceLimits, missing: &[&str]) -> Result<(), Failure> {
    let slice = layout::slice(uid);
    host.systemd().set_slice(&slice, wanted)?;
    for look in 0..LOOKS {
        // It may have ended meanwhile.
        if Values::read(host, uid)?.agree_with(wanted, missing) || host.entry(&kernel::group(uid))?.is_none()
        {
            return Ok(());
        }
        // A device that can't be limited is none that is limited late.
        let but_io = [missing, ["io"].as_slice()].concat();
        if look > LOOKS / 4 && Values::read(host, uid)?.agree_with(wanted, &but_io) {
            return Err(no_device());
        }
        if look + 1 < LOOKS {
            std::thread::sleep(PAUSE);
        }
    }
    let detail = format!("{slice} does not have the limits yet that systemd was told to set");
    Err(Failure::Pending(
        Problem::new(Code::HostFailed, detail)
            .hint(format!("`systemctl status {slice}` on the node shows why")),
    ))
}

/// The file system of the homes is on nothing that the kernel could limit, such as a network or several devices.
fn no_device() -> Failure {
    let detail = format!("the kernel has no limit for the device of {}", layout::HOME_ROOT);
    let hint = format!(
        "put {} on a block device; all other limits are in force, and this heals by itself then",
        layout::HOME_ROOT
    );
    Failure::Unsupported(Problem::new(Code::SliceUnsupported, detail).hint(hint))
}

fn fingerprint(wanted: &SliceLimits) -> String {
    Values::wanted(wanted).to_string()
}

fn unsupported(host: &dyn Host, missing: &[&str]) -> Result<Failure, HostError> {
    let text = host.read(cgroup::CONTROLLERS)?;
    let seen = match text {
        None => format!("{} does not exist: the host does not use version 2", cgroup::CONTROLLERS),
        Some(text) => {
            let present = String::from_utf8_lossy(&text);
            let present = present.split_whitespace().collect::<Vec<_>>().join(", ");
            let present = if present.is_empty() { "nothing".to_owned() } else { present };
            format!("{} names {present}", cgroup::CONTROLLERS)
        }
    };
    let detail = format!("the kernel has no controllers for {}: {seen}", missing.join(", "));
    let hint = format!("{}; this heals by itself then", cgroup::ADVICE);
    Ok(Failure::Unsupported(Problem::new(Code::SliceUnsupported, detail).hint(hint)))
}

fn observe(wanted: &SliceLimits, found: Option<&Values>) -> Observed {
    let values = found.cloned().unwrap_or_else(|| Values::wanted(wanted));
    let state = if found.is_some() { "active" } else { "idle" };
    let shown = |value: Option<u64>| value.map_or_else(|| Value::from("unlimited"), Value::from);
    Observed::new()
        .with("state", state)
        .with("cpu_percent", shown(values.cpu.map(|micros| micros / 10_000)))
        .with("memory_high_bytes", shown(values.memory_high))
        .with("memory_max_bytes", shown(values.memory_max))
        .with("tasks_max", shown(values.tasks))
        .with("io_read_bytes_per_second", shown(values.read))
        .with("io_write_bytes_per_second", shown(values.write))
}

#[cfg(test)]
mod tests;
