//! Who may have which name.

use berth_core::domain::{DomainState, HstsAge, HttpsRedirect};
use berth_core::name::Fqdn;
use berth_core::plan::standard_aliases;
use berth_store::domains::{self, ClaimKind};

use crate::db::domain;

both_engines! {
    async fn a_domain_comes_back_as_stored(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let mut shop = domain(alice.account.id, "shop.example.org", false);
        shop.aliases.push("xn--bcher-kva.example".parse().unwrap());
        shop.aliases.sort();
        shop.docroot = "public_html/app".parse_docroot();
        shop.state = DomainState::Pending;
        domains::insert(&mut tx, &shop).await.unwrap();
        assert_eq!(domains::by_fqdn(&mut tx, &shop.fqdn).await.unwrap(), Some(shop.clone()));
        assert_eq!(domains::by_fqdn(&mut tx, &shop.aliases[0]).await.unwrap(), None);
        let both = domains::of_account(&mut tx, alice.account.id).await.unwrap();
        assert_eq!(both, [alice.domain.clone(), shop.clone()]);
        assert_eq!(domains::count(&mut tx, alice.account.id).await.unwrap(), 2);
        shop.docroot = "public_html".parse_docroot();
        shop.https_redirect = HttpsRedirect::On;
        shop.hsts = Some(HstsAge::try_from(31_536_000).unwrap());
        domains::set_site(&mut tx, &shop).await.unwrap();
        domains::set_state(&mut tx, shop.id, DomainState::Active).await.unwrap();
        let changed = domains::by_fqdn(&mut tx, &shop.fqdn).await.unwrap().unwrap();
        shop.state = DomainState::Active;
        assert_eq!(domains::by_id(&mut tx, shop.id).await.unwrap(), Some(shop.clone()));
        assert_eq!(changed, shop);
        assert!(domains::remove(&mut tx, shop.id).await.unwrap());
        assert!(!domains::remove(&mut tx, shop.id).await.unwrap());
        // The names are free again, aliases too.
        let free = domains::claims(&mut tx, &shop.fqdn, &shop.aliases, None).await.unwrap();
        assert_eq!(free, []);
    }

    async fn names_above_and_below_belong_to_the_same_account(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let mut tx = db.store.begin().await.unwrap();
        domains::insert(&mut tx, &domain(alice.account.id, "shop.example.org", false)).await.unwrap();
        for (name, own, others) in [
            ("alice.com", Some(ClaimKind::Same), Some(ClaimKind::Same)),
            ("www.alice.com", Some(ClaimKind::Same), Some(ClaimKind::Same)),
            ("blog.alice.com", None, Some(ClaimKind::Above)),
            ("a.b.c.alice.com", None, Some(ClaimKind::Above)),
            ("x.www.alice.com", None, Some(ClaimKind::Above)),
            ("example.org", None, Some(ClaimKind::Below)),
            // Neighbours, and names that only look alike.
            ("blog.example.org", None, None),
            ("hop.example.org", None, None),
            ("myshop.example.org", None, None),
            ("shop-example.org", None, None),
            ("notalice.com", None, None),
            ("alice.com.au", None, None),
        ] {
            let fqdn: Fqdn = name.parse().unwrap();
            let aliases = standard_aliases(&fqdn);
            for (account, expected) in
                [(Some(alice.account.id), own), (Some(bob.account.id), others), (None, others)]
            {
                let claims = domains::claims(&mut tx, &fqdn, &aliases, account).await.unwrap();
                let found = claims.iter().map(|claim| claim.kind).min_by_key(|kind| *kind as u8);
                assert_eq!(found, expected, "{name} for {account:?}: {claims:?}");
                assert!(claims.iter().all(|claim| claim.account == alice.account.id));
            }
        }
    }

    async fn many_names_of_ones_own_hide_no_foreign_one(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let mut tx = db.store.begin().await.unwrap();
        for number in 0..150 {
            let name = format!("a{number}.example.org");
            domains::insert(&mut tx, &domain(alice.account.id, &name, false)).await.unwrap();
        }
        domains::insert(&mut tx, &domain(bob.account.id, "z.example.org", false)).await.unwrap();
        let wanted: Fqdn = "example.org".parse().unwrap();
        let claims = domains::claims(&mut tx, &wanted, &[], Some(alice.account.id)).await.unwrap();
        assert!(!claims.is_empty());
        assert!(claims.iter().all(|claim| claim.account == bob.account.id), "{claims:?}");
    }

    async fn a_name_and_one_above_it_can_not_be_claimed_at_the_same_time(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        for round in 0..8 {
            let wanted = [
                (alice.account.id, format!("round{round}.org")),
                (bob.account.id, format!("shop.round{round}.org")),
            ];
            let tasks: Vec<_> = wanted.into_iter().map(|(account, name)| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    let wanted = domain(account, &name, false);
                    let mut tx = store.begin().await.unwrap();
                    domains::lock(&mut tx, &wanted.fqdn).await.unwrap();
                    let claims = domains::claims(&mut tx, &wanted.fqdn, &wanted.aliases, Some(account));
                    if claims.await.unwrap().is_empty() {
                        domains::insert(&mut tx, &wanted).await.unwrap();
                        tx.commit().await.unwrap();
                        return true;
                    }
                    false
                })
            }).collect();
            let mut got = 0;
            for task in tasks {
                got += u32::from(task.await.unwrap());
            }
            assert_eq!(got, 1, "round {round}");
        }
    }
}

trait ParseDocroot {
    fn parse_docroot(&self) -> berth_core::domain::Docroot;
}

impl ParseDocroot for str {
    fn parse_docroot(&self) -> berth_core::domain::Docroot {
        berth_core::Parse::parse(self).unwrap()
    }
}
