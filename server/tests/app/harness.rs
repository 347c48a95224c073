//! An app with everything around it faked but the database.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use berth_core::command::{CreateApiKey, CreateUser};
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::id::UserId;
use berth_core::link::{AccountReport, PullRequest, Report};
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Scope;
use berth_core::problem::{Code, Problems};
use berth_core::role::{Actor, UserRef};
use berth_core::spec::AccountSpec;
use berth_core::view::{AuditView, CreatedUser};
use berth_core::{Fields, Parse};
use berth_server::app::{self, App, Ctx, ListAudit, Outcome, Settings, Setup};
use berth_server::clock::Clock;
use berth_server::network::{Network, NetworkError, Page, Post, Redirects};
use berth_server::random::SystemRandomness;
use berth_server::secret::{Cost, Hasher, Keyring};
use berth_store::Store;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// A clock that moves when it is told to.
pub(crate) struct MockClock(Mutex<DateTime<Utc>>);

impl MockClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// An internet that holds what a test puts there.
#[derive(Default)]
pub(crate) struct FakeNetwork {
    /// TXT records by name.
    pub(crate) texts: Mutex<HashMap<String, Vec<String>>>,
    /// Pages by host and path.
    pub(crate) pages: Mutex<HashMap<(String, String), Page>>,
    /// What was sent.
    pub(crate) posts: Mutex<Vec<Post>>,
    /// What is answered to whoever sends; 200 if nothing is said.
    pub(crate) status: Mutex<Option<u16>>,
    /// How often somebody asked.
    pub(crate) asked: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl Network for FakeNetwork {
    async fn texts(&self, name: &str) -> Result<Vec<String>, NetworkError> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(self.texts.lock().unwrap().get(name).cloned().unwrap_or_default())
    }

    async fn page(&self, host: &Fqdn, path: &str, _: Redirects) -> Result<Page, NetworkError> {
        let page = self.pages.lock().unwrap().get(&(host.to_string(), path.to_owned())).cloned();
        page.ok_or_else(|| NetworkError::NoAddress(host.to_string()))
    }

    async fn post(&self, post: &Post) -> Result<u16, NetworkError> {
        self.posts.lock().unwrap().push(post.clone());
        Ok(self.status.lock().unwrap().unwrap_or(200))
    }
}

pub(crate) struct Harness {
    pub(crate) network: Arc<FakeNetwork>,
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) dir: tempfile::TempDir,
}

/// The node's name.
pub(crate) const NODE: &str = "node1";

impl Harness {
    /// An app after `berth setup`.
    pub(crate) async fn new() -> Self {
        let harness = Self::empty().await;
        app::setup(
            &harness.app,
            Setup { admin_email: "admin@example.com".parse().unwrap(), admin_password: None },
        )
        .await
        .unwrap();
        harness
    }

    /// An app with a migrated and otherwise empty database.
    pub(crate) async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open(&format!("sqlite://{}", dir.path().join("berth.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(MockClock(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap())));
        let randomness = Arc::new(SystemRandomness::from_seed([42; 32]));
        let keyring = Keyring::generate(randomness.as_ref());
        let cheap = Cost { memory_kib: 64, passes: 1 };
        let hasher = Hasher::new(cheap, NonZeroUsize::new(2).unwrap()).unwrap();
        let settings = Settings { node: NODE.to_owned(), ..Settings::default() };
        let network = Arc::new(FakeNetwork::default());
        let mut app = App::new(store, clock.clone(), randomness, hasher, keyring, settings);
        app.network = network.clone();
        Self { network, app: Arc::new(app), clock, dir }
    }

    /// A request of somebody.
    pub(crate) fn ctx(&self, actor: Actor) -> Ctx {
        Ctx::new(Arc::clone(&self.app), actor, self.app.request_id())
    }

    /// A request of root on the host.
    pub(crate) fn root(&self) -> Ctx {
        self.ctx(Actor::Operator)
    }

    /// A request with a real API key of a user.
    pub(crate) async fn with_key(&self, user: &str, scopes: &[Scope]) -> Ctx {
        let command = CreateApiKey::parse(fields(json!({
            "label": "test", "user": user, "scopes": scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        })))
        .unwrap();
        let key = done(app::create_api_key(&self.root(), command, Mode::Apply).await);
        let actor =
            app::authenticate(&self.app, self.app.request_id(), &key.secret, "192.0.2.1").await.unwrap();
        self.ctx(actor)
    }

    /// Creates a user with an account by the seed's own line.
    pub(crate) async fn create(&self, username: &str, role: &str) -> CreatedUser {
        done(app::create_user(&self.root(), create(username, role), Mode::Apply).await)
    }

    /// The bytes of every file of the database.
    pub(crate) fn bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            // Readers leave their marks in the shared memory of the log.
            .filter(|path| !path.to_string_lossy().ends_with("-shm"))
            .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// Whether a text is anywhere in the database's files.
    pub(crate) fn is_stored(&self, text: &str) -> bool {
        self.bytes().iter().any(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// Every audit entry, newest first.
    pub(crate) async fn audit(&self) -> Vec<AuditView> {
        let all = ListAudit::parse(fields(json!({ "limit": "200" }))).unwrap();
        app::list_audit(&self.root(), all).await.unwrap().items
    }

    /// The newest audit entry.
    pub(crate) async fn last_audit(&self) -> AuditView {
        let one = ListAudit { limit: 1, ..ListAudit::default() };
        app::list_audit(&self.root(), one).await.unwrap().items.remove(0)
    }

    /// What the node would be given from the start.
    pub(crate) async fn pull(&self, cursor: u64) -> berth_core::link::PullResponse {
        let node = app::linked_node(&self.app).await.unwrap();
        let request = PullRequest {
            cursor,
            audit: 0,
            limit: 1000,
            wait_ms: 0,
            version: "0.1.0-test".to_owned(),
            acme: None,
        };
        app::pull(&self.app, &node, request).await.unwrap()
    }

    /// The newest spec of an account.
    pub(crate) async fn spec(&self, username: &str) -> AccountSpec {
        let all = self.pull(0).await;
        all.accounts.into_iter().find(|spec| spec.username.as_str() == username).unwrap()
    }

    pub(crate) async fn report(&self, report: Report) {
        let node = app::linked_node(&self.app).await.unwrap();
        app::report(&self.app, &node, report).await.unwrap();
    }

    /// A node that makes everything so, at once.
    pub(crate) async fn converge(&self) {
        let accounts = self.pull(0).await.accounts.iter().map(converged).collect();
        self.report(Report { accounts, ..Report::default() }).await;
    }
}

/// A report that everything of a spec is as it shall be.
pub(crate) fn converged(spec: &AccountSpec) -> AccountReport {
    let conditions =
        Resource::ALL.iter().map(|resource| Condition::new(*resource, ConditionState::Converged)).collect();
    AccountReport { account: spec.account, generation: spec.generation, conditions }
}

pub(crate) fn fields(body: Value) -> Fields {
    Fields::from_value(body).unwrap()
}

/// The seed's line for a username.
pub(crate) fn create(username: &str, role: &str) -> CreateUser {
    create_with(username, role, &json!({}))
}

/// The seed's line with other fields beside or instead.
pub(crate) fn create_with(username: &str, role: &str, more: &Value) -> CreateUser {
    let mut body = json!({
        "username": username, "email": format!("{username}@example.com"), "display_name": "Alice Smith",
        "role": role, "package": "standard", "primary_domain": format!("{}site.com", username.replace('_', "")),
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    CreateUser::parse(fields(body)).unwrap()
}

pub(crate) fn user(name: &str) -> UserRef {
    UserRef::parse(name).unwrap()
}

pub(crate) fn by_id(id: UserId) -> UserRef {
    UserRef::Id(id)
}

/// The value of a verb that was done.
#[track_caller]
pub(crate) fn done<T: std::fmt::Debug>(answer: Result<Outcome<T>, Problems>) -> T {
    match answer {
        Ok(Outcome::Done(value)) => value,
        other => panic!("not done: {other:?}"),
    }
}

/// The code and field of every problem.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Problems>) -> Vec<(Code, Option<String>)> {
    answer.unwrap_err().into_iter().map(|problem| (problem.code, problem.field)).collect()
}

/// Expects exactly one problem.
#[track_caller]
pub(crate) fn expect<T: std::fmt::Debug>(answer: Result<T, Problems>, code: Code, field: Option<&str>) {
    assert_eq!(refused(answer), [(code, field.map(str::to_owned))]);
}

pub(crate) const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti alice@laptop";
