use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_core::Code;
use berth_core::condition::{ConditionState, Resource};
use berth_core::package::TimerMode;

use super::testing::{Node, assert_converged, key, spec};
use crate::host::faulty::{Fate, FaultyHost};
use crate::host::{Attributes, Host, Owner};

#[test]
fn a_new_account_converges_in_one_pass() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1), spec("bobby", 2, 2)]);
    let outcome = node.pass();
    assert_eq!(outcome.node_problems, []);
    assert_eq!(outcome.reports.len(), 2);
    outcome.reports.iter().for_each(assert_converged);
    insta::assert_json_snapshot!("conditions_of_a_new_account", outcome.reports.first().unwrap());
    let tree: Vec<String> = node
        .picture()
        .into_iter()
        .filter(|(path, _)| path.starts_with("/home") || path.starts_with("/etc/berth/keys"))
        .map(|(path, what)| format!("{path} {}", what.lines().next().unwrap_or_default()))
        .collect();
    insta::assert_snapshot!("tree_of_new_accounts", tree.join("\n"));
    insta::assert_snapshot!(
        "page_of_a_new_site",
        node.read("/home/alice/domains/alice.example.com/public_html/index.php").unwrap()
    );
}

#[test]
fn a_pass_with_nothing_to_do_writes_and_starts_nothing() {
    let node = Node::new();
    node.accept((1..20).map(|number| spec(&format!("user{number}"), number, number.into())).collect());
    node.pass();
    let ledger = node.ledger_dir();
    let stamp = || {
        let files = ["specs", "states"].map(|part| std::fs::read_dir(ledger.join(part)).unwrap());
        let of =
            |file: std::io::Result<std::fs::DirEntry>| file.unwrap().metadata().unwrap().modified().unwrap();
        files.into_iter().flatten().map(of).max()
    };
    let (changes, stamped) = (node.tree.changes(), stamp());
    let host: Arc<dyn Host> = Arc::clone(&node.tree) as Arc<dyn Host>;
    let mut reconciler = node.reconciler(host);
    let all = node.ledger.lock().unwrap().specs().into_keys().collect();
    for _ in 0..2 {
        let outcome = reconciler.pass(&all, true, Instant::now());
        assert_eq!(outcome.reports, []);
        // A fresh agent has its own listeners to bind; an agent that goes on has nothing at all to do.
        if outcome.retry_at.is_none() && node.tree.changes() != changes {
            let again = node.tree.changes();
            assert_eq!(reconciler.pass(&all, true, Instant::now()).reports, []);
            assert_eq!(node.tree.changes(), again);
        }
    }
    assert_eq!(stamp(), stamped);
}

/// Everything that can go wrong at any call of a pass that creates and one that changes: afterwards, a fresh
/// agent brings about the very same as if nothing had gone wrong.
fn survives(fault: Fate) {
    let create = || vec![spec("alice", 1, 1), spec("bobby", 2, 2)];
    let change = || {
        let mut alice = spec("alice", 1, 3);
        alice.sftp.keys = vec![key(2)];
        alice.timers = TimerMode::Off;
        alice.sites.push(spec("carol", 3, 1).sites.remove(0));
        vec![alice]
    };
    let calm = Node::new();
    calm.accept(create());
    calm.pass();
    calm.accept(change());
    calm.pass();
    let expected = calm.picture();

    for changing in [false, true] {
        let mut at = 0;
        loop {
            let node = Node::new();
            node.accept(create());
            if changing {
                node.pass();
                node.tree.fake_systemd().open_sessions(spec("alice", 1, 1).uid.get(), 1);
                node.accept(change());
            }
            let faulty = Arc::new(FaultyHost::at(Arc::clone(&node.tree) as Arc<dyn Host>, at, fault));
            let _died =
                catch_unwind(AssertUnwindSafe(|| node.pass_with(Arc::clone(&faulty) as Arc<dyn Host>)));
            if faulty.calls() <= at {
                break;
            }
            node.ledger.clear_poison();
            if !changing {
                node.pass();
                node.tree.fake_systemd().open_sessions(spec("alice", 1, 1).uid.get(), 1);
                node.accept(change());
            }
            let outcome = node.pass();
            assert_eq!(outcome.node_problems, [], "call {at}, {fault:?}");
            let ledger = node.ledger.lock().unwrap();
            for account in ledger.specs().into_keys() {
                assert_converged(ledger.reported(account).unwrap());
            }
            drop(ledger);
            assert_eq!(
                node.tree.fake_systemd().sessions(spec("alice", 1, 1).uid.get()),
                0,
                "call {at}, {fault:?}"
            );
            let picture = node.picture();
            for (path, what) in &expected {
                assert_eq!(picture.get(path), Some(what), "{path}, call {at}, {fault:?}");
            }
            let more: Vec<&String> = picture.keys().filter(|path| !expected.contains_key(*path)).collect();
            assert_eq!(more, Vec::<&String>::new(), "call {at}, {fault:?}, changing: {changing}");
            at += 1;
        }
        assert!(at > 30, "only {at} calls");
    }
}

#[test]
fn any_call_may_fail() {
    survives(Fate::Fails(rustix::io::Errno::IO));
}

#[test]
fn the_agent_may_die_before_any_call() {
    survives(Fate::KilledBefore);
}

#[test]
fn the_agent_may_die_after_any_call() {
    survives(Fate::KilledAfter);
}

#[test]
fn any_call_may_panic() {
    survives(Fate::Panics);
}

#[test]
fn one_account_that_fails_holds_up_nobody() {
    let node = Node::new();
    node.accept((1..10).map(|number| spec(&format!("user{number}"), number, number.into())).collect());
    // Somebody has put a file where a directory shall be.
    node.tree.make_dir("/home/user5", &Attributes::plain(Owner::ROOT, 0o755), &[]).unwrap();
    let outcome = node.pass();
    for report in &outcome.reports {
        if report.account == spec("user5", 5, 5).account {
            let state = |resource| &report.conditions.iter().find(|c| c.resource == resource).unwrap().state;
            let code = |resource| state(resource).problem().map(|problem| problem.code);
            assert_eq!(code(Resource::Home), Some(Code::HomeExists));
            assert_eq!(code(Resource::Php), Some(Code::HomeExists));
            assert_eq!(*state(Resource::Account), ConditionState::Converged);
            assert_eq!(*state(Resource::Sftp), ConditionState::Converged);
        } else {
            assert_converged(report);
        }
    }
    assert_eq!(outcome.reports.len(), 9);
    // Once the home is out of the way, the next pass heals it.
    node.tree.remove_dir("/home/user5").unwrap();
    let healed = node.pass();
    assert_eq!(healed.reports.len(), 1);
    assert_converged(healed.reports.first().unwrap());
}

#[test]
fn what_failed_is_left_alone_until_its_time_has_come() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    node.tree.make_dir("/home/alice", &Attributes::plain(Owner::ROOT, 0o755), &[]).unwrap();
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let alice = spec("alice", 1, 1).account;
    let start = Instant::now();
    let first = reconciler.pass(&[alice].into(), false, start);
    assert!(first.retry_at.is_some_and(|at| at > start));
    node.tree.remove_dir("/home/alice").unwrap();
    reconciler.pass(&[alice].into(), false, start);
    assert_eq!(node.tree.entry("/home/alice").unwrap(), None, "tried too early");
    let later = start + Duration::from_secs(2);
    assert!(reconciler.due(later).contains(&alice));
    let healed = reconciler.pass(&[alice].into(), false, later);
    assert_converged(healed.reports.first().unwrap());
}

#[test]
fn drift_is_repaired() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    node.pass();
    let expected = node.picture();
    let site = "/home/alice/domains/alice.example.com";
    node.tree.set_attributes("/home/alice", &Attributes::plain(Owner::ROOT, 0o777)).unwrap();
    node.tree.set_attributes(site, &Attributes::plain(Owner::tenant(5), 0o777)).unwrap();
    node.tree.remove_dir(&format!("{site}/tmp")).unwrap();
    node.tree.remove_file("/etc/berth/keys/alice").unwrap();
    let passwd = node.read("/etc/passwd").unwrap().replace("/usr/sbin/nologin", "/bin/bash");
    node.tree.replace_file("/etc/passwd", passwd.as_bytes(), Owner::ROOT, 0o644).unwrap();
    let web_shell = "berth-web:x:990:990:Berth web server:/nonexistent:/bin/bash";
    node.pass();
    let mut found = node.picture();
    assert!(found["/etc/passwd"].contains(web_shell), "a line of somebody else has changed");
    found.insert("/etc/passwd".to_owned(), found["/etc/passwd"].replace("/bin/bash", "/usr/sbin/nologin"));
    let mut expected = expected;
    let root = |text: &String| text.replace("/bin/bash", "/usr/sbin/nologin");
    expected.insert("/etc/passwd".to_owned(), root(&expected["/etc/passwd"]));
    assert_eq!(found, expected);
}

#[test]
fn sessions_end_only_when_a_key_goes() {
    let node = Node::new();
    let uid = spec("alice", 1, 1).uid.get();
    node.accept(vec![spec("alice", 1, 1)]);
    node.pass();
    node.tree.fake_systemd().open_sessions(uid, 2);
    let mut more = spec("alice", 1, 2);
    more.sftp.keys.push(key(2));
    node.accept(vec![more]);
    node.pass();
    assert_eq!(node.tree.fake_systemd().sessions(uid), 2);
    let mut off = spec("alice", 1, 3);
    off.sftp.enabled = false;
    node.accept(vec![off]);
    node.pass();
    assert_eq!(node.tree.fake_systemd().sessions(uid), 0);
    assert_eq!(node.read("/etc/berth/keys/alice"), None);
}

#[test]
fn a_login_that_was_under_way_when_its_key_was_taken_away_is_ended_too() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    node.pass();
    let mut alice = spec("alice", 1, 2);
    alice.sftp.keys = vec![key(2)];
    let uid = alice.uid.get();
    node.accept(vec![alice.clone()]);
    let host: Arc<dyn Host> = Arc::clone(&node.tree) as Arc<dyn Host>;
    let mut reconciler = node.reconciler(host);
    let now = Instant::now();
    let outcome = reconciler.pass(&[alice.account].into(), false, now);
    outcome.reports.iter().for_each(assert_converged);
    assert_eq!(outcome.retry_at, Some(now + Duration::from_secs(5)));
    // It registers its session only now.
    node.tree.fake_systemd().open_sessions(uid, 1);
    node.later(5);
    let now = now + Duration::from_secs(5);
    assert_eq!(reconciler.due(now), [alice.account].into());
    let outcome = reconciler.pass(&reconciler.due(now), false, now);
    assert_eq!(node.tree.fake_systemd().sessions(uid), 0);
    assert_eq!(outcome.retry_at, None);
    // Whoever comes later has another key.
    node.tree.fake_systemd().open_sessions(uid, 1);
    node.later(60);
    node.pass();
    assert_eq!(node.tree.fake_systemd().sessions(uid), 1);
}

#[test]
fn a_user_manager_that_never_starts_fails_after_a_while() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    node.tree.fake_systemd().starts_no_manager(true);
    let state = || {
        let outcome = node.pass();
        let state = |report: &berth_core::link::AccountReport| {
            report.conditions.iter().find(|c| c.resource == Resource::Timers).unwrap().state.clone()
        };
        outcome.reports.first().map(state)
    };
    assert_eq!(state(), Some(ConditionState::Pending));
    node.later(89);
    assert_eq!(state(), None, "it is still pending");
    node.later(1);
    assert!(matches!(state(), Some(ConditionState::Failed(_))));
    node.tree.fake_systemd().starts_no_manager(false);
    assert_eq!(state(), Some(ConditionState::Converged));
}
