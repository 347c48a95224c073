//! The running agent: one thread that converges, tasks that talk to the server, one thread that watches names.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use berth_core::link::QuarantineReport;
use chrono::{DateTime, Utc};
use rustix::fs::FlockOperation;
use tokio::signal::unix::{SignalKind, signal};

use crate::AgentConfig;
use crate::host::Host;
use crate::host::linux::LinuxHost;
use crate::host::linux::systemd::SystemdBus;
use crate::host::linux::watch::Watch;
use crate::host::tree::TreeHost;
use crate::ledger::Ledger;
use crate::link::{Client, Link, Outbox};
use crate::php::{Activator, ActivatorSettings};
use crate::reconcile::{Audit, Clock, Jitter, Lanes, Reconciler, Work};
use crate::resource::directories::Directories;
use crate::resource::home::Home;
use crate::resource::php::Php;
use crate::resource::site::Site;
use crate::resource::timers::Timers;
use crate::resource::{inventory, quarantine, sftp};

/// Runs the agent until it is told to end.
///
/// # Errors
/// It can't start: the ledger or the tree can't be opened, or another agent runs.
pub async fn run(config: AgentConfig) -> anyhow::Result<()> {
    // First of all, since it takes over the descriptors that the service manager has kept for us.
    let host = open_host(&config)?;
    let ledger_dir = config.ledger_dir.clone();
    let ledger = Ledger::open(&ledger_dir)?;
    let _only_one = lock(&ledger_dir).await?;
    let ledger = Arc::new(Mutex::new(ledger));
    let (lanes, outbox) = (Arc::new(Lanes::default()), Arc::new(Outbox::default()));
    let jitter: Jitter = Arc::new(|| {
        use rand::{RngExt, SeedableRng};
        // Drawn from the system each time: this is rare, and needs no state.
        rand::rngs::StdRng::try_from_rng(&mut rand::rngs::SysRng).map_or(0.5, |mut rng| rng.random::<f64>())
    });

    let link = Link {
        client: Arc::new(Client::new(config.socket.clone())),
        ledger: Arc::clone(&ledger),
        lanes: Arc::clone(&lanes),
        outbox: Arc::clone(&outbox),
        jitter: Arc::clone(&jitter),
    };
    let tasks = [tokio::spawn(link.clone().pull()), tokio::spawn(link.report())];
    if config.render.is_none() {
        watch_names(Arc::clone(&lanes))?;
    }
    let reconciler = Reconciler::new(
        Arc::clone(&host),
        Arc::clone(&ledger),
        Arc::new(SystemClock),
        jitter,
        config.extra_groups.clone(),
    );
    let activator = Activator::start(Arc::clone(&host), ActivatorSettings::default());
    let reconciler = resources(reconciler, activator);
    let agent = Agent {
        reconciler,
        host,
        ledger,
        lanes: Arc::clone(&lanes),
        outbox,
        audit_every: config.audit_every,
    };
    let worker = tokio::task::spawn_blocking(move || agent.work());

    // Only a service manager hears it, if there is one.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(socket = %config.socket.display(), ledger = %ledger_dir.display(), "the agent runs");
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for the signal to end")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for the signal to end")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    for task in tasks {
        task.abort();
    }
    lanes.stop();
    worker.await.context("the reconciler failed")
}

/// What a host's accounts consist of, in the order in which it converges.
pub(crate) fn resources(reconciler: Reconciler, activator: Activator) -> Reconciler {
    reconciler
        .with_shared(Directories)
        .with_shared(sftp::SshServer)
        .with(Home)
        .with(sftp::Keys)
        .with(Php::new(activator))
        .with_shared(Site::default())
        .with(Timers)
}

fn open_host(config: &AgentConfig) -> anyhow::Result<Arc<dyn Host>> {
    Ok(match &config.render {
        Some(dir) => Arc::new(TreeHost::open(dir)?),
        None => Arc::new(LinuxHost::new(Box::new(SystemdBus::new()?))),
    })
}

/// How long an agent that was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Two agents on one ledger would undo each other's work.
async fn lock(dir: &Path) -> anyhow::Result<std::fs::File> {
    let path = dir.join("lock");
    let open = || std::fs::OpenOptions::new().create(true).write(true).truncate(false).open(&path);
    let file = open().with_context(|| format!("cannot open {}", path.display()))?;
    let since = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if since.elapsed() < GONE_WITHIN => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(errno) => return Err(errno).with_context(|| format!("another agent uses {}", dir.display())),
        }
    }
}

fn watch_names(lanes: Arc<Lanes>) -> anyhow::Result<()> {
    let watch = Watch::start().context("cannot watch /etc and /home")?;
    let run = move || {
        if let Err(error) = watch.run(|| lanes.inventory()) {
            // Each audit looks as well.
            tracing::warn!(%error, "changes of names are only noticed by audits from now on");
        }
    };
    std::thread::Builder::new().name("names".to_owned()).spawn(run).context("cannot start a thread")?;
    Ok(())
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the agent's clock comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The converging thread.
struct Agent {
    reconciler: Reconciler,
    host: Arc<dyn Host>,
    ledger: Arc<Mutex<Ledger>>,
    lanes: Arc<Lanes>,
    outbox: Arc<Outbox>,
    audit_every: Duration,
}

/// What the audit under way answers, and when the next one begins.
struct Audits {
    answers: Option<u64>,
    next: Instant,
}

impl Agent {
    fn work(mut self) {
        let mut audits = Audits { answers: None, next: Instant::now() };
        let mut retry_at = None;
        loop {
            let until = [Some(audits.next), retry_at].into_iter().flatten().min();
            let work = self.lanes.next(until);
            if work.stop {
                return;
            }
            let now = Instant::now();
            if audits.next <= now {
                audits.next = now + self.audit_every;
                self.lanes.audit();
            }
            retry_at = self.step(work, &mut audits, now);
        }
    }

    fn step(&mut self, mut work: Work, audits: &mut Audits, now: Instant) -> Option<Instant> {
        if work.audit == Audit::Begins {
            let wanted = self.outbox.audit_wanted();
            if audits.answers.is_none_or(|answered| answered < wanted) && wanted > 0 {
                // Somebody asked, perhaps after mending something: nothing waits for its back-off.
                self.reconciler.forget_failures();
            }
            audits.answers = Some(wanted);
            let accounts = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).specs().into_keys();
            self.lanes.begin_audit(accounts);
        }
        work.accounts.extend(self.reconciler.due(now));
        let ends_audit = work.audit == Audit::Ends;
        let worth_it = !work.accounts.is_empty() || ends_audit;
        if worth_it {
            let outcome = self.reconciler.pass(&work.accounts, ends_audit, now);
            if !outcome.reports.is_empty() {
                self.outbox.accounts(outcome.reports);
            }
            self.outbox.node_problems(outcome.node_problems);
        }
        for order in &work.quarantines {
            self.quarantine(order);
        }
        if work.inventory || ends_audit || !work.quarantines.is_empty() {
            self.take_inventory();
        }
        if ends_audit && let Some(answered) = audits.answers {
            self.outbox.audited(answered);
        }
        self.reconciler.retry_at()
    }

    fn quarantine(&self, order: &berth_core::link::Quarantine) {
        let ledger = || self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ledger().quarantine(order.id).cloned();
        let report = known.unwrap_or_else(|| QuarantineReport {
            id: order.id,
            outcome: if ledger().usernames().contains(order.username.as_str()) {
                Err(quarantine::in_use(order))
            } else {
                quarantine::carry_out(self.host.as_ref(), order)
            },
        });
        match &report.outcome {
            Ok(path) => tracing::info!(username = %order.username, path, "a left-over home is in quarantine"),
            Err(problem) => tracing::warn!(username = %order.username, %problem, "cannot move a home aside"),
        }
        if let Err(error) = ledger().record_quarantine(report.clone()) {
            tracing::warn!(%error, "cannot note the result of a quarantine; it is carried out again if asked for");
        }
        self.outbox.quarantine(report);
    }

    fn take_inventory(&self) {
        let ours = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).usernames();
        match inventory::take(self.host.as_ref(), &ours) {
            Ok(inventory) => self.outbox.inventory(inventory),
            Err(error) => tracing::warn!(%error, "cannot see which names and homes are taken"),
        }
    }
}
