//! Opening, migrating, and what transactions promise.

use std::os::unix::fs::PermissionsExt;

use berth_core::role::UserRef;
use berth_store::{Store, StoreError, settings, users};

use crate::db::{Db, user};

both_engines! {
    async fn a_dropped_transaction_leaves_nothing(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = user("alice");
        users::insert(&mut tx, &alice, None).await.unwrap();
        assert!(users::by_id(&mut tx, alice.id).await.unwrap().is_some());
        drop(tx);
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(users::find(&mut tx, &UserRef::Id(alice.id)).await.unwrap(), None);
    }

    async fn a_read_transaction_sees_one_moment_and_can_not_write(db) {
        let mut reading = db.store.read().await.unwrap();
        assert_eq!(settings::get::<u32>(&mut reading, "a").await.unwrap(), None);
        let mut writing = db.store.begin().await.unwrap();
        settings::set(&mut writing, "a", &1_u32).await.unwrap();
        writing.commit().await.unwrap();
        assert_eq!(settings::get::<u32>(&mut reading, "a").await.unwrap(), None);
        assert!(settings::set(&mut reading, "a", &2_u32).await.is_err());
        drop(reading);
        let mut reading = db.store.read().await.unwrap();
        assert_eq!(settings::get::<u32>(&mut reading, "a").await.unwrap(), Some(1));
    }

    async fn migrating_twice_changes_nothing_and_a_changed_migration_is_noticed(db) {
        db.store.migrate().await.unwrap();
        db.raw("UPDATE _sqlx_migrations SET success = true, checksum = checksum || checksum").await;
        assert!(matches!(db.store.migrate().await, Err(StoreError::Migrate(_))));
    }

    async fn an_unknown_migration_is_noticed(db) {
        db.raw("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1").await;
        assert!(matches!(db.store.migrate().await, Err(StoreError::Migrate(_))));
    }

    async fn it_answers_until_it_is_closed(db) {
        db.store.ping().await.unwrap();
        let another = db.another().await;
        another.store.close().await;
        assert!(matches!(another.store.ping().await, Err(StoreError::Unavailable(_))));
        assert!(matches!(another.store.begin().await, Err(StoreError::Unavailable(_))));
    }

    async fn settings_keep_documents(db) {
        let mut tx = db.store.begin().await.unwrap();
        settings::set(&mut tx, "b", &serde_json::json!({"x": [1, "ü"]})).await.unwrap();
        settings::set(&mut tx, "a", &true).await.unwrap();
        settings::set(&mut tx, "a", &false).await.unwrap();
        assert_eq!(settings::get(&mut tx, "a").await.unwrap(), Some(false));
        let keys: Vec<String> = settings::all(&mut tx).await.unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a", "b"]);
        assert!(settings::unset(&mut tx, "a").await.unwrap());
        assert!(!settings::unset(&mut tx, "a").await.unwrap());
        assert!(matches!(settings::get::<u32>(&mut tx, "b").await, Err(StoreError::Corrupt { .. })));
    }
}

#[tokio::test]
async fn the_file_is_its_owners_only() {
    let db = Db::sqlite().await;
    let path = db.url.strip_prefix("sqlite://").unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{path}{suffix}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}{suffix}");
    }
    let rows: Vec<(String,)> = db.ask("PRAGMA journal_mode").await;
    assert_eq!(rows, [("wal".to_owned(),)]);
    db.finish().await;
}

#[tokio::test]
async fn an_error_never_shows_a_password_of_the_url() {
    for url in [
        "postgres://berth:hunter2@host.invalid/berth",
        "postgres://berth:hunter2@localhost/berth?sslmode=x",
        "mysql://berth:hunter2@localhost/berth",
    ] {
        let error = Store::open(url).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
