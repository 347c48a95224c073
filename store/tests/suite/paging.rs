//! What a node pulls: complete snapshots, and never one account too few.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use berth_core::domain::DomainState;
use berth_core::id::{AccountId, NodeId};
use berth_store::{Store, accounts, domains, egress_rules, specs, ssh_keys};

use crate::db::{create, domain, egress_rule, ssh_key};

both_engines! {
    async fn a_snapshot_is_complete(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let mut tx = db.store.begin().await.unwrap();
        let key = ssh_key(alice.account.id);
        ssh_keys::insert(&mut tx, &key).await.unwrap();
        let rule = egress_rule(alice.account.id);
        egress_rules::insert(&mut tx, &rule).await.unwrap();
        let shop = domain(alice.account.id, "shop.example.org", false);
        domains::insert(&mut tx, &shop).await.unwrap();
        let mut unproven = domain(alice.account.id, "pending.example.net", false);
        unproven.state = DomainState::Pending;
        domains::insert(&mut tx, &unproven).await.unwrap();
        accounts::set_sftp(&mut tx, alice.account.id, false).await.unwrap();
        let generation = accounts::stamp(&mut tx, alice.account.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(generation, 3);

        let mut tx = db.store.read().await.unwrap();
        let page = specs::newer_than(&mut tx, node.id, 0, 10).await.unwrap();
        assert!(!page.more);
        let order: Vec<_> = page.accounts.iter().map(|account| account.account).collect();
        assert_eq!(order, [bob.account.id, alice.account.id], "oldest change first");
        let snapshot = &page.accounts[1];
        assert_eq!(snapshot.generation, generation);
        assert_eq!(snapshot.username, alice.account.username);
        assert_eq!(snapshot.uid, alice.account.uid);
        assert_eq!(snapshot.display_name, alice.user.display_name);
        assert!(!snapshot.sftp_enabled);
        assert_eq!((snapshot.limits, snapshot.features), (package.limits, package.features));
        assert_eq!(snapshot.ssh_keys, [key.key]);
        assert_eq!(snapshot.egress_rules, [rule.rule]);
        let mut names: Vec<_> = snapshot.domains.iter()
            .map(|domain| (domain.fqdn.to_string(), domain.primary, domain.aliases.len())).collect();
        names.sort();
        let served = |name: &str, primary, aliases| (name.to_owned(), primary, aliases);
        assert_eq!(
            names,
            [served("alice.com", true, 1), served("pending.example.net", false, 0), served("shop.example.org", false, 1)],
            "an unproven domain is served for its own name only"
        );
        assert_eq!(page.accounts[0].domains[0].fqdn.as_str(), "bob.com");

        let first = specs::newer_than(&mut tx, node.id, 0, 1).await.unwrap();
        assert!(first.more && first.accounts.len() == 1);
        let rest = specs::newer_than(&mut tx, node.id, first.accounts[0].generation, 1).await.unwrap();
        assert!(!rest.more && rest.accounts[0].account == alice.account.id);
        let last = specs::newer_than(&mut tx, node.id, generation, 10).await.unwrap();
        assert_eq!(last, specs::SpecPage { accounts: vec![], more: false });
        let other = specs::newer_than(&mut tx, NodeId(crate::db::id()), 0, 10).await.unwrap();
        assert_eq!(other.accounts, []);
    }

    async fn a_puller_among_writers_misses_no_change(db) {
        let (node, package) = db.ground().await;
        let mut tenants = Vec::new();
        let mut tx = db.store.begin().await.unwrap();
        for number in 0..12 {
            tenants.push(create(&mut tx, node.id, package.id, &format!("user{number}")).await.unwrap().account.id);
        }
        tx.commit().await.unwrap();

        let writing = Arc::new(AtomicBool::new(true));
        let puller = tokio::spawn(pull(db.store.clone(), node.id, Arc::clone(&writing)));
        let writers: Vec<_> = (0..6_usize).map(|writer| {
            let store = db.store.clone();
            let (tenants, node, package) = (tenants.clone(), node.id, package.id);
            tokio::spawn(async move {
                for round in 0..25_usize {
                    let mut tx = store.begin().await.unwrap();
                    match (writer, round % 5) {
                        (0, 4) => drop(accounts::stamp_package(&mut tx, package).await.unwrap()),
                        (1, _) => {
                            create(&mut tx, node, package, &format!("new{round}")).await.unwrap();
                        }
                        _ => {
                            let account = tenants[(writer * 5 + round) % tenants.len()];
                            accounts::stamp(&mut tx, account).await.unwrap();
                            tokio::task::yield_now().await;
                        }
                    }
                    // A transaction that took a generation and gave it up leaves a gap, nothing else.
                    if round % 7 == 3 { drop(tx) } else { tx.commit().await.unwrap() }
                }
            })
        }).collect();
        for writer in writers {
            writer.await.unwrap();
        }
        writing.store(false, Ordering::SeqCst);
        let (seen, pages) = puller.await.unwrap();
        assert!(pages > 3, "the puller ran beside the writers");

        // What the puller holds is what is stored: each account at its newest generation.
        let rows: Vec<(String, i64)> = db.ask("SELECT username, generation FROM accounts").await;
        assert!(rows.len() > 12 + 15);
        let stored: HashMap<String, u64> =
            rows.into_iter().map(|(name, generation)| (name, u64::try_from(generation).unwrap())).collect();
        let held: HashMap<String, u64> = seen.into_values().collect();
        assert_eq!(held, stored);
    }
}

/// Pulls as an agent does, in pages of three, until the writers are done and nothing is left.
async fn pull(
    store: Store,
    node: NodeId,
    writing: Arc<AtomicBool>,
) -> (HashMap<AccountId, (String, u64)>, usize) {
    let (mut seen, mut cursor, mut pages) = (HashMap::new(), 0, 0);
    loop {
        let last_look = !writing.load(Ordering::SeqCst);
        let mut tx = store.read().await.unwrap();
        let page = specs::newer_than(&mut tx, node, cursor, 3).await.unwrap();
        drop(tx);
        pages += usize::from(!page.accounts.is_empty());
        for account in &page.accounts {
            assert!(account.generation > cursor, "generations rise");
            assert_eq!(account.domains.len(), 1, "a snapshot is of one moment");
            cursor = account.generation;
            seen.insert(account.account, (account.username.to_string(), account.generation));
        }
        if page.accounts.is_empty() {
            if last_look {
                return (seen, pages);
            }
            tokio::task::yield_now().await;
        }
    }
}
