use berth_core::command::CreateApiKey;
use berth_core::mode::Mode;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::role::Actor;
use berth_server::app::{self, Ctx, Outcome};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Harness, done, expect, fields, user};

fn key(body: Value) -> CreateApiKey {
    CreateApiKey::parse(fields(body)).unwrap()
}

async fn authenticate(harness: &Harness, secret: &str) -> Result<Actor, berth_core::Problems> {
    app::authenticate(&harness.app, harness.app.request_id(), secret, "192.0.2.1").await
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked_and_its_secret_is_not_stored() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let command = key(json!({ "label": "ci", "scopes": ["read"], "user": "alice" }));
    let created = done(app::create_api_key(&harness.root(), command, Mode::Apply).await);
    let (_, secret) = created.secret.rsplit_once('_').map_or(("", ""), |_| {
        let rest = created.secret.strip_prefix("berth_").unwrap();
        rest.split_once('_').unwrap()
    });
    assert_eq!(secret.len(), 43);
    assert!(!harness.is_stored(secret));
    let actor = authenticate(&harness, &created.secret).await.unwrap();
    assert_eq!(actor.label(), format!("alice by API key {}", created.key.id));
    let listed = app::list_api_keys(&harness.root(), Some(&user("alice"))).await.unwrap().remove(0);
    assert_eq!(listed.used_at.unwrap().timestamp() % 60, 0, "to the minute");
    done(app::revoke_api_key(&harness.root(), created.key.id, Mode::Apply).await);
    expect(authenticate(&harness, &created.secret).await, Code::Unauthenticated, None);
    let again = done(app::revoke_api_key(&harness.root(), created.key.id, Mode::Apply).await);
    assert!(again.revoked_at.is_some());
    let none = berth_core::id::ApiKeyId(uuid::Uuid::nil());
    expect(app::revoke_api_key(&harness.root(), none, Mode::Apply).await, Code::ApiKeyNotFound, None);
}

#[tokio::test]
async fn every_wrong_key_is_refused_alike_and_in_the_log() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let command = key(json!({ "label": "x", "scopes": ["read"], "user": "alice", "expires_in_days": 1 }));
    let good = done(app::create_api_key(&harness.root(), command, Mode::Apply).await).secret;
    let mut other = good.clone();
    other.pop();
    let unknown = format!("berth_{}_{}", "0".repeat(32), "a".repeat(43));
    let mut answers = Vec::new();
    for wrong in ["", "berth_", "Bearer x", "berth_x_y", other.as_str(), unknown.as_str()] {
        answers.push(authenticate(&harness, wrong).await.unwrap_err());
    }
    harness.clock.advance(TimeDelta::days(1));
    answers.push(authenticate(&harness, &good).await.unwrap_err());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let refusals: Vec<_> = harness
        .audit()
        .await
        .into_iter()
        .filter(|entry| entry.action == "api_key.authenticate")
        .map(|entry| entry.detail["why"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(refusals.len(), answers.len());
    assert_eq!(refusals[0], "expired");
    assert!(refusals.contains(&"wrong secret".to_owned()) && refusals.contains(&"unknown".to_owned()));
}

#[tokio::test]
async fn a_key_cant_give_what_it_does_not_have() {
    let harness = Harness::new().await;
    let weak = harness.with_key("admin", &[Scope::ApiKeys]).await;
    let more = key(json!({ "label": "x", "scopes": ["api_keys", "users"] }));
    expect(app::create_api_key(&weak, more, Mode::Apply).await, Code::Forbidden, Some("scopes"));
    assert_eq!(harness.audit().await[0].outcome.as_str(), "refused");
    let same = key(json!({ "label": "x", "scopes": ["api_keys"] }));
    done(app::create_api_key(&weak, same, Mode::Apply).await);
}

#[tokio::test]
async fn root_says_whose_key_it_shall_be() {
    let harness = Harness::new().await;
    let command = key(json!({ "label": "x", "scopes": ["read"] }));
    expect(
        app::create_api_key(&harness.root(), command.clone(), Mode::Apply).await,
        Code::FieldMissing,
        Some("user"),
    );
    let stranger = harness.ctx(Actor::Anonymous { from: "192.0.2.1".to_owned() });
    expect(app::create_api_key(&stranger, command, Mode::Apply).await, Code::Unauthenticated, None);
    let keyed = Ctx { idempotency_key: Some("k".to_owned()), ..harness.root() };
    let command = || key(json!({ "label": "x", "scopes": ["read"], "user": "admin" }));
    let planned = app::create_api_key(&keyed, command(), Mode::Plan).await.unwrap();
    assert!(matches!(planned, Outcome::Planned(_)));
    let first = done(app::create_api_key(&keyed, command(), Mode::Apply).await);
    let again = done(app::create_api_key(&keyed, command(), Mode::Apply).await);
    assert_eq!((first.key, again.secret.as_str()), (again.key.clone(), ""));
    assert_eq!(app::list_api_keys(&harness.root(), None).await.unwrap().len(), 2, "with that of setup");
}
