//! Pending domains become active when somebody proves that they are theirs.

use berth_core::command::AddDomain;
use berth_core::domain::DomainState;
use berth_core::mode::Mode;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_server::app::{self, Outcome};
use berth_server::network::Page;
use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{Harness, done, expect, fields, user};

/// Alice with a domain that she added herself.
async fn pending(harness: &Harness, name: &str) -> berth_core::view::DomainView {
    harness.create("alice", "user").await;
    let alice = harness.with_key("alice", Scope::ALL).await;
    let command = AddDomain::parse(fields(json!({ "domain": name }))).unwrap();
    let added = done(app::add_domain(&alice, &user("alice"), command, Mode::Apply).await);
    assert_eq!(added.state, DomainState::Pending);
    added
}

async fn aliases(harness: &Harness, name: &str) -> usize {
    let spec = harness.spec("alice").await;
    spec.sites.iter().find(|site| site.fqdn.as_str() == name).unwrap().aliases.len()
}

#[tokio::test]
async fn a_record_proves_a_domain() {
    let harness = Harness::new().await;
    let added = pending(&harness, "second.org").await;
    let alice = harness.with_key("alice", Scope::ALL).await;
    let (who, name) = (user("alice"), "second.org".parse().unwrap());
    let ownership = added.ownership.unwrap();
    assert_eq!(ownership.record, "_berth.second.org");
    assert!(ownership.value.starts_with("berth-verification="));
    expect(app::verify_domain(&alice, &who, &name, Mode::CheckAll).await, Code::DomainUnproven, None);
    let untouched = app::show_domain(&alice, &who, &name).await.unwrap().ownership.unwrap();
    assert_eq!(untouched.checked_at, None, "a dry run notes nothing");
    expect(app::verify_domain(&alice, &who, &name, Mode::Apply).await, Code::DomainUnproven, None);
    let looked = app::show_domain(&alice, &who, &name).await.unwrap().ownership.unwrap();
    assert!(looked.checked_at.is_some() && looked.problem.unwrap().detail.contains("no TXT record"));

    let wrong = vec![ownership.value.replace('=', "=0")];
    harness.network.texts.lock().unwrap().insert(ownership.record.clone(), wrong);
    expect(app::verify_domain(&alice, &who, &name, Mode::Apply).await, Code::DomainUnproven, None);
    assert_eq!(aliases(&harness, "second.org").await, 0);
    let texts = vec!["v=spf1 -all".to_owned(), ownership.value.clone()];
    harness.network.texts.lock().unwrap().insert(ownership.record.clone(), texts);
    let checked = app::verify_domain(&alice, &who, &name, Mode::CheckAll).await.unwrap();
    assert_eq!(checked, Outcome::Checked);
    let before = harness.spec("alice").await.generation;
    let proven = done(app::verify_domain(&alice, &who, &name, Mode::Apply).await);
    assert_eq!((proven.state, proven.ownership), (DomainState::Active, None));
    assert!(harness.spec("alice").await.generation > before);
    assert_eq!(aliases(&harness, "second.org").await, 1);
    let entry = harness.last_audit().await;
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("domain.verify", "second.org"));
    assert_eq!(entry.detail["proof"], "dns");
    // Once more is no change.
    let again = done(app::verify_domain(&alice, &who, &name, Mode::Apply).await);
    assert_eq!(again.state, DomainState::Active);
    assert_eq!(harness.last_audit().await.sequence, entry.sequence);
}

#[tokio::test]
async fn a_file_proves_a_domain_and_an_error_page_does_not() {
    let harness = Harness::new().await;
    let added = pending(&harness, "second.org").await;
    let (root, who, name) = (harness.root(), user("alice"), "second.org".parse().unwrap());
    let value = added.ownership.unwrap().value;
    let path = ("second.org".to_owned(), "/.well-known/berth-verification.txt".to_owned());
    for (status, body) in
        [(404, value.clone()), (301, value.clone()), (200, format!("<p>{value}")), (200, String::new())]
    {
        harness.network.pages.lock().unwrap().insert(path.clone(), Page { status, body });
        expect(app::verify_domain(&root, &who, &name, Mode::Apply).await, Code::DomainUnproven, None);
    }
    let body = format!("{value}\r\n");
    harness.network.pages.lock().unwrap().insert(path, Page { status: 200, body });
    let proven = done(app::verify_domain(&root, &who, &name, Mode::Apply).await);
    assert_eq!(proven.state, DomainState::Active);
    assert_eq!(harness.last_audit().await.detail["proof"], "file");
}

#[tokio::test]
async fn only_an_administrator_approves() {
    let harness = Harness::new().await;
    pending(&harness, "second.org").await;
    let (who, name) = (user("alice"), "second.org".parse().unwrap());
    let alice = harness.with_key("alice", Scope::ALL).await;
    expect(app::approve_domain(&alice, &who, &name, Mode::Apply).await, Code::Forbidden, None);
    let admin = harness.with_key("admin", Scope::ALL).await;
    let approved = done(app::approve_domain(&admin, &who, &name, Mode::Apply).await);
    assert_eq!((approved.state, approved.ownership), (DomainState::Active, None));
    let entry = harness.last_audit().await;
    assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("domain.approve", "done"));
    assert_eq!(aliases(&harness, "second.org").await, 1);
}

#[tokio::test]
async fn berth_looks_by_itself_less_and_less_and_gives_up_after_a_month() {
    let harness = Harness::new().await;
    let added = pending(&harness, "second.org").await;
    let (root, who, name) = (harness.root(), user("alice"), "second.org".parse().unwrap());
    assert_eq!(app::verify_pending(&harness.app).await.unwrap(), 0, "not at once");
    harness.clock.advance(TimeDelta::minutes(1));
    assert_eq!(app::verify_pending(&harness.app).await.unwrap(), 1);
    assert_eq!(app::verify_pending(&harness.app).await.unwrap(), 0);
    let mut looks = 0;
    for _ in 0..(40 * 24 * 4) {
        harness.clock.advance(TimeDelta::minutes(15));
        looks += app::verify_pending(&harness.app).await.unwrap();
    }
    assert!((100..200).contains(&looks), "{looks}");
    let given_up = app::show_domain(&root, &who, &name).await.unwrap();
    let ownership = given_up.ownership.unwrap();
    assert_eq!((given_up.state, ownership.next_check_at), (DomainState::Pending, None));
    // Whoever comes later still gets it by asking.
    harness.network.texts.lock().unwrap().insert(ownership.record, vec![added.ownership.unwrap().value]);
    assert_eq!(app::verify_pending(&harness.app).await.unwrap(), 0);
    done(app::verify_domain(&root, &who, &name, Mode::Apply).await);
}

#[tokio::test]
async fn berth_finds_a_proof_by_itself() {
    let harness = Harness::new().await;
    let ownership = pending(&harness, "second.org").await.ownership.unwrap();
    harness.network.texts.lock().unwrap().insert(ownership.record, vec![ownership.value]);
    harness.clock.advance(TimeDelta::minutes(1));
    assert_eq!(app::verify_pending(&harness.app).await.unwrap(), 1);
    let name = "second.org".parse().unwrap();
    let domain = app::show_domain(&harness.root(), &user("alice"), &name).await.unwrap();
    assert_eq!(domain.state, DomainState::Active);
    assert_eq!(harness.last_audit().await.actor, "berth");
}
