//! Reading the logs of sites, through the node.

use std::sync::Arc;
use std::time::Duration;

use berth_core::inquiry::{Found, Question, Reply};
use berth_core::link::{PullRequest, Report};
use berth_core::log::LogKind;
use berth_core::policy::Scope;
use berth_core::problem::{Code, Problem};
use berth_server::app::{self, ReadLog};
use serde_json::json;

use crate::harness::{Harness, expect, fields, user};

/// A node that answers one question with this.
async fn answering(
    harness: &Arc<Harness>,
    outcome: Result<Found, Problem>,
) -> tokio::task::JoinHandle<Question> {
    // A question is given once: nothing may pull after it was asked but the node that answers it.
    let cursor = harness.pull(0).await.accounts.last().map_or(0, |spec| spec.generation);
    let harness = Arc::clone(harness);
    tokio::spawn(async move {
        let node = app::linked_node(&harness.app).await.unwrap();
        let request = PullRequest {
            cursor,
            audit: 0,
            limit: 10,
            wait_ms: 20_000,
            version: "0.1.0-test".to_owned(),
            acme: None,
        };
        let asked = app::pull(&harness.app, &node, request).await.unwrap().inquiries.remove(0);
        let reply = Reply { id: asked.id, outcome };
        harness.report(Report { replies: vec![reply], ..Report::default() }).await;
        asked.question
    })
}

#[tokio::test]
async fn a_log_is_what_the_node_says() {
    let harness = Arc::new(Harness::new().await);
    harness.create("alice", "user").await;
    let alice = harness.with_key("alice", &[Scope::Read]).await;
    let lines = vec!["one".to_owned(), "two".to_owned()];
    let node = answering(&harness, Ok(Found::Log { lines: lines.clone(), more: true })).await;
    let command = ReadLog::parse(fields(json!({"lines": "2", "filter": "Fatal"}))).unwrap();
    let site = "alicesite.com".parse().unwrap();
    let view = app::read_log(&alice, &user("alice"), &site, LogKind::Php, command).await.unwrap();
    assert_eq!((view.lines, view.more), (lines, true));
    let Question::Log { username, fqdn, kind, lines, filter } = node.await.unwrap() else {
        panic!("another question")
    };
    assert_eq!((username.as_str(), fqdn.as_str(), kind), ("alice", "alicesite.com", LogKind::Php));
    assert_eq!((lines.get(), String::from(filter.unwrap())), (2, "Fatal".to_owned()));
    assert!(harness.pull(0).await.inquiries.is_empty(), "a question is given once");
}

#[tokio::test]
async fn a_node_that_can_not_look_says_why() {
    let harness = Arc::new(Harness::new().await);
    harness.create("alice", "user").await;
    let _node = answering(&harness, Err(Problem::new(Code::HostFailed, "cannot read it"))).await;
    let site = "alicesite.com".parse().unwrap();
    let answer =
        app::read_log(&harness.root(), &user("alice"), &site, LogKind::Error, ReadLog::default()).await;
    expect(answer, Code::HostFailed, None);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_not_waited_for_long() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let site = "alicesite.com".parse().unwrap();
    let (root, alice) = (harness.root(), user("alice"));
    let asked = app::read_log(&root, &alice, &site, LogKind::Access, ReadLog::default());
    let answer = tokio::time::timeout(Duration::from_mins(1), asked).await.unwrap();
    expect(answer, Code::NodeSilent, None);
}

#[test]
fn what_is_asked_for_is_checked() {
    let bad = json!({"lines": "0", "filter": "", "kind": "x"});
    let problems = ReadLog::parse(fields(bad)).unwrap_err();
    let fields: Vec<_> = problems.into_iter().filter_map(|problem| problem.field).collect();
    assert_eq!(fields, ["lines", "kind"], "an empty filter is none");
}
