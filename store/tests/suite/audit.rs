//! The audit log shows every change to itself.

use berth_core::audit::{AuditEntry, AuditOutcome, GENESIS};
use berth_core::id::UserId;
use berth_store::audit::{self, AuditFilter};
use serde_json::json;

use crate::db::{Db, at, id};

fn entry(number: i64) -> AuditEntry {
    AuditEntry {
        at: at(number) + chrono::TimeDelta::nanoseconds(789),
        actor: json!({"kind": "operator", "z": 1, "a": [1.5, null, "ü"]}),
        actor_label: "root on the host".into(),
        action: if number % 2 == 0 { "user.create" } else { "user.edit" }.into(),
        subject: format!("user{number}"),
        user: None,
        outcome: if number % 5 == 0 { AuditOutcome::Refused } else { AuditOutcome::Done },
        request: format!("request{number}"),
        detail: json!({"number": number, "ratio": 0.1 + 0.2, "big": u64::MAX}),
    }
}

async fn fill(db: &Db, count: i64) {
    let mut tx = db.store.begin().await.unwrap();
    for number in 1..=count {
        assert_eq!(audit::append(&mut tx, &entry(number)).await.unwrap(), number);
    }
    tx.commit().await.unwrap();
}

async fn broken_at(db: &Db) -> Option<i64> {
    audit::verify(&db.store).await.unwrap().broken_at
}

both_engines! {
    async fn an_untouched_log_verifies(db) {
        let empty = audit::verify(&db.store).await.unwrap();
        assert_eq!((empty.entries, empty.head.as_str(), empty.broken_at), (0, GENESIS, None));
        fill(db, 30).await;
        let full = audit::verify(&db.store).await.unwrap();
        assert_eq!((full.entries, full.broken_at), (30, None));
        let mut tx = db.store.read().await.unwrap();
        assert_eq!(audit::head(&mut tx).await.unwrap(), (30, full.head));
    }

    async fn a_changed_row_shows_whatever_was_changed(db) {
        fill(db, 9).await;
        for column in ["actor_label", "action", "subject", "request"] {
            db.raw(&format!("UPDATE audit_log SET {column} = {column} || 'x' WHERE sequence = 4")).await;
            assert_eq!(broken_at(db).await, Some(4), "{column}");
            db.raw(&format!(
                "UPDATE audit_log SET {column} = substr({column}, 1, length({column}) - 1) WHERE sequence = 4"
            )).await;
            assert_eq!(broken_at(db).await, None, "{column} is back");
        }
        for change in [
            "at = at + 1", "outcome = 'refused'", "detail = '{}'", "actor = '{}'", "actor = 'broken'",
            "detail = ' ' || detail", "hash = 'x'",
        ] {
            let db = db.another().await;
            fill(&db, 9).await;
            db.raw(&format!("UPDATE audit_log SET {change} WHERE sequence = 4")).await;
            assert_eq!(broken_at(&db).await, Some(4), "{change}");
            db.finish().await;
        }
    }

    async fn a_deleted_row_shows_at_either_end_and_between(db) {
        fill(db, 9).await;
        db.raw("DELETE FROM audit_log WHERE sequence = 9").await;
        assert_eq!(broken_at(db).await, Some(9));
        db.raw("DELETE FROM audit_log WHERE sequence = 5").await;
        assert_eq!(broken_at(db).await, Some(5));
        db.raw("DELETE FROM audit_log WHERE sequence = 1").await;
        assert_eq!(broken_at(db).await, Some(1));
        db.raw("DELETE FROM audit_log").await;
        assert_eq!(broken_at(db).await, Some(1));
    }

    async fn swapped_rows_show(db) {
        fill(db, 9).await;
        for (from, to) in [(3, 100), (4, 3), (100, 4)] {
            db.raw(&format!("UPDATE audit_log SET sequence = {to} WHERE sequence = {from}")).await;
        }
        assert_eq!(broken_at(db).await, Some(3));
    }

    async fn a_cut_log_shows_even_if_the_end_was_moved_along(db) {
        fill(db, 9).await;
        db.raw("UPDATE audit_head SET sequence = 7").await;
        assert_eq!(broken_at(db).await, Some(7));
    }

    async fn writers_at_the_same_time_make_one_chain(db) {
        let tasks: Vec<_> = (0..20).map(|number| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin().await.unwrap();
                audit::append(&mut tx, &entry(number)).await.unwrap();
                if number % 4 == 0 { drop(tx) } else { tx.commit().await.unwrap() }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let verified = audit::verify(&db.store).await.unwrap();
        assert_eq!((verified.entries, verified.broken_at), (15, None));
    }

    async fn pages_hold_every_entry_once_newest_first(db) {
        fill(db, 23).await;
        let user = UserId(id());
        let mut tx = db.store.begin().await.unwrap();
        audit::append(&mut tx, &AuditEntry { user: Some(user), ..entry(24) }).await.unwrap();
        tx.commit().await.unwrap();
        let all = walk(db, AuditFilter::default()).await;
        assert_eq!(all, (1..=24).rev().collect::<Vec<_>>());
        let of = |filter| walk(db, filter);
        assert_eq!(of(AuditFilter { user: Some(user), ..AuditFilter::default() }).await, [24]);
        let refused = AuditFilter { outcome: Some(AuditOutcome::Refused), ..AuditFilter::default() };
        assert_eq!(of(refused).await, [20, 15, 10, 5]);
        let edits = AuditFilter {
            action: Some("user.edit".into()), since: Some(at(5)), until: Some(at(9)), ..AuditFilter::default()
        };
        assert_eq!(of(edits).await, [7, 5]);
        let subject = AuditFilter { subject: Some("user3".into()), ..AuditFilter::default() };
        assert_eq!(of(subject).await, [3]);
        let mut tx = db.store.read().await.unwrap();
        for cursor in ["", "x", "0", "-1"] {
            let page = audit::page(&mut tx, &AuditFilter::default(), Some(cursor), 5).await;
            assert!(matches!(page, Err(berth_store::StoreError::CursorInvalid)), "{cursor}");
        }
        let page = audit::page(&mut tx, &AuditFilter::default(), None, 1).await.unwrap();
        let stored = &page.items[0].entry;
        assert_eq!((stored.at, stored.user), (at(24), Some(user)));
        assert_eq!(stored.detail, entry(24).detail);
    }
}

async fn walk(db: &Db, filter: AuditFilter) -> Vec<i64> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let mut tx = db.store.read().await.unwrap();
        let page = audit::page(&mut tx, &filter, cursor.as_deref(), 5).await.unwrap();
        found.extend(page.items.iter().map(|record| record.sequence));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}
