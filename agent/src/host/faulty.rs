//! A host with faults: any call can be made to fail, to lie, or to be the last one that its agent makes.
//!
//! For tests of crashes, of this crate and of the whole product. The host behind it keeps its state, so what
//! a call has done outlives the agent that made it, as on a real machine.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::io::Errno;
use tokio::sync::broadcast;

use super::firewall::{Changed, Look, Table, next_generation};
use super::quota::{Adoptions, QuotaLimits, Reading};
use super::systemd::{PhpUnit, SliceLimits, TimerUnit};
use super::{
    AccountLock, Answer, Attributes, Entry, Firewall, Host, HostError, NewFile, Owner, Program, Quotas,
    Result, Systemd,
};
use crate::egress::{Delta, Refusals, Ruleset, Verdict};

/// The payload of a panic that stands for the death of the agent. Nothing may contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Killed;

impl Killed {
    /// Dies here. The panic hook is not called, since nothing is wrong.
    pub fn now() -> ! {
        resume_unwind(Box::new(Self))
    }
}

/// A call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// How many calls were made before it.
    pub number: u64,
    /// The method's name.
    pub operation: &'static str,
    /// The path, unit, user or program that it is about.
    pub object: &'a str,
}

impl Call<'_> {
    /// Whether it needs space on a disk.
    pub fn needs_space(&self) -> bool {
        const NEEDING: [&str; 6] = [
            "replace_file",
            "replace_link",
            "make_dir",
            "make_volume",
            "replace_account_file",
            "bind_socket",
        ];
        NEEDING.contains(&self.operation)
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is made.
    Made,
    /// It fails and has no effect.
    Fails(Errno),
    /// A program says no; any other call fails.
    Refused,
    /// It answers as if it had been made, and was not: a mistake that no honest host makes. A call that has
    /// to answer something is made all the same.
    Dropped,
    /// The agent dies before it.
    KilledBefore,
    /// The agent dies after its effect.
    KilledAfter,
    /// It panics, by a mistake in the code.
    Panics,
}

/// What decides about each call.
pub type Decide = Box<dyn Fn(&Call<'_>) -> Fate + Send + Sync>;

/// A host of which any call can go wrong. One agent has one; the next agent gets a new one over the same host.
pub struct FaultyHost {
    inner: Arc<dyn Host>,
    decide: Decide,
    calls: AtomicU64,
    dead: AtomicBool,
}

impl FaultyHost {
    /// A host whose calls end as `decide` says.
    pub fn new(inner: Arc<dyn Host>, decide: impl Fn(&Call<'_>) -> Fate + Send + Sync + 'static) -> Self {
        Self { inner, decide: Box::new(decide), calls: AtomicU64::new(0), dead: AtomicBool::new(false) }
    }

    /// A host of which one call goes wrong, by its number.
    pub fn at(inner: Arc<dyn Host>, number: u64, fate: Fate) -> Self {
        Self::new(inner, move |call| if call.number == number { fate } else { Fate::Made })
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn fate(&self, operation: &'static str, object: &str) -> Fate {
        if self.dead.load(Ordering::SeqCst) {
            return Fate::KilledBefore;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        (self.decide)(&Call { number, operation, object })
    }

    fn die(&self) -> ! {
        self.dead.store(true, Ordering::SeqCst);
        Killed::now()
    }

    /// A call that answers something.
    fn ask<T>(&self, operation: &'static str, object: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let fate = self.fate(operation, object);
        self.meet(fate, operation, object, run)
    }

    /// A call that only does something.
    fn act(&self, operation: &'static str, object: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        match self.fate(operation, object) {
            Fate::Dropped => Ok(()),
            fate => self.meet(fate, operation, object, run),
        }
    }

    fn meet<T>(
        &self,
        fate: Fate,
        operation: &'static str,
        object: &str,
        run: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match fate {
            Fate::Made | Fate::Dropped => run(),
            Fate::Fails(errno) => Err(HostError::new(operation, object, errno)),
            Fate::Refused => Err(HostError::because(operation, object, "refused")),
            Fate::KilledBefore => self.die(),
            Fate::KilledAfter => {
                // Whether it succeeded does not matter any more.
                drop(run());
                self.die()
            }
            Fate::Panics => resume_unwind(Box::new("a mistake")),
        }
    }
}

impl Host for FaultyHost {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        self.ask("entry", path, || self.inner.entry(path))
    }
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.ask("read", path, || self.inner.read(path))
    }
    fn read_at_most(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>> {
        self.ask("read_at_most", path, || self.inner.read_at_most(path, max))
    }
    fn list_at_most(&self, dir: &str, max: usize) -> Result<Vec<String>> {
        self.ask("list_at_most", dir, || self.inner.list_at_most(dir, max))
    }
    fn list(&self, dir: &str) -> Result<Vec<String>> {
        self.ask("list", dir, || self.inner.list(dir))
    }
    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> Result<()> {
        self.act("replace_file", path, || self.inner.replace_file(path, bytes, owner, mode))
    }
    fn remove_file(&self, path: &str) -> Result<bool> {
        match self.fate("remove_file", path) {
            Fate::Dropped => Ok(true),
            fate => self.meet(fate, "remove_file", path, || self.inner.remove_file(path)),
        }
    }
    fn replace_link(&self, path: &str, target: &str) -> Result<()> {
        self.act("replace_link", path, || self.inner.replace_link(path, target))
    }
    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> Result<()> {
        self.act("make_dir", path, || self.inner.make_dir(path, attributes, files))
    }
    fn make_volume(&self, path: &str, attributes: &Attributes) -> Result<()> {
        self.act("make_volume", path, || self.inner.make_volume(path, attributes))
    }
    fn remove_dir(&self, path: &str) -> Result<bool> {
        self.ask("remove_dir", path, || self.inner.remove_dir(path))
    }
    fn remove_tree(&self, path: &str) -> Result<bool> {
        self.ask("remove_tree", path, || self.inner.remove_tree(path))
    }
    fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        self.act("set_attributes", path, || self.inner.set_attributes(path, attributes))
    }
    fn move_dir(&self, from: &str, to: &str) -> Result<()> {
        self.act("move_dir", from, || self.inner.move_dir(from, to))
    }
    fn lock_account_files(&self) -> Result<AccountLock> {
        self.ask("lock_account_files", "/etc", || self.inner.lock_account_files())
    }
    fn replace_account_file(&self, lock: &AccountLock, path: &str, bytes: &[u8]) -> Result<()> {
        self.act("replace_account_file", path, || self.inner.replace_account_file(lock, path, bytes))
    }
    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> Result<OwnedFd> {
        self.ask("bind_socket", path, || self.inner.bind_socket(path, owner, mode))
    }
    fn run(&self, program: Program) -> Result<Answer> {
        let path = program.argv().first().copied().unwrap_or_default();
        match self.fate("run", path) {
            Fate::Refused => Ok(Answer { success: false, said: "refused".to_owned() }),
            fate => self.meet(fate, "run", path, || self.inner.run(program)),
        }
    }
    fn quotas(&self) -> &dyn Quotas {
        self
    }
    fn firewall(&self) -> &dyn Firewall {
        self
    }
    fn systemd(&self) -> &dyn Systemd {
        self
    }
}

impl Quotas for FaultyHost {
    fn quota(&self, home: &str, uid: u32) -> Result<Reading> {
        self.ask("quota", home, || self.inner.quotas().quota(home, uid))
    }
    fn set_quota(&self, home: &str, uid: u32, limits: QuotaLimits) -> Result<()> {
        self.act("set_quota", home, || self.inner.quotas().set_quota(home, uid, limits))
    }
    fn adopt_volumes(&self, homes: &str, newer_than: u64) -> Result<Adoptions> {
        self.ask("adopt_volumes", homes, || self.inner.quotas().adopt_volumes(homes, newer_than))
    }
}

impl Firewall for FaultyHost {
    fn look(&self) -> Result<Look> {
        self.ask("look", "the packet filter", || self.inner.firewall().look())
    }
    fn table(&self) -> Result<Option<Table>> {
        self.ask("table", "the packet filter", || self.inner.firewall().table())
    }
    fn replace(&self, ruleset: &Ruleset) -> Result<()> {
        self.act("replace", "the packet filter", || self.inner.firewall().replace(ruleset))
    }
    fn change(&self, generation: u32, delta: &Delta) -> Result<Changed> {
        match self.fate("change", "the packet filter") {
            Fate::Dropped => Ok(Changed::Done(next_generation(generation))),
            fate => self.meet(fate, "change", "the packet filter", || {
                self.inner.firewall().change(generation, delta)
            }),
        }
    }
    fn verdicts(&self, uids: &[u32]) -> Result<BTreeMap<u32, Verdict>> {
        self.ask("verdicts", "the packet filter", || self.inner.firewall().verdicts(uids))
    }
    fn refusals(&self) -> Result<Refusals> {
        self.ask("refusals", "the packet filter", || self.inner.firewall().refusals())
    }
}

impl Systemd for FaultyHost {
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()> {
        self.act("start_transient_php", unit.name, || self.inner.systemd().start_transient_php(unit))
    }
    fn start_transient_timer(&self, unit: &TimerUnit<'_>) -> Result<()> {
        self.act("start_transient_timer", unit.name, || self.inner.systemd().start_transient_timer(unit))
    }
    fn stop_unit(&self, unit: &str) -> Result<()> {
        self.act("stop_unit", unit, || self.inner.systemd().stop_unit(unit))
    }
    fn unit_state(&self, unit: &str) -> Result<Option<String>> {
        self.ask("unit_state", unit, || self.inner.systemd().unit_state(unit))
    }
    fn reload_unit(&self, unit: &str) -> Result<()> {
        self.act("reload_unit", unit, || self.inner.systemd().reload_unit(unit))
    }
    fn restart_unit(&self, unit: &str) -> Result<()> {
        self.act("restart_unit", unit, || self.inner.systemd().restart_unit(unit))
    }
    fn daemon_reload(&self) -> Result<()> {
        self.act("daemon_reload", "systemd", || self.inner.systemd().daemon_reload())
    }
    fn set_linger(&self, uid: u32, on: bool) -> Result<()> {
        self.act("set_linger", &uid.to_string(), || self.inner.systemd().set_linger(uid, on))
    }
    fn end_sessions(&self, uid: u32, service: &str) -> Result<usize> {
        self.ask("end_sessions", &uid.to_string(), || self.inner.systemd().end_sessions(uid, service))
    }
    fn kill_slice(&self, slice: &str) -> Result<()> {
        self.act("kill_slice", slice, || self.inner.systemd().kill_slice(slice))
    }
    fn kill_unit(&self, unit: &str) -> Result<()> {
        self.act("kill_unit", unit, || self.inner.systemd().kill_unit(unit))
    }
    fn forget_failure(&self, unit: &str) -> Result<()> {
        self.act("forget_failure", unit, || self.inner.systemd().forget_failure(unit))
    }
    fn set_slice(&self, slice: &str, limits: &SliceLimits) -> Result<()> {
        self.act("set_slice", slice, || self.inner.systemd().set_slice(slice, limits))
    }
    fn store_listener(&self, listener: &Arc<OwnedFd>) -> Result<()> {
        self.act("store_listener", "a listener", || self.inner.systemd().store_listener(listener))
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
