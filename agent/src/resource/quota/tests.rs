use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_core::condition::ConditionState;
use berth_core::link::AccountReport;

use super::*;
use crate::host::Host;
use crate::host::quota::Lacking;
use crate::reconcile::testing::{Node, assert_converged, spec};

fn condition(report: &AccountReport) -> &berth_core::condition::Condition {
    report.conditions.iter().find(|condition| condition.resource == Resource::Quota).unwrap()
}

#[test]
fn a_package_decides_and_nothing_else_is_touched() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    let uid = alice.uid.get();
    node.accept(vec![alice.clone()]);
    node.pass();
    let set = node.tree.fake_quotas().limits(uid).unwrap();
    assert_eq!(set, QuotaLimits { bytes: Some(10_240 * MIB), inodes: Some(500_000) });

    let mut more = alice.clone();
    more.generation = 2;
    more.bounds.disk_mb = Bound::Unlimited;
    more.bounds.inodes = Bound::Max(0);
    let (picture, changes) = (node.picture(), node.tree.changes());
    node.accept(vec![more]);
    let outcome = node.pass();
    assert_converged(outcome.reports.first().unwrap());
    let set = node.tree.fake_quotas().limits(uid).unwrap();
    assert_eq!(set, QuotaLimits { bytes: None, inodes: Some(1) });
    assert_eq!(node.picture(), picture);
    // A fresh agent binds its socket again; the quota is one change more.
    assert!(node.tree.changes() > changes);
    let observed = &condition(outcome.reports.first().unwrap()).observed;
    assert_eq!(observed["limit_bytes"], "unlimited");
    assert_eq!(observed["limit_inodes"], 1);
}

#[test]
fn a_limit_above_every_number_is_none() {
    let mut alice = spec("alice", 1, 1);
    alice.bounds.disk_mb = Bound::Max(u64::MAX / 2);
    assert_eq!(limits(&alice).bytes, None);
    alice.bounds.disk_mb = Bound::Max(0);
    assert_eq!(limits(&alice).bytes, Some(1024));
}

#[test]
fn a_quota_that_was_taken_away_comes_back() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    node.accept(vec![alice.clone()]);
    node.pass();
    let quotas = node.tree.fake_quotas();
    let set = quotas.limits(alice.uid.get());
    quotas.remove("/home/alice", alice.uid.get()).unwrap();
    let reports = node.pass().reports;
    assert_eq!(reports, [], "what is reported is what is set");
    assert_eq!(quotas.limits(alice.uid.get()), set);
}

#[test]
fn without_quotas_everything_else_converges_and_it_heals_by_itself() {
    let node = Node::new();
    let quotas = node.tree.fake_quotas();
    let lacking = Lacking { detail: "/home is on ext4".to_owned(), hint: "add usrquota".to_owned() };
    quotas.set_lacking(Some(lacking));
    node.accept(vec![spec("alice", 1, 1)]);
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let alice = [spec("alice", 1, 1).account].into();
    let start = Instant::now();
    let report = reconciler.pass(&alice, true, start).reports.remove(0);
    for condition in &report.conditions {
        if condition.resource == Resource::Quota {
            let ConditionState::Unsupported(problem) = &condition.state else { panic!("{condition:?}") };
            assert_eq!(problem.code, Code::QuotaUnsupported);
            assert_eq!(problem.hint.as_deref(), Some("add usrquota"));
        } else {
            assert_eq!(condition.state, ConditionState::Converged);
        }
    }
    quotas.set_lacking(None);
    let healed = reconciler.pass(&alice, true, start + Duration::from_mins(10)).reports.remove(0);
    assert_converged(&healed);
}

#[test]
fn usage_is_reported_in_steps() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    node.accept(vec![alice.clone()]);
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let all = [alice.account].into();
    let mut reports = |bytes, inodes| {
        node.tree.fake_quotas().set_used(alice.uid.get(), bytes, inodes);
        let reports = reconciler.pass(&all, true, Instant::now()).reports;
        for report in &reports {
            node.ledger.lock().unwrap().acknowledge(report.clone()).unwrap();
        }
        reports.first().map(|report| condition(report).observed["used_bytes"].as_u64().unwrap() / MIB)
    };
    assert_eq!(reports(0, 10), Some(0));
    assert_eq!(reports(4096, 11), None);
    assert_eq!(reports(90 * MIB, 400), None);
    assert_eq!(reports(1030 * MIB, 400), Some(1020));
    assert_eq!(reports(1031 * MIB, 401), None);
}
