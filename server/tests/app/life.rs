//! Suspension, the trash, and the end.

use berth_core::command::SuspendUser;
use berth_core::link::{GoneReport, Looked, Report};
use berth_core::mode::Mode;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::standing::{Standing, UserState};
use berth_core::suspension::SuspensionReason;
use berth_core::view::{PurgeState, UserView};
use berth_server::app::{self, Ctx, Outcome};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Harness, by_id, done, expect, fields, user};

async fn suspend(ctx: &Ctx, name: &str, body: Value) -> Result<Outcome<UserView>, berth_core::Problems> {
    app::suspend_user(ctx, &user(name), SuspendUser::parse(fields(body)).unwrap(), Mode::Apply).await
}

async fn activate(ctx: &Ctx, name: &str, reason: Option<SuspensionReason>) -> UserView {
    done(app::activate_user(ctx, &user(name), reason, Mode::Apply).await)
}

#[tokio::test]
async fn two_reasons_need_two_activates_and_what_was_off_stays_off() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    done(app::set_sftp(&harness.root(), &user("alice"), false, Mode::Apply).await);
    let open = harness.spec("alice").await;
    done(suspend(&harness.root(), "alice", json!({"reason": "abuse"})).await);
    done(suspend(&harness.root(), "alice", json!({"reason": "billing", "level": "login"})).await);
    let closed = harness.spec("alice").await;
    assert_eq!(closed.standing, Standing::Suspended);
    let view = activate(&harness.root(), "alice", Some(SuspensionReason::Abuse)).await;
    assert_eq!(view.state, UserState::Suspended);
    assert_eq!(
        harness.spec("alice").await.standing,
        Standing::Open,
        "the level login leaves the account open"
    );
    assert_eq!(activate(&harness.root(), "alice", None).await.state, UserState::Active);
    let after = harness.spec("alice").await;
    assert_eq!(berth_core::spec::AccountSpec { generation: open.generation, ..after }, open);
    expect(
        app::activate_user(&harness.root(), &user("alice"), None, Mode::Apply).await,
        Code::NotSuspended,
        None,
    );
}

#[tokio::test]
async fn a_key_of_somebody_suspended_is_refused_with_the_reason() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let command = berth_core::command::CreateApiKey::parse(fields(
        json!({"label": "x", "user": "alice", "scopes": ["read"]}),
    ));
    let key = done(app::create_api_key(&harness.root(), command.unwrap(), Mode::Apply).await).secret;
    let try_key =
        async || app::authenticate(&harness.app, harness.app.request_id(), &key, "192.0.2.1").await.map(drop);
    try_key().await.unwrap();
    let why = json!({"reason": "billing", "level": "login", "message": "Call us"});
    done(suspend(&harness.root(), "alice", why).await);
    let problems = try_key().await.unwrap_err();
    let problem = problems.leading().unwrap();
    assert_eq!(problem.code, Code::UserSuspended);
    assert!(problem.detail.contains("Call us"), "{problem}");
    activate(&harness.root(), "alice", None).await;
    try_key().await.unwrap();
    done(app::delete_user(&harness.root(), &user("alice"), Mode::Apply).await);
    assert_eq!(try_key().await.unwrap_err().leading().unwrap().code, Code::Unauthenticated);
}

#[tokio::test]
async fn who_may_close_and_open_what() {
    let harness = Harness::new().await;
    harness.create("rita", "reseller").await;
    harness.create("stranger", "user").await;
    let rita = harness.with_key("rita", Scope::ALL).await;
    let own = crate::harness::create("alice", "user");
    done(app::create_user(&rita, own, Mode::Apply).await);
    let alice = harness.with_key("alice", Scope::ALL).await;
    expect(suspend(&alice, "alice", json!({})).await, Code::SelfChange, Some("reason"));
    expect(suspend(&alice, "stranger", json!({})).await, Code::UserNotFound, None);
    done(suspend(&alice, "alice", json!({"reason": "owner"})).await);
    assert!(!harness.spec("alice").await.standing.is_open());
    assert_eq!(activate(&alice, "alice", None).await.state, UserState::Active, "an owner keeps the way in");
    done(suspend(&harness.root(), "alice", json!({"reason": "abuse"})).await);
    done(suspend(&harness.root(), "alice", json!({"reason": "billing"})).await);
    let abuse = Some(SuspensionReason::Abuse);
    expect(
        app::activate_user(&rita, &user("alice"), abuse, Mode::Apply).await,
        Code::SuspensionForeign,
        Some("reason"),
    );
    expect(
        suspend(&rita, "alice", json!({"level": "login", "reason": "abuse"})).await,
        Code::SuspensionForeign,
        Some("reason"),
    );
    let left = activate(&rita, "alice", None).await.suspensions;
    assert_eq!(left.iter().map(|one| one.reason).collect::<Vec<_>>(), [SuspensionReason::Abuse]);
}

#[tokio::test]
async fn nobody_closes_out_the_last_administrator_or_themself() {
    let harness = Harness::new().await;
    expect(suspend(&harness.root(), "admin", json!({})).await, Code::LastAdmin, None);
    expect(app::delete_user(&harness.root(), &user("admin"), Mode::Apply).await, Code::LastAdmin, None);
    harness.create("second", "admin").await;
    done(suspend(&harness.root(), "second", json!({})).await);
    expect(app::delete_user(&harness.root(), &user("admin"), Mode::Plan).await, Code::LastAdmin, None);
    activate(&harness.root(), "second", None).await;
    let second = harness.with_key("second", Scope::ALL).await;
    expect(app::delete_user(&second, &user("second"), Mode::Apply).await, Code::SelfChange, None);
    harness.create("rita", "reseller").await;
    let rita = harness.with_key("rita", Scope::ALL).await;
    done(app::create_user(&rita, crate::harness::create("alice", "user"), Mode::Apply).await);
    expect(app::delete_user(&second, &user("rita"), Mode::Apply).await, Code::ResellerHasUsers, None);
    expect(app::purge_user(&second, &user("rita"), true, Mode::Apply).await, Code::ResellerHasUsers, None);
}

#[tokio::test]
async fn what_is_in_the_trash_stays_as_it_is_and_comes_back_as_it_was() {
    let harness = Harness::new().await;
    let created = harness.create("alice", "user").await;
    let open = harness.spec("alice").await;
    let trashed = done(app::delete_user(&harness.root(), &user("alice"), Mode::Apply).await);
    assert_eq!(trashed.state, UserState::Trashed);
    assert_eq!(trashed.purge_at.unwrap() - trashed.deleted_at.unwrap(), TimeDelta::days(7));
    assert_eq!(harness.spec("alice").await.standing, Standing::Trashed);
    expect(app::set_sftp(&harness.root(), &user("alice"), true, Mode::Apply).await, Code::UserInTrash, None);
    expect(suspend(&harness.root(), "alice", json!({})).await, Code::UserInTrash, None);
    expect(app::delete_user(&harness.root(), &user("alice"), Mode::Apply).await, Code::UserInTrash, None);
    let again = app::create_user(&harness.root(), crate::harness::create("alice", "user"), Mode::Apply).await;
    let taken = crate::harness::refused(again);
    assert!(taken.contains(&(Code::UsernameTaken, Some("username".to_owned()))), "{taken:?}");
    assert_eq!(app::show_user(&harness.root(), &user("alice")).await.unwrap().state, UserState::Trashed);
    let back = done(app::restore_user(&harness.root(), &user("alice"), Mode::Apply).await);
    assert_eq!((back.state, back.id), (UserState::Active, created.user.id));
    let spec = harness.spec("alice").await;
    assert_eq!(berth_core::spec::AccountSpec { generation: open.generation, ..spec }, open);
    expect(app::restore_user(&harness.root(), &user("alice"), Mode::Apply).await, Code::NotInTrash, None);
}

#[tokio::test]
async fn a_purge_ends_when_the_node_says_that_nothing_is_left() {
    let harness = Harness::new().await;
    let created = harness.create("alice", "user").await;
    expect(
        app::purge_user(&harness.root(), &user("alice"), false, Mode::Apply).await,
        Code::NotInTrash,
        None,
    );
    let begun = done(app::purge_user(&harness.root(), &user("alice"), true, Mode::Apply).await);
    assert_eq!(begun.state, PurgeState::Purging);
    expect(app::restore_user(&harness.root(), &user("alice"), Mode::Apply).await, Code::UserPurging, None);
    let spec = harness.spec("alice").await;
    assert_eq!(spec.standing, Standing::Purged);
    let looked = vec![Looked { what: "home".into(), place: "/home/alice".into() }];
    let gone = |generation| GoneReport { account: spec.account, generation, looked: looked.clone() };
    harness.report(Report { gone: vec![gone(spec.generation - 1)], ..Report::default() }).await;
    assert_eq!(app::show_purge(&harness.root(), created.user.id).await.unwrap().state, PurgeState::Purging);
    harness.report(Report { gone: vec![gone(spec.generation)], ..Report::default() }).await;
    let proof = app::show_purge(&harness.root(), created.user.id).await.unwrap();
    assert_eq!((proof.state, proof.name.as_str()), (PurgeState::Gone, "alice"));
    assert_eq!(proof.accounts[0].looked, looked);
    expect(app::show_user(&harness.root(), &by_id(created.user.id)).await, Code::UserNotFound, None);
    // Told twice, it is no news.
    harness.report(Report { gone: vec![gone(spec.generation)], ..Report::default() }).await;
    let again = harness.create("alice", "user").await;
    assert!(again.uid > created.uid, "a number is never used again");
}

#[tokio::test]
async fn what_has_an_end_ends_by_itself() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    harness.create("bob", "user").await;
    let now = harness.app.clock.now();
    let until = (now + TimeDelta::hours(1)).to_rfc3339();
    done(suspend(&harness.root(), "alice", json!({"reason": "billing", "until": until})).await);
    let past = json!({"reason": "abuse", "until": now.to_rfc3339()});
    expect(suspend(&harness.root(), "alice", past).await, Code::ValueInvalid, Some("until"));
    done(app::delete_user(&harness.root(), &user("bob"), Mode::Apply).await);
    assert_eq!(app::end_of_time(&harness.app).await.unwrap(), 0);
    harness.clock.advance(TimeDelta::hours(1));
    assert_eq!(app::end_of_time(&harness.app).await.unwrap(), 1);
    assert!(harness.spec("alice").await.standing.is_open());
    harness.clock.advance(TimeDelta::days(7));
    assert_eq!(app::end_of_time(&harness.app).await.unwrap(), 1);
    assert_eq!(harness.spec("bob").await.standing, Standing::Purged);
    assert_eq!(app::end_of_time(&harness.app).await.unwrap(), 0);
}
