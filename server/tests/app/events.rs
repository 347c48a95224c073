//! What has happened, and how webhooks are told of it.

use berth_core::command::AddWebhook;
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::link::Report;
use berth_core::mode::Mode;
use berth_core::policy::Scope;
use berth_core::problem::{Code, Problem};
use berth_core::view::{CreatedWebhook, DeliveryView, EventView};
use berth_core::webhook::DeliveryState;
use berth_server::app::{self, Ctx, ListDeliveries, ListEvents};
use berth_server::secret::signature;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Harness, converged, done, expect, fields, user};

fn add(body: Value) -> AddWebhook {
    AddWebhook::parse(fields(body)).unwrap()
}

async fn hook(harness: &Harness, events: &[&str]) -> CreatedWebhook {
    let body = json!({"url": "https://receiver.example/in?k=1", "events": events});
    done(app::add_webhook(&harness.root(), add(body), Mode::Apply).await)
}

async fn events(harness: &Harness, filter: Value) -> Vec<EventView> {
    let command = ListEvents::parse(fields(filter)).unwrap();
    app::list_events(&harness.root(), command).await.unwrap().items
}

async fn deliveries(harness: &Harness, hook: &CreatedWebhook) -> Vec<DeliveryView> {
    let all = ListDeliveries::parse(fields(json!({"limit": "200"}))).unwrap();
    app::list_deliveries(&harness.root(), hook.webhook.id, all).await.unwrap().items
}

#[tokio::test]
async fn every_verb_that_changes_something_leaves_one_event() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    done(app::set_sftp(&harness.root(), &user("alice"), false, Mode::Apply).await);
    // Nothing changes, or nothing is done: no event.
    done(app::set_sftp(&harness.root(), &user("alice"), false, Mode::Apply).await);
    app::set_sftp(&harness.root(), &user("alice"), true, Mode::Plan).await.unwrap();
    let alice = harness.with_key("alice", &[Scope::Read]).await;
    app::list_nodes(&alice).await.unwrap_err();
    let audited: Vec<_> = harness.audit().await;
    let done: Vec<_> = audited.iter().filter(|entry| entry.outcome.as_str() == "done").collect();
    let told = events(&harness, json!({"limit": "200"})).await;
    assert_eq!(told.len(), done.len());
    // In the test all of it happens at the same moment, so that only the order of ids is left.
    for entry in done {
        let same = told.iter().filter(|event| {
            event.kind == entry.action
                && event.subject == entry.subject
                && event.request.as_deref() == Some(&entry.request)
                && event.detail == entry.detail
                && event.actor == entry.actor
        });
        assert_eq!(same.count(), 1, "{entry:?}");
    }
    let of_alice = events(&harness, json!({"user": "alice", "kind": "sftp.*"})).await;
    assert_eq!(of_alice.len(), 1);
    assert_eq!(of_alice[0].detail, json!({"old": true, "new": false}));
    expect(
        app::list_events(&harness.root(), ListEvents::parse(fields(json!({"user": "nosuchuser"}))).unwrap())
            .await,
        Code::UserNotFound,
        Some("user"),
    );
}

#[tokio::test]
async fn every_change_of_a_condition_leaves_one_event() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let spec = harness.spec("alice").await;
    let all = json!({"kind": "condition.changed", "limit": "200"});
    let mut report = converged(&spec);
    harness.report(Report { accounts: vec![report.clone()], ..Report::default() }).await;
    assert_eq!(events(&harness, all.clone()).await.len(), Resource::ALL.len());
    // The same again is no news, also with other words or other values.
    report.conditions[0] = report.conditions[0].clone().observe("gid", 7);
    harness.report(Report { accounts: vec![report.clone()], ..Report::default() }).await;
    assert_eq!(events(&harness, all.clone()).await.len(), Resource::ALL.len());
    harness.clock.advance(TimeDelta::seconds(1));
    let failed = |detail: &str| {
        let state = ConditionState::Failed(Problem::new(Code::HostFailed, detail));
        let mut report = converged(&spec);
        report.conditions.retain(|condition| condition.resource != Resource::Home);
        report.conditions.push(Condition::new(Resource::Home, state));
        Report { accounts: vec![report], ..Report::default() }
    };
    harness.report(failed("first")).await;
    harness.report(failed("other words")).await;
    let told = events(&harness, all).await;
    assert_eq!(told.len(), Resource::ALL.len() + 1);
    let newest = &told[0];
    assert_eq!(
        (newest.subject.as_str(), newest.actor.as_str(), &newest.request),
        ("alice", "node node1", &None)
    );
    assert_eq!((&newest.detail["resource"], &newest.detail["old"]), (&json!("home"), &json!("converged")));
    assert_eq!(
        (&newest.detail["new"], &newest.detail["problem"]["code"]),
        (&json!("failed"), &json!("host_failed"))
    );
    assert_eq!(newest.user, Some(app::show_user(&harness.root(), &user("alice")).await.unwrap().id));
}

#[tokio::test]
async fn a_webhook_is_sent_what_it_wants_signed() {
    let harness = Harness::new().await;
    let all = hook(&harness, &["*"]).await;
    let users = hook(&harness, &["user.*"]).await;
    assert!(all.secret.starts_with("berth_whsec_") && all.secret.len() > 50);
    assert!(!harness.is_stored(&all.secret), "the secret is sealed");
    assert!(!harness.is_stored("receiver.example/in?k=1\",\"to"), "the audit log names the host only");
    harness.create("alice", "user").await;
    done(app::set_sftp(&harness.root(), &user("alice"), false, Mode::Apply).await);
    while app::deliver_events(&harness.app).await.unwrap() > 0 {}
    let posts = harness.network.posts.lock().unwrap().clone();
    let kinds = |secret: &str| -> Vec<String> {
        let mut kinds: Vec<String> = posts
            .iter()
            .filter(|post| {
                let signed = signature::header(secret.as_bytes(), harness.app.clock.now(), &post.body);
                post.headers.contains(&("berth-signature", signed))
            })
            .map(|post| {
                let event: EventView = serde_json::from_str(&post.body).unwrap();
                assert!(post.headers.contains(&("berth-event", event.kind.clone())));
                assert_eq!(post.url.as_str(), "https://receiver.example/in?k=1");
                assert!(!post.allow_private);
                event.kind
            })
            .collect();
        kinds.sort();
        kinds
    };
    // A webhook is told of itself too; one that was added before is told of the other.
    assert_eq!(kinds(&all.secret), ["sftp.set", "user.create", "webhook.add", "webhook.add"]);
    assert_eq!(kinds(&users.secret), ["user.create"]);
    assert_eq!(posts.len(), 5);
    for delivery in deliveries(&harness, &all).await {
        assert_eq!(
            (delivery.state, delivery.attempts, delivery.status),
            (DeliveryState::Delivered, 1, Some(200))
        );
    }
}

#[tokio::test]
async fn a_failed_delivery_is_tried_for_three_days_then_dead_then_replayed() {
    let harness = Harness::new().await;
    let hook = hook(&harness, &["user.create"]).await;
    *harness.network.status.lock().unwrap() = Some(302);
    harness.create("alice", "user").await;
    let mut rounds = 0;
    for _ in 0..4 * 24 * 12 {
        rounds += app::deliver_events(&harness.app).await.unwrap();
        harness.clock.advance(TimeDelta::minutes(5));
    }
    let dead = deliveries(&harness, &hook).await.remove(0);
    assert_eq!((dead.state, dead.status, dead.due_at), (DeliveryState::Dead, Some(302), None));
    assert_eq!(dead.problem.as_deref(), Some("the receiver answered 302"));
    assert!((10..30).contains(&rounds) && dead.attempts == rounds as u64, "{rounds}");
    let days = dead.tried_at.unwrap() - dead.created_at;
    assert!(days >= TimeDelta::days(3) && days < TimeDelta::hours(84), "{days}");
    // The receiver is back.
    *harness.network.status.lock().unwrap() = None;
    let before = harness.network.posts.lock().unwrap().len();
    app::replay_delivery(&harness.root(), hook.webhook.id, dead.id, Mode::Plan).await.unwrap();
    assert_eq!(app::deliver_events(&harness.app).await.unwrap(), 0, "a plan sends nothing");
    done(app::replay_delivery(&harness.root(), hook.webhook.id, dead.id, Mode::Apply).await);
    assert_eq!(app::deliver_events(&harness.app).await.unwrap(), 1);
    let posts = harness.network.posts.lock().unwrap().clone();
    assert_eq!(posts.len(), before + 1);
    assert_eq!(posts.last().unwrap().body, posts[0].body, "a repetition says the same");
    let shown = app::show_webhook(&harness.root(), hook.webhook.id).await.unwrap();
    assert_eq!((shown.failures, shown.rests_until, shown.waiting), (0, None, 0));
    assert_eq!(deliveries(&harness, &hook).await[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_asked_now_and_then_and_not_for_each_event() {
    let harness = Harness::new().await;
    let hook = hook(&harness, &["sftp.set"]).await;
    harness.create("alice", "user").await;
    *harness.network.status.lock().unwrap() = Some(503);
    done(app::set_sftp(&harness.root(), &user("alice"), false, Mode::Apply).await);
    assert_eq!(app::deliver_events(&harness.app).await.unwrap(), 1);
    for on in [true, false, true] {
        done(app::set_sftp(&harness.root(), &user("alice"), on, Mode::Apply).await);
        assert_eq!(app::deliver_events(&harness.app).await.unwrap(), 0, "it rests");
    }
    assert_eq!(app::show_webhook(&harness.root(), hook.webhook.id).await.unwrap().waiting, 4);
    *harness.network.status.lock().unwrap() = None;
    harness.clock.advance(TimeDelta::minutes(1));
    while app::deliver_events(&harness.app).await.unwrap() > 0 {}
    assert!(deliveries(&harness, &hook).await.iter().all(|one| one.state == DeliveryState::Delivered));
    // A test goes out whatever the webhook wants, and at once.
    let tested = done(app::test_webhook(&harness.root(), hook.webhook.id, Mode::Apply).await);
    assert_eq!((tested.kind.as_str(), tested.state), ("webhook.test", DeliveryState::Waiting));
    assert_eq!(app::deliver_events(&harness.app).await.unwrap(), 1);
    let tested = app::show_delivery(&harness.root(), hook.webhook.id, tested.id).await.unwrap();
    assert_eq!((tested.state, tested.status), (DeliveryState::Delivered, Some(200)));
    done(app::remove_webhook(&harness.root(), hook.webhook.id, Mode::Apply).await);
    expect(app::show_webhook(&harness.root(), hook.webhook.id).await, Code::WebhookNotFound, None);
    expect(
        app::show_delivery(&harness.root(), hook.webhook.id, tested.id).await,
        Code::WebhookNotFound,
        None,
    );
}

#[tokio::test]
async fn events_are_sent_nowhere_that_a_stranger_could_choose_to_reach() {
    let harness = Harness::new().await;
    for url in [
        "http://receiver.example/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1:8443/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00::1]/",
        "https://0/",
    ] {
        let answer = app::add_webhook(&harness.root(), add(json!({"url": url})), Mode::Apply).await;
        expect(answer, Code::WebhookUrlInvalid, Some("url"));
    }
    assert_eq!(app::list_webhooks(&harness.root()).await.unwrap(), []);
    let again = Ctx { idempotency_key: Some("k".to_owned()), ..harness.root() };
    let command = add(json!({"url": "https://receiver.example/"}));
    let first = done(app::add_webhook(&again, command.clone(), Mode::Apply).await);
    let second = done(app::add_webhook(&again, command, Mode::Apply).await);
    assert_eq!((first.webhook.id, second.secret.as_str()), (second.webhook.id, ""));
}
