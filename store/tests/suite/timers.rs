//! Timers and their runs.

use berth_core::id::TimerId;
use berth_core::link::TimerRunReport;
use berth_core::spec::TimerSpec;
use berth_core::timer::{MailOnFailure, RunOutcome};
use berth_store::timers::{self, TimerRecord};
use berth_store::{Constraint, specs};

use crate::db::{Tenant, at, id};

pub(crate) fn timer(tenant: &Tenant, name: &str) -> TimerRecord {
    TimerRecord {
        id: TimerId(id()),
        account: tenant.account.id,
        spec: TimerSpec {
            name: name.parse().unwrap(),
            schedule: "0 3 * * *".to_owned().try_into().unwrap(),
            command: "echo '100 %' \"$X\" \\ \u{e4}".parse().unwrap(),
            enabled: true,
            timeout_s: 7.try_into().unwrap(),
            run_wanted_at: None,
        },
        mail_on_failure: MailOnFailure::Owner,
        failure_mailed_at: None,
        created_at: at(3),
    }
}

pub(crate) fn ran(tenant: &Tenant, name: &str, second: i64) -> TimerRunReport {
    TimerRunReport {
        account: tenant.account.id,
        timer: name.parse().unwrap(),
        started_at: at(second),
        ended_at: at(second + 1),
        outcome: RunOutcome::Exited(3),
        truncated: true,
        output: "said \u{fffd}\n".to_owned(),
    }
}

both_engines! {
    async fn a_timer_is_stored_changed_and_given_to_its_node(db) {
        let (node, package) = db.ground().await;
        let tenant = db.tenant(&node, &package, "alice").await;
        let other = db.tenant(&node, &package, "bobby").await;
        let mut tx = db.store.begin().await.unwrap();
        let mut timer = timer(&tenant, "backup");
        timers::insert(&mut tx, &timer).await.unwrap();
        assert_eq!(timers::of_account(&mut tx, tenant.account.id).await.unwrap(), [timer.clone()]);
        assert_eq!(timers::count(&mut tx, tenant.account.id).await.unwrap(), 1);
        assert_eq!(timers::by_name(&mut tx, other.account.id, &timer.spec.name).await.unwrap(), None);
        timer.spec.enabled = false;
        timer.spec.command = "true".parse().unwrap();
        timer.mail_on_failure = MailOnFailure::Address("a@b.example".parse().unwrap());
        timers::update(&mut tx, &timer).await.unwrap();
        timers::want_run(&mut tx, timer.id, at(9)).await.unwrap();
        timers::want_run(&mut tx, timer.id, at(10)).await.unwrap();
        let stored = timers::by_name(&mut tx, tenant.account.id, &timer.spec.name).await.unwrap().unwrap();
        assert_eq!(stored.spec.run_wanted_at, Some(at(10)));
        timer.spec.run_wanted_at = stored.spec.run_wanted_at;
        assert_eq!(stored, timer);
        let page = specs::newer_than(&mut tx, node.id, 0, 10).await.unwrap();
        let given: Vec<_> = page.accounts.into_iter().map(|account| account.timers).collect();
        assert_eq!(given, [vec![timer.spec.clone()], Vec::new()]);
        assert!(timers::remove(&mut tx, timer.id).await.unwrap());
        assert!(!timers::remove(&mut tx, timer.id).await.unwrap());
        assert!(timers::update(&mut tx, &timer).await.is_err());
    }

    async fn a_name_is_there_once_in_an_account(db) {
        let (node, package) = db.ground().await;
        let tenant = db.tenant(&node, &package, "alice").await;
        let other = db.tenant(&node, &package, "bobby").await;
        let mut tx = db.store.begin().await.unwrap();
        timers::insert(&mut tx, &timer(&tenant, "a")).await.unwrap();
        timers::insert(&mut tx, &timer(&other, "a")).await.unwrap();
        let again = timers::insert(&mut tx, &timer(&tenant, "a")).await.unwrap_err();
        assert_eq!(again.conflict(), Some(Constraint::TimerName));
    }

    async fn the_last_runs_are_kept_and_only_the_nodes_own_count(db) {
        let (node, package) = db.ground().await;
        let tenant = db.tenant(&node, &package, "alice").await;
        let mut tx = db.store.begin().await.unwrap();
        let (a, b) = (timer(&tenant, "a"), timer(&tenant, "b"));
        timers::insert(&mut tx, &a).await.unwrap();
        timers::insert(&mut tx, &b).await.unwrap();
        for second in 10..25 {
            assert_eq!(timers::add_run(&mut tx, node.id, &ran(&tenant, "a", second)).await.unwrap(), Some(a.clone()));
        }
        assert_eq!(timers::add_run(&mut tx, node.id, &ran(&tenant, "a", 24)).await.unwrap(), None, "known");
        assert_eq!(timers::add_run(&mut tx, node.id, &ran(&tenant, "a", 1)).await.unwrap(), None, "too old");
        assert_eq!(timers::add_run(&mut tx, node.id, &ran(&tenant, "c", 1)).await.unwrap(), None, "no timer");
        let elsewhere = berth_core::id::NodeId(id());
        assert_eq!(timers::add_run(&mut tx, elsewhere, &ran(&tenant, "b", 1)).await.unwrap(), None);
        timers::add_run(&mut tx, node.id, &ran(&tenant, "b", 1)).await.unwrap();
        let kept = timers::runs(&mut tx, a.id).await.unwrap();
        assert_eq!(kept.iter().map(|run| run.started_at).collect::<Vec<_>>(), (15..25).rev().map(at).collect::<Vec<_>>());
        assert_eq!((kept[0].outcome, kept[0].truncated, kept[0].output.as_str()), (RunOutcome::Exited(3), true, "said \u{fffd}\n"));
        let mut last: Vec<_> = timers::last_runs(&mut tx, tenant.account.id).await.unwrap().into_iter().map(|run| (run.started_at, run.output)).collect();
        last.sort();
        assert_eq!(last, [(at(1), String::new()), (at(24), String::new())]);
        timers::set_failure_mailed(&mut tx, a.id, at(30)).await.unwrap();
        let told = timers::by_name(&mut tx, tenant.account.id, &a.spec.name).await.unwrap().unwrap();
        assert_eq!(told.failure_mailed_at, Some(at(30)));
    }
}
