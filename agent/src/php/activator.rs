//! Starts a tenant's PHP with the first request, stops it when it is idle, and keeps its listener alive.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use berth_core::account::Uid;
use berth_core::layout;
use berth_core::name::Username;
use berth_core::web_user::WebUserLogin;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, broadcast};
use tokio::time::Instant;

use super::listener::{self, Health};
use super::{pool, program};
use crate::host::systemd::PhpUnit;
use crate::host::{Host, Kind, Owner, Result, watch};
use crate::resource::Failure;

/// Permissions of a socket: nginx's group may connect.
const SOCKET_MODE: u32 = 0o660;

/// How the activator behaves.
#[derive(Debug, Clone, Copy)]
pub struct ActivatorSettings {
    /// PHP that has served nobody for so long is stopped.
    pub idle_after: Duration,
    /// Time between two looks at running units.
    pub look_every: Duration,
    /// A unit that ends sooner and leaves requests waiting has failed.
    pub soon: Duration,
    /// Wait after the first failure; doubles with each further one.
    pub back_off: Duration,
    /// Longest wait after a failure.
    pub back_off_max: Duration,
    /// Units that are started at the same time.
    pub starts: usize,
    /// Units that may run although nobody has asked for them yet; none switches starting them off.
    pub warm: usize,
}

impl Default for ActivatorSettings {
    fn default() -> Self {
        Self {
            idle_after: Duration::from_mins(1),
            look_every: Duration::from_secs(5),
            soon: Duration::from_secs(2),
            back_off: Duration::from_secs(1),
            back_off_max: Duration::from_mins(1),
            starts: 8,
            warm: 0,
        }
    }
}

/// Whose PHP it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Number of the account.
    pub uid: Uid,
    /// Name of its Unix user.
    user: String,
    /// Where it may write.
    home: String,
    /// The account in whose slice it runs.
    slice: Uid,
}

impl Tenant {
    /// An account.
    pub fn account(uid: Uid, user: &Username) -> Self {
        Self { uid, user: user.to_string(), home: layout::home(user), slice: uid }
    }

    /// A web user, whose PHP counts in the limits of the account.
    pub fn web_user(uid: Uid, login: &WebUserLogin, account: Uid) -> Self {
        Self { uid, user: login.to_string(), home: layout::web_user_home(account, uid), slice: account }
    }
}

/// How a tenant's PHP is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolState {
    /// It waits for a request.
    Idle,
    /// It runs.
    Running,
    /// It does not start, or does not stay; it is tried again.
    Failing(String),
}

/// Holds every tenant's listener. A clone is the same activator.
#[derive(Clone)]
pub struct Activator(Arc<Inner>);

struct Inner {
    host: Arc<dyn Host>,
    settings: ActivatorSettings,
    runtime: Handle,
    starts: Semaphore,
    pools: Mutex<HashMap<Uid, Arc<Pool>>>,
    /// Listeners of an earlier agent whose accounts have not come yet.
    inherited: Mutex<HashMap<u32, Arc<OwnedFd>>>,
    /// When an account came that had no PHP before.
    newest: Mutex<Option<Instant>>,
}

/// A listener and the identity of its socket's file.
type Bound = (Arc<OwnedFd>, Option<(u64, u64)>);

struct Pool {
    tenant: Tenant,
    unit: String,
    slice: String,
    socket: String,
    held: Mutex<Held>,
    /// Held while the listener is replaced, so that only one does it.
    renewal: Mutex<()>,
    /// Tells the pool's task that something is different now.
    changed: Notify,
}

struct Held {
    listener: Arc<OwnedFd>,
    /// Identity of the socket's file.
    file: Option<(u64, u64)>,
    owner: Owner,
    phase: Phase,
    failures: u32,
    problem: Option<String>,
    retry_at: Option<Instant>,
    /// It was started before anybody asked, and nobody has been seen asking since.
    unasked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Starting,
    Running {
        since: Instant,
        idle_since: Option<Instant>,
        /// At the last look, somebody waited and PHP had no process for it.
        deaf: bool,
        stopping: bool,
    },
    Closed,
}

impl Activator {
    /// Takes over the listeners of an earlier agent and begins to look after units. To be called inside a
    /// Tokio runtime.
    pub fn start(host: Arc<dyn Host>, settings: ActivatorSettings) -> Self {
        let inherited = adopt(host.systemd().stored_listeners());
        let forgotten = host.systemd().forgotten_units();
        let inner = Arc::new(Inner {
            host,
            settings,
            runtime: Handle::current(),
            starts: Semaphore::new(settings.starts),
            pools: Mutex::default(),
            inherited: Mutex::new(inherited),
            newest: Mutex::default(),
        });
        tokio::spawn(look_after(Arc::downgrade(&inner)));
        tokio::spawn(listen_for_ends(Arc::downgrade(&inner), forgotten));
        Self(inner)
    }

    /// Sees to it that the tenant's socket is there and leads to a listener that works.
    ///
    /// # Errors
    /// The socket can't be looked at or made.
    pub fn ensure(&self, tenant: &Tenant, web_gid: u32) -> Result<PoolState> {
        let inner = &self.0;
        let owner = Owner::root_with(web_gid);
        let known = inner.pools().get(&tenant.uid).cloned();
        let pool = match known {
            Some(pool) if pool.tenant == *tenant => pool,
            Some(renamed) => {
                inner.close(&renamed)?;
                inner.open(tenant, owner)?
            }
            None => inner.open(tenant, owner)?,
        };
        let listener = Arc::clone(&pool.held().listener);
        if !inner.is_sound(&pool, &listener, owner)? {
            inner.renew(&pool, &listener, owner)?;
        }
        inner.reexamine(&pool);
        Ok(pool.state())
    }

    /// Has a running unit end gracefully, so that the next request finds one with the newest configuration.
    pub fn restart(&self, uid: Uid) {
        let pool = self.0.pools().get(&uid).cloned();
        if let Some(pool) = pool {
            self.0.stop_gracefully(&pool);
        }
    }

    /// Ends a tenant's PHP at once and for good: processes, listener with all its copies, socket.
    ///
    /// # Errors
    /// Something is left; calling again continues.
    pub fn dispose(&self, uid: Uid) -> Result<()> {
        let inner = &self.0;
        let known = inner.pools().get(&uid).cloned();
        if let Some(pool) = known {
            inner.close(&pool)?;
        }
        if let Some(left) = lock(&inner.inherited).remove(&uid.get()) {
            listener::end(&left);
        }
        inner.host.systemd().kill_unit(&layout::php_unit(uid))?;
        inner.host.remove_file(&layout::php_socket(uid))?;
        Ok(())
    }

    /// The accounts whose listeners are held.
    #[cfg(test)]
    fn tenants(&self) -> Vec<Uid> {
        self.0.pools().keys().copied().collect()
    }
}

/// Sorts inherited listeners by tenant. Of two of the same tenant nobody can tell which one the socket leads
/// to, so both end, and the account gets a new one.
fn adopt(inherited: Vec<Arc<OwnedFd>>) -> HashMap<u32, Arc<OwnedFd>> {
    let mut sorted: HashMap<u32, Vec<Arc<OwnedFd>>> = HashMap::new();
    for descriptor in inherited {
        // What is not a listener of ours is closed, and stays whose it is.
        if let Some(uid) = listener::owner(&descriptor) {
            sorted.entry(uid).or_default().push(descriptor);
        }
    }
    let mut single = HashMap::new();
    for (uid, mut listeners) in sorted {
        listeners.retain(|held| listener::health(held) != Health::Dead);
        match (listeners.pop(), listeners.is_empty()) {
            (Some(only), true) => drop(single.insert(uid, only)),
            (last, _) => last.iter().chain(&listeners).for_each(|left| listener::end(left)),
        }
    }
    single
}

impl Inner {
    fn pools(&self) -> MutexGuard<'_, HashMap<Uid, Arc<Pool>>> {
        lock(&self.pools)
    }

    /// Begins to hold a tenant's listener: the inherited one if there is one, else a new one.
    fn open(self: &Arc<Self>, tenant: &Tenant, owner: Owner) -> Result<Arc<Pool>> {
        let socket = layout::php_socket(tenant.uid);
        let inherited = lock(&self.inherited).remove(&tenant.uid.get());
        let (listener, file, new) = match (inherited, self.host.entry(&socket)?) {
            (Some(inherited), Some(entry)) if entry.kind == Kind::Socket => {
                (inherited, Some(entry.identity), false)
            }
            (inherited, _) => {
                if let Some(left) = &inherited {
                    listener::end(left);
                }
                let (listener, file) = self.bind(&socket, owner)?;
                (listener, file, true)
            }
        };
        let pool = Arc::new(Pool {
            unit: layout::php_unit(tenant.uid),
            slice: layout::slice(tenant.slice),
            socket,
            tenant: tenant.clone(),
            held: Mutex::new(Held {
                listener,
                file,
                owner,
                phase: Phase::Idle,
                failures: 0,
                problem: None,
                retry_at: None,
                unasked: false,
            }),
            renewal: Mutex::default(),
            changed: Notify::new(),
        });
        // A unit that an earlier agent has started goes on.
        self.look_for_unit(&pool);
        self.pools().insert(tenant.uid, Arc::clone(&pool));
        self.runtime.spawn(tend(Arc::downgrade(self), Arc::clone(&pool)));
        if new {
            // If one runs, it accepts on a listener that is lost; nobody serves the new one until it is gone.
            self.stop_gracefully(&pool);
        }
        Ok(pool)
    }

    fn bind(&self, socket: &str, owner: Owner) -> Result<Bound> {
        let listener = Arc::new(self.host.bind_socket(socket, owner, SOCKET_MODE)?);
        self.host.systemd().store_listener(&listener)?;
        Ok((listener, self.host.entry(socket)?.map(|entry| entry.identity)))
    }

    /// Whether the socket is the one that leads to the listener, with the right owner, and works.
    fn is_sound(&self, pool: &Pool, listener: &OwnedFd, owner: Owner) -> Result<bool> {
        let entry = self.host.entry(&pool.socket)?;
        let held = pool.held();
        let there = entry.is_some_and(|entry| {
            entry.kind == Kind::Socket
                && Some(entry.identity) == held.file
                && entry.attributes.owner == owner
                && entry.attributes.mode == SOCKET_MODE
        });
        Ok(there && listener::health(listener) != Health::Dead)
    }

    /// Replaces a listener that can't be trusted any more, with everything that holds it. Says whether it did:
    /// another one may have been at it since `seen`.
    fn renew(&self, pool: &Pool, seen: &Arc<OwnedFd>, owner: Owner) -> Result<bool> {
        let _alone = lock(&pool.renewal);
        let phase = {
            let held = pool.held();
            if !Arc::ptr_eq(&held.listener, seen) || held.phase == Phase::Closed {
                return Ok(false);
            }
            held.phase
        };
        // The old one ends first. Were it the other way round, an agent that is killed in between could leave
        // the old one in the store, alive, while the socket leads to one that nobody has.
        listener::end(seen);
        if matches!(phase, Phase::Running { .. }) {
            self.host.systemd().kill_unit(&pool.unit)?;
        }
        let (listener, file) = self.bind(&pool.socket, owner)?;
        let mut held = pool.held();
        held.listener = listener;
        held.file = file;
        held.owner = owner;
        drop(held);
        pool.changed.notify_one();
        Ok(true)
    }

    /// Replaces a listener that was shut down. Only a process of the tenant's can have done it.
    fn heal(&self, pool: &Pool, seen: &Arc<OwnedFd>, owner: Owner) {
        match self.renew(pool, seen, owner) {
            Ok(true) => {
                tracing::warn!(uid = %pool.tenant.uid, "the listener was shut down by the tenant; it was replaced");
                let problem = "its listener was shut down by one of the account's processes".to_owned();
                pool.held().fail(problem, &self.settings);
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(uid = %pool.tenant.uid, %error, "the listener could not be replaced");
                pool.held().fail(error.to_string(), &self.settings);
            }
        }
    }

    /// Stops holding a listener.
    fn close(&self, pool: &Pool) -> Result<()> {
        let _alone = lock(&pool.renewal);
        let listener = {
            let mut held = pool.held();
            held.phase = Phase::Closed;
            Arc::clone(&held.listener)
        };
        listener::end(&listener);
        pool.changed.notify_one();
        self.pools().remove(&pool.tenant.uid);
        self.host.systemd().kill_unit(&pool.unit)
    }

    /// Processes of the pool's unit; none if there is no unit. The control group answers, not systemd: it
    /// costs a millionth of a second and is never behind.
    fn processes(&self, pool: &Pool) -> usize {
        let group = format!("/sys/fs/cgroup/user.slice/{}/{}/cgroup.procs", pool.slice, pool.unit);
        match self.host.read(&group) {
            Ok(listed) => listed
                .map_or(0, |text| text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()),
            Err(error) => {
                // A group that goes away while it is read answers with an error.
                tracing::debug!(%error, "no processes are seen");
                0
            }
        }
    }

    /// Notes a unit that runs without our having started it.
    fn look_for_unit(&self, pool: &Pool) {
        // First the phase, then the look: if the unit ends in between, its end is noticed.
        let now = Instant::now();
        pool.held().phase = Phase::Running { since: now, idle_since: None, deaf: false, stopping: false };
        if self.processes(pool) == 0 {
            pool.held().phase = Phase::Idle;
        }
    }

    /// Notes the end of a unit, if it has ended.
    fn reexamine(&self, pool: &Pool) {
        if !matches!(pool.held().phase, Phase::Running { .. }) || self.processes(pool) > 0 {
            return;
        }
        let mut held = pool.held();
        let Phase::Running { since, stopping, .. } = held.phase else { return };
        held.phase = Phase::Idle;
        // An operator who stops it once it has served its request is no failure.
        let unserved = listener::health(&held.listener) != Health::Quiet;
        if !stopping && unserved && since.elapsed() < self.settings.soon {
            held.fail("it ended right after its start".to_owned(), &self.settings);
        } else {
            held.succeed();
        }
        drop(held);
        pool.changed.notify_one();
    }

    /// Looks at a unit that should be running: whether it is, whether its listener works, whether it is idle.
    fn look(self: &Arc<Self>, pool: &Arc<Pool>) {
        self.reexamine(pool);
        let (listener, owner) = {
            let held = pool.held();
            if !matches!(held.phase, Phase::Running { .. }) {
                return;
            }
            (Arc::clone(&held.listener), held.owner)
        };
        let health = listener::health(&listener);
        if health == Health::Dead {
            self.heal(pool, &listener, owner);
            return;
        }
        // PHP's master forks for a request and lets the child go some seconds after its last one.
        let alone = self.processes(pool) == 1;
        let mut held = pool.held();
        let lasted = held.lasted(self.settings.soon);
        held.unasked &= alone && health == Health::Quiet;
        let Phase::Running { idle_since, deaf, .. } = &mut held.phase else { return };
        let was_deaf = std::mem::replace(deaf, alone && health == Health::Waiting);
        let still_deaf = was_deaf && *deaf;
        *idle_since = if alone && health == Health::Quiet {
            Some(idle_since.unwrap_or_else(Instant::now))
        } else {
            None
        };
        let idle = idle_since.is_some_and(|since| since.elapsed() >= self.settings.idle_after);
        if lasted && !still_deaf {
            held.succeed();
        }
        drop(held);
        if still_deaf {
            // It accepts elsewhere: an earlier agent gave it a listener that has been lost since.
            tracing::warn!(uid = %pool.tenant.uid, "PHP does not listen to its socket; it is started anew");
        }
        if idle || still_deaf {
            self.stop_gracefully(pool);
        }
    }

    fn stop_gracefully(self: &Arc<Self>, pool: &Arc<Pool>) {
        match &mut pool.held().phase {
            Phase::Running { stopping, .. } if !*stopping => *stopping = true,
            _ => return,
        }
        let (inner, pool) = (Arc::clone(self), Arc::clone(pool));
        self.runtime.spawn_blocking(move || {
            if let Err(error) = inner.host.systemd().stop_unit(&pool.unit) {
                tracing::warn!(uid = %pool.tenant.uid, %error, "PHP could not be stopped");
            }
            inner.reexamine(&pool);
            // Still there: the next look tries again.
            if let Phase::Running { stopping, .. } = &mut pool.held().phase {
                *stopping = false;
            }
        });
    }

    /// Starts the unit. It accepts on the same listener.
    fn launch(&self, pool: &Pool) -> std::result::Result<(), Failure> {
        let listener = Arc::clone(&pool.held().listener);
        let program = program::find(self.host.as_ref())?;
        let config = layout::php_config(pool.tenant.uid);
        let unit = PhpUnit {
            name: &pool.unit,
            slice: &pool.slice,
            user: pool.tenant.user.as_str(),
            home: &pool.tenant.home,
            program: &program,
            config: &config,
            settings: pool::START_SETTINGS,
            socket: &pool.socket,
            listener: listener.as_fd(),
        };
        match self.host.systemd().start_transient_php(&unit) {
            Ok(()) => {
                let mut held = pool.held();
                if held.phase == Phase::Starting {
                    held.phase = Phase::Running {
                        since: Instant::now(),
                        idle_since: None,
                        deaf: false,
                        stopping: false,
                    };
                }
                drop(held);
                self.reexamine(pool);
                Ok(())
            }
            Err(error) if error.source.kind() == ErrorKind::AlreadyExists => {
                // One runs that we did not know, or one is just ending.
                self.look_for_unit(pool);
                let mut held = pool.held();
                if held.phase == Phase::Idle {
                    held.retry_at = Some(Instant::now() + Duration::from_millis(20));
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Starts the unit for the requests that wait.
    async fn serve(self: &Arc<Self>, pool: &Arc<Pool>) {
        let Ok(permit) = self.starts.acquire().await else { return };
        pool.held().unasked = false;
        self.start(pool, permit).await;
    }

    async fn start(self: &Arc<Self>, pool: &Arc<Pool>, _permit: SemaphorePermit<'_>) {
        {
            let mut held = pool.held();
            if held.phase != Phase::Idle {
                return;
            }
            held.phase = Phase::Starting;
        }
        let (inner, started) = (Arc::clone(self), Arc::clone(pool));
        let launched = self.runtime.spawn_blocking(move || inner.launch(&started)).await;
        let problem = match launched {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.problem().detail.clone()),
            Err(error) => Some(error.to_string()),
        };
        let mut held = pool.held();
        if let Some(problem) = problem {
            tracing::warn!(uid = %pool.tenant.uid, problem, "PHP did not start");
            held.fail(problem, &self.settings);
        }
        if held.phase == Phase::Starting {
            held.phase = Phase::Idle;
        }
        // Closed meanwhile: what has just been started has to go again.
        let closed = held.phase == Phase::Closed;
        drop(held);
        if closed {
            let (inner, pool) = (Arc::clone(self), Arc::clone(pool));
            self.runtime.spawn_blocking(move || {
                if let Err(error) = inner.host.systemd().kill_unit(&pool.unit) {
                    tracing::error!(uid = %pool.tenant.uid, %error, "a unit is left");
                }
            });
        }
    }
}

impl Pool {
    fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    fn state(&self) -> PoolState {
        let held = self.held();
        match (&held.problem, held.phase) {
            (Some(problem), _) => PoolState::Failing(problem.clone()),
            (None, Phase::Running { .. }) => PoolState::Running,
            (None, Phase::Idle | Phase::Starting | Phase::Closed) => PoolState::Idle,
        }
    }

    /// Waits until a connection does, or something is different.
    async fn wait(&self) {
        let listener = Arc::clone(&self.held().listener);
        // Made anew for each wait: making it looks whether somebody waits already.
        match watch::readable(listener) {
            Ok(watched) => tokio::select! {
                _ = watched.readable() => {}
                () = self.changed.notified() => {}
            },
            Err(error) => {
                tracing::error!(uid = %self.tenant.uid, %error, "a listener can't be waited for");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

impl Held {
    fn fail(&mut self, problem: String, settings: &ActivatorSettings) {
        let doubled = settings.back_off.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.problem = Some(problem);
        self.retry_at = Some(Instant::now() + doubled.min(settings.back_off_max));
    }

    fn succeed(&mut self) {
        self.failures = 0;
        self.problem = None;
        self.retry_at = None;
    }

    fn lasted(&self, soon: Duration) -> bool {
        matches!(self.phase, Phase::Running { since, .. } if since.elapsed() >= soon)
    }
}

/// A pool's task: waits for a request, has PHP started, waits for PHP's end.
async fn tend(inner: Weak<Inner>, pool: Arc<Pool>) {
    loop {
        let (phase, retry_at) = {
            let held = pool.held();
            (held.phase, held.retry_at)
        };
        match (phase, retry_at) {
            (Phase::Closed, _) => return,
            (Phase::Running { .. } | Phase::Starting, _) => pool.changed.notified().await,
            (Phase::Idle, Some(at)) if at > Instant::now() => {
                tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = pool.changed.notified() => {}
                }
            }
            (Phase::Idle, _) => {
                pool.wait().await;
                let Some(inner) = inner.upgrade() else { return };
                let (listener, owner) = {
                    let held = pool.held();
                    (Arc::clone(&held.listener), held.owner)
                };
                match listener::health(&listener) {
                    Health::Quiet => {}
                    Health::Waiting => inner.serve(&pool).await,
                    Health::Dead => {
                        let (healer, sick) = (Arc::clone(&inner), Arc::clone(&pool));
                        let heal = move || healer.heal(&sick, &listener, owner);
                        if let Err(error) = inner.runtime.spawn_blocking(heal).await {
                            tracing::error!(%error, "replacing a listener failed");
                        }
                    }
                }
            }
        }
    }
}

/// Looks at running units again and again.
async fn look_after(inner: Weak<Inner>) {
    loop {
        let Some(alive) = inner.upgrade() else { return };
        let every = alive.settings.look_every;
        let looked = tokio::task::spawn_blocking(move || {
            let pools: Vec<_> = alive.pools().values().cloned().collect();
            for pool in pools {
                alive.look(&pool);
            }
        });
        if let Err(error) = looked.await {
            tracing::error!(%error, "looking at PHP units failed");
        }
        tokio::time::sleep(every).await;
    }
}

/// Notices the ends of units as soon as systemd tells them.
async fn listen_for_ends(inner: Weak<Inner>, mut forgotten: broadcast::Receiver<String>) {
    loop {
        let unit = match forgotten.recv().await {
            Ok(unit) => unit,
            // The next look finds what was missed.
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(uid) = uid_of(&unit) else { continue };
        let Some(inner) = inner.upgrade() else { return };
        let pool = inner.pools().get(&uid).cloned();
        if let Some(pool) = pool {
            inner.runtime.clone().spawn_blocking(move || inner.reexamine(&pool));
        }
    }
}

fn uid_of(unit: &str) -> Option<Uid> {
    let number: u32 = unit.strip_prefix("berth-fpm-")?.strip_suffix(".service")?.parse().ok()?;
    Uid::try_from(number).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

mod warm;

#[cfg(test)]
mod tests;
