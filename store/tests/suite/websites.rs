//! Websites of users, and users as Installatron's API knows them.

use berth_core::id::WebsiteId;
use berth_core::name::Email;
use berth_core::role::Role;
use berth_core::{Parse, website::PackageLabel};
use berth_store::external_users::{self, ExternalUserRecord};
use berth_store::users::Visible;
use berth_store::websites::WebsiteRecord;
use berth_store::{StoreError, users, websites};

use crate::db::{at, id, user};

pub(crate) fn external(user: berth_core::id::UserId) -> ExternalUserRecord {
    ExternalUserRecord {
        user,
        email: Some(Email::parse("m@example.net").unwrap()),
        locale: "nl".parse().unwrap(),
        package: Some(PackageLabel::parse("Gold plan").unwrap()),
        created_here: true,
        forgotten: false,
    }
}

pub(crate) fn website(user: berth_core::id::UserId, label: &str) -> WebsiteRecord {
    WebsiteRecord {
        id: WebsiteId(id()),
        user,
        label: label.parse().unwrap(),
        document: format!("v1.key.{label}"),
        created_at: at(3),
    }
}

both_engines! {
    async fn websites_are_replaced_as_a_whole_and_keep_their_order(db) {
        let mira = user("mira");
        let mut tx = db.store.begin().await.unwrap();
        users::insert(&mut tx, &mira, None).await.unwrap();
        let sites = ["b.example", "a.example"].map(|label| website(mira.id, label));
        websites::replace(&mut tx, mira.id, &sites).await.unwrap();
        assert_eq!(websites::of_user(&mut tx, mira.id).await.unwrap(), sites);
        let others = websites::sealed_otherwise(&mut tx, WebsiteId(uuid::Uuid::nil()), "v1.new.", 9).await.unwrap();
        assert_eq!(others.len(), 2);
        let own = websites::sealed_otherwise(&mut tx, WebsiteId(uuid::Uuid::nil()), "v1.key.", 9).await.unwrap();
        assert!(own.is_empty());
        assert!(websites::reseal(&mut tx, &sites[0], "v1.new.b").await.unwrap());
        assert!(!websites::reseal(&mut tx, &sites[0], "v1.new.c").await.unwrap(), "it has changed meanwhile");
        websites::replace(&mut tx, mira.id, &[]).await.unwrap();
        assert!(websites::of_user(&mut tx, mira.id).await.unwrap().is_empty());
    }

    async fn who_is_shown_depends_on_who_asks(db) {
        let mut reseller = user("reseller");
        reseller.role = Role::Reseller;
        let mut mira = user("mira");
        mira.owner = Some(reseller.id);
        let gone = user("gone");
        let mut nameless = user("nameless");
        nameless.login = None;
        let mut tx = db.store.begin().await.unwrap();
        for one in [&reseller, &mira, &gone, &nameless] {
            users::insert(&mut tx, one, None).await.unwrap();
        }
        external_users::put(&mut tx, &external(mira.id)).await.unwrap();
        external_users::put(&mut tx, &ExternalUserRecord { forgotten: true, ..external(gone.id) }).await.unwrap();
        let mut changed = external(mira.id);
        changed.created_here = false;
        changed.email = None;
        external_users::put(&mut tx, &changed).await.unwrap();
        let stored = external_users::of_user(&mut tx, mira.id).await.unwrap().unwrap();
        assert_eq!((stored.email, stored.created_here), (None, true), "where a user comes from never changes");
        for (visible, expected) in [
            (Visible::All, vec!["mira", "reseller"]),
            (Visible::OwnedBy(reseller.id), vec!["mira", "reseller"]),
            (Visible::OwnedBy(mira.id), vec!["mira"]),
            (Visible::Only(reseller.id), vec!["reseller"]),
        ] {
            let page = external_users::page(&mut tx, visible, 9, 0).await.unwrap();
            let found: Vec<String> = page.into_iter().map(|user| user.login.unwrap().to_string()).collect();
            assert_eq!(found, expected, "{visible:?}");
            assert_eq!(external_users::count(&mut tx, visible).await.unwrap(), expected.len() as u64);
        }
        assert_eq!(external_users::page(&mut tx, Visible::All, 1, 1).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        let mut tx = db.store.begin().await.unwrap();
        let error = external_users::delete_user(&mut tx, reseller.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference { .. }), "{error:?}");
        drop(tx);
        let mut tx = db.store.begin().await.unwrap();
        assert!(external_users::delete_user(&mut tx, mira.id).await.unwrap());
        assert!(!external_users::delete_user(&mut tx, mira.id).await.unwrap());
    }

    async fn the_first_key_of_a_server_is_remembered(db) {
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(websites::pin(&mut tx, "h:22", "SHA256:a", at(1)).await.unwrap(), "SHA256:a");
        assert_eq!(websites::pin(&mut tx, "h:22", "SHA256:b", at(2)).await.unwrap(), "SHA256:a");
        assert_eq!(websites::pinned(&mut tx, "h:22").await.unwrap().as_deref(), Some("SHA256:a"));
        assert!(websites::unpin(&mut tx, "h:22").await.unwrap());
        assert!(!websites::unpin(&mut tx, "h:22").await.unwrap());
        assert_eq!(websites::pinned(&mut tx, "h:22").await.unwrap(), None);
    }
}
