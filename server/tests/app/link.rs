//! What agents ask and say, and who waits for it.

use std::sync::Arc;
use std::time::Duration;

use berth_core::condition::{Condition, ConditionState, Convergence, Resource};
use berth_core::link::{AccountReport, PullRequest, Report};
use berth_core::problem::{Code, Problem};
use berth_server::app::{self, Wait};
use tokio::time::Instant;

use crate::harness::{Harness, converged, expect, user};

fn asking(cursor: u64, wait_ms: u32) -> PullRequest {
    PullRequest { cursor, audit: 0, limit: 1000, wait_ms, version: "0.1.0-test".to_owned(), acme: None }
}

#[tokio::test]
async fn a_pull_waits_for_a_create_and_no_longer() {
    let harness = Arc::new(Harness::new().await);
    let node = app::linked_node(&harness.app).await.unwrap();
    let waiting = {
        let harness = Arc::clone(&harness);
        tokio::spawn(async move { app::pull(&harness.app, &node, asking(0, 30_000)).await.unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    let start = Instant::now();
    harness.create("alice", "user").await;
    let answer = waiting.await.unwrap();
    assert_eq!(answer.accounts.len(), 1);
    assert!(start.elapsed() < Duration::from_secs(5));
    let start = Instant::now();
    let nothing = app::pull(&harness.app, &node, asking(answer.accounts[0].generation, 200)).await.unwrap();
    assert!(nothing.accounts.is_empty());
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn pages_of_a_pull_skip_nobody() {
    let harness = Harness::new().await;
    for number in 0..7 {
        harness.create(&format!("user{number}"), "user").await;
    }
    let node = app::linked_node(&harness.app).await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = 0;
    loop {
        let page =
            app::pull(&harness.app, &node, PullRequest { limit: 3, ..asking(cursor, 0) }).await.unwrap();
        cursor = page.accounts.last().map_or(cursor, |spec| spec.generation);
        seen.extend(page.accounts.iter().map(|spec| spec.username.to_string()));
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, (0..7).map(|number| format!("user{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_waits_for_conditions_is_told_when_they_settle() {
    let harness = Arc::new(Harness::new().await);
    harness.create("alice", "user").await;
    let waiting = {
        let harness = Arc::clone(&harness);
        tokio::spawn(async move {
            let wait = Wait { wait: Duration::from_secs(30), ..Wait::default() };
            app::conditions(&harness.root(), &user("alice"), wait).await.unwrap()
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    harness.converge().await;
    let view = waiting.await.unwrap();
    assert_eq!(view.state, Convergence::Converged);
    assert_eq!(view.observed_generation, view.generation);
    assert!(view.reported_at.is_some());
}

#[tokio::test]
async fn whoever_waits_for_any_change_is_told_of_the_next() {
    let harness = Arc::new(Harness::new().await);
    harness.create("alice", "user").await;
    let first = app::conditions(&harness.root(), &user("alice"), Wait::default()).await.unwrap();
    let wait = |mark: String| Wait { wait: Duration::from_millis(300), since: Some(mark), ..Wait::default() };
    let start = Instant::now();
    let same = app::conditions(&harness.root(), &user("alice"), wait(Wait::mark(&first))).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(same, first);
    let spec = harness.spec("alice").await;
    let mut report = converged(&spec);
    report.conditions[0] = Condition::new(
        Resource::Account,
        ConditionState::Failed(Problem::new(Code::AccountForeign, "taken")),
    );
    harness.report(Report { accounts: vec![report], ..Report::default() }).await;
    let changed = app::conditions(&harness.root(), &user("alice"), wait(Wait::mark(&first))).await.unwrap();
    assert_eq!(changed.state, Convergence::Failed);
}

#[tokio::test]
async fn a_stale_or_invented_report_changes_nothing() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let spec = harness.spec("alice").await;
    let ahead = AccountReport { generation: spec.generation + 100, ..converged(&spec) };
    harness.report(Report { accounts: vec![ahead], ..Report::default() }).await;
    let view = app::conditions(&harness.root(), &user("alice"), Wait::default()).await.unwrap();
    assert_eq!((view.state, view.observed_generation), (Convergence::Provisioning, 0));
}

#[tokio::test]
async fn without_setup_there_is_no_node_to_speak_for() {
    let harness = Harness::empty().await;
    expect(app::linked_node(&harness.app).await, Code::NodeNotFound, None);
    app::ready(&harness.app).await.unwrap();
}
