//! The running agent: one thread that converges, tasks that talk to the server, one thread that watches names.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use berth_core::layout;
use chrono::{DateTime, Utc};
use rustix::fs::FlockOperation;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use crate::host::Host;
use crate::host::linux::LinuxHost;
use crate::host::linux::systemd::SystemdBus;
use crate::host::linux::watch::Watch;
use crate::host::tree::TreeHost;
use crate::ledger::Ledger;
use crate::link::{Client, Link, Outbox};
use crate::php::{Activator, ActivatorSettings};
use crate::reconcile::{Clock, Jitter, Lanes, Reconciler};
use crate::resource::directories::Directories;
use crate::resource::egress::Egress;
use crate::resource::home::Home;
use crate::resource::php::Php;
use crate::resource::quota::{Quota, Volumes, volumes};
use crate::resource::sftp;
use crate::resource::site::Site;
use crate::resource::slice::Slice;
use crate::resource::timers::Timers;
use crate::resource::web_users::WebUsers;
use crate::timers::Scheduler;
use crate::{AgentConfig, Worker};

/// Tenants' PHP that may run before anybody has asked for it; each takes about 10 MiB until it is idle too long.
const WARM: usize = 8;

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
    outbox.drift(ledger.lock().unwrap_or_else(PoisonError::into_inner).drift().to_vec());
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
        host: Arc::clone(&host),
    };
    let tasks = [tokio::spawn(link.clone().pull()), tokio::spawn(link.report())];
    if config.render.is_none() {
        watch_names(Arc::clone(&lanes))?;
        watch_volumes(Arc::clone(&host))?;
    }
    let reconciler = Reconciler::new(
        Arc::clone(&host),
        Arc::clone(&ledger),
        Arc::new(SystemClock),
        jitter,
        config.extra_groups.clone(),
    );
    // What only shows what would be done starts nothing by itself.
    let warm = if config.render.is_some() { 0 } else { WARM };
    let settings = ActivatorSettings { warm, ..ActivatorSettings::default() };
    let activator = Activator::start(Arc::clone(&host), settings);
    let scheduler = Scheduler::new(Arc::clone(&host), Arc::new(SystemClock), Arc::clone(&outbox));
    if config.render.is_none() {
        scheduler.start();
    }
    let slices = Slice::default();
    let reconciler = resources(reconciler, activator, scheduler, slices.clone());
    let limiting = tokio::spawn(limit_slices(slices, Arc::clone(&host), Arc::clone(&ledger)));
    let worker = Worker::new(reconciler, host, ledger, Arc::clone(&lanes), outbox);
    let audit_every = config.audit_every;
    let worker = tokio::task::spawn_blocking(move || worker.work(audit_every));

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
    limiting.abort();
    for task in tasks {
        task.abort();
    }
    lanes.stop();
    worker.await.context("the reconciler failed")
}

/// What a host's accounts consist of, in the order in which it converges.
pub fn resources(
    reconciler: Reconciler,
    activator: Activator,
    scheduler: Scheduler,
    slices: Slice,
) -> Reconciler {
    reconciler
        .with_shared(Directories)
        .with_shared(sftp::SshServer)
        .with(Home)
        .with(Quota::default())
        .with_shared(Volumes)
        .with(slices)
        .with(sftp::Keys)
        .with(Php::new(activator.clone()))
        .with(WebUsers::new(activator))
        .with_shared(Egress::default())
        .with_shared(Site::default())
        .with(Timers::new(scheduler))
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

/// Time between two looks for volumes that tenants have made.
const VOLUMES_EVERY: Duration = Duration::from_secs(1);

/// The same after a look has failed.
const VOLUMES_AFTER_FAILURE: Duration = Duration::from_mins(1);

/// A volume that a tenant makes may count in nobody's quota until it is seen. There is nothing that tells of
/// new ones, but one question to the kernel per look, answered from memory.
fn watch_volumes(host: Arc<dyn Host>) -> anyhow::Result<()> {
    let run = move || {
        let mut newest = 0;
        loop {
            std::thread::sleep(match volumes::adopt(host.as_ref(), newest) {
                Ok(seen) => {
                    newest = seen;
                    VOLUMES_EVERY
                }
                Err(error) => {
                    // Each audit looks as well.
                    tracing::warn!(%error, "new volumes in homes are only noticed by audits for a while");
                    VOLUMES_AFTER_FAILURE
                }
            });
        }
    };
    std::thread::Builder::new().name("volumes".to_owned()).spawn(run).context("cannot start a thread")?;
    Ok(())
}

/// Gives slices their limits as soon as they are active: a session was opened, or PHP was started.
async fn limit_slices(slices: Slice, host: Arc<dyn Host>, ledger: Arc<Mutex<Ledger>>) {
    let mut started = host.systemd().started_slices();
    loop {
        let slice = match started.recv().await {
            Ok(slice) => slice,
            // The next audit finds what was missed.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let Some(uid) = layout::slice_owner(&slice) else { continue };
        let Some(spec) = ledger.lock().unwrap_or_else(PoisonError::into_inner).spec_of(uid) else { continue };
        let (slices, host) = (slices.clone(), Arc::clone(&host));
        let enforced = tokio::task::spawn_blocking(move || {
            if let Err(failure) = slices.enforce(host.as_ref(), &spec) {
                tracing::warn!(slice, problem = %failure.problem(), "a slice does not have its limits yet");
            }
        });
        if let Err(error) = enforced.await {
            tracing::error!(%error, "limiting a slice failed");
        }
    }
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the agent's clock comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
