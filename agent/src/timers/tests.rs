use std::sync::Mutex;

use berth_core::Parse;
use berth_core::account::UID_RANGE;
use berth_core::timer::{RunOutcome, RunRecord, run_file};
use chrono::TimeDelta;

use super::*;
use crate::host::tree::TreeHost;

struct Hand(Mutex<DateTime<Utc>>);

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

struct Bench {
    _dir: tempfile::TempDir,
    host: Arc<TreeHost>,
    clock: Arc<Hand>,
    outbox: Arc<Outbox>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Arc::new(TreeHost::open(dir.path()).unwrap());
        let start = "2027-01-15T08:00:00Z".parse().unwrap();
        Self { _dir: dir, host, clock: Arc::new(Hand(Mutex::new(start))), outbox: Arc::default() }
    }

    /// A scheduler as a fresh agent has it.
    fn scheduler(&self) -> Scheduler {
        Scheduler::new(Arc::clone(&self.host) as Arc<dyn Host>, self.clock.clone(), Arc::clone(&self.outbox))
    }

    fn advance(&self, seconds: i64) {
        *self.clock.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }

    /// How many runs are started by firing now.
    fn fired(&self, scheduler: &Scheduler) -> u64 {
        let commands =
            |host: &TreeHost| std::fs::read_to_string(host.real("/../commands.log")).unwrap_or_default();
        let count = |text: &str| u64::try_from(text.matches("timer-run").count()).unwrap();
        let before = count(&commands(&self.host));
        scheduler.fire();
        count(&commands(&self.host)) - before
    }
}

fn alice() -> Tenant {
    Tenant {
        account: AccountId(uuid::Uuid::from_u128(1)),
        uid: Uid::try_from(*UID_RANGE.start()).unwrap(),
        user: Username::parse("alice").unwrap(),
    }
}

fn timers(list: &[(&str, &str)]) -> Vec<(TimerName, Schedule)> {
    list.iter().map(|(name, at)| (TimerName::parse(name).unwrap(), Schedule::parse(at).unwrap())).collect()
}

#[test]
fn what_is_due_is_fired_once() {
    let bench = Bench::new();
    let scheduler = bench.scheduler();
    scheduler.set(&alice(), timers(&[("a", "*/5 * * * *"), ("b", "0 9 * * *")]), false);
    assert_eq!(bench.fired(&scheduler), 0);
    bench.advance(300);
    assert_eq!(bench.fired(&scheduler), 1);
    assert_eq!(bench.fired(&scheduler), 0);
    // Set again as it is, it goes on as it was.
    scheduler.set(&alice(), timers(&[("a", "*/5 * * * *"), ("b", "0 9 * * *")]), false);
    bench.advance(3600 - 300);
    assert_eq!(bench.fired(&scheduler), 2, "each once, however often it was missed");
    scheduler.set(&alice(), timers(&[("b", "0 9 * * *")]), false);
    bench.advance(600);
    assert_eq!(bench.fired(&scheduler), 0);
    scheduler.forget(alice().uid);
    bench.advance(86_400);
    assert_eq!((bench.fired(&scheduler), scheduler.fire()), (0, None));
}

#[test]
fn what_an_agent_missed_is_made_up_once_and_a_new_timer_waits() {
    let bench = Bench::new();
    let first = bench.scheduler();
    first.set(&alice(), timers(&[("a", "* * * * *")]), false);
    bench.advance(60);
    assert_eq!(bench.fired(&first), 1);
    drop(first);
    bench.advance(300);
    let second = bench.scheduler();
    second.set(&alice(), timers(&[("a", "* * * * *")]), true);
    assert_eq!(bench.fired(&second), 1);
    assert_eq!(bench.fired(&second), 0);
    bench.advance(300);
    let third = bench.scheduler();
    third.set(&alice(), timers(&[("a", "* * * * *")]), false);
    assert_eq!(bench.fired(&third), 0);
}

#[test]
fn after_a_reboot_nothing_is_made_up() {
    let bench = Bench::new();
    let first = bench.scheduler();
    first.set(&alice(), timers(&[("a", "* * * * *")]), false);
    bench.advance(60);
    assert_eq!(bench.fired(&first), 1);
    bench.host.remove_file(layout::TIMERS_FIRED).unwrap();
    bench.advance(300);
    let second = bench.scheduler();
    second.set(&alice(), timers(&[("a", "* * * * *")]), true);
    assert_eq!(bench.fired(&second), 0);
}

#[test]
fn a_clock_that_is_set_back_repeats_no_more_than_the_clock_does() {
    let bench = Bench::new();
    let scheduler = bench.scheduler();
    scheduler.set(&alice(), timers(&[("a", "0 * * * *")]), false);
    bench.advance(3600);
    assert_eq!(bench.fired(&scheduler), 1);
    bench.advance(-1800);
    assert_eq!(bench.fired(&scheduler), 0);
    bench.advance(1800);
    assert_eq!(bench.fired(&scheduler), 1, "it is nine o'clock once more");
}

#[test]
fn records_go_to_the_server_and_then_away_and_others_are_no_records() {
    let bench = Bench::new();
    let scheduler = bench.scheduler();
    let dir = layout::timer_spool(&alice().user);
    let at = "2027-01-15T07:00:00.000001Z".parse().unwrap();
    let timer = TimerName::parse("a").unwrap();
    let record = RunRecord {
        started_at: at,
        ended_at: at,
        outcome: RunOutcome::Exited(0),
        truncated: false,
        output: String::new(),
    };
    let leave = |name: &str, bytes: &[u8]| {
        bench.host.replace_file(&format!("{dir}/{name}"), bytes, Owner::tenant(1), 0o600).unwrap();
    };
    let good = run_file(&timer, at);
    leave(&good, &record.render(b"said"));
    leave("a.5.run", &record.render(b"of another moment"));
    leave("b.7.run", &vec![b'x'; 100_000]);
    leave("a.lock", b"");
    bench.host.replace_link(&format!("{dir}/c.9.run"), "/etc/shadow").unwrap();
    scheduler.collect(&alice());
    scheduler.collect(&alice());
    let report = bench.outbox.take().unwrap();
    assert_eq!(report.timer_runs.iter().map(|run| run.output.as_str()).collect::<Vec<_>>(), ["said"]);
    assert_eq!(bench.host.list(&dir).unwrap(), [good, "a.lock".to_owned()]);
    scheduler.collect(&alice());
    assert_eq!(bench.outbox.take(), None, "it is on its way");
    bench.outbox.put_back(report);
    let report = bench.outbox.take().unwrap();
    let ledger = tempfile::tempdir().unwrap();
    let mut ledger = crate::ledger::Ledger::open(ledger.path()).unwrap();
    bench.outbox.confirmed(&mut ledger, report).unwrap();
    scheduler.collect(&alice());
    assert_eq!(bench.host.list(&dir).unwrap(), ["a.lock"]);
    assert_eq!(bench.outbox.take(), None);
}
