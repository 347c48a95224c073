//! Web users, and the keys of Plesk's XML API.

use berth_core::Parse;
use berth_core::id::{ApiKeyId, DomainId, UserId};
use berth_core::web_user::{CryptHash, WebService, WebUserLogin};
use berth_store::plesk_keys::{self, PleskKeyRecord};
use berth_store::web_users::{self, WebUserRecord};
use berth_store::{Tx, accounts};

use crate::db::{at, id};

pub(crate) async fn web_user(tx: &mut Tx, domain: DomainId, login: &str) -> WebUserRecord {
    WebUserRecord {
        number: web_users::next_number(tx).await.unwrap(),
        domain,
        login: WebUserLogin::parse(login).unwrap(),
        uid: accounts::allocate_uid(tx).await.unwrap(),
        password: Some(CryptHash::parse("$6$salt$hash").unwrap()),
        quota: None,
        services: vec![WebService::Php],
        created_at: at(3),
    }
}

pub(crate) fn plesk_key(user: UserId) -> PleskKeyRecord {
    PleskKeyRecord {
        id: ApiKeyId(id()),
        user,
        address: Some("192.0.2.1".to_owned()),
        description: "billing".to_owned(),
        created_at: at(3),
    }
}

both_engines! {
    async fn web_users_come_back_as_stored_and_go(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let mut user = web_user(&mut tx, alice.domain.id, "myWebAccount").await;
        web_users::insert(&mut tx, &user).await.unwrap();
        assert_eq!(web_users::by_number(&mut tx, user.number).await.unwrap().as_ref(), Some(&user));
        assert_eq!(web_users::by_key(&mut tx, "mywebaccount").await.unwrap().as_ref(), Some(&user));
        user.password = None;
        user.services.clear();
        web_users::update(&mut tx, &user).await.unwrap();
        assert_eq!(web_users::of_domain(&mut tx, alice.domain.id).await.unwrap(), [user.clone()]);
        assert!(web_users::scripts(&mut tx, alice.domain.id).await.unwrap());
        for on in [false, false, true, true] {
            web_users::set_scripts(&mut tx, alice.domain.id, on).await.unwrap();
            assert_eq!(web_users::scripts(&mut tx, alice.domain.id).await.unwrap(), on);
        }
        assert!(web_users::remove(&mut tx, user.number).await.unwrap());
        assert!(!web_users::remove(&mut tx, user.number).await.unwrap());
        let next = web_users::next_number(&mut tx).await.unwrap();
        assert!(next.0 > user.number.0, "a number is never used again");
    }

    async fn keys_are_found_by_their_secret(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let key = plesk_key(alice.user.id);
        plesk_keys::insert(&mut tx, &key, "aa").await.unwrap();
        assert_eq!(plesk_keys::by_secret(&mut tx, "aa").await.unwrap().as_ref(), Some(&key));
        assert_eq!(plesk_keys::by_secret(&mut tx, "ab").await.unwrap(), None);
        assert_eq!(plesk_keys::list(&mut tx).await.unwrap(), std::slice::from_ref(&key));
        assert!(plesk_keys::remove(&mut tx, key.id).await.unwrap());
        assert!(!plesk_keys::remove(&mut tx, key.id).await.unwrap());
    }
}
