use std::sync::Arc;

use berth_core::condition::{ConditionState, Convergence, Resource};
use berth_core::domain::DomainState;
use berth_core::link::{Inventory, Report};
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_core::view::ChangeKind;
use berth_server::app::{self, Ctx, Outcome, Wait};
use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{Harness, create, create_with, done, expect, refused, user};

#[tokio::test]
async fn the_seeds_line_makes_everything_at_once_and_shows_the_password_once() {
    let harness = Harness::new().await;
    let created = harness.create("alice", "user").await;
    let password = created.password.clone().unwrap();
    assert!(password.len() >= 20);
    assert_eq!(created.uid.unwrap().get(), 1_900_000_001);
    assert!(!created.replayed);
    assert_eq!(created.conditions.len(), Resource::ALL.len());
    assert!(created.conditions.iter().all(|c| c.state == ConditionState::Pending));
    let account = created.user.account.unwrap();
    assert_eq!((account.home.as_str(), account.state), ("/home/alice", Convergence::Provisioning));
    let spec = harness.spec("alice").await;
    let hosts: Vec<_> = spec.sites[0].hosts().map(Fqdn::as_str).collect();
    assert_eq!(hosts, ["alicesite.com", "www.alicesite.com"]);
    assert_eq!(spec.timers.as_str(), "always");
    harness.converge().await;
    let view = app::conditions(&harness.root(), &user("alice"), Wait::default()).await.unwrap();
    assert_eq!(view.state, Convergence::Converged);
    assert!(!harness.is_stored(&password), "the password is in the database");
    assert!(harness.is_stored("$argon2id$"), "the search looks at the right files");
    assert_eq!(harness.create("bob", "user").await.uid.unwrap().get(), 1_900_000_002);
}

#[tokio::test]
async fn a_supplied_password_is_nowhere_either_and_not_shown() {
    let harness = Harness::new().await;
    let secret = "violet anchor drizzle 42";
    let command = create_with("alice", "user", &json!({ "password": secret }));
    let created = done(app::create_user(&harness.root(), command, Mode::Apply).await);
    assert_eq!(created.password, None);
    assert!(!harness.is_stored(secret));
}

#[tokio::test]
async fn every_clash_is_reported_at_once_with_its_own_field() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let command = create_with(
        "alice",
        "user",
        &json!({ "email": "ALICE@example.com", "package": "gold", "password": "alicesite.com",
            "primary_domain": "shop.alicesite.com" }),
    );
    let mut found = refused(app::create_user(&harness.root(), command, Mode::Apply).await);
    found.sort();
    let at = |code, field: &str| (code, Some(field.to_owned()));
    assert_eq!(
        found,
        [
            at(Code::UsernameTaken, "username"),
            at(Code::EmailTaken, "email"),
            at(Code::DomainTaken, "primary_domain"),
            at(Code::PasswordInvalid, "password"),
            at(Code::PackageNotFound, "package"),
        ]
    );
}

#[tokio::test]
async fn what_the_node_has_of_its_own_is_refused() {
    let harness = Harness::new().await;
    let inventory = Inventory {
        names: vec!["vendor".to_owned()],
        homes: vec!["leftover".to_owned(), "vendor".to_owned()],
    };
    harness.report(Report { inventory: Some(inventory), ..Report::default() }).await;
    let vendor = app::create_user(&harness.root(), create("vendor", "user"), Mode::Apply).await;
    expect(vendor, Code::UsernameTaken, Some("username"));
    let problems =
        app::create_user(&harness.root(), create("leftover", "user"), Mode::Apply).await.unwrap_err();
    let problem = problems.leading().unwrap();
    assert_eq!((problem.code, problem.field.as_deref()), (Code::HomeExists, Some("username")));
    assert!(problem.detail.contains("/home/leftover"));
    assert!(problem.hint.as_ref().unwrap().contains("berth home quarantine leftover"));
}

#[tokio::test]
async fn a_package_without_a_domain_and_an_installation_without_a_node() {
    let harness = Harness::new().await;
    let command = berth_core::command::CreatePackage::parse(crate::harness::fields(
        json!({ "name": "nothing", "domains": 0 }),
    ))
    .unwrap();
    done(app::create_package(&harness.root(), command, Mode::Apply).await);
    let command = create_with("alice", "user", &json!({ "package": "nothing" }));
    expect(
        app::create_user(&harness.root(), command, Mode::Apply).await,
        Code::LimitExceeded,
        Some("package"),
    );
    let empty = Harness::empty().await;
    let found = refused(app::create_user(&empty.root(), create("alice", "user"), Mode::Apply).await);
    assert!(found.contains(&(Code::NodeMissing, None)), "{found:?}");
}

#[tokio::test]
async fn names_above_and_below_somebody_elses_domain_are_taken_and_only_admins_learn_whose() {
    let harness = Harness::new().await;
    harness.create("rosa", "reseller").await;
    let with = |domain: &str| create_with("bob", "user", &json!({ "primary_domain": domain }));
    done(
        app::create_user(
            &harness.root(),
            create_with("alice", "user", &json!({ "primary_domain": "shop.alice.com" })),
            Mode::Apply,
        )
        .await,
    );
    let rosa = harness.with_key("rosa", Scope::ALL).await;
    for domain in ["shop.alice.com", "www.shop.alice.com", "alice.com", "a.b.shop.alice.com"] {
        for (ctx, tells) in [(harness.root(), true), (rosa.clone(), false)] {
            let problems = app::create_user(&ctx, with(domain), Mode::CheckOnly).await.unwrap_err();
            let problem = problems.leading().unwrap();
            assert_eq!(problem.code, Code::DomainTaken, "{domain}");
            assert_eq!(
                problem.detail.contains("the account is alice"),
                tells,
                "{domain}: {}",
                problem.detail
            );
        }
    }
    for domain in ["other.alice.com", "shopalice.com", "alice.org"] {
        app::create_user(&harness.root(), with(domain), Mode::CheckOnly).await.unwrap();
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let before = harness.bytes();
    let plan = app::create_user(&harness.root(), create("bob", "user"), Mode::Plan).await.unwrap();
    let Outcome::Planned(plan) = plan else { panic!("{plan:?}") };
    let what: Vec<_> = plan.changes.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(
        what,
        ["user", "account", "home", "quota", "slice", "sftp", "egress", "timers", "php", "site"]
    );
    assert!(plan.limits.is_some());
    for mode in [Mode::CheckOnly, Mode::CheckAll] {
        let checked = app::create_user(&harness.root(), create("bob", "user"), mode).await.unwrap();
        assert_eq!(checked, Outcome::Checked);
    }
    let repeated = app::create_user(&harness.root(), create("alice", "user"), Mode::Plan).await.unwrap();
    let Outcome::Planned(repeated) = repeated else { panic!("{repeated:?}") };
    assert_eq!(repeated.changes[0].change, ChangeKind::Keep);
    assert!(harness.bytes() == before, "a dry run has written to the database");
}

#[tokio::test]
async fn an_admin_may_be_a_person_only() {
    let harness = Harness::new().await;
    let command = berth_core::command::CreateUser::parse(crate::harness::fields(json!({
        "email": "ada@example.com", "display_name": "Ada", "role": "admin",
    })))
    .unwrap();
    let created = done(app::create_user(&harness.root(), command, Mode::Apply).await);
    assert!(created.user.account.is_none() && created.uid.is_none() && created.conditions.is_empty());
    expect(
        app::conditions(&harness.root(), &user("ada@example.com"), Wait::default()).await,
        Code::AccountMissing,
        None,
    );
}

#[tokio::test]
async fn a_reseller_owns_whom_they_create_and_gives_no_role() {
    let harness = Harness::new().await;
    let rosa_id = harness.create("rosa", "reseller").await.user.id;
    let rosa = harness.with_key("rosa", Scope::ALL).await;
    let created = done(app::create_user(&rosa, create("bob", "user"), Mode::Apply).await);
    assert_eq!(created.user.owner, Some(rosa_id));
    let domains = app::list_domains(&rosa, &user("bob")).await.unwrap();
    assert_eq!(domains[0].state, DomainState::Pending, "nobody has vouched for it");
    let hosts: Vec<_> = harness.spec("bob").await.sites[0].hosts().map(ToString::to_string).collect();
    assert_eq!(hosts, ["bobsite.com"], "so it is served for its own name only");
    for role in ["admin", "reseller"] {
        expect(
            app::create_user(&rosa, create("carl", role), Mode::Apply).await,
            Code::Forbidden,
            Some("role"),
        );
    }
    let last = harness.audit().await.remove(0);
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("user.create", "refused"));
}

#[tokio::test]
async fn the_same_command_without_a_key_answers_with_the_user_for_a_day() {
    let harness = Harness::new().await;
    let first = harness.create("alice", "user").await;
    harness.clock.advance(TimeDelta::hours(23));
    let second = harness.create("alice", "user").await;
    assert!(second.replayed && second.password.is_none());
    assert_eq!(second.user.id, first.user.id);
    let taken = |command, ctx: Ctx| async move {
        let found = refused(app::create_user(&ctx, command, Mode::Apply).await);
        assert!(found.contains(&(Code::UsernameTaken, Some("username".to_owned()))), "{found:?}");
    };
    let other_password = json!({ "password": "violet anchor drizzle 42" });
    taken(create_with("alice", "user", &other_password), harness.root()).await;
    taken(create_with("alice", "user", &json!({ "sftp": false })), harness.root()).await;
    taken(create("alice", "user"), harness.with_key("admin", Scope::ALL).await).await;
    harness.clock.advance(TimeDelta::hours(2));
    taken(create("alice", "user"), harness.root()).await;
}

#[tokio::test]
async fn a_supplied_password_is_part_of_the_command() {
    let harness = Harness::new().await;
    let with = |password: &str| create_with("alice", "user", &json!({ "password": password }));
    done(app::create_user(&harness.root(), with("violet anchor drizzle 42"), Mode::Apply).await);
    let same = app::create_user(&harness.root(), with("violet anchor drizzle 42"), Mode::Apply).await;
    assert!(done(same).replayed);
    let other = app::create_user(&harness.root(), with("violet anchor drizzle 43"), Mode::Apply).await;
    assert!(refused(other).contains(&(Code::UsernameTaken, Some("username".to_owned()))));
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_request() {
    let harness = Harness::new().await;
    let keyed = || Ctx { idempotency_key: Some("order-1".to_owned()), ..harness.root() };
    let first = done(app::create_user(&keyed(), create("alice", "user"), Mode::Apply).await);
    let second = done(app::create_user(&keyed(), create("alice", "user"), Mode::Apply).await);
    assert!(second.replayed && second.password.is_none() && first.password.is_some());
    assert_eq!(second.user, first.user);
    expect(
        app::create_user(&keyed(), create("bob", "user"), Mode::Apply).await,
        Code::IdempotencyConflict,
        Some("Idempotency-Key"),
    );
    let bad = Ctx { idempotency_key: Some("a\nb".to_owned()), ..harness.root() };
    expect(
        app::create_user(&bad, create("bob", "user"), Mode::Apply).await,
        Code::ValueInvalid,
        Some("Idempotency-Key"),
    );
    assert!(!harness.is_stored(&first.password.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_simultaneous_creates_of_one_username_give_one_user() {
    let harness = Arc::new(Harness::new().await);
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let harness = Arc::clone(&harness);
            // Half of them are the same command, the others differ from each other.
            let more = if number % 2 == 0 {
                json!({})
            } else {
                json!({ "email": format!("a{number}@example.com") })
            };
            tokio::spawn(async move {
                app::create_user(&harness.root(), create_with("alice", "user", &more), Mode::Apply).await
            })
        })
        .collect();
    let (mut created, mut replayed, mut taken) = (0, 0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(Outcome::Done(answer)) if answer.replayed => {
                assert!(answer.password.is_none());
                replayed += 1;
            }
            Ok(Outcome::Done(answer)) => {
                assert!(answer.password.is_some());
                created += 1;
            }
            Ok(other) => panic!("{other:?}"),
            Err(problems) => {
                let codes: Vec<_> = problems.iter().map(|p| p.code).collect();
                assert!(codes.contains(&Code::UsernameTaken), "{problems}");
                taken += 1;
            }
        }
    }
    assert_eq!((created, created + replayed + taken), (1, 50));
    let all = app::list_users(&harness.root(), berth_core::command::ListUsers::default()).await.unwrap();
    assert_eq!(all.items.len(), 2, "the admin and alice");
    assert!(app::verify_audit(&harness.root()).await.unwrap().broken_at.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_simultaneous_creates_of_different_users_give_fifty() {
    let harness = Arc::new(Harness::new().await);
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let harness = Arc::clone(&harness);
            tokio::spawn(async move { harness.create(&format!("user{number}"), "user").await })
        })
        .collect();
    let mut uids = Vec::new();
    for task in tasks {
        uids.push(task.await.unwrap().uid.unwrap().get());
    }
    uids.sort_unstable();
    assert_eq!(uids, (1_900_000_001..=1_900_000_050).collect::<Vec<_>>());
    let generations: Vec<_> = harness.pull(0).await.accounts.iter().map(|spec| spec.generation).collect();
    assert!(generations.is_sorted_by(|a, b| a < b), "{generations:?}");
}
