//! A backup holds everything, and restores onto either engine.

use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::id::{ApiKeyId, QuarantineId};
use berth_core::link::{AccountReport, Inventory};
use berth_core::policy::Scope;
use berth_core::role::Role;
use berth_store::api_keys::ApiKeyRecord;
use berth_store::idempotency::StoredAnswer;
use berth_store::{
    StoreError, api_keys, audit, backup, certificates, conditions, domains, drift, egress_rules, events,
    external_users, idempotency, inquiries, nodes, outbox, proofs, settings, ssh_keys, suspensions, timers,
    users, webhooks, websites,
};

use crate::db::{Db, at, egress_rule, id, ssh_key, user};
use crate::timers::{ran, timer};

both_engines! {
    async fn a_restored_database_is_the_same(db) {
        fill(db).await;
        let (text, rows) = exported(db).await;
        for line in text.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
        let mut targets = vec![db.another().await, Db::sqlite().await];
        targets.extend(Db::postgres().await);
        for target in targets {
            let restored = backup::import(&target.store, text.as_bytes()).await.unwrap();
            assert_eq!(restored.rows, rows);
            let (again, _) = exported(&target).await;
            assert_eq!(sorted(&again), sorted(&text));
            // It works on: the log verifies, the search finds, numbers go on where they were.
            assert_eq!(audit::verify(&target.store).await.unwrap().broken_at, None);
            let mut tx = target.store.begin().await.unwrap();
            let command = berth_core::command::ListUsers {
                filter: berth_core::command::UserFilter {
                    search: Some("lice.co".into()), ..berth_core::command::UserFilter::default()
                },
                ..berth_core::command::ListUsers::default()
            };
            let found = users::list(&mut tx, &command, users::Visible::All).await.unwrap();
            assert_eq!(found.items.len(), 1);
            let uid = berth_store::accounts::allocate_uid(&mut tx).await.unwrap();
            // An account and a web user have one each.
            assert_eq!(uid.get(), berth_core::account::UID_RANGE.start() + 2);
            drop(tx);
            target.finish().await;
        }
    }

    async fn a_backup_does_not_overwrite(db) {
        fill(db).await;
        let (text, _) = exported(db).await;
        let error = backup::import(&db.store, text.as_bytes()).await.unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
    }

    async fn a_damaged_backup_leaves_nothing(db) {
        let source = db.another().await;
        fill(&source).await;
        let (text, _) = exported(&source).await;
        source.finish().await;
        let lines: Vec<&str> = text.lines().collect();
        let without_end = lines[..lines.len() - 1].join("\n");
        let without_row = [&lines[..3], &lines[4..]].concat().join("\n");
        let other_schema = text.replacen("\"schema\":", "\"schema\":9", 1);
        let other_table = text.replacen("\"table\":\"packages\"", "\"table\":\"sqlite_master\"", 1);
        let other_column = text.replacen("\"display_name\":", "\"display_nome\":", 1);
        for damaged in ["", "hello", &without_end, &without_row, &other_schema, &other_table, &other_column] {
            let error = backup::import(&db.store, damaged.as_bytes()).await.unwrap_err();
            assert!(matches!(error, StoreError::Backup { .. }), "{error:?}");
        }
        // Nothing of the attempts stayed: the whole one goes in.
        backup::import(&db.store, text.as_bytes()).await.unwrap();
    }
}

/// A pending domain with its proof, and a certificate with what belongs to it.
async fn domains_and_certificates(tx: &mut berth_store::Tx, alice: &crate::db::Tenant) {
    let mut pending = crate::db::domain(alice.account.id, "pending.org", false);
    pending.state = berth_core::domain::DomainState::Pending;
    domains::insert(tx, &pending).await.unwrap();
    let token = berth_core::ownership::OwnershipToken::new([7; 20]);
    proofs::insert(tx, pending.id, &token, at(1), at(2)).await.unwrap();
    certificates::enrol(tx, alice.domain.id, at(1)).await.unwrap();
    let issued = crate::certificates::issued("ab", &["alice.com"]);
    assert!(certificates::store(tx, alice.domain.id, &issued, at(9), &[], at(3)).await.unwrap());
    certificates::orders::insert(tx, id(), &issued.names, at(3)).await.unwrap();
    certificates::accounts::insert(tx, "https://ca.test", &crate::certificates::account(), at(3))
        .await
        .unwrap();
}

/// Something in every table.
async fn fill(db: &Db) {
    let (node, package) = db.ground().await;
    let alice = db.tenant(&node, &package, "alice").await;
    let mut tx = db.store.begin().await.unwrap();
    let mut owned = user("aowned");
    let mut reseller = user("reseller");
    reseller.role = Role::Reseller;
    users::insert(&mut tx, &reseller, None).await.unwrap();
    owned.owner = Some(reseller.id);
    users::insert(&mut tx, &owned, None).await.unwrap();
    ssh_keys::insert(&mut tx, &ssh_key(alice.account.id)).await.unwrap();
    suspensions::place(&mut tx, owned.id, &crate::life::suspension()).await.unwrap();
    crate::life::bury(&mut tx, alice.user.id).await;
    egress_rules::insert(&mut tx, &egress_rule(alice.account.id)).await.unwrap();
    external_users::put(&mut tx, &super::websites::external(alice.user.id)).await.unwrap();
    let site = super::websites::website(alice.user.id, "a.example");
    websites::replace(&mut tx, alice.user.id, &[site]).await.unwrap();
    let web_user = super::web_users::web_user(&mut tx, alice.domain.id, "myWebAccount").await;
    berth_store::web_users::insert(&mut tx, &web_user).await.unwrap();
    berth_store::web_users::set_scripts(&mut tx, alice.domain.id, false).await.unwrap();
    let plesk_key = super::web_users::plesk_key(alice.user.id);
    berth_store::plesk_keys::insert(&mut tx, &plesk_key, "aa").await.unwrap();
    websites::pin(&mut tx, "h:22", "SHA256:a", at(4)).await.unwrap();
    timers::insert(&mut tx, &timer(&alice, "a")).await.unwrap();
    timers::add_run(&mut tx, alice.account.node, &ran(&alice, "a", 9)).await.unwrap();
    domains::lock(&mut tx, &alice.domain.fqdn).await.unwrap();
    let report = AccountReport {
        account: alice.account.id,
        generation: alice.account.generation,
        conditions: vec![Condition::new(Resource::Home, ConditionState::Converged).observe("gid", 5)],
    };
    assert!(conditions::store(&mut tx, node.id, &report, at(4)).await.unwrap());
    let inventory = Inventory { names: vec!["foreign".into()], homes: vec!["left".into()] };
    nodes::set_inventory(&mut tx, node.id, &inventory).await.unwrap();
    let name = "left".parse().unwrap();
    nodes::insert_quarantine(&mut tx, QuarantineId(id()), node.id, &name, at(4)).await.unwrap();
    inquiries::ask(&mut tx, node.id, &super::inquiries::inquiry(), at(4)).await.unwrap();
    let changed = super::drift::report(Some(alice.account.id), 4);
    drift::store(&mut tx, node.id, &[changed], at(4)).await.unwrap();
    let (event, hook) = (super::events::event("user.create", 4, None), super::events::webhook());
    events::insert(&mut tx, &event).await.unwrap();
    webhooks::insert(&mut tx, &hook, "sealed").await.unwrap();
    webhooks::deliver(&mut tx, berth_core::id::DeliveryId(id()), hook.id, event.id, at(4)).await.unwrap();
    outbox::enqueue(&mut tx, id(), "t", &serde_json::json!({"quote": "\"\n"}), at(4)).await.unwrap();
    let key = ApiKeyRecord {
        id: ApiKeyId(id()),
        user: alice.user.id,
        label: "Schlüssel".into(),
        scopes: vec![Scope::Read],
        created_at: at(0),
        expires_at: None,
        used_at: None,
        revoked_at: None,
    };
    api_keys::insert(&mut tx, &key, "00").await.unwrap();
    domains_and_certificates(&mut tx, &alice).await;
    crate::identity::fill(&mut tx, alice.user.id, reseller.id).await;
    settings::set(&mut tx, "welcome", &true).await.unwrap();
    let answer = StoredAnswer { request_hash: "h".into(), response: 1.into(), created_at: at(4) };
    idempotency::put(&mut tx, "root", "k", &answer).await.unwrap();
    idempotency::remember_command(&mut tx, "root", "f", alice.user.id, at(4)).await.unwrap();
    for number in 0..3 {
        let entry = berth_core::audit::AuditEntry {
            at: at(number),
            actor: serde_json::json!({"kind": "system"}),
            actor_label: "berth".into(),
            action: "user.create".into(),
            subject: "alice".into(),
            user: Some(alice.user.id),
            outcome: berth_core::audit::AuditOutcome::Done,
            request: "r".into(),
            detail: serde_json::json!({"b": number, "a": "x"}),
        };
        audit::append(&mut tx, &entry).await.unwrap();
    }
    tx.commit().await.unwrap();
    for (table, _) in backup::columns() {
        let rows: Vec<(i64,)> = db.ask(&format!("SELECT count(*) FROM {table}")).await;
        assert!(rows[0].0 > 0, "{table} is empty");
    }
}

async fn exported(db: &Db) -> (String, u64) {
    let mut bytes = Vec::new();
    let summary = backup::export(&db.store, &mut bytes).await.unwrap();
    (String::from_utf8(bytes).unwrap(), summary.rows)
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}
