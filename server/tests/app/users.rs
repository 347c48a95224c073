use berth_core::command::{EditUser, ListUsers, SetPassword, UserFilter};
use berth_core::mode::Mode;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::role::Role;
use berth_server::app::{self, Ctx, Outcome};
use serde_json::{Value, json};

use crate::harness::{Harness, by_id, create, done, expect, fields, user};

fn edit(body: Value) -> EditUser {
    EditUser::parse(fields(body)).unwrap()
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_is_in_the_log() {
    let harness = Harness::new().await;
    let before = harness.create("alice", "user").await.user;
    let command = edit(json!({ "display_name": "Alice Jones", "phone": "+49 30 1" }));
    let after = done(app::edit_user(&harness.root(), &user("alice"), command, Mode::Apply).await);
    assert_eq!((after.display_name.as_str(), after.version), ("Alice Jones", before.version + 1));
    assert_eq!(after.email, before.email);
    let generation = |view: &berth_core::view::UserView| view.account.as_ref().unwrap().generation;
    assert!(generation(&after) > generation(&before), "the node has to change the comment of the account");
    assert_eq!(harness.spec("alice").await.display_name.as_str(), "Alice Jones");
    let entry = harness.audit().await.remove(0);
    assert_eq!(entry.action, "user.edit");
    assert_eq!(entry.detail["phone"], json!({ "old": null, "new": "+49 30 1" }));

    let cleared = done(
        app::edit_user(&harness.root(), &user("alice"), edit(json!({ "phone": null })), Mode::Apply).await,
    );
    assert_eq!(cleared.phone, None);
    assert_eq!(generation(&cleared), generation(&after), "a telephone number is none of the node's business");
}

#[tokio::test]
async fn an_edit_of_nothing_leaves_no_trace() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let before = harness.bytes();
    done(app::edit_user(&harness.root(), &user("alice"), edit(json!({})), Mode::Apply).await);
    assert!(harness.bytes() == before);
}

#[tokio::test]
async fn an_edit_is_refused_if_the_address_is_taken_or_the_version_is_old() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    harness.create("bob", "user").await;
    let taken = edit(json!({ "email": "BOB@example.com" }));
    expect(
        app::edit_user(&harness.root(), &user("alice"), taken, Mode::Apply).await,
        Code::EmailTaken,
        Some("email"),
    );
    let own = edit(json!({ "email": "Alice@example.com" }));
    done(app::edit_user(&harness.root(), &user("alice"), own, Mode::Apply).await);
    let stale = Ctx { if_match: Some(1), ..harness.root() };
    let command = edit(json!({ "display_name": "X" }));
    expect(
        app::edit_user(&stale, &user("alice"), command, Mode::Apply).await,
        Code::PreconditionFailed,
        None,
    );
    expect(app::show_user(&harness.root(), &user("nobody_here")).await, Code::UserNotFound, None);
}

#[tokio::test]
async fn a_password_is_set_by_the_rule_and_never_stored() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let set = |password: Option<&str>| SetPassword::parse(fields(json!({ "password": password }))).unwrap();
    for weak in ["short", "alicesite.com", "alice@example.com", "password123"] {
        expect(
            app::set_password(&harness.root(), &user("alice"), set(Some(weak)), Mode::Apply).await,
            Code::PasswordInvalid,
            Some("password"),
        );
    }
    let before = harness.bytes();
    for mode in [Mode::Plan, Mode::CheckOnly] {
        app::set_password(&harness.root(), &user("alice"), set(None), mode).await.unwrap();
    }
    assert!(harness.bytes() == before);
    let generated = done(app::set_password(&harness.root(), &user("alice"), set(None), Mode::Apply).await)
        .password
        .unwrap();
    assert!(!harness.is_stored(&generated));
    let supplied = "violet anchor drizzle 42";
    let answer =
        done(app::set_password(&harness.root(), &user("alice"), set(Some(supplied)), Mode::Apply).await);
    assert_eq!(answer.password, None);
    assert!(!harness.is_stored(supplied));
}

#[tokio::test]
async fn a_role_is_never_ones_own_and_never_the_last_admins() {
    let harness = Harness::new().await;
    let alice = harness.create("alice", "user").await.user;
    let admin = harness.with_key("admin", Scope::ALL).await;
    expect(
        app::set_role(&admin, &user("admin"), Role::User, Mode::Apply).await,
        Code::SelfChange,
        Some("role"),
    );
    for mode in [Mode::Apply, Mode::CheckOnly] {
        expect(
            app::set_role(&harness.root(), &user("admin"), Role::User, mode).await,
            Code::LastAdmin,
            Some("role"),
        );
    }
    let planned = app::set_role(&admin, &by_id(alice.id), Role::Admin, Mode::Plan).await.unwrap();
    assert!(matches!(planned, Outcome::Planned(_)));
    assert_eq!(app::show_user(&admin, &by_id(alice.id)).await.unwrap().role, Role::User);
    let promoted = done(app::set_role(&admin, &by_id(alice.id), Role::Admin, Mode::Apply).await);
    assert_eq!(promoted.role, Role::Admin);
    let demoted = done(app::set_role(&harness.root(), &user("admin"), Role::User, Mode::Apply).await);
    assert_eq!(demoted.role, Role::User);
    // The key is as good as its owner is now.
    let now = harness.with_key("admin", Scope::ALL).await;
    expect(app::list_nodes(&now).await, Code::Forbidden, None);
}

#[tokio::test]
async fn sftp_is_switched_unless_the_package_has_none() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let off = done(app::set_sftp(&harness.root(), &user("alice"), false, Mode::Apply).await);
    assert!(!off.account.unwrap().sftp);
    assert!(!harness.spec("alice").await.sftp.enabled);
    let package = berth_core::command::EditPackage::parse(fields(json!({ "sftp": false }))).unwrap();
    done(app::edit_package(&harness.root(), &"standard".parse().unwrap(), package, Mode::Apply).await);
    expect(
        app::set_sftp(&harness.root(), &user("alice"), true, Mode::Apply).await,
        Code::SftpNotIncluded,
        Some("enabled"),
    );
    expect(
        app::set_sftp(&harness.root(), &user("admin"), true, Mode::Apply).await,
        Code::AccountMissing,
        None,
    );
}

#[tokio::test]
async fn a_list_holds_whom_the_caller_may_see_page_by_page() {
    let harness = Harness::new().await;
    harness.create("rosa", "reseller").await;
    for name in ["alice", "bob", "carl"] {
        harness.create(name, "user").await;
    }
    let rosa = harness.with_key("rosa", Scope::ALL).await;
    done(app::create_user(&rosa, create("dora", "user"), Mode::Apply).await);
    let names = |page: &berth_core::view::Page<berth_core::view::UserView>| -> Vec<String> {
        page.items.iter().map(|user| user.username.as_ref().unwrap().to_string()).collect()
    };
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = app::list_users(&harness.root(), ListUsers { cursor, limit: 2, ..ListUsers::default() })
            .await
            .unwrap();
        seen.extend(names(&page));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["admin", "alice", "bob", "carl", "dora", "rosa"]);
    let own = app::list_users(&rosa, ListUsers::default()).await.unwrap();
    assert_eq!(names(&own), ["dora", "rosa"]);
    let alice = harness.with_key("alice", Scope::ALL).await;
    assert_eq!(names(&app::list_users(&alice, ListUsers::default()).await.unwrap()), ["alice"]);
    let search = |text: &str| ListUsers {
        filter: UserFilter { search: Some(text.to_owned()), ..UserFilter::default() },
        ..ListUsers::default()
    };
    assert_eq!(names(&app::list_users(&harness.root(), search("bobsite")).await.unwrap()), ["bob"]);
    assert!(names(&app::list_users(&rosa, search("bobsite")).await.unwrap()).is_empty());
    let bad = ListUsers { cursor: Some("nonsense".to_owned()), ..ListUsers::default() };
    expect(app::list_users(&harness.root(), bad).await, Code::CursorInvalid, Some("cursor"));
}
