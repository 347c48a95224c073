//! What somebody else had changed on nodes.

use berth_core::condition::Resource;
use berth_core::drift::{Cause, DriftReport, DriftState};
use berth_core::id::{AccountId, DriftId, NodeId};
use berth_store::drift::{self, DriftFilter};
use berth_store::{StoreError, nodes};

use crate::db::{at, id};

pub(crate) fn report(account: Option<AccountId>, seconds: i64) -> DriftReport {
    DriftReport {
        id: DriftId(id()),
        account,
        resource: account.map(|_| Resource::Sftp),
        object: format!("/etc/berth/keys/{seconds}"),
        found: Some("file".to_owned()),
        made: None,
        seen_at: at(seconds),
        right_at: Some(at(seconds - 1)),
        cause: Cause::RootShell,
        evidence: "root has the open session 4".to_owned(),
    }
}

both_engines! {
    async fn drift_is_stored_once_and_paged_newest_first(db) {
        let (node, package) = db.ground().await;
        let account = db.tenant(&node, &package, "alice").await.account.id;
        let mut tx = db.store.begin().await.unwrap();
        let reports: Vec<_> = (1..=5).map(|n| report((n % 2 == 0).then_some(account), n)).collect();
        drift::store(&mut tx, node.id, &reports, at(9)).await.unwrap();
        drift::store(&mut tx, node.id, &reports, at(9)).await.unwrap();
        let all = DriftFilter { node: node.id, account: None, state: None };
        let first = drift::page(&mut tx, &all, None, 3).await.unwrap();
        let objects = |page: &berth_core::view::Page<drift::DriftRecord>| -> Vec<DriftReport> {
            page.items.iter().map(|record| record.report.clone()).collect()
        };
        assert_eq!(objects(&first), [reports[4].clone(), reports[3].clone(), reports[2].clone()]);
        let second = drift::page(&mut tx, &all, first.next.as_deref(), 3).await.unwrap();
        assert_eq!(objects(&second), [reports[1].clone(), reports[0].clone()]);
        assert_eq!(second.next, None);
        assert_eq!(first.items[1].username.as_ref().unwrap().as_str(), "alice");

        let wrong = drift::page(&mut tx, &all, Some("x"), 3).await;
        assert!(matches!(wrong, Err(StoreError::CursorInvalid)));
        let id = reports[3].id;
        drift::decide(&mut tx, id, DriftState::Adopted, "root", at(10)).await.unwrap();
        let decided = drift::by_id(&mut tx, node.id, id).await.unwrap().unwrap();
        assert_eq!((decided.state, decided.decided_by.as_deref()), (DriftState::Adopted, Some("root")));
        let only = DriftFilter { account: Some(account), state: Some(DriftState::Repaired), ..all };
        assert_eq!(objects(&drift::page(&mut tx, &only, None, 9).await.unwrap()), [reports[1].clone()]);
    }

    async fn another_nodes_accounts_are_none_of_its_business(db) {
        let (node, package) = db.ground().await;
        let account = db.tenant(&node, &package, "alice").await.account.id;
        let mut tx = db.store.begin().await.unwrap();
        let other = nodes::ensure(&mut tx, NodeId(id()), "node2", at(1)).await.unwrap();
        let forged = report(Some(account), 1);
        drift::store(&mut tx, other.id, std::slice::from_ref(&forged), at(2)).await.unwrap();
        assert_eq!(drift::by_id(&mut tx, other.id, forged.id).await.unwrap(), None);
    }

    async fn old_drift_is_forgotten(db) {
        let (node, _) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        let old = report(None, 1);
        drift::store(&mut tx, node.id, std::slice::from_ref(&old), at(2)).await.unwrap();
        let later = at(1) + chrono::TimeDelta::days(91);
        let new = DriftReport { seen_at: later, ..report(None, 3) };
        drift::store(&mut tx, node.id, std::slice::from_ref(&new), later).await.unwrap();
        assert_eq!(drift::by_id(&mut tx, node.id, old.id).await.unwrap(), None);
        assert!(drift::by_id(&mut tx, node.id, new.id).await.unwrap().is_some());
    }
}
