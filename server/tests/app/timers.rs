use berth_core::Fields;
use berth_core::command::{AddTimer, EditPackage, EditTimer};
use berth_core::link::{Report, TimerRunReport};
use berth_core::mode::Mode;
use berth_core::package::TimerMode;
use berth_core::problem::Code;
use berth_core::timer::{MailOnFailure, RunOutcome, TimerName};
use berth_core::view::TimerView;
use berth_server::app;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Harness, done, expect, fields, refused, user};

fn timer(name: &str, more: &Value) -> Fields {
    let mut body = json!({ "name": name, "schedule": "0 3 * * *", "command": "echo hunter2" });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    fields(body)
}

async fn add(harness: &Harness, name: &str, more: Value) -> TimerView {
    let command = AddTimer::parse(timer(name, &more)).unwrap();
    done(app::add_timer(&harness.root(), &user("alice"), command, Mode::Apply).await)
}

fn name(text: &str) -> TimerName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_timer_comes_changes_and_goes() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    let before = harness.bytes();
    let command = || AddTimer::parse(timer("backup", &json!({}))).unwrap();
    for mode in [Mode::Plan, Mode::CheckOnly] {
        app::add_timer(&root, &user("alice"), command(), mode).await.unwrap();
    }
    assert!(harness.bytes() == before);
    let added = add(&harness, "backup", json!({ "mail_on_failure": true, "timeout_s": 60 })).await;
    // The clock of the harness stands at 2027-01-15 08:00 UTC.
    assert_eq!(added.next_run, Some("2027-01-16T03:00:00Z".parse().unwrap()));
    assert_eq!((added.mode, added.enabled, added.timeout_s.seconds()), (TimerMode::Always, true, 60));
    expect(
        app::add_timer(&root, &user("alice"), command(), Mode::Apply).await,
        Code::TimerTaken,
        Some("name"),
    );
    let spec = harness.spec("alice").await;
    assert_eq!(spec.timer_list[0].command.as_str(), "echo hunter2");

    let edit = EditTimer::parse(fields(json!({ "enabled": false, "mail_on_failure": false }))).unwrap();
    let generation = spec.generation;
    let edited =
        done(app::edit_timer(&root, &user("alice"), &name("backup"), edit.clone(), Mode::Apply).await);
    assert_eq!((edited.next_run, &edited.mail_on_failure), (None, &MailOnFailure::Off));
    let spec = harness.spec("alice").await;
    assert!(spec.generation > generation && !spec.timer_list[0].enabled);
    done(app::edit_timer(&root, &user("alice"), &name("backup"), edit, Mode::Apply).await);
    assert_eq!(harness.spec("alice").await.generation, spec.generation, "nothing changed");
    assert_eq!(app::list_timers(&root, &user("alice")).await.unwrap(), [edited]);

    done(app::remove_timer(&root, &user("alice"), &name("backup"), Mode::Apply).await);
    assert!(harness.spec("alice").await.timer_list.is_empty());
    for gone in [
        app::show_timer(&root, &user("alice"), &name("backup")).await.map(drop),
        app::remove_timer(&root, &user("alice"), &name("backup"), Mode::Apply).await.map(drop),
        app::run_timer(&root, &user("alice"), &name("backup"), Mode::Apply).await.map(drop),
    ] {
        expect(gone, Code::TimerNotFound, None);
    }
    let log = serde_json::to_string(&harness.audit().await).unwrap();
    assert!(log.contains("timer.add") && log.contains("timer.edit") && log.contains("timer.remove"));
    assert!(!log.contains("hunter2"), "a command may hold a secret");
}

#[tokio::test]
async fn the_same_key_with_another_command_is_another_request() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let mut root = harness.root();
    root.idempotency_key = Some("k".to_owned());
    let with = |text: &str| AddTimer::parse(timer("a", &json!({ "command": text }))).unwrap();
    let first = done(app::add_timer(&root, &user("alice"), with("echo 1"), Mode::Apply).await);
    let again = done(app::add_timer(&root, &user("alice"), with("echo 1"), Mode::Apply).await);
    assert_eq!(first, again);
    let other = app::add_timer(&root, &user("alice"), with("echo 2"), Mode::Apply).await;
    assert_eq!(refused(other)[0].0, Code::IdempotencyConflict);
}

#[tokio::test]
async fn bad_fields_come_all_at_once() {
    let bad = timer(
        "Bad",
        &json!({ "schedule": "* *", "command": "a\nb", "timeout_s": 0, "mail_on_failure": "nobody", "x": 1 }),
    );
    let found = refused(AddTimer::parse(bad));
    let fields: Vec<_> = found.iter().map(|(_, field)| field.as_deref().unwrap()).collect();
    assert_eq!(fields, ["name", "schedule", "command", "mail_on_failure", "timeout_s", "x"]);
}

#[tokio::test]
async fn a_package_without_timers_has_none_and_there_is_a_limit() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    for number in 0..50 {
        add(&harness, &format!("t{number}"), json!({})).await;
    }
    let one_more = || AddTimer::parse(timer("more", &json!({}))).unwrap();
    expect(app::add_timer(&root, &user("alice"), one_more(), Mode::Apply).await, Code::LimitExceeded, None);
    let off = EditPackage::parse(fields(json!({ "timers": "off" }))).unwrap();
    done(app::edit_package(&root, &"standard".parse().unwrap(), off, Mode::Apply).await);
    assert!(harness.spec("alice").await.timer_list.is_empty());
    expect(
        app::add_timer(&root, &user("alice"), one_more(), Mode::Apply).await,
        Code::TimersNotIncluded,
        None,
    );
    expect(
        app::run_timer(&root, &user("alice"), &name("t1"), Mode::Apply).await,
        Code::TimersNotIncluded,
        None,
    );
    let kept = app::list_timers(&root, &user("alice")).await.unwrap();
    assert_eq!(kept.len(), 50);
    assert!(kept.iter().all(|timer| timer.next_run.is_none()));
}

#[tokio::test]
async fn a_wish_to_run_rises() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    add(&harness, "a", json!({ "enabled": false })).await;
    assert_eq!(harness.spec("alice").await.timer_list[0].run_wanted_at, None);
    for _ in 0..2 {
        harness.clock.advance(TimeDelta::seconds(5));
        done(app::run_timer(&harness.root(), &user("alice"), &name("a"), Mode::Apply).await);
        let wanted = harness.spec("alice").await.timer_list[0].run_wanted_at;
        assert_eq!(wanted, Some(harness.app.clock.now()));
    }
}

async fn ran(harness: &Harness, timer: &str, at: DateTime<Utc>, outcome: RunOutcome) {
    let run = TimerRunReport {
        account: harness.spec("alice").await.account,
        timer: name(timer),
        started_at: at,
        ended_at: at + TimeDelta::seconds(1),
        outcome,
        truncated: false,
        output: "said".to_owned(),
    };
    harness.report(Report { timer_runs: vec![run], ..Report::default() }).await;
}

async fn messages(harness: &Harness) -> Vec<Value> {
    let mut tx = harness.app.store.begin().await.unwrap();
    let due = harness.app.clock.now();
    let all = berth_store::outbox::claim(&mut tx, "timer.failed", due, due, 100).await.unwrap();
    all.into_iter().map(|message| message.payload).collect()
}

#[tokio::test]
async fn runs_are_kept_and_a_failure_is_told_once_an_hour() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    add(&harness, "a", json!({ "mail_on_failure": "ops@example.org" })).await;
    add(&harness, "quiet", json!({})).await;
    let start = harness.app.clock.now();
    for minute in 0..12 {
        ran(&harness, "a", start + TimeDelta::minutes(minute - 12), RunOutcome::Exited(0)).await;
    }
    let runs = app::list_timer_runs(&root, &user("alice"), &name("a")).await.unwrap();
    assert_eq!(runs.len(), 10);
    assert_eq!(runs[0].started_at, start - TimeDelta::minutes(1));
    assert_eq!(runs[0].output.as_deref(), Some("said"));
    assert!(messages(&harness).await.is_empty());

    ran(&harness, "quiet", start, RunOutcome::Exited(1)).await;
    for second in 0..3 {
        // The same run once more is no news.
        for _ in 0..2 {
            ran(&harness, "a", start + TimeDelta::seconds(second), RunOutcome::Exited(9)).await;
        }
    }
    let told = messages(&harness).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["to"], "ops@example.org");
    harness.clock.advance(TimeDelta::hours(1));
    ran(&harness, "a", start + TimeDelta::hours(1), RunOutcome::TimedOut).await;
    assert_eq!(messages(&harness).await.len(), 2);

    let shown = app::show_timer(&root, &user("alice"), &name("a")).await.unwrap();
    let last = shown.last_run.unwrap();
    assert_eq!((last.outcome, last.succeeded, last.output), (RunOutcome::TimedOut, false, None));
}

#[tokio::test]
async fn runs_that_can_not_have_been_are_ignored() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    add(&harness, "a", json!({})).await;
    let now = harness.app.clock.now();
    ran(&harness, "a", now + TimeDelta::days(1), RunOutcome::Exited(0)).await;
    ran(&harness, "unknown", now, RunOutcome::Exited(0)).await;
    let run = TimerRunReport {
        account: berth_core::id::AccountId(berth_core::id::UserId::new(now, [1; 10]).0),
        timer: name("a"),
        started_at: now,
        ended_at: now,
        outcome: RunOutcome::Exited(0),
        truncated: false,
        output: String::new(),
    };
    harness.report(Report { timer_runs: vec![run], ..Report::default() }).await;
    assert_eq!(app::list_timer_runs(&harness.root(), &user("alice"), &name("a")).await.unwrap(), []);
}
