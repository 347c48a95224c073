//! A server without its listeners, and somebody who asks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine as _;
use berth_core::Parse;
use berth_core::condition::Resource;
use berth_core::drift::{Cause, DriftReport};
use berth_core::id::AccountId;
use berth_core::link::{Inventory, Report};
use berth_core::name::Email;
use berth_server::app::{self, App, Settings, Setup};
use berth_server::clock::{Clock, SystemClock};
use berth_server::config::Rate;
use berth_server::listen::{Peer, Shutdown};
use berth_server::random::SystemRandomness;
use berth_server::rest::Rest;
use berth_server::secret::{Cost, Hasher, Keyring};
use berth_server::telemetry;
use berth_store::Store;
use chrono::{DateTime, Utc};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

/// The name of the only node.
pub(crate) const NODE: &str = "node1";

/// A clock that stops working when told to, to see what a panic does.
#[derive(Default)]
pub(crate) struct FragileClock {
    broken: AtomicBool,
}

impl FragileClock {
    pub(crate) fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

impl Clock for FragileClock {
    fn now(&self) -> DateTime<Utc> {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock is broken");
        SystemClock.now()
    }
}

pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) rest: Rest,
    pub(crate) router: Router,
    pub(crate) clock: Arc<FragileClock>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) shutdown: Shutdown,
    pub(crate) dir: tempfile::TempDir,
}

impl World {
    /// A server after `berth setup`, with the package `spare` that nobody has, and bounds out of reach.
    pub(crate) async fn new() -> Self {
        Self::with_rate(&Rate { per_address: 1_000_000, per_key: 1_000_000, failures: 1_000_000 }).await
    }

    pub(crate) async fn with_rate(rate: &Rate) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite://{}/berth.db", dir.path().display())).await.unwrap();
        store.migrate().await.unwrap();
        let randomness = Arc::new(SystemRandomness::new().unwrap());
        let keyring = Keyring::generate(randomness.as_ref());
        let hasher = Hasher::for_this_machine(Cost { memory_kib: 8, passes: 1 }).unwrap();
        // Nothing orders here, but an order can be asked for.
        let directory = Some("https://ca.example/directory".to_owned());
        let acme = berth_server::config::Acme { directory, ..berth_server::config::Acme::default() };
        let settings = Settings { node: NODE.to_owned(), acme, ..Settings::default() };
        let clock = Arc::new(FragileClock::default());
        let app = Arc::new(App::new(store, clock.clone(), randomness, hasher, keyring, settings));
        let email = Email::parse("admin@example.org").unwrap();
        let setup = Setup { admin_email: email, admin_password: None };
        app::setup(&app, setup).await.unwrap();
        let (stop, shutdown) = Shutdown::channel();
        let rest = Rest::new(Arc::clone(&app), rate, shutdown.clone(), telemetry::metrics().unwrap());
        let router = rest.router();
        let world = Self { app, rest, router, clock, stop, shutdown, dir };
        for package in ["standard", "spare"] {
            let answer = world.operator("POST", "/api/v1/packages").json(&json!({"name": package})).await;
            assert!([201, 409].contains(&answer.status.as_u16()), "{answer:?}");
        }
        world
    }

    /// A request of root on the host.
    pub(crate) fn operator(&self, method: &str, path: &str) -> Asking<'_> {
        self.asking(method, path, Peer::Local { uid: 0 })
    }

    /// A request of somebody else on the host.
    pub(crate) fn local(&self, method: &str, path: &str) -> Asking<'_> {
        self.asking(method, path, Peer::Local { uid: 4711 })
    }

    /// A request from the network.
    pub(crate) fn network(&self, method: &str, path: &str) -> Asking<'_> {
        self.asking(method, path, Peer::Network("192.0.2.7:50000".parse().unwrap()))
    }

    fn asking(&self, method: &str, path: &str, peer: Peer) -> Asking<'_> {
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .extension(peer);
        Asking { router: &self.router, request }
    }

    /// Two users more: `suzy` is suspended, `trudy` is in the trash.
    pub(crate) async fn closed_users(&self) {
        for name in ["suzy", "trudy"] {
            let body = json!({
                "username": name, "email": format!("{name}@example.net"), "display_name": name, "role": "user",
                "package": "standard", "primary_domain": format!("{name}-site.com"),
            });
            self.operator("POST", "/api/v1/users").json(&body).await.expect(201);
        }
        let why = json!({"reason": "billing", "level": "full"});
        self.operator("POST", "/api/v1/users/suzy/suspend").json(&why).await.expect(200);
        self.operator("DELETE", "/api/v1/users/trudy").send().await.expect(200);
    }

    /// A user with an account, a second domain and a key.
    pub(crate) async fn hosted_user(&self) -> Bella {
        let body = json!({
            "username": "bella", "email": "bella@example.net", "display_name": "Bella", "role": "user",
            "package": "standard", "primary_domain": "bella-site.com", "ssh_keys": [public_key(1)]
        });
        let created = self.operator("POST", "/api/v1/users").json(&body).await.expect(201);
        self.operator("POST", "/api/v1/users/bella/domains")
            .json(&json!({"domain": "bella-second.com"}))
            .await
            .expect(201);
        let rule = self
            .operator("POST", "/api/v1/users/bella/egress/rules")
            .json(&json!({"network": "198.51.100.0/24", "port": "25"}))
            .await
            .expect(201);
        self.operator("POST", "/api/v1/users/bella/timers")
            .json(&json!({"name": "nightly", "schedule": "@daily", "command": "true"}))
            .await
            .expect(201);
        self.operator("POST", "/api/v1/domains/bella-second.com/web-users")
            .json(&json!({"login": "bellasWeb"}))
            .await
            .expect(201);
        let account = serde_json::from_value(created.body["account"]["id"].clone()).unwrap();
        self.changed_by_hand(account).await;
        let hook = self
            .operator("POST", "/api/v1/webhooks")
            .json(&json!({"url": "https://receiver.example/", "events": ["webhook.remove"]}))
            .await
            .expect(201);
        let webhook = hook.body["id"].as_str().unwrap().to_owned();
        let tested = self.operator("POST", &format!("/api/v1/webhooks/{webhook}/test"));
        let delivery = tested.json(&json!({})).await.expect(200).body["id"].as_str().unwrap().to_owned();
        let keys = self.operator("GET", "/api/v1/users/bella/ssh-keys").send().await.expect(200);
        Bella {
            id: created.body["id"].as_str().unwrap().to_owned(),
            ssh_key: keys.body["items"][0]["id"].as_str().unwrap().to_owned(),
            egress_rule: rule.body["id"].as_str().unwrap().to_owned(),
            webhook,
            delivery,
        }
    }

    /// Lets the node say that somebody has put a key into Bella's file by hand.
    async fn changed_by_hand(&self, account: AccountId) {
        let node = app::linked_node(&self.app).await.unwrap();
        let drift = DriftReport {
            id: DRIFT.parse().unwrap(),
            account: Some(account),
            resource: Some(Resource::Sftp),
            object: "/etc/berth/keys/bella".to_owned(),
            found: Some(format!("file 0:1900000001 0640\n{}\n", public_key(2))),
            made: Some(format!("file 0:1900000001 0640\n{}\n", public_key(1))),
            seen_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            right_at: None,
            cause: Cause::Unknown,
            evidence: "nothing says who".to_owned(),
        };
        app::report(&self.app, &node, Report { drift: vec![drift], ..Report::default() }).await.unwrap();
    }

    /// An API key: its id and its secret.
    pub(crate) async fn api_key(&self, user: &str, scopes: &[&str]) -> (String, String) {
        let body = json!({"label": "test", "scopes": scopes, "user": user});
        let made = self.operator("POST", "/api/v1/api-keys").json(&body).await.expect(201).body;
        (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }

    /// Lets the node say that it has directories of former accounts.
    pub(crate) async fn left_behind(&self, homes: &[&str]) {
        let node = app::linked_node(&self.app).await.unwrap();
        let homes = homes.iter().map(|&home| home.to_owned()).collect();
        let inventory = Some(Inventory { names: Vec::new(), homes });
        app::report(&self.app, &node, Report { inventory, ..Report::default() }).await.unwrap();
    }

    /// Everything that a change could have touched, as far as the API shows it.
    pub(crate) async fn everything(&self) -> Value {
        let mut seen = Vec::new();
        for path in [
            "users",
            "users/bella",
            "users/bella/domains",
            "users/bella/ssh-keys",
            "users/bella/egress",
            "packages",
            "nodes",
            "api-keys",
            "webhooks",
            "audit",
        ] {
            let answer = self.operator("GET", &format!("/api/v1/{path}")).send().await.expect(200);
            seen.push(answer.body);
        }
        Value::Array(seen)
    }
}

pub(crate) struct Bella {
    pub(crate) id: String,
    pub(crate) ssh_key: String,
    pub(crate) egress_rule: String,
    pub(crate) webhook: String,
    pub(crate) delivery: String,
}

/// A well-formed Ed25519 key, another one for every number.
pub(crate) fn public_key(number: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {} key{number}", base64::engine::general_purpose::STANDARD.encode(blob))
}

pub(crate) struct Asking<'a> {
    router: &'a Router,
    request: axum::http::request::Builder,
}

impl Asking<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn key(self, secret: &str) -> Self {
        self.header("Authorization", &format!("Bearer {secret}"))
    }

    pub(crate) async fn send(self) -> Reply {
        self.body(Body::empty()).await
    }

    pub(crate) async fn json(self, body: &Value) -> Reply {
        self.header("Content-Type", "application/json").body(Body::from(body.to_string())).await
    }

    pub(crate) async fn body(self, body: Body) -> Reply {
        let request = self.request.body(body).unwrap();
        let asked = format!("{} {}", request.method(), request.uri());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { asked, status: parts.status, headers: parts.headers, text, body }
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) asked: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.text);
        self
    }

    /// A refusal, whole and in form, with its leading code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        let asked = &reply.asked;
        assert_eq!(reply.header("content-type"), "application/problem+json", "{asked}");
        assert_eq!(reply.header("cache-control"), "no-store", "{asked}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{asked}");
        assert_eq!(reply.body["code"], code, "{asked}: {}", reply.text);
        assert_eq!(reply.body["status"], status, "{asked}");
        assert_eq!(reply.body["type"], format!("urn:berth:problem:{code}"), "{asked}");
        assert_eq!(reply.body["request_id"].as_str().unwrap(), reply.header("x-request-id"), "{asked}");
        assert!(!reply.problems().is_empty(), "{asked}");
        reply
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Every problem as field and code.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let part = |problem: &Value, name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        self.body["problems"]
            .as_array()
            .unwrap_or_else(|| panic!("{}: {}", self.asked, self.text))
            .iter()
            .map(|problem| (part(problem, "field"), part(problem, "code")))
            .collect()
    }
}

/// An operation of the committed description.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) public: bool,
    pub(crate) dry_run: bool,
    pub(crate) body: Option<Value>,
}

impl Operation {
    /// Whether it can change anything; verifying the audit log can't, though it is a POST.
    pub(crate) fn changes(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/audit/verify")
    }

    /// The names of the fields that its body has, and which of them are required.
    pub(crate) fn fields(&self) -> (Vec<String>, Vec<String>) {
        let mut names = (Vec::new(), Vec::new());
        collect_fields(self.body.as_ref().unwrap(), &mut names);
        names
    }

    pub(crate) fn example(&self) -> Value {
        self.body.as_ref().map_or_else(|| json!({}), |schema| schema["example"].clone())
    }
}

fn collect_fields(schema: &Value, names: &mut (Vec<String>, Vec<String>)) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect_fields(&resolve(&description(), part), names);
    }
    names.0.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    let required = schema["required"].as_array().into_iter().flatten();
    names.1.extend(required.map(|name| name.as_str().unwrap().to_owned()));
}

fn description() -> Value {
    serde_json::to_value(berth_server::openapi::document()).unwrap()
}

fn resolve(document: &Value, schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap().clone(),
        None => schema.clone(),
    }
}

/// Every operation that the description knows.
pub(crate) fn operations() -> Vec<Operation> {
    let document = description();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                public: operation["security"] == json!([{}]),
                dry_run: parameters.iter().any(|parameter| parameter["name"] == "dry_run"),
                body: (!schema.is_null()).then(|| resolve(&document, schema)),
            });
        }
    }
    assert!(found.len() > 25);
    found
}

/// What somebody has changed on the node by hand.
const DRIFT: &str = "00000000-0000-7000-8000-0000000000d1";

/// A path with names that exist: of Bella, of the spare package, of a key.
pub(crate) fn filled(path: &str, bella: &Bella, api_key: &str) -> String {
    let id = match path {
        path if path.contains("quarantines") => "00000000-0000-7000-8000-000000000000",
        path if path.contains("drift") => DRIFT,
        _ => api_key,
    };
    path.replace("{user}", "bella")
        .replace("{fqdn}", "bella-second.com")
        .replace("{key}", &bella.ssh_key)
        .replace("{rule}", &bella.egress_rule)
        .replace("{webhook}", &bella.webhook)
        .replace("{delivery}", &bella.delivery)
        .replace("{login}", "bellasWeb")
        .replace("{timer}", "nightly")
        .replace("{kind}", "access")
        .replace("{package}", "spare")
        .replace("{node}", NODE)
        .replace("{id}", id)
}
