use berth_core::command::{AddDomain, EditDomain};
use berth_core::domain::DomainState;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::view::ChangeKind;
use berth_server::app::{self, Ctx, Outcome};
use serde_json::json;

use crate::harness::{Harness, done, expect, fields, refused, user};

fn add(name: &str) -> AddDomain {
    AddDomain::parse(fields(json!({ "domain": name }))).unwrap()
}

fn fqdn(name: &str) -> Fqdn {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_domain_comes_changes_and_goes_and_its_files_stay() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    let added = done(app::add_domain(&root, &user("alice"), add("second.org"), Mode::Apply).await);
    assert_eq!((added.state, added.primary), (DomainState::Active, false));
    let names: Vec<_> = harness.spec("alice").await.sites.iter().map(|site| site.fqdn.to_string()).collect();
    assert_eq!(names, ["alicesite.com", "second.org"]);
    let edit = EditDomain::parse(fields(json!({"docroot": "public_html/app"}))).unwrap();
    let edited = done(app::edit_domain(&root, &user("alice"), &fqdn("second.org"), edit, Mode::Apply).await);
    assert_eq!(edited.docroot.as_str(), "public_html/app");
    assert_eq!(harness.spec("alice").await.sites[1].docroot.as_str(), "public_html/app");
    let plan = app::remove_domain(&root, &user("alice"), &fqdn("second.org"), Mode::Plan).await.unwrap();
    let Outcome::Planned(plan) = plan else { panic!("{plan:?}") };
    let kept = plan.changes.iter().find(|change| change.change == ChangeKind::Keep).unwrap();
    assert_eq!(kept.name, "/home/alice/domains/second.org");
    done(app::remove_domain(&root, &user("alice"), &fqdn("second.org"), Mode::Apply).await);
    assert_eq!(app::list_domains(&root, &user("alice")).await.unwrap().len(), 1);
    expect(
        app::remove_domain(&root, &user("alice"), &fqdn("second.org"), Mode::Apply).await,
        Code::DomainNotFound,
        None,
    );
    expect(
        app::remove_domain(&root, &user("alice"), &fqdn("alicesite.com"), Mode::Apply).await,
        Code::DomainPrimary,
        None,
    );
    expect(
        app::add_domain(&root, &user("admin"), add("third.org"), Mode::Apply).await,
        Code::AccountMissing,
        None,
    );
}

#[tokio::test]
async fn somebody_elses_domain_is_as_good_as_none_and_its_name_is_taken() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    harness.create("bob", "user").await;
    let alice = harness.with_key("alice", Scope::ALL).await;
    let dry = Mode::CheckOnly;
    expect(
        app::edit_domain(&alice, &user("alice"), &fqdn("bobsite.com"), EditDomain::default(), dry).await,
        Code::DomainNotFound,
        None,
    );
    for taken in ["bobsite.com", "www.bobsite.com", "deep.below.bobsite.com"] {
        let problems = app::add_domain(&alice, &user("alice"), add(taken), dry).await.unwrap_err();
        let problem = problems.leading().unwrap();
        assert_eq!((problem.code, problem.field.as_deref()), (Code::DomainTaken, Some("domain")));
        assert!(!problem.detail.replace("bobsite.com", "").contains("bob"), "{}", problem.detail);
    }
    let own = done(app::add_domain(&alice, &user("alice"), add("shop.alicesite.com"), Mode::Apply).await);
    assert_eq!(own.state, DomainState::Pending, "one's own subdomain, and nobody has vouched for it");
}

#[tokio::test]
async fn the_package_limits_domains() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    for number in 2..=10 {
        let name = format!("site{number}.org");
        done(app::add_domain(&harness.root(), &user("alice"), add(&name), Mode::Apply).await);
    }
    let found =
        refused(app::add_domain(&harness.root(), &user("alice"), add("site11.org"), Mode::Apply).await);
    assert_eq!(found, [(Code::LimitExceeded, Some("domain".to_owned()))]);
}

#[tokio::test]
async fn a_repeated_add_answers_the_same() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let keyed = || Ctx { idempotency_key: Some("k".to_owned()), ..harness.root() };
    let first = done(app::add_domain(&keyed(), &user("alice"), add("second.org"), Mode::Apply).await);
    let again = done(app::add_domain(&keyed(), &user("alice"), add("second.org"), Mode::Apply).await);
    assert_eq!(first, again);
    expect(
        app::add_domain(&keyed(), &user("alice"), add("third.org"), Mode::Apply).await,
        Code::IdempotencyConflict,
        Some("Idempotency-Key"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_name_and_one_below_it_cant_be_taken_by_two_at_once() {
    let harness = std::sync::Arc::new(Harness::new().await);
    let names: Vec<String> = (0..10).map(|number| format!("tenant{number}")).collect();
    for name in &names {
        harness.create(name, "user").await;
    }
    let tasks: Vec<_> = names
        .into_iter()
        .enumerate()
        .map(|(number, name)| {
            let harness = std::sync::Arc::clone(&harness);
            let wanted =
                if number % 2 == 0 { "prize.org".to_owned() } else { format!("a{number}.prize.org") };
            tokio::spawn(async move {
                app::add_domain(&harness.root(), &user(&name), add(&wanted), Mode::Apply)
                    .await
                    .is_ok()
                    .then_some(wanted)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    assert!(
        winners == ["prize.org"] || (!winners.is_empty() && !winners.iter().any(|name| name == "prize.org")),
        "{winners:?}"
    );
}
