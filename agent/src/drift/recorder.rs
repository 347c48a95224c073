//! A host that notes what is changed through it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use berth_core::layout;
use tokio::sync::broadcast;

use super::{Change, Changes};
use crate::host::systemd::{PhpUnit, SliceLimits, TimerUnit};
use crate::host::{
    AccountLock, Answer, Attributes, Entry, Firewall, Host, Kind, NewFile, Owner, Program, Quotas, Result,
    Systemd,
};

/// A host beside which every change of a file, directory, link or unit is noted with how things were before.
///
/// The account files are not: they hold the lines of everybody, and the account resource says itself which of
/// them it has changed.
pub struct Recorder<'a> {
    inner: &'a dyn Host,
    changes: &'a Changes,
}

impl<'a> Recorder<'a> {
    /// Notes what is changed on `inner`.
    pub const fn new(inner: &'a dyn Host, changes: &'a Changes) -> Self {
        Self { inner, changes }
    }

    fn note(&self, object: &str, found: Option<String>, made: Option<String>) {
        self.changes.note(Change { account: None, object: object.to_owned(), found, made });
    }

    /// What is at a path, for people. A look that fails leaves the change itself to fail.
    fn look(&self, path: &str) -> Option<String> {
        let entry = self.inner.entry(path).ok().flatten()?;
        if entry.is_file() {
            let bytes = self.inner.read(path).ok().flatten()?;
            return Some(content(path, &bytes, &entry.attributes));
        }
        Some(description(&entry))
    }
}

/// A file as it is shown: owner, mode and text; never a secret.
fn content(path: &str, bytes: &[u8], attributes: &Attributes) -> String {
    let head = attributes_text(attributes);
    // Keys, and commands of tenants, which may hold a password.
    if path.starts_with(layout::TLS_DIR) || path.starts_with(layout::TIMERS_DIR) {
        return format!("file {head}, content not shown");
    }
    format!("file {head}\n{}", String::from_utf8_lossy(bytes))
}

fn description(entry: &Entry) -> String {
    match &entry.kind {
        Kind::File => format!("file {}", attributes_text(&entry.attributes)),
        Kind::Directory => format!("directory {}", attributes_text(&entry.attributes)),
        Kind::Link(target) => format!("link to {target}"),
        Kind::Socket => format!("socket {}", attributes_text(&entry.attributes)),
        Kind::Other => format!("device or FIFO {}", attributes_text(&entry.attributes)),
    }
}

fn attributes_text(attributes: &Attributes) -> String {
    let acl = if attributes.acl.is_empty() { String::new() } else { format!(" {}", attributes.acl) };
    format!("{} {:04o}{acl}", attributes.owner, attributes.mode)
}

impl Host for Recorder<'_> {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        self.inner.entry(path)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.inner.read(path)
    }

    fn read_at_most(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>> {
        self.inner.read_at_most(path, max)
    }

    fn list_at_most(&self, dir: &str, max: usize) -> Result<Vec<String>> {
        self.inner.list_at_most(dir, max)
    }

    fn list(&self, dir: &str) -> Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> Result<()> {
        let found = self.look(path);
        self.inner.replace_file(path, bytes, owner, mode)?;
        self.note(path, found, Some(content(path, bytes, &Attributes::plain(owner, mode))));
        Ok(())
    }

    fn remove_file(&self, path: &str) -> Result<bool> {
        let found = self.look(path);
        let removed = self.inner.remove_file(path)?;
        if removed {
            self.note(path, found, None);
        }
        Ok(removed)
    }

    fn replace_link(&self, path: &str, target: &str) -> Result<()> {
        let found = self.look(path);
        self.inner.replace_link(path, target)?;
        self.note(path, found, Some(format!("link to {target}")));
        Ok(())
    }

    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> Result<()> {
        self.inner.make_dir(path, attributes, files)?;
        self.note(path, None, Some(format!("directory {}", attributes_text(attributes))));
        Ok(())
    }

    fn make_volume(&self, path: &str, attributes: &Attributes) -> Result<()> {
        self.inner.make_volume(path, attributes)?;
        self.note(path, None, Some(format!("directory {}", attributes_text(attributes))));
        Ok(())
    }

    fn remove_dir(&self, path: &str) -> Result<bool> {
        let found = self.look(path);
        let removed = self.inner.remove_dir(path)?;
        if removed {
            self.note(path, found, None);
        }
        Ok(removed)
    }

    fn remove_tree(&self, path: &str) -> Result<bool> {
        let removed = self.inner.remove_tree(path)?;
        if removed {
            self.note(path, Some("directory with all that was in it".to_owned()), None);
        }
        Ok(removed)
    }

    fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        let found = self.inner.entry(path).ok().flatten();
        self.inner.set_attributes(path, attributes)?;
        let made = found
            .as_ref()
            .map(|entry| description(&Entry { attributes: attributes.clone(), ..entry.clone() }));
        self.note(path, found.as_ref().map(description), made);
        Ok(())
    }

    fn move_dir(&self, from: &str, to: &str) -> Result<()> {
        self.inner.move_dir(from, to)?;
        self.note(from, Some(format!("directory {from}")), Some(format!("moved to {to}")));
        Ok(())
    }

    fn lock_account_files(&self) -> Result<AccountLock> {
        self.inner.lock_account_files()
    }

    fn replace_account_file(&self, lock: &AccountLock, path: &str, bytes: &[u8]) -> Result<()> {
        self.inner.replace_account_file(lock, path, bytes)
    }

    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> Result<OwnedFd> {
        let found = self.look(path);
        let bound = self.inner.bind_socket(path, owner, mode)?;
        self.note(path, found, Some(format!("socket {}", attributes_text(&Attributes::plain(owner, mode)))));
        Ok(bound)
    }

    fn run(&self, program: Program) -> Result<Answer> {
        self.inner.run(program)
    }

    fn quotas(&self) -> &dyn Quotas {
        self.inner.quotas()
    }

    fn firewall(&self) -> &dyn Firewall {
        // Its elements mean something to their resource only, which notes them itself.
        self.inner.firewall()
    }

    fn systemd(&self) -> &dyn Systemd {
        self
    }
}

impl Systemd for Recorder<'_> {
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()> {
        self.inner.systemd().start_transient_php(unit)
    }

    fn start_transient_timer(&self, unit: &TimerUnit<'_>) -> Result<()> {
        self.inner.systemd().start_transient_timer(unit)
    }

    fn stop_unit(&self, unit: &str) -> Result<()> {
        let state = self.inner.systemd().unit_state(unit).ok().flatten();
        self.inner.systemd().stop_unit(unit)?;
        if state.is_some() {
            self.note(unit, state, None);
        }
        Ok(())
    }

    fn unit_state(&self, unit: &str) -> Result<Option<String>> {
        self.inner.systemd().unit_state(unit)
    }

    fn reload_unit(&self, unit: &str) -> Result<()> {
        self.inner.systemd().reload_unit(unit)
    }

    fn restart_unit(&self, unit: &str) -> Result<()> {
        let state = self.inner.systemd().unit_state(unit).ok().flatten();
        self.inner.systemd().restart_unit(unit)?;
        // A server that runs and is restarted for new settings was not changed by anybody.
        if state.as_deref() != Some("active") {
            self.note(unit, state, Some("active".to_owned()));
        }
        Ok(())
    }

    fn daemon_reload(&self) -> Result<()> {
        self.inner.systemd().daemon_reload()
    }

    fn set_linger(&self, uid: u32, on: bool) -> Result<()> {
        let unit = format!("user@{uid}.service");
        let state = self.inner.systemd().unit_state(&unit).ok().flatten();
        self.inner.systemd().set_linger(uid, on)?;
        let made = if on { "running, and lingering" } else { "not lingering" };
        self.note(&unit, state, Some(made.to_owned()));
        Ok(())
    }

    fn end_sessions(&self, uid: u32, service: &str) -> Result<usize> {
        self.inner.systemd().end_sessions(uid, service)
    }

    fn kill_slice(&self, slice: &str) -> Result<()> {
        self.inner.systemd().kill_slice(slice)
    }

    fn kill_unit(&self, unit: &str) -> Result<()> {
        self.inner.systemd().kill_unit(unit)
    }

    fn forget_failure(&self, unit: &str) -> Result<()> {
        self.inner.systemd().forget_failure(unit)
    }

    fn set_slice(&self, slice: &str, limits: &SliceLimits) -> Result<()> {
        self.inner.systemd().set_slice(slice, limits)
    }

    fn store_listener(&self, listener: &Arc<OwnedFd>) -> Result<()> {
        self.inner.systemd().store_listener(listener)
    }

    fn stored_listeners(&self) -> Vec<Arc<OwnedFd>> {
        self.inner.systemd().stored_listeners()
    }

    fn forgotten_units(&self) -> broadcast::Receiver<String> {
        self.inner.systemd().forgotten_units()
    }
    fn started_slices(&self) -> broadcast::Receiver<String> {
        self.inner.systemd().started_slices()
    }
}
