//! Certificates are ordered, renewed and given to the node, and what is in their way is said.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use berth_core::Parse;
use berth_core::certificate::{CertificateState, PrivateKey, Thumbprint};
use berth_core::command::{AddDomain, EditDomain};
use berth_core::domain::HttpsRedirect;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::view::CertificateView;
use berth_server::acme::{Authority, AuthorityError, CHALLENGE_PATH, Fresh, Registration};
use berth_server::app::{self, App};
use berth_server::clock::Clock;
use berth_server::config::Acme;
use berth_server::network::{Network, NetworkError, Page, Post, Redirects};
use chrono::TimeDelta;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};
use serde_json::json;
use zeroize::Zeroizing;

use crate::harness::{Harness, MockClock, done, expect, fields, refused, user};

const THUMBPRINT: &str = "evnW7bNz-xGZVdM1pAsPUHzsFLXeHmIAPbAhWo5_bc0";
const DIRECTORY: &str = "https://ca.example/directory";

/// An authority that issues for 90 days, unless it is told otherwise.
struct FakeAuthority {
    clock: Arc<MockClock>,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What it answers instead.
    trouble: Mutex<Option<AuthorityError>>,
    registered: AtomicUsize,
    ordered: Mutex<Vec<Vec<String>>>,
}

impl FakeAuthority {
    fn new(clock: Arc<MockClock>) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Fake Authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self {
            clock,
            issuer,
            trouble: Mutex::default(),
            registered: AtomicUsize::new(0),
            ordered: Mutex::default(),
        }
    }

    fn orders(&self) -> usize {
        self.ordered.lock().unwrap().len()
    }

    fn is_in_trouble(&self, trouble: Option<AuthorityError>) {
        *self.trouble.lock().unwrap() = trouble;
    }
}

#[async_trait::async_trait]
impl Authority for FakeAuthority {
    async fn register(&self, forgotten: Option<&[u8]>) -> Result<Registration, AuthorityError> {
        if let Some(error @ AuthorityError::Unreachable(_)) = self.trouble.lock().unwrap().clone() {
            return Err(error);
        }
        if forgotten.is_some() {
            self.is_in_trouble(None);
        }
        let number = self.registered.fetch_add(1, Ordering::SeqCst);
        Ok(Registration {
            credentials: Zeroizing::new(format!("the secret of account {number}").into_bytes()),
            thumbprint: Thumbprint::parse(THUMBPRINT).unwrap(),
        })
    }

    async fn order(&self, credentials: &[u8], names: &[Fqdn]) -> Result<Fresh, AuthorityError> {
        assert!(credentials.starts_with(b"the secret of account"));
        if let Some(error) = self.trouble.lock().unwrap().clone() {
            return Err(error);
        }
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.ordered.lock().unwrap().push(names.clone());
        let mut params = CertificateParams::new(names).unwrap();
        let now = self.clock.now().timestamp();
        let moment = |seconds: i64| {
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.try_into().unwrap())
        };
        params.not_before = moment(now).into();
        params.not_after = moment(now + 90 * 86_400).into();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Ok(Fresh {
            chain: format!("{}{}", certificate.pem(), self.issuer.pem()),
            key: PrivateKey::new(key.serialize_pem()),
        })
    }
}

/// An internet in which names lead to a node of ours or elsewhere.
#[derive(Default)]
struct Names(Mutex<HashMap<String, bool>>);

impl Names {
    fn lead_here(&self, names: &[&str], here: bool) {
        self.0.lock().unwrap().extend(names.iter().map(|name| ((*name).to_owned(), here)));
    }
}

#[async_trait::async_trait]
impl Network for Names {
    async fn texts(&self, _: &str) -> Result<Vec<String>, NetworkError> {
        Ok(Vec::new())
    }

    async fn post(&self, _: &Post) -> Result<u16, NetworkError> {
        Err(NetworkError::NoAddress("nowhere".to_owned()))
    }

    async fn page(&self, host: &Fqdn, path: &str, redirects: Redirects) -> Result<Page, NetworkError> {
        assert_eq!(redirects, Redirects::Refused);
        let token = path.strip_prefix(CHALLENGE_PATH).unwrap();
        match self.0.lock().unwrap().get(host.as_str()) {
            Some(true) => Ok(Page { status: 200, body: format!("{token}.{THUMBPRINT}") }),
            Some(false) => Ok(Page { status: 404, body: "not here".to_owned() }),
            None => Err(NetworkError::NoAddress(host.to_string())),
        }
    }
}

struct World {
    harness: Harness,
    authority: Arc<FakeAuthority>,
    names: Arc<Names>,
}

const SITE: &[&str] = &["alicesite.com", "www.alicesite.com"];

impl World {
    /// Alice with her site, on an installation with an authority.
    async fn new() -> Self {
        let mut harness = Harness::new().await;
        let authority = Arc::new(FakeAuthority::new(harness.clock.clone()));
        let names = Arc::new(Names::default());
        let app: &mut App = Arc::get_mut(&mut harness.app).unwrap();
        app.settings.acme = Acme { directory: Some(DIRECTORY.to_owned()), ..Acme::default() };
        app.authority = Some(authority.clone());
        app.network = names.clone();
        harness.create("alice", "user").await;
        Self { harness, authority, names }
    }

    /// Works until nothing is due, as the task does.
    async fn work(&self) {
        for _ in 0..20 {
            let _ = app::order_certificates(&self.harness.app).await.unwrap();
        }
    }

    async fn later(&self, by: TimeDelta) {
        self.harness.clock.advance(by);
        self.work().await;
    }

    async fn shown(&self) -> CertificateView {
        let name = "alicesite.com".parse().unwrap();
        app::show_certificate(&self.harness.root(), &user("alice"), &name).await.unwrap()
    }

    async fn codes(&self) -> Vec<Code> {
        self.shown().await.problems.iter().map(|problem| problem.code).collect()
    }
}

#[tokio::test]
async fn a_site_gets_a_certificate_and_the_node_gets_it_too() {
    let world = World::new().await;
    world.names.lead_here(SITE, true);
    assert_eq!(world.shown().await.state, CertificateState::Pending);
    assert_eq!(world.harness.pull(0).await.acme, None);
    assert_eq!(app::order_certificates(&world.harness.app).await.unwrap(), 0);
    assert_eq!(world.authority.orders(), 0, "the node has to know the key first");
    assert_eq!(world.harness.pull(0).await.acme.unwrap().as_str(), THUMBPRINT);
    let before = world.harness.spec("alice").await;
    world.work().await;
    let shown = world.shown().await;
    assert_eq!((shown.state, shown.failures), (CertificateState::Issued, 0));
    assert_eq!(shown.issuer.as_deref(), Some("Fake Authority"));
    assert_eq!(shown.names.iter().map(Fqdn::as_str).collect::<Vec<_>>(), SITE);
    assert!(shown.missing.is_empty() && shown.problems.is_empty());
    let pulled = world.harness.pull(before.generation).await;
    assert_eq!(pulled.accounts[0].sites[0].certificate, shown.fingerprint);
    let [given] = pulled.certificates.as_slice() else { panic!("one certificate") };
    assert_eq!(Some(&given.fingerprint), shown.fingerprint.as_ref());
    assert!(KeyPair::from_pem(given.key.reveal()).is_ok() && given.chain.matches("BEGIN").count() == 2);
    assert!(!world.harness.is_stored("BEGIN PRIVATE KEY") && !world.harness.is_stored("the secret of"));
    let entry = world.harness.last_audit().await;
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("berth", "certificate.renew"));
    assert_eq!(world.authority.registered.load(Ordering::SeqCst), 1);
    assert_eq!(world.authority.orders(), 1);
}

#[tokio::test]
async fn it_is_renewed_after_two_thirds_of_its_life_and_when_somebody_asks() {
    let world = World::new().await;
    world.names.lead_here(SITE, true);
    world.work().await;
    let first = world.shown().await;
    world.later(TimeDelta::days(59)).await;
    assert_eq!(world.shown().await.fingerprint, first.fingerprint);
    world.later(TimeDelta::days(1)).await;
    let second = world.shown().await;
    assert_ne!(second.fingerprint, first.fingerprint);
    let alice = world.harness.with_key("alice", Scope::ALL).await;
    let name = "alicesite.com".parse().unwrap();
    let checked = app::renew_certificate(&alice, &user("alice"), &name, Mode::Plan).await.unwrap();
    assert!(matches!(checked, app::Outcome::Planned(_)));
    world.work().await;
    assert_eq!(world.shown().await.fingerprint, second.fingerprint);
    done(app::renew_certificate(&alice, &user("alice"), &name, Mode::Apply).await);
    world.work().await;
    let third = world.shown().await;
    assert_ne!(third.fingerprint, second.fingerprint);
    assert_eq!(world.authority.orders(), 3);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_left_out_and_taken_in_later() {
    let world = World::new().await;
    world.work().await;
    assert_eq!(world.codes().await, [Code::CertificateNameUnreachable; 2]);
    let failed = world.shown().await;
    assert_eq!((failed.state, world.authority.orders()), (CertificateState::Failed, 0));
    assert!(failed.problems[0].detail.contains("alicesite.com has no address"));
    assert!(failed.problems[0].hint.as_ref().unwrap().contains("A and AAAA"));
    world.names.lead_here(&["alicesite.com"], true);
    world.names.lead_here(&["www.alicesite.com"], false);
    world.later(TimeDelta::minutes(2)).await;
    let partial = world.shown().await;
    assert_eq!((partial.state, partial.missing.len()), (CertificateState::Issued, 1));
    assert!(partial.problems[0].detail.contains("www.alicesite.com is answered by another server"));
    world.names.lead_here(SITE, true);
    world.later(TimeDelta::hours(7)).await;
    assert!(world.shown().await.missing.is_empty() && world.codes().await.is_empty());
    assert_eq!(world.authority.orders(), 2);
}

#[tokio::test]
async fn an_authority_that_is_away_or_refuses_is_asked_again_with_patience() {
    let world = World::new().await;
    world.names.lead_here(SITE, true);
    world.authority.is_in_trouble(Some(AuthorityError::Unreachable("connection refused".to_owned())));
    world.work().await;
    let failed = world.shown().await;
    assert_eq!((failed.state, failed.failures), (CertificateState::Failed, 1));
    assert!(failed.problems[0].detail.contains("connection refused"));
    world.authority.is_in_trouble(None);
    world.later(TimeDelta::minutes(2)).await;
    assert_eq!(world.shown().await.state, CertificateState::Issued);

    let name = "alicesite.com".parse().unwrap();
    let renew = async || {
        done(app::renew_certificate(&world.harness.root(), &user("alice"), &name, Mode::Apply).await)
    };
    let no = AuthorityError::Names(vec![("www.alicesite.com".parse().unwrap(), "timeout".to_owned())]);
    world.authority.is_in_trouble(Some(no));
    renew().await;
    world.work().await;
    let refused = world.shown().await;
    assert_eq!(refused.state, CertificateState::Issued, "the present one serves on");
    assert_eq!(refused.problems[0].code, Code::AcmeFailed);
    assert!(refused.next_attempt_at.unwrap() - world.harness.clock.now() >= TimeDelta::minutes(15));
    // One that has lost its memory gets the same account again.
    world.authority.is_in_trouble(Some(AuthorityError::AccountUnknown));
    world.later(TimeDelta::minutes(20)).await;
    assert_eq!(world.authority.registered.load(Ordering::SeqCst), 2);
    assert_ne!(world.shown().await.fingerprint, refused.fingerprint);
    world.authority.is_in_trouble(Some(AuthorityError::Limited("too many".to_owned())));
    renew().await;
    world.work().await;
    assert_eq!(world.codes().await, [Code::AcmeRateLimited]);
}

#[tokio::test]
async fn no_limit_of_the_authority_is_reached() {
    let world = World::new().await;
    world.names.lead_here(SITE, true);
    world.work().await;
    let name = "alicesite.com".parse().unwrap();
    for _ in 0..8 {
        done(app::renew_certificate(&world.harness.root(), &user("alice"), &name, Mode::Apply).await);
        world.later(TimeDelta::minutes(1)).await;
    }
    assert_eq!(world.authority.orders(), 4);
    assert_eq!(world.codes().await, [Code::AcmeRateLimited]);
    world.later(TimeDelta::days(8)).await;
    assert!(world.codes().await.is_empty());
    assert_eq!(world.authority.orders(), 5);
}

#[tokio::test]
async fn several_servers_order_once() {
    let world = World::new().await;
    world.names.lead_here(SITE, true);
    let _ = app::order_certificates(&world.harness.app).await.unwrap();
    let (one, other) = tokio::join!(
        app::order_certificates(&world.harness.app),
        app::order_certificates(&world.harness.app)
    );
    assert_eq!(one.unwrap() + other.unwrap(), 1);
    assert_eq!(world.authority.orders(), 1);
}

#[tokio::test]
async fn an_unproven_domain_gets_none_and_one_without_authority_neither() {
    let world = World::new().await;
    let alice = world.harness.with_key("alice", Scope::ALL).await;
    let add = AddDomain::parse(fields(json!({ "domain": "second.org" }))).unwrap();
    done(app::add_domain(&alice, &user("alice"), add, Mode::Apply).await);
    world.names.lead_here(&["second.org"], true);
    world.work().await;
    let all = app::list_certificates(&alice, &user("alice")).await.unwrap();
    let states: Vec<_> = all.iter().map(|one| (one.domain.as_str(), one.state)).collect();
    assert_eq!(
        states,
        [("alicesite.com", CertificateState::Failed), ("second.org", CertificateState::Unproven)]
    );
    let second = "second.org".parse().unwrap();
    let who = user("alice");
    expect(app::renew_certificate(&alice, &who, &second, Mode::Apply).await, Code::DomainUnproven, None);
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let site = "alicesite.com".parse().unwrap();
    expect(app::renew_certificate(&harness.root(), &who, &site, Mode::Apply).await, Code::AcmeOff, None);
    let shown = app::show_certificate(&harness.root(), &who, &site).await.unwrap();
    assert_eq!(shown.state, CertificateState::Off);
    assert_eq!(app::order_certificates(&harness.app).await.unwrap(), 0);
}

#[tokio::test]
async fn redirect_and_hsts_are_settings_of_a_site() {
    let world = World::new().await;
    let (root, who, name) = (world.harness.root(), user("alice"), "alicesite.com".parse().unwrap());
    let edit = |body| EditDomain::parse(fields(body));
    let command = edit(json!({ "https_redirect": "on", "hsts": 31_536_000 })).unwrap();
    let edited = done(app::edit_domain(&root, &who, &name, command, Mode::Apply).await);
    assert_eq!(edited.https_redirect, HttpsRedirect::On);
    let site = &world.harness.spec("alice").await.sites[0];
    assert_eq!(site.hsts.unwrap().seconds(), 31_536_000);
    assert!(!site.is_standard());
    let entry = world.harness.last_audit().await;
    assert_eq!(entry.detail["https_redirect"], json!({ "old": "auto", "new": "on" }));
    let untouched = edit(json!({ "docroot": "public_html/app" })).unwrap();
    let edited = done(app::edit_domain(&root, &who, &name, untouched, Mode::Apply).await);
    assert!(edited.hsts.is_some());
    let away = edit(json!({ "hsts": null })).unwrap();
    assert_eq!(done(app::edit_domain(&root, &who, &name, away, Mode::Apply).await).hsts, None);
    for (field, value) in [
        ("hsts", json!(0)),
        ("hsts", json!(-1)),
        ("hsts", json!("year")),
        ("hsts", json!(94_608_001)),
        ("https_redirect", json!("maybe")),
        ("https_redirect", json!(true)),
    ] {
        let problems = refused(edit(json!({ field: value })));
        assert_eq!(problems, [(Code::ValueInvalid, Some(field.to_owned()))], "{value}");
    }
}
