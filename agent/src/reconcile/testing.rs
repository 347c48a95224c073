//! What tests of reconciliation are made of.

use std::any::Any;
use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use berth_core::Parse;
use berth_core::account::{UID_RANGE, Uid};
use berth_core::condition::{ConditionState, Resource};
use berth_core::domain::Docroot;
use berth_core::id::{AccountId, DomainId};
use berth_core::link::AccountReport;
use berth_core::name::{DisplayName, Fqdn, Username};
use berth_core::package::{Bounds, EgressPolicy, TimerMode};
use berth_core::spec::{AccountSpec, SftpSpec, SiteSpec};
use berth_core::ssh_key::SshPublicKey;
use chrono::{DateTime, Utc};
use tokio::sync::broadcast;

use super::{Clock, Reconciler};
use crate::host::systemd::PhpUnit;
use crate::host::tree::TreeHost;
use crate::host::{
    AccountLock, Answer, Attributes, Entry, Host, HostError, NewFile, Owner, Program, Result, Systemd,
};
use crate::ledger::Ledger;
use crate::php::{Activator, ActivatorSettings};

/// An account with one site, `<name>.example`.
pub(crate) fn spec(name: &str, number: u32, generation: u64) -> AccountSpec {
    let fqdn = Fqdn::parse(&format!("{name}.example.com")).unwrap();
    AccountSpec {
        account: AccountId(uuid::Uuid::from_u128(number.into())),
        generation,
        username: Username::parse(name).unwrap(),
        uid: Uid::try_from(UID_RANGE.start() + number).unwrap(),
        display_name: DisplayName::parse("Alice, \"A: Smith\"").unwrap(),
        sftp: SftpSpec { enabled: true, keys: vec![key(1)] },
        timers: TimerMode::Always,
        egress: EgressPolicy::Web,
        bounds: Bounds::default(),
        sites: vec![SiteSpec {
            domain: DomainId(uuid::Uuid::from_u128(number.into())),
            aliases: fqdn.with_www().into_iter().collect(),
            fqdn,
            docroot: Docroot::default(),
        }],
    }
}

/// A public key.
pub(crate) fn key(number: u8) -> SshPublicKey {
    SshPublicKey::parse(match number {
        1 => "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti one",
        _ => "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB4f1SZHUr0A3xVS3ISFNEeqMnxyMkMhKqGLEcsBp3Hh two",
    })
    .unwrap()
}

/// The clock of tests stands still.
pub(crate) struct Standing;

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }
}

/// A panic that stands for SIGKILL.
#[derive(Debug)]
pub(crate) struct Killed;

/// Goes on dying of a kill; other panics are left to the caller.
pub(crate) fn killed(payload: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    if payload.is::<Killed>() {
        std::panic::resume_unwind(payload);
    }
    payload
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails and has no effect.
    Fails,
    /// The agent dies before the call.
    KilledBefore,
    /// The agent dies after the call's effect.
    KilledAfter,
    /// The call panics, by a mistake in the code.
    Panics,
}

/// A host of which the n-th call goes wrong.
pub(crate) struct FaultyHost {
    inner: Arc<TreeHost>,
    calls: AtomicU64,
    at: u64,
    fault: Fault,
    dead: AtomicBool,
}

impl FaultyHost {
    pub(crate) fn new(inner: Arc<TreeHost>, at: u64, fault: Fault) -> Self {
        Self { inner, calls: AtomicU64::new(0), at, fault, dead: AtomicBool::new(false) }
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn call<T>(&self, object: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let die = || {
            self.dead.store(true, Ordering::SeqCst);
            std::panic::panic_any(Killed)
        };
        if self.dead.load(Ordering::SeqCst) {
            return die();
        }
        if self.calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return run();
        }
        match self.fault {
            Fault::Fails => Err(HostError::new("do as told with", object, rustix::io::Errno::IO)),
            Fault::KilledBefore => die(),
            Fault::KilledAfter => {
                // Whether it succeeded does not matter any more.
                drop(run());
                die()
            }
            Fault::Panics => panic!("a mistake"),
        }
    }
}

impl Host for FaultyHost {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        self.call(path, || self.inner.entry(path))
    }
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.call(path, || self.inner.read(path))
    }
    fn list(&self, dir: &str) -> Result<Vec<String>> {
        self.call(dir, || self.inner.list(dir))
    }
    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> Result<()> {
        self.call(path, || self.inner.replace_file(path, bytes, owner, mode))
    }
    fn remove_file(&self, path: &str) -> Result<bool> {
        self.call(path, || self.inner.remove_file(path))
    }
    fn replace_link(&self, path: &str, target: &str) -> Result<()> {
        self.call(path, || self.inner.replace_link(path, target))
    }
    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> Result<()> {
        self.call(path, || self.inner.make_dir(path, attributes, files))
    }
    fn remove_dir(&self, path: &str) -> Result<bool> {
        self.call(path, || self.inner.remove_dir(path))
    }
    fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        self.call(path, || self.inner.set_attributes(path, attributes))
    }
    fn move_dir(&self, from: &str, to: &str) -> Result<()> {
        self.call(from, || self.inner.move_dir(from, to))
    }
    fn lock_account_files(&self) -> Result<AccountLock> {
        self.call("the lock", || self.inner.lock_account_files())
    }
    fn replace_account_file(&self, lock: &AccountLock, path: &str, bytes: &[u8]) -> Result<()> {
        self.call(path, || self.inner.replace_account_file(lock, path, bytes))
    }
    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> Result<OwnedFd> {
        self.call(path, || self.inner.bind_socket(path, owner, mode))
    }
    fn run(&self, program: Program) -> Result<Answer> {
        self.call("a program", || self.inner.run(program))
    }
    fn systemd(&self) -> &dyn Systemd {
        self
    }
}

impl Systemd for FaultyHost {
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()> {
        self.call(unit.name, || self.inner.systemd().start_transient_php(unit))
    }
    fn stop_unit(&self, unit: &str) -> Result<()> {
        self.call(unit, || self.inner.systemd().stop_unit(unit))
    }
    fn unit_state(&self, unit: &str) -> Result<Option<String>> {
        self.call(unit, || self.inner.systemd().unit_state(unit))
    }
    fn reload_unit(&self, unit: &str) -> Result<()> {
        self.call(unit, || self.inner.systemd().reload_unit(unit))
    }
    fn restart_unit(&self, unit: &str) -> Result<()> {
        self.call(unit, || self.inner.systemd().restart_unit(unit))
    }
    fn daemon_reload(&self) -> Result<()> {
        self.call("units", || self.inner.systemd().daemon_reload())
    }
    fn set_linger(&self, uid: u32, on: bool) -> Result<()> {
        self.call("lingering", || self.inner.systemd().set_linger(uid, on))
    }
    fn end_sessions(&self, uid: u32, service: &str) -> Result<usize> {
        self.call(service, || self.inner.systemd().end_sessions(uid, service))
    }
    fn kill_slice(&self, slice: &str) -> Result<()> {
        self.call(slice, || self.inner.systemd().kill_slice(slice))
    }
    fn kill_unit(&self, unit: &str) -> Result<()> {
        self.call(unit, || self.inner.systemd().kill_unit(unit))
    }
    fn store_listener(&self, listener: BorrowedFd<'_>) -> Result<()> {
        self.call("a listener", || self.inner.systemd().store_listener(listener))
    }
    fn stored_listeners(&self) -> Vec<OwnedFd> {
        self.inner.systemd().stored_listeners()
    }
    fn forgotten_units(&self) -> broadcast::Receiver<String> {
        self.inner.systemd().forgotten_units()
    }
}

/// A node in a temporary directory.
pub(crate) struct Node {
    dir: tempfile::TempDir,
    pub(crate) tree: Arc<TreeHost>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    runtime: tokio::runtime::Runtime,
}

impl Node {
    pub(crate) fn new() -> Self {
        // In memory, where there is such a directory: thousands of nodes are made, each syncing every file.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let tree = Arc::new(TreeHost::open(&dir.path().join("tree")).unwrap());
        let ledger = Arc::new(Mutex::new(Ledger::open(&dir.path().join("ledger")).unwrap()));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { dir, tree, ledger, runtime }
    }

    pub(crate) fn ledger_dir(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    pub(crate) fn accept(&self, specs: Vec<AccountSpec>) {
        self.ledger.lock().unwrap().accept(specs).unwrap();
    }

    /// A reconciler as a fresh agent has it.
    pub(crate) fn reconciler(&self, host: Arc<dyn Host>) -> Reconciler {
        let _inside = self.runtime.enter();
        let activator = Activator::start(Arc::clone(&host), ActivatorSettings::default());
        // A fresh agent has read its ledger from disk.
        *self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Ledger::open(&self.ledger_dir()).unwrap();
        let ledger = Arc::clone(&self.ledger);
        let reconciler = Reconciler::new(host, ledger, Arc::new(Standing), Arc::new(|| 0.0), Vec::new());
        crate::runtime::resources(reconciler, activator)
    }

    /// A pass over everything, as a fresh agent makes it, with reports confirmed.
    pub(crate) fn pass(&self) -> super::Outcome {
        self.pass_with(Arc::clone(&self.tree) as Arc<dyn Host>)
    }

    pub(crate) fn pass_with(&self, host: Arc<dyn Host>) -> super::Outcome {
        let mut reconciler = self.reconciler(host);
        let all = self.ledger.lock().unwrap().specs().into_keys().collect();
        let outcome = reconciler.pass(&all, true, Instant::now());
        let mut ledger = self.ledger.lock().unwrap();
        for report in &outcome.reports {
            ledger.acknowledge(report.clone()).unwrap();
        }
        outcome
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        self.tree.read(path).unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// Every path of the tree with owner, mode and content, but for times and backups.
    pub(crate) fn picture(&self) -> BTreeMap<String, String> {
        let mut picture = BTreeMap::new();
        self.walk("", &mut picture);
        picture
    }

    fn walk(&self, dir: &str, picture: &mut BTreeMap<String, String>) {
        for name in std::fs::read_dir(self.tree.real(dir)).unwrap() {
            let name = name.unwrap().file_name().into_string().unwrap();
            let path = format!("{dir}/{name}");
            let entry = self.tree.entry(&path).unwrap().unwrap();
            let content = match &entry.kind {
                crate::host::Kind::File => {
                    String::from_utf8_lossy(&self.tree.read(&path).unwrap().unwrap()).into_owned()
                }
                kind => format!("{kind:?}"),
            };
            // Keys of certificates differ each time.
            let content = if path.starts_with("/var/lib/berth/tls/") { String::new() } else { content };
            if !path.ends_with('-') {
                picture.insert(path.clone(), format!("{:?} {content}", entry.attributes));
            }
            if entry.is_dir() {
                self.walk(&path, picture);
            }
        }
    }
}

/// Asserts that every resource of a report has converged.
pub(crate) fn assert_converged(report: &AccountReport) {
    assert_eq!(report.conditions.len(), Resource::ALL.len(), "{report:#?}");
    for condition in &report.conditions {
        assert_eq!(condition.state, ConditionState::Converged, "{condition:#?}");
    }
}
