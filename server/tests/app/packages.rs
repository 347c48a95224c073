use berth_core::command::{AddDomain, CreatePackage, EditPackage, SetPackage};
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::link::Report;
use berth_core::mode::Mode;
use berth_core::name::PackageName;
use berth_core::package::Bound;
use berth_core::problem::Code;
use berth_core::view::{ChangeKind, PlanView};
use berth_server::app::{self, Ctx, Outcome};
use serde_json::{Value, json};

use crate::harness::{Harness, converged, done, expect, fields, refused, user};

fn package(name: &str) -> PackageName {
    name.parse().unwrap()
}

fn new(body: Value) -> CreatePackage {
    CreatePackage::parse(fields(body)).unwrap()
}

#[tokio::test]
async fn a_package_comes_changes_and_goes() {
    let harness = Harness::new().await;
    let root = harness.root();
    let created =
        done(app::create_package(&root, new(json!({"name": "gold", "domains": 3})), Mode::Apply).await);
    assert_eq!((created.accounts, created.version), (0, 1));
    expect(
        app::create_package(&root, new(json!({"name": "gold"})), Mode::Apply).await,
        Code::PackageTaken,
        Some("name"),
    );
    let edit = EditPackage::parse(fields(json!({"memory_mb": 64, "timers": "off"}))).unwrap();
    let edited = done(app::edit_package(&root, &package("gold"), edit.clone(), Mode::Apply).await);
    assert_eq!((edited.version, edited.features.timers.as_str()), (2, "off"));
    let stale = Ctx { if_match: Some(1), ..harness.root() };
    expect(
        app::edit_package(&stale, &package("gold"), edit, Mode::Apply).await,
        Code::PreconditionFailed,
        None,
    );
    assert_eq!(app::show_package(&root, &package("gold")).await.unwrap(), edited);
    let names: Vec<_> =
        app::list_packages(&root).await.unwrap().into_iter().map(|p| p.name.to_string()).collect();
    assert_eq!(names, ["gold", "standard", "unlimited"]);
    let before = harness.bytes();
    for mode in [Mode::Plan, Mode::CheckOnly] {
        app::delete_package(&root, &package("gold"), mode).await.unwrap();
    }
    assert!(harness.bytes() == before);
    done(app::delete_package(&root, &package("gold"), Mode::Apply).await);
    expect(app::show_package(&root, &package("gold")).await, Code::PackageNotFound, None);
    expect(app::delete_package(&root, &package("gold"), Mode::Apply).await, Code::PackageNotFound, None);
}

#[tokio::test]
async fn a_package_in_use_stays_and_its_change_reaches_every_account() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    harness.create("bob", "user").await;
    let problems = app::delete_package(&harness.root(), &package("standard"), Mode::Apply).await.unwrap_err();
    let problem = problems.leading().unwrap();
    assert_eq!(problem.code, Code::PackageInUse);
    assert!(problem.detail.contains("2 accounts"), "{}", problem.detail);
    let cursor = harness.pull(0).await.accounts.last().unwrap().generation;
    assert!(harness.pull(cursor).await.accounts.is_empty());
    let edit = EditPackage::parse(fields(json!({"memory_mb": 64}))).unwrap();
    let edited = done(app::edit_package(&harness.root(), &package("standard"), edit, Mode::Apply).await);
    assert_eq!(edited.accounts, 2);
    let changed = harness.pull(cursor).await.accounts;
    assert_eq!(changed.len(), 2);
    assert!(changed.iter().all(|spec| spec.bounds.memory_mb == Bound::Max(64)));
}

fn give(body: Value) -> SetPackage {
    SetPackage::parse(fields(body)).unwrap()
}

async fn plan(harness: &Harness, command: SetPackage) -> PlanView {
    let answer = app::set_package(&harness.root(), &user("alice"), command, Mode::Plan).await;
    let Ok(Outcome::Planned(plan)) = answer else { panic!("{answer:?}") };
    plan
}

/// Every step of a plan on a line.
fn lines(plan: &PlanView) -> Vec<String> {
    let shown = |step: &berth_core::view::PlannedChange| {
        format!("{} {}: {}", step.what, step.name, step.detail.as_deref().unwrap_or_default())
    };
    plan.changes.iter().map(shown).collect()
}

#[tokio::test]
async fn another_package_reaches_the_node_and_a_plan_says_what_grows_and_what_shrinks() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let pro = json!({
        "name": "pro", "disk_mb": 20480, "domains": 5, "memory_mb": "unlimited", "sftp": false, "timers": "off"
    });
    done(app::create_package(&harness.root(), new(pro), Mode::Apply).await);
    let before = harness.bytes();
    let planned = plan(&harness, give(json!({"package": "pro"}))).await;
    assert!(harness.bytes() == before);
    insta::assert_debug_snapshot!(lines(&planned));
    assert_eq!(planned.limits.unwrap().disk_mb, Bound::Max(20480));
    let cursor = harness.pull(0).await.accounts.last().unwrap().generation;
    let given = done(
        app::set_package(&harness.root(), &user("alice"), give(json!({"package": "pro"})), Mode::Apply).await,
    );
    assert_eq!(given.account.unwrap().package.as_str(), "pro");
    let spec = harness.pull(cursor).await.accounts.remove(0);
    assert_eq!((spec.bounds.disk_mb, spec.sftp.enabled), (Bound::Max(20480), false));
    let entry = harness.last_audit().await;
    assert_eq!(
        (entry.action.as_str(), &entry.detail),
        ("user.set_package", &json!({"old": "standard", "new": "pro"}))
    );
    // Again changes nothing and leaves no trace.
    let before = harness.bytes();
    done(
        app::set_package(&harness.root(), &user("alice"), give(json!({"package": "pro"})), Mode::Apply).await,
    );
    assert!(harness.bytes() == before);
    expect(
        app::set_package(&harness.root(), &user("alice"), give(json!({"package": "none"})), Mode::Apply)
            .await,
        Code::PackageNotFound,
        Some("package"),
    );
    expect(
        app::set_package(&harness.root(), &user("admin"), give(json!({"package": "pro"})), Mode::Apply).await,
        Code::AccountMissing,
        None,
    );
}

#[tokio::test]
async fn a_package_below_what_is_used_is_refused_unless_somebody_insists() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let second = AddDomain::parse(fields(json!({"domain": "second.com"}))).unwrap();
    done(app::add_domain(&harness.root(), &user("alice"), second, Mode::Apply).await);
    let small = json!({"name": "small", "disk_mb": 100, "inodes": 10, "domains": 1});
    done(app::create_package(&harness.root(), new(small), Mode::Apply).await);
    // What the node has seen counts as well: a byte more than 100 MiB.
    let spec = harness.spec("alice").await;
    let mut report = converged(&spec);
    report.conditions.retain(|condition| condition.resource != Resource::Quota);
    report.conditions.push(
        Condition::new(Resource::Quota, ConditionState::Converged)
            .observe("used_bytes", 100 * 1_048_576 + 1)
            .observe("used_inodes", 10),
    );
    harness.report(Report { accounts: vec![report], ..Report::default() }).await;
    let answer =
        app::set_package(&harness.root(), &user("alice"), give(json!({"package": "small"})), Mode::Apply)
            .await;
    let details: Vec<String> =
        answer.as_ref().unwrap_err().iter().map(|problem| problem.detail.clone()).collect();
    assert_eq!(
        details,
        [
            "the package small allows 100 MiB of disk space, and 101 are in use",
            "the package small allows 1 domains, and 2 are in use"
        ]
    );
    assert!(
        refused(answer).iter().all(|problem| *problem == (Code::LimitExceeded, Some("package".to_owned())))
    );
    let shown = lines(&plan(&harness, give(json!({"package": "small"}))).await);
    assert!(shown.contains(&"limit domains: 10 → 1, exceeded: 2 in use".to_owned()), "{shown:?}");
    assert!(shown.last().unwrap().contains("refused unless `force`"), "{shown:?}");
    let forced = give(json!({"package": "small", "force": true}));
    let given = done(app::set_package(&harness.root(), &user("alice"), forced.clone(), Mode::Apply).await);
    assert_eq!(given.account.unwrap().package.as_str(), "small");
    assert_eq!(harness.last_audit().await.detail["exceeded"], json!({"disk_mb": 101, "domains": 2}));
    // The next edit does not stumble over what is there already, and nothing new is let in.
    let kept = plan(&harness, forced).await;
    assert_eq!(kept.changes[0].change, ChangeKind::Keep);
    let third = AddDomain::parse(fields(json!({"domain": "third.com"}))).unwrap();
    expect(
        app::add_domain(&harness.root(), &user("alice"), third, Mode::Apply).await,
        Code::LimitExceeded,
        Some("domain"),
    );
}
