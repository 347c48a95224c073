use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use berth_core::id::{MailId, RequestId};
use berth_core::mode::Mode;
use berth_core::package::Bounds;
use berth_core::password::Password;
use berth_core::role::Actor;
use berth_core::settings::Installation;
use berth_store::{Store, StoreError, Tx};
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::notifier::Notifier;
use super::refusals::RefusalBudget;
use crate::acme::{AcmeAuthority, Authority};
use crate::clock::Clock;
use crate::config::{Acme, Installatron, Webhooks};
use crate::mail::{Mailer, Relay};
use crate::network::{Internet, Network};
use crate::probe::{Connections, Prober};
use crate::random::Randomness;
use crate::secret::{Hasher, Keyring};

/// Where mail is kept as files, if the settings say so.
const MAIL_DIRECTORY: &str = "/var/lib/berth/server/mail";

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
    /// The certification authority, if certificates are ordered.
    pub authority: Option<Arc<dyn Authority>>,
    /// Connections to other servers, as far as they are tried.
    pub prober: Arc<dyn Prober>,
    /// Wakes those who wait.
    pub notifier: Notifier,
    /// What mail leaves through.
    pub mailer: Arc<dyn Mailer>,
    pub(super) refusals: RefusalBudget,
    /// Passwords that go into welcome mails, until those have left. Nowhere else.
    welcome_passwords: Mutex<HashMap<MailId, Zeroizing<String>>>,
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
    /// How Installatron's API behaves.
    pub installatron: Installatron,
    /// Most characters of a web user's password.
    pub web_user_password_max: usize,
    /// Whether packets of Plesk's API may have their elements in any order.
    pub plesk_any_order: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "localhost".to_owned(),
            panel_url: None,
            defaults: Bounds::default(),
            acme: Acme::default(),
            webhooks: Webhooks::default(),
            installatron: Installatron::default(),
            web_user_password_max: berth_core::web_user::PASSWORD_MAX,
            plesk_any_order: false,
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
            prober: Arc::new(Connections {
                internet: Internet { resolver: settings.acme.resolver, allow_private: false },
                allow_loopback: settings.installatron.allow_loopback,
            }),
            network: Arc::new(Internet {
                resolver: settings.acme.resolver,
                allow_private: settings.acme.allow_private,
            }),
            authority: settings.acme.directory.as_ref().map(|directory| {
                Arc::new(AcmeAuthority {
                    directory: directory.clone(),
                    contact: settings.acme.contact.clone(),
                    trust: settings.acme.trust.clone(),
                }) as Arc<dyn Authority>
            }),
            store,
            clock,
            randomness,
            hasher,
            keyring,
            settings,
            mailer: Arc::new(Relay { directory: PathBuf::from(MAIL_DIRECTORY) }),
            refusals: RefusalBudget::default(),
            welcome_passwords: Mutex::default(),
            installation: RwLock::default(),
            nobody: tokio::sync::OnceCell::new(),
        }
    }

    /// What administrators have set.
    pub fn installation(&self) -> Arc<Installation> {
        Arc::clone(&self.installation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a password for the mail that brings it.
    pub(super) fn keep_welcome_password(&self, mail: MailId, password: &Password) {
        let text = Zeroizing::new(password.expose().to_owned());
        self.welcome_passwords.lock().unwrap_or_else(PoisonError::into_inner).insert(mail, text);
    }

    /// The password for a mail, unless the process began anew meanwhile; the mail brings a link then.
    pub(super) fn welcome_password(&self, mail: MailId) -> Option<Zeroizing<String>> {
        self.welcome_passwords.lock().unwrap_or_else(PoisonError::into_inner).get(&mail).cloned()
    }

    /// Forgets a password.
    pub(super) fn forget_welcome_password(&self, mail: MailId) {
        self.welcome_passwords.lock().unwrap_or_else(PoisonError::into_inner).remove(&mail);
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
