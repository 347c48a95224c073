//! What somebody else had changed on a node, and what becomes of it.

use berth_core::condition::Resource;
use berth_core::drift::{Cause, DriftReport, DriftState};
use berth_core::id::DriftId;
use berth_core::link::Report;
use berth_core::mode::Mode;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::view::ChangeKind;
use berth_server::app::{self, ListDrift, Outcome};
use chrono::DateTime;
use serde_json::json;

use crate::harness::{ED25519, Harness, NODE, done, expect, fields, user};

fn keys_drift(username: &str, account: berth_core::id::AccountId, number: u128, found: &str) -> DriftReport {
    DriftReport {
        id: DriftId(uuid::Uuid::from_u128(number)),
        account: Some(account),
        resource: Some(Resource::Sftp),
        object: format!("/etc/berth/keys/{username}"),
        found: Some(found.to_owned()),
        made: Some(format!(
            "file 0:1900000001 0640\n# Keys of {username}, kept by Berth; edits are undone.\n"
        )),
        seen_at: DateTime::from_timestamp(1_800_000_100, 0).unwrap(),
        right_at: None,
        cause: Cause::Unknown,
        evidence: "nothing says who".to_owned(),
    }
}

fn every() -> ListDrift {
    ListDrift::parse(fields(json!({}))).unwrap()
}

#[tokio::test]
async fn a_key_that_was_put_there_by_hand_is_adopted_and_given_up_again() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let spec = harness.spec("alice").await;
    let found = format!("file 0:1900000001 0640\n# Keys of alice\n{ED25519}\n");
    let report = keys_drift("alice", spec.account, 1, &found);
    let id = report.id;
    // A node says it again if it does not know that it was heard.
    for _ in 0..2 {
        harness.report(Report { drift: vec![report.clone()], ..Report::default() }).await;
    }
    let root = harness.root();
    let listed = app::list_drift(&root, NODE, every()).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].state, listed[0].adoptable), (DriftState::Repaired, true));
    assert_eq!(listed[0].username.as_ref().unwrap().as_str(), "alice");

    let before = harness.bytes();
    match app::adopt_drift(&root, NODE, id, Mode::Plan).await.unwrap() {
        Outcome::Planned(plan) => {
            let step = &plan.changes[0];
            assert_eq!(
                (plan.changes.len(), step.change, step.what.as_str()),
                (1, ChangeKind::Create, "ssh_key")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(harness.bytes(), before, "a plan changes nothing");
    let adopted = done(app::adopt_drift(&root, NODE, id, Mode::Apply).await);
    assert_eq!((adopted.state, adopted.adoptable), (DriftState::Adopted, false));
    let after = harness.spec("alice").await;
    assert!(after.generation > spec.generation);
    assert_eq!(after.sftp.keys.len(), 1);
    let audit = harness.last_audit().await;
    assert_eq!((audit.action.as_str(), audit.subject.as_str()), ("drift.adopt", "/etc/berth/keys/alice"));

    let reverted = done(app::revert_drift(&root, NODE, id, Mode::Apply).await);
    assert_eq!(reverted.state, DriftState::Reverted);
    assert!(harness.spec("alice").await.sftp.keys.is_empty());
}

#[tokio::test]
async fn only_keys_that_are_known_in_full_can_be_adopted() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let account = harness.spec("alice").await.account;
    let pool = DriftReport {
        resource: Some(Resource::Php),
        object: "/etc/berth/php/1900000001.conf".to_owned(),
        ..keys_drift("alice", account, 1, "file 0:0 0640\n[alice]\n")
    };
    let gone = DriftReport { found: None, ..keys_drift("alice", account, 2, "") };
    let odd = keys_drift("alice", account, 3, &format!("file 0:0 0640\ncommand=\"/bin/sh\" {ED25519}\n"));
    let reports = vec![pool, gone, odd];
    let ids: Vec<DriftId> = reports.iter().map(|report| report.id).collect();
    harness.report(Report { drift: reports, ..Report::default() }).await;
    let root = harness.root();
    for id in &ids {
        let refused = app::adopt_drift(&root, NODE, *id, Mode::Apply).await;
        expect(refused, Code::DriftNotAdoptable, None);
    }
    assert!(harness.spec("alice").await.sftp.keys.is_empty());
    // To look at it and leave it is always possible, and changes nothing for the account.
    let generation = harness.spec("alice").await.generation;
    assert_eq!(done(app::revert_drift(&root, NODE, ids[0], Mode::Apply).await).state, DriftState::Reverted);
    assert_eq!(harness.spec("alice").await.generation, generation);
    let unknown = app::adopt_drift(&root, NODE, DriftId(uuid::Uuid::nil()), Mode::Apply).await;
    expect(unknown, Code::DriftNotFound, None);
}

#[tokio::test]
async fn drift_is_the_administrators_business() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let account = harness.spec("alice").await.account;
    let report = keys_drift("alice", account, 1, "file 0:0 0640\n");
    harness.report(Report { drift: vec![report], ..Report::default() }).await;
    let alice = harness.with_key("alice", Scope::ALL).await;
    expect(app::list_drift(&alice, NODE, every()).await, Code::Forbidden, None);
    let filtered = ListDrift { user: Some(user("carol")), ..every() };
    expect(app::list_drift(&harness.root(), NODE, filtered).await, Code::UserNotFound, Some("user"));
    let of_alice = ListDrift { user: Some(user("alice")), ..every() };
    assert_eq!(app::list_drift(&harness.root(), NODE, of_alice).await.unwrap().items.len(), 1);
}
