use std::sync::Arc;
use std::time::Instant;

use berth_core::Parse;
use berth_core::condition::{ConditionState, Resource};
use berth_core::layout;
use berth_core::package::TimerMode;
use berth_core::spec::{AccountSpec, TimerSpec};
use berth_core::timer::{Schedule, TimerCommand, TimerJob, TimerName, TimerTimeout};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::files;
use crate::host::Host;
use crate::reconcile::testing::{Node, assert_converged, spec};

fn timer(name: &str, schedule: &str, command: &str) -> TimerSpec {
    TimerSpec {
        name: TimerName::parse(name).unwrap(),
        schedule: Schedule::parse(schedule).unwrap(),
        command: TimerCommand::parse(command).unwrap(),
        enabled: true,
        timeout_s: TimerTimeout::default(),
        run_wanted_at: None,
    }
}

fn with(generation: u64, mode: TimerMode, timers: Vec<TimerSpec>) -> AccountSpec {
    AccountSpec { timers: mode, timer_list: timers, ..spec("alice", 1, generation) }
}

fn started(node: &Node) -> usize {
    let log = std::fs::read_to_string(node.tree.real("/../commands.log")).unwrap();
    log.matches("timer-run").count()
}

/// The moment at which the clock of these tests stands.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

#[test]
fn a_user_manager_gets_units_and_the_agent_none() {
    let node = Node::new();
    let odd = "echo '100 %' \"$HOME\" %h \\ ; [Service] ExecStart=/bin/false";
    let list =
        vec![timer("a-b", "0 0 13 * 5", odd), TimerSpec { enabled: false, ..timer("off", "@daily", "true") }];
    node.accept(vec![with(1, TimerMode::Always, list.clone())]);
    node.pass().reports.iter().for_each(assert_converged);
    let dir = layout::timers_dir(spec("alice", 1, 1).uid);
    let names = |node: &Node| node.tree.list(&dir).unwrap();
    assert_eq!(names(&node), ["a-b.json", "berth-timer@a-b.timer", "berth-timers.target", "off.json"]);
    insta::assert_snapshot!("timer_unit", node.read(&format!("{dir}/berth-timer@a-b.timer")).unwrap());
    insta::assert_snapshot!("timers_target", node.read(&format!("{dir}/berth-timers.target")).unwrap());
    let job: TimerJob = serde_json::from_str(&node.read(&format!("{dir}/a-b.json")).unwrap()).unwrap();
    assert_eq!(job.command.as_str(), odd);
    let changes = node.tree.changes();
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let all = node.ledger.lock().unwrap().specs().into_keys().collect();
    reconciler.pass(&all, true, Instant::now());
    let settled = node.tree.changes();
    reconciler.pass(&all, true, Instant::now());
    assert_eq!(node.tree.changes(), settled, "{changes}");

    node.accept(vec![with(2, TimerMode::OnDemand, list.clone())]);
    node.pass().reports.iter().for_each(assert_converged);
    assert_eq!(names(&node), ["a-b.json", "off.json"]);
    node.accept(vec![with(3, TimerMode::Off, Vec::new())]);
    node.pass().reports.iter().for_each(assert_converged);
    assert!(node.tree.entry(&dir).unwrap().is_none());
}

#[test]
fn a_wish_is_fulfilled_once_and_an_old_one_never() {
    let node = Node::new();
    let wished = |at| vec![TimerSpec { run_wanted_at: Some(at), ..timer("a", "@daily", "true") }];
    node.accept(vec![with(1, TimerMode::Always, wished(now() - TimeDelta::seconds(5)))]);
    node.pass();
    node.pass();
    assert_eq!(started(&node), 1);
    node.accept(vec![with(2, TimerMode::OnDemand, wished(now()))]);
    node.pass();
    assert_eq!(started(&node), 2);
    node.accept(vec![with(3, TimerMode::Off, Vec::new())]);
    node.pass();
    node.accept(vec![with(4, TimerMode::OnDemand, wished(now() - TimeDelta::hours(1)))]);
    node.pass();
    assert_eq!(started(&node), 2);
}

#[test]
fn a_manager_that_does_not_take_over_is_waited_for() {
    let node = Node::new();
    node.accept(vec![with(1, TimerMode::Always, vec![timer("a", "@daily", "true")])]);
    node.pass();
    let target = format!("{}/{}", layout::timers_dir(spec("alice", 1, 1).uid), files::TARGET);
    // The manager of a tree shows what stands in the file; a tampered file is mended before it is compared.
    node.tree.replace_file(&target, b"else", crate::host::Owner::ROOT, 0o644).unwrap();
    let outcome = node.pass();
    let timers = |outcome: &crate::reconcile::Outcome| {
        let report = outcome.reports.first().cloned();
        report.and_then(|report| report.conditions.into_iter().find(|c| c.resource == Resource::Timers))
    };
    assert!(timers(&outcome).is_none_or(|condition| condition.state == ConditionState::Converged));
    assert_ne!(node.read(&target).unwrap(), "else");
}

proptest! {
    #[test]
    fn no_accepted_value_escapes_from_a_unit(
        name in "[a-z0-9][a-z0-9_-]{0,31}",
        schedule in "(\\*|[0-9]{1,2}|\\*/[1-9]) (\\*|[0-9]) (\\*|[1-9]) \\* (\\*|[0-7])",
        command in "[ -~]{1,60}",
    ) {
        let (Ok(schedule), Ok(command)) = (Schedule::parse(&schedule), TimerCommand::parse(&command)) else {
            return Ok(());
        };
        let timer = TimerSpec { schedule, command, ..timer(&name, "@daily", "true") };
        let text = files::unit(&timer);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        let keys: Vec<&str> = lines.iter().map(|line| line.split('=').next().unwrap()).collect();
        let expected = ["[Unit]", "Description", "PartOf", "[Timer]", "OnCalendar", "AccuracySec"];
        let mut distinct = keys.clone();
        distinct.dedup();
        prop_assert_eq!(distinct, expected);
        prop_assert!(!text.contains(['%', '\\', '"', '$', '\'']));
        prop_assert_eq!(keys.iter().filter(|key| **key == "OnCalendar").count(), timer.schedule.calendars().len());
    }
}
