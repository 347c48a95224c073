use berth_core::command::{EditUser, SetPassword, SignIn};
use berth_core::mode::Mode;
use berth_core::problem::{Code, Problems};
use berth_core::role::{Actor, Role, Via};
use berth_core::session::{LoginOutcome, SessionState};
use berth_server::app::{self, Client, Session, SessionToken, SignedIn};
use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{Harness, create_with, done, expect, fields, user};

pub(crate) const PASSWORD: &str = "violet anchor drizzle";

pub(crate) fn client() -> Client {
    Client::new("192.0.2.1".parse().unwrap(), Some("Browser/1.0"))
}

fn client_at(address: &str) -> Client {
    Client::new(address.parse().unwrap(), None)
}

pub(crate) async fn try_from(
    harness: &Harness,
    client: &Client,
    name: &str,
    password: &str,
) -> Result<SignedIn, Problems> {
    let command = SignIn::parse(fields(json!({ "name": name, "password": password }))).unwrap();
    app::sign_in(&harness.app, harness.app.request_id(), client, command).await
}

pub(crate) async fn attempt(harness: &Harness, name: &str, password: &str) -> Result<SignedIn, Problems> {
    try_from(harness, &client(), name, password).await
}

pub(crate) async fn open(harness: &Harness, token: &SessionToken) -> Option<Session> {
    app::session(&harness.app, token, &client()).await.unwrap()
}

/// A user with a known password.
pub(crate) async fn person(harness: &Harness, username: &str, role: &str) {
    let command = create_with(username, role, &json!({ "password": PASSWORD }));
    done(app::create_user(&harness.root(), command, Mode::Apply).await);
}

async fn outcomes(harness: &Harness, name: &str) -> Vec<LoginOutcome> {
    let logins = app::list_logins(&harness.root(), &user(name)).await.unwrap();
    logins.into_iter().map(|login| login.outcome).collect()
}

#[tokio::test]
async fn somebody_signs_in_by_login_or_address_and_is_an_actor() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    for name in ["alice", "alice@example.com", "  ALICE@Example.com "] {
        let signed_in = attempt(&harness, name, PASSWORD).await.unwrap();
        assert_eq!(signed_in.session.state, SessionState::Full);
        assert!(!harness.is_stored(signed_in.token.expose()), "only the hash is stored");
        let session = open(&harness, &signed_in.token).await.unwrap();
        let Some(Actor::Person { name, role, via, behind, .. }) = session.actor() else { panic!() };
        assert_eq!((name.as_str(), role, via, behind), ("alice", Role::User, Via::Session(session.id), None));
        let ctx = session.ctx(&harness.app, harness.app.request_id()).unwrap();
        assert_eq!(app::show_user(&ctx, &user("alice")).await.unwrap().email.as_str(), "alice@example.com");
        expect(app::show_user(&ctx, &user("admin")).await, Code::UserNotFound, None);
    }
    assert_eq!(outcomes(&harness, "alice").await, [LoginOutcome::Success; 3]);
    let listed = app::list_sessions(&harness.root(), &user("alice")).await.unwrap();
    assert_eq!((listed.len(), listed[0].agent.as_str()), (3, "Browser/1.0"));
}

#[tokio::test]
async fn every_failure_looks_the_same() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let id = app::show_user(&harness.root(), &user("alice")).await.unwrap().id.to_string();
    let mut answers = Vec::new();
    for (name, password) in [
        ("alice", "wrong wrong wrong"),
        ("nobody", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("Not A Name!", PASSWORD),
        (id.as_str(), PASSWORD),
    ] {
        answers.push(attempt(&harness, name, password).await.unwrap_err());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    expect::<()>(Err(answers.remove(0)), Code::SignInFailed, None);
    assert_eq!(outcomes(&harness, "alice").await, [LoginOutcome::WrongPassword]);
    assert!(!harness.is_stored("Not A Name!"), "people type passwords into the wrong field");
}

#[tokio::test]
async fn delays_grow_for_a_name_whether_somebody_has_it_or_not() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let mut waits = Vec::new();
    for name in ["alice", "nobody"] {
        let mut seen = Vec::new();
        for round in 0..9 {
            // Another address each time: it is the name that is counted.
            let from = client_at(&format!("198.51.100.{round}"));
            let refused = try_from(&harness, &from, name, "wrong wrong wrong").await.unwrap_err();
            let problem = refused.leading().unwrap().clone();
            seen.push((problem.code, problem.retry_after));
            if problem.code == Code::TooManyAttempts {
                // The right password is not looked at either.
                let right = try_from(&harness, &from, name, PASSWORD).await.unwrap_err();
                assert_eq!(right.leading().unwrap().code, Code::TooManyAttempts);
                harness.clock.advance(TimeDelta::seconds(problem.retry_after.unwrap().into()));
            }
        }
        waits.push(seen);
    }
    assert_eq!(waits[0], waits[1]);
    let codes: Vec<_> = waits[0].iter().map(|(code, _)| *code).collect();
    assert_eq!(codes[..5], [Code::SignInFailed; 5]);
    assert_eq!(waits[0][5], (Code::TooManyAttempts, Some(6)));
    assert_eq!(waits[0][7], (Code::TooManyAttempts, Some(11)), "the next delay is twice as long");
    harness.clock.advance(TimeDelta::seconds(60));
    attempt(&harness, "alice", PASSWORD).await.unwrap();
    // A success forgets what came before.
    expect(attempt(&harness, "alice", "wrong wrong wrong").await, Code::SignInFailed, None);
    attempt(&harness, "alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn delays_grow_for_an_address_whatever_names_it_tries() {
    let harness = Harness::new().await;
    for round in 0..20 {
        let from = client_at(&format!("2001:db8::{round}"));
        expect(try_from(&harness, &from, &format!("user{round}"), "x").await, Code::SignInFailed, None);
    }
    let more = try_from(&harness, &client_at("2001:db8::ffff"), "another", "x").await;
    expect(more, Code::TooManyAttempts, None);
    let elsewhere = try_from(&harness, &client_at("2001:db8:0:1::1"), "another", "x").await;
    expect(elsewhere, Code::SignInFailed, None);
}

#[tokio::test]
async fn many_attempts_at_once_are_counted() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let all = (0..20).map(|_| attempt(&harness, "alice", "wrong wrong wrong"));
    let mut looked_at = 0;
    for answer in futures_util::future::join_all(all).await {
        looked_at += u32::from(answer.unwrap_err().leading().unwrap().code == Code::SignInFailed);
    }
    assert_eq!(looked_at, 5);
}

#[tokio::test]
async fn a_session_ends_by_idling_by_age_and_by_hand() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let token = attempt(&harness, "alice", PASSWORD).await.unwrap().token;
    for _ in 0..10 {
        harness.clock.advance(TimeDelta::minutes(100));
        assert!(open(&harness, &token).await.is_some(), "use keeps it open");
    }
    harness.clock.advance(TimeDelta::minutes(122));
    assert!(open(&harness, &token).await.is_none(), "idle");

    let token = attempt(&harness, "alice", PASSWORD).await.unwrap().token;
    for _ in 0..168 {
        harness.clock.advance(TimeDelta::hours(1));
        open(&harness, &token).await;
    }
    assert!(open(&harness, &token).await.is_none(), "too old, although it was used");

    let signed_in = attempt(&harness, "alice", PASSWORD).await.unwrap();
    app::sign_out(&harness.app, harness.app.request_id(), &signed_in.session).await.unwrap();
    app::sign_out(&harness.app, harness.app.request_id(), &signed_in.session).await.unwrap();
    assert!(open(&harness, &signed_in.token).await.is_none());
    assert_eq!(harness.last_audit().await.action, "session.sign_out");
    assert!(open(&harness, &SessionToken::new("")).await.is_none());
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let mine = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let other = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let ctx = mine.session.ctx(&harness.app, harness.app.request_id()).unwrap();
    let new = SetPassword::parse(fields(json!({ "password": "copper ladder tulip" }))).unwrap();
    done(app::set_password(&ctx, &user("alice"), new, Mode::Apply).await);
    assert!(open(&harness, &mine.token).await.is_some());
    assert!(open(&harness, &other.token).await.is_none());
    expect(attempt(&harness, "alice", PASSWORD).await, Code::SignInFailed, None);
    let by_root = SetPassword::parse(fields(json!({ "password": PASSWORD }))).unwrap();
    done(app::set_password(&harness.root(), &user("alice"), by_root, Mode::Apply).await);
    assert!(open(&harness, &mine.token).await.is_none());
}

#[tokio::test]
async fn sessions_are_revoked_by_their_owner_and_by_admins_only() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    person(&harness, "bob", "user").await;
    let alice = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let second = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let bob = attempt(&harness, "bob", PASSWORD).await.unwrap();
    let as_bob = bob.session.ctx(&harness.app, harness.app.request_id()).unwrap();
    let as_alice = alice.session.ctx(&harness.app, harness.app.request_id()).unwrap();
    let target = user("alice");
    expect(
        app::revoke_session(&as_bob, &target, alice.session.id, Mode::Apply).await,
        Code::UserNotFound,
        None,
    );
    expect(
        app::revoke_session(&as_bob, &user("bob"), alice.session.id, Mode::Apply).await,
        Code::SessionNotFound,
        None,
    );
    let listed = app::list_sessions(&as_alice, &target).await.unwrap();
    let current: Vec<_> = listed.iter().filter(|session| session.current).map(|session| session.id).collect();
    assert_eq!(current, [alice.session.id]);
    assert_eq!(done(app::revoke_sessions(&as_alice, &target, Mode::Apply).await).ended, 1);
    assert!(open(&harness, &second.token).await.is_none() && open(&harness, &alice.token).await.is_some());
    done(app::revoke_session(&harness.root(), &target, alice.session.id, Mode::Apply).await);
    assert!(open(&harness, &alice.token).await.is_none());
    assert!(open(&harness, &bob.token).await.is_some());
}

#[tokio::test]
async fn a_form_belongs_to_one_session_and_a_password_is_confirmed_for_a_while() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let one = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let two = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let again = open(&harness, &one.token).await.unwrap();
    assert!(again.is_csrf_token(one.session.csrf_token()));
    assert!(!again.is_csrf_token(two.session.csrf_token()) && !again.is_csrf_token(""));
    assert!(again.is_confirmed(harness.app.clock.now()));
    harness.clock.advance(TimeDelta::minutes(16));
    let later = open(&harness, &one.token).await.unwrap();
    assert!(!later.is_confirmed(harness.app.clock.now()));
    let confirm = async |password: &str| {
        let (app, request) = (&harness.app, harness.app.request_id());
        app::confirm_session(app, request, &client(), &later, &password.parse_password()).await
    };
    for _ in 0..5 {
        expect(confirm("wrong wrong wrong").await, Code::SignInFailed, Some("password"));
    }
    expect(confirm(PASSWORD).await, Code::TooManyAttempts, None);
    harness.clock.advance(TimeDelta::minutes(1));
    confirm(PASSWORD).await.unwrap();
    assert!(open(&harness, &one.token).await.unwrap().is_confirmed(harness.app.clock.now()));
}

trait ParsePassword {
    fn parse_password(&self) -> berth_core::password::Password;
}

impl ParsePassword for str {
    fn parse_password(&self) -> berth_core::password::Password {
        berth_core::Parse::parse(self).unwrap()
    }
}

#[tokio::test]
async fn a_role_holds_from_the_next_request() {
    let harness = Harness::new().await;
    person(&harness, "alice", "admin").await;
    let token = attempt(&harness, "alice", PASSWORD).await.unwrap().token;
    done(app::set_role(&harness.root(), &user("alice"), Role::User, Mode::Apply).await);
    let session = open(&harness, &token).await.unwrap();
    let ctx = session.ctx(&harness.app, harness.app.request_id()).unwrap();
    expect(app::list_nodes(&ctx).await, Code::Forbidden, None);
    done(app::edit_user(&ctx, &user("alice"), EditUser::default(), Mode::Apply).await);
}
