//! Suspension, the trash, and what is left after it.

use berth_core::account::Uid;
use berth_core::command::{ListUsers, UserFilter};
use berth_core::id::{AccountId, UserId};
use berth_core::link::Looked;
use berth_core::role::Role;
use berth_core::standing::{Standing, UserState};
use berth_core::suspension::{Authority, Suspension, SuspensionLevel, SuspensionReason};
use berth_store::trash::{self, GoneAccount};
use berth_store::users::Visible;
use berth_store::{accounts, memberships, specs, suspensions, users};

use crate::db::{at, id, user};

pub(crate) fn suspension() -> Suspension {
    Suspension {
        reason: SuspensionReason::Billing,
        level: SuspensionLevel::Full,
        by: Authority::Operator,
        since: at(1),
        until: Some(at(9)),
        message: Some("Ärger & \"co\"".parse().unwrap()),
    }
}

/// What is left of an account that a user once had.
pub(crate) async fn bury(tx: &mut berth_store::Tx, user: UserId) {
    let gone = GoneAccount {
        user,
        username: "former".parse().unwrap(),
        uid: Uid::try_from(1_950_000_000).unwrap(),
        node: "node1".into(),
    };
    let looked = [Looked { what: "home".into(), place: "/home/former".into() }];
    trash::remove_account(tx, AccountId(id()), &gone, &looked, at(3)).await.unwrap();
    assert_eq!(trash::purged(tx, user).await.unwrap()[0].gone, gone);
}

both_engines! {
    async fn suspensions_stack_and_end(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = user("alice");
        users::insert(&mut tx, &alice, None).await.unwrap();
        let billing = suspension();
        let abuse = Suspension { reason: SuspensionReason::Abuse, until: None, message: None, ..suspension() };
        for one in [&billing, &abuse] {
            suspensions::place(&mut tx, alice.id, one).await.unwrap();
        }
        let longer = Suspension { until: Some(at(12)), ..billing.clone() };
        suspensions::place(&mut tx, alice.id, &longer).await.unwrap();
        let found = users::by_id(&mut tx, alice.id).await.unwrap().unwrap();
        assert_eq!(found.life.suspensions, [longer, abuse].into_iter().collect());
        assert_eq!(found.version, 4, "the version rises with each");
        assert_eq!(suspensions::ended(&mut tx, at(11), 9).await.unwrap(), []);
        assert_eq!(suspensions::ended(&mut tx, at(12), 9).await.unwrap(), [alice.id]);
        assert!(suspensions::lift(&mut tx, alice.id, SuspensionReason::Billing).await.unwrap());
        assert!(!suspensions::lift(&mut tx, alice.id, SuspensionReason::Billing).await.unwrap());
        let left = users::by_id(&mut tx, alice.id).await.unwrap().unwrap().life.suspensions;
        assert_eq!(left.iter().map(|one| one.reason).collect::<Vec<_>>(), [SuspensionReason::Abuse]);
    }

    async fn lists_leave_the_trash_out_until_it_is_asked_for(db) {
        let mut tx = db.store.begin().await.unwrap();
        for name in ["alice", "bob", "carol"] {
            users::insert(&mut tx, &user(name), None).await.unwrap();
        }
        let find = |name: &str| name.parse::<berth_core::name::Login>().unwrap();
        let bob = users::by_login(&mut tx, &find("bob")).await.unwrap().unwrap().id;
        let carol = users::by_login(&mut tx, &find("carol")).await.unwrap().unwrap().id;
        suspensions::place(&mut tx, bob, &suspension()).await.unwrap();
        assert!(trash::delete(&mut tx, carol, at(5), Some(at(8))).await.unwrap());
        assert!(!trash::delete(&mut tx, carol, at(6), None).await.unwrap());
        for (state, suspended, expected) in [
            (None, None, "alice bob"),
            (Some(UserState::Active), None, "alice"),
            (Some(UserState::Suspended), None, "bob"),
            (None, Some(SuspensionReason::Billing), "bob"),
            (None, Some(SuspensionReason::Abuse), ""),
            (Some(UserState::Trashed), None, "carol"),
            (Some(UserState::Purging), None, ""),
        ] {
            let filter = UserFilter { state, suspended, ..UserFilter::default() };
            let command = ListUsers { filter, ..ListUsers::default() };
            let found = users::list(&mut tx, &command, Visible::All).await.unwrap().items;
            let names: Vec<_> = found.iter().map(|user| user.login.as_ref().unwrap().to_string()).collect();
            assert_eq!(names.join(" "), expected, "{state:?} {suspended:?}");
        }
        assert_eq!(trash::due(&mut tx, at(7), 9).await.unwrap(), []);
        assert_eq!(trash::due(&mut tx, at(8), 9).await.unwrap(), [carol]);
        assert!(trash::purge(&mut tx, carol, at(8)).await.unwrap());
        assert!(!trash::restore(&mut tx, carol).await.unwrap(), "there is no way back");
        assert_eq!(trash::due(&mut tx, at(9), 9).await.unwrap(), []);
    }

    async fn an_admin_who_is_closed_out_does_not_count(db) {
        let mut tx = db.store.begin().await.unwrap();
        let mut ids = Vec::new();
        for name in ["one", "two", "three"] {
            let admin = berth_store::users::UserRecord { role: Role::Admin, ..user(name) };
            users::insert(&mut tx, &admin, None).await.unwrap();
            ids.push(admin.id);
        }
        suspensions::place(&mut tx, ids[0], &suspension()).await.unwrap();
        let own = Suspension { reason: SuspensionReason::Owner, ..suspension() };
        suspensions::place(&mut tx, ids[1], &own).await.unwrap();
        trash::delete(&mut tx, ids[2], at(1), None).await.unwrap();
        assert_eq!(users::lock_admins(&mut tx).await.unwrap(), [ids[1]]);
    }

    async fn a_node_is_told_how_an_account_stands_and_its_row_goes_last(db) {
        let (node, package) = db.ground().await;
        let alice = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let (owner, account) = (alice.user.id, alice.account.id);
        let standing = async |tx: &mut berth_store::Tx| {
            specs::newer_than(tx, node.id, 0, 9).await.unwrap().accounts[0].standing
        };
        assert_eq!(standing(&mut tx).await, Standing::Open);
        let login = Suspension { level: SuspensionLevel::Login, ..suspension() };
        suspensions::place(&mut tx, owner, &login).await.unwrap();
        assert_eq!(standing(&mut tx).await, Standing::Open);
        suspensions::place(&mut tx, owner, &suspension()).await.unwrap();
        assert_eq!(standing(&mut tx).await, Standing::Suspended);
        trash::delete(&mut tx, owner, at(5), None).await.unwrap();
        assert_eq!(standing(&mut tx).await, Standing::Trashed);
        let generation = accounts::stamp(&mut tx, account).await.unwrap();
        assert_eq!(trash::gone(&mut tx, node.id, account, generation).await.unwrap(), None, "nobody purges it");
        trash::purge(&mut tx, owner, at(6)).await.unwrap();
        let generation = accounts::stamp(&mut tx, account).await.unwrap();
        assert_eq!(standing(&mut tx).await, Standing::Purged);
        assert_eq!(trash::gone(&mut tx, node.id, account, generation - 1).await.unwrap(), None, "of before");
        let gone = trash::gone(&mut tx, node.id, account, generation).await.unwrap().unwrap();
        trash::remove_account(&mut tx, account, &gone, &[], at(7)).await.unwrap();
        assert_eq!(memberships::of_user(&mut tx, owner).await.unwrap(), []);
        assert_eq!(trash::owned_accounts(&mut tx, owner).await.unwrap(), []);
        assert!(trash::remove_user(&mut tx, owner).await.unwrap());
        assert_eq!(users::by_id(&mut tx, owner).await.unwrap(), None);
        assert_eq!(trash::purged(&mut tx, owner).await.unwrap()[0].gone.username.as_str(), "alice");
        let next = accounts::allocate_uid(&mut tx).await.unwrap();
        assert!(next > gone.uid, "a number is never used again");
    }
}
