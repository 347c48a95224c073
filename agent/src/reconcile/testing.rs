//! What tests of reconciliation are made of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
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
use berth_core::spec::{AccountSpec, EgressSpec, SftpSpec, SiteSpec};
use berth_core::ssh_key::SshPublicKey;
use chrono::{DateTime, Utc};

use super::{Clock, Reconciler};
use crate::host::Host;
use crate::host::tree::TreeHost;
use crate::ledger::Ledger;
use crate::php::{Activator, ActivatorSettings};
use crate::resource::slice::Slice;
use crate::timers::Scheduler;

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
        standing: berth_core::standing::Standing::default(),
        timer_list: Vec::new(),
        egress: EgressSpec { policy: EgressPolicy::Web, rules: Vec::new() },
        bounds: Bounds::default(),
        sites: vec![SiteSpec {
            domain: DomainId(uuid::Uuid::from_u128(number.into())),
            aliases: fqdn.with_www().into_iter().collect(),
            fqdn,
            docroot: Docroot::default(),
            certificate: None,
            https_redirect: berth_core::domain::HttpsRedirect::Auto,
            hsts: None,
        }],
        web_users: Vec::new(),
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

/// The clock of tests stands still unless it is moved.
pub(crate) struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }
}

/// A node in a temporary directory.
pub(crate) struct Node {
    dir: tempfile::TempDir,
    pub(crate) tree: Arc<TreeHost>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    clock: Arc<Standing>,
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
        let clock = Arc::new(Standing(AtomicI64::new(1_800_000_000)));
        Self { dir, tree, ledger, clock, runtime }
    }

    /// Moves the clock.
    pub(crate) fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
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
        let reconciler = Reconciler::new(
            host,
            ledger,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(|| 0.0),
            Vec::new(),
        );
        let scheduler = Scheduler::new(
            Arc::clone(&self.tree) as Arc<dyn Host>,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::default(),
        );
        crate::runtime::resources(reconciler, activator, scheduler, Slice::default())
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

    /// What the tree's service manager and programs were asked for.
    pub(crate) fn commands(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("tree/commands.log")).unwrap()
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
