//! The activator with real sockets and a service manager that runs threads in the place of PHP.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use berth_core::Parse;

use super::*;
use crate::host::linux::LinuxHost;
use crate::host::systemd::SliceLimits;
use crate::host::{HostError, Systemd};

const NUMBER: u32 = 1_900_000_001;

/// What outlives an agent: the host's files, systemd with its units and its store.
struct Machine {
    root: PathBuf,
    units: Mutex<HashMap<String, Unit>>,
    store: Mutex<Vec<OwnedFd>>,
    starts: AtomicUsize,
    refuses: AtomicBool,
    crashes: AtomicBool,
    forgotten: broadcast::Sender<String>,
    _dir: tempfile::TempDir,
}

/// A thread that answers as PHP would.
struct Unit {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

#[derive(Clone)]
struct Manager(Arc<Machine>);

impl Machine {
    fn new() -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for part in ["run/berth/fpm", "usr/sbin", "etc/berth/php"] {
            std::fs::create_dir_all(root.join(part)).unwrap();
        }
        std::fs::File::create(root.join("usr/sbin/php-fpm8.4")).unwrap();
        Arc::new(Self {
            root,
            units: Mutex::default(),
            store: Mutex::default(),
            starts: AtomicUsize::new(0),
            refuses: AtomicBool::new(false),
            crashes: AtomicBool::new(false),
            forgotten: broadcast::Sender::new(64),
            _dir: dir,
        })
    }

    /// An agent that stops nothing by itself.
    fn agent(self: &Arc<Self>) -> Activator {
        self.agent_with(Duration::from_mins(5))
    }

    fn agent_with(self: &Arc<Self>, idle_after: Duration) -> Activator {
        let settings = ActivatorSettings {
            idle_after,
            look_every: Duration::from_millis(40),
            soon: Duration::from_millis(50),
            back_off: Duration::from_millis(100),
            back_off_max: Duration::from_millis(400),
            starts: 2,
            warm: 1,
        };
        let systemd = Manager(Arc::clone(self));
        Activator::start(Arc::new(LinuxHost::below(self.root.clone(), Box::new(systemd))), settings)
    }

    fn group(&self, unit: &str) -> PathBuf {
        self.root.join(format!("sys/fs/cgroup/user.slice/user-{NUMBER}.slice/{unit}"))
    }

    fn socket(&self) -> PathBuf {
        self.root.join(format!("run/berth/fpm/{NUMBER}.sock"))
    }

    /// Asks as nginx would; the answer is who answered.
    fn ask(&self) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn starts(&self) -> usize {
        self.starts.load(Ordering::SeqCst)
    }

    fn runs(&self) -> bool {
        !lock(&self.units).is_empty()
    }

    fn end(&self, unit: &str) {
        let mut units = lock(&self.units);
        if let Some(ending) = units.get(unit) {
            ending.ends.store(true, Ordering::SeqCst);
            while !ending.thread.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
            units.remove(unit);
            std::fs::remove_dir_all(self.group(unit)).unwrap();
            drop(units);
            let _ = self.forgotten.send(unit.to_owned());
        }
    }

    /// Somebody of the tenant's shuts the listener down.
    fn poison(&self) {
        let store = lock(&self.store);
        rustix::net::shutdown(store.last().unwrap(), rustix::net::Shutdown::Both).unwrap();
    }
}

fn serve(listener: &UnixListener, ends: &AtomicBool, name: &str) {
    let interest = rustix::event::PollFlags::IN;
    let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    while !ends.load(Ordering::SeqCst) {
        let mut polled = [rustix::event::PollFd::new(listener, interest)];
        if rustix::event::poll(&mut polled, Some(&wait)).unwrap_or(0) > 0 {
            if let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.write_all(name.as_bytes());
            } else {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Systemd for Manager {
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()> {
        let machine = &self.0;
        let number = machine.starts.fetch_add(1, Ordering::SeqCst) + 1;
        if machine.refuses.load(Ordering::SeqCst) {
            return Err(HostError::because("start", unit.name, "the job ended with `failed`"));
        }
        let mut units = lock(&machine.units);
        if units.contains_key(unit.name) {
            let source = std::io::Error::from(ErrorKind::AlreadyExists);
            return Err(HostError::new("start", unit.name, source));
        }
        if machine.crashes.load(Ordering::SeqCst) {
            let _ = machine.forgotten.send(unit.name.to_owned());
            return Ok(());
        }
        std::fs::create_dir_all(machine.group(unit.name)).unwrap();
        std::fs::File::create(machine.group(unit.name).join("cgroup.procs"))
            .unwrap()
            .write_all(b"7\n")
            .unwrap();
        let listener = UnixListener::from(unit.listener.try_clone_to_owned().unwrap());
        let ends = Arc::new(AtomicBool::new(false));
        let (stop, name) = (Arc::clone(&ends), format!("{} {number}", unit.user));
        let thread = std::thread::spawn(move || serve(&listener, &stop, &name));
        units.insert(unit.name.to_owned(), Unit { ends, thread });
        Ok(())
    }

    fn start_transient_timer(&self, _unit: &crate::host::systemd::TimerUnit<'_>) -> Result<()> {
        Ok(())
    }
    fn stop_unit(&self, unit: &str) -> Result<()> {
        self.0.end(unit);
        Ok(())
    }

    fn kill_unit(&self, unit: &str) -> Result<()> {
        self.0.end(unit);
        Ok(())
    }

    fn store_listener(&self, listener: &Arc<OwnedFd>) -> Result<()> {
        lock(&self.0.store).push(listener.try_clone().unwrap());
        Ok(())
    }

    fn stored_listeners(&self) -> Vec<Arc<OwnedFd>> {
        let mut store = lock(&self.0.store);
        // As systemd does on a hang-up.
        store.retain(|held| listener::health(held) != Health::Dead);
        store.iter().map(|held| Arc::new(held.try_clone().unwrap())).collect()
    }

    fn forgotten_units(&self) -> broadcast::Receiver<String> {
        self.0.forgotten.subscribe()
    }

    fn unit_state(&self, _unit: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn reload_unit(&self, _unit: &str) -> Result<()> {
        Ok(())
    }

    fn restart_unit(&self, _unit: &str) -> Result<()> {
        Ok(())
    }

    fn daemon_reload(&self) -> Result<()> {
        Ok(())
    }

    fn set_linger(&self, _uid: u32, _on: bool) -> Result<()> {
        Ok(())
    }

    fn end_sessions(&self, _uid: u32, _service: &str) -> Result<usize> {
        Ok(0)
    }

    fn kill_slice(&self, _slice: &str) -> Result<()> {
        Ok(())
    }

    fn forget_failure(&self, _unit: &str) -> Result<()> {
        Ok(())
    }

    fn set_slice(&self, _slice: &str, _limits: &SliceLimits) -> Result<()> {
        Ok(())
    }

    fn started_slices(&self) -> broadcast::Receiver<String> {
        self.0.forgotten.subscribe()
    }
}

fn tenant() -> Tenant {
    Tenant::account(Uid::try_from(NUMBER).unwrap(), &Username::parse("alice").unwrap())
}

/// Ensures as a pass does, on a thread that may block.
async fn ensure(activator: &Activator) -> PoolState {
    let activator = activator.clone();
    let gid = rustix::process::getegid().as_raw();
    tokio::task::spawn_blocking(move || activator.ensure(&tenant(), gid).unwrap()).await.unwrap()
}

async fn ask(machine: &Arc<Machine>) -> std::io::Result<String> {
    let machine = Arc::clone(machine);
    tokio::task::spawn_blocking(move || machine.ask()).await.unwrap()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

/// Sockets need an owner that only root can give.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_starts_php_and_idleness_ends_it() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let activator = machine.agent_with(Duration::from_secs(2));
    assert_eq!(ensure(&activator).await, PoolState::Idle);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(machine.starts(), 0, "nobody has asked yet");
    assert_eq!(ask(&machine).await.unwrap(), "alice 1");
    let running = || activator.0.pools().values().all(|pool| pool.state() == PoolState::Running);
    eventually("the note that it runs", running).await;
    assert_eq!(ask(&machine).await.unwrap(), "alice 1");
    eventually("the idle stop", || !machine.runs()).await;
    assert_eq!(ask(&machine).await.unwrap(), "alice 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_over_idle_stops_and_restarts() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let activator = machine.agent();
    ensure(&activator).await;
    let asking = Arc::clone(&machine);
    let clients = tokio::task::spawn_blocking(move || {
        (0..150)
            .map(|_| {
                std::thread::sleep(Duration::from_millis(5));
                asking.ask().unwrap()
            })
            .collect::<Vec<_>>()
    });
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        activator.restart(tenant().uid);
    }
    assert!(clients.await.unwrap().iter().all(|answer| answer.starts_with("alice ")));
    assert!(machine.starts() > 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_agent_goes_on_with_the_same_listener_and_unit() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let first = machine.agent();
    ensure(&first).await;
    ask(&machine).await.unwrap();
    let identity = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(machine.socket()).unwrap());
    drop(first);
    // Nobody holds it but the store and the unit.
    assert_eq!(ask(&machine).await.unwrap(), "alice 1");
    let second = machine.agent_with(Duration::from_secs(2));
    assert_eq!(ensure(&second).await, PoolState::Running);
    assert_eq!(ask(&machine).await.unwrap(), "alice 1");
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(machine.socket()).unwrap()), identity);
    eventually("the idle stop by the second agent", || !machine.runs()).await;
    assert_eq!(ask(&machine).await.unwrap(), "alice 2");
    assert_eq!(lock(&machine.store).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_replaced_and_a_unit_on_a_lost_listener_ends() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let first = machine.agent();
    ensure(&first).await;
    ask(&machine).await.unwrap();
    drop(first);
    lock(&machine.store).clear();
    let second = machine.agent();
    ensure(&second).await;
    let answer = ask(&machine).await.unwrap();
    assert!(answer.starts_with("alice ") && answer != "alice 1", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_shut_down_heals_with_bounded_effort() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let activator = machine.agent();
    ensure(&activator).await;
    // While it runs.
    assert_eq!(ask(&machine).await.unwrap(), "alice 1");
    machine.poison();
    assert!(ask(&machine).await.is_err(), "nobody can connect to it");
    // Nobody asks meanwhile, so nothing runs that could take the problem back.
    let told = || activator.0.pools().values().all(|pool| matches!(pool.state(), PoolState::Failing(_)));
    eventually("the problem", told).await;
    assert!(ask(&machine).await.unwrap().starts_with("alice "), "there is a new socket");
    // And while nobody runs, again and again.
    eventually("the end", || {
        activator.restart(tenant().uid);
        !machine.runs()
    })
    .await;
    let before = machine.starts();
    let poisoned = Instant::now();
    while poisoned.elapsed() < Duration::from_millis(600) {
        let dead = lock(&machine.store).last().map(listener::health) == Some(Health::Dead);
        if !dead {
            machine.poison();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(machine.starts() - before <= 1, "a dead listener starts nothing");
    assert!(lock(&machine.store).len() < 12, "it is replaced with growing patience");
    eventually("healing", || machine.ask().is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_back_off_and_heal() {
    if !is_root() {
        return;
    }
    for fault in
        [|machine: &Machine| &raw const machine.refuses, |machine: &Machine| &raw const machine.crashes]
    {
        let machine = Machine::new();
        let broken = if std::ptr::eq(fault(&machine), &raw const machine.refuses) {
            &machine.refuses
        } else {
            &machine.crashes
        };
        broken.store(true, Ordering::SeqCst);
        let activator = machine.agent();
        ensure(&activator).await;
        let storm: Vec<_> = (0..20).map(|_| UnixStream::connect(machine.socket()).unwrap()).collect();
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(
            (2..=7).contains(&machine.starts()),
            "{} starts for {} requests",
            machine.starts(),
            storm.len()
        );
        assert!(matches!(ensure(&activator).await, PoolState::Failing(_)));
        broken.store(false, Ordering::SeqCst);
        assert!(ask(&machine).await.unwrap().starts_with("alice "));
        let well = || activator.0.pools().values().all(|pool| pool.held().problem.is_none());
        eventually("a good word", well).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_what_is_disposed_of() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let activator = machine.agent();
    ensure(&activator).await;
    ask(&machine).await.unwrap();
    // A process of the tenant's keeps a copy.
    let copy = UnixListener::from(lock(&machine.store)[0].try_clone().unwrap());
    let disposing = activator.clone();
    tokio::task::spawn_blocking(move || disposing.dispose(tenant().uid).unwrap()).await.unwrap();
    assert!(!machine.runs() && !machine.socket().exists() && activator.tenants().is_empty());
    assert!(copy.accept().is_err(), "the copy accepts nothing");
    assert!(Manager(Arc::clone(&machine)).stored_listeners().is_empty());
    ensure(&activator).await;
    assert_eq!(ask(&machine).await.unwrap(), "alice 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_socket_is_replaced() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let activator = machine.agent();
    ensure(&activator).await;
    std::fs::remove_file(machine.socket()).unwrap();
    let _foreign = UnixListener::bind(machine.socket()).unwrap();
    ensure(&activator).await;
    assert_eq!(ask(&machine).await.unwrap(), "alice 1");
}

#[test]
fn whose_a_listener_is() {
    let dir = tempfile::tempdir().unwrap();
    for (name, expected) in [
        (".berth-tmp-1900000007.sock", Some(1_900_000_007)),
        ("1900000008.sock", Some(1_900_000_008)),
        ("other.sock", None),
        ("x", None),
    ] {
        let bound = UnixListener::bind(dir.path().join(name)).unwrap();
        assert_eq!(listener::owner(&bound.into()), expected, "{name}");
    }
    assert_eq!(uid_of("berth-fpm-1900000001.service"), Uid::try_from(NUMBER).ok());
    for foreign in ["berth-fpm-0.service", "berth-fpm-.service", "user-1900000001.slice"] {
        assert_eq!(uid_of(foreign), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_php_of_a_new_account_is_started_before_anybody_asks_but_not_in_a_batch() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let activator = machine.agent_with(Duration::from_millis(200));
    ensure(&activator).await;
    activator.warm(tenant().uid);
    eventually("the start", || machine.runs()).await;
    assert_eq!(ask(&machine).await.unwrap(), "alice 1", "the one that runs answers");
    eventually("the end of the idle", || !machine.runs()).await;
    // Right after the other, as in a batch.
    *lock(&activator.0.newest) = Some(Instant::now());
    activator.warm(tenant().uid);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(machine.starts(), 1);
    assert_eq!(ask(&machine).await.unwrap(), "alice 2");
}
