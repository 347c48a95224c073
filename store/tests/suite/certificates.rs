//! Proofs of ownership, certificates, and what was ordered.

use berth_core::certificate::Fingerprint;
use berth_core::domain::DomainState;
use berth_core::ownership::OwnershipToken;
use berth_core::{Code, Parse, Problem};
use berth_store::certificates::{self, Issued, orders};
use berth_store::{domains, proofs, specs};
use chrono::TimeDelta;

use crate::db::{at, domain, id};

/// A certificate whose fingerprint repeats two digits.
pub(crate) fn issued(digits: &str, names: &[&str]) -> Issued {
    Issued {
        fingerprint: Fingerprint::parse(&digits.repeat(32)).unwrap(),
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        issuer: "A Test CA".into(),
        chain: "chain".into(),
        sealed_key: "sealed".into(),
        not_before: at(0),
        not_after: at(100),
    }
}

/// An account at a certification authority.
pub(crate) fn account() -> certificates::accounts::AccountRecord {
    certificates::accounts::AccountRecord {
        sealed_credentials: "sealed".into(),
        thumbprint: "evnW7bNz-xGZVdM1pAsPUHzsFLXeHmIAPbAhWo5_bc0".parse().unwrap(),
    }
}

both_engines! {
    async fn a_proof_is_looked_for_by_one_at_a_time_and_less_and_less(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let mut shop = domain(alice.account.id, "shop.example.org", false);
        shop.state = DomainState::Pending;
        domains::insert(&mut tx, &shop).await.unwrap();
        let token = OwnershipToken::new([7; 20]);
        proofs::insert(&mut tx, shop.id, &token, at(10), at(20)).await.unwrap();
        let fresh = proofs::by_domain(&mut tx, shop.id).await.unwrap().unwrap();
        assert_eq!((&fresh.token, fresh.created_at, fresh.due_at), (&token, at(10), Some(at(20))));
        assert_eq!(proofs::claim(&mut tx, at(19), at(50), 5).await.unwrap(), []);
        assert_eq!(proofs::claim(&mut tx, at(20), at(50), 5).await.unwrap(), [shop.id]);
        assert_eq!(proofs::claim(&mut tx, at(20), at(50), 5).await.unwrap(), [], "somebody is at it");
        let problem = Problem::new(Code::DomainUnproven, "nothing");
        proofs::checked(&mut tx, shop.id, at(21), None, &problem).await.unwrap();
        assert_eq!(proofs::claim(&mut tx, at(1_000_000), at(1_000_001), 5).await.unwrap(), [], "given up");
        let seen = proofs::of_account(&mut tx, alice.account.id).await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].attempts, &seen[0].problem), (1, &Some(problem)));
        proofs::remove(&mut tx, shop.id).await.unwrap();
        assert_eq!(proofs::by_domain(&mut tx, shop.id).await.unwrap(), None);
    }

    async fn a_certificate_comes_fails_and_is_replaced(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let fqdn = alice.domain.id;
        certificates::enrol(&mut tx, fqdn, at(10)).await.unwrap();
        certificates::enrol(&mut tx, fqdn, at(99)).await.unwrap();
        assert_eq!(certificates::claim(&mut tx, at(9), at(60), 5).await.unwrap(), []);
        assert_eq!(certificates::claim(&mut tx, at(10), at(60), 5).await.unwrap(), [fqdn]);
        assert_eq!(certificates::claim(&mut tx, at(10), at(60), 5).await.unwrap(), []);
        let problem = Problem::new(Code::AcmeFailed, "no");
        certificates::postpone(&mut tx, fqdn, at(70), std::slice::from_ref(&problem), at(11), true).await.unwrap();
        let failed = certificates::by_domain(&mut tx, fqdn).await.unwrap().unwrap();
        assert_eq!((failed.attempts, failed.due_at, failed.problems), (1, at(70), vec![problem]));
        let first = issued("ab", &["alice.com", "www.alice.com"]);
        assert!(certificates::store(&mut tx, fqdn, &first, at(80), &[], at(12)).await.unwrap());
        let stored = certificates::of_account(&mut tx, alice.account.id).await.unwrap().remove(0);
        assert_eq!((stored.attempts, stored.forced, stored.names), (0, false, first.names.clone()));
        assert_eq!((stored.not_before, stored.not_after), (Some(at(0)), Some(at(100))));
        assert!(certificates::force(&mut tx, fqdn, at(13)).await.unwrap());
        assert!(certificates::by_domain(&mut tx, fqdn).await.unwrap().unwrap().forced);
        let second = issued("cd", &["alice.com"]);
        assert!(certificates::store(&mut tx, fqdn, &second, at(90), &[], at(14)).await.unwrap());
        let prints = [first.fingerprint, second.fingerprint.clone()];
        let found = certificates::deliverable(&mut tx, &prints).await.unwrap();
        assert_eq!(found.len(), 1, "the one before is gone");
        assert_eq!((found[0].domain, &found[0].sealed_key), (fqdn, &second.sealed_key));
        let page = specs::newer_than(&mut tx, node.id, 0, 10).await.unwrap();
        assert_eq!(page.accounts[0].domains[0].certificate, Some(second.fingerprint));
        // Without a proven owner there is none, whatever was issued before.
        domains::set_state(&mut tx, fqdn, DomainState::Pending).await.unwrap();
        let page = specs::newer_than(&mut tx, node.id, 0, 10).await.unwrap();
        assert_eq!(page.accounts[0].domains[0].certificate, None);
        assert!(domains::remove(&mut tx, fqdn).await.unwrap());
        assert!(!certificates::force(&mut tx, fqdn, at(15)).await.unwrap());
    }

    async fn orders_are_counted_by_registrable_domain_and_by_names(db) {
        let mut tx = db.store.begin().await.unwrap();
        let names = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let (both, shop, other) =
            (names(&["a.com", "www.a.com"]), names(&["shop.a.com"]), names(&["b.com"]));
        for (list, moment) in [(&both, at(10)), (&both, at(20)), (&shop, at(20)), (&other, at(20))] {
            orders::insert(&mut tx, id(), list, moment).await.unwrap();
        }
        let before = at(10) - TimeDelta::seconds(1);
        assert_eq!(orders::of_registrable(&mut tx, &both, before).await.unwrap(), 3);
        assert_eq!(orders::of_registrable(&mut tx, &shop, at(10)).await.unwrap(), 2);
        assert_eq!(orders::of_names(&mut tx, &both, before).await.unwrap(), 2);
        assert_eq!(orders::since(&mut tx, before).await.unwrap(), 4);
        orders::forget(&mut tx, at(10)).await.unwrap();
        assert_eq!(orders::since(&mut tx, before).await.unwrap(), 3);
    }

    async fn the_first_account_at_an_authority_stays(db) {
        let mut tx = db.store.begin().await.unwrap();
        let directory = "https://ca.test/directory";
        assert!(certificates::accounts::by_directory(&mut tx, directory).await.unwrap().is_none());
        certificates::accounts::insert(&mut tx, directory, &account(), at(1)).await.unwrap();
        let mut late = account();
        late.sealed_credentials = "late".into();
        certificates::accounts::insert(&mut tx, directory, &late, at(2)).await.unwrap();
        let known = certificates::accounts::by_directory(&mut tx, directory).await.unwrap().unwrap();
        assert_eq!(known.sealed_credentials, "sealed");
        let thumbprint = certificates::accounts::thumbprint(&mut tx, directory).await.unwrap();
        assert_eq!(thumbprint, Some(account().thumbprint));
    }
}
