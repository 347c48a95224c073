//! Accounts, numeric ids and generations.

use std::collections::BTreeSet;

use berth_core::account::UID_RANGE;
use berth_core::condition::{Condition, ConditionState, Convergence, Resource};
use berth_core::link::AccountReport;
use berth_core::package::Limit;
use berth_core::{Code, Problem};
use berth_store::{StoreError, accounts, conditions, packages};

use crate::db::{at, create, package};

both_engines! {
    async fn an_account_comes_back_as_stored(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(accounts::by_id(&mut tx, alice.account.id).await.unwrap(), Some(alice.account.clone()));
        accounts::set_sftp(&mut tx, alice.account.id, false).await.unwrap();
        let own = accounts::of_user(&mut tx, alice.user.id).await.unwrap().unwrap();
        assert!(!own.account.sftp_enabled);
        assert_eq!((own.package, own.node.as_str()), (package.name.clone(), "node1"));
        assert_eq!(own.primary_domain, Some(alice.domain.fqdn.clone()));
        assert_eq!((own.conditions, own.reported_at), (vec![], None));
        let absent = accounts::set_sftp(&mut tx, berth_core::id::AccountId(crate::db::id()), true).await;
        assert!(matches!(absent, Err(StoreError::Missing { .. })));
    }

    async fn a_page_of_users_gets_all_its_accounts_at_once(db) {
        let (node, package) = db.ground().await;
        let mut users = Vec::new();
        for name in ["anna", "bert", "carl"] {
            users.push(db.tenant(&node, &package, name).await.user.id);
        }
        let mut tx = db.store.read().await.unwrap();
        let found = accounts::of_users(&mut tx, &users).await.unwrap();
        assert_eq!(found.iter().map(|overview| overview.user).collect::<Vec<_>>(), users);
        assert_eq!(accounts::of_users(&mut tx, &[]).await.unwrap(), []);
    }

    async fn numeric_ids_only_grow_and_end_with_the_range(db) {
        let mut tx = db.store.begin().await.unwrap();
        let first = accounts::allocate_uid(&mut tx).await.unwrap();
        let second = accounts::allocate_uid(&mut tx).await.unwrap();
        assert!(second > first);
        tx.commit().await.unwrap();
        // Given and thrown away together with everything else of the transaction: nobody has seen it.
        let mut tx = db.store.begin().await.unwrap();
        let third = accounts::allocate_uid(&mut tx).await.unwrap();
        drop(tx);
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(accounts::allocate_uid(&mut tx).await.unwrap(), third);
        drop(tx);
        db.raw(&format!("UPDATE id_allocation SET next = {}", UID_RANGE.end())).await;
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(accounts::allocate_uid(&mut tx).await.unwrap().get(), *UID_RANGE.end());
        let error = accounts::allocate_uid(&mut tx).await.unwrap_err();
        assert!(matches!(error, StoreError::IdsExhausted), "{error:?}");
    }

    async fn a_numeric_id_is_not_given_again_when_its_row_goes(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        db.raw("DELETE FROM accounts").await;
        db.raw("DELETE FROM users").await;
        let again = db.tenant(&node, &package, "alice").await;
        assert!(again.account.uid > alice.account.uid);
    }

    async fn an_edited_package_gives_each_account_a_generation_of_its_own(db) {
        let (node, standard) = db.ground().await;
        let other = package("other");
        let mut tx = db.store.begin().await.unwrap();
        packages::insert(&mut tx, &other).await.unwrap();
        let far = berth_store::nodes::ensure(&mut tx, berth_core::id::NodeId(crate::db::id()), "far", at(0))
            .await.unwrap();
        tx.commit().await.unwrap();
        let mut edited = BTreeSet::new();
        for number in 0..20 {
            let (node, package) = if number % 4 == 0 { (&far, &standard) } else { (&node, &standard) };
            edited.insert(db.tenant(node, package, &format!("user{number}")).await.account.id);
        }
        let unrelated = db.tenant(&node, &other, "unrelated").await;

        let mut tx = db.store.begin().await.unwrap();
        let mut changed = standard.clone();
        changed.limits.set("domains", Limit::Max(3)).unwrap();
        assert_eq!(packages::update(&mut tx, &changed).await.unwrap(), Some(2));
        assert_eq!(packages::update(&mut tx, &changed).await.unwrap(), None);
        let touched: BTreeSet<_> = accounts::stamp_package(&mut tx, standard.id).await.unwrap().into_iter().collect();
        assert_eq!(touched, BTreeSet::from([node.id, far.id]));
        tx.commit().await.unwrap();

        let mut tx = db.store.read().await.unwrap();
        let mut seen = BTreeSet::new();
        for (node, cursor, expected) in [(node.id, 16, 15), (far.id, 5, 5)] {
            let page = berth_store::specs::newer_than(&mut tx, node, cursor, 100).await.unwrap();
            assert_eq!(page.accounts.len(), expected);
            for (place, account) in page.accounts.iter().enumerate() {
                assert_eq!(account.generation, cursor + 1 + place as u64);
                assert_eq!(account.limits, changed.limits);
                seen.insert(account.account);
            }
        }
        assert_eq!(seen, edited);
        let still = accounts::by_id(&mut tx, unrelated.account.id).await.unwrap().unwrap();
        assert_eq!(still.generation, unrelated.account.generation);
        let counts: Vec<_> = packages::list(&mut tx).await.unwrap().into_iter()
            .map(|(package, accounts)| (package.name.to_string(), accounts)).collect();
        assert_eq!(counts, [("other".to_owned(), 1), ("standard".to_owned(), 20)]);
        drop(tx);
        // The counter went along, so the next change is newer than all of them.
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(accounts::stamp(&mut tx, unrelated.account.id).await.unwrap(), 32);
        assert!(accounts::stamp_package(&mut tx, package("none").id).await.unwrap().is_empty());
    }

    async fn what_was_observed_never_goes_back(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let report = |generation, state: ConditionState| AccountReport {
            account: alice.account.id,
            generation,
            conditions: vec![Condition::new(Resource::Home, state).observe("mode", "0750")],
        };
        let failure = ConditionState::Failed(Problem::new(Code::HostFailed, "no space left"));
        let mut tx = db.store.begin().await.unwrap();
        let newest = accounts::stamp(&mut tx, alice.account.id).await.unwrap();
        assert_eq!(accounts::unsynced(&mut tx, node.id, 9).await.unwrap(), [
            (bob.account.id, bob.account.generation), (alice.account.id, newest),
        ]);
        let other = berth_core::id::NodeId(crate::db::id());
        let good = report(newest, ConditionState::Converged);
        assert!(!conditions::store(&mut tx, other, &good, at(5)).await.unwrap(), "not its node");
        let future = report(newest + 1, ConditionState::Converged);
        assert!(!conditions::store(&mut tx, node.id, &future, at(5)).await.unwrap(), "never had");
        assert_eq!(conditions::of_account(&mut tx, alice.account.id).await.unwrap(), None);

        let early = report(newest - 1, failure.clone());
        assert!(conditions::store(&mut tx, node.id, &early, at(6)).await.unwrap());
        let own = accounts::of_user(&mut tx, alice.user.id).await.unwrap().unwrap();
        assert_eq!(own.state(), Convergence::Provisioning);
        assert!(conditions::store(&mut tx, node.id, &good, at(7)).await.unwrap());
        assert!(!conditions::store(&mut tx, node.id, &early, at(8)).await.unwrap(), "older");
        let own = accounts::of_user(&mut tx, alice.user.id).await.unwrap().unwrap();
        assert_eq!((own.state(), own.reported_at), (Convergence::Converged, Some(at(7))));
        assert_eq!(own.conditions, good.conditions);

        // The same generation again: something broke and was found.
        assert!(conditions::store(&mut tx, node.id, &report(newest, failure), at(9)).await.unwrap());
        let stored = conditions::of_account(&mut tx, alice.account.id).await.unwrap().unwrap();
        assert_eq!((stored.generation, stored.reported_at), (newest, at(9)));
        let overview = berth_store::nodes::overview(&mut tx, "node1").await.unwrap().unwrap();
        assert_eq!((overview.accounts, overview.provisioning, overview.failed), (2, 1, 1));
    }

    async fn looking_for_work_reads_an_index_of_work_only(db) {
        let (node, package) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        for number in 0..300 {
            create(&mut tx, node.id, package.id, &format!("user{number}")).await.unwrap();
        }
        tx.commit().await.unwrap();
        db.raw("UPDATE accounts SET observed_generation = generation").await;
        db.raw("ANALYZE").await;
        let statement = berth_store::statements().into_iter()
            .find(|statement| statement.name.ends_with("accounts::UNSYNCED")).unwrap();
        let plan: Vec<String> = if db.is_sqlite() {
            let sql = statement.sqlite.replace("$1", "x'00'").replace("$2", "10");
            db.ask::<(i64, i64, i64, String)>(&format!("EXPLAIN QUERY PLAN {sql}")).await
                .into_iter().map(|(.., line)| line).collect()
        } else {
            let sql = statement.postgres.replace("$1", &format!("'{}'", node.id)).replace("$2", "10");
            db.ask::<(String,)>(&format!("EXPLAIN {sql}")).await.into_iter().map(|(line,)| line).collect()
        };
        assert!(plan.iter().any(|line| line.contains("accounts_unsynced")), "{plan:#?}");
        let mut tx = db.store.read().await.unwrap();
        assert_eq!(accounts::unsynced(&mut tx, node.id, 10).await.unwrap(), []);
    }
}
