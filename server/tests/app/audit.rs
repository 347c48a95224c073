use berth_core::audit::AuditOutcome;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_server::app::{self, ListAudit};
use serde_json::{Value, json};

use crate::harness::{Harness, create, expect, fields, user};

fn list(body: Value) -> ListAudit {
    ListAudit::parse(fields(body)).unwrap()
}

#[tokio::test]
async fn the_log_is_paged_filtered_and_verifies() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    harness.create("bob", "user").await;
    let reader = harness.with_key("admin", &[Scope::Read, Scope::Audit]).await;
    let refused = app::create_user(&reader, create("carl", "user"), berth_core::mode::Mode::Apply).await;
    expect(refused, Code::Forbidden, None);
    let page = app::list_audit(&reader, list(json!({ "limit": "2" }))).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.items[0].outcome, AuditOutcome::Refused);
    assert_eq!((page.items[0].action.as_str(), page.items[0].subject.as_str()), ("user.create", "carl"));
    let next =
        app::list_audit(&reader, list(json!({ "limit": "2", "cursor": page.next.unwrap() }))).await.unwrap();
    assert!(next.items[0].sequence < page.items[1].sequence);
    let about = app::list_audit(&reader, list(json!({ "user": "alice" }))).await.unwrap();
    assert!(about.items.iter().all(|entry| entry.subject == "alice") && about.items.len() == 1);
    let only = app::list_audit(&reader, list(json!({ "outcome": "refused" }))).await.unwrap();
    assert_eq!(only.items.len(), 1);
    expect(
        app::list_audit(&reader, list(json!({ "user": "nobody_here" }))).await,
        Code::UserNotFound,
        Some("user"),
    );
    expect(
        app::list_audit(&reader, list(json!({ "cursor": "x" }))).await,
        Code::CursorInvalid,
        Some("cursor"),
    );
    let verified = app::verify_audit(&reader).await.unwrap();
    assert_eq!((verified.entries, verified.broken_at), (page.items[0].sequence.cast_unsigned(), None));
    assert_eq!(verified.head, page.items[0].hash);
}

#[tokio::test]
async fn bad_filters_are_named_together() {
    let problems = ListAudit::parse(fields(json!({
        "since": "yesterday", "outcome": "maybe", "limit": "0", "colour": "red"
    })))
    .unwrap_err();
    let found: Vec<_> = problems.iter().map(|p| p.field.as_deref().unwrap()).collect();
    assert_eq!(found, ["outcome", "since", "limit", "colour"]);
}

#[tokio::test]
async fn an_entry_names_who_what_and_the_request() {
    let harness = Harness::new().await;
    let root = harness.root();
    berth_server::app::create_user(&root, create("alice", "user"), berth_core::mode::Mode::Apply)
        .await
        .unwrap();
    let entry = harness.audit().await.remove(0);
    assert_eq!(entry.actor, "root on the host");
    assert_eq!(entry.request, root.request.to_string());
    assert_eq!(entry.detail["account"]["uid"], 1_900_000_001);
    assert_eq!(entry.detail["password"], "generated");
    let shown = app::show_user(&root, &user("alice")).await.unwrap();
    assert_eq!(shown.created_at, entry.at);
}
