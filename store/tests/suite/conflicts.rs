//! Every uniqueness is kept, and named, by both engines.

use std::collections::HashSet;

use berth_core::id::{ApiKeyId, NodeId, PackageId, QuarantineId};
use berth_core::policy::Scope;
use berth_core::user::MemberRole;
use berth_store::Constraint as C;
use berth_store::api_keys::ApiKeyRecord;
use berth_store::idempotency::StoredAnswer;
use berth_store::memberships::MembershipRecord;
use berth_store::{
    StoreError, accounts, api_keys, domains, egress_rules, idempotency, memberships, nodes, outbox, packages,
    ssh_keys, users, websites,
};

use berth_store::timers;
use berth_store::{plesk_keys, web_users};

use crate::db::{at, create, domain, egress_rule, id, package, ssh_key, user};
use crate::timers::timer;

both_engines! {
    async fn each_unique_key_is_named(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let key = ssh_key(alice.account.id);
        let api_key = ApiKeyRecord {
            id: ApiKeyId(id()), user: alice.user.id, label: "x".into(), scopes: vec![Scope::Read],
            created_at: at(0), expires_at: None, used_at: None, revoked_at: None,
        };
        let answer = StoredAnswer { request_hash: "h".into(), response: true.into(), created_at: at(0) };
        let quarantine = QuarantineId(id());
        let message = id();
        let mut tx = db.store.begin().await.unwrap();
        ssh_keys::insert(&mut tx, &key).await.unwrap();
        let rule = egress_rule(alice.account.id);
        egress_rules::insert(&mut tx, &rule).await.unwrap();
        let nightly = timer(&alice, "a");
        timers::insert(&mut tx, &nightly).await.unwrap();
        api_keys::insert(&mut tx, &api_key, "00").await.unwrap();
        idempotency::put(&mut tx, "root", "k", &answer).await.unwrap();
        nodes::insert_quarantine(&mut tx, quarantine, node.id, &"left".parse().unwrap(), at(0)).await.unwrap();
        outbox::enqueue(&mut tx, message, "t", &true.into(), at(0)).await.unwrap();
        tx.commit().await.unwrap();

        let mut seen = HashSet::new();
        // A failed statement ends a transaction on PostgreSQL, so each attempt has one of its own.
        macro_rules! expect {
            ($constraint:expr, |$tx:ident| $attempt:expr) => {{
                let mut transaction = db.store.begin().await.unwrap();
                let $tx = &mut transaction;
                let error = $attempt.await.err().unwrap_or_else(|| panic!("{:?} is not kept", $constraint));
                assert_eq!(error.conflict(), Some($constraint), "{error:?}");
                seen.insert($constraint);
            }};
        }
        let same = |mut other: users::UserRecord, change: &dyn Fn(&mut users::UserRecord)| {
            change(&mut other);
            other
        };
        let carol = same(user("carol"), &|user| user.id = alice.user.id);
        expect!(C::User, |tx| users::insert(tx, &carol, None));
        let carol = same(user("carol"), &|user| user.login.clone_from(&alice.user.login));
        expect!(C::UserLogin, |tx| users::insert(tx, &carol, None));
        let carol = same(user("carol"), &|user| user.email = "ALICE@mail.example".parse().unwrap());
        expect!(C::UserEmail, |tx| users::insert(tx, &carol, None));
        let renamed = same(bob.user.clone(), &|user| user.email = alice.user.email.clone());
        expect!(C::UserEmail, |tx| users::update(tx, &renamed));

        let mut second = crate::db::package("second");
        second.id = package.id;
        expect!(C::Package, |tx| packages::insert(tx, &second));
        let second = crate::db::package("standard");
        expect!(C::PackageName, |tx| packages::insert(tx, &second));
        expect!(C::Node, |tx| nodes::ensure(tx, node.id, "node2", at(0)));

        let mut other = alice.account.clone();
        other.username = "carol".parse().unwrap();
        other.uid = 2_000_000_000.try_into().unwrap();
        other.generation = 1000;
        expect!(C::Account, |tx| accounts::insert(tx, &other));
        other.id.0 = id();
        let account = accounts::AccountRecord { username: alice.account.username.clone(), ..other.clone() };
        expect!(C::AccountUsername, |tx| accounts::insert(tx, &account));
        let account = accounts::AccountRecord { uid: alice.account.uid, ..other.clone() };
        expect!(C::AccountUid, |tx| accounts::insert(tx, &account));
        let account = accounts::AccountRecord { generation: alice.account.generation, ..other.clone() };
        expect!(C::AccountGeneration, |tx| accounts::insert(tx, &account));

        let mut place = MembershipRecord {
            user: alice.user.id, account: alice.account.id, role: MemberRole::Viewer, created_at: at(0),
        };
        expect!(C::Membership, |tx| memberships::insert(tx, &place));
        place.user = bob.user.id;
        place.role = MemberRole::Owner;
        expect!(C::AccountOwner, |tx| memberships::insert(tx, &place));

        let mut second = domain(alice.account.id, "second.com", false);
        second.id = alice.domain.id;
        expect!(C::Domain, |tx| domains::insert(tx, &second));
        let second = domain(bob.account.id, "alice.com", false);
        expect!(C::DomainName, |tx| domains::insert(tx, &second));
        let second = domain(alice.account.id, "second.com", true);
        expect!(C::DomainPrimary, |tx| domains::insert(tx, &second));
        // An alias of one, the name of another: only the table of host names knows.
        let second = domain(bob.account.id, "www.alice.com", false);
        expect!(C::HostName, |tx| domains::insert(tx, &second));
        let mut second = domain(bob.account.id, "second.com", false);
        second.aliases = vec!["alice.com".parse().unwrap()];
        expect!(C::HostName, |tx| domains::insert(tx, &second));

        let mut second = ssh_key(bob.account.id);
        second.id = key.id;
        expect!(C::SshKey, |tx| ssh_keys::insert(tx, &second));
        let second = ssh_key(alice.account.id);
        expect!(C::SshKeyFingerprint, |tx| ssh_keys::insert(tx, &second));
        let mut second = egress_rule(bob.account.id);
        second.id = rule.id;
        expect!(C::EgressRule, |tx| egress_rules::insert(tx, &second));
        let second = egress_rule(alice.account.id);
        expect!(C::EgressRuleReach, |tx| egress_rules::insert(tx, &second));
        let mut second = timer(&bob, "a");
        second.id = nightly.id;
        expect!(C::Timer, |tx| timers::insert(tx, &second));
        let second = timer(&alice, "a");
        expect!(C::TimerName, |tx| timers::insert(tx, &second));

        let (left, other) = ("left".parse().unwrap(), "other".parse().unwrap());
        expect!(C::Quarantine, |tx| nodes::insert_quarantine(tx, quarantine, node.id, &other, at(1)));
        let new = QuarantineId(id());
        expect!(C::QuarantinePending, |tx| nodes::insert_quarantine(tx, new, node.id, &left, at(1)));
        let mut tx = db.store.begin().await.unwrap();
        berth_store::invitations::insert(&mut tx, &crate::identity::invitation("c@x.example"), "1").await.unwrap();
        tx.commit().await.unwrap();
        let second = crate::identity::invitation("C@x.example");
        expect!(C::InvitationPending, |tx| berth_store::invitations::insert(tx, &second, "2"));
        expect!(C::ApiKey, |tx| api_keys::insert(tx, &api_key, "01"));
        let payload = true.into();
        expect!(C::Message, |tx| outbox::enqueue(tx, message, "t", &payload, at(0)));
        expect!(C::IdempotencyKey, |tx| idempotency::put(tx, "root", "k", &answer));

        let site = crate::websites::website(alice.user.id, "a.example");
        let mut second = crate::websites::website(bob.user.id, "b.example");
        second.id = site.id;
        expect!(C::Website, |tx| async {
            websites::replace(tx, alice.user.id, std::slice::from_ref(&site)).await?;
            websites::replace(tx, bob.user.id, std::slice::from_ref(&second)).await
        });
        let twice = [site, crate::websites::website(alice.user.id, "a.example")];
        expect!(C::WebsiteLabel, |tx| websites::replace(tx, alice.user.id, &twice));
        let mut tx = db.store.begin().await.unwrap();
        let first = crate::web_users::web_user(&mut tx, alice.domain.id, "web").await;
        web_users::insert(&mut tx, &first).await.unwrap();
        let other = crate::web_users::web_user(&mut tx, alice.domain.id, "other").await;
        let plesk_key = crate::web_users::plesk_key(alice.user.id);
        plesk_keys::insert(&mut tx, &plesk_key, "aa").await.unwrap();
        tx.commit().await.unwrap();
        let second = web_users::WebUserRecord { number: first.number, ..other.clone() };
        expect!(C::WebUser, |tx| web_users::insert(tx, &second));
        let second = web_users::WebUserRecord { login: "WEB".parse().unwrap(), ..other.clone() };
        expect!(C::WebUserLogin, |tx| web_users::insert(tx, &second));
        let second = web_users::WebUserRecord { uid: first.uid, ..other };
        expect!(C::WebUserUid, |tx| web_users::insert(tx, &second));
        expect!(C::PleskKey, |tx| plesk_keys::insert(tx, &plesk_key, "ab"));
        let second = crate::web_users::plesk_key(alice.user.id);
        expect!(C::PleskKeySecret, |tx| plesk_keys::insert(tx, &second, "aa"));
        // Numbers are given out by the store itself, each once, and the switch is put over what is there.
        seen.extend([C::UserNumber, C::UserNumbered, C::DomainNumber, C::DomainNumbered, C::WebScriptsOff]);
        // Both are put over what is there.
        seen.extend([C::ExternalUser, C::PinnedHostKey]);

        // `nodes::ensure` gives the node of a name that is there, so nothing can break its constraint.
        seen.insert(C::NodeName);
        let left: Vec<_> = C::ALL.iter().filter(|constraint| !seen.contains(constraint)).collect();
        assert_eq!(left, Vec::<&C>::new(), "without a test");
    }

    async fn references_are_kept(db) {
        let (node, standard) = db.ground().await;
        let alice = db.tenant(&node, &standard, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let error = packages::delete(&mut tx, standard.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference { .. }), "{error:?}");
        drop(tx);

        let mut tx = db.store.begin().await.unwrap();
        let mut other = alice.account.clone();
        other.id.0 = id();
        other.username = "carol".parse().unwrap();
        other.uid = 2_000_000_000.try_into().unwrap();
        other.generation = 1000;
        other.package = PackageId(id());
        let error = accounts::insert(&mut tx, &other).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference { .. }), "{error:?}");
        drop(tx);

        let mut tx = db.store.begin().await.unwrap();
        let spare = package("spare");
        packages::insert(&mut tx, &spare).await.unwrap();
        assert!(packages::delete(&mut tx, spare.id).await.unwrap());
        assert!(!packages::delete(&mut tx, spare.id).await.unwrap());
    }

    async fn of_fifty_simultaneous_creates_of_one_name_one_succeeds(db) {
        let (node, package) = db.ground().await;
        let outcomes = fifty(db, node.id, package.id, |_| "alice".to_owned()).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert!(matches!(error.conflict(), Some(C::UserLogin | C::UserEmail)), "{error:?}");
        }
    }

    async fn fifty_simultaneous_creates_of_fifty_names_all_succeed(db) {
        let (node, package) = db.ground().await;
        let outcomes = fifty(db, node.id, package.id, |number| format!("user{number}")).await;
        let uids: HashSet<u32> = outcomes.into_iter().map(|outcome| outcome.unwrap()).collect();
        assert_eq!(uids.len(), 50);
        let mut tx = db.store.read().await.unwrap();
        let page = berth_store::specs::newer_than(&mut tx, node.id, 0, 100).await.unwrap();
        let generations: Vec<u64> = page.accounts.iter().map(|account| account.generation).collect();
        assert_eq!(generations, (1..=50).collect::<Vec<_>>());
    }
}

async fn fifty(
    db: &crate::db::Db,
    node: NodeId,
    package: PackageId,
    name: fn(usize) -> String,
) -> Vec<Result<u32, StoreError>> {
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin().await?;
                let tenant = create(&mut tx, node, package, &name(number)).await?;
                tx.commit().await?;
                Ok(tenant.account.uid.get())
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}
