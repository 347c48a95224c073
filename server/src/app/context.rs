use std::sync::{Arc, PoisonError, RwLock};

use berth_core::id::RequestId;
use berth_core::mode::Mode;
use berth_core::package::Bounds;
use berth_core::role::Actor;
use berth_core::settings::Installation;
use berth_store::{Store, StoreError, Tx};
use chrono::{DateTime, Utc};

use super::notifier::Notifier;
use super::refusals::RefusalBudget;
use crate::clock::Clock;
use crate::config::{Acme, Webhooks};
use crate::network::{Internet, Network};
use crate::random::Randomness;
use crate::secret::{Hasher, Keyring};

/// Everything that verbs work with; one per process.
pub struct App {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and secrets.
    pub randomness: Arc<dyn Randomness>,
    /// Hashing of passwords.
    pub hasher: Hasher,
    /// Keys for what must be given back, and for fingerprints of commands.
    pub keyring: Keyring,
    /// What the operator has set.
    pub settings: Settings,
    /// The internet, as far as customers' names are asked about.
    pub network: Arc<dyn Network>,
    /// Wakes those who wait.
    pub notifier: Notifier,
    pub(super) refusals: RefusalBudget,
    /// What administrators have set, as this process knows it.
    installation: RwLock<Arc<Installation>>,
    /// The hash that the password of somebody unknown is compared with.
    pub(super) nobody: tokio::sync::OnceCell<String>,
}

/// What the operator has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the node that this host is.
    pub node: String,
    /// The address that people open, if the operator has said one.
    pub panel_url: Option<String>,
    /// What `inherit` means in a package.
    pub defaults: Bounds,
    /// Where certificates come from.
    pub acme: Acme,
    /// Where events may be sent.
    pub webhooks: Webhooks,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "localhost".to_owned(),
            panel_url: None,
            defaults: Bounds::default(),
            acme: Acme::default(),
            webhooks: Webhooks::default(),
        }
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        hasher: Hasher,
        keyring: Keyring,
        settings: Settings,
    ) -> Self {
        Self {
            notifier: Notifier::on(store.engine()),
            network: Arc::new(Internet {
                resolver: settings.acme.resolver,
                allow_private: settings.acme.allow_private,
            }),
            store,
            clock,
            randomness,
            hasher,
            keyring,
            settings,
            refusals: RefusalBudget::default(),
            installation: RwLock::default(),
            nobody: tokio::sync::OnceCell::new(),
        }
    }

    /// What administrators have set.
    pub fn installation(&self) -> Arc<Installation> {
        Arc::clone(&self.installation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets new settings hold in this process.
    pub(super) fn install(&self, settings: Installation) {
        *self.installation.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// An id for a new request.
    pub fn request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), self.randomness.ten())
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// One request: who asks, and what they said beside the command.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// What verbs work with.
    pub app: Arc<App>,
    /// Who asks.
    pub actor: Actor,
    /// The request, as named in answers, logs and audit entries.
    pub request: RequestId,
    /// The client's own name for the request, so that repeating it does not do it twice.
    pub idempotency_key: Option<String>,
    /// The version that the client has seen; an edit of another one is refused.
    pub if_match: Option<i64>,
    /// When the person of a session gave their password last; see [`Ctx::of_session`].
    pub confirmed_at: Option<DateTime<Utc>>,
}

impl Ctx {
    /// A request without idempotency key and precondition.
    pub const fn new(app: Arc<App>, actor: Actor, request: RequestId) -> Self {
        Self { app, actor, request, idempotency_key: None, if_match: None, confirmed_at: None }
    }
}

impl Ctx {
    /// A transaction for a verb in this mode: only one that is going to write takes the writers' lock.
    pub(super) async fn open(&self, mode: Mode) -> Result<Tx, StoreError> {
        match mode {
            Mode::Apply => self.app.store.begin().await,
            Mode::Plan | Mode::CheckOnly | Mode::CheckAll => self.app.store.read().await,
        }
    }
}
