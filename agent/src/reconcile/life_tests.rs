//! Accounts that are closed, sealed, opened again and purged.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use berth_core::package::{EgressPolicy, TimerMode};
use berth_core::spec::AccountSpec;
use berth_core::standing::Standing;

use super::testing::{Node, assert_converged, spec};
use crate::host::faulty::{Fate, FaultyHost};
use crate::host::{Host, Owner};

const PAGE: &str = "/home/bob/domains/bob.example.com/public_html/index.php";

/// The spec as the planner makes it for an account that does not stand open.
fn closed(open: &AccountSpec, standing: Standing, generation: u64) -> AccountSpec {
    let mut spec = AccountSpec { standing, generation, timers: TimerMode::Off, ..open.clone() };
    spec.sftp.enabled = false;
    spec.egress.policy = EgressPolicy::Nothing;
    spec.timer_list.clear();
    spec
}

/// `bob`, and `bob_smith`, whose name and number begin alike.
fn neighbours() -> (Node, AccountSpec) {
    let node = Node::new();
    let (bob, smith) = (spec("bob", 1, 1), spec("bob-smith", 10, 2));
    node.accept(vec![bob.clone(), smith]);
    node.pass();
    node.tree.replace_file(PAGE, b"hello", Owner::tenant(bob.uid.get()), 0o644).unwrap();
    (node, bob)
}

/// What there is, but for the places that stay empty behind an account.
fn picture(node: &Node) -> BTreeMap<String, String> {
    let mut picture = node.picture();
    picture.retain(|path, _| path != "/home/.berth-trash" && path != "/var/lib/systemd/linger");
    picture
}

fn of_smith(picture: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let his = |path: &&String| path.contains("bob-smith") || path.contains("1900000011");
    picture.keys().filter(his).map(|path| (path.clone(), picture[path].clone())).collect()
}

#[test]
fn a_suspended_account_has_nothing_open_and_opens_as_it_was() {
    let (node, bob) = neighbours();
    let before = picture(&node);
    node.accept(vec![closed(&bob, Standing::Suspended, 3)]);
    let outcome = node.pass();
    outcome.reports.iter().for_each(assert_converged);
    for path in [
        "/var/lib/berth/www/bob.example.com",
        "/run/berth/php/bob.example.com.sock",
        "/run/berth/fpm/1900000002.sock",
        "/etc/berth/php/1900000002.conf",
        "/etc/berth/keys/bob",
        "/var/lib/systemd/linger/bob",
    ] {
        assert!(node.tree.entry(path).unwrap().is_none(), "{path} is open");
        assert!(
            node.tree.entry(&path.replace("bob", "bob-smith")).unwrap().is_some() || path.contains("19000")
        );
    }
    for path in
        ["/var/lib/berth/closed-hosts/www.bob.example.com", "/var/lib/berth/closed-accounts/1900000002"]
    {
        assert!(node.tree.entry(path).unwrap().is_some(), "{path} is missing");
    }
    let shadow = node.read("/etc/shadow").unwrap();
    assert!(shadow.lines().any(|line| line.starts_with("bob:!") && line.ends_with(":1:")), "{shadow}");
    assert_eq!(node.read(PAGE).unwrap(), "hello", "files stay");
    assert_eq!(of_smith(&before), of_smith(&picture(&node)), "the neighbour notices nothing");
    node.accept(vec![AccountSpec { generation: 4, ..bob }]);
    node.pass().reports.iter().for_each(assert_converged);
    assert_eq!(picture(&node), before);
}

#[test]
fn what_comes_back_from_the_trash_is_what_went_in() {
    let (node, bob) = neighbours();
    let before = picture(&node);
    node.accept(vec![closed(&bob, Standing::Trashed, 3)]);
    node.pass().reports.iter().for_each(assert_converged);
    assert!(node.tree.entry("/home/bob").unwrap().is_none());
    let trash = node.tree.entry("/home/.berth-trash").unwrap().unwrap();
    assert_eq!((trash.attributes.owner, trash.attributes.mode), (Owner::ROOT, 0o700));
    assert_eq!(of_smith(&before), of_smith(&picture(&node)));
    node.accept(vec![AccountSpec { generation: 4, ..bob }]);
    node.pass().reports.iter().for_each(assert_converged);
    assert_eq!(picture(&node), before);
}

#[test]
fn nothing_names_an_account_that_was_purged() {
    let (node, bob) = neighbours();
    let before = picture(&node);
    node.accept(vec![closed(&bob, Standing::Purged, 3)]);
    let outcome = node.pass();
    let gone = outcome.gone.first().unwrap_or_else(|| panic!("{:#?}", outcome.reports));
    assert_eq!((gone.account, gone.generation), (bob.account, 3));
    assert!(gone.looked.len() > 30, "{}", gone.looked.len());
    assert_gone(&node);
    assert_eq!(of_smith(&before), of_smith(&picture(&node)));
    node.ledger.lock().unwrap().forget(bob.account, 3).unwrap();
    assert!(node.ledger.lock().unwrap().spec(bob.account).is_none());
    let again = AccountSpec { uid: spec("bob", 20, 9).uid, ..spec("bob", 20, 9) };
    node.accept(vec![again]);
    node.pass();
    assert_ne!(node.read(PAGE).unwrap(), "hello", "the same name begins anew");
}

fn assert_gone(node: &Node) {
    for (path, what) in node.picture() {
        let whole = format!("{path} {what}").replace("bob-smith", "").replace("1900000011", "");
        assert!(!whole.contains("bob") && !whole.contains("1900000002"), "{whole}");
    }
}

/// Any call may fail or be the agent's last: the next passes end where they shall.
#[test]
fn a_purge_goes_on_after_any_failure_and_any_death() {
    for fate in [Fate::Fails(rustix::io::Errno::BUSY), Fate::KilledBefore, Fate::KilledAfter] {
        // Every seventh call, each time another seventh: all of them would take minutes.
        for number in (0..).step_by(7) {
            let (node, bob) = neighbours();
            node.accept(vec![closed(&bob, Standing::Purged, 3)]);
            let host = Arc::new(FaultyHost::at(Arc::clone(&node.tree) as Arc<dyn Host>, number, fate));
            let shared = Arc::clone(&host) as Arc<dyn Host>;
            let first = catch_unwind(AssertUnwindSafe(|| node.pass_with(shared)));
            if host.calls() <= number {
                break;
            }
            let done = first.is_ok_and(|outcome| !outcome.gone.is_empty());
            let done = done || (0..3).any(|_| !node.pass().gone.is_empty());
            assert!(done, "{fate:?} at {number}: {:#?}", node.pass().reports);
            assert_gone(&node);
        }
    }
}
