//! People, their memberships and keys.

use berth_core::policy::Scope;
use berth_core::role::{Role, UserRef};
use berth_core::user::MemberRole;
use berth_core::{Parse, id::ApiKeyId};
use berth_store::api_keys::{self, ApiKeyRecord};
use berth_store::users::{self, PasswordHash};
use berth_store::{accounts, egress_rules, idempotency, memberships, outbox, ssh_keys};
use chrono::TimeDelta;

use crate::db::{at, egress_rule, id, ssh_key, user};

both_engines! {
    async fn a_user_comes_back_as_stored(db) {
        let mut tx = db.store.begin().await.unwrap();
        let mut owner = user("reseller");
        owner.role = Role::Reseller;
        users::insert(&mut tx, &owner, None).await.unwrap();
        let mut alice = user("alice");
        alice.email = "Alice@Mail.example".parse().unwrap();
        alice.display_name = "Alice \"Ä\" 'Śmith' 😀".parse().unwrap();
        alice.phone = Some("+49 30 1".parse().unwrap());
        alice.address = Some("Straße 1".parse().unwrap());
        alice.timezone = Some("Europe/Berlin".parse().unwrap());
        alice.owner = Some(owner.id);
        users::insert(&mut tx, &alice, Some(&PasswordHash("hash".into()))).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = db.store.read().await.unwrap();
        for name in ["alice", "aLiCe@mail.EXAMPLE", &alice.id.to_string()] {
            let found = users::find(&mut tx, &UserRef::parse(name).unwrap()).await.unwrap();
            assert_eq!(found.as_ref(), Some(&alice), "by {name}");
        }
        assert_eq!(users::password_hash(&mut tx, alice.id).await.unwrap(), Some(PasswordHash("hash".into())));
        assert_eq!(users::password_hash(&mut tx, owner.id).await.unwrap(), None);
        assert_eq!(users::by_login(&mut tx, &"bob".parse().unwrap()).await.unwrap(), None);
    }

    async fn an_edit_of_an_old_version_changes_nothing(db) {
        let mut tx = db.store.begin().await.unwrap();
        let mut alice = user("alice");
        users::insert(&mut tx, &alice, None).await.unwrap();
        alice.display_name = "Alice B".parse().unwrap();
        assert_eq!(users::update(&mut tx, &alice).await.unwrap(), Some(2));
        alice.display_name = "Alice C".parse().unwrap();
        assert_eq!(users::update(&mut tx, &alice).await.unwrap(), None);
        assert_eq!(users::set_role(&mut tx, alice.id, Role::Admin).await.unwrap(), Some(3));
        assert_eq!(
            users::set_password(&mut tx, alice.id, &PasswordHash("new".into()), at(9)).await.unwrap(),
            Some(4)
        );
        let found = users::by_id(&mut tx, alice.id).await.unwrap().unwrap();
        assert_eq!(found.display_name.as_str(), "Alice B");
        assert_eq!((found.role, found.version, found.password_set_at), (Role::Admin, 4, Some(at(9))));
        assert_eq!(users::lock_admins(&mut tx).await.unwrap(), [alice.id]);
        assert_eq!(users::set_role(&mut tx, user("absent").id, Role::Admin).await.unwrap(), None);
    }

    async fn two_admins_can_not_take_the_role_from_each_other(db) {
        let admins: Vec<_> = ["anna", "bert"].into_iter().map(|name| {
            let mut admin = user(name);
            admin.role = Role::Admin;
            admin
        }).collect();
        let mut tx = db.store.begin().await.unwrap();
        for admin in &admins {
            users::insert(&mut tx, admin, None).await.unwrap();
        }
        tx.commit().await.unwrap();
        let tasks = admins.into_iter().map(|admin| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin().await.unwrap();
                if users::lock_admins(&mut tx).await.unwrap().len() > 1 {
                    users::set_role(&mut tx, admin.id, Role::User).await.unwrap();
                }
                tx.commit().await.unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(users::lock_admins(&mut tx).await.unwrap().len(), 1);
    }

    async fn memberships_say_who_works_where(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let bob = db.tenant(&node, &package, "bob").await;
        let mut tx = db.store.begin().await.unwrap();
        let place = memberships::MembershipRecord {
            user: bob.user.id, account: alice.account.id, role: MemberRole::Viewer, created_at: at(5),
        };
        memberships::insert(&mut tx, &place).await.unwrap();
        assert_eq!(memberships::of_account(&mut tx, alice.account.id).await.unwrap().len(), 2);
        assert_eq!(memberships::of_user(&mut tx, bob.user.id).await.unwrap().len(), 2);
        let role = memberships::role(&mut tx, bob.user.id, alice.account.id).await.unwrap();
        assert_eq!(role, Some(MemberRole::Viewer));
        assert_eq!(memberships::role(&mut tx, alice.user.id, bob.account.id).await.unwrap(), None);
        // The own account comes first, since it was there first.
        let own = accounts::of_user(&mut tx, bob.user.id).await.unwrap().unwrap();
        assert_eq!((own.account.id, own.membership), (bob.account.id, MemberRole::Owner));
        let owner = users::owner_of_account(&mut tx, alice.account.id).await.unwrap().unwrap();
        assert_eq!(owner.id, alice.user.id);
    }

    async fn egress_rules_come_back_with_their_note(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let rule = egress_rule(alice.account.id);
        egress_rules::insert(&mut tx, &rule).await.unwrap();
        let found = egress_rules::of_account(&mut tx, alice.account.id).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&rule));
        assert!(!egress_rules::remove(&mut tx, berth_core::id::AccountId(id()), rule.id).await.unwrap());
        assert!(egress_rules::remove(&mut tx, alice.account.id, rule.id).await.unwrap());
        assert!(egress_rules::of_account(&mut tx, alice.account.id).await.unwrap().is_empty());
    }

    async fn ssh_keys_come_back_with_their_comment(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let key = ssh_key(alice.account.id);
        ssh_keys::insert(&mut tx, &key).await.unwrap();
        assert_eq!(ssh_keys::of_account(&mut tx, alice.account.id).await.unwrap(), std::slice::from_ref(&key));
        let found = ssh_keys::by_fingerprint(&mut tx, alice.account.id, key.key.fingerprint()).await.unwrap();
        assert_eq!(found, Some(key.clone()));
        let other = accounts::by_username(&mut tx, &"alice".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(other.id, alice.account.id);
        assert!(!ssh_keys::remove(&mut tx, berth_core::id::AccountId(id()), key.id).await.unwrap());
        assert!(ssh_keys::remove(&mut tx, alice.account.id, key.id).await.unwrap());
        assert!(!ssh_keys::remove(&mut tx, alice.account.id, key.id).await.unwrap());
    }

    async fn api_keys_note_their_use_once_a_minute(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = user("alice");
        users::insert(&mut tx, &alice, None).await.unwrap();
        let key = ApiKeyRecord {
            id: ApiKeyId(id()), user: alice.id, label: "ci".into(), scopes: vec![Scope::Read, Scope::ApiKeys],
            created_at: at(0), expires_at: Some(at(1000)), used_at: None, revoked_at: None,
        };
        api_keys::insert(&mut tx, &key, "00ff").await.unwrap();
        assert_eq!(api_keys::by_id(&mut tx, key.id).await.unwrap(), Some(key.clone()));
        assert_eq!(api_keys::secret_sha256(&mut tx, key.id).await.unwrap().as_deref(), Some("00ff"));
        assert!(api_keys::used(&mut tx, key.id, at(10)).await.unwrap());
        assert!(!api_keys::used(&mut tx, key.id, at(20)).await.unwrap());
        assert!(api_keys::used(&mut tx, key.id, at(70)).await.unwrap());
        assert!(api_keys::revoke(&mut tx, key.id, at(80)).await.unwrap());
        assert!(!api_keys::revoke(&mut tx, key.id, at(90)).await.unwrap());
        let listed = api_keys::list(&mut tx, Some(alice.id)).await.unwrap();
        assert_eq!(listed, api_keys::list(&mut tx, None).await.unwrap());
        assert_eq!(listed[0].revoked_at, Some(at(80)));
        assert_eq!(listed[0].used_at, Some(api_keys::minute_of(at(70))));
    }

    async fn answers_and_commands_are_remembered_for_a_while(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = user("alice");
        users::insert(&mut tx, &alice, None).await.unwrap();
        let answer = idempotency::StoredAnswer {
            request_hash: "h".into(), response: serde_json::json!({"id": 1}), created_at: at(0),
        };
        idempotency::put(&mut tx, "root", "k", &answer).await.unwrap();
        assert_eq!(idempotency::get(&mut tx, "root", "k").await.unwrap(), Some(answer));
        assert_eq!(idempotency::get(&mut tx, "other", "k").await.unwrap(), None);
        idempotency::remember_command(&mut tx, "root", "f", alice.id, at(0)).await.unwrap();
        idempotency::remember_command(&mut tx, "root", "f", alice.id, at(10)).await.unwrap();
        for (since, expected) in [(at(10), Some(alice.id)), (at(11), None)] {
            let found = idempotency::recent_command(&mut tx, "root", "f", since).await.unwrap();
            assert_eq!(found, expected);
        }
        assert_eq!(idempotency::expire(&mut tx, at(5)).await.unwrap(), 1);
        assert_eq!(idempotency::expire(&mut tx, at(20)).await.unwrap(), 1);
    }

    async fn a_message_goes_to_one_worker_at_a_time(db) {
        let mut tx = db.store.begin().await.unwrap();
        for number in 0..4 {
            let payload = serde_json::json!({"number": number});
            outbox::enqueue(&mut tx, id(), "user.welcome", &payload, at(number)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let (now, until) = (at(2), at(60));
        let mut tx = db.store.begin().await.unwrap();
        let first = outbox::claim(&mut tx, "user.welcome", now, until, 2).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = db.store.begin().await.unwrap();
        let second = outbox::claim(&mut tx, "user.welcome", now, until, 9).await.unwrap();
        assert_eq!((first.len(), second.len()), (2, 1), "the fourth is not due yet");
        assert!(second.iter().all(|message| !first.iter().any(|other| other.id == message.id)));
        assert!(outbox::finish(&mut tx, first[0].id).await.unwrap());
        assert!(outbox::retry(&mut tx, first[1].id, now, "refused").await.unwrap());
        let again = outbox::claim(&mut tx, "user.welcome", now, until, 9).await.unwrap();
        assert_eq!(again.iter().map(|m| (m.id, m.attempts)).collect::<Vec<_>>(), [(first[1].id, 2)]);
        assert_eq!(outbox::count(&mut tx).await.unwrap(), 3);
        // Whoever claimed and died loses nothing.
        let later = outbox::claim(&mut tx, "user.welcome", until, until + TimeDelta::minutes(1), 9).await.unwrap();
        assert_eq!(later.len(), 3);
    }
}
