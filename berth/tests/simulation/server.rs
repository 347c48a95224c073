//! The server: the real verbs over a real database file that survives it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use berth_core::Parse;
use berth_core::name::Email;
use berth_core::role::Actor;
use berth_server::app::{self, App, Ctx, LinkedNode, Settings, Setup};
use berth_server::config::Acme;
use berth_server::random::{Randomness, SystemRandomness};
use berth_server::secret::{Cost, Hasher, Keyring};
use berth_store::Store;
use sha2::{Digest, Sha256};

use crate::clock::SimClock;
use crate::turns::Turns;

/// The name of the only node.
pub(crate) const NODE: &str = "node1";

/// The first administrator's address.
pub(crate) const ADMIN: &str = "admin@example.org";

/// Randomness that can be set back.
pub(crate) struct SimRandomness {
    life: [u8; 32],
    drawn: AtomicU64,
}

impl SimRandomness {
    fn new(life: [u8; 32]) -> Self {
        Self { life, drawn: AtomicU64::new(0) }
    }

    pub(crate) fn drawn(&self) -> u64 {
        self.drawn.load(Ordering::SeqCst)
    }

    pub(crate) fn set_back(&self, drawn: u64) {
        self.drawn.store(drawn, Ordering::SeqCst);
    }
}

impl Randomness for SimRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::new().chain_update(self.life).chain_update(number.to_le_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// One life of the server.
pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) node: LinkedNode,
    /// The same database without the gate, to look at it.
    pub(crate) store: Store,
    pub(crate) randomness: Arc<SimRandomness>,
}

impl Server {
    /// Starts a server as a fresh process starts. `life` makes its randomness another one each time.
    pub(crate) async fn boot(file: &Path, clock: Arc<SimClock>, life: [u8; 32], turns: &Arc<Turns>) -> Self {
        let store = open(file).await;
        let randomness = Arc::new(SimRandomness::new(life));
        let app = app(store.clone(), clock.clone(), randomness.clone());
        let node = app::linked_node(&app).await.unwrap();
        let gated = store.clone().gated(Arc::clone(turns) as Arc<dyn berth_store::gate::Gate>);
        Self { app: self::app(gated, clock, randomness.clone()), node, store, randomness }
    }

    /// A request of root on the host.
    pub(crate) fn request(&self) -> Ctx {
        Ctx::new(Arc::clone(&self.app), Actor::Operator, self.app.request_id())
    }
}

pub(crate) async fn open(file: &Path) -> Store {
    Store::open(&format!("sqlite://{}", file.display())).await.unwrap()
}

fn app(store: Store, clock: Arc<SimClock>, randomness: Arc<SimRandomness>) -> Arc<App> {
    let hasher = Hasher::new(Cost { memory_kib: 8, passes: 1 }, NonZeroUsize::MIN).unwrap();
    // The keyring is a file beside the database; every life has the same.
    let keyring = Keyring::generate(&SystemRandomness::from_seed([9; 32]));
    // Nobody orders here, but an order can be asked for.
    let acme = Acme { directory: Some("https://ca.example/directory".to_owned()), ..Acme::default() };
    let settings = Settings { node: NODE.to_owned(), acme, ..Settings::default() };
    Arc::new(App::new(store, clock, randomness, hasher, keyring, settings))
}

/// What setup is told, each time.
pub(crate) fn setup() -> Setup {
    Setup { admin_email: Email::parse(ADMIN).unwrap(), admin_password: None }
}

/// The database after `berth setup`, made once.
pub(crate) fn fresh_database() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let file = dir.path().join("berth.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = open(&file).await;
            store.migrate().await.unwrap();
            let randomness = Arc::new(SimRandomness::new([1; 32]));
            let app = app(store.clone(), Arc::new(SimClock::new()), randomness);
            app::setup(&app, setup()).await.unwrap();
            store.close().await;
        });
        std::fs::read(&file).unwrap()
    })
}
