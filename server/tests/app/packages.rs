use berth_core::command::{CreatePackage, EditPackage};
use berth_core::mode::Mode;
use berth_core::name::PackageName;
use berth_core::package::Bound;
use berth_core::problem::Code;
use berth_server::app::{self, Ctx};
use serde_json::{Value, json};

use crate::harness::{Harness, done, expect, fields};

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
