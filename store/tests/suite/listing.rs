//! Pages of users.

use berth_core::command::{ListUsers, UserFilter};
use berth_core::role::Role;
use berth_store::users::{self, Visible};
use berth_store::{StoreError, domains};

use crate::db::{Db, domain, user};

both_engines! {
    async fn a_walk_meets_everybody_once_in_order(db) {
        let mut tx = db.store.begin().await.unwrap();
        for number in 0..57 {
            users::insert(&mut tx, &user(&format!("user{number}")), None).await.unwrap();
        }
        // Somebody without a login is listed by address.
        let mut person = user("person");
        person.login = None;
        person.email = "user31z@mail.example".parse().unwrap();
        users::insert(&mut tx, &person, None).await.unwrap();
        tx.commit().await.unwrap();
        for limit in [1, 7, 58, 200] {
            let mut names = Vec::new();
            let mut command = ListUsers { limit, ..ListUsers::default() };
            loop {
                let mut tx = db.store.read().await.unwrap();
                let page = users::list(&mut tx, &command, Visible::All).await.unwrap();
                drop(tx);
                assert!(page.items.len() <= limit as usize);
                names.extend(page.items.into_iter().map(|user| match user.login {
                    Some(login) => login.to_string(),
                    None => user.email.to_string(),
                }));
                // Somebody new behind us changes nothing of what is left.
                if names.len() == 7 {
                    let mut tx = db.store.begin().await.unwrap();
                    users::insert(&mut tx, &user(&format!("aaa{limit}")), None).await.unwrap();
                    tx.commit().await.unwrap();
                }
                match page.next {
                    Some(next) => command.cursor = Some(next),
                    None => break,
                }
            }
            names.retain(|name| !name.starts_with("aaa"));
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(names, sorted, "limit {limit}");
            assert_eq!(names.len(), 58, "limit {limit}");
        }
        for cursor in ["", "x", "zz", "0123456789abcdef0123456789abcdefzz", "ä"] {
            let command = ListUsers { cursor: Some(cursor.to_owned()), ..ListUsers::default() };
            let mut tx = db.store.read().await.unwrap();
            let error = users::list(&mut tx, &command, Visible::All).await.unwrap_err();
            assert!(matches!(error, StoreError::CursorInvalid), "{cursor}: {error:?}");
        }
    }

    async fn filters_narrow(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let mut tx = db.store.begin().await.unwrap();
        let mut boss = user("boss");
        boss.role = Role::Reseller;
        boss.display_name = "100% \"Quoted_Name\" Öztürk".parse().unwrap();
        users::insert(&mut tx, &boss, None).await.unwrap();
        let mut owned = user("owned");
        owned.owner = Some(boss.id);
        users::insert(&mut tx, &owned, None).await.unwrap();
        domains::insert(&mut tx, &domain(alice.account.id, "shop.dragonfly.org", false)).await.unwrap();
        tx.commit().await.unwrap();

        let all = ["alice", "bob", "boss", "owned"];
        check(db, UserFilter::default(), Visible::All, &all).await;
        check(db, UserFilter::default(), Visible::OwnedBy(boss.id), &["boss", "owned"]).await;
        check(db, UserFilter::default(), Visible::Only(bob.user.id), &["bob"]).await;
        let role = |role| UserFilter { role: Some(role), ..UserFilter::default() };
        check(db, role(Role::Reseller), Visible::All, &["boss"]).await;
        check(db, role(Role::Admin), Visible::All, &[]).await;
        let of_package = |name: &str| UserFilter { package: name.parse().ok(), ..UserFilter::default() };
        check(db, of_package("standard"), Visible::All, &["alice", "bob"]).await;
        check(db, of_package("other"), Visible::All, &[]).await;
        let search = |text: &str| UserFilter { search: Some(text.to_owned()), ..UserFilter::default() };
        for (text, expected) in [
            ("lic", &["alice"][..]),
            ("@mail.example", &all),
            ("smith", &["alice", "bob", "owned"]),
            ("dragonfly", &["alice"]),
            ("op.drag", &["alice"]),
            ("bob.com", &["bob"]),
            ("quoted_name", &["boss"]),
            ("\"quoted", &["boss"]),
            ("00%", &["boss"]),
            ("öztürk", &["boss"]),
            ("%%%", &[]),
            ("___", &[]),
            ("a*b", &[]),
            ("\\\\\\", &[]),
            ("nobody", &[]),
            // Two characters: at the beginning of login and address.
            ("bo", &["bob", "boss"]),
            ("b", &["bob", "boss"]),
            ("li", &[]),
            ("%", &[]),
        ] {
            check(db, search(text), Visible::All, expected).await;
        }
        check(db, search("smith"), Visible::OwnedBy(boss.id), &["owned"]).await;
        check(db, UserFilter { role: Some(Role::User), ..search("bob") }, Visible::All, &["bob"]).await;
    }

    async fn a_search_follows_changes(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let search = |text: &str| UserFilter { search: Some(text.to_owned()), ..UserFilter::default() };
        check(db, search("alice.com"), Visible::All, &["alice"]).await;
        let mut tx = db.store.begin().await.unwrap();
        let mut changed = alice.user.clone();
        changed.email = "new@elsewhere.example".parse().unwrap();
        users::update(&mut tx, &changed).await.unwrap();
        assert!(domains::remove(&mut tx, alice.domain.id).await.unwrap());
        tx.commit().await.unwrap();
        check(db, search("alice.com"), Visible::All, &[]).await;
        check(db, search("alice@mail"), Visible::All, &[]).await;
        check(db, search("elsewhere"), Visible::All, &["alice"]).await;
    }
}

async fn check(db: &Db, filter: UserFilter, visible: Visible, expected: &[&str]) {
    let mut tx = db.store.read().await.unwrap();
    let command = ListUsers { filter, ..ListUsers::default() };
    let page = users::list(&mut tx, &command, visible).await.unwrap();
    let names: Vec<String> = page.items.iter().map(|user| user.login.as_ref().unwrap().to_string()).collect();
    assert_eq!(names, expected, "{command:?} {visible:?}");
}
