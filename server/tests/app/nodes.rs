use berth_core::id::QuarantineId;
use berth_core::link::{Inventory, QuarantineReport, Report};
use berth_core::mode::Mode;
use berth_core::problem::{Code, Problem};
use berth_server::app::{self, Outcome};
use chrono::TimeDelta;

use crate::harness::{Harness, NODE, create, done, expect};

#[tokio::test]
async fn a_node_shows_its_accounts_and_whether_its_agent_lives() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let node = app::show_node(&harness.root(), NODE).await.unwrap();
    assert_eq!((node.accounts, node.provisioning, node.online), (1, 1, false));
    harness.converge().await;
    let node = app::show_node(&harness.root(), NODE).await.unwrap();
    assert_eq!((node.accounts, node.provisioning, node.online), (1, 0, true));
    assert_eq!(node.agent_version.as_deref(), Some("0.1.0-test"));
    harness.clock.advance(TimeDelta::minutes(3));
    assert!(!app::list_nodes(&harness.root()).await.unwrap()[0].online);
    expect(app::show_node(&harness.root(), "elsewhere").await, Code::NodeNotFound, None);
}

#[tokio::test]
async fn an_audit_is_asked_for_and_done() {
    let harness = Harness::new().await;
    assert!(matches!(app::audit_node(&harness.root(), NODE, Mode::Plan).await.unwrap(), Outcome::Planned(_)));
    let asked = done(app::audit_node(&harness.root(), NODE, Mode::Apply).await);
    assert_eq!((asked.audit_requested, asked.audit_done), (1, 0));
    assert_eq!(harness.pull(0).await.audit, 1);
    harness.report(Report { audited: Some(1), ..Report::default() }).await;
    assert_eq!(app::show_node(&harness.root(), NODE).await.unwrap().audit_done, 1);
    expect(app::audit_node(&harness.root(), "elsewhere", Mode::Apply).await, Code::NodeNotFound, None);
}

#[tokio::test]
async fn a_left_over_home_is_moved_aside_and_its_name_is_free() {
    let harness = Harness::new().await;
    let inventory = Inventory { names: Vec::new(), homes: vec!["leftover".to_owned()] };
    harness.report(Report { inventory: Some(inventory), ..Report::default() }).await;
    let name = || "leftover".parse().unwrap();
    let order = done(app::quarantine_home(&harness.root(), NODE, name(), Mode::Apply).await);
    let again = done(app::quarantine_home(&harness.root(), NODE, name(), Mode::Apply).await);
    assert_eq!(order, again, "an order that waits is not given twice");
    assert_eq!(harness.pull(0).await.quarantines[0].username.as_str(), "leftover");
    let moved = "/home/.berth-quarantine/leftover-1".to_owned();
    let report = QuarantineReport { id: order.id, outcome: Ok(moved.clone()) };
    harness.report(Report { quarantines: vec![report], ..Report::default() }).await;
    let shown = app::show_quarantine(&harness.root(), NODE, order.id).await.unwrap();
    assert_eq!(shown.moved_to, Some(moved));
    assert!(harness.pull(0).await.quarantines.is_empty());
    harness.create("leftover", "user").await;
    expect(
        app::quarantine_home(&harness.root(), NODE, name(), Mode::Apply).await,
        Code::UsernameTaken,
        Some("username"),
    );
    let none = QuarantineId(uuid::Uuid::nil());
    expect(app::show_quarantine(&harness.root(), NODE, none).await, Code::NotFound, None);
    expect(
        app::quarantine_home(&harness.root(), "elsewhere", "other".parse().unwrap(), Mode::Apply).await,
        Code::NodeNotFound,
        None,
    );
}

#[tokio::test]
async fn a_quarantine_that_failed_says_why_and_the_name_stays_taken() {
    let harness = Harness::new().await;
    let inventory = Inventory { names: Vec::new(), homes: vec!["leftover".to_owned()] };
    harness.report(Report { inventory: Some(inventory), ..Report::default() }).await;
    let order =
        done(app::quarantine_home(&harness.root(), NODE, "leftover".parse().unwrap(), Mode::Apply).await);
    let problem = Problem::new(Code::HostFailed, "the home is a mount point");
    let report = QuarantineReport { id: order.id, outcome: Err(problem.clone()) };
    harness.report(Report { quarantines: vec![report], ..Report::default() }).await;
    let shown = app::show_quarantine(&harness.root(), NODE, order.id).await.unwrap();
    assert_eq!((shown.moved_to, shown.problem), (None, Some(problem)));
    expect(
        app::create_user(&harness.root(), create("leftover", "user"), Mode::Apply).await,
        Code::HomeExists,
        Some("username"),
    );
}
