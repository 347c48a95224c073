use std::sync::Arc;
use std::time::Instant;

use berth_core::condition::ConditionState;
use berth_core::link::AccountReport;
use berth_core::package::Bound;

use super::*;
use crate::host::{Attributes, Owner};
use crate::reconcile::testing::{Node, assert_converged, spec};

fn condition(report: &AccountReport) -> &berth_core::condition::Condition {
    report.conditions.iter().find(|condition| condition.resource == Resource::Slice).unwrap()
}

/// Somebody logs in, or PHP starts.
fn activate(node: &Node, uid: Uid) {
    node.tree.make_dir(&kernel::group(uid), &Attributes::plain(Owner::ROOT, 0o755), &[]).unwrap();
    for (file, text) in [
        ("cpu.max", "100000 100000\n"),
        ("memory.high", "max\n"),
        ("memory.max", "max\n"),
        ("pids.max", "5000\n"),
        ("io.max", ""),
    ] {
        write(node, uid, file, text);
    }
}

fn write(node: &Node, uid: Uid, file: &str, text: &str) {
    let path = format!("{}/{file}", kernel::group(uid));
    node.tree.replace_file(&path, text.as_bytes(), Owner::ROOT, 0o644).unwrap();
}

fn deactivate(node: &Node, uid: Uid) {
    std::fs::remove_dir_all(node.tree.real(&kernel::group(uid))).unwrap();
}

fn commands(node: &Node) -> usize {
    node.commands().lines().filter(|line| line.contains("SetUnitProperties")).count()
}

#[test]
fn nothing_is_asked_of_systemd_for_a_tenant_who_is_idle() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    let report = node.pass().reports.remove(0);
    assert_converged(&report);
    assert_eq!(condition(&report).observed["state"], "idle");
    assert_eq!(condition(&report).observed["tasks_max"], 200);
    assert_eq!(commands(&node), 0);
}

#[test]
fn a_package_counts_as_soon_as_the_slice_is_active_and_when_it_changes() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    activate(&node, alice.uid);
    node.accept(vec![alice.clone()]);
    let report = node.pass().reports.remove(0);
    assert_converged(&report);
    assert_eq!(condition(&report).observed["state"], "active");
    assert_eq!(condition(&report).observed["memory_max_bytes"], 1024_u64 << 20);
    assert_eq!(condition(&report).observed["memory_high_bytes"], 921_u64 << 20);
    assert_eq!(commands(&node), 1);
    node.pass();
    assert_eq!(commands(&node), 1, "what the kernel has is not set again");

    let mut more = alice.clone();
    more.generation = 2;
    more.bounds.memory_mb = Bound::Unlimited;
    node.accept(vec![more]);
    let report = node.pass().reports.remove(0);
    assert_eq!(condition(&report).observed["memory_max_bytes"], "unlimited");
    assert_eq!(commands(&node), 2);
}

#[test]
fn a_slice_that_comes_gets_its_limits_before_any_pass() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    activate(&node, alice.uid);
    let slice = Slice::default();
    slice.enforce(node.tree.as_ref(), &alice).unwrap();
    assert!(Values::read(node.tree.as_ref(), alice.uid).unwrap().agree_with(&limits::of(&alice.bounds), &[]));
    slice.enforce(node.tree.as_ref(), &alice).unwrap();
    assert_eq!(commands(&node), 1);
}

#[test]
fn what_was_set_once_does_not_come_back_with_the_slice() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    activate(&node, alice.uid);
    node.accept(vec![alice.clone()]);
    node.pass();
    let dropped = format!("{}/50-MemoryMax.conf", runtime_dir(alice.uid));
    node.tree.replace_file(&dropped, b"", Owner::ROOT, 0o644).unwrap();
    deactivate(&node, alice.uid);
    node.pass();
    assert!(node.tree.entry(&dropped).unwrap().is_some(), "it still counts");
    let mut less = alice.clone();
    less.generation = 2;
    less.bounds.memory_mb = Bound::Max(128);
    node.accept(vec![less]);
    node.pass();
    assert!(node.tree.entry(&runtime_dir(alice.uid)).unwrap().is_none());
    assert_eq!(commands(&node), 1);
}

#[test]
fn limits_that_somebody_changed_are_drift_and_new_slices_are_none() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    activate(&node, alice.uid);
    node.accept(vec![alice.clone()]);
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let all = [alice.account].into();
    let first = reconciler.pass(&all, true, Instant::now());
    node.ledger.lock().unwrap().acknowledge(first.reports[0].clone()).unwrap();
    write(&node, alice.uid, "pids.max", "max\n");
    let drift = reconciler.pass(&all, true, Instant::now()).drift;
    let limits: Vec<_> = drift.iter().filter(|one| one.object.starts_with("limits of")).collect();
    assert_eq!(limits.len(), 1, "{drift:?}");
    assert!(limits[0].found.as_deref().unwrap().contains("tasks=max"), "{drift:?}");
    assert!(limits[0].made.as_deref().unwrap().contains("tasks=200"), "{drift:?}");
    deactivate(&node, alice.uid);
    // A directory that is made right after another one was removed may get its number.
    std::fs::create_dir(node.tree.real("/sys/fs/cgroup/user.slice/other")).unwrap();
    activate(&node, alice.uid);
    let drift = reconciler.pass(&all, true, Instant::now()).drift;
    assert!(!drift.iter().any(|one| one.object.starts_with("limits of")), "{drift:?}");
}

#[test]
fn without_controllers_the_rest_converges_and_systemd_is_told_once() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    node.tree.replace_file(cgroup::CONTROLLERS, b"cpuset hugetlb\n", Owner::ROOT, 0o444).unwrap();
    activate(&node, alice.uid);
    node.accept(vec![alice.clone()]);
    let report = node.pass().reports.remove(0);
    for condition in &report.conditions {
        if condition.resource == Resource::Slice {
            let ConditionState::Unsupported(problem) = &condition.state else { panic!("{condition:?}") };
            assert_eq!(problem.code, Code::SliceUnsupported);
            assert!(problem.detail.contains("cpu, io, memory, pids"), "{problem}");
            assert!(problem.detail.contains("names cpuset, hugetlb"), "{problem}");
        } else {
            assert_eq!(condition.state, ConditionState::Converged);
        }
    }
    assert_eq!(commands(&node), 1);
    let kept = format!("{}/50-TasksMax.conf", runtime_dir(alice.uid));
    node.tree.replace_file(&kept, b"", Owner::ROOT, 0o644).unwrap();
    node.pass();
    assert_eq!(commands(&node), 1, "it was told before");
    node.tree.remove_file(&kept).unwrap();
    node.tree.remove_dir(&runtime_dir(alice.uid)).unwrap();
    node.pass();
    assert_eq!(commands(&node), 2, "somebody took it away");
}
